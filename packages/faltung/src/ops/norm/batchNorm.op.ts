/**
 * Batch normalisation (Ioffe & Szegedy 2015). Training: by the batch's own statistics, as one composite with a gradient
 * of its own. Evaluation: by running statistics, a multiply and an add for each channel, which fuse into a convolution.
 *
 *   y = γ·x̂ + β,   x̂ = (x − μ)·r,   r = 1/√(σ² + ε),   μ and σ² (biased) for each channel over batch and space
 */
import { ShapeError, checkRange } from "../../tensor/errors.ts";
import { type Shape, type TensorType, sizeOf } from "../../tensor/shape.ts";
import { broadcastAlong, sum } from "../broadcast/broadcast.op.ts";
import { reductionWalk } from "../broadcast/axes.ts";
import { add, mul, rsqrt, square, sub } from "../elementwise/elementwise.ts";
import { type Operation, type Value, type ValueLike, apply, describe, toValue } from "../op.ts";
import { mean } from "../reduce/reduce.ts";
import { requireFloat, requireRank } from "../shape/check.ts";
import { momentsAt, standardize } from "./standardize.op.ts";

/** All axes but the channels'. */
function besides(shape: Shape): number[] {
  return shape.map((_, d) => d).filter((d) => d !== 1);
}

/** One number for each channel, ready to broadcast against [N, C, …]. */
export function perChannel(v: Value, rank: number): Value {
  const shape = Array.from({ length: rank }, (_, d) => (d === 1 ? v.shape[0] : 1));
  return broadcastAlong(v, shape, besides(shape));
}

/** @throws ShapeError unless v is float32 [C]. */
export function requireChannels(what: string, name: string, v: TensorType, x: TensorType): void {
  if (v.dtype !== "float32" || v.shape.length !== 1 || v.shape[0] !== x.shape[1]) {
    throw new ShapeError(
      `${what}: ${name} is ${describe(v)}; x ${describe(x)} has ${x.shape[1]} channels, so it must be float32 [${x.shape[1]}].`,
    );
  }
}

function checkInput(what: string, x: TensorType): void {
  requireFloat(what, x);
  requireRank(what, x, 2, 5, "N, C, spatial axes");
}

function checkCount(what: string, x: TensorType): void {
  const count = sizeOf(x.shape) / x.shape[1];
  if (count === 1) {
    throw new ShapeError(
      `${what}: Expected more than 1 value per channel when training, but x is ${describe(x)}. ` +
        `Use a batch of at least 2, or evaluation mode.`,
    );
  }
}

export interface BatchNormAttributes {
  readonly eps: number;
}

/** Inputs x, γ, β. */
export const batchNormOp: Operation<BatchNormAttributes> = {
  name: "batchNorm",
  infer([x, gamma, beta]) {
    checkInput("batchNorm", x);
    requireChannels("batchNorm", "weight", gamma, x);
    requireChannels("batchNorm", "bias", beta, x);
    checkCount("batchNorm", x);
    return { shape: x.shape, dtype: x.dtype };
  },
  reference([x, gamma, beta], { eps }, out) {
    reductionWalk(x.shape, besides(x.shape), (channel, places) => {
      const { mu, r } = momentsAt(x.data, places, eps);
      for (const i of places) out.data[i] = gamma.data[channel] * (x.data[i] - mu) * r + beta.data[channel];
    });
  },
  decompose([x, gamma, beta], { eps }) {
    const rank = x.shape.length;
    const s = batchStatistics(x);
    const scale = mul(gamma, rsqrt(add(s.variance, eps)));
    return add(mul(sub(x, perChannel(s.mean, rank)), perChannel(scale, rank)), perChannel(beta, rank));
  },
  // With M values in a channel, and μ and σ depending on each of them:
  //   dβ = Σ dy
  //   dγ = Σ dy·x̂
  //   dx = γ·r/M·(M·dy − dβ − x̂·dγ)
  // All that is the same throughout a channel is computed on [C]; what remains for each element is
  //   dx = a·dy + b·(x − μ) + c,   a = γ·r,   b = −a·r·dγ/M,   c = −a·dβ/M.
  gradient: {
    rule({ inputs: [x, gamma], attrs: { eps }, dy }) {
      const rank = x.shape.length;
      const axes = besides(x.shape);
      const { mean: mu, variance: sigma2, count } = batchStatistics(x);
      const r = rsqrt(add(sigma2, eps));
      const centred = sub(x, perChannel(mu, rank));
      const dBeta = sum(dy, axes);
      const dGamma = mul(sum(mul(dy, centred), axes), r);
      const a = mul(gamma, r);
      const b = mul(mul(a, mul(r, dGamma)), -1 / count);
      const c = mul(mul(a, dBeta), -1 / count);
      const dx = add(add(mul(dy, perChannel(a, rank)), mul(centred, perChannel(b, rank))), perChannel(c, rank));
      return [dx, dGamma, dBeta];
    },
  },
};

