/**
 * The header of a safetensors file: JSON of one fixed form, read from untrusted bytes.
 * Format and its checks: https://github.com/huggingface/safetensors#format
 *
 * JSON.parse would keep the last of two equal keys, round large numbers and build whatever it is given; this reader
 * follows the form itself, so that it stops at the first thing that is wrong.
 */
import { FormatError } from "../tensor/errors.ts";

/** Bytes of one element of each dtype that can be read. */
export const SAFETENSORS_BYTES = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

export type SafetensorsDType = keyof typeof SAFETENSORS_BYTES;

/** Where a tensor lies in its file. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  /** Length in bytes. */
  readonly length: number;
}

export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of their places in the file. */
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
}

/** Length in bytes of the number that comes first: the length of the header. */
export const PREFIX = 8;
/** The longest header that the format allows. */
export const MAX_HEADER = 100_000_000;
/** How deep a value may nest that this reader does not know and passes over; serde_json has the same limit. */
const MAX_DEPTH = 128;

/**
 * The length of the header, from the first eight bytes.
 * @param size bytes in the whole file
 * @throws FormatError
 */
export function headerLength(prefix: Uint8Array, size: number, what: string): number {
  if (size < PREFIX) {
    throw new FormatError(
      `${what}: ${size} bytes are too few for a safetensors file, which begins with 8 bytes of length.`,
    );
  }
  const view = new DataView(prefix.buffer, prefix.byteOffset, PREFIX);
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  if (length > MAX_HEADER) {
    throw new FormatError(
      `${what}: it claims a header of ${view.getBigUint64(0, true)} bytes, and 100,000,000 are allowed. ` +
        `Is it a safetensors file?`,
    );
  }
  if (PREFIX + length > size) {
    throw new FormatError(
      `${what}: the header needs ${PREFIX + length} bytes, but the file has ${size}: it is cut short.`,
    );
  }
  return length;
}

/**
 * Reads and checks the header: names, dtypes, shapes, and that the tensors fill the file without holes or overlaps.
 * @param bytes the header alone, without the eight bytes of length
 * @param size bytes in the whole file
 * @throws FormatError naming the tensor
 */
export function parseHeader(bytes: Uint8Array, size: number, what: string): SafetensorsHeader {
  if (bytes[0] !== 0x7b) {
    throw new FormatError(
      `${what}: a header begins with "{"; this one ${bytes.length === 0 ? "is empty" : "does not"}.`,
    );
  }
  const { metadata, records } = readHeader(new Reader(decode(bytes, what), what));
  const dataStart = PREFIX + bytes.length;
  records.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const tensors = new Map<string, SafetensorsEntry>();
  let position = 0;
  let previous = "the header";
  for (const { name, dtype, shape, begin, end } of records) {
    if (begin !== position) {
      const fault =
        begin < position ? `overlaps ${previous}` : `leaves a hole of ${begin - position} bytes after ${previous}`;
      throw new FormatError(
        `${what}: tensor ${quote(name)} ${fault} (it begins at byte ${begin} of the data instead of ${position}).`,
      );
    }
    tensors.set(name, { name, dtype, shape, offset: dataStart + begin, length: end - begin });
    position = end;
    previous = `tensor ${quote(name)}`;
  }
  if (dataStart + position !== size) {
    throw new FormatError(
      dataStart + position > size
        ? `${what}: tensors need ${dataStart + position} bytes, but the file has ${size}: it is cut short.`
        : `${what}: ${size - dataStart - position} bytes follow the last tensor; nothing may.`,
    );
  }
  return { metadata, tensors };
}

function decode(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError(`${what}: the header is not UTF-8 text.`, { cause });
  }
}

