/** What reductions accumulate: on vectors, and across the lanes of one. */
import type { DType } from "../../tensor/shape.ts";
import { type V128, f32x4, i32x4, i8x16, v128 } from "../../wasm/index.ts";

export type ReductionKind = "sum" | "max" | "min";

/** The dtype that partial results have. */
export function accumulatorOf(dtype: DType): DType {
  return dtype === "float32" ? "float32" : "int32";
}

/** What leaves the other operand as it is. */
export function neutral(kind: ReductionKind, dtype: DType): number {
  if (kind === "sum") return 0;
  const most = dtype === "float32" ? Infinity : 2 ** 31 - 1;
  return kind === "min" ? most : dtype === "float32" ? -Infinity : -(2 ** 31);
}

/**
 * NaN wins over everything in max and min, and of equal ones `a`. Three instructions on x64, where f32x4.max takes eight:
 * pmax and pmin keep a NaN in `a`; one in `b` becomes all ones. `keep` shares a value that is used twice.
 */
export function combine(kind: ReductionKind, dtype: DType, a: V128, b: V128, keep: (x: V128) => V128): V128 {
  if (kind === "sum") return dtype === "float32" ? f32x4.add(a, b) : i32x4.add(a, b);
  if (dtype !== "float32") return kind === "max" ? i32x4.maxS(a, b) : i32x4.minS(a, b);
  const x = keep(b);
  return v128.or(kind === "max" ? f32x4.pmax(a, x) : f32x4.pmin(a, x), f32x4.ne(x, x));
}

/** All lanes combined, in lane 0. */
export function acrossLanes(kind: ReductionKind, dtype: DType, x: V128, keep: (x: V128) => V128): V128 {
  const half = (a: V128, order: readonly number[]): V128 => combine(kind, dtype, a, i8x16.shuffle(a, a, order), keep);
  const pairs = keep(half(keep(x), [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]));
  return half(pairs, [4, 5, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15]);
}
