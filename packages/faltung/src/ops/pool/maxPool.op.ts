/**
 * Max pooling and what its gradient needs.
 *
 *   y = maxPool(x)            the largest value of each window
 *   k = maxPoolIndex(x)       which tap of its window it was: as few bits as it takes, one byte up to 256 taps
 *   dx = maxUnpool(dy, k)     each dy to the cell it came from; overlapping windows add up
 *   v = poolGather(u, k)      from each window of u the tap that k names
 *
 * For fixed k, maxUnpool and poolGather are linear and each other's transpose, so the four are closed under
 * differentiation. Ties: the first tap in row-major order wins; NaN beats all numbers (as PyTorch on CPU does).
 */
import { ShapeError } from "../../tensor/errors.ts";
import { type Shape, type TensorType, sameShape, show, sizeOf } from "../../tensor/shape.ts";
import { type Operation, type Value, type ValueLike, apply, describe, toValue } from "../op.ts";
import type { SidePadding } from "../conv/geometry.ts";
import { requireFloat, requireSpatial } from "../shape/check.ts";
import { pad } from "../shape/pad.op.ts";
import { eachIndex } from "../shape/walk.ts";
import { lowerMaxPool, lowerMaxPoolIndex, poolLayouts } from "./maxPool.wasm.ts";
import { lowerPoolGather } from "./gather.wasm.ts";
import { lowerMaxUnpool, unpoolLayouts } from "./unpool.wasm.ts";
import {
  type PerAxis,
  type PoolWindow,
  type WindowOptions,
  eachTap,
  fieldLayers,
  normaliseWindow,
  pooledSize,
  tapCount,
} from "./window.ts";

function poolType(x: TensorType, w: PoolWindow, what: string): Shape {
  requireFloat(what, x);
  requireSpatial(what, x, w.kernel.length);
  return [...x.shape.slice(0, 2), ...pooledSize(x.shape.slice(2), w, what)];
}

/** Calls `visit` with each output's place and the tap and cell of its window's largest value, for every plane. */
function eachMaximum(
  x: { readonly shape: Shape; readonly data: ArrayLike<number> },
  w: PoolWindow,
  outShape: Shape,
  visit: (place: number, tap: number, cell: number) => void,
): void {
  const spatial = x.shape.slice(2);
  const plane = sizeOf(spatial);
  const outPlane = sizeOf(outShape.slice(2));
  for (let p = 0; p < x.shape[0] * x.shape[1]; p++) {
    eachIndex(outShape.slice(2), (index, flat) => {
      let best = -Infinity;
      let bestTap = -1;
      let bestCell = -1;
      eachTap(w, spatial, index, (tap, cell) => {
        const value = x.data[p * plane + cell];
        if (bestTap < 0 || value > best || Number.isNaN(value)) {
          best = value;
          bestTap = tap;
          bestCell = cell;
        }
      });
      visit(p * outPlane + flat, bestTap, p * plane + bestCell);
    });
  }
}

export const maxPoolOp: Operation<PoolWindow> = {
  name: "maxPool",
  infer: ([x], w) => ({ shape: poolType(x, w, `maxPool${w.kernel.length}d`), dtype: x.dtype }),
  reference([x], w, out) {
    eachMaximum(x, w, out.shape, (place, _tap, cell) => {
      out.data[place] = x.data[cell];
    });
  },
  // Only the largest value of a window matters to it: dy goes to the cell it came from.
  gradient: { rule: ({ inputs: [x], attrs, dy }) => [maxUnpool(dy, maxPoolIndex(x, attrs), attrs, x.shape.slice(2))] },
  window: fieldLayers,
  wasm: { layouts: poolLayouts, fusesEpilogue: true, lower: lowerMaxPool },
};

