/** Grids of cells with numbers in them: what most figures are made of. */
import { type Block, canvas } from "./layout.ts";
import { type Palette, inkOn } from "./palette.ts";
import { type Group, type PathStep, type Run, type SceneNode, line, path, rect, text } from "./scene.ts";
import { textWidth } from "./type.ts";

/** How one cell looks. */
export interface CellLook {
  readonly text?: string | readonly Run[];
  readonly fill?: string;
  /** Default: whatever can be read on the fill. */
  readonly ink?: string;
  readonly stroke?: string;
  readonly strokeWidth?: number;
  readonly dashed?: boolean;
  readonly bold?: boolean;
  /** A short stroke where no number shows the sign: colour alone must not tell. */
  readonly negative?: boolean;
  /** Diagonal lines: cells that no window reaches. */
  readonly hatch?: string;
  /** Small print in the lower right corner: the weight that multiplies this cell. */
  readonly note?: { readonly text: string; readonly fill: string };
  readonly step?: number;
  readonly label?: string;
  /** The number that it shows, for editing (see Group). */
  readonly cell?: string | undefined;
}

/** Diagonal lines from wall to wall. */
export function hatching(x: number, y: number, w: number, h: number, stroke: string): SceneNode {
  const d: PathStep[] = [];
  for (let k = 7; k < w + h; k += 7) {
    d.push(["M", x + Math.max(0, k - h), y + Math.min(k, h)], ["L", x + Math.min(k, w), y + Math.max(0, k - w)]);
  }
  return path(d, { stroke, opacity: 0.7 });
}

/** One cell whose outer square is `s` wide; the drawn one is a little smaller. */
export function cellNodes(p: Palette, x: number, y: number, s: number, look: CellLook): SceneNode {
  const inset = s >= 16 ? 1 : 0.5;
  const inner = s - 2 * inset;
  const { fill = p.background, stroke = p.faint } = look;
  const children: SceneNode[] = [
    rect(x + inset, y + inset, inner, inner, {
      r: Math.min(4, s / 10),
      fill,
      stroke,
      strokeWidth: look.strokeWidth ?? 1,
      ...(look.dashed && { dash: [3, 3] as const }),
    }),
  ];
  if (look.negative && !look.text?.length && s >= 7) {
    const half = Math.max(1.5, s * 0.17);
    const [cx, cy] = [x + s / 2, y + s / 2];
    children.push(
      line(cx - half, cy, cx + half, cy, { stroke: look.ink ?? inkOn(fill), strokeWidth: Math.max(1, s / 12) }),
    );
  }
  if (look.hatch) children.push(hatching(x + 2.5, y + 2.5, s - 5, s - 5, look.hatch));
  if (look.text !== undefined && look.text.length > 0 && s >= 15) {
    const bold = look.bold ?? false;
    const roomy = s * 0.42;
    const size = Math.min(roomy, (roomy * (s - 6)) / Math.max(textWidth(look.text, roomy, bold), 1));
    const lift = look.note && s >= 30 ? s * 0.07 : 0;
    const at = y + s / 2 + size * 0.36 - lift;
    children.push(text(x + s / 2, at, size, look.text, { fill: look.ink ?? inkOn(fill), bold }));
  }
  if (look.note && s >= 30) {
    const size = Math.max(9, s * 0.24);
    children.push(
      text(x + s - 4, y + s - 4.5, size, look.note.text, { fill: look.note.fill, anchor: "end", bold: true }),
    );
  }
  const group: Group = { kind: "group", children, ...pick(look) };
  return group;
}

const pick = (look: CellLook): Pick<Group, "step" | "label" | "cell"> => ({
  ...(look.step !== undefined && { step: look.step }),
  ...(look.label !== undefined && { label: look.label }),
  ...(look.cell !== undefined && { cell: look.cell }),
});

export interface GridOptions {
  readonly key: string;
  readonly rows: number;
  readonly cols: number;
  /** Side of a cell. */
  readonly cell: number;
  /** null leaves the place empty. */
  look(r: number, c: number): CellLook | null;
  /** A layer for every cell: for grids whose cells change one by one. */
  readonly loose?: boolean;
}

export function grid(p: Palette, o: GridOptions): Block {
  const w = o.cols * o.cell;
  const h = o.rows * o.cell;
  const cells = (x: number, y: number): { key: string; node: SceneNode }[] =>
    Array.from({ length: o.rows * o.cols }, (_, i) => [Math.floor(i / o.cols), i % o.cols] as const).flatMap(
      ([r, c]) => {
        const look = o.look(r, c);
        if (!look) return [];
        return [{ key: `${o.key}-${r}-${c}`, node: cellNodes(p, x + c * o.cell, y + r * o.cell, o.cell, look) }];
      },
    );
  if (o.loose) {
    return { w, h, draw: (x, y) => cells(x, y).map(({ key, node }) => ({ key, nodes: [node] })) };
  }
  return canvas(o.key, w, h, (x, y) => cells(x, y).map((c) => c.node));
}

/** A frame around the cells from (r, c), rows × cols: the window, the current output. */
export function frame(
  x: number,
  y: number,
  cell: number,
  at: { readonly r: number; readonly c: number; readonly rows: number; readonly cols: number },
  stroke: string,
  strokeWidth = 3,
): SceneNode {
  return rect(x + at.c * cell, y + at.r * cell, at.cols * cell, at.rows * cell, { r: 5, stroke, strokeWidth });
}
