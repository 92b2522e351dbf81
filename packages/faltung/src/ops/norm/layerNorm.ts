/** Normalisations of single samples: compositions of standardize and an affine map. */
import { ShapeError, checkRange, checkWhole } from "../../tensor/errors.ts";
import { type Shape, sameShape, show, sizeOf } from "../../tensor/shape.ts";
import { add, div, mul, pow, square } from "../elementwise/elementwise.ts";
import { type Value, type ValueLike, describe, toValue } from "../op.ts";
import { requireFloat, requireRank } from "../shape/check.ts";
import { reshape } from "../shape/reshape.op.ts";
import { spatialMap } from "../shape/spatialMap.op.ts";
import { type AffineOptions, affine } from "./batchNorm.op.ts";
import { standardize } from "./standardize.op.ts";

/**
 * Normalises over the last dimensions, which must be `normalizedShape`, then weight·x̂ + bias of that shape
 * (Ba, Kiros & Hinton 2016).
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.layer_norm.html
 *
 * @throws ShapeError unless x is float32 and ends in normalizedShape, as do weight and bias if given.
 *
 * @example
 * ```ts
 * layerNorm(input("x", { shape: [8, 16, 32], dtype: "float32" }), 32).shape; // [8, 16, 32]
 * ```
 */
export function layerNorm(x: ValueLike, normalizedShape: number | Shape, options: AffineOptions = {}): Value {
  const { weight, bias, eps = 1e-5 } = options;
  const value = toValue(x);
  const last = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
  requireFloat("layerNorm", value);
  checkRange("layerNorm: eps", eps, 0);
  if (last.length === 0 || !sameShape(value.shape.slice(-last.length), last)) {
    throw new ShapeError(`layerNorm: x is ${describe(value)}; it must end in normalizedShape ${show(last)}.`);
  }
  for (const [name, v] of Object.entries({ weight, bias })) {
    if (v && !sameShape(v.shape, last)) {
      throw new ShapeError(`layerNorm: ${name} is ${describe(v)}; it must have normalizedShape ${show(last)}.`);
    }
  }
  const y = standardize(
    value,
    last.map((_, i) => value.shape.length - last.length + i),
    eps,
  );
  const scaled = weight ? mul(y, weight) : y;
  return bias ? add(scaled, bias) : scaled;
}

/**
 * Normalises each sample over groups of channels and space (Wu & He 2018), then weight·x̂ + bias for each channel.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.group_norm.html
 *
 * @throws ShapeError unless x is float32 with 2 to 5 dimensions and groups divides its channels.
 *
 * @example
 * ```ts
 * groupNorm(input("x", { shape: [2, 6, 4, 4], dtype: "float32" }), 3).shape; // [2, 6, 4, 4]
 * ```
 */
export function groupNorm(x: ValueLike, groups: number, options: AffineOptions = {}): Value {
  const { eps = 1e-5 } = options;
  const value = toValue(x);
  requireFloat("groupNorm", value);
  requireRank("groupNorm", value, 2, 5, "N, C, spatial axes");
  checkRange("groupNorm: eps", eps, 0);
  const [n, c, ...spatial] = value.shape;
  if (!Number.isSafeInteger(groups) || groups < 1 || c % groups !== 0) {
    throw new ShapeError(`groupNorm: groups is ${groups}; it must divide the ${c} channels of x ${describe(value)}.`);
  }
  const grouped = reshape(value, [n, groups, (c / groups) * sizeOf(spatial)]);
  return affine("groupNorm", reshape(standardize(grouped, 2, eps), value.shape), options);
}

/**
 * Normalises each channel of each sample over space (Ulyanov, Vedaldi & Lempitsky 2016), then weight·x̂ + bias.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.instance_norm.html
 *
 * @throws ShapeError unless x is float32 [N, C, …] with more than one cell in space.
 *
 * @example
 * ```ts
 * instanceNorm(input("x", { shape: [2, 6, 4, 4], dtype: "float32" })).shape; // [2, 6, 4, 4]
 * ```
 */
export function instanceNorm(x: ValueLike, options: AffineOptions = {}): Value {
  const { eps = 1e-5 } = options;
  const value = toValue(x);
  requireFloat("instanceNorm", value);
  requireRank("instanceNorm", value, 3, 5, "N, C, spatial axes");
  checkRange("instanceNorm: eps", eps, 0);
  const spatial = value.shape.slice(2);
  if (sizeOf(spatial) === 1) {
    throw new ShapeError(
      `instanceNorm: Expected more than 1 spatial element when training, but x is ${describe(value)}.`,
    );
  }
  return affine(
    "instanceNorm",
    standardize(
      value,
      spatial.map((_, d) => d + 2),
      eps,
    ),
    options,
  );
}

export interface LocalResponseNormOptions {
  /** 1e-4 unless said; divided by size, as in PyTorch, ONNX and Caffe (TensorFlow does not). */
  readonly alpha?: number;
  /** 0.75 unless said. */
  readonly beta?: number;
  /** 1 unless said. */
  readonly k?: number;
}

/**
 * x / (k + alpha/size · Σ x²)^beta, the sum going over `size` neighbouring channels (Krizhevsky et al. 2012).
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.local_response_norm.html
 *
 * @throws ShapeError unless x is float32 [N, C, …]; OptionError unless size is a whole number ≥ 1.
 *
 * @example
 * ```ts
 * localResponseNorm(input("x", { shape: [2, 6, 4, 4], dtype: "float32" }), 5).shape; // [2, 6, 4, 4]
 * ```
 */
export function localResponseNorm(x: ValueLike, size: number, options: LocalResponseNormOptions = {}): Value {
  const { alpha = 1e-4, beta = 0.75, k = 1 } = options;
  const value = toValue(x);
  requireFloat("localResponseNorm", value);
  requireRank("localResponseNorm", value, 3, 5, "N, C, spatial axes");
  checkWhole("localResponseNorm: size", size);
  const [n, c, ...spatial] = value.shape;
  const cells = sizeOf(spatial);
  const begin = Math.floor(size / 2);
  // The mean of `size` channels, those beyond the first and the last counting as zeros.
  const means = spatialMap(reshape(square(value), [n, c, cells]), [
    { kind: "window", input: c, output: c, kernel: size, stride: 1, begin, end: size - 1 - begin, divisor: size },
    { kind: "identity", input: cells },
  ]);
  return div(value, pow(add(mul(reshape(means, value.shape), alpha), k), beta));
}
