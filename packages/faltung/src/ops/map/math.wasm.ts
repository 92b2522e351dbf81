/**
 * Functions of four float32 lanes: range reduction, then a minimax polynomial. Errors are bounded in math.slow.test.ts.
 *
 * Sources: S. Moshier's Cephes, single precision (expf, logf; https://www.netlib.org/cephes/); erf after N. Juffa's
 * two-piece minimax approximation (https://stackoverflow.com/a/35148199). No relaxed instruction but by `e.fma`.
 */
import { type V128, f32x4, f64x2, i32x4, i64x2, i8x16, v128 } from "../../wasm/index.ts";
import type { ScalarEmitter } from "./expression.ts";

const c = (x: number): V128 => f32x4.const(x);

/** Horner's rule: coefficients from the highest power down. */
function polynomial(e: ScalarEmitter, x: V128, coefficients: readonly number[]): V128 {
  return coefficients.slice(1).reduce((sum, k) => e.fma(sum, x, c(k)), c(coefficients[0]));
}

/** 2^n for whole n from −126 to 127, given as i32 lanes. */
function powerOfTwo(n: V128): V128 {
  return i32x4.shl(i32x4.add(n, i32x4.const(127)), 23);
}

// ln 2 in two parts; products of the first with whole numbers below 2^9 are exact.
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444e-4;

/** x = n ln 2 + r with |r| ≤ ln 2 / 2. */
function reduceByLn2(e: ScalarEmitter, x: V128): { n: V128; r: V128 } {
  const n = e.let(f32x4.nearest(f32x4.mul(x, c(Math.LOG2E))));
  const high = e.fma(n, c(-LN2_HIGH), x);
  return { n, r: e.let(e.fma(n, c(-LN2_LOW), high)) };
}

/** (e^r − 1 − r) / r² on |r| ≤ ln 2 / 2. */
const EXP_TAIL = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1];

/** e^x. Overflows to ∞ and underflows gradually, through the denormals, to 0. */
export function exp(e: ScalarEmitter, x: V128): V128 {
  // pmin and pmax keep a NaN in their first operand.
  const { n, r } = reduceByLn2(e, e.let(f32x4.pmax(f32x4.pmin(x, c(89)), c(-104))));
  const p = f32x4.add(e.fma(polynomial(e, r, EXP_TAIL), f32x4.mul(r, r), r), c(1));
  // 2^n in two factors: n goes from −150 to 128, beyond what one exponent field holds.
  const k = e.let(i32x4.truncSatF32x4S(n));
  const half = e.let(i32x4.shrS(k, 1));
  return f32x4.mul(f32x4.mul(p, powerOfTwo(half)), powerOfTwo(i32x4.sub(k, half)));
}

/** e^x − 1, accurate near 0. */
export function expm1(e: ScalarEmitter, x: V128): V128 {
  const { n, r } = reduceByLn2(e, e.let(f32x4.pmax(f32x4.pmin(x, c(89)), c(-25))));
  const p = e.let(e.fma(polynomial(e, r, EXP_TAIL), f32x4.mul(r, r), r));
  // 2^n p + (2^n − 1), taken with 2^(n−1) and doubled so that n = 128 does not overflow too early.
  const s = e.let(powerOfTwo(i32x4.sub(i32x4.truncSatF32x4S(n), i32x4.const(1))));
  return f32x4.mul(f32x4.add(f32x4.mul(s, p), f32x4.sub(s, c(0.5))), c(2));
}

/** (log(1 + f) − f + f²/2) / f³ for √½ ≤ 1 + f ≤ √2. */
const LOG_TAIL = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
];

