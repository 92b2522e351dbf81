/**
 * Expressions: trees of plain data, one node per instruction. A tree is emitted where a statement of the function
 * builder uses it; a tree that is used twice is emitted (and computed) twice, so share a value with `f.let`.
 */
import { FaltungError } from "../tensor/errors.ts";
import type { Names, Op, ResultType, Row, Table, ValType } from "./types.ts";

/** The assembler was asked for something that WebAssembly cannot encode, or for a variable of another function. */
export class AssemblyError extends FaltungError {
  constructor(message: string) {
    super("assembly", message);
  }
}

/** One instruction with its operands. Every node has the same fields, so that V8 walks trees fast. */
export interface Expr<T extends ResultType = ResultType> {
  readonly type: T;
  readonly op: Op;
  /** The first operands; a call has all of its in `args` instead. */
  readonly a: Expr | null;
  readonly b: Expr | null;
  readonly c: Expr | null;
  readonly args: readonly Expr[] | null;
  /** Constant, byte offset, or index of a local, a global or a function. */
  readonly imm: number;
  readonly lane: number;
  /** Immediates that are more than a number: the bytes of a v128 or of an i64 in LEB128, the lanes of a shuffle. */
  readonly bytes: Uint8Array | null;
  /** The function that a local belongs to. */
  readonly owner: object | null;
}

/** An instruction that leaves no value: a store, a fence, a call of a function without results. */
export type Instr = Expr<"void">;
export type I32 = Expr<"i32">;
export type I64 = Expr<"i64">;
export type F32 = Expr<"f32">;
export type V128 = Expr<"v128">;

/** A plain number (for i64 a bigint) stands for a constant. */
export type Literal<T extends ValType> = T extends "i64" ? bigint : T extends "v128" ? never : number;
export type Operand<T extends ValType> = Expr<T> | Literal<T>;

export function node<T extends ResultType>(
  type: T,
  op: Op,
  a: Expr | null = null,
  b: Expr | null = null,
  c: Expr | null = null,
  imm = 0,
  lane = 0,
  bytes: Uint8Array | null = null,
  args: readonly Expr[] | null = null,
  owner: object | null = null,
): Expr<T> {
  return { type, op, a, b, c, args, imm, lane, bytes, owner };
}

// From a row of a table to the type of the function that builds its node.
type Words<S extends string> = S extends `${infer Head extends ValType} ${infer Rest}`
  ? [Head, ...Words<Rest>]
  : S extends ValType
    ? [S]
    : [];
type Operands<R extends Row> = R[1] extends `${infer Before}-> ${string}`
  ? Before extends `${infer List} `
    ? Words<List>
    : []
  : never;
type Result<R extends Row> = R[1] extends `${string}-> ${infer T extends ResultType}` ? T : never;
type Imm<R extends Row> = R extends readonly [number, string, string, infer I] ? I : "";

type Pure<A, T extends ResultType> = A extends [
  infer X extends ValType,
  infer Y extends ValType,
  infer Z extends ValType,
]
  ? (a: Operand<X>, b: Operand<Y>, c: Operand<Z>) => Expr<T>
  : A extends [infer X extends ValType, infer Y extends ValType]
    ? (a: Operand<X>, b: Operand<Y>) => Expr<T>
    : A extends [infer X extends ValType]
      ? (a: Operand<X>) => Expr<T>
      : () => Expr<T>;
type Lane<A, T extends ResultType> = A extends [infer X extends ValType, infer Y extends ValType]
  ? (a: Operand<X>, lane: number, value: Operand<Y>) => Expr<T>
  : A extends [infer X extends ValType]
    ? (a: Operand<X>, lane: number) => Expr<T>
    : never;
type Mem<A, T extends ResultType> = A extends ["i32", infer X extends ValType, infer Y extends ValType]
  ? (ptr: Operand<"i32">, a: Operand<X>, b: Operand<Y>, offset?: number) => Expr<T>
  : A extends ["i32", infer X extends ValType]
    ? (ptr: Operand<"i32">, value: Operand<X>, offset?: number) => Expr<T>
    : (ptr: Operand<"i32">, offset?: number) => Expr<T>;
type Const<T extends ResultType> = T extends "i64"
  ? (value: bigint) => Expr<T>
  : T extends "v128"
    ? (bytes: ArrayLike<number>) => Expr<T>
    : (value: number) => Expr<T>;

export type Builder<R extends Row> =
  Imm<R> extends "const"
    ? Const<Result<R>>
    : Imm<R> extends "shuffle"
      ? (a: V128, b: V128, lanes: ArrayLike<number>) => V128
      : Imm<R> extends `mem${string} lane${string}`
        ? (ptr: Operand<"i32">, value: V128, lane: number, offset?: number) => Expr<Result<R>>
        : Imm<R> extends `mem${string}`
          ? Mem<Operands<R>, Result<R>>
          : Imm<R> extends `lane${string}`
            ? Lane<Operands<R>, Result<R>>
            : Pure<Operands<R>, Result<R>>;

/** The functions of one namespace (`i32`, `f32x4`, …), typed by the rows of its table. */
export type Namespace<T extends Table> = { readonly [R in T[number] as Names<R>]: Builder<R> };
