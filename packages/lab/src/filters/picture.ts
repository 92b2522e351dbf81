/** Photographs as the library sees them: three planes of numbers. */
import { luma, pixelsAt } from "../ui/decode.ts";

export interface Picture {
  readonly rows: number;
  readonly cols: number;
  /** [3, rows, cols]; 0 to 255 for an input. */
  readonly data: Float32Array;
}

/** Sides of a picture at most, so that every change is shown at once, and at least, so that every kernel fits. */
const [LONGEST, SHORTEST] = [320, 8];

export function pictureOf(source: CanvasImageSource, width: number, height: number): Picture {
  const share = Math.min(1, LONGEST / Math.max(width, height));
  const side = (length: number): number => Math.max(SHORTEST, Math.round(length * share));
  const [cols, rows] = [side(width), side(height)];
  const pixels = pixelsAt(source, [0, 0, width, height], cols, rows);
  const planes = new Float32Array(3 * rows * cols);
  for (let i = 0; i < rows * cols; i++) for (let c = 0; c < 3; c++) planes[c * rows * cols + i] = pixels[4 * i + c];
  return { rows, cols, data: planes };
}

export function grayOf({ rows, cols, data }: Picture): Picture {
  const n = rows * cols;
  const planes = new Float32Array(3 * n);
  for (let i = 0; i < n; i++) planes[i] = luma(data[i], data[n + i], data[2 * n + i]);
  planes.copyWithin(n, 0, n);
  planes.copyWithin(2 * n, 0, n);
  return { rows, cols, data: planes };
}

/** How numbers below 0 and above 255 are shown: cut off, about middle gray, or without their sign. */
export const VIEWS = ["clip", "signed", "absolute"] as const;
export type View = (typeof VIEWS)[number];

export const tone = (view: View, v: number): number =>
  view === "signed" ? 128 + v / 2 : view === "absolute" ? Math.abs(v) : v;
