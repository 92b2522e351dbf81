import { afterEach, describe, expect, test } from "vitest";
import { add } from "../ops/elementwise/elementwise.ts";
import { type State, type StateRole, type Value, constant, state } from "../ops/op.ts";
import { OptionError, PlatformError, ShapeError } from "../tensor/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { compile } from "./compile.ts";
import { blockedHalf, half, packed, plus, reversed } from "./toys.samples.ts";
import { assign } from "./trace.ts";

const open: { close(): void }[] = [];
afterEach(() => open.splice(0).forEach((program) => program.close()));
function keep<P extends { close(): void }>(program: P): P {
  open.push(program);
  return program;
}

const numbers = (...values: number[]): Tensor => Tensor.from(values);
const stateOf = (label: string, values: number[], role: StateRole = "parameter"): State =>
  state({ role, label, initial: Tensor.from(values) });

for (const backend of ["wasm", "reference"] as const) {
  for (const threads of backend === "wasm" ? [1, 2] : [1]) {
    const options = { backend, threads };
    describe(`${backend}, threads: ${threads}`, () => {
      test("runs an entry, and keeps an input that is left out", async () => {
        const fn = {
          fn: ({ x, w }: { x: Value; w: Value }) => ({ y: plus(half(x), w), z: reversed(x) }),
          inputs: { x: [3], w: [3] },
        };
        const program = keep(await compile({ fn }, options));
        expect(program.threads).toBe(threads);
        const { y, z } = program.run("fn", { x: numbers(2, 4, 6), w: numbers(10, 20, 30) });
        expect(y.toArray()).toEqual([11, 22, 33]);
        expect(z.toArray()).toEqual([6, 4, 2]);
        expect(program.run("fn", { x: numbers(0, 0, 2) }).y.toArray()).toEqual([10, 20, 31]);
        program.input("fn", "x").set([8, 8, 8]);
        program.step("fn");
        expect([...program.output("fn", "y")]).toEqual([14, 24, 34]);
      });

      test("entries share states; updates come at the end of a step", async () => {
        const w = stateOf("w", [1, 2, 4]);
        const old = stateOf("old", [0, 0, 0], "optimizer");
        const program = keep(
          await compile(
            {
              train: {
                fn: ({ x }) => {
                  assign(old, w);
                  assign(w, plus(w, x));
                  return { before: w, sum: plus(w, old) };
                },
                inputs: { x: [3] },
              },
              predict: { fn: ({ x }) => ({ y: plus(w, half(x)) }), inputs: { x: [3] } },
            },
            options,
          ),
        );
        const first = program.run("train", { x: numbers(1, 1, 1) });
        expect(first.before.toArray()).toEqual([1, 2, 4]);
        expect(first.sum.toArray()).toEqual([1, 2, 4]);
        expect(program.read(w).toArray()).toEqual([2, 3, 5]);
        expect(program.read(old).toArray()).toEqual([1, 2, 4]);
        expect(program.run("train").sum.toArray()).toEqual([3, 5, 9]);
        expect(program.run("predict", { x: numbers(2, 2, 2) }).y.toArray()).toEqual([4, 5, 7]);
        program.write(w, numbers(0, 0, 0));
        expect(program.run("predict").y.toArray()).toEqual([1, 1, 1]);
      });

      test("states may be exchanged", async () => {
        const [a, b] = [stateOf("a", [1, 2]), stateOf("b", [3, 4])];
        const swap = { fn: () => (assign(a, b), assign(b, a), {}), inputs: {} };
        const program = keep(await compile({ swap }, options));
        program.run("swap");
        expect([program.read(a).toArray(), program.read(b).toArray()]).toEqual([
          [3, 4],
          [1, 2],
        ]);
        program.run("swap");
        expect([program.read(a).toArray(), program.read(b).toArray()]).toEqual([
          [1, 2],
          [3, 4],
        ]);
      });

      test("what is made of weights alone is made again when they change, by hand or by another entry", async () => {
        const w = stateOf("w", [2, 4, 6]);
        const program = keep(
          await compile(
            {
              predict: { fn: ({ x }) => ({ y: packed(x, w) }), inputs: { x: [3] } },
              train: { fn: ({ x }) => (assign(w, plus(w, x)), { y: packed(x, w) }), inputs: { x: [3] } },
            },
            options,
          ),
        );
        const predict = (): unknown => program.run("predict", { x: numbers(0, 0, 0) }).y.toArray();
        expect(predict()).toEqual([3, 2, 1]);
        expect(predict()).toEqual([3, 2, 1]);
        program.write(w, numbers(20, 40, 60));
        expect(predict()).toEqual([30, 20, 10]);
        expect(program.run("train", { x: numbers(2, 2, 2) }).y.toArray()).toEqual([32, 22, 12]);
        expect(predict()).toEqual([31, 21, 11]);
      });

      test("outputs may be inputs, constants, and the same value twice", async () => {
        const fn = ({ x }: { x: Value }): Record<"x" | "c" | "y" | "z", Value> => {
          const y = half(x);
          return { x, c: constant(numbers(7)), y, z: y };
        };
        const program = keep(await compile({ fn: { fn, inputs: { x: [2] } } }, options));
        const { x, c, y, z } = program.run("fn", { x: numbers(2, 4) });
        expect([x, c, y, z].map((t) => t.toArray())).toEqual([[2, 4], [7], [1, 2], [1, 2]]);
      });

      test("tensors of no elements are legal", async () => {
        const program = keep(
          await compile({ fn: { fn: ({ x }) => ({ y: half(x) }), inputs: { x: [0, 3] } } }, options),
        );
        expect(program.run("fn", { x: Tensor.zeros([0, 3]) }).y.shape).toEqual([0, 3]);
      });

      test("a blocked operation between plain ones is converted to and fro", async () => {
        for (const shape of [
          [2, 3, 5, 7],
          [1, 8, 4],
          [2, 19, 1, 9],
          [1, 16, 40, 40],
        ]) {
          const fn = { fn: ({ x }: { x: Value }) => ({ y: reversed(blockedHalf(reversed(x))) }), inputs: { x: shape } };
          const program = keep(await compile({ fn }, options));
          const x = Tensor.zeros(shape);
          x.data.forEach((_, i) => (x.data[i] = i));
          const { y } = program.run("fn", { x });
          expect(y.data.every((v, i) => v === i / 2)).toBe(true);
        }
      });

      test("a state that no entry uses holds what was last written", async () => {
        const program = keep(await compile({ go: { fn: ({ x }) => ({ y: half(x) }), inputs: { x: [2] } } }, options));
        const w = stateOf("w", [1]);
        expect(program.read(w).toArray()).toEqual([1]);
        program.write(w, numbers(3));
        expect(program.read(w).toArray()).toEqual([3]);
        expect(() => program.write(w, numbers(1, 2))).toThrow(
          "parameter w is float32 [1], but it was given float32 [2].",
        );
      });

      test("mistakes are named", async () => {
        const program = keep(await compile({ go: { fn: ({ x }) => ({ y: half(x) }), inputs: { x: [2] } } }, options));
        expect(() => program.run("go", { x: numbers(1) })).toThrow(ShapeError);
        expect(() => program.run("go", { x: numbers(1) })).toThrow(
          "go: input x is float32 [2], but it was given float32 [1].",
        );
        const loose: { run(entry: string, inputs?: object): unknown } = program;
        expect(() => loose.run("gone")).toThrow("there is no entry called gone; there are: go.");
        expect(() => loose.run("go", { z: numbers(1, 2) })).toThrow("there is no input of go called z; there are: x.");
        program.close();
        expect(() => program.run("go")).toThrow("go: the program was closed.");
      });
    });
  }
}