interface TensorRecord {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function readHeader(r: Reader): { readonly metadata: Map<string, string>; readonly records: TensorRecord[] } {
  const metadata = new Map<string, string>();
  const records: TensorRecord[] = [];
  r.object("the header", (key) => {
    if (key === "__metadata__") {
      r.object("__metadata__", (name) => metadata.set(name, r.string(`__metadata__ ${quote(name)}`)));
    } else {
      records.push(readTensor(r, key));
    }
  });
  r.end();
  return { metadata, records };
}

function readTensor(r: Reader, name: string): TensorRecord {
  const what = `tensor ${quote(name)}`;
  let dtype: SafetensorsDType | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  r.object(what, (field) => {
    if (field === "dtype") dtype = checkDtype(r, r.string(`dtype of ${what}`), what);
    else if (field === "shape") shape = r.integers(`shape of ${what}`);
    else if (field === "data_offsets") offsets = r.integers(`data_offsets of ${what}`);
    else r.skip();
  });
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    const missing = dtype === undefined ? "dtype" : shape === undefined ? "shape" : "data_offsets";
    throw r.error(`${what} has no ${missing}`);
  }
  const [begin, end] = offsets;
  if (offsets.length !== 2 || begin > end) {
    throw r.error(`${what} has data_offsets [${offsets.join(", ")}]; expected [begin, end] with begin ≤ end`);
  }
  let bytes: number = SAFETENSORS_BYTES[dtype];
  for (const d of shape) {
    bytes *= d;
    if (!Number.isSafeInteger(bytes)) throw r.error(`${what} has shape [${shape.join(", ")}], which is too large`);
  }
  if (bytes !== end - begin) {
    throw r.error(
      `${what} is ${dtype} [${shape.join(", ")}] = ${bytes} bytes, but its data_offsets span ${end - begin}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

function checkDtype(r: Reader, text: string, what: string): SafetensorsDType {
  if (!Object.hasOwn(SAFETENSORS_BYTES, text)) {
    throw r.error(`${what} has dtype ${quote(text)}; known are ${Object.keys(SAFETENSORS_BYTES).join(", ")}`);
  }
  return text as SafetensorsDType;
}

/** A name in a message: escaped, and not longer than a line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text);
}

/** A cursor over JSON text that is asked for what it expects next. */
class Reader {
  readonly #text: string;
  readonly #what: string;
  #at = 0;

  constructor(text: string, what: string) {
    this.#text = text;
    this.#what = what;
  }

  error(message: string): FormatError {
    return new FormatError(`${this.#what}: ${message} (character ${this.#at} of the header).`);
  }

  /** The next character that is not white space, not consumed; "" at the end. */
  #peek(): string {
    while (" \n\r\t".includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at++;
    return this.#text.charAt(this.#at);
  }

  #take(expected: string, where: string): void {
    const found = this.#peek();
    if (found !== expected) {
      throw this.error(`${where}: expected ${quote(expected)}, found ${found === "" ? "the end" : quote(found)}`);
    }
    this.#at++;
  }

  /** An object: `each` is called with the cursor before each value and must consume it. Keys may not repeat. */
  object(what: string, each: (key: string) => void): void {
    const seen = new Set<string>();
    this.#take("{", what);
    if (this.#peek() !== "}") {
      do {
        const key = this.string(`a key of ${what}`);
        if (seen.has(key)) throw this.error(`${what} has the key ${quote(key)} twice`);
        seen.add(key);
        this.#take(":", what);
        each(key);
      } while (this.#comma());
    }
    this.#take("}", what);
  }

  #comma(): boolean {
    if (this.#peek() !== ",") return false;
    this.#at++;
    return true;
  }

  string(what: string): string {
    this.#take('"', what);
    const start = this.#at - 1;
    for (;;) {
      const c = this.#text.charCodeAt(this.#at);
      if (Number.isNaN(c)) throw this.error(`${what}: the text ends inside a string`);
      this.#at += c === 0x5c ? 2 : 1;
      if (c === 0x22) break;
    }
    try {
      const text: unknown = JSON.parse(this.#text.slice(start, this.#at)); // for the escapes
      if (typeof text === "string" && !/\p{Surrogate}/u.test(text)) return text;
    } catch {
      // falls through to the error below
    }
    throw this.error(`${what} is not a well-formed string`);
  }

  /** An array of whole numbers from 0 to 2^53 − 1. */
  integers(what: string): number[] {
    const values: number[] = [];
    this.#take("[", what);
    if (this.#peek() !== "]") {
      do {
        this.#peek();
        const token = this.#word();
        const value = Number(token);
        if (!/^(0|[1-9]\d*)$/.test(token) || !Number.isSafeInteger(value)) {
          throw this.error(`${what} contains ${quote(token)}; expected whole numbers from 0 to 2^53 − 1`);
        }
        values.push(value);
      } while (this.#comma());
    }
    this.#take("]", what);
    return values;
  }

  /** The characters up to the next delimiter. */
  #word(): string {
    const start = this.#at;
    while (this.#at < this.#text.length && !',:]}[{" \n\r\t'.includes(this.#text.charAt(this.#at))) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  /** Passes over any value. */
  skip(depth = 0): void {
    if (depth > MAX_DEPTH) throw this.error(`values nest deeper than ${MAX_DEPTH}`);
    const c = this.#peek();
    if (c === "{") {
      this.object("a value", () => this.skip(depth + 1));
    } else if (c === "[") {
      this.#at++;
      if (this.#peek() !== "]") {
        do this.skip(depth + 1);
        while (this.#comma());
      }
      this.#take("]", "a list");
    } else if (c === '"') {
      this.string("a value");
    } else {
      const token = this.#word();
      if (!/^(true|false|null|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)$/.test(token)) {
        throw this.error(`${quote(token || c)} is not a JSON value`);
      }
    }
  }

  end(): void {
    if (this.#peek() !== "") throw this.error("something follows the header's closing brace");
  }
}
