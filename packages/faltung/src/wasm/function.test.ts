import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeBody } from "./decode.ts";
import type { FunctionBuilder } from "./function.ts";
import {
  AssemblyError,
  call,
  f32,
  f32x4,
  type F32,
  type I32,
  i32,
  i32x4,
  i64,
  i8x16,
  type Label,
  type Local,
  memory,
  ModuleBuilder,
  v128,
} from "./index.ts";

type Exported = (...args: readonly (number | bigint)[]) => number | bigint | undefined;

/** Instantiates a module and returns its function `f`. */
function run(m: ModuleBuilder): Exported {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()));
  if (typeof exports.f !== "function") throw new TypeError("the module exports no function f");
  return exports.f as Exported;
}

/** A function of one i32 that returns one. */
function i32ToI32(body: (f: FunctionBuilder<readonly ["i32"]>, x: Local<"i32">) => void): (x: number) => unknown {
  const m = new ModuleBuilder();
  m.memory({ initial: 1 });
  m.func({ params: ["i32"], results: ["i32"], exportAs: "f" }, body);
  return run(m);
}

describe("constants", () => {
  test("i32 comes back for every power of two and its neighbours", () => {
    const values = Array.from({ length: 32 }, (_, k) => 2 ** k).flatMap((p) => [p - 1, p, p + 1, -p, -p - 1, 1 - p]);
    for (const value of values.filter((v) => v >= -(2 ** 31) && v < 2 ** 32)) {
      expect(i32ToI32((f) => f.return(value))(0)).toBe(value | 0);
    }
  });

  test("f32 and i64 come back", () => {
    const f32Of = (value: number): unknown => {
      const m = new ModuleBuilder();
      m.func({ params: [], results: ["f32"], exportAs: "f" }, (f) => f.return(value));
      return run(m)();
    };
    for (const value of [0, -0, 1.5, NaN, Infinity, -1e-45]) expect(f32Of(value)).toBe(Math.fround(value));
    fc.assert(
      fc.property(fc.float(), (value) => {
        expect(f32Of(value)).toBe(value);
      }),
    );
    const i64Of = (value: bigint): unknown => {
      const m = new ModuleBuilder();
      m.func({ params: [], results: ["i64"], exportAs: "f" }, (f) => f.return(i64.const(value)));
      return run(m)();
    };
    fc.assert(
      fc.property(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), (value) => {
        expect(i64Of(value)).toBe(value);
      }),
    );
    expect(i64Of((1n << 64n) - 1n)).toBe(-1n);
  });

  test("vectors by lanes, by one number, and by bytes", () => {
    const lane = (k: number): unknown =>
      i32ToI32((f) => f.return(i32x4.extractLane(i32x4.const(10, 20, -30, 40), k)))(0);
    expect([0, 1, 2, 3].map(lane)).toEqual([10, 20, -30, 40]);
    expect(i32ToI32((f) => f.return(i32x4.extractLane(i8x16.const(-3), 3)))(0)).toBe(0xfdfd_fdfd | 0);
    const bytes = Uint8Array.from({ length: 16 }, (_, k) => k * 3);
    expect(i32ToI32((f) => f.return(i32x4.extractLane(v128.const(bytes), 1)))(0)).toBe(0x15_120f_0c);
  });
});

describe("locals", () => {
  test("are grouped by type in the header, in the order of their indices", () => {
    const m = new ModuleBuilder();
    const func = m.func({ params: ["i64"], results: [] }, (f) => {
      for (const type of ["i32", "i32", "v128", "v128", "v128", "f32", "i32"] as const) f.local(type);
    });
    const code = m.bodies[func.index]?.code ?? new Uint8Array();
    expect(decodeBody(code).locals).toEqual(["i32", "i32", "v128", "v128", "v128", "f32", "i32"]);
    // Four groups: 2 × i32, 3 × v128, 1 × f32, 1 × i32.
    expect(Array.from(code.slice(0, 9))).toEqual([4, 2, 0x7f, 3, 0x7b, 1, 0x7d, 1, 0x7f]);
  });

  test("start as zero, and share a value that is computed once", () => {
    const f = i32ToI32((f, x) => {
      const zero = f.local("i32");
      const square = f.let(i32.mul(x, x));
      f.set(x, 0);
      f.return(i32.add(zero, i32.add(square, square)));
    });
    expect(f(5)).toBe(50);
  });

  test("an expression used twice is computed twice", () => {
    const f = i32ToI32((f, x) => {
      const next = f.tee(x, i32.add(x, 1));
      f.return(i32.mul(next, next));
    });
    expect(f(5)).toBe(6 * 7);
  });

  test("of another function are refused", () => {
    const m = new ModuleBuilder();
    let foreign: I32 = i32.const(0);
    m.func({ params: ["i32"], results: [] }, (_f, x) => {
      foreign = x;
    });
    expect(() => m.func({ params: [], results: ["i32"] }, (f) => f.return(foreign))).toThrow(AssemblyError);
  });
});

