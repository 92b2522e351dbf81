/**
 * The value types of WebAssembly and the row of an opcode table, from which both the encoder and the static types of
 * the instructions are derived.
 */

export type ValType = "i32" | "i64" | "f32" | "v128";
/** What an instruction leaves on the stack; "void" is nothing. */
export type ResultType = ValType | "void";

/**
 * The immediates that follow an opcode:
 * `memN` – alignment and offset of an access to N bytes; `laneN` – a lane below N; `shuffle` – 16 lanes below 32;
 * `const` – a constant of the result type; the rest are indices and block types.
 */
export type Immediate =
  | ""
  | `mem${1 | 2 | 4 | 8 | 16}`
  | `lane${2 | 4 | 8 | 16}`
  | `mem${1 | 2 | 4 | 8} lane${2 | 4 | 8 | 16}`
  | "shuffle"
  | "const"
  | "local"
  | "global"
  | "func"
  | "label"
  | "labels"
  | "block"
  | "zero"
  | "zero2";

/**
 * `[opcode, "operands -> result", names, immediates]`: instructions that the specification numbers one after another, from
 * `opcode` on. A prefixed opcode is written `0xPP_NNNN`: prefix, then number.
 */
export type Row = readonly [code: number, signature: `${string}-> ${ResultType}`, names: string, immediate?: Immediate];
export type Table = readonly Row[];

type Words<S extends string> = S extends `${infer Head} ${infer Rest}` ? Head | Words<Rest> : S;
/** The names of a row's instructions. */
export type Names<R extends Row> = Words<R[2]>;

/** One opcode, as the encoder and the decoder want it. */
export interface Op {
  /** Name as in the builder, "i32x4.extendLowI16x8S"; decoded, as in the text format: "i32x4.extend_low_i16x8_s". */
  readonly name: string;
  readonly code: number;
  readonly operands: readonly ValType[];
  readonly result: ResultType;
  /** The opcode's bytes: the first, and the LEB128 number after a prefix; `length` says how many count. */
  readonly byte0: number;
  readonly byte1: number;
  readonly byte2: number;
  readonly length: 1 | 2 | 3;
  readonly immediate: "" | "mem" | "lane" | "memlane" | Exclude<Immediate, "" | `mem${string}` | `lane${string}`>;
  /** log2 of the bytes that a memory access touches: its natural alignment. */
  readonly align: number;
  /** How many lanes a lane immediate may choose from. */
  readonly lanes: number;
}

type Ops<T extends Table> = { readonly [R in T[number] as Names<R>]: Op };

/** The opcodes of a table by their names. `space` is what stands before the dot in their names; "" for control. */
export function opsOf<T extends Table>(space: string, table: T): Ops<T> {
  const ops: Record<string, Op> = {};
  for (const [first, signature, names, immediate = ""] of table) {
    const [before, result] = signature.split("->").map((side) => side.trim()) as [string, ResultType];
    const operands = before === "" ? [] : (before.split(" ") as ValType[]);
    const mem = /mem(\d+)/.exec(immediate);
    const lane = /lane(\d+)/.exec(immediate);
    for (const [i, key] of names.split(" ").entries()) {
      const code = first + i;
      const prefixed = code > 0xff;
      const number = code & 0xffff;
      ops[key] = {
        name: space === "" ? key : `${space}.${key}`,
        code,
        operands,
        result,
        byte0: prefixed ? code >>> 16 : code,
        byte1: number < 0x80 ? number : (number & 0x7f) | 0x80,
        byte2: number >>> 7,
        length: !prefixed ? 1 : number < 0x80 ? 2 : 3,
        immediate: mem || lane ? (mem ? "mem" : "") + (lane ? "lane" : "") : immediate,
        align: mem ? Math.log2(Number(mem[1])) : 0,
        lanes: lane ? Number(lane[1]) : 0,
      } as Op;
    }
  }
  return ops as Ops<T>;
}
