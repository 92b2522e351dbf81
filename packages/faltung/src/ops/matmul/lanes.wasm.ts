/** Lanes of vectors that are not full. */
import { type FunctionBuilder, type I32, type Local, type V128, v128 } from "../../wasm/index.ts";

/** `count` floats (1 to 4) from memory. `pointer` may be evaluated twice. */
export function loadLanes(pointer: I32, count: number, offset: number): V128 {
  if (count === 4) return v128.load(pointer, offset);
  if (count === 1) return v128.load32Zero(pointer, offset);
  const two = v128.load64Zero(pointer, offset);
  return count === 2 ? two : v128.load32Lane(pointer, two, 2, offset + 8);
}

export function storeLanes(
  f: FunctionBuilder,
  pointer: I32,
  value: Local<"v128">,
  count: number,
  offset: number,
): void {
  if (count === 4) {
    f.do(v128.store(pointer, value, offset));
    return;
  }
  if (count >= 2) f.do(v128.store64Lane(pointer, value, 0, offset));
  if (count % 2 === 1) f.do(v128.store32Lane(pointer, value, count - 1, offset + 4 * (count - 1)));
}
