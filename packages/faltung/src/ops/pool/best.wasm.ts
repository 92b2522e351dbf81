/**
 * The largest value so far of a window (or of eight windows side by side) and the number of its tap, in locals.
 * NaN beats all numbers; of equal ones the first wins; of several NaN the last (as PyTorch on CPU).
 */
import { type FunctionBuilder, type I32, type V128, f32x4, i16x8, i32x4, i8x16, v128 } from "../../wasm/index.ts";
import type { Store } from "../matmul/epilogue.wasm.ts";
import { LANES } from "../shape/physical.ts";

/** What is stored: the largest value, which tap it was, or both. */
export interface Wanted {
  readonly value: boolean;
  readonly index: "uint8" | "int32" | null;
}

export interface Best {
  /**
   * The next tap taken in the code is the first of its window. A quick comparison without index may begin a second window
   * before `store`: that of the row below, whose first `shared` taps are the first window's last ones and not taken again.
   */
  begin(shared?: number): void;
  /** A tap's number for `take`; what is not known in the code is computed here, once. Numbers rise from tap to tap. */
  number(n: number | I32): V128;
  /** Compares the tap at pointer + offset. @param noticed another window, which takes the same value, looks for NaN */
  take(pointer: I32, offset: number, tap: V128, noticed?: boolean): void;
  store(values: I32 | null, indices: I32 | null): void;
}

/** Comparisons that treat NaN right at every tap. */
export interface CarefulBest extends Best {
  /** For loops, in which the code does not know which tap is the first. */
  reset(): void;
}

/** Comparisons that are blind to NaN, but notice that there was one. */
export interface QuickBest extends Best {
  forgetNaN(): void;
  /** Not zero if a tap since was NaN (or if infinities of both signs were taken). */
  sawNaN(): I32;
}

/** How one window lies in a vector, or eight in two. @param fused work on values that are stored without an index */
function cells(f: FunctionBuilder, lanes: number, fused: Store) {
  const many = lanes === LANES;
  return {
    halves: many ? [0, 1] : [0],
    load: (pointer: I32, offset: number, h: number) =>
      f.let(many ? v128.load(pointer, offset + 16 * h) : v128.load32Zero(pointer, offset)),
    storeValue(pointer: I32 | null, value: V128, h: number, offset = 0): void {
      if (pointer === null) return;
      const at = offset + 16 * h;
      const x = fused.finish(value, pointer, at, 4 * h, !many);
      f.do(many ? v128.store(pointer, x, at) : v128.store32Lane(pointer, f.let(x), 0, at));
    },
    /** @param words 16-bit numbers */
    storeBytes(pointer: I32, words: V128): void {
      const bytes = f.let(i8x16.narrowI16x8U(words, words));
      f.do(many ? v128.store64Lane(pointer, bytes, 0) : v128.store8Lane(pointer, bytes, 0));
    },
  };
}

/** @param fused work on values that are stored without an index */
export function carefulBest(f: FunctionBuilder, { index }: Wanted, lanes: number, fused: Store): CarefulBest {
  const { halves, load, storeValue, storeBytes } = cells(f, lanes, fused);
  const values = halves.map(() => f.local("v128"));
  const names = halves.map(() => f.local("v128"));
  let fresh = true;
  return {
    begin: () => (fresh = true),
    reset() {
      fresh = false;
      for (const v of values) f.set(v, f32x4.const(-Infinity));
      for (const n of names) f.set(n, i32x4.const(-1));
    },
    number: (n) => (typeof n === "number" ? i32x4.const(n) : f.let(i32x4.splat(n))),
    take(pointer, offset, tap) {
      values.forEach((best, h) => {
        const x = load(pointer, offset, h);
        if (fresh) {
          f.set(best, x);
          f.set(names[h], tap);
          return;
        }
        const nan = f.let(f32x4.ne(x, x));
        if (index !== null) {
          // After a reset the first tap has no number to beat, even if it is −∞.
          const better = v128.or(v128.or(f32x4.gt(x, best), nan), i32x4.shrS(names[h], 31));
          f.set(names[h], i32x4.maxS(names[h], v128.and(better, tap)));
        }
        // NaN in `best` is kept by pmax, and one in x becomes all ones.
        f.set(best, v128.or(f32x4.pmax(best, x), nan));
      });
      fresh = false;
    },
    store(pointer, indices) {
      fused.group();
      values.forEach((v, h) => storeValue(pointer, v, h));
      if (indices === null) return;
      if (index === "uint8") storeBytes(indices, f.let(i16x8.narrowI32x4S(names[0], names[halves.length - 1])));
      else if (lanes === LANES) names.forEach((v, h) => f.do(v128.store(indices, v, 16 * h)));
      else f.do(v128.store32Lane(indices, names[0], 0));
    },
  };
}

/**
 * Values and numbers of eight windows in about half the instructions: NaN is looked for in the sum of all taps, and
 * numbers are kept as eight 16-bit ones, so for less than 256 taps. Null where it would not be quicker.
 */
export function quickBest(
  f: FunctionBuilder,
  { index }: Wanted,
  lanes: number,
  fused: Store,
  rowBytes: number,
): QuickBest | null {
  if (index === "int32") return null;
  const { halves, load, storeValue, storeBytes } = cells(f, lanes, fused);
  const values = halves.map(() => f.local("v128"));
  const above = halves.map(() => f.local("v128"));
  const sums = halves.map(() => f.local("v128"));
  const names = f.local("v128");
  const seen = f.local("v128");
  let windows: Parameters<Best["take"]>[][] = [];
  let common = 0;
  return {
    begin(shared = 0) {
      windows.push([]);
      common = shared;
    },
    number: (n) => (typeof n === "number" ? i16x8.const(n) : f.let(i16x8.splat(n))),
    take: (...tap) => windows[windows.length - 1].push(tap),
    store(pointer, indices) {
      fused.group();
      const split = windows.length > 1 ? windows[0].length - common : 0;
      // Without an index one half is stored before the other is loaded: V8 loads all that it can before it computes.
      for (const some of indices === null ? halves.map((h) => [h]) : [halves]) {
        windows.forEach((taps, below) => {
          taps.forEach(([p, offset, tap, noticed], n) => {
            const x = some.map((h) => load(p, offset, h));
            const first = below + n === 0;
            if (indices !== null) {
              const [low, high = low] = x.map((v, h) => f32x4.gt(v, values[h]));
              f.set(names, first ? tap : i16x8.maxS(names, v128.and(i16x8.narrowI32x4S(low, high), tap)));
            }
            some.forEach((h, i) => {
              const parted = below === 0 && n === split;
              if (parted) f.set(above[h], values[h]);
              f.set(values[h], parted || first ? x[i] : f32x4.pmax(values[h], x[i]));
              if (noticed !== true) f.set(sums[h], first ? x[i] : f32x4.add(sums[h], x[i]));
            });
          });
          for (const h of some) {
            const value = split > 0 && below === 0 ? f32x4.pmax(above[h], values[h]) : values[h];
            storeValue(pointer, value, h, below * rowBytes);
          }
        });
      }
      windows = [];
      if (indices !== null) storeBytes(indices, names);
      f.set(seen, f32x4.add(seen, sums.length > 1 ? f32x4.add(sums[0], sums[1]) : sums[0]));
    },
    forgetNaN: () => f.set(seen, f32x4.const(0)),
    sawNaN: () => v128.anyTrue(f32x4.ne(seen, seen)),
  };
}
