/** Normalisation and softmax. */
import { add, div, mul, pow, rsqrt, sqrt, square, sub } from "../../../ops/elementwise/elementwise.ts";
import { assign } from "../../../compile/trace.ts";
import { type Value, isState } from "../../../ops/op.ts";
import {
  batchNorm,
  batchStatistics,
  logSoftmax,
  runningAverage,
  softmax,
  standardize,
} from "../../../ops/norm/norm.ts";
import { mean } from "../../../ops/reduce/reduce.ts";
import { pad, reshape, slice } from "../../../ops/shape/shape.ts";
import { sizeOf } from "../../../tensor/shape.ts";
import type { Built, Operator, OnnxNode, Operators } from "../node.ts";
import { alongAxis, axesOf, axisOf } from "./helpers.ts";

/** Whether the file itself says that the batch's statistics are taken: by an attribute, or by having more outputs. */
function saysTraining(node: OnnxNode): boolean {
  if (node.opset >= 14) return node.int("training_mode", 0) !== 0;
  return node.proto.outputs.length > 1 && (node.opset >= 7 || node.int("is_test", 0) === 0);
}

/**
 * Training happens in two ways: the node says so (ONNX's own semantics), or the module is in training mode, which turns
 * an inference node into PyTorch's layer, running statistics included.
 */
const batchNormalization: Operator = {
  buffers: [3, 4],
  build(node): Built | readonly (Built | undefined)[] {
    const x = node.value(0);
    const [weight, bias, runningMean, runningVar] = [1, 2, 3, 4].map((i) => node.value(i));
    const eps = node.float("epsilon", 1e-5);
    const momentum = node.float("momentum", 0.9);
    if (node.opset < 9 && node.int("spatial", 1) === 0)
      node.unsupported("spatial 0: statistics of their own for every place");
    if (saysTraining(node)) {
      const batch = batchStatistics(x);
      // ONNX keeps the biased variance.
      const kept = (old: Value, now: Value): Value => runningAverage(old, now, 1 - momentum);
      return [
        batchNorm(x, { weight, bias, training: true, eps }),
        kept(runningMean, batch.mean),
        kept(runningVar, batch.variance),
        // Before opset 14, for a backward pass of their own.
        batch.mean,
        batch.variance,
      ];
    }
    if (!node.training || !isState(runningMean) || !isState(runningVar)) {
      return batchNorm(x, { weight, bias, runningMean, runningVar, eps });
    }
    const batch = batchStatistics(x);
    assign(runningMean, runningAverage(runningMean, batch.mean, 1 - momentum));
    assign(runningVar, runningAverage(runningVar, batch.unbiased, 1 - momentum));
    return batchNorm(x, { weight, bias, training: true, eps });
  },
};

function affine(x: Value, weight: Value | undefined, bias: Value | undefined, axis: number): Value {
  const scaled = weight === undefined ? x : mul(x, alongAxis(weight, axis, x.shape.length));
  return bias === undefined ? scaled : add(scaled, alongAxis(bias, axis, x.shape.length));
}

const instanceNormalization: Operator = {
  build(node) {
    const x = node.value(0);
    const y = standardize(
      x,
      x.shape.slice(2).map((_, d) => d + 2),
      node.float("epsilon", 1e-5),
    );
    return affine(y, node.value(1), node.value(2), 1);
  },
};

/** Up to opset 20 scale and bias have one number for each group, from 21 on for each channel. */
const groupNormalization: Operator = {
  build(node) {
    const x = node.value(0);
    const groups = node.int("num_groups");
    const [n, c] = x.shape;
    if (groups < 1 || c % groups !== 0) node.fail(`num_groups ${groups} does not divide the ${c} channels.`);
    const grouped = reshape(x, [n, groups, sizeOf(x.shape) / (n * groups)]);
    const y = standardize(grouped, 2, node.float("epsilon", 1e-5));
    const perGroup = sizeOf(node.shape(1)) === groups && groups !== c;
    if (perGroup) return reshape(affine(y, node.value(1), node.value(2), 1), x.shape);
    return affine(reshape(y, x.shape), node.value(1), node.value(2), 1);
  },
};

const layerNormalization: Operator = {
  build(node): readonly (Built | undefined)[] {
    const x = node.value(0);
    const axis = axisOf(node, node.int("axis", -1), x.shape.length);
    const axes = x.shape.slice(axis).map((_, d) => d + axis);
    const eps = node.float("epsilon", 1e-5);
    const scaled = mul(standardize(x, axes, eps), node.value(1));
    const y = node.has(2) ? add(scaled, node.value(2)) : scaled;
    if (!node.wants(1) && !node.wants(2)) return [y];
    const mu = mean(x, axes, true);
    const type = "float" as const;
    return [y, { type, value: mu }, { type, value: rsqrt(add(mean(square(sub(x, mu)), axes, true), eps)) }];
  },
};

const rmsNormalization: Operator = {
  build(node) {
    const x = node.value(0);
    const axis = axisOf(node, node.int("axis", -1), x.shape.length);
    const axes = x.shape.slice(axis).map((_, d) => d + axis);
    const scale = rsqrt(add(mean(square(x), axes, true), node.float("epsilon", 1e-5)));
    return mul(mul(x, scale), node.value(1));
  },
};

/** x / (bias + α/size · Σ x²)^β over neighbouring channels: ⌊(size − 1)/2⌋ before, the rest behind. */
const lrn: Operator = {
  build(node) {
    const x = node.value(0);
    const size = node.int("size");
    if (size < 1 || size > 1024) node.fail(`size is ${size}; it must be from 1 to 1024.`);
    const before = Math.floor((size - 1) / 2);
    const [n, c] = x.shape;
    const flat = pad(square(reshape(x, [n, c, sizeOf(x.shape.slice(2))])), [0, 0, before, size - 1 - before]);
    const sums = Array.from({ length: size }, (_, i) => slice(flat, [[], [i, i + c]])).reduce(add);
    const base = add(mul(reshape(sums, x.shape), node.float("alpha", 1e-4) / size), node.float("bias", 1));
    return div(x, pow(base, node.float("beta", 0.75)));
  },
};

/** (x − μ) / σ, with ONNX's epsilon of 1e-9 beside σ. */
const meanVarianceNormalization: Operator = {
  build(node) {
    const x = node.value(0);
    const axes = axesOf(node, node.ints("axes") ?? [0, 2, 3], x.shape.length);
    const centred = sub(x, mean(x, axes, true));
    return div(centred, add(sqrt(mean(square(centred), axes, true)), 1e-9));
  },
};

/** Before opset 13 the tensor was taken as a matrix: all axes from `axis` on are one. */
export function softmaxLike(node: OnnxNode, x: Value, apply: (x: Value, axis: number) => Value): Value {
  const axis = axisOf(node, node.int("axis", node.opset < 13 ? 1 : -1), x.shape.length);
  if (node.opset >= 13) return apply(x, axis);
  return reshape(apply(reshape(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]), 1), x.shape);
}

export const normOperators: Operators = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  LRN: lrn,
  MeanVarianceNormalization: meanVarianceNormalization,
  Softmax: { build: (node) => softmaxLike(node, node.value(0), softmax) },
  LogSoftmax: { build: (node) => softmaxLike(node, node.value(0), logSoftmax) },
};
