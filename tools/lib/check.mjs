/** Compares what an example gives with what its comment says. */
import assert from "node:assert/strict";

/** Typed arrays as lists, and tensors' own arrays too, so that they compare with what one writes. @param {unknown} x @returns {unknown} */
function plain(x) {
  if (ArrayBuffer.isView(x) && Symbol.iterator in x) return Array.from(/** @type {Iterable<unknown>} */ (x));
  if (Array.isArray(x)) return x.map(plain);
  if (x !== null && typeof x === "object" && Object.getPrototypeOf(x) === Object.prototype) {
    return Object.fromEntries(Object.entries(x).map(([key, value]) => [key, plain(value)]));
  }
  return x;
}

/**
 * `actual` with each number replaced by the expected one if they agree: to 1 in 10⁶ (the digits of float32), or `about`,
 * to the digits that are written.
 * @param {unknown} actual @param {unknown} expected @param {boolean} about @returns {unknown}
 */
function rounded(actual, expected, about) {
  if (typeof actual === "number" && typeof expected === "number") {
    const digits = /\.(\d+)/.exec(String(expected))?.[1].length ?? 0;
    const tolerance = about ? 0.5 * 10 ** -digits * (1 + 1e-9) : 1e-6 * Math.abs(expected);
    return Number.isFinite(expected) && Math.abs(actual - expected) <= tolerance ? expected : actual;
  }
  if (Array.isArray(actual) && Array.isArray(expected)) return actual.map((a, i) => rounded(a, expected[i], about));
  return actual;
}

/**
 * Throws unless `actual` is `expected`.
 * @param {unknown} actual
 * @param {unknown} expected
 * @param {boolean} about whether numbers may differ by what is not written of them
 */
export function check(actual, expected, about) {
  assert.deepEqual(rounded(plain(actual), expected, about), expected);
}
