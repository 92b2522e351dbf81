/**
 * IDX, the format of MNIST and its kin: a magic number with type and rank, the dimensions, the numbers, all big-endian.
 * Format: http://yann.lecun.com/exdb/mnist/ ("The IDX file format").
 */
import { FormatError } from "../tensor/errors.ts";
import { type DType, sizeOf } from "../tensor/shape.ts";
import { Tensor, allocate } from "../tensor/tensor.ts";
import { gunzip, isGzip } from "./gzip.ts";

interface IdxType {
  readonly bytes: number;
  readonly dtype: DType;
  readonly get: (view: DataView, offset: number) => number;
}

/** By the third byte of the file. */
const TYPES: ReadonlyMap<number, IdxType> = new Map<number, IdxType>([
  [0x08, { bytes: 1, dtype: "uint8", get: (v, o) => v.getUint8(o) }],
  [0x09, { bytes: 1, dtype: "int32", get: (v, o) => v.getInt8(o) }],
  [0x0b, { bytes: 2, dtype: "int32", get: (v, o) => v.getInt16(o) }],
  [0x0c, { bytes: 4, dtype: "int32", get: (v, o) => v.getInt32(o) }],
  [0x0d, { bytes: 4, dtype: "float32", get: (v, o) => v.getFloat32(o) }],
  [0x0e, { bytes: 8, dtype: "float32", get: (v, o) => v.getFloat64(o) }],
]);

interface IdxHeader {
  readonly type: IdxType;
  readonly shape: readonly number[];
  /** Where the numbers begin. */
  readonly start: number;
}

/**
 * @param size bytes in the whole file, which the header must agree with
 * @param zipped the size is what the end of gzip data claims
 */
function parseHeader(head: Uint8Array, size: number, what: string, zipped = false): IdxHeader {
  if (size === 0) throw new FormatError(`${what}: the file is empty.`);
  const type = TYPES.get(head[2]);
  const rank = head[3];
  if (size < 4 || head[0] !== 0 || head[1] !== 0 || type === undefined || rank === 0) {
    const magic = [...head.subarray(0, 4)].map((b) => b.toString(16).padStart(2, "0")).join(" ");
    throw new FormatError(
      `${what}: it begins with the bytes ${magic}; an IDX file begins with 00 00, a type (08 to 0e) and a rank.`,
    );
  }
  const start = 4 + 4 * rank;
  if (head.length < start) throw new FormatError(`${what}: the file ends inside its IDX header: it is cut short.`);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = start + sizeOf(shape) * type.bytes;
  if (size !== expected) {
    const has = zipped
      ? `the end of its gzip data claims ${size}: it is cut short, damaged, or followed by other bytes (a second member?)`
      : `it has ${size}${size < expected ? ": it is cut short" : ""}`;
    throw new FormatError(`${what}: its header says [${shape.join(", ")}], which makes ${expected} bytes, but ${has}.`);
  }
  return { type, shape, start };
}

/**
 * Reads an IDX file, plain or gzip. Unsigned bytes become a uint8 tensor, other whole numbers int32, floating point
 * float32. Unsigned bytes of a plain file are a view of `bytes`, not a copy.
 *
 * @param what how messages name the file
 * @throws FormatError if the bytes are not an IDX file, or more or fewer than the header says
 *
 * @example
 * ```ts
 * const labels = await readIdx(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 3));
 * labels.shape; // [2]
 * ```
 */
export async function readIdx(bytes: Uint8Array, what = "IDX file"): Promise<Tensor> {
  const plain = isGzip(bytes)
    ? await gunzip(bytes, what, (head, size) => {
        parseHeader(head, size, what, true);
      })
    : bytes;
  const { type, shape, start } = parseHeader(plain, plain.length, what);
  if (type.dtype === "uint8") return new Tensor(plain.subarray(start), shape);
  const data = allocate(type.dtype, sizeOf(shape));
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
  for (let i = 0; i < data.length; i++) data[i] = type.get(view, start + i * type.bytes);
  return new Tensor(data, shape);
}
