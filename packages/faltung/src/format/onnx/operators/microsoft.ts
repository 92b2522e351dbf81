/**
 * onnxruntime's own operators (domain com.microsoft) that its tools write into networks of convolutions: quantised
 * ones in QOperator form, and those that its optimiser makes of several.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import * as f from "../../../ops/elementwise/elementwise.ts";
import { matmul } from "../../../ops/matmul/matmul.ts";
import { softmax } from "../../../ops/norm/norm.ts";
import type { Value } from "../../../ops/op.ts";
import { mean } from "../../../ops/reduce/reduce.ts";
import { concat, reshape, transpose } from "../../../ops/shape/shape.ts";
import { sizeOf } from "../../../tensor/shape.ts";
import type { Built, Operator, OnnxNode, Operators } from "../node.ts";
import { convolve } from "./conv.ts";
import { alongAxis, axisOf } from "./helpers.ts";
import { averagePool } from "./pool.ts";
import { exactProduct, quantizeOperators, quantized } from "./quantize.ts";

/** One number, as a scalar; zero where a zero point is left out. */
function single(node: OnnxNode, i: number): Value {
  return node.has(i) ? f.cast(reshape(node.value(i), []), "float32") : f.mul(0, 1);
}

/** (x − zero) · scale, of the inputs i, i + 1 (scale) and i + 2 (zero point). */
function real(node: OnnxNode, i: number): Value {
  return f.mul(f.sub(f.cast(node.value(i), "float32"), single(node, i + 2)), single(node, i + 1));
}

/** round(y / scale) + zero, by the inputs i (scale) and i + 1 (zero point), saturated to x's type. */
function requantized(node: OnnxNode, y: Value, i: number, type = node.type(0)): Built {
  return quantized(node, f.add(f.round(f.div(y, single(node, i))), single(node, i + 1)), type);
}

/** What is quantised settings, and no parameter. */
const ALL: readonly number[] = Array.from({ length: 64 }, (_, i) => i);

function unary(build: (x: Value, node: OnnxNode) => Value): Operator {
  return { settings: ALL, build: (node) => requantized(node, build(real(node, 0), node), 3) };
}

function binary(build: (a: Value, b: Value) => Value): Operator {
  return { settings: ALL, build: (node) => requantized(node, build(real(node, 0), real(node, 3)), 6) };
}

const qLinearConcat: Operator = {
  settings: ALL,
  build(node) {
    const parts = Array.from({ length: (node.inputs.length - 2) / 3 }, (_, i) => real(node, 2 + 3 * i));
    return requantized(node, concat(parts, axisOf(node, node.int("axis"), parts[0].shape.length)), 0, node.type(1));
  },
};

function channelsLast(node: OnnxNode): void {
  if (node.int("channels_last", 0) !== 0) node.unsupported("channels_last: what an optimiser wrote for one machine");
}

/** α·A·B + C of quantised matrices; C has the scale of the product. */
const qGemm: Operator = {
  settings: ALL,
  build(node) {
    const centred = (i: number, turn: boolean, zero: Value): Value => {
      const x = f.sub(f.cast(node.value(i), "float32"), zero);
      return turn ? transpose(x) : x;
    };
    const a = centred(0, node.int("transA", 0) !== 0, single(node, 2));
    const turned = node.int("transB", 0) !== 0;
    const zero = node.has(5) ? f.cast(node.value(5), "float32") : f.mul(0, 1);
    const b = centred(3, turned, alongAxis(zero, turned ? 0 : 1, 2));
    const sums = exactProduct(matmul, a, b, a.shape[1]);
    const biased = node.has(6) ? f.add(sums, node.value(6)) : sums;
    const scale = f.mul(f.mul(single(node, 1), alongAxis(node.value(4), 1, 2)), node.float("alpha", 1));
    const y = f.mul(f.cast(biased, "float32"), scale);
    return node.has(7) ? requantized(node, y, 7) : { type: "float", value: y };
  },
};

const ACTIVATIONS: Readonly<Record<string, (x: Value, parameters: readonly number[]) => Value>> = {
  Relu: f.relu,
  Sigmoid: f.sigmoid,
  Tanh: f.tanh,
  LeakyRelu: (x, [slope = 0.01]) => f.leakyRelu(x, slope),
  Clip: (x, [low = -Infinity, high = Infinity]) => f.clamp(x, low, high),
  HardSigmoid: (x, [alpha = 0.2, beta = 0.5]) => f.clamp(f.add(f.mul(x, alpha), beta), 0, 1),
};

function activated(node: OnnxNode, y: Value): Value {
  const name = node.text("activation", "");
  if (name === "") return y;
  const apply = ACTIVATIONS[name] ?? node.unsupported(`activation ${name}`);
  return apply(y, node.floats("activation_params") ?? []);
}

const fusedConv: Operator = {
  build(node) {
    const y = convolve(node, node.value(0), node.value(1), node.has(2) ? node.value(2) : null);
    return activated(node, node.has(3) ? f.add(y, node.value(3)) : y);
  },
};

const fusedGemm: Operator = {
  build(node) {
    const options = { transA: node.int("transA", 0) !== 0, transB: node.int("transB", 0) !== 0 };
    const y = f.mul(matmul(node.value(0), node.value(1), options), node.float("alpha", 1));
    return activated(node, node.has(2) ? f.add(y, f.mul(node.value(2), node.float("beta", 1))) : y);
  },
};

const fusedMatMul: Operator = {
  build(node) {
    if (node.int("transBatchA", 0) !== 0 || node.int("transBatchB", 0) !== 0)
      node.unsupported("transBatchA or transBatchB");
    const options = { transA: node.int("transA", 0) !== 0, transB: node.int("transB", 0) !== 0 };
    return f.mul(matmul(node.value(0), node.value(1), options), node.float("alpha", 1));
  },
};

export const microsoftOperators: Operators = {
  QLinearAdd: binary(f.add),
  QLinearMul: binary(f.mul),
  QLinearSigmoid: unary(f.sigmoid),
  QLinearLeakyRelu: unary((x, node) => f.leakyRelu(x, node.float("alpha", 0.01))),
  QLinearSoftmax: unary((x, node) => {
    const axis = axisOf(node, node.int("axis", -1), x.shape.length);
    if (node.int("opset") >= 13) return softmax(x, axis);
    const rows = reshape(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
    return reshape(softmax(rows, 1), x.shape);
  }),
  QLinearGlobalAveragePool: unary((x, node) => {
    channelsLast(node);
    return mean(
      x,
      x.shape.slice(2).map((_, d) => d + 2),
      true,
    );
  }),
  QLinearAveragePool: unary((x, node) => {
    channelsLast(node);
    return averagePool(node, x);
  }),
  QLinearConcat: qLinearConcat,
  QGemm: qGemm,
  QuantizeLinear: quantizeOperators.QuantizeLinear,
  DequantizeLinear: quantizeOperators.DequantizeLinear,
  FusedConv: fusedConv,
  FusedGemm: fusedGemm,
  FusedMatMul: fusedMatMul,
  Gelu: { build: (node) => f.gelu(node.value(0)) },
  BiasGelu: { build: (node) => f.gelu(f.add(node.value(0), node.value(1))) },
  QuickGelu: {
    build: (node) => f.mul(node.value(0), f.sigmoid(f.mul(node.value(0), node.float("alpha", 1.702)))),
  },
};