test("the short form is a function", async () => {
  const f = await compile(({ x }) => ({ y: half(x) }), { x: [2] }, { threads: 1 });
  keep(f.program);
  expect(f({ x: numbers(2, 4) }).y.toArray()).toEqual([1, 2]);
});

test("a program too large for a 32-bit memory is refused with the figure before anything is allocated", async () => {
  const before = process.memoryUsage().rss;
  const huge = compile({ big: { fn: ({ x }) => ({ y: half(x) }), inputs: { x: [700_000_000] } } }, { threads: 1 });
  await expect(huge).rejects.toThrow(PlatformError);
  await expect(huge).rejects.toThrow(/needs 5\.22 GiB; a WebAssembly memory holds at most 4 GiB/);
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
});

test("memory is told by use", async () => {
  const w = stateOf("w", new Array<number>(100).fill(1));
  const m = stateOf("m", new Array<number>(100).fill(0), "optimizer");
  const { memory } = keep(
    await compile(
      {
        train: {
          fn: ({ x }) => (assign(m, plus(m, x)), assign(w, plus(w, m)), { y: half(half(w)) }),
          inputs: { x: [100] },
        },
        predict: { fn: ({ x }) => ({ y: packed(x, w) }), inputs: { x: [100] } },
      },
      { threads: 1 },
    ),
  );
  expect(memory).toMatchObject({
    parameters: 400,
    optimizer: 400,
    inputs: 800,
    outputs: 800,
    prepared: 400,
    scratch: 0,
  });
  const { total, ...parts } = memory;
  expect(Object.values(parts).reduce((a, b) => a + b)).toBeLessThanOrEqual(total);
});

test("explain shows stages, threads, barriers and conversions", async () => {
  const program = keep(
    await compile(
      { go: { fn: ({ x }) => ({ y: half(blockedHalf(reversed(x))) }), inputs: { x: [1, 3, 100, 100] } } },
      { threads: 2 },
    ),
  );
  const text = program.explain("go");
  expect(text).toMatch(/^go: 5 stages, 30\.00 MFLOP, .*; 2 threads, 4 barriers .*; 2 layout conversions, /);
  expect(text).toMatch(/┄ +convert +plain → blocked +\[1, 3, 100, 100\] +plain → blocked/);
});

test("what is no value is refused where it comes in", async () => {
  // Types forbid all of it; what comes from JavaScript, or through `any`, is told in words all the same.
  const make = (fn: unknown): Promise<unknown> =>
    compile(fn as () => Record<string, Value>, { x: [1] }, { threads: 1 });
  const sum = add as (a: unknown, b: unknown) => Value;
  const record = "the function must return a record of values";
  await expect(make(() => ({ y: 3 }))).rejects.toThrow(record);
  await expect(make(() => ({ y: undefined }))).rejects.toThrow(record);
  await expect(make(() => undefined)).rejects.toThrow(record);
  await expect(make(({ x }: { x: Value }) => x)).rejects.toThrow(record);
  await expect(make(async ({ x }: { x: Value }) => ({ y: x }))).rejects.toThrow(record);
  await expect(make(({ x, z }: Record<string, Value>) => ({ y: sum(x, z) }))).rejects.toThrow(
    "an operand is undefined; it must be a value",
  );
  await expect(make(({ x }: { x: Value }) => ({ y: sum(x, [1, 2]) }))).rejects.toThrow("an operand is 1,2;");
});

test("wrong options are refused", async () => {
  await expect(compile({})).rejects.toThrow(OptionError);
  const go = { fn: () => ({}), inputs: {} };
  await expect(compile({ go }, { threads: 0 })).rejects.toThrow("threads is 0; expected a whole number from 1 to 256");
});
