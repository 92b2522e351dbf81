/** From the rows of an opcode table to the functions that build nodes: `i32.add`, `v128.load`, … */
import { AssemblyError, type Expr, type Literal, type Namespace, node, type Operand } from "./expr.ts";
import { f32Rows, i32Rows, i64Rows } from "./opcodes/scalar.ts";
import { v128Rows } from "./opcodes/simd.ts";
import { type Op, opsOf, type Table, type ValType } from "./types.ts";
import { ByteWriter } from "./writer.ts";

// The first row of each table is its const: the others are parsed once, for the namespaces (ops.ts).
const constOps: Readonly<Record<ValType, Op>> = {
  i32: opsOf("i32", [i32Rows[0]]).const,
  i64: opsOf("i64", [i64Rows[0]]).const,
  f32: opsOf("f32", [f32Rows[0]]).const,
  v128: opsOf("v128", [v128Rows[0]]).const,
};

function int32(value: number): number {
  if (Number.isInteger(value) && value >= -0x8000_0000 && value <= 0xffff_ffff) return value | 0;
  throw new AssemblyError(`an i32 constant must be an integer from -2^31 to 2^32 - 1; given ${value}`);
}

function leb64(value: bigint): Uint8Array {
  if (value < -(1n << 63n) || value >= 1n << 64n) {
    throw new AssemblyError(`an i64 constant must lie from -2^63 to 2^64 - 1; given ${value}`);
  }
  const w = new ByteWriter(10);
  w.s64(value);
  return w.view();
}

function constant(type: ValType, value: number | bigint | ArrayLike<number>): Expr<ValType> {
  const op = constOps[type];
  if (type === "i64" && typeof value === "bigint") return node(type, op, null, null, null, 0, 0, leb64(value));
  if (type === "v128" && typeof value === "object") {
    if (value.length === 16) return node(type, op, null, null, null, 0, 0, new Uint8Array(value));
    throw new AssemblyError(`v128.const takes 16 bytes; given ${value.length}`);
  }
  if (typeof value === "number" && type !== "i64" && type !== "v128") {
    return node(type, op, null, null, null, type === "i32" ? int32(value) : value);
  }
  throw new AssemblyError(
    `${type}.const cannot hold ${String(value)} (i64 takes a bigint, the other scalars a number)`,
  );
}

/** The node of an operand: itself, or the constant that a plain number stands for. */
export function operand<T extends ValType>(type: T, value: Operand<T> | Literal<ValType>): Expr {
  if (typeof value === "object") {
    if (value.type === type) return value;
    throw new AssemblyError(`an operand of type ${type} was expected; given ${value.op.name} of type ${value.type}`);
  }
  return constant(type, value);
}

function offsetOf(op: Op, offset: number): number {
  if (Number.isInteger(offset) && offset >= 0 && offset <= 0xffff_ffff) return offset;
  throw new AssemblyError(
    `${op.name}: the constant offset must be an integer from 0 to 2^32 - 1 bytes; given ${offset}`,
  );
}

function laneOf(op: Op, lane: number): number {
  if (Number.isInteger(lane) && lane >= 0 && lane < op.lanes) return lane;
  throw new AssemblyError(`${op.name}: the lane must be an integer from 0 to ${op.lanes - 1}; given ${lane}`);
}

function shuffleOf(op: Op, lanes: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(16);
  let valid = lanes.length === 16;
  for (let i = 0; valid && i < 16; i++) {
    const lane = lanes[i];
    valid = Number.isInteger(lane) && lane >= 0 && lane < 32;
    bytes[i] = lane;
  }
  if (valid) return bytes;
  const given = Array.from(lanes).join(", ");
  throw new AssemblyError(`${op.name} takes 16 lanes from 0 to 31 (16 and up are b's); given [${given}]`);
}

type Value = Expr<ValType> | number | bigint;

/** The function that builds nodes of one opcode. Its precise type is `Builder<row>`. */
function builderOf(op: Op): (...args: never[]) => Expr {
  const { operands, result } = op;
  const [ta = "i32", tb = "i32", tc = "i32"] = operands;
  const count = operands.length;
  switch (op.immediate) {
    case "const":
      return (value: number | bigint | ArrayLike<number>) => constant(result as ValType, value);
    case "shuffle":
      return (a: Value, b: Value, lanes: ArrayLike<number>) =>
        node(result, op, operand(ta, a), operand(tb, b), null, 0, 0, shuffleOf(op, lanes));
    case "lane":
      return count === 1
        ? (a: Value, lane: number) => node(result, op, operand(ta, a), null, null, 0, laneOf(op, lane))
        : (a: Value, lane: number, value: Value) =>
            node(result, op, operand(ta, a), operand(tb, value), null, 0, laneOf(op, lane));
    case "memlane":
      return (ptr: Value, value: Value, lane: number, offset = 0) =>
        node(result, op, operand(ta, ptr), operand(tb, value), null, offsetOf(op, offset), laneOf(op, lane));
    case "mem":
      if (count === 1)
        return (ptr: Value, offset = 0) => node(result, op, operand(ta, ptr), null, null, offsetOf(op, offset));
      if (count === 2) {
        return (ptr: Value, value: Value, offset = 0) =>
          node(result, op, operand(ta, ptr), operand(tb, value), null, offsetOf(op, offset));
      }
      return (ptr: Value, a: Value, b: Value, offset = 0) =>
        node(result, op, operand(ta, ptr), operand(tb, a), operand(tc, b), offsetOf(op, offset));
    default:
      if (count === 0) return () => node(result, op);
      if (count === 1) return (a: Value) => node(result, op, operand(ta, a));
      if (count === 2) return (a: Value, b: Value) => node(result, op, operand(ta, a), operand(tb, b));
      return (a: Value, b: Value, c: Value) => node(result, op, operand(ta, a), operand(tb, b), operand(tc, c));
  }
}

/** All functions of one table. `space` is what stands before the dot in the instructions' names. */
export function namespaceOf<T extends Table>(space: string, table: T): Namespace<T> {
  const built: Record<string, (...args: never[]) => Expr> = {};
  for (const [key, op] of Object.entries<Op>(opsOf(space, table))) built[key] = builderOf(op);
  return built as Namespace<T>;
}
