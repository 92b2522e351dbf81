/** Comparing tensors with tolerance. */
import { expect } from "vitest";
import type { RefTensor } from "../src/ops/op.ts";

/**
 * |a − b| ≤ tolerance × (1 + largest magnitude expected): the error of a sum grows with its terms, not with its result.
 * NaN equals NaN, and infinities must be equal (a double beyond float32's range is one).
 */
export function expectClose(actual: RefTensor, expected: RefTensor, tolerance: number, what: string): void {
  expect(actual.shape, `${what}: shape`).toEqual(expected.shape);
  expect(actual.dtype, `${what}: dtype`).toBe(expected.dtype);
  let scale = 1;
  for (const e of expected.data) if (Number.isFinite(e)) scale = Math.max(scale, Math.abs(e));
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [Math.fround(actual.data[i]), Math.fround(expected.data[i])];
    if (a === e || (Number.isNaN(a) && Number.isNaN(e))) continue;
    if (!(Math.abs(a - e) <= tolerance * scale)) {
      expect.fail(`${what}: element ${i} is ${a}, expected ${e} (± ${tolerance * scale})`);
    }
  }
}
