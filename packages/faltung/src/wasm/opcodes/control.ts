/**
 * Control, variables and memory as a whole: rows of `[opcode, "operands -> result", names, immediates]`.
 * Only those that are used stand here (see scalar.ts). Source: WebAssembly core specification, "Binary Format /
 * Instructions"; threads proposal for the 0xfe rows.
 * The operands of calls, returns and branches depend on a signature, so they are not in the table.
 */

export const controlRows = [
  [0x00, "-> void", "unreachable"],
  [0x02, "-> void", "block loop", "block"],
  [0x04, "i32 -> void", "if", "block"],
  [0x05, "-> void", "else"],
  [0x0b, "-> void", "end"],
  [0x0c, "-> void", "br", "label"],
  [0x0d, "i32 -> void", "brIf", "label"],
  [0x0e, "i32 -> void", "brTable", "labels"],
  [0x0f, "-> void", "return"],
  [0x10, "-> void", "call", "func"],
  [0x1a, "i32 -> void", "drop"],
] as const;

export const localRows = [[0x20, "-> void", "get set tee", "local"]] as const;

export const globalRows = [[0x23, "-> void", "get set", "global"]] as const;

export const memoryRows = [
  [0xfc_000a, "i32 i32 i32 -> void", "copy", "zero2"],
  [0xfe_0000, "i32 i32 -> i32", "atomicNotify", "mem4"],
  [0xfe_0001, "i32 i32 i64 -> i32", "atomicWait32", "mem4"],
] as const;

export const fenceRows = [[0xfe_0003, "-> void", "atomicFence", "zero"]] as const;
