/**
 * The instructions as typed functions, one namespace per type as in WebAssembly's text format:
 * `f32x4.add(a, b)` is `f32x4.add`, `i32.ltU(a, b)` is `i32.lt_u`, `i32.atomicRmwAdd(ptr, 1)` is `i32.atomic.rmw.add`.
 * Operands come first, then lanes, then the constant byte offset of a load or a store:
 * `v128.load(ptr, 16)`, `v128.store(ptr, value, 16)`, `v128.load32Lane(ptr, vector, 3, 16)`, `f32x4.replaceLane(v, 3, x)`.
 */
import { namespaceOf } from "./build.ts";
import type { Namespace, V128 } from "./expr.ts";
import { fenceRows, memoryRows } from "./opcodes/control.ts";
import { f32Rows, i32Rows, i64Rows } from "./opcodes/scalar.ts";
import { f32x4Rows, f64x2Rows, i16x8Rows, i32x4Rows, i64x2Rows, i8x16Rows, v128Rows } from "./opcodes/simd.ts";

export const i32: Namespace<typeof i32Rows> = namespaceOf("i32", i32Rows);
export const i64: Namespace<typeof i64Rows> = namespaceOf("i64", i64Rows);
export const f32: Namespace<typeof f32Rows> = namespaceOf("f32", f32Rows);
export const v128: Namespace<typeof v128Rows> = namespaceOf("v128", v128Rows);

/** A vector constant from one number per lane, lane 0 first; one number alone goes to every lane. */
type LaneConst = { readonly const: (...lanes: readonly number[]) => V128 };

type Lanes = Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

function laneConst(create: (lanes: readonly number[]) => Lanes, count: number): LaneConst {
  return {
    const: (...lanes) => {
      const all = lanes.length === 1 ? new Array<number>(count).fill(lanes[0]) : lanes;
      const { buffer } = create(all);
      return v128.const(new Uint8Array(buffer));
    },
  };
}

export const i8x16: Namespace<typeof i8x16Rows> & LaneConst = {
  ...namespaceOf("i8x16", i8x16Rows),
  ...laneConst((lanes) => new Int8Array(lanes), 16),
};
export const i16x8: Namespace<typeof i16x8Rows> & LaneConst = {
  ...namespaceOf("i16x8", i16x8Rows),
  ...laneConst((lanes) => new Int16Array(lanes), 8),
};
export const i32x4: Namespace<typeof i32x4Rows> & LaneConst = {
  ...namespaceOf("i32x4", i32x4Rows),
  ...laneConst((lanes) => new Int32Array(lanes), 4),
};
export const i64x2: Namespace<typeof i64x2Rows> = namespaceOf("i64x2", i64x2Rows);
export const f32x4: Namespace<typeof f32x4Rows> & LaneConst = {
  ...namespaceOf("f32x4", f32x4Rows),
  ...laneConst((lanes) => new Float32Array(lanes), 4),
};
export const f64x2: Namespace<typeof f64x2Rows> & LaneConst = {
  ...namespaceOf("f64x2", f64x2Rows),
  ...laneConst((lanes) => Float64Array.from(lanes), 2),
};

/** The memory as a whole, and waiting on it. `atomicFence` orders the accesses of threads without touching memory. */
export const memory: Namespace<typeof memoryRows> & Namespace<typeof fenceRows> = {
  ...namespaceOf("memory", memoryRows),
  ...namespaceOf("", fenceRows),
};
