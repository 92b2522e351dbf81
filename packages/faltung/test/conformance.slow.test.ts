/**
 * The walk through the registry: every operation has samples; on each sample every backend agrees with the reference
 * loops, a composite agrees with what it stands for, and gradients agree with finite differences.
 */
import { describe, expect, it } from "vitest";
import { compile } from "../src/compile/compile.ts";
import { decompose } from "../src/compile/decompose.ts";
import { evaluateValues } from "../src/compile/evaluate.ts";
import { gradcheck } from "../src/compile/gradcheck.ts";
import { reachable } from "../src/compile/graph.ts";
import { grad } from "../src/compile/differentiate.ts";
import { type Operation, type RefTensor, type Value, constant, input } from "../src/ops/op.ts";
import { operations } from "../src/ops/registry.ts";
import type { Sample } from "../src/ops/samples.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { allSamples } from "./all-samples.ts";
import { expectClose } from "./close.ts";
import { fillTensor } from "./fill.ts";

const LEAVES = new Set(["input", "constant", "state"]);

function leaves(sample: Sample): Value[] {
  return sample.inputs.map(({ shape, dtype = "float32" }, i) => input(`x${i}`, { shape, dtype }));
}

function tensors(sample: Sample): Tensor[] {
  return sample.inputs.map((spec, i) => fillTensor(spec, 17 * i + 1));
}

function known(inputs: readonly Value[], values: readonly Tensor[], wide: boolean): Map<Value, RefTensor> {
  return new Map(
    inputs.map((leaf, i): [Value, RefTensor] => {
      const { shape, dtype, data } = values[i];
      return [leaf, { shape, dtype, data: wide && dtype === "float32" ? Float64Array.from(data) : data }];
    }),
  );
}

/** The sample's result and, if it is differentiable, the gradients of a weighted sum of it. */
function outputs(sample: Sample, inputs: readonly Value[]): Value[] {
  const y = sample.build(...inputs);
  const floats = inputs.filter((x) => x.dtype === "float32");
  if (sample.differentiable === false || floats.length === 0 || y.dtype !== "float32") return [y];
  const seed = constant(fillTensor({ shape: y.shape }, 99));
  return [y, ...grad(y, floats, seed)];
}

describe("the registry", () => {
  it("has no two operations of one name", () => {
    const names = operations.map((op) => op.name);
    expect(names.length).toBe(new Set(names).size);
  });

  it("has a sample for every operation", () => {
    const seen = new Set<string>();
    for (const sample of allSamples) {
      for (const v of reachable(outputs(sample, leaves(sample)))) seen.add(v.op.name);
      for (const v of reachable(decompose(outputs(sample, leaves(sample))))) seen.add(v.op.name);
    }
    const missing = operations.map((op) => op.name).filter((name) => !seen.has(name));
    expect(missing).toEqual([]);
  });

  it("lists every operation that samples reach", () => {
    const listed = new Set<Operation<never>>(operations);
    const unlisted = new Set<string>();
    for (const sample of allSamples) {
      for (const v of reachable(decompose(outputs(sample, leaves(sample))))) {
        if (!listed.has(v.op) && !LEAVES.has(v.op.name)) unlisted.add(v.op.name);
      }
    }
    expect([...unlisted]).toEqual([]);
  });

  it("has kernels or a decomposition for every operation", () => {
    const without = operations.filter((op) => !op.wasm && !op.scalar && !op.decompose).map((op) => op.name);
    expect(without).toEqual([]);
  });
});

describe.each(allSamples.map((sample) => [sample.name, sample] as const))("%s", (_name, sample) => {
  it("has the gradients that finite differences find", () => {
    if (sample.differentiable === false) return;
    gradcheck(sample.build, tensors(sample));
  });

  it("is what its decomposition computes", () => {
    const inputs = leaves(sample);
    const roots = outputs(sample, inputs);
    const values = known(inputs, tensors(sample), true);
    const whole = evaluateValues(roots, values, "float64");
    const parts = evaluateValues(decompose(roots), values, "float64");
    whole.forEach((w, i) => expectClose(parts[i], w, 1e-9, `result ${i}`));
  });

  it("is computed alike by WebAssembly, on 1, 2 and 3 threads", async () => {
    const inputs = leaves(sample);
    const given = tensors(sample);
    const expected = evaluateValues(outputs(sample, inputs), known(inputs, given, true), "float64");
    const fn = (values: Readonly<Record<string, Value>>): Record<string, Value> =>
      Object.fromEntries(
        outputs(
          sample,
          inputs.map((_, i) => values[`x${i}`]),
        ).map((v, i) => [`y${i}`, v]),
      );
    const types = Object.fromEntries(inputs.map((x, i) => [`x${i}`, { shape: x.shape, dtype: x.dtype }]));
    const feed = Object.fromEntries(given.map((t, i) => [`x${i}`, t]));
    let first: Readonly<Record<string, Tensor>> | undefined;
    for (const threads of [1, 2, 3]) {
      const program = await compile({ run: { fn, inputs: types } }, { threads });
      const results = program.run("run", feed);
      program.close();
      expected.forEach((e, i) =>
        expectClose(results[`y${i}`], e, sample.tolerance ?? 2e-5, `result ${i}, ${threads} threads`),
      );
      if (first === undefined) first = results;
      else expect(results, "the same bits on any number of threads").toEqual(first);
    }
  });
});
