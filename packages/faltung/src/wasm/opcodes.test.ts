/**
 * Every row of the opcode tables: assembled, run by the engine and compared with what the instruction should compute;
 * read by wabt, a decoder that we did not write; and read back by our own.
 */
import { setFlagsFromString } from "node:v8";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import loadWabt from "wabt";
import { decodeBody, type Instruction, tables } from "./decode.ts";
import type { Expr } from "./expr.ts";
import type { Func } from "./function.ts";
import { f32, f32x4, f64x2, i16x8, i32, i32x4, i64, i64x2, i8x16, ModuleBuilder, v128, wasmFeatures } from "./index.ts";
import type { Meaning } from "./semantics/lanes.samples.ts";
import { meanings } from "./semantics/semantics.samples.ts";
import { type Op, opsOf, type ValType } from "./types.ts";

// V8 11.3 (Node 20) has relaxed SIMD behind a flag, and its baseline compiler overwrites the third operand of
// i32x4.relaxed_dot_i8x16_i7x16_add_s when that is a temporary. Its optimising compiler, which kernels end in, is right.
if (process.versions.v8.startsWith("11.3.")) {
  setFlagsFromString("--experimental-wasm-relaxed-simd");
  setFlagsFromString("--no-liftoff");
}

const namespaces = { i32, i64, f32, v128, i8x16, i16x8, i32x4, i64x2, f32x4, f64x2 };
type Space = keyof typeof namespaces;
const spaces = Object.keys(namespaces) as Space[];

const sizes: Readonly<Record<ValType, number>> = { i32: 4, i64: 8, f32: 4, v128: 16 };
const resultAt = 64;
const pointer = 1024;
const offset = 48;

/** One choice of immediates of a row. */
interface Variant {
  readonly name: string;
  readonly lane: number;
  readonly lanes: readonly number[];
}

const shuffles: readonly (readonly number[])[] = [
  Array.from({ length: 16 }, (_, i) => i),
  Array.from({ length: 16 }, (_, i) => 31 - i),
  Array.from({ length: 16 }, (_, i) => (i >> 1) + 16 * (i & 1)),
  [3, 3, 0, 31, 16, 15, 7, 22, 9, 1, 30, 2, 17, 5, 28, 12],
];

function variantsOf(op: Op): readonly Variant[] {
  if (op.immediate === "shuffle") return shuffles.map((lanes, k) => ({ name: `shuffle ${k}`, lane: 0, lanes }));
  return Array.from({ length: op.lanes || 1 }, (_, lane) => ({ name: `lane ${lane}`, lane, lanes: [] }));
}

/** Operand k of every row stands at address 16·k. */
function load(type: ValType, address: number): Expr<ValType> {
  return namespaces[type].load(address);
}

function build(space: Space, key: string, op: Op, { lane, lanes }: Variant): Expr {
  const [a, ...rest] = op.operands.map((type, k) => load(type, 16 * k));
  const immediates: Readonly<Record<string, readonly unknown[]>> = {
    mem: [a, ...rest, offset],
    memlane: [a, ...rest, lane, offset],
    lane: [a, lane, ...rest],
    shuffle: [a, ...rest, lanes],
    "": [a, ...rest],
  };
  const builders: Readonly<Record<string, (...args: never[]) => Expr>> = namespaces[space];
  return Reflect.apply(builders[key], undefined, immediates[op.immediate] as Expr[]) as Expr;
}

function store(e: Expr): Expr {
  if (e.type === "void") return e;
  const builder: (ptr: number, value: never) => Expr = namespaces[e.type].store;
  return Reflect.apply(builder, undefined, [resultAt, e]) as Expr;
}

interface Compiled {
  readonly module: ModuleBuilder;
  readonly funcs: ReadonlyMap<string, Func>;
}

/** One module with a function for each row and variant of a table. */
function compile(space: Space): Compiled {
  const module = new ModuleBuilder();
  module.memory({ initial: 1, maximum: 1, exportAs: "memory" });
  const funcs = new Map<string, Func>();
  for (const [key, op] of rowsOf(space)) {
    for (const variant of variantsOf(op)) {
      const name = `${key} ${variant.name}`;
      const body = store(build(space, key, op, variant));
      funcs.set(
        name,
        module.func({ params: [], results: [], exportAs: name }, (f) => f.do(body)),
      );
    }
  }
  return { module, funcs };
}

/** All rows but the constants, which have tests of their own. */
function rowsOf(space: Space): (readonly [key: string, op: Op])[] {
  const table = tables.find(([name]) => name === space)?.[1] ?? [];
  return Object.entries(opsOf(space, table)).filter(([key]) => key !== "const");
}

function flatten(e: Expr): Expr[] {
  return [...[e.a, e.b, e.c].flatMap((part) => (part ? flatten(part) : [])), e];
}

/** An instruction as wabt prints it. */
function wat({ op, offset: at, lane, constant }: Instruction): string {
  const parts: string[] = [op.name];
  if (at > 0) parts.push(`offset=${at}`);
  if (op.immediate === "lane" || op.immediate === "memlane") parts.push(String(lane));
  if (constant instanceof Uint8Array) parts.push(...Array.from(constant, String));
  else if (constant !== null) parts.push(String(constant));
  return parts.join(" ");
}

