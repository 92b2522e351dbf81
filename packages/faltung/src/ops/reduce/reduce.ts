/** Reductions over axes, in PyTorch's words. The primitives are sum, max, min, argmax, argmin; the others are composed. */
import { checkRange } from "../../tensor/errors.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { reduceAlong, resolveAxes, sum } from "../broadcast/broadcast.op.ts";
import { div, square, sub } from "../elementwise/elementwise.ts";
import { type Value, type ValueLike, toValue } from "../op.ts";
import { argmaxOp, argminOp } from "./arg.op.ts";
import { maxOp, minOp } from "./extreme.op.ts";

export { broadcastAlong, broadcastTo, sum, sumTo } from "../broadcast/broadcast.op.ts";

export type Axes = number | readonly number[];

/**
 * Mean over axes (torch.mean). NaN where nothing is averaged.
 *
 * @param axes all unless said. @param keepdim keep the axes with size 1 (false).
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [8, 3, 4, 4], dtype: "float32" });
 * mean(x, [2, 3]).shape; // [8, 3]: global average pooling
 * ```
 */
export function mean(x: ValueLike, axes?: Axes, keepdim = false): Value {
  const v = toValue(x);
  const total = sum(v, axes, keepdim);
  return div(total, count(v, axes, "mean"));
}

/** How many elements go into each result. */
function count(x: Value, axes: Axes | undefined, what: string): number {
  return sizeOf(resolveAxes(axes, x.shape.length, what).map((axis) => x.shape[axis]));
}

export interface VarianceOptions {
  /** Divide by n − correction (1: the unbiased estimate; 0: the mean square deviation). */
  readonly correction?: number;
  readonly keepdim?: boolean;
}

/**
 * Variance over axes (torch.var), in two passes: the mean first, then the squared deviations from it.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [8, 3, 4, 4], dtype: "float32" });
 * variance(x, [0, 2, 3], { correction: 0 }).shape; // [3]: what batch-norm divides by
 * ```
 */
export function variance(x: ValueLike, axes?: Axes, { correction = 1, keepdim = false }: VarianceOptions = {}): Value {
  checkRange("variance: correction", correction, 0);
  const v = toValue(x);
  const deviation = sub(v, mean(v, axes, true));
  return div(sum(square(deviation), axes, keepdim), Math.max(0, count(v, axes, "variance") - correction));
}

/**
 * The largest element along axes (torch.amax). NaN if there is one. Equal largest elements share the gradient evenly.
 *
 * @throws ShapeError if nothing is reduced over (an axis of size 0).
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [8, 3, 4, 4], dtype: "float32" });
 * max(x, [2, 3]).shape; // [8, 3]: global max pooling
 * ```
 */
export function max(x: ValueLike, axes?: Axes, keepdim = false): Value {
  return reduceAlong(maxOp, x, axes, keepdim);
}

/**
 * The smallest element along axes (torch.amin); see {@link max}.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [8, 3], dtype: "float32" });
 * min(x, 1, true).shape; // [8, 1]
 * ```
 */
export function min(x: ValueLike, axes?: Axes, keepdim = false): Value {
  return reduceAlong(minOp, x, axes, keepdim);
}

/**
 * Where the largest element is along an axis (torch.argmax): int32, the first among equals; a NaN counts as largest.
 *
 * @param axis without one, the place in x as a flat list.
 *
 * @example
 * ```ts
 * const logits = input("logits", { shape: [8, 10], dtype: "float32" });
 * argmax(logits, 1).shape; // [8]: the predicted class of each
 * ```
 */
export function argmax(x: ValueLike, axis?: number, keepdim = false): Value {
  return reduceAlong(argmaxOp, x, axis, keepdim);
}

/**
 * Where the smallest element is along an axis (torch.argmin); see {@link argmax}.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: argmin(x, 1) }), { x: { shape: [2, 3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([[3, 1, 2], [0, 5, 0]]) }).outputs.y.toArray(); // [1, 0]
 * ```
 */
export function argmin(x: ValueLike, axis?: number, keepdim = false): Value {
  return reduceAlong(argminOp, x, axis, keepdim);
}
