/** ONNX's element types, how their bits are read, and which of our three dtypes carries them in a program. */
import type { DType } from "../../tensor/shape.ts";

/** TensorProto.DataType: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
export const ONNX_TYPES = {
  1: "float",
  2: "uint8",
  3: "int8",
  4: "uint16",
  5: "int16",
  6: "int32",
  7: "int64",
  8: "string",
  9: "bool",
  10: "float16",
  11: "double",
  12: "uint32",
  13: "uint64",
  14: "complex64",
  15: "complex128",
  16: "bfloat16",
  17: "float8e4m3fn",
  18: "float8e4m3fnuz",
  19: "float8e5m2",
  20: "float8e5m2fnuz",
  21: "uint4",
  22: "int4",
  23: "float4e2m1",
  24: "float8e8m0",
  25: "uint2",
  26: "int2",
} as const;

export type OnnxType = (typeof ONNX_TYPES)[keyof typeof ONNX_TYPES];

/** The type of that number, or undefined. */
export function onnxType(code: number): OnnxType | undefined {
  return (ONNX_TYPES as Readonly<Record<number, OnnxType>>)[code];
}

export function onnxTypeCode(type: OnnxType): number {
  return Number(Object.keys(ONNX_TYPES).find((code) => onnxType(Number(code)) === type));
}

interface Carried {
  /** Bits of an element in raw_data. */
  readonly bits: number;
  /** What holds such a tensor in a program; absent where nothing does. */
  readonly dtype?: DType;
  /** Whole numbers: the range, for saturation and overflow. */
  readonly range?: readonly [least: number, most: number];
}

const signed = (bits: number): Carried => ({ bits, dtype: "int32", range: [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] });
const unsigned = (bits: number): Carried => ({ bits, dtype: "int32", range: [0, 2 ** bits - 1] });

/**
 * float16, bfloat16 and double are computed with in float32; int64, uint32 and uint64 in int32 (numbers that do not
 * fit are refused, never wrapped, where they come in).
 */
export const CARRIED: Readonly<Record<OnnxType, Carried>> = {
  float: { bits: 32, dtype: "float32" },
  double: { bits: 64, dtype: "float32" },
  float16: { bits: 16, dtype: "float32" },
  bfloat16: { bits: 16, dtype: "float32" },
  uint8: { bits: 8, dtype: "uint8", range: [0, 255] },
  bool: { bits: 8, dtype: "uint8", range: [0, 1] },
  int8: signed(8),
  int16: signed(16),
  int32: signed(32),
  int64: signed(64),
  uint16: unsigned(16),
  uint32: unsigned(32),
  uint64: unsigned(64),
  uint4: unsigned(4),
  int4: signed(4),
  uint2: unsigned(2),
  int2: signed(2),
  string: { bits: 0 },
  complex64: { bits: 64 },
  complex128: { bits: 128 },
  float8e4m3fn: { bits: 8 },
  float8e4m3fnuz: { bits: 8 },
  float8e5m2: { bits: 8 },
  float8e5m2fnuz: { bits: 8 },
  float4e2m1: { bits: 4 },
  float8e8m0: { bits: 8 },
};

export function isFloat(type: OnnxType): boolean {
  return CARRIED[type].dtype === "float32";
}
