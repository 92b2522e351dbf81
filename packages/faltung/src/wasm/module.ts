/** A module: imports, memory, globals, functions, data and custom sections, and their binary encoding. */
import { operand } from "./build.ts";
import { encode } from "./encode.ts";
import { AssemblyError, type Expr, type Instr, type Literal, node, type Operand } from "./expr.ts";
import { type Func, FunctionBuilder, type Local, type LocalsOf } from "./function.ts";
import { controlRows, globalRows } from "./opcodes/control.ts";
import { opsOf, type ValType } from "./types.ts";
import { ByteWriter, valTypeByte } from "./writer.ts";

/** Sizes in pages of 64 KiB. A shared memory needs a maximum. */
export interface MemoryLimits {
  readonly initial: number;
  readonly maximum?: number;
  readonly shared?: boolean;
}

export interface FuncOptions<P extends readonly ValType[], R extends readonly ValType[]> {
  readonly name?: string;
  readonly params: P;
  readonly results: R;
  readonly exportAs?: string;
  /** Names of the parameters, for `printFunc`. */
  readonly paramNames?: readonly string[];
}

/** A variable of the module. */
export interface Global<T extends ValType> {
  readonly type: T;
  readonly index: number;
  readonly get: () => Expr<T>;
  /** An instruction: `f.do(g.set(value))`. */
  readonly set: (value: Operand<T>) => Instr;
}

interface FuncType {
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
}

export interface Body {
  readonly code: Uint8Array;
  readonly locals: readonly Local[];
}

interface Export {
  readonly name: string;
  readonly kind: 0 | 2;
  readonly index: number;
}

const globalOps = opsOf("global", globalRows);
const end = opsOf("", controlRows).end.code;

export class ModuleBuilder {
  readonly #types: FuncType[] = [];
  readonly #imports: Uint8Array[] = [];
  #memoryLimits: { readonly limits: MemoryLimits; readonly imported: boolean } | null = null;
  readonly #globals: Uint8Array[] = [];
  readonly #exports: Export[] = [];
  readonly #datas: Uint8Array[] = [];
  /** By index; bodies as they stand in the code section, with their locals: for printing. */
  readonly funcs: Func[] = [];
  readonly bodies: Body[] = [];

