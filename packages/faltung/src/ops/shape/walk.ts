/** Walking over the elements of a box, for reference loops. */
import type { Shape } from "../../tensor/shape.ts";
import { sizeOf } from "../../tensor/shape.ts";

/** Calls `visit` for every index of `shape` in row-major order. The array is reused from call to call. */
export function eachIndex(shape: Shape, visit: (index: readonly number[], flat: number) => void): void {
  const size = sizeOf(shape);
  const index = shape.map(() => 0);
  for (let flat = 0; flat < size; flat++) {
    visit(index, flat);
    for (let d = shape.length - 1; d >= 0 && ++index[d] === shape[d]; d--) index[d] = 0;
  }
}

/** Place of `index` in a row-major array, given the array's strides. */
export function offsetOf(index: readonly number[], strides: readonly number[]): number {
  let offset = 0;
  for (let d = 0; d < strides.length; d++) offset += index[d] * strides[d];
  return offset;
}