/** Of each channel, over batch and space; all [C]. */
export interface BatchStatistics {
  readonly mean: Value;
  /** Divided by the number of values: what a batch is normalised by. */
  readonly variance: Value;
  /** Divided by one less: what running statistics are made of, in PyTorch. */
  readonly unbiased: Value;
  /** Number of values in a channel. */
  readonly count: number;
}

/**
 * Mean and variance of each channel of [N, C, …]. Asking twice for one x costs nothing: equal values are computed once.
 *
 * @example
 * ```ts
 * batchStatistics(input("x", { shape: [8, 3, 4, 4], dtype: "float32" })).mean.shape; // [3]
 * ```
 */
export function batchStatistics(x: ValueLike): BatchStatistics {
  const value = toValue(x);
  checkInput("batchStatistics", value);
  const axes = besides(value.shape);
  const count = sizeOf(value.shape) / value.shape[1];
  const mu = mean(value, axes);
  const biased = mean(square(sub(value, perChannel(mu, value.shape.length))), axes);
  return { mean: mu, variance: biased, unbiased: mul(biased, count / (count - 1)), count };
}

/**
 * PyTorch's running average: (1 − momentum)·old + momentum·batch. (Keras, TensorFlow and ONNX call 1 − momentum
 * "momentum".) For a cumulative average (momentum=None in PyTorch) give 1/(number of batches so far) as a value.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [8, 3, 4, 4], dtype: "float32" });
 * runningAverage(Tensor.full([3], 1), batchStatistics(x).unbiased, 0.1).shape; // [3]
 * ```
 */
export function runningAverage(old: ValueLike, batch: Value, momentum: ValueLike): Value {
  return typeof momentum === "number"
    ? add(mul(old, 1 - momentum), mul(batch, momentum))
    : add(mul(old, sub(1, momentum)), mul(batch, momentum));
}

export interface AffineOptions {
  /** γ, [C]; 1 unless given. */
  readonly weight?: Value | null;
  /** β, [C]; 0 unless given. */
  readonly bias?: Value | null;
  /** Added to the variance: 1e-5 unless said. */
  readonly eps?: number;
}

export interface BatchNormOptions extends AffineOptions {
  /** [C]; needed for evaluation. */
  readonly runningMean?: Value | null;
  readonly runningVar?: Value | null;
  /** Normalise by the batch's own statistics. false unless said. */
  readonly training?: boolean;
}

/** x·γ + β for each channel, as far as they are given. */
export function affine(what: string, x: Value, { weight, bias }: AffineOptions): Value {
  const rank = x.shape.length;
  let y = x;
  if (weight) {
    requireChannels(what, "weight", weight, x);
    y = mul(y, perChannel(weight, rank));
  }
  if (bias) {
    requireChannels(what, "bias", bias, x);
    y = add(y, perChannel(bias, rank));
  }
  return y;
}

/**
 * Normalises each channel of [N, C, …]: in training by the batch's mean and biased variance, otherwise by running ones.
 * To keep running statistics, see {@link batchStatistics} and {@link runningAverage}.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html
 *
 * @throws ShapeError unless x is float32 with 2 to 5 dimensions and the vectors are [C]; in training also if a channel
 * has only one value, in evaluation if running statistics are missing.
 *
 * @example
 * ```ts
 * batchNorm(input("x", { shape: [8, 3, 4, 4], dtype: "float32" }), { training: true }).shape; // [8, 3, 4, 4]
 * ```
 */
export function batchNorm(x: ValueLike, options: BatchNormOptions = {}): Value {
  const { weight, bias, runningMean, runningVar, training = false, eps = 1e-5 } = options;
  const value = toValue(x);
  checkInput("batchNorm", value);
  checkRange("batchNorm: eps", eps, 0);
  if (training) {
    if (sizeOf(value.shape) === 0) return affine("batchNorm", value, { weight, bias }); // not by a mean of nothing
    if (weight && bias) return apply(batchNormOp, [value, weight, bias], { eps });
    checkCount("batchNorm", value);
    return affine("batchNorm", standardize(value, besides(value.shape), eps), { weight, bias });
  }
  if (!runningMean || !runningVar) {
    throw new ShapeError("batchNorm: evaluation needs runningMean and runningVar, each [C]; or say training: true.");
  }
  requireChannels("batchNorm", "runningMean", runningMean, value);
  requireChannels("batchNorm", "runningVar", runningVar, value);
  if (weight) requireChannels("batchNorm", "weight", weight, value);
  const r = rsqrt(add(runningVar, eps));
  const scale = weight ? mul(weight, r) : r;
  const shift = mul(runningMean, scale);
  if (bias) requireChannels("batchNorm", "bias", bias, value);
  const rank = value.shape.length;
  return add(mul(value, perChannel(scale, rank)), perChannel(sub(bias ?? 0, shift), rank));
}