export const maxPoolIndexOp: Operation<PoolWindow> = {
  name: "maxPoolIndex",
  infer: ([x], w) => ({ shape: poolType(x, w, "maxPoolIndex"), dtype: indexType(w) }),
  reference([x], w, out) {
    eachMaximum(x, w, out.shape, (place, tap) => {
      out.data[place] = tap;
    });
  },
  gradient: { none: "an index is a whole number" },
  wasm: { layouts: poolLayouts, lower: lowerMaxPoolIndex },
};

function indexType(w: PoolWindow): "uint8" | "int32" {
  return tapCount(w) <= 256 ? "uint8" : "int32";
}

export interface UnpoolAttributes {
  readonly window: PoolWindow;
  /** Spatial size of the pooled tensor, which the output's size alone does not tell. */
  readonly spatial: Shape;
}

function checkIndex(what: string, pooled: Shape, index: TensorType, w: PoolWindow): void {
  if (!sameShape(pooled, index.shape) || index.dtype !== indexType(w)) {
    throw new ShapeError(
      `${what}: index is ${describe(index)}; ${indexType(w)} ${show(pooled)} belongs to this window.`,
    );
  }
}

/** The value of a window's tap for every output, by cell. */
function eachChoice(
  index: { readonly shape: Shape; readonly data: ArrayLike<number> },
  { window, spatial }: UnpoolAttributes,
  visit: (place: number, cell: number) => void,
): void {
  const plane = sizeOf(spatial);
  const outer = index.shape[0] * index.shape[1];
  const outPlane = sizeOf(index.shape.slice(2));
  for (let p = 0; p < outer; p++) {
    eachIndex(index.shape.slice(2), (at, flat) => {
      const place = p * outPlane + flat;
      eachTap(window, spatial, at, (tap, cell) => {
        if (index.data[place] === tap) visit(place, p * plane + cell);
      });
    });
  }
}

export const maxUnpoolOp: Operation<UnpoolAttributes> = {
  name: "maxUnpool",
  infer([dy, index], { window, spatial }) {
    requireFloat("maxUnpool", dy);
    requireSpatial("maxUnpool", dy, spatial.length);
    const pooled = [...dy.shape.slice(0, 2), ...pooledSize(spatial, window, "maxUnpool")];
    if (!sameShape(dy.shape, pooled)) {
      throw new ShapeError(`maxUnpool: dy is ${describe(dy)}; pooling ${show(spatial)} gives ${show(pooled)}.`);
    }
    checkIndex("maxUnpool", dy.shape, index, window);
    return { shape: [...dy.shape.slice(0, 2), ...spatial], dtype: dy.dtype };
  },
  reference([dy, index], attrs, out) {
    eachChoice(index, attrs, (place, cell) => {
      out.data[cell] += dy.data[place];
    });
  },
  // Each dy was added to one cell: its derivative is what stands in that cell.
  gradient: { rule: ({ inputs: [, index], attrs, dy }) => [apply(poolGatherOp, [dy, index], attrs), null] },
  wasm: { layouts: unpoolLayouts, fusesEpilogue: true, lower: lowerMaxUnpool },
};

export const poolGatherOp: Operation<UnpoolAttributes> = {
  name: "poolGather",
  infer([x, index], { window, spatial }) {
    requireFloat("poolGather", x);
    requireSpatial("poolGather", x, spatial.length);
    if (!sameShape(x.shape.slice(2), spatial)) {
      throw new ShapeError(`poolGather: x is ${describe(x)}; its spatial size must be ${show(spatial)}.`);
    }
    const shape = [...x.shape.slice(0, 2), ...pooledSize(spatial, window, "poolGather")];
    checkIndex("poolGather", shape, index, window);
    return { shape, dtype: x.dtype };
  },
  reference([x, index], attrs, out) {
    eachChoice(index, attrs, (place, cell) => {
      out.data[place] = x.data[cell];
    });
  },
  // Each result was read from one cell: its gradient goes back there.
  gradient: { rule: ({ inputs: [, index], attrs, dy }) => [apply(maxUnpoolOp, [dy, index], attrs), null] },
  wasm: { layouts: unpoolLayouts, lower: lowerPoolGather },
};

