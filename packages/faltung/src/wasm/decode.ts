/** From the bytes of a function's body back to instructions, by the same tables that wrote them. */
import { FormatError } from "../tensor/errors.ts";
import { controlRows, fenceRows, globalRows, localRows, memoryRows } from "./opcodes/control.ts";
import { f32Rows, i32Rows, i64Rows } from "./opcodes/scalar.ts";
import { f32x4Rows, f64x2Rows, i16x8Rows, i32x4Rows, i64x2Rows, i8x16Rows, v128Rows } from "./opcodes/simd.ts";
import { type Op, opsOf, type Table, type ValType } from "./types.ts";
import { valTypeByte } from "./writer.ts";

/** Every table, by what stands before the dot in its instructions' names. */
export const tables: readonly (readonly [space: string, rows: Table])[] = [
  ["", controlRows],
  ["local", localRows],
  ["global", globalRows],
  ["i32", i32Rows],
  ["i64", i64Rows],
  ["f32", f32Rows],
  ["v128", v128Rows],
  ["i8x16", i8x16Rows],
  ["i16x8", i16x8Rows],
  ["i32x4", i32x4Rows],
  ["i64x2", i64x2Rows],
  ["f32x4", f32x4Rows],
  ["f64x2", f64x2Rows],
  ["memory", memoryRows],
  ["", fenceRows],
];

/** One instruction with its immediates. */
export interface Instruction {
  readonly op: Op;
  /** Index of a local, global or function; relative depth of a branch. */
  readonly index: number;
  readonly offset: number;
  readonly lane: number;
  readonly constant: number | bigint | Uint8Array | null;
  /** Relative depths of a br_table, its default last. */
  readonly targets: readonly number[];
}

export interface DecodedBody {
  /** The function's own locals, without its parameters. */
  readonly locals: readonly ValType[];
  readonly instructions: readonly Instruction[];
}

let byCode: ReadonlyMap<number, Op> | undefined;

function opcodes(): ReadonlyMap<number, Op> {
  return (byCode ??= new Map(
    tables.flatMap(([space, rows]) =>
      Object.values(opsOf(space, rows)).map((op) => [op.code, { ...op, name: textName(op.name) }] as const),
    ),
  ));
}

/** Names of the text format: `extendLowI16x8S` is `extend_low_i16x8_s`, `atomicRmwAdd` is `atomic.rmw.add`. */
function textName(name: string): string {
  const snake = name.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
  const dotted = snake.replace("atomic_rmw_", "atomic.rmw.").replace("atomic_", "atomic.");
  return dotted.endsWith(".select") ? "select" : dotted;
}

class ByteReader {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.at >= this.#bytes.length;
  }

  u8(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new FormatError(`the function's body ends in an instruction, at byte ${this.at - 1}`);
    return byte;
  }

  leb(signed: boolean): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return signed && byte & 0x40 ? value - (1n << (shift + 7n)) : value;
    }
  }

  u32(): number {
    return Number(this.leb(false));
  }

  raw(count: number): Uint8Array {
    if (this.at + count > this.#bytes.length) throw new FormatError(`the function's body ends in an immediate`);
    this.at += count;
    return this.#bytes.slice(this.at - count, this.at);
  }

  constant(type: string): number | bigint | Uint8Array {
    if (type === "i32") return Number(this.leb(true));
    if (type === "i64") return this.leb(true);
    if (type === "v128") return this.raw(16);
    this.raw(4);
    return this.#view.getFloat32(this.at - 4, true);
  }
}

function instruction(r: ByteReader): Instruction {
  const at = r.at;
  const first = r.u8();
  const code = first >= 0xfc ? (first << 16) | r.u32() : first;
  const op = opcodes().get(code);
  if (!op) throw new FormatError(`unknown opcode 0x${code.toString(16)} at byte ${at}`);
  let index = 0;
  let offset = 0;
  let lane = 0;
  let constant: Instruction["constant"] = null;
  let targets: readonly number[] = [];
  switch (op.immediate) {
    case "mem":
    case "memlane": {
      const align = r.u8();
      if (align !== op.align)
        throw new FormatError(`${op.name} at byte ${at}: alignment ${align}, expected ${op.align}`);
      offset = r.u32();
      if (op.immediate === "memlane") lane = r.u8();
      break;
    }
    case "lane":
      lane = r.u8();
      break;
    case "const":
      constant = r.constant(op.result);
      break;
    case "shuffle":
      constant = r.raw(16);
      break;
    case "local":
    case "global":
    case "func":
    case "label":
      index = r.u32();
      break;
    case "labels":
      targets = Array.from({ length: r.u32() + 1 }, () => r.u32());
      break;
    case "block":
    case "zero":
      r.u8();
      break;
    case "zero2":
      r.raw(2);
      break;
    case "":
      break;
  }
  return { op, index, offset, lane, constant, targets };
}

/**
 * Decodes a function's body: the groups of locals, then instructions up to the last byte.
 * @throws FormatError for an opcode that the tables lack.
 */
export function decodeBody(code: Uint8Array): DecodedBody {
  const r = new ByteReader(code);
  const names = new Map(Object.entries(valTypeByte).map(([type, byte]) => [byte, type as ValType]));
  const locals: ValType[] = [];
  for (let groups = r.u32(); groups > 0; groups--) {
    const count = r.u32();
    const type = names.get(r.u8());
    if (type === undefined) throw new FormatError(`a local of unknown type at byte ${r.at - 1}`);
    for (let i = 0; i < count; i++) locals.push(type);
  }
  const instructions: Instruction[] = [];
  while (!r.done) instructions.push(instruction(r));
  return { locals, instructions };
}