describe("control", () => {
  test("for counts as JavaScript's does, whether its bounds are constants or not", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -9, max: 9 }),
        fc.integer({ min: -9, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
        (from, to, step) => {
          const sum = (constant: boolean): unknown =>
            i32ToI32((f, x) => {
              const [i, n, end] = [f.local("i32"), f.local("i32"), f.let(i32.add(x, to))];
              f.for(i, from, constant ? to : end, constant ? step : i32.add(x, step), () =>
                f.set(n, i32.add(i32.mul(n, 31), i)),
              );
              f.return(i32.add(i32.mul(n, 1000), i));
            })(0);
          let [i, n] = [from, 0];
          for (; i < to; i += step) n = (Math.imul(n, 31) + i) | 0;
          expect(sum(true)).toBe((Math.imul(n, 1000) + i) | 0);
          expect(sum(false)).toBe((Math.imul(n, 1000) + i) | 0);
        },
      ),
    );
  });

  test("advance adds, atMost and atLeast bound, with signs", () => {
    const run = (change: (f: FunctionBuilder, x: Local<"i32">) => void) =>
      i32ToI32((f, x) => {
        change(f, x);
        f.return(x);
      });
    expect([0, -1, 2 ** 31 - 1].map(run((f, x) => f.advance(x, 3)))).toEqual([3, 2, -(2 ** 31) + 2]);
    expect([-5, 7, 8].map(run((f, x) => f.atMost(x, 7)))).toEqual([-5, 7, 7]);
    expect([-5, -1, 8].map(run((f, x) => f.atLeast(x, -1)))).toEqual([-1, -1, 8]);
  });

  test("while tests first, doWhile last", () => {
    const count = (loop: "while" | "doWhile") =>
      i32ToI32((f, x) => {
        const n = f.local("i32");
        const body = (): void => {
          f.set(x, i32.sub(x, 1));
          f.set(n, i32.add(n, 1));
        };
        if (loop === "while") f.while(i32.gtS(x, 0), body);
        else f.doWhile(body, i32.gtS(x, 0));
        f.return(n);
      });
    expect([0, 1, 5].map(count("while"))).toEqual([0, 1, 5]);
    expect([0, 1, 5].map(count("doWhile"))).toEqual([1, 1, 5]);
  });

  test("countdown runs n / step times", () => {
    const count = (step: number) =>
      i32ToI32((f, x) => {
        const n = f.local("i32");
        f.countdown(x, () => f.set(n, i32.add(n, 1)), step);
        f.return(n);
      });
    expect([1, 2, 12].map(count(1))).toEqual([1, 2, 12]);
    expect([4, 12].map(count(4))).toEqual([1, 3]);
  });

  test("if, else and select choose", () => {
    const sign = i32ToI32((f, x) => {
      f.if(
        i32.ltS(x, 0),
        () => f.return(-1),
        () => f.if(i32.eqz(x), () => f.return(0)),
      );
      f.return(1);
    });
    expect([-7, 0, 7].map(sign)).toEqual([-1, 0, 1]);
    const larger = i32ToI32((f, x) => f.return(i32.select(x, 10, i32.gtS(x, 10))));
    expect([3, 30].map(larger)).toEqual([10, 30]);
  });

  test("both arms of an if may return; what follows is unreachable", () => {
    const parity = i32ToI32((f, x) =>
      f.if(
        i32.and(x, 1),
        () => f.return(1),
        () => f.return(0),
      ),
    );
    expect([4, 7].map(parity)).toEqual([0, 1]);
  });

  test("branches leave blocks, start loops again, and leave an if", () => {
    const f = i32ToI32((f, x) => {
      const n = f.local("i32");
      f.block((done) => {
        f.loop((again) => {
          f.brIf(done, i32.geS(n, x));
          f.if(i32.eq(n, 3), (skip) => {
            f.set(n, i32.add(n, 100));
            f.br(skip);
            f.unreachable();
          });
          f.set(n, i32.add(n, 1));
          f.br(again);
        });
      });
      f.return(n);
    });
    expect([0, 2, 50].map(f)).toEqual([0, 2, 104]);
  });

  test("switch runs one case", () => {
    const f = i32ToI32((f, x) => {
      const n = f.local("i32");
      const add = (k: number): void => f.set(n, i32.add(n, k));
      f.switch(x, [() => add(1), () => add(10), () => add(100)], () => add(1000));
      f.return(n);
    });
    expect([0, 1, 2, 3, -1].map(f)).toEqual([1, 10, 100, 1000, 1000]);
  });

  test("a branch to a closed block is refused", () => {
    expect(() =>
      i32ToI32((f) => {
        let stale: Label | undefined;
        f.block((label) => {
          stale = label;
        });
        f.block(() => stale && f.br(stale));
      }),
    ).toThrow(AssemblyError);
  });
});