/**
 * Which tap of its window was the largest (row-major number in the window): uint8, or int32 above 256 taps.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 1, 4, 4], dtype: "float32" });
 * maxPoolIndex(x, normaliseWindow(2, 2, {}, "maxPool2d")).dtype; // "uint8"
 * ```
 */
export function maxPoolIndex(x: ValueLike, window: PoolWindow): Value {
  return apply(maxPoolIndexOp, [toValue(x)], window);
}

/**
 * Puts each dy where its window's largest value stood, zeros elsewhere; windows that overlap add up.
 *
 * @param index from {@link maxPoolIndex}, of dy's shape.
 * @param spatial spatial size of the pooled tensor.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 1, 4, 4], dtype: "float32" });
 * const w = normaliseWindow(2, 2, {}, "maxPool2d");
 * maxUnpool(apply(maxPoolOp, [x], w), maxPoolIndex(x, w), w, [4, 4]).shape; // [1, 1, 4, 4]
 * ```
 */
export function maxUnpool(dy: ValueLike, index: Value, window: PoolWindow, spatial: Shape): Value {
  return apply(maxUnpoolOp, [toValue(dy), index], { window, spatial });
}

export type MaxPoolOptions = WindowOptions;

function maxPool(rank: number, x: ValueLike, kernelSize: PerAxis, options: MaxPoolOptions): Value {
  const value = toValue(x);
  const window = normaliseWindow(rank, kernelSize, options, `maxPool${rank}d`);
  // Taps further apart than an axis is long can miss it on both sides. What such a window sees, −∞, is made real.
  const missed = window.padding.map(([begin], d) => (window.dilation[d] > value.shape[d + 2] ? begin : 0));
  if (missed.every((cells) => cells === 0)) return apply(maxPoolOp, [value], window);
  const padding = window.padding.map(([begin, end], d): SidePadding => [begin - missed[d], end]);
  const before = missed.toReversed().flatMap((cells) => [cells, 0]);
  return apply(maxPoolOp, [pad(value, before, { value: -Infinity })], { ...window, padding });
}

/**
 * The largest value of each window of [N, C, W]. Padding counts as −∞, NaN beats all numbers.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html
 *
 * @throws ShapeError unless x is float32 with three dimensions and a window fits; OptionError for bad options.
 *
 * @example
 * ```ts
 * maxPool1d(input("x", { shape: [1, 8, 7], dtype: "float32" }), 2, { ceilMode: true }).shape; // [1, 8, 4]
 * ```
 */
export function maxPool1d(x: ValueLike, kernelSize: PerAxis, options: MaxPoolOptions = {}): Value {
  return maxPool(1, x, kernelSize, options);
}

/**
 * The largest value of each window of [N, C, H, W]. Padding counts as −∞, NaN beats all numbers.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html
 *
 * @throws ShapeError unless x is float32 with four dimensions and a window fits; OptionError for bad options.
 *
 * @example
 * ```ts
 * maxPool2d(input("x", { shape: [1, 8, 28, 28], dtype: "float32" }), 2).shape; // [1, 8, 14, 14]
 * ```
 */
export function maxPool2d(x: ValueLike, kernelSize: PerAxis, options: MaxPoolOptions = {}): Value {
  return maxPool(2, x, kernelSize, options);
}

/**
 * The largest value of each window of [N, C, D, H, W]. Padding counts as −∞, NaN beats all numbers.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool3d.html
 *
 * @throws ShapeError unless x is float32 with five dimensions and a window fits; OptionError for bad options.
 *
 * @example
 * ```ts
 * maxPool3d(input("x", { shape: [1, 8, 8, 8, 8], dtype: "float32" }), [1, 2, 2]).shape; // [1, 8, 8, 4, 4]
 * ```
 */
export function maxPool3d(x: ValueLike, kernelSize: PerAxis, options: MaxPoolOptions = {}): Value {
  return maxPool(3, x, kernelSize, options);
}
