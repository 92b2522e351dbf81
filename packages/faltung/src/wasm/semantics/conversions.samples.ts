/** Conversions between scalar types. */
import {
  type Meaning,
  type Meanings,
  lanesOf,
  bytesOf,
  floatsOf,
  floatBytes,
  satS,
  satU,
  signed,
  bitsOf,
} from "./lanes.samples.ts";

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

export function truncated(to: number, mode: string, x: number, saturate: boolean): bigint | "trap" {
  if (Number.isNaN(x)) return saturate ? 0n : "trap";
  if (!Number.isFinite(x))
    return saturate ? (mode === "S" ? satS : satU)(to, x > 0 ? 1n << 70n : -(1n << 70n)) : "trap";
  const whole = BigInt(Math.trunc(x));
  const inside = (mode === "S" ? satS : satU)(to, whole);
  return inside === whole || saturate ? inside : "trap";
}

export function scalarConversions(): Meanings {
  const all: Record<string, Meaning> = {};
  for (const mode of ["S", "U"]) {
    for (const from of ["F32", "F64"]) {
      for (const to of ["i32", "i64"]) {
        const [n, m] = [bitsOf[from.toLowerCase()], bitsOf[to]];
        for (const saturate of [false, true]) {
          all[`${to}.trunc${saturate ? "Sat" : ""}${from}${mode}`] = {
            run: ([x]) => {
              const whole = truncated(m, mode, floatsOf(x, n)[0], saturate);
              return whole === "trap" ? "trap" : bytesOf([whole], m);
            },
          };
        }
        all[`${from.toLowerCase()}.convert${to.toUpperCase()}${mode}`] = {
          run: ([x]) => {
            const value = signed(m, mode, lanesOf(x, m)[0]);
            return floatBytes([n === 32 ? float32Of(value) : Number(value)], n);
          },
        };
      }
    }
    all[`i64.extendI32${mode}`] = { run: ([x]) => bytesOf([signed(32, mode, lanesOf(x, 32)[0])], 64) };
  }
  const keep: Meaning = { run: ([x]) => x };
  return {
    ...all,
    "i32.wrapI64": { run: ([x]) => x.slice(0, 4) },
    "i32.reinterpretF32": keep,
    "i64.reinterpretF64": keep,
    "f32.reinterpretI32": keep,
    "f64.reinterpretI64": keep,
    "f32.demoteF64": { nan: 4, run: ([x]) => floatBytes(floatsOf(x, 64), 32) },
    "f64.promoteF32": { nan: 8, run: ([x]) => floatBytes(floatsOf(x, 32), 64) },
  };
}
