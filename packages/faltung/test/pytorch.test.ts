/** Every operation against PyTorch: results and gradients, by the reference loops in float64 and by WebAssembly. */
import { describe, expect, it } from "vitest";
import { compile } from "../src/compile/compile.ts";
import { grad } from "../src/compile/differentiate.ts";
import { evaluateValues } from "../src/compile/evaluate.ts";
import * as api from "../src/index.ts";
import { type RefTensor, type Value, constant, input } from "../src/ops/op.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { expectClose } from "./close.ts";
import { type OpCase, readFixture, resolve, unpack } from "./fixtures.ts";

const FAMILIES = ["elementwise", "reduce", "shape", "matmul", "conv", "pool", "norm", "loss"];

/** The public functions by name: a case calls one of them with arguments that Python wrote. */
const functions = api as unknown as Readonly<Record<string, (...args: readonly unknown[]) => Value>>;

/** What the case computes: the result, and the gradients where PyTorch gave some. */
function build(test: OpCase, inputs: readonly Value[]): Value[] {
  const y = functions[test.fn](...test.args.map((a) => resolve(a, inputs)));
  if (test.seed === undefined) return [y];
  const floats = inputs.filter((_, i) => test.gradients?.[i]);
  return [y, ...grad(y, floats, constant(unpack(test.seed)))];
}

function expectations(test: OpCase): Tensor[] {
  return [test.output, ...(test.gradients ?? []).filter((g) => g !== null)].map(unpack);
}

describe.each(FAMILIES)("%s", (family) => {
  const cases = readFixture<OpCase[]>(`ops/${family}.json`);

  it.each(cases.map((test) => [test.name, test] as const))("%s: the reference loops", (_name, test) => {
    const inputs = test.inputs.map((t, i) => input(`x${i}`, { shape: t.shape, dtype: t.dtype }));
    const known = new Map<Value, RefTensor>(
      inputs.map((leaf, i) => {
        const { shape, dtype, data } = unpack(test.inputs[i]);
        return [leaf, { shape, dtype, data: dtype === "float32" ? Float64Array.from(data) : data }];
      }),
    );
    const results = evaluateValues(build(test, inputs), known, "float64");
    expectations(test).forEach((e, i) => expectClose(results[i], e, 1e-6, i === 0 ? "result" : `gradient ${i - 1}`));
  });

  it.each(cases.map((test) => [test.name, test] as const))("%s: WebAssembly", async (_name, test) => {
    const names = test.inputs.map((_, i) => `x${i}`);
    const types = Object.fromEntries(test.inputs.map(({ shape, dtype }, i) => [names[i], { shape, dtype }]));
    const run = await compile(
      (values) =>
        Object.fromEntries(
          build(
            test,
            names.map((n) => values[n]),
          ).map((v, i) => [`y${i}`, v]),
        ),
      types,
      { threads: 1 },
    );
    const results = run(Object.fromEntries(names.map((n, i) => [n, unpack(test.inputs[i])])));
    run.program.close();
    expectations(test).forEach((e, i) =>
      expectClose(results[`y${i}`], e, 2e-5, i === 0 ? "result" : `gradient ${i - 1}`),
    );
  });

  it("has cases", () => expect(cases.length).toBeGreaterThan(5));
});