test("helpers take the builder of any function", () => {
  const zero = (f: FunctionBuilder, to: I32): Local<"i32"> => {
    const n = f.let(to);
    f.while(i32.gtS(n, 0), () => f.set(n, i32.sub(n, 3)));
    return n;
  };
  expect(i32ToI32((f, x) => f.return(zero(f, x)))(10)).toBe(-2);
});

test("a value that is left over is dropped", () => {
  const f = i32ToI32((f, x) => {
    f.do(x, f.tee(x, 5));
    f.return(x);
  });
  expect(f(1)).toBe(5);
});

test("memory is copied", () => {
  const f = i32ToI32((f, x) => {
    f.do(i32.store(100, x), memory.copy(200, 101, 2));
    f.return(i32.load(200));
  });
  expect(f(0x1234_5678)).toBe(0x3456);
});

describe("what cannot be encoded is refused at once", () => {
  test.each<[string, () => unknown]>([
    ["a negative offset", () => v128.load(0, -16)],
    ["a fractional offset", () => v128.store(0, v128.load(0), 1.5)],
    ["an offset beyond 32 bits", () => i32.load(0, 2 ** 32)],
    ["a lane that does not exist", () => f32x4.extractLane(f32x4.splat(1), 4)],
    ["a lane of memory that does not exist", () => v128.store64Lane(0, f32x4.splat(1), 2)],
    [
      "a shuffle of 15 lanes",
      () =>
        i8x16.shuffle(
          v128.load(0),
          v128.load(0),
          Array.from({ length: 15 }, () => 0),
        ),
    ],
    [
      "a shuffle beyond lane 31",
      () =>
        i8x16.shuffle(
          v128.load(0),
          v128.load(0),
          Array.from({ length: 16 }, () => 32),
        ),
    ],
    ["a fractional i32", () => i32.const(0.5)],
    ["an i32 beyond 32 bits", () => i32.add(0, 2 ** 32)],
    ["an i64 beyond 64 bits", () => i64.const(1n << 64n)],
    ["a vector of 15 bytes", () => v128.const(new Uint8Array(15))],
  ])("%s", (_what, build) => expect(build).toThrow(AssemblyError));
});

describe("static types", () => {
  const expectRefused = (build: () => unknown): void => expect(build).toThrow(AssemblyError);

  test("operands, locals, arguments and results must fit; the builders check again at run time", () => {
    const m = new ModuleBuilder();
    const half = m.func({ params: ["f32"], results: ["f32"] }, (f, x) => f.return(f32.mul(x, 0.5)));
    const halved: F32 = call(half, 3);
    // @ts-expect-error: an f32 is no i32
    expectRefused(() => i32.add(halved, 1));
    // @ts-expect-error: a vector is no f32
    expectRefused(() => f32.add(f32x4.splat(1), 1));
    // @ts-expect-error: an i64 is no argument for an f32
    expectRefused(() => call(half, i64.const(1n)));
    // @ts-expect-error: one argument is missing
    expectRefused(() => call(half));
    // @ts-expect-error: an i64 takes a bigint
    expectRefused(() => i64.store(0, 1));
    m.func({ params: ["i32"], results: ["i32"] }, (f, x) => {
      // @ts-expect-error: the local is an i32
      expectRefused(() => f.set(x, f32.const(1)));
      // @ts-expect-error: the result is an i32
      expectRefused(() => f.return(f32.const(1)));
      f.return(x);
    });
  });
});