  importMemory(module: string, name: string, limits: MemoryLimits): void {
    this.#takeMemory(limits, true);
    this.#imports.push(
      build((w) => {
        w.name(module);
        w.name(name);
        w.u8(2);
        writeLimits(w, limits);
      }),
    );
  }

  memory(options: MemoryLimits & { readonly exportAs?: string }): void {
    this.#takeMemory(options, false);
    if (options.exportAs !== undefined) this.#exports.push({ name: options.exportAs, kind: 2, index: 0 });
  }

  global<T extends Exclude<ValType, "v128">>(type: T, init: Literal<T>): Global<T> {
    const index = this.#globals.length;
    const w = new ByteWriter(16);
    w.u8(valTypeByte[type]);
    w.u8(1); // it may be set
    encode(w, operand(type, init), this);
    w.u8(end);
    this.#globals.push(w.view());
    return {
      type,
      index,
      get: () => node(type, globalOps.get, null, null, null, index),
      set: (value) => node("void", globalOps.set, operand(type, value), null, null, index),
    };
  }

  /** Bytes that the memory holds from `offset` on when the module is instantiated. */
  data(offset: number, bytes: Uint8Array): void {
    const w = new ByteWriter(bytes.length + 16);
    w.u8(0);
    encode(w, operand("i32", offset), this);
    w.u8(end);
    w.sized(bytes);
    this.#datas.push(w.view());
  }

  /**
   * Adds a function and writes its body.
   *
   * @example
   * const m = new ModuleBuilder();
   * m.func({ params: ["i32", "i32"], results: ["i32"], exportAs: "add" }, (f, a, b) => f.return(i32.add(a, b)));
   * const { exports } = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()));
   */
  func<const P extends readonly ValType[], const R extends readonly ValType[]>(
    options: FuncOptions<P, R>,
    body: (f: FunctionBuilder<R>, ...params: LocalsOf<P>) => void,
  ): Func<P, R> {
    const { params, results, exportAs } = options;
    const index = this.funcs.length;
    const func: Func<P, R> = { name: options.name ?? exportAs ?? `f${index}`, index, params, results };
    this.funcs.push(func);
    if (exportAs !== undefined) this.#exports.push({ name: exportAs, kind: 0, index });
    const f = new FunctionBuilder<R>(params, results, options.paramNames);
    body(f, ...(f.locals.slice() as [...LocalsOf<P>]));
    this.bodies[index] = { code: f.finish(), locals: f.locals };
    return func;
  }

  /** The module in WebAssembly's binary format. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const funcTypes = this.funcs.map((f) => leb(this.#typeIndex(f.params, f.results)));
    const codes = this.bodies.map((body) => body.code);
    const w = new ByteWriter(1024 + codes.reduce((sum, code) => sum + code.length + 8, 0));
    w.raw(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    section(w, 1, this.#types.map(typeBytes));
    section(w, 2, this.#imports);
    section(w, 3, funcTypes);
    if (this.#memoryLimits && !this.#memoryLimits.imported) {
      const { limits } = this.#memoryLimits;
      section(w, 5, [build((b) => writeLimits(b, limits))]);
    }
    section(w, 6, this.#globals);
    section(
      w,
      7,
      this.#exports.map((e) => build((b) => (b.name(e.name), b.u8(e.kind), b.u32(e.index)))),
    );
    section(w, 10, codes, true);
    section(w, 11, this.#datas);
    w.u8(0);
    w.sized(this.#nameSection());
    return w.view().slice();
  }

  #takeMemory(limits: MemoryLimits, imported: boolean): void {
    if (this.#memoryLimits) throw new AssemblyError("a module has one memory, and this one has it already");
    if (limits.shared === true && limits.maximum === undefined) {
      throw new AssemblyError(`a shared memory needs a maximum (initial ${limits.initial} pages, maximum not given)`);
    }
    this.#memoryLimits = { limits, imported };
  }

  #typeIndex(params: readonly ValType[], results: readonly ValType[]): number {
    const known = this.#types.findIndex((type) => same(type.params, params) && same(type.results, results));
    return known >= 0 ? known : this.#types.push({ params, results }) - 1;
  }

  /** Function names, which profilers and stack traces show. */
  #nameSection(): Uint8Array {
    const names = build((w) => {
      w.u32(this.funcs.length);
      for (const f of this.funcs) {
        w.u32(f.index);
        w.name(f.name);
      }
    });
    return build((w) => {
      w.name("name");
      w.u8(1);
      w.sized(names);
    });
  }
}

function build(write: (w: ByteWriter) => void): Uint8Array {
  const w = new ByteWriter(64);
  write(w);
  return w.view();
}

function same(a: readonly ValType[], b: readonly ValType[]): boolean {
  return a.length === b.length && a.every((type, i) => type === b[i]);
}

function typeBytes({ params, results }: FuncType): Uint8Array {
  return build((w) => {
    w.u8(0x60);
    for (const list of [params, results]) w.sized(Uint8Array.from(list, (type) => valTypeByte[type]));
  });
}

function leb(value: number): Uint8Array {
  return build((w) => w.u32(value));
}

function writeLimits(w: ByteWriter, { initial, maximum, shared = false }: MemoryLimits): void {
  w.u8((maximum === undefined ? 0 : 1) | (shared ? 2 : 0));
  w.u32(initial);
  if (maximum !== undefined) w.u32(maximum);
}

/** A section is a list of entries; nothing is written for an empty one. Function bodies carry their sizes. */
function section(w: ByteWriter, id: number, entries: readonly Uint8Array[], sizes = false): void {
  if (entries.length === 0) return;
  const content = new ByteWriter(16 + entries.reduce((sum, entry) => sum + entry.length + (sizes ? 5 : 0), 0));
  content.u32(entries.length);
  for (const entry of entries) {
    if (sizes) content.sized(entry);
    else content.raw(entry);
  }
  w.u8(id);
  w.sized(content.view());
}
