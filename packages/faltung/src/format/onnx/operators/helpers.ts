/** What several families of operators share. */
import { constant, type Value } from "../../../ops/op.ts";
import { cast, div, mul, where, gt, sub, round } from "../../../ops/elementwise/elementwise.ts";
import { permute, reshape } from "../../../ops/shape/shape.ts";
import { resolveAxis, sizeOf, type DType, type Shape } from "../../../tensor/shape.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { CARRIED, type OnnxType } from "../dtype.ts";
import { Unsupported, type OnnxNode } from "../node.ts";

/** The dtype that carries an ONNX type in a program. */
export function carrier(type: OnnxType): DType {
  const { dtype } = CARRIED[type];
  if (dtype === undefined) throw new Unsupported(`type ${type} cannot be computed with`);
  return dtype;
}

/** A constant of given numbers. */
export function numbers(values: readonly number[], shape: Shape = [values.length], dtype: DType = "float32"): Value {
  const data =
    dtype === "float32"
      ? Float32Array.from(values)
      : dtype === "int32"
        ? Int32Array.from(values)
        : Uint8Array.from(values);
  return constant(new Tensor(data, shape));
}

/** 0, 1, 2, … along one axis of a rank, to be broadcast. */
export function ramp(size: number, axis: number, rank: number, dtype: DType = "int32"): Value {
  const shape = Array.from({ length: rank }, (_, d) => (d === axis ? size : 1));
  return numbers(
    Array.from({ length: size }, (_, i) => i),
    shape,
    dtype,
  );
}

/** Whole numbers of a narrow type that a result may have left: they wrap, as they do in C. */
export function wrapped(type: OnnxType, x: Value): Value {
  if (type === "int8") {
    const low = cast(cast(x, "uint8"), "int32");
    return where(gt(low, 127), sub(low, 256), low);
  }
  if (type === "int16" || type === "uint16") {
    // x·2¹⁶ wraps at 32 bits and has 16 significant ones left, which float32 divides exactly.
    const low = cast(div(cast(mul(x, 65536), "float32"), 65536), "int32");
    return type === "int16" ? low : where(gt(0, low), sub(low, -65536), low);
  }
  return x;
}

/** A float result as the whole numbers of a type, where it is whole but for rounding errors. */
export function asWhole(type: OnnxType, x: Value): Value {
  return cast(round(x), carrier(type));
}

export function axisOf(node: OnnxNode, axis: number, rank: number): number {
  return resolveAxis(axis, rank, node.label);
}

export function axesOf(node: OnnxNode, axes: readonly number[], rank: number): number[] {
  return axes.map((axis) => resolveAxis(axis, rank, node.label));
}

/** Axes as an attribute, or as an input from the opset on where they became one. Undefined where not given. */
export function givenAxes(node: OnnxNode, input: number): number[] | undefined {
  return node.has(input) ? node.numbers(input) : node.ints("axes");
}

/** x with an axis moved to another place. */
export function moveAxis(x: Value, from: number, to: number): Value {
  const axes = x.shape.map((_, d) => d).filter((d) => d !== from);
  axes.splice(to, 0, from);
  return permute(x, axes);
}

/** [C] (or one number) as [1, C, 1, …]: one for each channel of a tensor of that rank. */
export function alongAxis(v: Value, axis: number, rank: number): Value {
  if (sizeOf(v.shape) === 1) return reshape(v, []);
  return reshape(
    v,
    Array.from({ length: rank }, (_, d) => (d === axis ? sizeOf(v.shape) : 1)),
  );
}

/** A list with one number for each spatial axis, of an attribute that may be missing. */
export function perSpatial(node: OnnxNode, name: string, rank: number, fallback: number, least: number): number[] {
  const list = node.ints(name) ?? Array.from({ length: rank }, () => fallback);
  if (list.length !== rank || list.some((n) => n < least)) {
    node.fail(
      `attribute ${name} is [${list.join(", ")}]; ${rank} whole numbers ≥ ${least} are needed, one for each spatial axis.`,
    );
  }
  return list;
}
