/** The numbers in the figures: small whole ones to start with, and convolutions of them by the library's geometry. */
import { type ConvGeometry, sourceIndex, spatialOutput, tapPosition } from "faltung/conv";
import { OptionError } from "faltung/errors";
import type { Numbers, Size, Words } from "./spec.ts";

export type Plane = readonly (readonly number[])[];

/** A whole number in [low, high] that depends on nothing but its arguments. */
export function hashInt(seed: number, index: number, low: number, high: number): number {
  let h = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca77);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return low + (((h ^ (h >>> 15)) >>> 0) % (high - low + 1));
}

export function makePlane(rows: number, cols: number, value: (r: number, c: number) => number): Plane {
  return Array.from({ length: rows }, (_, r) => Array.from({ length: cols }, (_, c) => value(r, c)));
}

/** Digits 0 to 4, as a picture would have. */
export function somePicture([rows, cols]: Size, seed: number): Plane {
  return makePlane(rows, cols, (r, c) => hashInt(seed, r * cols + c, 0, 4));
}

/** Weights −1 to 2, never all alike under a half turn, so that flipping shows. */
export function someKernel([rows, cols]: Size, seed: number): Plane {
  return makePlane(rows, cols, (r, c) => hashInt(seed + 100, r * cols + c, -1, 2));
}

const over = (divisor: number, rows: Plane): Plane => rows.map((row) => row.map((v) => v / divisor));

/** Kernels with a name. */
export const KERNELS: Readonly<Record<string, { readonly words: Words; readonly rows: Plane }>> = {
  blur: {
    words: { en: "Gaussian blur", ko: "흐림(blur)" },
    rows: over(16, [
      [1, 2, 1],
      [2, 4, 2],
      [1, 2, 1],
    ]),
  },
  box: {
    words: { en: "box mean", ko: "상자 평균(box)" },
    rows: over(9, [
      [1, 1, 1],
      [1, 1, 1],
      [1, 1, 1],
    ]),
  },
  sharpen: {
    words: { en: "sharpening", ko: "선명하게(sharpen)" },
    rows: [
      [0, -1, 0],
      [-1, 5, -1],
      [0, -1, 0],
    ],
  },
  sobelx: {
    words: { en: "Sobel, vertical edges", ko: "소벨(Sobel), 세로 윤곽" },
    rows: [
      [-1, 0, 1],
      [-2, 0, 2],
      [-1, 0, 1],
    ],
  },
  sobely: {
    words: { en: "Sobel, horizontal edges", ko: "소벨(Sobel), 가로 윤곽" },
    rows: [
      [-1, -2, -1],
      [0, 0, 0],
      [1, 2, 1],
    ],
  },
  laplacian: {
    words: { en: "Laplacian", ko: "라플라시안(Laplacian)" },
    rows: [
      [0, 1, 0],
      [1, -4, 1],
      [0, 1, 0],
    ],
  },
  emboss: {
    words: { en: "emboss", ko: "엠보싱(emboss)" },
    rows: [
      [-2, -1, 0],
      [-1, 1, 1],
      [0, 1, 2],
    ],
  },
  identity: {
    words: { en: "identity", ko: "항등(identity)" },
    rows: [
      [0, 0, 0],
      [0, 1, 0],
      [0, 0, 0],
    ],
  },
};

/** The planes that were given, checked against the wanted count and size, or planes made by `make`. */
export function planesOr(
  given: Numbers,
  count: number,
  [rows, cols]: Size,
  name: string,
  make: (plane: number) => Plane,
): readonly Plane[] {
  if (given === null) return Array.from({ length: count }, (_, i) => make(i));
  const [r, c] = [given[0].length, given[0][0].length];
  if (given.length !== count || r !== rows || c !== cols) {
    throw new OptionError(
      `${name} has ${given.length} plane(s) of ${r}x${c}; the figure needs ${count} of ${rows}x${cols}. ` +
        `Change the size, or give as many numbers.`,
    );
  }
  return given;
}

/** One product of the sum that makes an output cell. */
export interface Term {
  /** Input channel. */
  readonly channel: number;
  readonly tap: readonly [r: number, c: number];
  /** Where the tap lies on the input; outside of it in the padding. */
  readonly position: readonly [r: number, c: number];
  /** The input cell that is read; null where it counts as zero. */
  readonly source: readonly [r: number, c: number] | null;
  readonly x: number;
  readonly w: number;
}

/**
 * The products of output cell (r, c) of filter `o`, in the order of the window.
 * @param x input planes, one a channel
 * @param w weights [filter][channel in group][r][c]
 */
export function termsOf(
  g: ConvGeometry,
  x: readonly Plane[],
  w: readonly (readonly Plane[])[],
  o: number,
  [r, c]: readonly [number, number],
): Term[] {
  const perGroup = x.length / g.groups;
  const first = Math.floor(o / (w.length / g.groups)) * perGroup;
  const [rows, cols] = [x[0].length, x[0][0].length];
  const terms: Term[] = [];
  for (let k = 0; k < perGroup; k++) {
    for (let i = 0; i < g.kernel[0]; i++) {
      for (let j = 0; j < g.kernel[1]; j++) {
        // In the order of the window: a flipped kernel's last tap comes first.
        const tap = [g.flip ? g.kernel[0] - 1 - i : i, g.flip ? g.kernel[1] - 1 - j : j] as const;
        const sr = sourceIndex(g, 0, r, tap[0], rows);
        const sc = sourceIndex(g, 1, c, tap[1], cols);
        const source = sr < 0 || sc < 0 ? null : ([sr, sc] as const);
        terms.push({
          channel: first + k,
          tap,
          position: [tapPosition(g, 0, r, tap[0]), tapPosition(g, 1, c, tap[1])],
          source,
          x: source ? x[first + k][sr][sc] : 0,
          w: w[o][k][tap[0]][tap[1]],
        });
      }
    }
  }
  return terms;
}

export const sumOf = (terms: readonly Term[]): number => terms.reduce((s, t) => s + t.x * t.w, 0);

/** All output planes. @throws ShapeError if the kernel does not fit */
export function convPlanes(
  g: ConvGeometry,
  x: readonly Plane[],
  w: readonly (readonly Plane[])[],
  bias: readonly number[] = [],
  what = "conv2d",
): readonly Plane[] {
  const [rows, cols] = spatialOutput(g, [x[0].length, x[0][0].length], what);
  return w.map((_, o) => makePlane(rows, cols, (r, c) => sumOf(termsOf(g, x, w, o, [r, c])) + (bias[o] ?? 0)));
}

/** Turned by half a turn: the point reflection. */
export function turned(plane: Plane): Plane {
  return plane.toReversed().map((row) => row.toReversed());
}

export const largest = (plane: Plane): number => Math.max(0, ...plane.flat().map(Math.abs));
