/** Average pooling: the mean of each window. Separable, so it is a linear map of each axis (shape/spatialMap.op.ts). */
import { OptionError, ShapeError } from "../../tensor/errors.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { type Operation, type Value, type ValueLike, apply, describe, toValue } from "../op.ts";
import { mean } from "../reduce/reduce.ts";
import type { AxisMap } from "../shape/axisMap.ts";
import { requireFloat, requireSpatial } from "../shape/check.ts";
import { linearGradient, spatialMap } from "../shape/spatialMap.op.ts";
import { eachIndex } from "../shape/walk.ts";
import {
  type PerAxis,
  type PoolWindow,
  type WindowOptions,
  eachTap,
  fieldLayers,
  normaliseWindow,
  pooledSize,
} from "./window.ts";

export interface AvgPoolAttributes {
  readonly window: PoolWindow;
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | null;
}

function mapsOf({ shape }: Value, { window: w, countIncludePad, divisorOverride }: AvgPoolAttributes): AxisMap[] {
  const spatial = shape.slice(2);
  const output = pooledSize(spatial, w, "avgPool");
  return spatial.map((input, d) => ({
    kind: "window",
    input,
    output: output[d],
    kernel: w.kernel[d],
    stride: w.stride[d],
    begin: w.padding[d][0],
    end: w.padding[d][1],
    // The divisor is a product of counts along the axes; a given one is divided by once.
    divisor: divisorOverride === null ? (countIncludePad ? "padded" : "inside") : d === 0 ? divisorOverride : 1,
  }));
}

export const avgPoolOp: Operation<AvgPoolAttributes> = {
  name: "avgPool",
  infer([x], { window }) {
    const what = `avgPool${window.kernel.length}d`;
    requireFloat(what, x);
    requireSpatial(what, x, window.kernel.length);
    return { shape: [...x.shape.slice(0, 2), ...pooledSize(x.shape.slice(2), window, what)], dtype: x.dtype };
  },
  reference([x], { window: w, countIncludePad, divisorOverride }, out) {
    const spatial = x.shape.slice(2);
    const plane = sizeOf(spatial);
    const outPlane = sizeOf(out.shape.slice(2));
    for (let p = 0; p < x.shape[0] * x.shape[1]; p++) {
      eachIndex(out.shape.slice(2), (index, flat) => {
        let sum = 0;
        let inside = 0;
        eachTap(w, spatial, index, (_tap, cell) => {
          sum += x.data[p * plane + cell];
          inside++;
        });
        // Padding counts, but not what a window of ceilMode hangs over beyond it.
        const padded = index.reduce((count, o, d) => {
          const first = o * w.stride[d] - w.padding[d][0];
          return count * (Math.min(first + w.kernel[d], spatial[d] + w.padding[d][1]) - first);
        }, 1);
        out.data[p * outPlane + flat] = sum / (divisorOverride ?? (countIncludePad ? padded : inside));
      });
    }
  },
  decompose: ([x], attrs) => spatialMap(x, mapsOf(x, attrs)),
  // Each dy is shared out equally among the cells of its window; overlapping windows add up.
  gradient: linearGradient(([x], attrs) => mapsOf(x, attrs)),
  window: ({ window }) => fieldLayers(window),
};

export interface AvgPoolOptions extends Omit<WindowOptions, "dilation"> {
  /** Zeros of the padding count as cells. true unless said, as in PyTorch (ONNX and TensorFlow: false). */
  readonly countIncludePad?: boolean;
  /** Divides by this instead of the number of cells. */
  readonly divisorOverride?: number | null;
}

function avgPool(rank: number, x: ValueLike, kernelSize: PerAxis, options: AvgPoolOptions): Value {
  const { countIncludePad = true, divisorOverride = null, stride, padding, ceilMode } = options;
  const what = `avgPool${rank}d`;
  if (divisorOverride === 0 || Number.isNaN(divisorOverride)) {
    throw new OptionError(`${what}: divisorOverride is ${divisorOverride}; give a number other than 0, or null.`);
  }
  const window = normaliseWindow(rank, kernelSize, { stride, padding, ceilMode }, what);
  return apply(avgPoolOp, [toValue(x)], { window, countIncludePad, divisorOverride });
}

/**
 * The mean of each window of [N, C, W].
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool1d.html
 *
 * @throws ShapeError unless x is float32 with three dimensions and a window fits; OptionError for bad options.
 *
 * @example
 * ```ts
 * avgPool1d(input("x", { shape: [1, 8, 6], dtype: "float32" }), 2).shape; // [1, 8, 3]
 * ```
 */
export function avgPool1d(x: ValueLike, kernelSize: PerAxis, options: AvgPoolOptions = {}): Value {
  return avgPool(1, x, kernelSize, options);
}

/**
 * The mean of each window of [N, C, H, W].
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool2d.html
 *
 * @throws ShapeError unless x is float32 with four dimensions and a window fits; OptionError for bad options.
 *
 * @example
 * ```ts
 * avgPool2d(input("x", { shape: [1, 8, 7, 7], dtype: "float32" }), 3, { stride: 2, padding: 1 }).shape; // [1, 8, 4, 4]
 * ```
 */
export function avgPool2d(x: ValueLike, kernelSize: PerAxis, options: AvgPoolOptions = {}): Value {
  return avgPool(2, x, kernelSize, options);
}

