/**
 * Scalar instructions: rows of `[opcode, "operands -> result", names, immediates]`.
 * Only those that kernels use stand here, for the tables are in every bundle; another one is another row, its number
 * taken from the WebAssembly core specification, "Binary Format / Instructions" (threads proposal for the 0xfe rows), and
 * its meaning a line in ../semantics.
 * Loads take a pointer, stores a pointer and a value; both then a constant offset in bytes.
 */

export const i32Rows = [
  [0x41, "-> i32", "const", "const"],
  [0x28, "i32 -> i32", "load", "mem4"],
  [0x2c, "i32 -> i32", "load8S load8U", "mem1"],
  [0x2f, "i32 -> i32", "load16U", "mem2"],
  [0x36, "i32 i32 -> void", "store", "mem4"],
  [0x3a, "i32 i32 -> void", "store8", "mem1"],
  [0x3b, "i32 i32 -> void", "store16", "mem2"],
  [0x45, "i32 -> i32", "eqz"],
  [0x46, "i32 i32 -> i32", "eq ne ltS ltU gtS gtU leS leU geS geU"],
  [0x6a, "i32 i32 -> i32", "add sub mul divS divU remS remU and or xor shl shrS shrU"],
  [0xbc, "f32 -> i32", "reinterpretF32"],
  [0x1b, "i32 i32 i32 -> i32", "select"],
  [0xfe_0010, "i32 -> i32", "atomicLoad", "mem4"],
  [0xfe_0017, "i32 i32 -> void", "atomicStore", "mem4"],
  [0xfe_001e, "i32 i32 -> i32", "atomicRmwAdd", "mem4"],
  [0xfe_0025, "i32 i32 -> i32", "atomicRmwSub", "mem4"],
  [0xfe_0041, "i32 i32 -> i32", "atomicRmwXchg", "mem4"],
] as const;

export const i64Rows = [
  [0x42, "-> i64", "const", "const"],
  [0x29, "i32 -> i64", "load", "mem8"],
  [0x37, "i32 i64 -> void", "store", "mem8"],
] as const;

export const f32Rows = [
  [0x43, "-> f32", "const", "const"],
  [0x2a, "i32 -> f32", "load", "mem4"],
  [0x38, "i32 f32 -> void", "store", "mem4"],
  [0x5b, "f32 f32 -> i32", "eq ne lt gt le ge"],
  [0x92, "f32 f32 -> f32", "add sub mul div min max"],
  [0xb2, "i32 -> f32", "convertI32S convertI32U"],
  [0xbe, "i32 -> f32", "reinterpretI32"],
  [0x1b, "f32 f32 i32 -> f32", "select"],
] as const;
