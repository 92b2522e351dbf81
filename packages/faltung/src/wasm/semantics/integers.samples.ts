/** Integer instructions, scalar (one lane) and vector. */
import { type Meaning, type Meanings, S, lanesOf, bytesOf, bool, sign } from "./lanes.samples.ts";

type IntFn = (bits: number, a: bigint, b: bigint, c: bigint) => bigint | "trap";

const leastS = (n: number, a: bigint, b: bigint): bigint => (S(n, a) < S(n, b) ? a : b);

/** Lane by lane; a scalar is one lane. */
const intFns: Readonly<Record<string, IntFn>> = {
  add: (_, a, b) => a + b,
  sub: (_, a, b) => a - b,
  mul: (_, a, b) => a * b,
  divS: (n, a, b) => (b === 0n || (a === sign(n) && S(n, b) === -1n) ? "trap" : S(n, a) / S(n, b)),
  divU: (_, a, b) => (b === 0n ? "trap" : a / b),
  remS: (n, a, b) => (b === 0n ? "trap" : S(n, a) % S(n, b)),
  remU: (_, a, b) => (b === 0n ? "trap" : a % b),
  and: (_, a, b) => a & b,
  or: (_, a, b) => a | b,
  xor: (_, a, b) => a ^ b,
  not: (_, a) => ~a,
  andnot: (_, a, b) => a & ~b,
  bitselect: (_, a, b, c) => (a & c) | (b & ~c),
  shl: (n, a, b) => a << (b % BigInt(n)),
  shrS: (n, a, b) => S(n, a) >> (b % BigInt(n)),
  shrU: (n, a, b) => a >> (b % BigInt(n)),
  minS: leastS,
  minU: (_, a, b) => (a < b ? a : b),
  maxS: (n, a, b) => (leastS(n, a, b) === a ? b : a),
  maxU: (_, a, b) => (a > b ? a : b),
  abs: (n, a) => (S(n, a) < 0n ? -a : a),
  neg: (_, a) => -a,
};

const intTests: Readonly<Record<string, (n: number, a: bigint, b: bigint) => boolean>> = {
  eqz: (_, a) => a === 0n,
  eq: (_, a, b) => a === b,
  ne: (_, a, b) => a !== b,
  ltS: (n, a, b) => S(n, a) < S(n, b),
  ltU: (_, a, b) => a < b,
  gtS: (n, a, b) => S(n, a) > S(n, b),
  gtU: (_, a, b) => a > b,
  leS: (n, a, b) => S(n, a) <= S(n, b),
  leU: (_, a, b) => a <= b,
  geS: (n, a, b) => S(n, a) >= S(n, b),
  geU: (_, a, b) => a >= b,
};

/** Lane k of an operand; the i32 that a vector is shifted by has only one lane. */
function laneAt(operands: readonly Uint8Array[], i: number, k: number, n: number, shift: boolean): bigint {
  const operand = operands[i];
  if (!operand) return 0n;
  return shift && i === 1 ? lanesOf(operand, 32)[0] : lanesOf(operand, n)[k];
}

export function integers(n: 8 | 16 | 32 | 64, vector: boolean): Meanings {
  const all: Record<string, Meaning> = {};
  for (const [key, fn] of Object.entries(intFns)) {
    const shift = vector && /^sh[lr]/.test(key);
    all[key] = {
      run: (ops) => {
        const lanes = lanesOf(ops[0], n).map((a, k) =>
          fn(n, a, laneAt(ops, 1, k, n, shift), laneAt(ops, 2, k, n, false)),
        );
        return lanes.includes("trap") ? "trap" : bytesOf(lanes as bigint[], n);
      },
    };
  }
  for (const [key, fn] of Object.entries(intTests)) {
    all[key] = {
      run: (ops) => {
        const lanes = lanesOf(ops[0], n).map((a, k) => fn(n, a, laneAt(ops, 1, k, n, false)));
        return vector
          ? bytesOf(
              lanes.map((yes) => (yes ? -1n : 0n)),
              n,
            )
          : bool(lanes[0]);
      },
    };
  }
  return all;
}