/**
 * The mean of each window of [N, C, D, H, W].
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.avg_pool3d.html
 *
 * @throws ShapeError unless x is float32 with five dimensions and a window fits; OptionError for bad options.
 *
 * @example
 * ```ts
 * avgPool3d(input("x", { shape: [1, 8, 4, 4, 4], dtype: "float32" }), 2).shape; // [1, 8, 2, 2, 2]
 * ```
 */
export function avgPool3d(x: ValueLike, kernelSize: PerAxis, options: AvgPoolOptions = {}): Value {
  return avgPool(3, x, kernelSize, options);
}

/** Spatial size of the result. */
export interface AdaptiveAttributes {
  readonly size: readonly number[];
}

function adaptiveMaps({ shape }: Value, { size }: AdaptiveAttributes): AxisMap[] {
  return size.map((output, d) => ({ kind: "adaptive", input: shape[d + 2], output }));
}

export const adaptiveAvgPoolOp: Operation<AdaptiveAttributes> = {
  name: "adaptiveAvgPool",
  infer([x], { size }) {
    const what = `adaptiveAvgPool${size.length}d`;
    requireFloat(what, x);
    requireSpatial(what, x, size.length);
    if (x.shape.slice(2).includes(0)) throw new ShapeError(`${what}: ${describe(x)} has no cells to take the mean of.`);
    return { shape: [...x.shape.slice(0, 2), ...size], dtype: x.dtype };
  },
  reference([x], { size }, out) {
    const spatial = x.shape.slice(2);
    // Window o of `out` along an axis of `n` cells, and the sum over the window of all axes.
    const from = (o: number, d: number): number => Math.floor((o * spatial[d]) / size[d]);
    const to = (o: number, d: number): number => Math.ceil(((o + 1) * spatial[d]) / size[d]);
    const sum = (index: readonly number[], d: number, cell: number): number => {
      if (d === size.length) return x.data[cell];
      let total = 0;
      for (let i = from(index[d], d); i < to(index[d], d); i++) total += sum(index, d + 1, cell * spatial[d] + i);
      return total;
    };
    const outPlane = sizeOf(size);
    for (let p = 0; p < x.shape[0] * x.shape[1]; p++) {
      eachIndex(size, (index, flat) => {
        const count = index.reduce((n, o, d) => n * (to(o, d) - from(o, d)), 1);
        out.data[p * outPlane + flat] = sum(index, 0, p) / count;
      });
    }
  },
  decompose: ([x], attrs) => spatialMap(x, adaptiveMaps(x, attrs)),
  // As for avgPool: each dy is shared out equally among the cells of its window.
  gradient: linearGradient(([x], attrs) => adaptiveMaps(x, attrs)),
};

/** The size asked for, null standing for the input's own. @throws OptionError */
export function adaptiveSize(
  rank: number,
  x: Value,
  outputSize: PerAxis | readonly (number | null)[],
  what: string,
): number[] {
  requireSpatial(what, x, rank);
  const list = typeof outputSize === "number" ? x.shape.slice(2).map(() => outputSize) : outputSize;
  if (list.length !== rank || !list.every((n) => n === null || (Number.isSafeInteger(n) && n >= 1))) {
    throw new OptionError(
      `${what}: outputSize is ${JSON.stringify(outputSize)}; give one whole number ≥ 1, or ${rank} (null keeps an axis).`,
    );
  }
  return list.map((n, d) => n ?? x.shape[d + 2]);
}

function adaptiveAvgPool(rank: number, x: ValueLike, outputSize: PerAxis | readonly (number | null)[]): Value {
  const value = toValue(x);
  const size = adaptiveSize(rank, value, outputSize, `adaptiveAvgPool${rank}d`);
  // One window over everything is a mean, which fuses with what is elementwise around it.
  const single = size.every((n) => n === 1) && sizeOf(value.shape.slice(2)) > 0 && value.dtype === "float32";
  if (!single) return apply(adaptiveAvgPoolOp, [value], { size });
  return mean(value, rank === 1 ? 2 : [2, 3], true);
}

/**
 * The mean over windows chosen so that the result has `outputSize` cells: window o spans ⌊o·n/size⌋ to ⌈(o+1)·n/size⌉.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool1d.html
 *
 * @throws ShapeError unless x is float32 [N, C, W] with cells; OptionError for a bad size.
 *
 * @example
 * ```ts
 * adaptiveAvgPool1d(input("x", { shape: [1, 8, 7], dtype: "float32" }), 3).shape; // [1, 8, 3]
 * ```
 */
export function adaptiveAvgPool1d(x: ValueLike, outputSize: PerAxis | readonly (number | null)[]): Value {
  return adaptiveAvgPool(1, x, outputSize);
}

/**
 * The mean over windows chosen so that the result has `outputSize` cells; 1 is global average pooling.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool2d.html
 *
 * @param outputSize one number for both axes, or [height, width]; null keeps an axis as it is.
 * @throws ShapeError unless x is float32 [N, C, H, W] with cells; OptionError for a bad size.
 *
 * @example
 * ```ts
 * adaptiveAvgPool2d(input("x", { shape: [1, 512, 7, 7], dtype: "float32" }), 1).shape; // [1, 512, 1, 1]
 * ```
 */
export function adaptiveAvgPool2d(x: ValueLike, outputSize: PerAxis | readonly (number | null)[]): Value {
  return adaptiveAvgPool(2, x, outputSize);
}
