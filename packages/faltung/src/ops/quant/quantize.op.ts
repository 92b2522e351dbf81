/**
 * The words of a quantised network, all compositions: numbers become bytes and bytes numbers, and products of bytes are
 * scaled to numbers. What follows a product elementwise (activation, residual sum, the next quantisation) joins it as an
 * epilogue, so that between two layers only bytes are stored. In ONNX these are QuantizeLinear and DequantizeLinear.
 * Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
 * 2018, https://arxiv.org/abs/1712.05877
 */
import { ShapeError } from "../../tensor/errors.ts";
import { type ConvAttributes, multiplyAdds } from "../conv/attributes.ts";
import { add, cast, clamp, mul, round, sub } from "../elementwise/elementwise.ts";
import { roundEven } from "../map/special.ts";
import { type Numbers, type Operation, type RefTensor, type Value, apply, describe } from "../op.ts";
import { reshape } from "../shape/shape.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { convInteger, convIntegerOp } from "./convInteger.op.ts";
import type { IntegerRange } from "./integer.ts";
import { matmulInteger, matmulIntegerOp } from "./matmulInteger.op.ts";

/** How bytes stand for numbers: byte q for scale·(q − zero), 0 ≤ q ≤ top. */
export interface Quantization {
  /** A float32 number > 0. */
  readonly scale: number;
  readonly zero: number;
  readonly top: number;
}

/** x → the nearest byte, ties to the even one. */
export const quantizeOp: Operation<Quantization> = {
  name: "quantize",
  infer([x]) {
    if (x.dtype !== "float32") throw new ShapeError(`quantize: x is ${describe(x)}; it must be float32.`);
    return { shape: x.shape, dtype: "uint8" };
  },
  reference([x], { scale, zero, top }, out) {
    const inverse = Math.fround(1 / scale);
    const round32 = rounding(x);
    (x.data as Numbers).forEach((v, i) => {
      out.data[i] = Math.min(Math.max(roundEven(round32(v * inverse)) + zero, 0), top);
    });
  },
  gradient: { none: "a byte is a whole number" },
  decompose([x], { scale, zero, top }) {
    const steps = round(mul(x, Math.fround(1 / scale)));
    return cast(clamp(zero === 0 ? steps : add(steps, zero), 0, top), "uint8");
  },
};

/** The number that a byte stands for. */
export const dequantizeOp: Operation<Quantization> = {
  name: "dequantize",
  infer([x]) {
    if (x.dtype !== "uint8") throw new ShapeError(`dequantize: x is ${describe(x)}; it must be uint8.`);
    return { shape: x.shape, dtype: "float32" };
  },
  reference([x], { scale, zero }, out) {
    (x.data as Numbers).forEach((q, i) => (out.data[i] = (q - zero) * scale));
  },
  gradient: { none: "a byte is a whole number" },
  decompose: ([x], { scale, zero }) => mul(cast(zero === 0 ? x : sub(cast(x, "int32"), zero), "float32"), scale),
};

/** Whole sums to numbers: (sum + bias[o])·scale[o]. */
function scaled(sums: Value, bias: Value, scale: Value): Value {
  const along = (v: Value): Value => reshape(v, [1, v.shape[0], ...sums.shape.slice(2).map(() => 1)]);
  return mul(cast(add(sums, along(bias)), "float32"), along(scale));
}

function scaledReference(sums: RefTensor, bias: RefTensor, scale: RefTensor, out: RefTensor): void {
  const [, channels, ...rest] = sums.shape;
  const each = sizeOf(rest);
  const round32 = rounding(out);
  (sums.data as Numbers).forEach((sum, i) => {
    const o = Math.floor(i / each) % channels;
    out.data[i] = round32(sum + bias.data[o]) * scale.data[o];
  });
}

/** What float32 arithmetic keeps of a number, where the loops run in it. */
function rounding({ data }: RefTensor): (x: number) => number {
  return data instanceof Float64Array ? (x) => x : Math.fround;
}

function integers(like: RefTensor): RefTensor {
  return { shape: like.shape, dtype: "int32", data: new Int32Array(like.data.length) };
}

export interface QuantizedConvAttributes extends ConvAttributes, IntegerRange {
  /** Scale of x. The products' scale is x's times the weight's, one for each output channel. */
  readonly scale: number;
}

/**
 * A convolution of a quantised x: (x uint8, w [O, C/groups, …] signed bytes, bias [O] int32, scale [O] float32) →
 * (Σ (x − zero)·w + bias)·scale, float32.
 */
export const quantizedConvOp: Operation<QuantizedConvAttributes> = {
  name: "quantizedConv",
  infer: ([x, w], a) => ({ shape: convIntegerOp.infer([x, w], a).shape, dtype: "float32" }),
  reference([x, w, bias, scale], a, out) {
    const sums = integers(out);
    convIntegerOp.reference([x, w], a, sums);
    scaledReference(sums, bias, scale, out);
  },
  gradient: { none: "whole numbers have no gradient" },
  decompose: ([x, w, bias, scale], attrs) => scaled(convInteger(x, w, attrs), bias, scale),
  macs: ([, w], y) => multiplyAdds(y.shape, w.shape),
};

export interface QuantizedLinearAttributes extends IntegerRange {
  readonly scale: number;
}

/** A fully connected layer of a quantised x: (x [M, K], w [N, K], bias [N], scale [N]) → [M, N], as {@link quantizedConvOp}. */
export const quantizedLinearOp: Operation<QuantizedLinearAttributes> = {
  name: "quantizedLinear",
  infer: ([x, w], a) => ({ shape: matmulIntegerOp.infer([x, w], a).shape, dtype: "float32" }),
  reference([x, w, bias, scale], a, out) {
    const sums = integers(out);
    matmulIntegerOp.reference([x, w], a, sums);
    scaledReference(sums, bias, scale, out);
  },
  gradient: { none: "whole numbers have no gradient" },
  decompose: ([x, w, bias, scale], attrs) => scaled(matmulInteger(x, w, attrs), bias, scale),
  macs: ([x], y) => sizeOf(y.shape) * x.shape[1],
};

/** x as bytes. */
export function quantizeValues(x: Value, q: Quantization): Value {
  return apply(quantizeOp, [x], q);
}

/** Bytes as numbers. */
export function dequantizeValues(x: Value, q: Quantization): Value {
  return apply(dequantizeOp, [x], q);
}

/** The operands of a quantised layer besides x. */
export interface QuantizedWeights {
  readonly weight: Value;
  readonly bias: Value;
  readonly scale: Value;
}

export function quantizedConv(
  x: Value,
  { weight, bias, scale }: QuantizedWeights,
  attrs: QuantizedConvAttributes,
): Value {
  return apply(quantizedConvOp, [x, weight, bias, scale], attrs);
}

export function quantizedLinear(
  x: Value,
  { weight, bias, scale }: QuantizedWeights,
  attrs: QuantizedLinearAttributes,
): Value {
  return apply(quantizedLinearOp, [x, weight, bias, scale], attrs);
}
