/**
 * The statements of a function. Each is encoded at once; expressions (see expr.ts) are encoded where a statement uses
 * them. Structured control only: blocks nest as the callbacks do.
 */
import { operand } from "./build.ts";
import { encode, encodeOp } from "./encode.ts";
import { AssemblyError, type Expr, type I32, type Instr, node, type Operand } from "./expr.ts";
import { i32 } from "./ops.ts";
import { controlRows, localRows } from "./opcodes/control.ts";
import { opsOf, type ResultType, type ValType } from "./types.ts";
import { ByteWriter, valTypeByte } from "./writer.ts";

/** A variable of a function; as an expression, its value at the place of use. */
export interface Local<T extends ValType = ValType> extends Expr<T> {
  readonly index: number;
  readonly name: string;
}

/** The target of a branch: the end of a block, or the head of a loop. */
export interface Label {
  readonly depth: number;
  readonly owner: object;
}

export type LocalsOf<P extends readonly ValType[]> = { readonly [K in keyof P]: Local<P[K]> };
export type OperandsOf<P extends readonly ValType[]> = { readonly [K in keyof P]: Operand<P[K]> };

/** What a caller must know of a function. */
export interface Func<
  P extends readonly ValType[] = readonly ValType[],
  R extends readonly ValType[] = readonly ValType[],
> {
  readonly name: string;
  readonly index: number;
  readonly params: P;
  readonly results: R;
}

export type CallResult<R extends readonly ValType[]> = R extends readonly []
  ? Instr
  : R extends readonly [infer T extends ValType]
    ? Expr<T>
    : Expr;

const op = { ...opsOf("", controlRows), ...opsOf("local", localRows) };

const emptyBlock = 0x40;

function callResult(name: string, results: readonly ValType[]): ResultType {
  if (results.length > 1) throw new AssemblyError(`${name} has ${results.length} results; an expression holds one`);
  return results[0] ?? "void";
}

function operandsFor(name: string, params: readonly ValType[], args: readonly Operand<ValType>[]): Expr[] {
  if (args.length !== params.length) {
    throw new AssemblyError(`${name} takes ${params.length} arguments (${params.join(", ")}); given ${args.length}`);
  }
  return params.map((type, i) => operand(type, args[i] ?? 0));
}

/** A call as an expression: its value is the function's result. */
export function call<const P extends readonly ValType[], const R extends readonly ValType[]>(
  func: Func<P, R>,
  ...args: OperandsOf<P>
): CallResult<R> {
  const { name, params, results, index } = func;
  const list = operandsFor(name, params, args);
  return node(callResult(name, results), op.call, null, null, null, index, 0, null, list) as CallResult<R>;
}

export class FunctionBuilder<R extends readonly ValType[] = readonly ValType[]> {
  readonly locals: readonly Local[];
  readonly #results: R;
  readonly #all: Local[] = [];
  readonly #paramCount: number;
  readonly #w = new ByteWriter(4096);
  #open: Label[] = [];
  #returned = false;

  constructor(params: readonly ValType[], results: R, names: readonly string[] = []) {
    this.locals = this.#all;
    this.#results = results;
    this.#paramCount = params.length;
    params.forEach((type, i) => this.local(type, names[i] ?? `p${i}`));
  }

  /** A new variable, zero at the function's start (not at this statement: inside a loop it keeps its value). */
  local<T extends ValType>(type: T, name?: string): Local<T> {
    const index = this.#all.length;
    // Written out: kernels make thousands of locals, and spreading a node costs ten times as much.
    const local: Local<T> = {
      type,
      op: op.get,
      a: null,
      b: null,
      c: null,
      args: null,
      imm: index,
      lane: 0,
      bytes: null,
      owner: this,
      index,
      name: name ?? `v${index}`,
    };
    this.#all.push(local);
    return local;
  }

  /** A new variable that holds `value`, computed here and once. */
  let<T extends ValType>(value: Expr<T>, name?: string): Local<T> {
    const local = this.local(value.type, name);
    this.#assign(local, value);
    return local;
  }

  set<T extends ValType>(local: Local<T>, value: Operand<NoInfer<T>>): void {
    this.#assign(local, operand(local.type, value));
  }

  /** `local += by`: a pointer to the next place, a counter. */
  advance(local: Local<"i32">, by: Operand<"i32">): void {
    this.set(local, i32.add(local, by));
  }

  /** The local, but `most` if it is larger (signed). */
  atMost(local: Local<"i32">, most: Operand<"i32">): void {
    this.if(i32.gtS(local, most), () => this.set(local, most));
  }

  /** The local, but `least` if it is smaller (signed). */
  atLeast(local: Local<"i32">, least: Operand<"i32">): void {
    this.if(i32.ltS(local, least), () => this.set(local, least));
  }

  /** Sets the local when the expression is evaluated; the expression's value is the new value. */
  tee<T extends ValType>(local: Local<T>, value: Operand<NoInfer<T>>): Expr<T> {
    return node(local.type, op.tee, operand(local.type, value), null, null, local.index, 0, null, null, local.owner);
  }

  /** Instructions for their effect: stores, calls, fences. A value that is left over is dropped. */
  do(...instructions: readonly Expr[]): void {
    for (const e of instructions) {
      this.#emit(e);
      if (e.type !== "void") this.#write(op.drop);
    }
  }

