/** Conversions between scalar types. */
import { type Meaning, type Meanings, floatBytes, lanesOf, satS, signed } from "./lanes.samples.ts";

/** The float32 nearest to an integer, ties to even, exact as BigInt arithmetic is. */
export function float32Of(value: bigint): number {
  const size = value < 0n ? -value : value;
  const shift = BigInt(Math.max(0, size.toString(2).length - 24));
  const half = shift > 0n ? 1n << (shift - 1n) : 0n;
  const rest = size - ((size >> shift) << shift);
  const up = rest > half || (rest === half && half > 0n && (size >> shift) % 2n === 1n);
  const rounded = Number(((size >> shift) + (up ? 1n : 0n)) << shift);
  return value < 0n ? -rounded : rounded;
}

/** To an integer of 32 bits towards zero; what lies outside becomes the nearest one, NaN zero. */
export function truncated(x: number): bigint {
  if (Number.isNaN(x)) return 0n;
  return satS(32, Number.isFinite(x) ? BigInt(Math.trunc(x)) : x > 0 ? 1n << 32n : -(1n << 32n));
}

export function scalarConversions(): Meanings {
  const convert = (mode: string): Meaning => ({
    run: ([x]) => floatBytes([float32Of(signed(32, mode, lanesOf(x, 32)[0]))], 32),
  });
  const keep: Meaning = { run: ([x]) => x };
  return {
    "f32.convertI32S": convert("S"),
    "f32.convertI32U": convert("U"),
    "i32.reinterpretF32": keep,
    "f32.reinterpretI32": keep,
  };
}
