/**
 * Functions that Math lacks, in double precision: what the float32 kernels are tested against.
 */

/**
 * The error function. |x| < 2.5: its Maclaurin series with positive terms (Abramowitz & Stegun 7.1.6); beyond: the continued
 * fraction of erfc (7.1.14), by Lentz's backward recurrence. Relative error below 1e-14.
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 60; n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    return Math.sign(x) * sum * (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a);
  }
  let fraction = a;
  for (let n = 120; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / fraction / Math.sqrt(Math.PI));
}

/** Rounds halves to the even neighbour, as IEEE 754, WebAssembly and PyTorch do. */
export function roundEven(x: number): number {
  const low = Math.floor(x);
  const part = x - low;
  const nearest = part < 0.5 || (part === 0.5 && low % 2 === 0) ? low : low + 1;
  return nearest === 0 && (x < 0 || Object.is(x, -0)) ? -0 : nearest;
}

/** Power with C's special cases, where JavaScript's differ: 1 to any power and (−1)^±∞ are 1. */
export function power(a: number, b: number): number {
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
}

/** 1 / (1 + e^−x). */
export function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Truncated towards zero into int32: NaN gives 0, what is beyond gives the nearest end. */
export function truncateInt32(x: number): number {
  return Number.isNaN(x) ? 0 : Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(x)));
}
