/** Layers against PyTorch's: keys, shapes, initialisation, both modes. The numbers are from fixtures/make_layers.py. */
import { describe, expect, it } from "vitest";
import { compile } from "../src/compile/compile.ts";
import type { EntrySpec } from "../src/compile/program.ts";
import { type Module, type ModuleSpec, build, manualSeed } from "../src/index.ts";
import type { Shape } from "../src/tensor/shape.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { expectClose } from "./close.ts";
import { type PackedTensor, readFixture, unpack } from "./fixtures.ts";

interface LayerCase extends ModuleSpec {
  readonly state: Readonly<Record<string, PackedTensor>>;
  readonly stateAfter?: Readonly<Record<string, PackedTensor>>;
  readonly input: PackedTensor;
  readonly trained: PackedTensor;
  readonly evaluated: PackedTensor;
  readonly reach?: Readonly<Record<string, number>>;
}

const cases = readFixture<LayerCase[]>("layers.json");
const named = cases.map((test) => [`${test.type}(${JSON.stringify(test.args).slice(1, -1)})`, test] as const);

function unpackAll(packed: Readonly<Record<string, PackedTensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(packed).map(([key, t]) => [key, unpack(t)]));
}

/** One layer, its states shared by a training step and an evaluation. */
function modes(layer: Module, x: Shape): Record<"train" | "evaluate", EntrySpec> {
  const entry = (training: boolean): EntrySpec => ({
    fn: (inputs) => ({ y: layer.train(training).forward(inputs["x"]) }),
    inputs: { x },
  });
  return { train: entry(true), evaluate: entry(false) };
}

describe("layers against PyTorch's", () => {
  it.each(named)("%s: computes the same while training and afterwards", async (_name, test) => {
    const layer = build(test);
    const before = unpackAll(test.state);
    expect(Object.keys(layer.stateDict())).toEqual(Object.keys(before));
    layer.loadStateDict(before);
    const run = await compile(modes(layer, test.input.shape), { threads: 1 });
    const x = unpack(test.input);
    expectClose(run.run("train", { x })["y"], unpack(test.trained), 1e-5, "training");
    expectClose(run.run("evaluate", { x })["y"], unpack(test.evaluated), 1e-5, "evaluation");
    const after = unpackAll(test.stateAfter ?? test.state);
    for (const [key, state] of layer.namedStates()) expectClose(run.read(state), after[key], 1e-5, key);
    run.close();
  });

  it.each(named.filter(([, test]) => test.reach !== undefined))("%s: starts from weights as large", (_name, test) => {
    manualSeed(1);
    const made = Array.from({ length: 100 }, () => build(test).stateDict());
    for (const [key, most] of Object.entries(test.reach ?? {})) {
      const reached = Math.max(...made.flatMap((dict) => Array.from(dict[key].data, (v) => Math.abs(v))));
      expect(
        Math.abs(reached / Math.max(most, 1e-9) - (most === 0 ? 0 : 1)),
        `${key}: ${reached}, not ${most}`,
      ).toBeLessThan(0.03);
    }
  });

  it.each(named)("%s: is made again from its own description", (_name, test) => {
    const layer = build(test);
    expect(build(layer.spec()).spec()).toEqual(layer.spec());
  });
});