/** Natural logarithm: −∞ at 0, NaN below. */
export function log(e: ScalarEmitter, x: V128): V128 {
  const v = e.let(x);
  const tiny = e.let(f32x4.lt(v, c(2 ** -126)));
  // Denormals are scaled by 2^23 first.
  const scaled = e.let(v128.bitselect(f32x4.mul(v, c(2 ** 23)), v, tiny));
  // Subtracting the bits of √½ makes the exponent field count from there: 1 + f lies in [√½, √2).
  const bits = e.let(i32x4.sub(scaled, i32x4.const(0x3f3504f3)));
  const exponent = i32x4.sub(i32x4.shrS(bits, 23), v128.and(tiny, i32x4.const(23)));
  const n = e.let(f32x4.convertI32x4S(exponent));
  const mantissa = i32x4.add(v128.and(bits, i32x4.const(0x007fffff)), i32x4.const(0x3f3504f3));
  const f = e.let(f32x4.sub(mantissa, c(1)));
  const square = e.let(f32x4.mul(f, f));
  const tail = f32x4.mul(f32x4.mul(polynomial(e, f, LOG_TAIL), f), square);
  const low = e.fma(square, c(-0.5), e.fma(n, c(LN2_LOW), tail));
  const finite = e.fma(n, c(LN2_HIGH), f32x4.add(f, low));
  // 0 → −∞, below 0 → NaN, ∞ → ∞, NaN → NaN.
  const positive = v128.bitselect(finite, v, f32x4.lt(v, c(Infinity)));
  const special = v128.bitselect(c(-Infinity), v128.or(v, c(NaN)), f32x4.eq(v, c(0)));
  return v128.bitselect(positive, special, f32x4.gt(v, c(0)));
}

/** log(1 + x), accurate near 0: the logarithm of the rounded 1 + x, corrected by what rounding took away. */
export function log1p(e: ScalarEmitter, x: V128): V128 {
  const v = e.let(x);
  const u = e.let(f32x4.add(v, c(1)));
  const lost = f32x4.div(f32x4.sub(v, f32x4.sub(u, c(1))), u);
  const usable = v128.and(f32x4.lt(v, c(1e9)), f32x4.gt(u, c(0)));
  return f32x4.add(log(e, u), v128.and(lost, usable));
}

/** 1 / (1 + e^−x). */
export function sigmoid(e: ScalarEmitter, x: V128): V128 {
  return f32x4.div(c(1), f32x4.add(exp(e, f32x4.neg(x)), c(1)));
}

/** The sign bit of `sign` on |x|. */
function copySign(x: V128, sign: V128): V128 {
  return v128.or(x, v128.and(sign, i32x4.const(-0x80000000)));
}

/** tanh |x| = −t / (t + 2) with t = e^(−2|x|) − 1: no cancellation anywhere. */
export function tanh(e: ScalarEmitter, x: V128): V128 {
  const v = e.let(x);
  const t = e.let(expm1(e, f32x4.mul(f32x4.abs(v), c(-2))));
  return copySign(f32x4.div(f32x4.abs(t), f32x4.add(t, c(2))), v);
}

const ERF_SMALL = [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1];
const ERF_LARGE = [
  -1.7285347e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1, -1.28717512e-1,
];

/** The error function: x + x P(x²) up to 475/512, 1 − e^(−|x| Q(|x|)) beyond. */
export function erf(e: ScalarEmitter, x: V128): V128 {
  const v = e.let(x);
  const a = e.let(f32x4.abs(v));
  const square = e.let(f32x4.mul(v, v));
  const small = e.fma(polynomial(e, square, ERF_SMALL), v, v);
  // At |x| = 4 the function is 1 already; the polynomial is not meant for more.
  const t = e.let(f32x4.pmin(a, c(4)));
  const exponent = e.fma(polynomial(e, t, ERF_LARGE), t, f32x4.neg(t));
  const large = copySign(f32x4.sub(c(1), exp(e, exponent)), v);
  return v128.bitselect(large, small, f32x4.gt(a, c(0.927734375)));
}

