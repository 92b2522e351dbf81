/**
 * Protocol buffers on the wire, read without copying and written: https://protobuf.dev/programming-guides/encoding/
 * Tags, varints and length prefixes are all an ONNX file needs, so a reader of our own keeps the library free of
 * dependencies; it trusts no byte and allocates nothing that the bytes themselves do not fill.
 */
import { FormatError } from "../../tensor/errors.ts";

/** One field of a message. Which of the members holds it depends on its wire type. */
export interface WireField {
  /** The field's number in its message. */
  readonly field: number;
  /** 0 varint, 1 eight bytes, 2 bytes with a length, 5 four bytes. */
  readonly wire: 0 | 1 | 2 | 5;
  /** Wire type 0: as a signed 64-bit integer, in the nearest double. */
  readonly int: number;
  /** Wire types 1, 2 and 5: the bytes, a view into the file. */
  readonly bytes: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A varint as its low and high 32 bits, unsigned. */
interface Varint {
  readonly low: number;
  readonly high: number;
  readonly next: number;
}

function varint(bytes: Uint8Array, at: number, what: string): Varint {
  let low = 0;
  let high = 0;
  for (let i = 0; i < 10; i++) {
    if (at + i >= bytes.length)
      throw new FormatError(`${what}: it ends in the middle of a number: the file is cut short.`);
    const byte = bytes[at + i];
    const seven = byte & 127;
    if (i < 4) low |= seven << (7 * i);
    else if (i === 4) {
      low |= seven << 28;
      high |= seven >>> 4;
    } else high |= seven << (7 * i - 32);
    if (byte < 128) return { low: low >>> 0, high: high >>> 0, next: at + i + 1 };
  }
  throw new FormatError(`${what}: a number is longer than 10 bytes: this is not an ONNX file, or it is damaged.`);
}

function signed({ low, high }: Varint): number {
  return (high | 0) * 2 ** 32 + low;
}

/**
 * The fields of a message, in order.
 * @param what names the message in errors
 * @throws FormatError at the first byte that is no protocol buffer
 */
export function* fields(bytes: Uint8Array, what: string): IterableIterator<WireField> {
  let at = 0;
  while (at < bytes.length) {
    const tag = varint(bytes, at, what);
    at = tag.next;
    const field = tag.low >>> 3;
    const wire = tag.low & 7;
    if (tag.high !== 0 || field === 0)
      throw new FormatError(`${what}: a field has the number ${field}: this is not an ONNX file.`);
    if (wire === 0) {
      const value = varint(bytes, at, what);
      at = value.next;
      yield { field, wire, int: signed(value), bytes: NOTHING };
      continue;
    }
    let length = 8;
    if (wire === 5) length = 4;
    else if (wire === 2) {
      const prefix = varint(bytes, at, what);
      at = prefix.next;
      length = prefix.high * 2 ** 32 + prefix.low;
    } else if (wire !== 1) {
      throw new FormatError(`${what}: field ${field} has the wire type ${wire}: this is not an ONNX file.`);
    }
    if (length > bytes.length - at) {
      throw new FormatError(
        `${what}: field ${field} claims ${length} bytes, but ${bytes.length - at} are left: the file is cut short or damaged.`,
      );
    }
    yield { field, wire, int: 0, bytes: bytes.subarray(at, at + length) };
    at += length;
  }
}

function mistyped(field: WireField, what: string): FormatError {
  return new FormatError(
    `${what}: field ${field.field} has the wire type ${field.wire}, which is not the one ONNX gives it.`,
  );
}

/** A nested message or bytes. */
export function bytesOf(field: WireField, what: string): Uint8Array {
  if (field.wire !== 2) throw mistyped(field, what);
  return field.bytes;
}

/** @throws FormatError if it is not UTF-8 */
export function textOf(field: WireField, what: string): string {
  try {
    return utf8.decode(bytesOf(field, what));
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(`${what}: the text in field ${field.field} is not UTF-8.`);
  }
}

export function intOf(field: WireField, what: string): number {
  if (field.wire !== 0) throw mistyped(field, what);
  return field.int;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function floatOf(field: WireField, what: string): number {
  if (field.wire !== 5) throw mistyped(field, what);
  return view(field.bytes).getFloat32(0, true);
}

/** Appends a repeated integer field: one number, or many packed ones. */
export function pushInts(list: number[], field: WireField, what: string): void {
  if (field.wire === 0) {
    list.push(field.int);
    return;
  }
  const bytes = bytesOf(field, what);
  for (let at = 0; at < bytes.length;) {
    const value = varint(bytes, at, what);
    list.push(signed(value));
    at = value.next;
  }
}

/** Appends a repeated float or double field: one number, or many packed ones. */
export function pushFloats(list: number[], field: WireField, width: 4 | 8, what: string): void {
  const { wire, bytes } = field;
  if (wire !== 2 && wire !== (width === 4 ? 5 : 1)) throw mistyped(field, what);
  if (bytes.length % width !== 0) {
    throw new FormatError(
      `${what}: field ${field.field} holds ${bytes.length} bytes, which are no whole numbers of ${width}.`,
    );
  }
  const numbers = view(bytes);
  for (let at = 0; at < bytes.length; at += width) {
    list.push(width === 4 ? numbers.getFloat32(at, true) : numbers.getFloat64(at, true));
  }
}

// Writing: a message is a list of encoded fields.

function varintBytes(low: number, high: number): number[] {
  const out: number[] = [];
  for (;;) {
    const seven = low & 127;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
    if (low === 0 && high === 0) {
      out.push(seven);
      return out;
    }
    out.push(seven | 128);
  }
}

function intBytes(value: number): number[] {
  const low = ((value % 2 ** 32) + 2 ** 32) % 2 ** 32;
  return varintBytes(low, Math.floor(value / 2 ** 32) >>> 0);
}

function tagged(field: number, wire: number, payload: readonly number[]): Uint8Array {
  return Uint8Array.from([...varintBytes((field << 3) | wire, 0), ...payload]);
}

/** A whole number (int32, int64, enum). */
export function writeInt(field: number, value: number): Uint8Array {
  return tagged(field, 0, intBytes(value));
}

export function writeFloat(field: number, value: number): Uint8Array {
  return tagged(field, 5, [...new Uint8Array(Float32Array.of(value).buffer)]);
}

/** Bytes, or a message that was joined already. */
export function writeBytes(field: number, bytes: Uint8Array): Uint8Array {
  return join([tagged(field, 2, intBytes(bytes.length)), bytes]);
}

export function writeText(field: number, text: string): Uint8Array {
  return writeBytes(field, new TextEncoder().encode(text));
}

/** Repeated integers, packed. */
export function writeInts(field: number, values: readonly number[]): Uint8Array {
  return writeBytes(field, Uint8Array.from(values.flatMap(intBytes)));
}

/** Repeated floats, packed. */
export function writeFloats(field: number, values: readonly number[]): Uint8Array {
  return writeBytes(field, new Uint8Array(Float32Array.from(values).buffer));
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
