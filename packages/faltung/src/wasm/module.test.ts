import { describe, expect, test } from "vitest";
import loadWabt from "wabt";
import { AssemblyError, call, f32, i32, memory, ModuleBuilder, v128, withCustom } from "./index.ts";

type Exported = (...args: readonly (number | bigint)[]) => number | bigint | undefined;

function instantiate(m: ModuleBuilder, imports: WebAssembly.Imports = {}): WebAssembly.Instance {
  return new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()), imports);
}

function exported(m: ModuleBuilder, name: string, imports: WebAssembly.Imports = {}): Exported {
  const func = instantiate(m, imports).exports[name];
  if (typeof func !== "function") throw new TypeError(`no function ${name}`);
  return func as Exported;
}

test("an empty module is a module", () => {
  expect(WebAssembly.validate(new ModuleBuilder().toBytes())).toBe(true);
});

test("a call for its effect drops the result", () => {
  const m = new ModuleBuilder();
  const count = m.global("i32", 0);
  const next = m.func({ params: [], results: ["i32"] }, (f) => {
    f.do(count.set(i32.add(count.get(), 1)));
    f.return(count.get());
  });
  const add = m.func({ params: ["i32"], results: [] }, (f, n) => f.do(count.set(i32.add(count.get(), n))));
  m.func({ params: [], results: ["i32"], exportAs: "f" }, (f) => {
    f.call(add, call(next));
    f.call(next);
    f.return(call(next));
  });
  expect(exported(m, "f")()).toBe(4);
});

test("functions call those before them", () => {
  const m = new ModuleBuilder();
  const square = m.func({ params: ["i32"], results: ["i32"] }, (f, x) => f.return(i32.mul(x, x)));
  m.func({ params: ["i32"], results: ["i32"], exportAs: "f" }, (f, x) => f.return(call(square, call(square, x))));
  expect(exported(m, "f")(3)).toBe(81);
});

test("globals are read and set", () => {
  const m = new ModuleBuilder();
  const count = m.global("i32", -5);
  const scale = m.global("f32", 0.5);
  const big = m.global("i64", 1n << 40n);
  m.func({ params: ["f32"], results: ["f32"], exportAs: "f" }, (f, x) => {
    f.do(count.set(i32.add(count.get(), 1)), scale.set(f32.mul(scale.get(), x)));
    f.return(f32.add(scale.get(), f32.convertI32S(count.get())));
  });
  m.func({ params: [], results: ["i64"], exportAs: "big" }, (f) => f.return(big.get()));
  const f = exported(m, "f");
  expect(f(3)).toBe(1.5 - 4);
  expect(exported(m, "big")()).toBe(1n << 40n);
});

describe("memory", () => {
  test("of one's own is exported and holds the data", () => {
    const m = new ModuleBuilder();
    m.memory({ initial: 2, maximum: 3, exportAs: "memory" });
    m.data(
      65_530,
      Uint8Array.from({ length: 300 }, (_, k) => k),
    );
    const { memory: own } = instantiate(m).exports;
    const bytes = new Uint8Array((own as WebAssembly.Memory).buffer);
    expect(bytes.length).toBe(2 * 65_536);
    expect([bytes[65_529], bytes[65_530], bytes[65_531], bytes[65_530 + 299]]).toEqual([0, 0, 1, 299 - 256]);
    expect(() => m.memory({ initial: 1 })).toThrow(AssemblyError);
  });

  test("that is shared is imported by two instances; atomics, waiting and waking work", () => {
    const m = new ModuleBuilder();
    m.importMemory("env", "memory", { initial: 1, maximum: 4, shared: true });
    m.func({ params: ["i32"], results: ["i32"], exportAs: "add" }, (f, n) => {
      f.do(memory.atomicFence());
      f.return(i32.atomicRmwAdd(64, n));
    });
    // 1: the value is not the expected one; 2: the time, in nanoseconds, is over.
    m.func({ params: ["i32", "i64"], results: ["i32"], exportAs: "wait" }, (f, expected, time) => {
      f.return(memory.atomicWait32(0, expected, time, 64));
    });
    m.func({ params: [], results: ["i32"], exportAs: "wake" }, (f) => f.return(memory.atomicNotify(64, 8)));
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
    const env = { memory: shared };
    const [one, two] = [exported(m, "add", { env }), exported(m, "add", { env })];
    expect([one(5), two(7), one(1)]).toEqual([0, 5, 12]);
    expect(new Int32Array(shared.buffer)[16]).toBe(13);
    expect(exported(m, "wait", { env })(99, -1n)).toBe(1);
    expect(exported(m, "wait", { env })(13, 1000n)).toBe(2);
    expect(exported(m, "wake", { env })()).toBe(0);
  });

  test("that is shared needs a maximum", () => {
    expect(() => new ModuleBuilder().memory({ initial: 1, shared: true })).toThrow(
      /initial 1 pages, maximum not given/,
    );
  });
});

test("custom sections hold their bytes", () => {
  const one = withCustom(new ModuleBuilder().toBytes(), "faltung", Uint8Array.of(1, 2, 3));
  const module = new WebAssembly.Module(withCustom(one, "é", new Uint8Array(1000)));
  const sizes = ["faltung", "é"].map((name) =>
    WebAssembly.Module.customSections(module, name).map((b) => b.byteLength),
  );
  expect(sizes).toEqual([[3], [1000]]);
});

test("wabt reads the whole of a module: types shared, names kept", async () => {
  const m = new ModuleBuilder();
  m.importMemory("env", "memory", { initial: 1, maximum: 65_536, shared: true });
  const log = m.func({ name: "log", params: ["i32"], results: [] }, () => {});
  const g = m.global("i32", 7);
  m.func({ name: "kernel", params: ["i32"], results: [], exportAs: "run" }, (f, p) => {
    f.do(g.set(p), v128.store(p, v128.load(p, 16), 32));
    f.call(log, p);
  });
  m.data(16, Uint8Array.of(65, 66));
  const wabt = await loadWabt();
  const options = { simd: true, threads: true, readDebugNames: true };
  expect(wabt.readWasm(m.toBytes(), options).toText({ foldExprs: false, inlineExport: false })).toMatchInlineSnapshot(`
    "(module
      (type (;0;) (func (param i32)))
      (import "env" "memory" (memory (;0;) 1 65536 shared))
      (func $log (type 0) (param i32))
      (func $kernel (type 0) (param i32)
        local.get 0
        global.set 0
        local.get 0
        local.get 0
        v128.load offset=16
        v128.store offset=32
        local.get 0
        call 0)
      (global (;0;) (mut i32) (i32.const 7))
      (export "run" (func 1))
      (data (;0;) (i32.const 16) "AB"))
    "
  `);
});
