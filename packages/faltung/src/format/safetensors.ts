/**
 * safetensors: named tensors in one file, with a JSON header and nothing that could be executed.
 * Format: https://github.com/huggingface/safetensors#format
 */
import { FormatError } from "../tensor/errors.ts";
import { type DType, checkShape, sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { bfloat16ToNumber, float16ToNumber } from "./half.ts";
import {
  PREFIX,
  SAFETENSORS_BYTES,
  type SafetensorsDType,
  type SafetensorsEntry,
  type SafetensorsHeader,
  headerLength,
  parseHeader,
  quote,
} from "./safetensors-header.ts";
import { type Source, joinBytes } from "./source.ts";

export type { SafetensorsDType, SafetensorsEntry } from "./safetensors-header.ts";

/** A tensor as it lies in a file: little-endian bytes of any of the format's dtypes. */
export interface RawTensor {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** What a whole file holds, read into memory. */
export interface Safetensors {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, RawTensor>;
}

/** A file whose header has been read and checked, and whose tensors are read one by one. */
export interface SafetensorsFile {
  readonly metadata: ReadonlyMap<string, string>;
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** Reads one tensor. @throws FormatError if there is none of that name. */
  read(name: string): Promise<RawTensor>;
}

/**
 * Opens a safetensors file without reading its tensors.
 *
 * @param what how messages name the file
 * @throws FormatError saying what is wrong with the header
 *
 * @example
 * ```ts
 * const file = await openSafetensors(bytesSource(writeSafetensors([["weight", Tensor.from([1, 2])]])));
 * toTensor(await file.read("weight")).shape; // [2]
 * ```
 */
export async function openSafetensors(source: Source, what = "safetensors"): Promise<SafetensorsFile> {
  const { size } = source;
  const length = headerLength(await source.read(0, Math.min(PREFIX, size)), size, what);
  const header = parseHeader(await source.read(PREFIX, length), size, what);
  return {
    metadata: header.metadata,
    entries: header.tensors,
    read: async (name) => {
      const { dtype, shape, offset, length: bytes } = find(header, name, what);
      return { dtype, shape, bytes: await source.read(offset, bytes) };
    },
  };
}

/**
 * Reads a safetensors file from memory. The tensors' bytes are views of `bytes`, not copies.
 *
 * @param what how messages name the file
 * @throws FormatError saying what is wrong with the header
 *
 * @example
 * ```ts
 * const { tensors, metadata } = readSafetensors(writeSafetensors([["bias", Tensor.from([1, 2])]], { format: "pt" }));
 * metadata.get("format"); // "pt"
 * for (const [name, raw] of tensors) toTensor(raw, name).data; // Float32Array [1, 2]
 * ```
 */
export function readSafetensors(bytes: Uint8Array, what = "safetensors"): Safetensors {
  const length = headerLength(bytes, bytes.length, what);
  const header = parseHeader(bytes.subarray(PREFIX, PREFIX + length), bytes.length, what);
  const tensors = new Map<string, RawTensor>();
  for (const { name, dtype, shape, offset, length: n } of header.tensors.values()) {
    tensors.set(name, { dtype, shape, bytes: bytes.subarray(offset, offset + n) });
  }
  return { metadata: header.metadata, tensors };
}

function find(header: SafetensorsHeader, name: string, what: string): SafetensorsEntry {
  const entry = header.tensors.get(name);
  if (entry === undefined) {
    throw new FormatError(`${what}: it has no tensor ${quote(name)}; it has ${header.tensors.size} others.`);
  }
  return entry;
}

/** The dtype in memory for each dtype in a file. */
const IN_MEMORY: Readonly<Record<SafetensorsDType, DType>> = {
  F64: "float32",
  F32: "float32",
  F16: "float32",
  BF16: "float32",
  I64: "int32",
  U64: "int32",
  I32: "int32",
  U32: "int32",
  I16: "int32",
  U16: "int32",
  I8: "int32",
  U8: "uint8",
  BOOL: "uint8",
};

/**
 * A file's tensor as one to compute with: floating point becomes float32, whole numbers int32, U8 and BOOL uint8.
 * F16 and BF16 are exact; F64 is rounded. The numbers are always a copy.
 *
 * @param name how messages name the tensor
 * @throws FormatError for a whole number that int32 cannot hold, or a BOOL that is neither 0 nor 1
 */
export function toTensor(raw: RawTensor, name = "tensor"): Tensor {
  const values = numbers(raw);
  switch (IN_MEMORY[raw.dtype]) {
    case "float32":
      return new Tensor(Float32Array.from(values as ArrayLike<number>), raw.shape);
    case "int32":
      return new Tensor(toInt32(values, raw.dtype, name), raw.shape);
    case "uint8": {
      const wrong = raw.dtype === "BOOL" ? raw.bytes.findIndex((b) => b > 1) : -1;
      if (wrong >= 0) {
        throw new FormatError(`${name}: element ${wrong} of a BOOL tensor is ${raw.bytes[wrong]}; it must be 0 or 1.`);
      }
      return new Tensor(raw.bytes.slice(), raw.shape);
    }
  }
}

function toInt32(values: ArrayLike<number | bigint>, dtype: SafetensorsDType, name: string): Int32Array {
  return Int32Array.from({ length: values.length }, (_, i) => {
    const value = Number(values[i]);
    if (value < -(2 ** 31) || value >= 2 ** 31) {
      throw new FormatError(`${name}: element ${i} of a ${dtype} tensor is ${values[i]}, which int32 cannot hold.`);
    }
    return value;
  });
}

/**
 * All numbers of a file's tensor, exactly: 64-bit whole numbers as bigint, everything else as number
 * (F16 and BF16 as their float32 values).
 */
export function numbers(raw: RawTensor): ArrayLike<number> | ArrayLike<bigint> {
  const { buffer } = aligned(raw.bytes);
  switch (raw.dtype) {
    case "F64":
      return new Float64Array(buffer);
    case "F32":
      return new Float32Array(buffer);
    case "F16":
      return Float32Array.from(new Uint16Array(buffer), float16ToNumber);
    case "BF16":
      return Float32Array.from(new Uint16Array(buffer), bfloat16ToNumber);
    case "I64":
      return new BigInt64Array(buffer);
    case "U64":
      return new BigUint64Array(buffer);
    case "I32":
      return new Int32Array(buffer);
    case "U32":
      return new Uint32Array(buffer);
    case "I16":
      return new Int16Array(buffer);
    case "U16":
      return new Uint16Array(buffer);
    case "I8":
      return new Int8Array(buffer);
    case "U8":
    case "BOOL":
      return new Uint8Array(buffer);
  }
}

/** A copy that begins at the start of its own buffer, whatever the file's alignment was. */
function aligned(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

const IN_FILE: Readonly<Record<DType, SafetensorsDType>> = { float32: "F32", int32: "I32", uint8: "U8" };

/** A tensor as it will lie in a file; its bytes are a view. */
export function toRaw(tensor: Tensor): RawTensor {
  const { data } = tensor;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { dtype: IN_FILE[tensor.dtype], shape: tensor.shape, bytes };
}

/**
 * Whole numbers as I64, the dtype that PyTorch gives to counters such as `num_batches_tracked`.
 * @param values each a safe integer
 */
export function int64Raw(values: readonly number[], shape: readonly number[] = [values.length]): RawTensor {
  const data = BigInt64Array.from(values, BigInt);
  return { dtype: "I64", shape, bytes: new Uint8Array(data.buffer) };
}

/**
 * Writes a safetensors file. The same tensors give the same bytes, whatever their order: they are laid out by size of
 * element, largest first, then by name (as the Rust library does), so that each is aligned; the header is padded
 * to a multiple of 8.
 *
 * @throws FormatError for a name that occurs twice or is reserved, or bytes that do not fit their shape
 *
 * @example
 * ```ts
 * writeSafetensors([["weight", Tensor.zeros([2, 2])]], { made_by: "me" }).length; // 120: 8 for the length of the header, the header, 16 for the numbers
 * ```
 */
export function writeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: Tensor | RawTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  return joinBytes(safetensorsChunks(tensors, metadata));
}

/** The same bytes as {@link writeSafetensors}, as the header and views of the tensors: nothing large is copied. */
export function safetensorsChunks(
  tensors: Iterable<readonly [name: string, tensor: Tensor | RawTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const sorted = [...tensors]
    .map(([name, tensor]) => ({ name, raw: tensor instanceof Tensor ? toRaw(tensor) : tensor }))
    .sort((a, b) => SAFETENSORS_BYTES[b.raw.dtype] - SAFETENSORS_BYTES[a.raw.dtype] || compare(a.name, b.name));
  const parts: string[] = [];
  const keys = Object.keys(metadata).sort(compare);
  if (keys.length > 0) {
    const pairs = keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`);
    parts.push(`"__metadata__":{${pairs.join(",")}}`);
  }
  const seen = new Set<string>(["__metadata__"]);
  let offset = 0;
  for (const { name, raw } of sorted) {
    checkWritable(name, raw, seen);
    const end = offset + raw.bytes.length;
    const fields = `"dtype":"${raw.dtype}","shape":[${raw.shape.join(",")}],"data_offsets":[${offset},${end}]`;
    parts.push(`${JSON.stringify(name)}:{${fields}}`);
    offset = end;
  }
  return [encodeHeader(`{${parts.join(",")}}`), ...sorted.map(({ raw }) => raw.bytes)];
}

function checkWritable(name: string, raw: RawTensor, seen: Set<string>): void {
  if (seen.has(name)) {
    const why = name === "__metadata__" ? "is reserved by the format" : "is given twice";
    throw new FormatError(`writeSafetensors: the name ${quote(name)} ${why}.`);
  }
  seen.add(name);
  checkShape(raw.shape, `writeSafetensors: ${name}`);
  const expected = sizeOf(raw.shape) * SAFETENSORS_BYTES[raw.dtype];
  if (raw.bytes.length !== expected) {
    throw new FormatError(
      `writeSafetensors: ${quote(name)} has ${raw.bytes.length} bytes; ` +
        `${raw.dtype} [${raw.shape.join(", ")}] is ${expected}.`,
    );
  }
}

function encodeHeader(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.length / 8) * 8;
  const header = new Uint8Array(PREFIX + length).fill(0x20);
  header.set(text, PREFIX);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  return header;
}

/** By code unit: the same on every machine, unlike localeCompare. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
