/**
 * What a picture is made of: rectangles, circles, paths, texts and groups, in absolute coordinates, with colours
 * already chosen. Plain data, so that SVG, TikZ and tests can all read it; nothing here knows of convolution.
 */

export interface Paint {
  readonly fill?: string;
  readonly stroke?: string;
  /** Default 1. */
  readonly strokeWidth?: number;
  /** Lengths of dash and gap. */
  readonly dash?: readonly [number, number];
  /** Default 1. */
  readonly opacity?: number;
}

export interface Rect extends Paint {
  readonly kind: "rect";
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  /** Corner radius. */
  readonly r?: number;
}

export interface Circle extends Paint {
  readonly kind: "circle";
  readonly x: number;
  readonly y: number;
  readonly r: number;
}

export type PathStep =
  | readonly ["M" | "L", number, number]
  | readonly ["Q", number, number, number, number]
  | readonly ["Z"];

export interface Path extends Paint {
  readonly kind: "path";
  readonly d: readonly PathStep[];
}

/** A stretch of text in one style. */
export interface Run {
  readonly text: string;
  readonly fill?: string;
  readonly bold?: boolean;
  /** Italic serif, for variables. */
  readonly math?: boolean;
  readonly shift?: "sub" | "sup";
}

export interface Text {
  readonly kind: "text";
  readonly x: number;
  /** The baseline. */
  readonly y: number;
  readonly size: number;
  readonly anchor: "start" | "middle" | "end";
  readonly fill: string;
  readonly runs: readonly Run[];
  readonly bold?: boolean;
  readonly opacity?: number;
}

export interface Group {
  readonly kind: "group";
  readonly children: readonly SceneNode[];
  /** Pointing at this group means this step: what a page needs for hovering. */
  readonly step?: number;
  /** What a screen reader says of this group. */
  readonly label?: string;
  /** The number that this is, for editing: option, plane, row and column, as in "weights/0/2/1". */
  readonly cell?: string;
}

export type SceneNode = Rect | Circle | Path | Text | Group;

/**
 * One moment of a picture. `layers` are painted in order, and a layer of the same key is the same thing at another
 * moment: animated SVG repeats only the layers that change.
 */
export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly background: string;
  readonly title: string;
  /** The step in words, for screen readers. */
  readonly description: string;
  readonly lang: string;
  readonly layers: readonly Layer[];
}

export interface Layer {
  readonly key: string;
  readonly nodes: readonly SceneNode[];
}

export const rect = (x: number, y: number, w: number, h: number, paint: Paint & { r?: number }): Rect => ({
  kind: "rect",
  x,
  y,
  w,
  h,
  ...paint,
});

export const circle = (x: number, y: number, r: number, paint: Paint): Circle => ({
  kind: "circle",
  x,
  y,
  r,
  ...paint,
});

export const path = (d: readonly PathStep[], paint: Paint): Path => ({ kind: "path", d, ...paint });

export const line = (x1: number, y1: number, x2: number, y2: number, paint: Paint): Path =>
  path(
    [
      ["M", x1, y1],
      ["L", x2, y2],
    ],
    paint,
  );

/** A line through points, closed or open. */
export function polygon(points: readonly (readonly [number, number])[], paint: Paint, closed = true): Path {
  const d = points.map(([x, y], i): PathStep => [i === 0 ? "M" : "L", x, y]);
  return path(closed ? [...d, ["Z"]] : d, paint);
}

export function text(
  x: number,
  y: number,
  size: number,
  runs: string | readonly Run[],
  style: { fill: string; anchor?: Text["anchor"]; bold?: boolean; opacity?: number },
): Text {
  return {
    kind: "text",
    x,
    y,
    size,
    anchor: "middle",
    runs: typeof runs === "string" ? [{ text: runs }] : runs,
    ...style,
  };
}