/** a^b with C's special cases. In doubles inside, so that large exponents do not magnify the logarithm's error. */
export function pow(e: ScalarEmitter, a: V128, b: V128): V128 {
  const x = e.let(a);
  const y = e.let(b);
  const size = e.let(f32x4.abs(x));
  const half = (high: boolean): V128 => {
    const part = (v: V128): V128 =>
      f64x2.promoteLowF32x4(
        high ? i8x16.shuffle(v, v, [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]) : v,
      );
    return f32x4.demoteF64x2Zero(exp64(e, f64x2.mul(part(y), log64(e, e.let(part(size))))));
  };
  const low = e.let(half(false));
  const magnitude = e.let(i8x16.shuffle(low, half(true), [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]));
  const whole = e.let(f32x4.eq(f32x4.floor(y), y));
  const halved = e.let(f32x4.mul(y, c(0.5)));
  const odd = v128.andnot(whole, f32x4.eq(f32x4.floor(halved), halved));
  // The sign bit alone would make (−0)^odd −0, and so it is in C. Below 0, a broken exponent has no result.
  const signed = v128.xor(magnitude, v128.and(v128.and(x, i32x4.const(-0x80000000)), odd));
  const broken = v128.andnot(f32x4.lt(x, c(0)), v128.or(whole, f32x4.eq(size, c(Infinity))));
  const usual = v128.bitselect(c(NaN), signed, broken);
  const one = v128.or(
    v128.or(f32x4.eq(x, c(1)), f32x4.eq(y, c(0))),
    v128.and(f32x4.eq(size, c(1)), f32x4.eq(f32x4.abs(y), c(Infinity))),
  );
  return v128.bitselect(c(1), usual, one);
}

const d = (x: number): V128 => f64x2.const(x);

/** log of two doubles ≥ 0, to about 1e-12: 2 artanh((m − 1)/(m + 1)) with the mantissa m in [√½, √2). */
function log64(e: ScalarEmitter, x: V128): V128 {
  const bits = e.let(i64x2.sub(x, i64x2.splat(0x3fe6a09e667f3bcdn)));
  // A small whole number plus 1.5 × 2^52 has that number in its low bits: the way from i64 to f64.
  const magic = i64x2.splat(0x4338000000000000n);
  const n = f64x2.sub(i64x2.add(i64x2.shrS(bits, 52), magic), d(1.5 * 2 ** 52));
  const m = e.let(i64x2.add(v128.and(bits, i64x2.splat(0x000fffffffffffffn)), i64x2.splat(0x3fe6a09e667f3bcdn)));
  const s = e.let(f64x2.div(f64x2.sub(m, d(1)), f64x2.add(m, d(1))));
  const z = e.let(f64x2.mul(s, s));
  const series = [17, 15, 13, 11, 9, 7, 5, 3, 1].reduce<V128 | null>(
    (sum, k) => (sum === null ? d(2 / k) : f64x2.add(f64x2.mul(sum, z), d(2 / k))),
    null,
  );
  const finite = f64x2.add(f64x2.mul(s, series ?? s), f64x2.mul(n, d(Math.LN2)));
  const atZero = v128.bitselect(d(-Infinity), finite, f64x2.eq(x, d(0)));
  return v128.bitselect(atZero, x, f64x2.lt(x, d(Infinity)));
}

/** e^x of two doubles, to about 1e-12; beyond float32's range on both sides it is only ∞- or 0-like. */
function exp64(e: ScalarEmitter, x: V128): V128 {
  const v = e.let(f64x2.pmax(f64x2.pmin(x, d(120)), d(-130)));
  const n = e.let(f64x2.nearest(f64x2.mul(v, d(Math.LOG2E))));
  const r = e.let(f64x2.sub(v, f64x2.mul(n, d(Math.LN2))));
  let p = d(1);
  for (let k = 11; k > 0; k--) p = f64x2.add(f64x2.mul(p, f64x2.mul(r, d(1 / k))), d(1));
  const exponent = i64x2.extendLowI32x4S(i32x4.truncSatF64x2SZero(n));
  return f64x2.mul(p, i64x2.shl(i64x2.add(exponent, i64x2.splat(1023n)), 52));
}
