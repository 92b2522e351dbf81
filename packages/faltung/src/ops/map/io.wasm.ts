/** Vectors of any dtype from and to memory: bytes are widened to i32 lanes, and cut back to their low eight bits. */
import type { DType } from "../../tensor/shape.ts";
import { type FunctionBuilder, type I32, type V128, f32x4, i16x8, i32, i32x4, i8x16, v128 } from "../../wasm/index.ts";

/** Bytes of four elements. */
export function vectorBytes(dtype: DType): number {
  return dtype === "uint8" ? 4 : 16;
}

/**
 * `count` (1, 2 or 4) vectors of four elements from `ptr` on. float32 and int32 are loads to be used once; bytes are
 * loaded at once and widened.
 */
export function loadVectors(f: FunctionBuilder, dtype: DType, ptr: I32, count: number): V128[] {
  if (dtype !== "uint8") return Array.from({ length: count }, (_, i) => v128.load(ptr, i * 16));
  const bytes = count === 1 ? v128.load32Zero(ptr) : count === 2 ? v128.load64Zero(ptr) : v128.load(ptr);
  if (count === 1) return [i32x4.extendLowI16x8U(i16x8.extendLowI8x16U(bytes))];
  const all = f.let(bytes);
  const low = f.let(i16x8.extendLowI8x16U(all));
  const halves = [i32x4.extendLowI16x8U(low), i32x4.extendHighI16x8U(low)];
  if (count === 2) return halves;
  const high = f.let(i16x8.extendHighI8x16U(all));
  return [...halves, i32x4.extendLowI16x8U(high), i32x4.extendHighI16x8U(high)];
}

/** The element at `ptr` in all lanes. */
export function loadSplat(dtype: DType, ptr: I32): V128 {
  if (dtype !== "uint8") return v128.load32Splat(ptr);
  return i32x4.extendLowI16x8U(i16x8.extendLowI8x16U(v128.load8Splat(ptr)));
}

/** Packs i32 lanes that hold 0 to 255 into bytes. */
function pack(vectors: readonly V128[]): V128 {
  const [a, b = a, c = a, d = b] = vectors;
  return i8x16.narrowI16x8U(i16x8.narrowI32x4U(a, b), i16x8.narrowI32x4U(c, d));
}

/** Stores 1, 2 or 4 vectors `offset` bytes after `ptr`. Byte lanes hold 0 to 255, and offset is 0 for them. */
export function storeVectors(
  f: FunctionBuilder,
  dtype: DType,
  ptr: I32,
  vectors: readonly V128[],
  offset: number,
): void {
  if (dtype !== "uint8") {
    vectors.forEach((x, i) => f.do(v128.store(ptr, x, offset + i * 16)));
  } else if (vectors.length === 4) {
    f.do(v128.store(ptr, pack(vectors)));
  } else {
    const shared = vectors.map((x) => (x.op.name === "local.get" ? x : f.let(x)));
    f.do(vectors.length === 2 ? v128.store64Lane(ptr, pack(shared), 0) : v128.store32Lane(ptr, pack(shared), 0));
  }
}

/** Stores the first `count` (1 to 3, at run time) lanes at `ptr`. */
export function storeLanes(f: FunctionBuilder, dtype: DType, ptr: I32, x: V128, count: I32): void {
  const value = f.let(dtype === "uint8" ? packShared(f, x) : x);
  const store = (lane: number): void => {
    f.do(dtype === "uint8" ? v128.store8Lane(ptr, value, lane, lane) : v128.store32Lane(ptr, value, lane, lane * 4));
  };
  store(0);
  f.if(i32.gtS(count, 1), () => {
    store(1);
    f.if(i32.gtS(count, 2), () => store(2));
  });
}

function packShared(f: FunctionBuilder, x: V128): V128 {
  const shared = f.let(x);
  return pack([shared]);
}

/** A constant vector in a dtype's lanes. */
export function constantVector(dtype: DType, value: number): V128 {
  return dtype === "float32" ? f32x4.const(value) : i32x4.const(value);
}
