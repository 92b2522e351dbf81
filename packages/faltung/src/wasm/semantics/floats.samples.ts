/** Float instructions, scalar and vector. */
import { type Meaning, type Meanings, lanesOf, bytesOf, floatsOf, floatBytes, bool, sign } from "./lanes.samples.ts";

const copySign = (x: number, y: number): number => (Object.is(Math.sign(y), -0) || y < 0 ? -Math.abs(x) : Math.abs(x));

/** To the nearest integer, ties to even. */
function nearest(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (!(rest > 0)) return x;
  return copySign(rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1, x);
}

/** In float64, then rounded: for + − × ÷ √ of float32 the second rounding is known to be innocent (53 ≥ 2·24 + 2). */
const floatFns: Readonly<Record<string, (a: number, b: number, c: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  sqrt: Math.sqrt,
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
  ceil: Math.ceil,
  floor: Math.floor,
  trunc: Math.trunc,
  nearest,
  relaxedMadd: (a, b, c) => a * b + c,
};

const floatTests: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  gt: (a, b) => a > b,
  le: (a, b) => a <= b,
  ge: (a, b) => a >= b,
};

/** On the bits alone, so that even a NaN's are kept. */
const floatBits: Readonly<Record<string, (n: number, a: bigint, b: bigint, x: number, y: number) => bigint>> = {
  abs: (n, a) => a & ~sign(n),
  neg: (n, a) => a ^ sign(n),
  pmin: (_, a, b, x, y) => (y < x ? b : a),
  pmax: (_, a, b, x, y) => (x < y ? b : a),
};

/** Small integers, none zero: sums and products of them are exact, fused or not. */
function smallFloats(operands: readonly Uint8Array[], n: 32 | 64): void {
  for (const bytes of operands) {
    const lanes = lanesOf(bytes, n).map((lane) => Number(lane % 1000n) - 500 || 7);
    bytes.set(floatBytes(lanes, n));
  }
}

export function floats(n: 32 | 64, vector: boolean): Meanings {
  const all: Record<string, Meaning> = {};
  const nan = n === 32 ? 4 : 8;
  for (const [key, fn] of Object.entries(floatFns)) {
    all[key] = {
      nan,
      run: (ops) => {
        const [a, b, c] = ops.map((bytes) => floatsOf(bytes, n));
        return floatBytes(
          (a ?? []).map((x, k) => fn(x, b?.[k] ?? 0, c?.[k] ?? 0)),
          n,
        );
      },
      ...(key.startsWith("relaxed") ? { domain: (ops) => smallFloats(ops, n) } : {}),
    };
  }
  for (const [key, fn] of Object.entries(floatTests)) {
    all[key] = {
      run: (ops) => {
        const [a = [], b = []] = ops.map((bytes) => floatsOf(bytes, n));
        const lanes = a.map((x, k) => fn(x, b[k]));
        return vector
          ? bytesOf(
              lanes.map((yes) => (yes ? -1n : 0n)),
              n,
            )
          : bool(lanes[0]);
      },
    };
  }
  for (const [key, fn] of Object.entries(floatBits)) {
    all[key] = {
      run: (ops) => {
        const [a = [], b = []] = ops.map((bytes) => lanesOf(bytes, n));
        const [x = [], y = []] = ops.map((bytes) => floatsOf(bytes, n));
        return bytesOf(
          a.map((lane, k) => fn(n, lane, b[k] ?? 0n, x[k] ?? 0, y[k] ?? 0)),
          n,
        );
      },
    };
  }
  return all;
}
