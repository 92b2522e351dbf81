/** From a tree of nodes to bytes: operands in order, then the opcode, then its immediates. */
import { AssemblyError, type Expr } from "./expr.ts";
import type { Op } from "./types.ts";
import type { ByteWriter } from "./writer.ts";

export function encodeOp(w: ByteWriter, op: Op): void {
  w.reserve(3);
  const { bytes } = w;
  let at = w.length;
  bytes[at++] = op.byte0;
  if (op.length > 1) bytes[at++] = op.byte1;
  if (op.length > 2) bytes[at++] = op.byte2;
  w.length = at;
}

/** Writes `e` for the function `owner`; a local of another function is refused. */
export function encode(w: ByteWriter, e: Expr, owner: object): void {
  if (e.a !== null) {
    encode(w, e.a, owner);
    if (e.b !== null) {
      encode(w, e.b, owner);
      if (e.c !== null) encode(w, e.c, owner);
    }
  }
  if (e.args !== null) for (const arg of e.args) encode(w, arg, owner);
  const { op } = e;
  encodeOp(w, op);
  switch (op.immediate) {
    case "":
      return;
    case "local":
      if (e.owner !== owner) throw new AssemblyError(`${op.name} ${e.imm}: this local belongs to another function`);
      w.u32(e.imm);
      return;
    case "mem":
      w.u8(op.align);
      w.u32(e.imm);
      return;
    case "memlane":
      w.u8(op.align);
      w.u32(e.imm);
      w.u8(e.lane);
      return;
    case "lane":
      w.u8(e.lane);
      return;
    case "const":
      if (e.bytes !== null) w.raw(e.bytes);
      else if (e.type === "i32") w.s32(e.imm);
      else w.f32(e.imm);
      return;
    case "shuffle":
      if (e.bytes !== null) w.raw(e.bytes);
      return;
    case "global":
    case "func":
      w.u32(e.imm);
      return;
    case "zero2":
      w.u8(0);
      w.u8(0);
      return;
    case "zero":
      w.u8(0);
      return;
    default:
      throw new AssemblyError(`${op.name} is control: it is a statement of the function builder, not an expression`);
  }
}
