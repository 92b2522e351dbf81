/**
 * Winograd's algorithms in whole numbers, exact. The transforms of conv/winograd/transforms.ts with their fractions taken
 * out: each row of G is multiplied by what makes it whole, and the results are a multiple of the sums, by a factor
 * that is known for each: 3·2ˢ along a dimension for F(4), 2 for F(2). All arithmetic is modulo 2³². There the odd part of the
 * factor has an inverse, and the even part is a shift, so that the sum itself comes back, exactly, as long as 2ˢ⁺ˢ′ times
 * it fits into 32 bits. Transformed inputs and weights fit into 16.
 */
import { type FunctionBuilder, type Local, type V128, i16x8, i32x4 } from "../../wasm/index.ts";

export interface IntegerWinograd {
  readonly m: 2 | 4;
  /** Bᵀ·d of int16: m + 2 inputs, which are locals. */
  input(f: FunctionBuilder, d: readonly Local<"v128">[]): V128[];
  /** The rows of G, whole. */
  readonly filter: readonly (readonly [number, number, number])[];
  /** Aᵀ·y of int32: m + 2 products, which are locals, to m results. */
  output(f: FunctionBuilder, y: readonly Local<"v128">[]): V128[];
  /** Result i is odd · 2^shifts[i] times what it should be, along one dimension. */
  readonly shifts: readonly number[];
  /** Of the odd part's square, modulo 2³². */
  readonly inverse: number;
  /** Sums must be smaller, up and down. */
  readonly bound: number;
}

const { add, sub, shl } = i16x8;

export const integerWinograd4: IntegerWinograd = {
  m: 4,
  input(f, [d0, d1, d2, d3, d4, d5]) {
    const even = f.let(sub(d4, shl(d2, 2)));
    const odd = f.let(sub(d3, shl(d1, 2)));
    const even2 = f.let(sub(d4, d2));
    const odd2 = f.let(shl(sub(d3, d1), 1));
    return [
      add(sub(shl(sub(d0, d2), 2), d2), d4),
      add(even, odd),
      sub(even, odd),
      add(even2, odd2),
      sub(even2, odd2),
      add(sub(shl(sub(d1, d3), 2), d3), d5),
    ];
  },
  filter: [
    [6, 0, 0],
    [-1, -1, -1],
    [-1, 1, -1],
    [1, 2, 4],
    [1, -2, 4],
    [0, 0, 6],
  ],
  output(f, [y0, y1, y2, y3, y4, y5]) {
    const sum = f.let(i32x4.add(y1, y2));
    const difference = f.let(i32x4.sub(y1, y2));
    const sum2 = f.let(i32x4.add(y3, y4));
    const difference2 = f.let(i32x4.sub(y3, y4));
    return [
      i32x4.add(i32x4.add(y0, i32x4.shl(sum, 2)), sum2),
      i32x4.add(i32x4.shl(difference, 1), difference2),
      i32x4.add(sum, sum2),
      i32x4.add(i32x4.add(difference, y5), i32x4.shl(difference2, 1)),
    ];
  },
  shifts: [3, 2, 1, 1],
  inverse: 0x38e38e39, // 9 · 0x38e38e39 = 2³³ + 1
  bound: 2 ** 25,
};

export const integerWinograd2: IntegerWinograd = {
  m: 2,
  input: (_f, [d0, d1, d2, d3]) => [sub(d0, d2), add(d1, d2), sub(d2, d1), sub(d1, d3)],
  filter: [
    [2, 0, 0],
    [1, 1, 1],
    [1, -1, 1],
    [0, 0, 2],
  ],
  output: (_f, [y0, y1, y2, y3]) => [i32x4.add(i32x4.add(y0, y1), y2), i32x4.sub(i32x4.sub(y1, y2), y3)],
  shifts: [1, 1],
  inverse: 1,
  bound: 2 ** 29,
};
