/**
 * Vector instructions (v128): rows of `[opcode, "operands -> result", names, immediates]`.
 * Only those that kernels use stand here (see scalar.ts). Source: WebAssembly core specification 3.0, "Binary Format /
 * Vector Instructions"; numbers from 0x100 are relaxed SIMD, whose results may differ between machines.
 */

export const v128Rows = [
  [0xfd_000c, "-> v128", "const", "const"],
  [0xfd_0000, "i32 -> v128", "load", "mem16"],
  [0xfd_0002, "i32 -> v128", "load8x8U", "mem8"],
  [0xfd_0007, "i32 -> v128", "load8Splat", "mem1"],
  [0xfd_0009, "i32 -> v128", "load32Splat", "mem4"],
  [0xfd_005c, "i32 -> v128", "load32Zero", "mem4"],
  [0xfd_005d, "i32 -> v128", "load64Zero", "mem8"],
  [0xfd_000b, "i32 v128 -> void", "store", "mem16"],
  [0xfd_0056, "i32 v128 -> v128", "load32Lane", "mem4 lane4"],
  [0xfd_0058, "i32 v128 -> void", "store8Lane", "mem1 lane16"],
  [0xfd_0059, "i32 v128 -> void", "store16Lane", "mem2 lane8"],
  [0xfd_005a, "i32 v128 -> void", "store32Lane", "mem4 lane4"],
  [0xfd_005b, "i32 v128 -> void", "store64Lane", "mem8 lane2"],
  [0xfd_004d, "v128 -> v128", "not"],
  [0xfd_004e, "v128 v128 -> v128", "and andnot or xor"],
  [0xfd_0052, "v128 v128 v128 -> v128", "bitselect"],
  [0xfd_0053, "v128 -> i32", "anyTrue"],
] as const;

export const i8x16Rows = [
  [0xfd_000f, "i32 -> v128", "splat"],
  [0xfd_000d, "v128 v128 -> v128", "shuffle", "shuffle"],
  [0xfd_0066, "v128 v128 -> v128", "narrowI16x8U"],
  [0xfd_0079, "v128 v128 -> v128", "maxU"],
] as const;

export const i16x8Rows = [
  [0xfd_0010, "i32 -> v128", "splat"],
  [0xfd_0085, "v128 v128 -> v128", "narrowI32x4S narrowI32x4U"],
  [0xfd_0089, "v128 -> v128", "extendLowI8x16U extendHighI8x16U"],
  [0xfd_008b, "v128 i32 -> v128", "shl"],
  [0xfd_008e, "v128 v128 -> v128", "add"],
  [0xfd_0091, "v128 v128 -> v128", "sub"],
  [0xfd_0098, "v128 v128 -> v128", "maxS"],
] as const;

export const i32x4Rows = [
  [0xfd_0011, "i32 -> v128", "splat"],
  [0xfd_001b, "v128 -> i32", "extractLane", "lane4"],
  [0xfd_0037, "v128 v128 -> v128", "eq ne ltS ltU gtS gtU leS leU geS"],
  [0xfd_00a0, "v128 -> v128", "abs neg"],
  [0xfd_00a3, "v128 -> i32", "allTrue"],
  [0xfd_00a9, "v128 -> v128", "extendLowI16x8U extendHighI16x8U"],
  [0xfd_00ab, "v128 i32 -> v128", "shl shrS shrU"],
  [0xfd_00ae, "v128 v128 -> v128", "add"],
  [0xfd_00b1, "v128 v128 -> v128", "sub"],
  [0xfd_00b5, "v128 v128 -> v128", "mul minS minU maxS maxU dotI16x8S"],
  [0xfd_00f8, "v128 -> v128", "truncSatF32x4S"],
  [0xfd_00fc, "v128 -> v128", "truncSatF64x2SZero"],
  [0xfd_0113, "v128 v128 v128 -> v128", "relaxedDotI8x16I7x16AddS"],
] as const;

export const i64x2Rows = [
  [0xfd_0012, "i64 -> v128", "splat"],
  [0xfd_00c7, "v128 -> v128", "extendLowI32x4S"],
  [0xfd_00cb, "v128 i32 -> v128", "shl shrS"],
  [0xfd_00ce, "v128 v128 -> v128", "add"],
  [0xfd_00d1, "v128 v128 -> v128", "sub"],
] as const;

export const f32x4Rows = [
  [0xfd_0013, "f32 -> v128", "splat"],
  [0xfd_001f, "v128 -> f32", "extractLane", "lane4"],
  [0xfd_0020, "v128 f32 -> v128", "replaceLane", "lane4"],
  [0xfd_0041, "v128 v128 -> v128", "eq ne lt gt le ge"],
  [0xfd_0067, "v128 -> v128", "ceil floor trunc nearest"],
  [0xfd_00e0, "v128 -> v128", "abs neg"],
  [0xfd_00e3, "v128 -> v128", "sqrt"],
  [0xfd_00e4, "v128 v128 -> v128", "add sub mul div min max pmin pmax"],
  [0xfd_00fa, "v128 -> v128", "convertI32x4S"],
  [0xfd_005e, "v128 -> v128", "demoteF64x2Zero"],
  [0xfd_0105, "v128 v128 v128 -> v128", "relaxedMadd"],
] as const;

export const f64x2Rows = [
  [0xfd_0047, "v128 v128 -> v128", "eq ne lt"],
  [0xfd_0094, "v128 -> v128", "nearest"],
  [0xfd_00f0, "v128 v128 -> v128", "add sub mul div min max pmin pmax"],
  [0xfd_005f, "v128 -> v128", "promoteLowF32x4"],
] as const;
