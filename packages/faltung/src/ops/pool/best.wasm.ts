/**
 * The largest value so far of a window (or of eight windows side by side) and the number of its tap, in locals.
 * NaN beats all numbers; of equal ones the first wins; of several NaN the last (as PyTorch on CPU).
 */
import {
  type FunctionBuilder,
  type I32,
  type V128,
  f32,
  f32x4,
  i16x8,
  i32,
  i32x4,
  i8x16,
  v128,
} from "../../wasm/index.ts";
import type { Store } from "../matmul/epilogue.wasm.ts";
import { LANES } from "../shape/physical.ts";

/** What is stored: the largest value, which tap it was, or both. */
export interface Wanted {
  readonly value: boolean;
  readonly index: "uint8" | "int32" | null;
}

/** A tap's number in the form in which one kind of {@link Best} compares it. */
export type TapNumber = I32 | V128;

export interface Best {
  /** The next tap taken in the code is the first of its window. */
  begin(): void;
  /** For loops, in which the code does not know which tap is the first. */
  reset(): void;
  /** A tap's number for `take`; what is not known in the code is computed here, once. Numbers rise from tap to tap. */
  number(n: number | I32): TapNumber;
  /** Compares the tap at pointer + offset. */
  take(pointer: I32, offset: number, tap: TapNumber): void;
  store(values: I32 | null, indices: I32 | null): void;
}

/** Comparisons that treat NaN right at every tap. @param fused work on values that are stored without an index */
export function carefulBest(f: FunctionBuilder, wanted: Wanted, lanes: number, fused: Store): Best {
  if (lanes !== LANES) return singleBest(f, wanted, fused);
  return wanted.index === null ? largest(f, fused) : vectorBest(f, wanted);
}

/** One window. */
function singleBest(f: FunctionBuilder, { index }: Wanted, fused: Store): Best {
  const value = f.local("f32");
  const name = f.local("i32");
  let fresh = true;
  return {
    begin: () => (fresh = true),
    reset() {
      fresh = false;
      f.set(value, -Infinity);
      f.set(name, -1);
    },
    number: (n) => (typeof n === "number" ? i32.const(n) : n),
    take(pointer, offset, tap) {
      const x = f.let(f32.load(pointer, offset));
      if (fresh) {
        f.set(value, x);
        if (index !== null) f.set(name, tap as I32);
      } else if (index === null) {
        f.set(value, f32.max(value, x));
      } else {
        const better = f.let(i32.or(f32.gt(x, value), f32.ne(x, x)));
        // After a reset the first tap has no number to beat, even if it is −∞.
        f.set(name, i32.select(tap as I32, name, i32.or(better, i32.ltS(name, 0))));
        f.set(value, f32.select(x, value, better));
      }
      fresh = false;
    },
    store(values, indices) {
      fused.group();
      if (values !== null)
        f.do(v128.store32Lane(values, f.let(fused.finish(f32x4.splat(value), values, 0, 0, true)), 0));
      if (indices !== null) f.do(index === "uint8" ? i32.store8(indices, name) : i32.store(indices, name));
    },
  };
}

/** The values of eight windows. */
function largest(f: FunctionBuilder, fused: Store): Best {
  const values = [f.local("v128"), f.local("v128")];
  let fresh = true;
  return {
    begin: () => (fresh = true),
    reset() {
      fresh = false;
      for (const v of values) f.set(v, f32x4.const(-Infinity));
    },
    number: (n) => (typeof n === "number" ? i32.const(n) : n),
    take(pointer, offset) {
      values.forEach((best, h) => {
        const x = v128.load(pointer, offset + 16 * h);
        if (fresh) return f.set(best, x);
        // The maximum with NaN passed on: one of the two orders keeps it, and its bits survive an "or" with anything.
        // Three instructions on x64, where f32x4.max takes eight.
        const y = f.let(x);
        f.set(best, v128.or(f32x4.pmax(best, y), f32x4.pmax(y, best)));
      });
      fresh = false;
    },
    store(pointer) {
      if (pointer === null) return;
      fused.group();
      values.forEach((v, h) => f.do(v128.store(pointer, fused.finish(v, pointer, 16 * h, 4 * h), 16 * h)));
    },
  };
}

