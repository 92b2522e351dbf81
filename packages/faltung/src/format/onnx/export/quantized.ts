/**
 * How the words of a quantised network are written: as pairs of QuantizeLinear and DequantizeLinear around float
 * operators ("QDQ"), which engines compute in whole numbers where they can. Weights are int8 with a scale for each
 * output channel, biases int32.
 */
import { convIntegerOp } from "../../../ops/quant/convInteger.op.ts";
import { matmulIntegerOp } from "../../../ops/quant/matmulInteger.op.ts";
import { maxPoolBytesOp } from "../../../ops/quant/maxPoolBytes.op.ts";
import {
  type Quantization,
  dequantizeOp,
  quantizeOp,
  quantizedConvOp,
  quantizedLinearOp,
} from "../../../ops/quant/quantize.op.ts";
import type { Operation, Value } from "../../../ops/op.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { onnxTypeCode } from "../dtype.ts";
import type { Emitter } from "./emitter.ts";
import { type Emit, convSettings, madeBy, maxPoolNode } from "./rules.ts";

function ruleFor<A>(op: Operation<A>, emit: Emit<A>): [string, (e: Emitter, value: Value) => string | void] {
  return [op.name, (e, value) => (madeBy(op, value) ? emit(e, value) : undefined)];
}

/** Scale and zero point of bytes. */
function grid(e: Emitter, { scale, zero }: Pick<Quantization, "scale" | "zero">): [string, string] {
  return [e.scalar(scale, "float32", "scale"), e.scalar(zero, "uint8", "zero")];
}

/** Signed bytes as a tensor and its zero point: int8 where they are known, else uint8 moved up by 128. */
function signedBytes(e: Emitter, w: Value, name: string): { readonly tensor: string; readonly zero: string } {
  const known = e.known(w);
  if (known !== undefined) return { tensor: e.constant(known, name, "int8"), zero: "" };
  const moved = e.node("Add", [e.tensor(w, "int32"), e.scalar(128, "int32", "middle")]);
  const bytes = e.node("Mod", [moved, e.scalar(256, "int32", "byte")]);
  const tensor = e.node("Cast", [bytes], { to: onnxTypeCode("uint8") });
  return { tensor, zero: e.scalar(128, "uint8", "middle") };
}

/** Input, weight and bias of a layer as floats. */
function layerInputs(e: Emitter, [x, w, b, s]: readonly Value[], q: Pick<Quantization, "scale" | "zero">): string[] {
  const products = e.known(s) ?? e.fail(s, "its scales are not known");
  const { shape } = products;
  const steps = new Tensor(
    Float32Array.from(products.data, (v) => v / q.scale),
    shape,
  );
  const stem = e.nameOf(w) ?? "weight";
  const { tensor, zero } = signedBytes(e, w, stem);
  // Scales of slices have a zero point each.
  const middle = zero === "" ? "" : e.constant(Tensor.full(shape, 128, "uint8"), "middle");
  const inputs = [tensor, e.constant(steps, `${stem}.scale`), ...(middle === "" ? [] : [middle])];
  return [
    e.node("DequantizeLinear", [e.tensor(x), ...grid(e, q)]),
    e.node("DequantizeLinear", inputs, { axis: 0 }),
    e.node("DequantizeLinear", [e.tensor(b), e.tensor(s)], { axis: 0 }),
  ];
}

/** Operands of a product of whole numbers, and their zero points. */
function productInputs(e: Emitter, x: Value, weight: ReturnType<typeof signedBytes>, zero: number): string[] {
  const inputs = [e.tensor(x), weight.tensor, e.scalar(zero, "uint8", "zero")];
  return weight.zero === "" ? inputs : [...inputs, weight.zero];
}

export const QUANTIZED_RULES: ReadonlyMap<string, (e: Emitter, value: Value) => string | void> = new Map([
  ruleFor(quantizeOp, (e, v) => {
    const { scale, zero, top } = v.attrs;
    const bound = (byte: number): string => e.scalar(Math.fround((byte - zero) * scale), "float32", "bound");
    // QuantizeLinear stops at 255 by itself.
    const x = e.tensor(v.inputs[0]);
    const within = top === 255 ? x : e.node("Clip", [x, bound(0), bound(top)]);
    return e.node("QuantizeLinear", [within, ...grid(e, v.attrs)]);
  }),
  ruleFor(dequantizeOp, (e, v) => e.node("DequantizeLinear", [e.tensor(v.inputs[0]), ...grid(e, v.attrs)])),
  ruleFor(quantizedConvOp, (e, v) => e.node("Conv", layerInputs(e, v.inputs, v.attrs), convSettings(v.attrs))),
  ruleFor(quantizedLinearOp, (e, v) => e.node("Gemm", layerInputs(e, v.inputs, v.attrs), { transB: 1 })),
  ruleFor(convIntegerOp, (e, v) => {
    const [x, w] = v.inputs;
    const inputs = productInputs(e, x, signedBytes(e, w, e.nameOf(w) ?? "weight"), v.attrs.zero);
    return e.node("ConvInteger", inputs, convSettings(v.attrs));
  }),
  ruleFor(matmulIntegerOp, (e, v) => {
    const [x, w] = v.inputs;
    const { tensor, zero } = signedBytes(e, w, e.nameOf(w) ?? "weight");
    const turned = e.node("Transpose", [tensor], { perm: [1, 0] });
    return e.node("MatMulInteger", productInputs(e, x, { tensor: turned, zero }, v.attrs.zero));
  }),
  ruleFor(maxPoolBytesOp, maxPoolNode),
]);
