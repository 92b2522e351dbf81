/**
 * Linear maps along one axis with few terms per output cell: y[o] = Σ weight · x[index]. Average pooling, adaptive
 * pooling, interpolation and border padding are all of this kind, in every axis for itself; so one description, one
 * kernel and one transposition serve them all.
 */
import { type PaddingMode, borderIndex } from "./border.ts";

/** How one axis is mapped. Plain data; the terms follow from it by {@link axisTaps}. */
export type AxisMap =
  | { readonly kind: "identity"; readonly input: number }
  /** Mean over a sliding window: what is divided by is chosen by `divisor`. */
  | {
      readonly kind: "window";
      readonly input: number;
      readonly output: number;
      readonly kernel: number;
      readonly stride: number;
      readonly begin: number;
      readonly end: number;
      /** "padded": cells in the input or its padding; "inside": cells in the input; or a number. */
      readonly divisor: "padded" | "inside" | number;
    }
  /** Mean over cells ⌊o·input/output⌋ to ⌈(o+1)·input/output⌉. */
  | { readonly kind: "adaptive"; readonly input: number; readonly output: number }
  /** `scale` is input cells per output cell; `center`: the cell's middle is looked up ("nearest-exact"). */
  | {
      readonly kind: "nearest";
      readonly input: number;
      readonly output: number;
      readonly scale: number;
      readonly center: boolean;
    }
  | {
      readonly kind: "linear";
      readonly input: number;
      readonly output: number;
      readonly scale: number;
      readonly alignCorners: boolean;
    }
  | {
      readonly kind: "border";
      readonly input: number;
      readonly begin: number;
      readonly end: number;
      readonly mode: Exclude<PaddingMode, "zeros">;
    };

/** One term of an output cell. */
export interface Tap {
  readonly index: number;
  readonly weight: number;
}

export function mapOutput(map: AxisMap): number {
  switch (map.kind) {
    case "identity":
      return map.input;
    case "border":
      return map.input + map.begin + map.end;
    default:
      return map.output;
  }
}

/** The terms of output cell o, in ascending order of the input cell unless a border folds back. */
function tapsOf(map: AxisMap, o: number): Tap[] {
  switch (map.kind) {
    case "identity":
      return [{ index: o, weight: 1 }];
    case "window": {
      const { input, kernel, stride, begin, end, divisor } = map;
      const first = o * stride - begin;
      const from = Math.max(first, 0);
      const to = Math.min(first + kernel, input);
      const count =
        divisor === "padded"
          ? Math.min(first + kernel, input + end) - first
          : divisor === "inside"
            ? to - from
            : divisor;
      return mean(from, to, count);
    }
    case "adaptive": {
      const from = Math.floor((o * map.input) / map.output);
      const to = Math.ceil(((o + 1) * map.input) / map.output);
      return mean(from, to, to - from);
    }
    case "nearest": {
      const { input, scale, center } = map;
      // In float32 like PyTorch, which decides what happens at exact halves.
      const at = Math.floor(Math.fround(Math.fround(o + (center ? 0.5 : 0)) * Math.fround(scale)));
      return [{ index: Math.min(at, input - 1), weight: 1 }];
    }
    case "linear": {
      const { input, scale, alignCorners } = map;
      const at = alignCorners ? o * scale : Math.max((o + 0.5) * scale - 0.5, 0);
      const index = Math.min(Math.floor(at), input - 1);
      const next = Math.min(index + 1, input - 1);
      const weight = Math.min(at - index, 1);
      return [
        { index, weight: 1 - weight },
        { index: next, weight },
      ];
    }
    case "border":
      return [{ index: borderIndex(o - map.begin, map.input, map.mode), weight: 1 }];
  }
}

function mean(from: number, to: number, count: number): Tap[] {
  return Array.from({ length: Math.max(to - from, 0) }, (_, i) => ({ index: from + i, weight: 1 / count }));
}

/** For each cell of the result, its terms. `transposed`: the adjoint map, from the output's cells to the input's. */
export function axisTaps(map: AxisMap, transposed = false): readonly (readonly Tap[])[] {
  const forward = Array.from({ length: mapOutput(map) }, (_, o) => tapsOf(map, o));
  if (!transposed) return forward;
  const back: Tap[][] = Array.from({ length: map.input }, () => []);
  forward.forEach((taps, o) => {
    for (const { index, weight } of taps) back[index].push({ index: o, weight });
  });
  return back;
}