  /** Calls a function for its effect; a result is dropped. */
  call<const P extends readonly ValType[], const S extends readonly ValType[]>(
    func: Func<P, S>,
    ...args: OperandsOf<P>
  ): void {
    this.do(call(func, ...args));
  }

  /** Returns the results, one operand each. */
  return(...values: OperandsOf<R>): void {
    for (const e of operandsFor("return", this.#results, values)) this.#emit(e);
    this.#write(op.return);
    this.#returned = this.#open.length === 0;
  }

  /** Traps. */
  unreachable(): void {
    this.#write(op.unreachable);
  }

  /** A block; a branch to its label leaves it. */
  block(body: (end: Label) => void): void {
    this.#write(op.block);
    this.#nest(body);
  }

  /** A loop; a branch to its label starts it again, else it is left at its end. */
  loop(body: (again: Label) => void): void {
    this.#write(op.loop);
    this.#nest(body);
  }

  if(condition: I32, then: (end: Label) => void, otherwise?: (end: Label) => void): void {
    this.#emit(condition);
    this.#write(op.if);
    this.#nest(then, otherwise);
  }

  br(label: Label): void {
    this.#write(op.br);
    this.#w.u32(this.#depthOf(label));
  }

  brIf(label: Label, condition: I32): void {
    this.#emit(condition);
    this.#write(op.brIf);
    this.#w.u32(this.#depthOf(label));
  }

  /** Repeats while the condition, tested first, is not zero. The condition is emitted twice. */
  while(condition: I32, body: () => void): void {
    this.if(condition, () => this.doWhile(body, condition));
  }

  /** Runs the body, then repeats while the condition is not zero: the tightest loop there is. */
  doWhile(body: () => void, condition: I32): void {
    this.loop((again) => {
      body();
      this.brIf(again, condition);
    });
  }

  /**
   * `for (i = from; i < to; i += step)`, signed. The test stands at the loop's end, with a guard before the loop that is
   * left out when both bounds are numbers. `to` and `step` are evaluated anew at each turn: give locals or numbers.
   */
  for(i: Local<"i32">, from: Operand<"i32">, to: Operand<"i32">, step: Operand<"i32">, body: () => void): void {
    this.set(i, from);
    const loop = (): void =>
      this.doWhile(
        () => {
          body();
          this.advance(i, step);
        },
        i32.ltS(i, to),
      );
    if (typeof from !== "number" || typeof to !== "number") this.if(i32.ltS(i, to), loop);
    else if (from < to) loop();
  }

  /** Runs the body `n` times, counting the local down to zero by `step`. It must start as a positive multiple of it. */
  countdown(n: Local<"i32">, body: () => void, step: Operand<"i32"> = 1): void {
    this.doWhile(body, this.tee(n, i32.sub(n, step)));
  }

  /** Runs `cases[index]`, or `otherwise` when the (unsigned) index is beyond them. */
  switch(index: I32, cases: readonly (() => void)[], otherwise: () => void = () => {}): void {
    this.block((end) => {
      const arms = [...cases, otherwise];
      const nest = (k: number): void => {
        if (k < 0) {
          this.#emit(index);
          this.#write(op.brTable);
          this.#w.u32(cases.length);
          for (let i = 0; i <= cases.length; i++) this.#w.u32(i);
          return;
        }
        this.block(() => nest(k - 1));
        arms[k]?.();
        if (k < cases.length) this.br(end);
      };
      nest(cases.length);
    });
  }

  /** The encoded body with its header of locals, for the module builder. */
  finish(): Uint8Array<ArrayBuffer> {
    if (this.#results.length > 0 && !this.#returned) this.#write(op.unreachable);
    this.#write(op.end);
    const groups: { type: ValType; count: number }[] = [];
    for (const { type } of this.#all.slice(this.#paramCount)) {
      const last = groups.at(-1);
      if (last?.type === type) last.count++;
      else groups.push({ type, count: 1 });
    }
    const out = new ByteWriter(this.#w.length + 6 + 6 * groups.length);
    out.u32(groups.length);
    for (const { type, count } of groups) {
      out.u32(count);
      out.u8(valTypeByte[type]);
    }
    out.raw(this.#w.view());
    return out.view();
  }

  #emit(e: Expr): void {
    encode(this.#w, e, this);
    this.#returned = false;
  }

  #write(o: (typeof op)[keyof typeof op]): void {
    encodeOp(this.#w, o);
    this.#returned = false;
  }

  #assign(local: Local, value: Expr): void {
    this.#emit(node("void", op.set, value, null, null, local.index, 0, null, null, local.owner));
  }

  #nest(body: (label: Label) => void, otherwise?: (label: Label) => void): void {
    this.#w.u8(emptyBlock);
    const label: Label = { depth: this.#open.length, owner: this };
    this.#open.push(label);
    body(label);
    if (otherwise) {
      this.#write(op.else);
      otherwise(label);
    }
    this.#open.pop();
    this.#write(op.end);
  }

  #depthOf(label: Label): number {
    if (this.#open[label.depth] !== label) throw new AssemblyError("a branch to a block that is not open here");
    return this.#open.length - 1 - label.depth;
  }
}