/** Values and numbers of eight windows. */
function vectorBest(f: FunctionBuilder, { index }: Wanted): Best {
  const values = [f.local("v128"), f.local("v128")];
  const names = [f.local("v128"), f.local("v128")];
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
        const x = f.let(v128.load(pointer, offset + 16 * h));
        if (fresh) {
          f.set(best, x);
          f.set(names[h], tap as V128);
          return;
        }
        const better = f.let(v128.or(f32x4.gt(x, best), f32x4.ne(x, x)));
        // After a reset the first tap has no number to beat, even if it is −∞.
        const first = i32x4.shrS(names[h], 31);
        f.set(names[h], i32x4.maxS(names[h], v128.and(v128.or(better, first), tap as V128)));
        f.set(best, v128.bitselect(x, best, better));
      });
      fresh = false;
    },
    store(pointer, indices) {
      if (pointer !== null) values.forEach((v, h) => f.do(v128.store(pointer, v, 16 * h)));
      if (indices === null) return;
      if (index === "uint8") {
        const words = i16x8.narrowI32x4S(names[0], names[1]);
        f.do(v128.store64Lane(indices, f.let(i8x16.narrowI16x8U(words, words)), 0));
      } else {
        names.forEach((v, h) => f.do(v128.store(indices, v, 16 * h)));
      }
    },
  };
}

/** Comparisons that are blind to NaN, but notice that there was one. */
export interface QuickBest extends Best {
  forgetNaN(): void;
  /** Not zero if a tap since was NaN (or if infinities of both signs stood in one window). */
  sawNaN(): I32;
}

/**
 * Values and numbers of eight windows in about half the instructions: NaN is looked for in the sum of a window's taps,
 * and numbers are kept as eight 16-bit ones, so for less than 256 taps. Null where it would not be quicker.
 */
export function quickBest(f: FunctionBuilder, { index }: Wanted, lanes: number): QuickBest | null {
  if (lanes !== LANES || index !== "uint8") return null;
  const values = [f.local("v128"), f.local("v128")];
  const sums = [f.local("v128"), f.local("v128")];
  const names = f.local("v128");
  const seen = f.local("v128");
  let fresh = true;
  return {
    begin: () => (fresh = true),
    reset() {
      throw new Error("a quick comparison begins with a known tap");
    },
    number: (n) => (typeof n === "number" ? i16x8.const(n) : f.let(i16x8.splat(n))),
    take(pointer, offset, tap) {
      const x = values.map((_, h) => f.let(v128.load(pointer, offset + 16 * h)));
      if (fresh) f.set(names, tap as V128);
      else {
        const better = i16x8.narrowI32x4S(f32x4.gt(x[0], values[0]), f32x4.gt(x[1], values[1]));
        f.set(names, i16x8.maxS(names, v128.and(better, tap as V128)));
      }
      values.forEach((best, h) => {
        f.set(best, fresh ? x[h] : f32x4.pmax(best, x[h]));
        f.set(sums[h], fresh ? x[h] : f32x4.add(sums[h], x[h]));
      });
      fresh = false;
    },
    store(pointer, indices) {
      if (pointer !== null) values.forEach((v, h) => f.do(v128.store(pointer, v, 16 * h)));
      if (indices !== null) f.do(v128.store64Lane(indices, f.let(i8x16.narrowI16x8U(names, names)), 0));
      const nan = v128.or(f32x4.ne(sums[0], sums[0]), f32x4.ne(sums[1], sums[1]));
      f.set(seen, v128.or(seen, nan));
    },
    forgetNaN: () => f.set(seen, i32x4.const(0)),
    sawNaN: () => v128.anyTrue(seen),
  };
}