const float32s = [
  0,
  -0,
  NaN,
  Infinity,
  -Infinity,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  1e-45,
  3.4e38,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  2 ** 63,
  127.5,
];
const wholes = [
  0n,
  1n,
  -1n,
  0x7fn,
  0x80n,
  0x7fffn,
  0x8000n,
  0x7fff_ffffn,
  0x8000_0000n,
  1n << 63n,
  (1n << 63n) - 1n,
  33n,
];
const lane = fc.oneof(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.constantFrom(...wholes));
const sixteenBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.tuple(lane, lane).map((x) => new Uint8Array(BigInt64Array.from(x).buffer)),
  fc
    .array(fc.oneof(fc.constantFrom(...float32s), fc.float({ noNaN: true })), { minLength: 4, maxLength: 4 })
    .map((x) => new Uint8Array(Float32Array.from(x).buffer)),
  fc
    .array(fc.oneof(fc.constantFrom(...float32s), fc.double()), { minLength: 2, maxLength: 2 })
    .map((x) => new Uint8Array(Float64Array.from(x).buffer)),
  fc.constantFrom(0, 0xff, 0x80, 0x7f).map((byte) => new Uint8Array(16).fill(byte)),
);

/** Equal bytes; or, lane by lane, two NaNs. */
function expectBytes(actual: Uint8Array, expected: Uint8Array, nan: 4 | 8 | undefined, what: string): void {
  const canonical = (bytes: Uint8Array): number[] | Uint8Array =>
    nan === undefined
      ? bytes
      : Array.from(nan === 4 ? new Float32Array(bytes.slice().buffer) : new Float64Array(bytes.slice().buffer));
  expect(Array.from(canonical(actual)), what).toEqual(Array.from(canonical(expected)));
}

interface Instance {
  readonly memory: Uint8Array;
  readonly run: (name: string) => void;
}

function instantiate({ module }: Compiled): Instance {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes()));
  if (!(exports.memory instanceof WebAssembly.Memory)) throw new TypeError("no memory");
  return {
    memory: new Uint8Array(exports.memory.buffer),
    run: (name) => {
      const func = exports[name];
      if (typeof func !== "function") throw new TypeError(`no function ${name}`);
      func();
    },
  };
}

function check(instance: Instance, op: Op, meaning: Meaning, variant: Variant, name: string, runs: number): void {
  const operands = fc.tuple(...op.operands.map(() => sixteenBytes));
  fc.assert(
    fc.property(operands, sixteenBytes, (wide, cell) => {
      const inputs = op.operands.map((type, k) => wide[k].slice(0, sizes[type]));
      meaning.domain?.(inputs);
      const isMemory = op.immediate === "mem" || op.immediate === "memlane";
      if (isMemory) inputs[0] = new Uint8Array(Uint32Array.of(pointer).buffer);
      inputs.forEach((bytes, k) => instance.memory.set(bytes, 16 * k));
      instance.memory.set(cell, pointer + offset);
      const window = cell.slice();
      const expected = meaning.run(inputs, { lane: variant.lane, lanes: variant.lanes, memory: window });
      if (expected === "trap") {
        expect(() => instance.run(name)).toThrow(WebAssembly.RuntimeError);
        return;
      }
      instance.run(name);
      const size = op.result === "void" ? 0 : sizes[op.result];
      expectBytes(instance.memory.slice(resultAt, resultAt + size), expected, meaning.nan, op.name);
      expectBytes(
        instance.memory.slice(pointer + offset, pointer + offset + 16),
        window,
        undefined,
        `memory after ${op.name}`,
      );
    }),
    { numRuns: runs },
  );
}

test("the engine has all that is tested here", () => {
  expect(wasmFeatures()).toMatchObject({ simd: true, relaxedSimd: true, threads: true });
});

describe.each(spaces)("%s", (space) => {
  const compiled = compile(space);
  let instance: Instance;
  beforeAll(() => {
    instance = instantiate(compiled);
  });

  test.each(rowsOf(space))("%s computes what its name says", (key, op) => {
    const meaning = meanings[`${space}.${key}`];
    expect(meaning, `semantics of ${space}.${key}`).toBeDefined();
    const variants = variantsOf(op);
    const runs = Math.ceil(60 / variants.length);
    for (const variant of variants) check(instance, op, meaning, variant, `${key} ${variant.name}`, runs);
  });

  test("is decoded back to the same instructions", () => {
    for (const [key, op] of rowsOf(space)) {
      for (const variant of variantsOf(op)) {
        const tree = flatten(store(build(space, key, op, variant)));
        const func = compiled.funcs.get(`${key} ${variant.name}`);
        if (!func) throw new TypeError(key);
        const { instructions } = decodeBody(compiled.module.bodies[func.index]?.code as Uint8Array);
        const read = instructions.slice(0, -1).map((i) => [i.op.code, i.offset, i.lane]);
        const written = tree.map((e) => [e.op.code, e.op.immediate === "const" ? 0 : e.imm, e.lane]);
        expect(read).toEqual(written);
      }
    }
  });

  test("is read by wabt under the same names and immediates", async () => {
    const wabt = await loadWabt();
    const options = { simd: true, threads: true, relaxed_simd: true, readDebugNames: false };
    const text = wabt.readWasm(compiled.module.toBytes(), options).toText({ foldExprs: false, inlineExport: false });
    const theirs = text
      .split(/\n {2}\(/)
      .filter((part) => part.startsWith("func "))
      .map((part) =>
        part
          .split("\n")
          .slice(1)
          .map((line) => line.trim().replace(/\)+$/, "")),
      );
    const ours = [...compiled.funcs.values()].map((func) =>
      decodeBody(compiled.module.bodies[func.index]?.code as Uint8Array)
        .instructions.slice(0, -1)
        .map(wat),
    );
    expect(theirs).toEqual(ours);
  });
});
