/** What reductions accumulate: on vectors, and across the lanes of one. */
import type { DType } from "../../tensor/shape.ts";
import { type V128, f32x4, i32x4, i8x16 } from "../../wasm/index.ts";

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

/** NaN wins over everything in max and min. */
export function combine(kind: ReductionKind, dtype: DType, a: V128, b: V128): V128 {
  if (dtype === "float32") return kind === "sum" ? f32x4.add(a, b) : kind === "max" ? f32x4.max(a, b) : f32x4.min(a, b);
  return kind === "sum" ? i32x4.add(a, b) : kind === "max" ? i32x4.maxS(a, b) : i32x4.minS(a, b);
}

/** All lanes combined, in lane 0. `keep` shares a value that is used twice. */
export function acrossLanes(kind: ReductionKind, dtype: DType, x: V128, keep: (x: V128) => V128): V128 {
  const whole = keep(x);
  const pairs = keep(
    combine(kind, dtype, whole, i8x16.shuffle(whole, whole, [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7])),
  );
  return combine(
    kind,
    dtype,
    pairs,
    i8x16.shuffle(pairs, pairs, [4, 5, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15]),
  );
}
