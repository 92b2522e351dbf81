/** Lanes of vectors: those of vectors that are not full, and four vectors turned. */
import { type FunctionBuilder, type I32, type Local, type V128, i8x16, v128 } from "../../wasm/index.ts";

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

/** Rows and columns of four vectors exchanged. */
export function emitTranspose(f: FunctionBuilder, v: readonly Local<"v128">[]): readonly Local<"v128">[] {
  const [a, b, c, d] = v;
  const low = (x: Local<"v128">, y: Local<"v128">): Local<"v128"> => f.let(shuffle(x, y, [0, 4, 1, 5]));
  const high = (x: Local<"v128">, y: Local<"v128">): Local<"v128"> => f.let(shuffle(x, y, [2, 6, 3, 7]));
  const [ab, abHigh, cd, cdHigh] = [low(a, b), high(a, b), low(c, d), high(c, d)];
  return [
    f.let(shuffle(ab, cd, [0, 1, 4, 5])),
    f.let(shuffle(ab, cd, [2, 3, 6, 7])),
    f.let(shuffle(abHigh, cdHigh, [0, 1, 4, 5])),
    f.let(shuffle(abHigh, cdHigh, [2, 3, 6, 7])),
  ];
}

/** Four of the eight 32-bit lanes of two vectors. */
function shuffle(a: Local<"v128">, b: Local<"v128">, lanes: readonly number[]): ReturnType<typeof i8x16.shuffle> {
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 16; i++) bytes[i] = 4 * lanes[i >> 2] + (i & 3);
  return i8x16.shuffle(a, b, bytes);
}
