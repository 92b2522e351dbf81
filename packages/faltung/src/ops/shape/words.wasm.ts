/** The 32-bit words of vectors: some of two, and four vectors turned. */
import { type FunctionBuilder, type V128, i8x16 } from "../../wasm/index.ts";

/** Rows and columns of four vectors of words exchanged. Each vector is used twice: give locals. */
export function emitTranspose(f: FunctionBuilder, [a, b, c, d]: readonly V128[]): readonly V128[] {
  const low = (x: V128, y: V128): V128 => f.let(pickWords(x, y, [0, 4, 1, 5]));
  const high = (x: V128, y: V128): V128 => f.let(pickWords(x, y, [2, 6, 3, 7]));
  const [ab, abHigh, cd, cdHigh] = [low(a, b), high(a, b), low(c, d), high(c, d)];
  return [
    pickWords(ab, cd, [0, 1, 4, 5]),
    pickWords(ab, cd, [2, 3, 6, 7]),
    pickWords(abHigh, cdHigh, [0, 1, 4, 5]),
    pickWords(abHigh, cdHigh, [2, 3, 6, 7]),
  ];
}

/** Four of the eight words (32 bits) of two vectors. */
export function pickWords(a: V128, b: V128, words: readonly number[]): V128 {
  return i8x16.shuffle(
    a,
    b,
    words.flatMap((w) => [4 * w, 4 * w + 1, 4 * w + 2, 4 * w + 3]),
  );
}
