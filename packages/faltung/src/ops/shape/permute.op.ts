/** Dimensions in another order, the numbers moved accordingly. */
import { ShapeError, checkWhole } from "../../tensor/errors.ts";
import { resolveAxis, show, stridesOf } from "../../tensor/shape.ts";
import { type Operation, type Value, type ValueLike, apply, describe, toValue } from "../op.ts";
import { requireRank } from "./check.ts";
import { lowerPermute } from "./permute.wasm.ts";
import { reshape } from "./reshape.op.ts";
import { eachIndex, offsetOf } from "./walk.ts";

export interface PermuteAttributes {
  /** Dimension i of the result is dimension axes[i] of x. */
  readonly axes: readonly number[];
}

export const permuteOp: Operation<PermuteAttributes> = {
  name: "permute",
  infer([x], { axes }) {
    const { shape, dtype } = x;
    if (
      axes.length !== shape.length ||
      new Set(axes).size !== axes.length ||
      axes.some((a) => shape[a] === undefined)
    ) {
      throw new ShapeError(
        `permute: axes ${show(axes)} must name each of the ${shape.length} dimensions of ${describe(x)} once.`,
      );
    }
    return { shape: axes.map((a) => shape[a]), dtype };
  },
  reference([x], { axes }, out) {
    const strides = stridesOf(x.shape);
    const moved = axes.map((a) => strides[a]);
    eachIndex(out.shape, (index, flat) => {
      out.data[flat] = x.data[offsetOf(index, moved)];
    });
  },
  // What moved there moves back.
  gradient: {
    rule: ({ attrs: { axes }, dy }) => [
      permute(
        dy,
        axes.map((_, i) => axes.indexOf(i)),
      ),
    ],
  },
  wasm: { lower: lowerPermute },
};

/**
 * Reorders dimensions.
 * https://pytorch.org/docs/stable/generated/torch.permute.html
 *
 * @param axes dimension i of the result is dimension axes[i] of x; negative ones count from the end.
 * @throws ShapeError unless each dimension is named once.
 *
 * @example
 * ```ts
 * permute(input("x", { shape: [1, 3, 8, 9], dtype: "float32" }), [0, 2, 3, 1]).shape; // NHWC: [1, 8, 9, 3]
 * ```
 */
export function permute(x: ValueLike, axes: readonly number[]): Value {
  const value = toValue(x);
  const resolved = axes.map((a) => resolveAxis(a, value.shape.length, "permute"));
  const still = resolved.length === value.shape.length && resolved.every((a, i) => a === i);
  return still ? value : apply(permuteOp, [value], { axes: resolved });
}

/**
 * Exchanges two dimensions.
 * https://pytorch.org/docs/stable/generated/torch.transpose.html
 *
 * @example
 * ```ts
 * transpose(input("x", { shape: [2, 3], dtype: "float32" })).shape; // [3, 2]
 * ```
 */
export function transpose(x: ValueLike, axis0 = -2, axis1 = -1): Value {
  const value = toValue(x);
  const axes = value.shape.map((_, i) => i);
  const a = resolveAxis(axis0, axes.length, "transpose");
  const b = resolveAxis(axis1, axes.length, "transpose");
  [axes[a], axes[b]] = [axes[b], axes[a]];
  return permute(value, axes);
}

/**
 * Rearranges [N, C·r², H, W] into [N, C, H·r, W·r] (sub-pixel convolution, Shi et al. 2016).
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.pixel_shuffle.html
 *
 * @throws ShapeError unless r² divides the channels.
 *
 * @example
 * ```ts
 * pixelShuffle(input("x", { shape: [1, 12, 4, 4], dtype: "float32" }), 2).shape; // [1, 3, 8, 8]
 * ```
 */
export function pixelShuffle(x: ValueLike, upscaleFactor: number): Value {
  const value = toValue(x);
  requireRank("pixelShuffle", value, 4, 4, "N, C, H, W");
  const r = upscaleFactor;
  checkWhole("pixelShuffle: upscaleFactor", r);
  const [n, c, h, w] = value.shape;
  if (c % (r * r) !== 0) {
    throw new ShapeError(
      `pixelShuffle: ${describe(value)} has ${c} channels, which upscaleFactor² = ${r * r} does not divide.`,
    );
  }
  const split = reshape(value, [n, c / (r * r), r, r, h, w]);
  return reshape(permute(split, [0, 1, 4, 2, 5, 3]), [n, c / (r * r), h * r, w * r]);
}
