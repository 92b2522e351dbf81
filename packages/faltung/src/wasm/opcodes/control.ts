/**
 * Control, variables and memory as a whole: rows of `[opcode, "operands -> result", immediates]`.
 * Source: WebAssembly core specification, "Binary Format / Instructions"; threads proposal for the 0xfe rows.
 * The operands of calls, returns and branches depend on a signature, so they are not in the table.
 */

export const controlRows = {
  unreachable: [0x00, "-> void"],
  nop: [0x01, "-> void"],
  block: [0x02, "-> void", "block"],
  loop: [0x03, "-> void", "block"],
  if: [0x04, "i32 -> void", "block"],
  else: [0x05, "-> void"],
  end: [0x0b, "-> void"],
  br: [0x0c, "-> void", "label"],
  brIf: [0x0d, "i32 -> void", "label"],
  brTable: [0x0e, "i32 -> void", "labels"],
  return: [0x0f, "-> void"],
  call: [0x10, "-> void", "func"],
  callIndirect: [0x11, "i32 -> void", "indirect"],
  drop: [0x1a, "i32 -> void"],
} as const;

export const localRows = {
  get: [0x20, "-> void", "local"],
  set: [0x21, "-> void", "local"],
  tee: [0x22, "-> void", "local"],
} as const;

export const globalRows = {
  get: [0x23, "-> void", "global"],
  set: [0x24, "-> void", "global"],
} as const;

export const memoryRows = {
  size: [0x3f, "-> i32", "zero"],
  grow: [0x40, "i32 -> i32", "zero"],
  copy: [0xfc_000a, "i32 i32 i32 -> void", "zero2"],
  fill: [0xfc_000b, "i32 i32 i32 -> void", "zero"],
  atomicNotify: [0xfe_0000, "i32 i32 -> i32", "mem4"],
  atomicWait32: [0xfe_0001, "i32 i32 i64 -> i32", "mem4"],
  atomicWait64: [0xfe_0002, "i32 i64 i64 -> i32", "mem8"],
} as const;

export const fenceRows = {
  atomicFence: [0xfe_0003, "-> void", "zero"],
} as const;
