/**
 * Adaptive max pooling, as a composition: the windows are separable, and so is the maximum. The last axis goes first, so
 * that among equal cells of a window the first one in row-major order gets the gradient, as in PyTorch.
 */
import { type Value, type ValueLike, toValue } from "../op.ts";
import { concat } from "../shape/concat.op.ts";
import { type Range, slice } from "../shape/slice.op.ts";
import { adaptiveSize } from "./avgPool.op.ts";
import { maxPool1d, maxPool2d } from "./maxPool.op.ts";
import type { PerAxis } from "./window.ts";

function adaptiveMaxPool(rank: 1 | 2, x: ValueLike, outputSize: PerAxis | readonly (number | null)[]): Value {
  const value = toValue(x);
  const size = adaptiveSize(rank, value, outputSize, `adaptiveMaxPool${rank}d`);
  const pool = rank === 1 ? maxPool1d : maxPool2d;
  const spatial = value.shape.slice(2);
  if (spatial.every((n, d) => n % size[d] === 0))
    return pool(
      value,
      spatial.map((n, d) => n / size[d]),
    );
  return size.reduceRight((y, cells, d) => {
    const axis = d + 2;
    const windows = Array.from({ length: cells }, (_, o) => {
      const from = Math.floor((o * spatial[d]) / cells);
      const to = Math.ceil(((o + 1) * spatial[d]) / cells);
      const ranges: Range[] = y.shape.map((_n, i) => (i === axis ? [from, to] : []));
      return pool(
        slice(y, ranges),
        size.map((_n, i) => (i === d ? to - from : 1)),
      );
    });
    return concat(windows, axis);
  }, value);
}

/**
 * The largest value over windows chosen so that the result has `outputSize` cells; 1 is global max pooling.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool1d.html
 *
 * @throws ShapeError unless x is float32 [N, C, W]; OptionError for a bad size.
 *
 * @example
 * ```ts
 * adaptiveMaxPool1d(input("x", { shape: [1, 8, 7], dtype: "float32" }), 3).shape; // [1, 8, 3]
 * ```
 */
export function adaptiveMaxPool1d(x: ValueLike, outputSize: PerAxis | readonly (number | null)[]): Value {
  return adaptiveMaxPool(1, x, outputSize);
}

/**
 * The largest value over windows chosen so that the result has `outputSize` cells; 1 is global max pooling.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_max_pool2d.html
 *
 * @param outputSize one number for both axes, or [height, width]; null keeps an axis as it is.
 * @throws ShapeError unless x is float32 [N, C, H, W]; OptionError for a bad size.
 *
 * @example
 * ```ts
 * adaptiveMaxPool2d(input("x", { shape: [1, 8, 7, 7], dtype: "float32" }), 3).shape; // [1, 8, 3, 3]
 * ```
 */
export function adaptiveMaxPool2d(x: ValueLike, outputSize: PerAxis | readonly (number | null)[]): Value {
  return adaptiveMaxPool(2, x, outputSize);
}
