/**
 * A regular part of a tensor, and its adjoint: a tensor placed as that part into zeros. Each is the other's gradient,
 * so the two are closed under differentiation.
 */
import { OptionError, ShapeError } from "../../tensor/errors.ts";
import { type Shape, resolveAxis, show, stridesOf } from "../../tensor/shape.ts";
import { type Operation, type Value, type ValueLike, apply, describe, toValue } from "../op.ts";
import { lowerPlace, lowerSlice, placeLayouts, sliceLayouts } from "./slice.wasm.ts";
import { eachIndex, offsetOf } from "./walk.ts";

/** Element i along dimension d is element start[d] + i·step[d] of the larger tensor. */
export interface SliceAttributes {
  readonly start: readonly number[];
  readonly step: readonly number[];
  /** Shape of the part. */
  readonly part: Shape;
  /** Shape of the whole. */
  readonly whole: Shape;
}

function checkPart({ start, step, part, whole }: SliceAttributes, what: string): void {
  whole.forEach((size, d) => {
    if (start[d] < 0 || step[d] < 1 || part[d] < 0 || (part[d] > 0 && start[d] + (part[d] - 1) * step[d] >= size)) {
      throw new ShapeError(
        `${what}: dimension ${d}: ${part[d]} elements from ${start[d]} in steps of ${step[d]} do not lie in ${size} ` +
          `(part ${show(part)}, whole ${show(whole)}).`,
      );
    }
  });
}

/** Calls `visit` with the places of each element in the part and in the whole. */
function eachPair({ start, step, part, whole }: SliceAttributes, visit: (part: number, whole: number) => void): void {
  const strides = stridesOf(whole);
  const first = offsetOf(start, strides);
  const scaled = strides.map((s, d) => s * step[d]);
  eachIndex(part, (index, flat) => visit(flat, first + offsetOf(index, scaled)));
}

export const sliceOp: Operation<SliceAttributes> = {
  name: "slice",
  infer([x], attrs) {
    checkPart(attrs, "slice");
    return { shape: attrs.part, dtype: x.dtype };
  },
  reference([x], attrs, out) {
    eachPair(attrs, (part, whole) => {
      out.data[part] = x.data[whole];
    });
  },
  // Elements that were left out do not matter to the result: their gradient is zero.
  gradient: { rule: ({ attrs, dy }) => [apply(placeOp, [dy], attrs)] },
  wasm: { layouts: sliceLayouts, lower: lowerSlice },
};

export const placeOp: Operation<SliceAttributes> = {
  name: "place",
  infer([x], attrs) {
    checkPart(attrs, "place");
    return { shape: attrs.whole, dtype: x.dtype };
  },
  reference([x], attrs, out) {
    eachPair(attrs, (part, whole) => {
      out.data[whole] = x.data[part];
    });
  },
  // The zeros depend on nothing; each element's gradient is read off where it was put.
  gradient: { rule: ({ attrs, dy }) => [apply(sliceOp, [dy], attrs)] },
  wasm: { layouts: placeLayouts, lower: lowerPlace },
};

/** Start, end (not included) and step, as in Python's x[start:end:step]; [] takes the whole dimension. */
export type Range = readonly [start?: number, end?: number, step?: number];

/**
 * x[start:end:step, …], with Python's rules: negative positions count from the end, and what lies outside is cut off.
 * https://pytorch.org/docs/stable/generated/torch.Tensor.slice_scatter.html (its adjoint)
 *
 * @param ranges one for each of the first dimensions; those that are missing are taken whole. Steps are ≥ 1: for
 * reversed order use flip.
 * @throws OptionError for a step < 1, ShapeError for more ranges than dimensions.
 *
 * @example
 * ```ts
 * slice(input("x", { shape: [8, 3, 9], dtype: "float32" }), [[0, 4], [], [1, -1, 2]]).shape; // [4, 3, 4]
 * ```
 */
export function slice(x: ValueLike, ranges: readonly Range[]): Value {
  const value = toValue(x);
  const whole = value.shape;
  if (ranges.length > whole.length) {
    throw new ShapeError(
      `slice: ${ranges.length} ranges were given for ${describe(value)}, which has ${whole.length} dimensions.`,
    );
  }
  const start: number[] = [];
  const step: number[] = [];
  const part = whole.map((size, d) => {
    const [from = 0, to = size, by = 1] = ranges[d] ?? [];
    if (![from, to, by].every(Number.isSafeInteger) || by < 1) {
      throw new OptionError(
        `slice: range ${d} is [${from}, ${to}, ${by}]; give whole numbers, and a step ≥ 1 (flip reverses).`,
      );
    }
    const clamp = (p: number): number => Math.min(Math.max(p < 0 ? p + size : p, 0), size);
    start.push(Math.min(clamp(from), size));
    step.push(by);
    return Math.max(Math.ceil((clamp(to) - clamp(from)) / by), 0);
  });
  const all = part.every((n, d) => n === whole[d]);
  return all ? value : apply(sliceOp, [value], { start, step, part, whole });
}

/**
 * Cuts x along an axis into parts of `size` (the last may be smaller), or of the given sizes.
 * https://pytorch.org/docs/stable/generated/torch.split.html
 *
 * @throws ShapeError if given sizes do not add up to the dimension.
 *
 * @example
 * ```ts
 * split(input("x", { shape: [5, 2], dtype: "float32" }), 2).map((v) => v.shape[0]); // [2, 2, 1]
 * ```
 */
export function split(x: ValueLike, size: number | readonly number[], axis = 0): Value[] {
  const value = toValue(x);
  const at = resolveAxis(axis, value.shape.length, "split");
  const total = value.shape[at];
  if (typeof size === "number" && !(Number.isSafeInteger(size) && size >= 1)) {
    throw new OptionError(`split: size is ${size}; give a whole number ≥ 1, or a list of sizes.`);
  }
  const sizes =
    typeof size === "number"
      ? Array.from({ length: Math.max(Math.ceil(total / size), 1) }, (_, i) => Math.min(size, total - i * size))
      : size;
  if (sizes.reduce((a, b) => a + b, 0) !== total || sizes.some((s) => !(s >= 0))) {
    throw new ShapeError(
      `split: sizes ${show(sizes)} must add up to ${total}, the size of axis ${axis} of ${describe(value)}.`,
    );
  }
  let from = 0;
  return sizes.map((s) => {
    const ranges: Range[] = value.shape.map((_, d) => (d === at ? [from, from + s] : []));
    from += s;
    return slice(value, ranges);
  });
}
