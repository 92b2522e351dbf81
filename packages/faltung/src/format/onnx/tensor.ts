/** Tensors of an ONNX file: from their bytes to numbers, and from numbers to what a program can hold. */
import { FormatError } from "../../tensor/errors.ts";
import { type Shape, show, sizeOf } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { bfloat16ToNumber, float16ToNumber } from "../half.ts";
import { CARRIED, type OnnxType, isFloat, onnxType, onnxTypeCode } from "./dtype.ts";
import { type ExternalReader, readExternal } from "./external.ts";
import type { TensorProto } from "./model.ts";

/** Numbers that are known while a model is built. int64 is in doubles: exact up to 2⁵³, which shapes never reach. */
export interface HostTensor {
  readonly type: OnnxType;
  readonly shape: Shape;
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

/** The array that holds numbers of a type outside of a program. */
export function allocateHost(type: OnnxType, size: number): HostTensor["data"] {
  const { dtype, bits } = CARRIED[type];
  if (type === "double" || bits === 64 || type === "uint32") return new Float64Array(size);
  if (dtype === "float32") return new Float32Array(size);
  return dtype === "int32" ? new Int32Array(size) : new Uint8Array(size);
}

export function hostTensor(type: OnnxType, shape: Shape, values: ArrayLike<number>): HostTensor {
  const data = allocateHost(type, values.length);
  data.set(values);
  return { type, shape, data };
}

/** A list of whole numbers, as shapes and axes come. */
export function hostInts(values: readonly number[], shape: Shape = [values.length]): HostTensor {
  return hostTensor("int64", shape, values);
}

/**
 * The numbers of a TensorProto.
 * @throws FormatError if dims, type and data do not belong together; for a type that has no numbers (strings)
 */
export function decodeTensor(proto: TensorProto, external: ExternalReader | undefined, what: string): HostTensor {
  const name = `${what}: tensor "${proto.name}"`;
  const type = onnxType(proto.dataType);
  if (type === undefined)
    throw new FormatError(`${name} has the data type ${proto.dataType}, which ONNX does not know.`);
  const { dims } = proto;
  const size = sizeOf(dims);
  if (!dims.every((d) => Number.isSafeInteger(d) && d >= 0) || !Number.isSafeInteger(size)) {
    throw new FormatError(
      `${name} has the dimensions ${show(dims)}; they must be whole numbers ≥ 0, and not that large.`,
    );
  }
  if (CARRIED[type].dtype === undefined) throw new FormatError(`${name} is of type ${type}, which is not supported.`);
  const { floatData, int32Data, int64Data, doubleData, uint64Data, rawData } = proto;
  const typed = [floatData, int32Data, int64Data, doubleData, uint64Data].filter((list) => list.length > 0);
  if (
    typed.length +
      (rawData === undefined || (rawData.length === 0 && typed.length > 0) ? 0 : 1) +
      (proto.external ? 1 : 0) >
    1
  ) {
    throw new FormatError(`${name} has its data in more than one place (raw_data, a typed field, a file of its own).`);
  }
  if (proto.external !== undefined) {
    const length = Math.ceil((size * CARRIED[type].bits) / 8);
    return fromRaw(type, dims, readExternal(proto.external, length, external, name), name);
  }
  if (typed.length === 0) return fromRaw(type, dims, rawData ?? new Uint8Array(0), name);
  return fromFields(type, dims, proto, typed[0], name);
}

/** Which typed field holds which types: the comments of onnx.proto. */
function fieldOf(type: OnnxType, proto: TensorProto): readonly number[] {
  if (type === "float") return proto.floatData;
  if (type === "double") return proto.doubleData;
  if (type === "int64") return proto.int64Data;
  return type === "uint32" || type === "uint64" ? proto.uint64Data : proto.int32Data;
}

function fromFields(
  type: OnnxType,
  shape: Shape,
  proto: TensorProto,
  given: readonly number[],
  name: string,
): HostTensor {
  const field = fieldOf(type, proto);
  const { bits } = CARRIED[type];
  const size = sizeOf(shape);
  const perField = bits < 8 ? 8 / bits : 1;
  if (field !== given || field.length !== Math.ceil(size / perField)) {
    throw new FormatError(
      `${name} of type ${type} and shape ${show(shape)} needs ${Math.ceil(size / perField)} numbers in its own field; ` +
        `there are ${field === given ? given.length : `${given.length}, in another field`}.`,
    );
  }
  if (bits < 8) return fromRaw(type, shape, Uint8Array.from(field), name);
  if (type === "float16") return hostTensor(type, shape, field.map(float16ToNumber));
  if (type === "bfloat16") return hostTensor(type, shape, field.map(bfloat16ToNumber));
  return hostTensor(type, shape, field);
}

/** Little-endian bytes; of 2 and 4 bits the first number is in the low bits. */
function fromRaw(type: OnnxType, shape: Shape, raw: Uint8Array, name: string): HostTensor {
  const { bits, range } = CARRIED[type];
  const size = sizeOf(shape);
  const needed = Math.ceil((size * bits) / 8);
  if (raw.length !== needed) {
    throw new FormatError(
      `${name} of type ${type} and shape ${show(shape)} needs ${needed} bytes; there are ${raw.length}.`,
    );
  }
  if (type === "float") {
    // Typed arrays want aligned bytes: a copy, which also lets go of the rest of the file.
    return { type, shape, data: new Float32Array(new Uint8Array(raw).buffer) };
  }
  const data = allocateHost(type, size);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const signed = range !== undefined && range[0] < 0;
  const read = (i: number): number => {
    switch (type) {
      case "double":
        return view.getFloat64(i * 8, true);
      case "float16":
        return float16ToNumber(view.getUint16(i * 2, true));
      case "bfloat16":
        return bfloat16ToNumber(view.getUint16(i * 2, true));
      case "int64":
        return view.getInt32(i * 8 + 4, true) * 2 ** 32 + view.getUint32(i * 8, true);
      case "uint64":
        return view.getUint32(i * 8 + 4, true) * 2 ** 32 + view.getUint32(i * 8, true);
      default:
    }
    if (bits === 32) return signed ? view.getInt32(i * 4, true) : view.getUint32(i * 4, true);
    if (bits === 16) return signed ? view.getInt16(i * 2, true) : view.getUint16(i * 2, true);
    if (bits === 8) return signed ? view.getInt8(i) : view.getUint8(i);
    const perByte = 8 / bits;
    const field = (raw[Math.floor(i / perByte)] >> ((i % perByte) * bits)) & (2 ** bits - 1);
    return signed && field >= 2 ** (bits - 1) ? field - 2 ** bits : field;
  };
  for (let i = 0; i < size; i++) data[i] = read(i);
  return { type, shape, data };
}

/** ±2⁶³ and its like stand for "as far as it goes" in Slice and such; nothing is computed with them. */
const SENTINEL = 2 ** 62;

/**
 * The numbers as a program holds them: float32, int32 or uint8.
 * @throws FormatError if a whole number does not fit into 32 bits
 */
export function programTensor({ type, shape, data }: HostTensor, name: string): Tensor {
  const { dtype } = CARRIED[type];
  if (dtype === undefined) throw new FormatError(`${name} is of type ${type}, which is not supported.`);
  if (dtype === "float32") return new Tensor(data instanceof Float32Array ? data : Float32Array.from(data), shape);
  if (dtype === "uint8") return new Tensor(data instanceof Uint8Array ? data : Uint8Array.from(data), shape);
  if (data instanceof Int32Array) return new Tensor(data, shape);
  const [least, most] = [-(2 ** 31), 2 ** 31 - 1];
  const whole = Int32Array.from(data, (x) => {
    if ((x < least || x > most) && Math.abs(x) < SENTINEL) {
      throw new FormatError(
        `${name} is of type ${type} and holds ${x}; programs compute in int32, which it does not fit.`,
      );
    }
    return Math.min(Math.max(x, least), most);
  });
  return new Tensor(whole, shape);
}

/** A program's tensor under its ONNX type again. */
export function fromProgram(type: OnnxType, shape: Shape, data: ArrayLike<number>): HostTensor {
  return hostTensor(type, shape, data);
}

/** float32 as the bytes of a TensorProto; whole numbers as int64, the type of ONNX's shapes and indices. */
export function encodeTensor(name: string, tensor: Tensor, type: OnnxType): TensorProto {
  const { shape, data } = tensor;
  const empty = { floatData: [], int32Data: [], int64Data: [], doubleData: [], uint64Data: [] };
  const raw = isFloat(type)
    ? Float32Array.from(data)
    : type === "int64"
      ? BigInt64Array.from(data, BigInt)
      : data.slice();
  const rawData = new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
  return { name, dims: shape, dataType: onnxTypeCode(type), rawData, ...empty };
}
