/** What it takes to say, over bytes, what an instruction computes: lanes, saturation, signs. */

/** The 16 bytes of memory that an access sees, and the lane immediate. */
export interface Context {
  readonly lane: number;
  readonly lanes: readonly number[];
  readonly memory: Uint8Array;
}

export interface Meaning {
  /** Bytes of the result (none for void), or "trap". Stores write to `context.memory`. */
  readonly run: (operands: readonly Uint8Array[], context: Context) => Uint8Array | "trap";
  /** Width in bytes of the result's float lanes, of which any NaN equals any other. */
  readonly nan?: 4 | 8;
  /** Moves random operands to where every machine must agree: relaxed instructions are free outside of it. */
  readonly domain?: (operands: readonly Uint8Array[]) => void;
}

export type Meanings = Readonly<Record<string, Meaning>>;

export const U: (bits: number, value: bigint) => bigint = BigInt.asUintN;
export const S: (bits: number, value: bigint) => bigint = BigInt.asIntN;

/** The lanes as unsigned integers, lane 0 first. */
export function lanesOf(bytes: Uint8Array, bits: number): bigint[] {
  const size = bits / 8;
  return Array.from({ length: bytes.length / size }, (_, i) => {
    let value = 0n;
    for (let k = size - 1; k >= 0; k--) value = (value << 8n) | BigInt(bytes[i * size + k]);
    return value;
  });
}

export function bytesOf(lanes: readonly bigint[], bits: number): Uint8Array {
  const size = bits / 8;
  return Uint8Array.from({ length: lanes.length * size }, (_, i) =>
    Number((U(bits, lanes[Math.floor(i / size)]) >> BigInt(8 * (i % size))) & 0xffn),
  );
}

export function floatsOf(bytes: Uint8Array, bits: number): number[] {
  const { buffer } = bytes.slice();
  return Array.from(bits === 32 ? new Float32Array(buffer) : new Float64Array(buffer));
}

export function floatBytes(lanes: readonly number[], bits: number): Uint8Array {
  return new Uint8Array((bits === 32 ? Float32Array.from(lanes) : Float64Array.from(lanes)).buffer);
}

export const nothing: Uint8Array = new Uint8Array(0);
export const bool = (value: boolean): Uint8Array => bytesOf([value ? 1n : 0n], 32);

export const clamp = (low: bigint, value: bigint, high: bigint): bigint =>
  value < low ? low : value > high ? high : value;
export const satS = (n: number, value: bigint): bigint =>
  clamp(-(1n << BigInt(n - 1)), value, (1n << BigInt(n - 1)) - 1n);
export const satU = (n: number, value: bigint): bigint => clamp(0n, value, (1n << BigInt(n)) - 1n);
export const sign = (n: number): bigint => 1n << BigInt(n - 1);
export const signed = (n: number, mode: string, a: bigint): bigint => (mode === "S" ? S(n, a) : a);
export const bitsOf: Readonly<Record<string, number>> = { i32: 32, i64: 64, f32: 32 };
export const widths = [8, 16, 32, 64] as const;
export const spaceOf: Readonly<Record<number, string>> = { 8: "i8x16", 16: "i16x8", 32: "i32x4", 64: "i64x2" };
