/** What saves memory changes no number: tasks made to wait, results computed anew, conditions at a pool's size. */
import { describe, expect, test } from "vitest";
import { fillTensor } from "../../test/fill.ts";
import { hire } from "../backend/wasm/instance.ts";
import { conv2d } from "../ops/conv/conv.ts";
import { add, gt, mul, relu, sub, where } from "../ops/elementwise/elementwise.ts";
import { matmul } from "../ops/matmul/matmul.ts";
import { batchNorm } from "../ops/norm/norm.ts";
import { type State, type Target, type Value, input, state } from "../ops/op.ts";
import { maxPool2d } from "../ops/pool/pool.ts";
import { mean, sum } from "../ops/reduce/reduce.ts";
import { Tensor } from "../tensor/tensor.ts";
import { decompose } from "./decompose.ts";
import { grad } from "./differentiate.ts";
import { entryGraph, unfused } from "./entries.ts";
import { evaluateValues } from "./evaluate.ts";
import { fuse } from "./fuse.ts";
import { reachable } from "./graph.ts";
import { type EntryGraph, type ProgramPlan, planProgram } from "./plan.ts";
import { recompute } from "./recompute.ts";
import { simplify } from "./simplify.ts";
import { type Graph, assign, trace } from "./trace.ts";
import { wasmProgram } from "./wasmProgram.ts";

const TARGET: Target = { fma: false, fast: true, wide: false, threads: 1 };
const INPUT = [4, 16, 32, 32];

const parameter = (shape: readonly number[], seed: number): State =>
  state({ role: "parameter", label: `w${seed}`, initial: fillTensor({ shape }, seed) });

/** A training step of three residual blocks; each convolution's result is needed again in the backward pass. */
function residual(): EntryGraph {
  const weights = [1, 2, 3, 4, 5, 6].map((seed) => parameter([16, 16, 3, 3], seed));
  const scales = weights.map((_, i) => parameter([16], 10 + i));
  const graph = trace(
    ({ x }) => {
      const layer = (v: Value, i: number): Value =>
        batchNorm(conv2d(v, weights[i], null, { padding: 1 }), { weight: scales[i], bias: scales[i], training: true });
      let v: Value = x;
      for (let i = 0; i < 6; i += 2) v = relu(layer(relu(layer(v, i)), i + 1));
      const loss = mean(mul(v, v));
      const all = [...weights, ...scales];
      grad(loss, all).forEach((g, i) => assign(all[i], mul(g, 0.5)));
      return { loss };
    },
    { x: { shape: INPUT, dtype: "float32" } },
  );
  return entryGraph("step", graph, fuse);
}

const resultsOf = ({ outputs, updates }: EntryGraph): Value[] => [
  ...outputs.values(),
  ...updates.map(([, value]) => value),
];

async function bits(planned: ProgramPlan): Promise<string> {
  const program = await wasmProgram(planned, hire(0), []);
  const { loss } = program.run("step", { x: fillTensor({ shape: INPUT }, 99) });
  const all = [loss, ...program.states.map((s) => program.read(s))];
  program.close();
  return all.map(({ data }) => new Uint32Array(data.slice().buffer).join()).join("\n");
}

test("activations are computed anew rather than kept: less memory, the same bits", async () => {
  const entry = residual();
  const plain = { ...entry, tasks: fuse(resultsOf(entry)) };
  expect(entry.tasks.length).toBeGreaterThan(plain.tasks.length);
  const [saving, keeping] = [planProgram([entry], TARGET), planProgram([plain], TARGET)];
  expect(saving.memory.temporaries).toBeLessThan(0.75 * keeping.memory.temporaries);
  expect(await bits(saving)).toBe(await bits(keeping));
});

test("nothing is computed twice where nothing is read late, or where it is small", () => {
  const x = input("x", { shape: [2, 8, 64, 64], dtype: "float32" });
  const y = relu(mul(x, 2));
  const tasks = fuse(simplify([sum(conv2d(y, parameter([8, 8, 3, 3], 1), null, { padding: 1 })), sum(mul(y, y))]));
  expect(recompute(tasks, [])).toEqual(tasks);
});

test("a product of a state alone waits for the gradient that it is added to", () => {
  const w = parameter([128, 256], 1);
  const m = parameter([128, 256], 2);
  const entry = entryGraph(
    "step",
    trace(
      ({ x }) => {
        const decayed = mul(m, 0.9);
        const y = relu(mul(relu(sum(mul(w, x), 0)), 3));
        const [g] = grad(sum(mul(y, y)), [w]);
        assign(m, mul(decayed, g));
        return { sum: sum(decayed, 0) };
      },
      { x: { shape: [128, 256], dtype: "float32" } },
    ),
    fuse,
  );
  const users = entry.tasks.map((task) => task.inputs.includes(m));
  expect(users.indexOf(true)).toBeGreaterThan(0);
});

describe.each([
  ["a short sum is stored over the old momentum", 64, false],
  ["a long sum, stored in stretches, beside it", 300, true],
])("momentum is scaled where the gradient is made: %s", (_, batch, copied) => {
  const sgd = (): { readonly graph: Graph; readonly states: readonly State[] } => {
    const w = parameter([40, 24], 1);
    const m = state({ role: "optimizer", label: "m", initial: fillTensor({ shape: [40, 24] }, 2) });
    const graph = trace(
      ({ x, dy, momentum }) => {
        const [g] = grad(sum(mul(matmul(x, w), dy)), [w]);
        const next = add(mul(m, momentum), g);
        assign(m, next);
        assign(w, sub(w, mul(next, 0.1)));
        return {};
      },
      {
        x: { shape: [batch, 40], dtype: "float32" },
        dy: { shape: [batch, 24], dtype: "float32" },
        momentum: { shape: [], dtype: "float32" },
      },
    );
    return { graph, states: [w, m] };
  };

  test("no pass of its own", () => {
    const planned = planProgram([entryGraph("step", sgd().graph, fuse)], TARGET);
    const labels = planned.notes.flat().map(({ task }) => task);
    expect(labels[0]).toBe("matmul+mul+add");
    expect(labels.includes("copy")).toBe(copied);
  });

  test("the numbers of the reference, step after step", async () => {
    const after = async (planned: boolean): Promise<number[]> => {
      const { graph, states } = sgd();
      const entry = entryGraph("step", graph, planned ? fuse : unfused);
      const program = await wasmProgram(planProgram([entry], TARGET), hire(0), []);
      for (const step of [1, 2]) {
        program.run("step", {
          x: fillTensor({ shape: [batch, 40] }, step),
          dy: fillTensor({ shape: [batch, 24] }, 10 + step),
          momentum: Tensor.scalar(0.9),
        });
      }
      const numbers = states.flatMap((s) => [...program.read(s).data]);
      program.close();
      return numbers;
    };
    const [fused, apart] = [await after(true), await after(false)];
    fused.forEach((v, i) => expect(v).toBeCloseTo(apart[i], 3));
  });
});

test("a condition on what was pooled moves to the pool's size, and what was pooled is not read again", () => {
  const x = input("x", { shape: [2, 3, 9, 8], dtype: "float32" });
  const dy = input("dy", { shape: [2, 3, 4, 4], dtype: "float32" });
  for (const window of [2, 3]) {
    const y = relu(x);
    const pooled = maxPool2d(y, window, {
      stride: 2,
      padding:
        window === 3
          ? [
              [0, 0],
              [1, 1],
            ]
          : 0,
    });
    const [dx] = grad(pooled, [x], dy);
    const before = decompose([dx]);
    const after = simplify(before);
    const sized = reachable(after).filter((v) => v.dtype === "uint8" && v.shape.join() === x.shape.join());
    expect(sized.map((v) => v.op.name)).toEqual([]);
    const data = new Map([x, dy].map((v, i) => [v as Value, fillTensor({ shape: v.shape }, i)]));
    const [a, b] = [before, after].map((roots) => evaluateValues(roots, data, "float32")[0].data);
    expect([...b]).toEqual([...a]);
    expect(a.some((v) => v !== 0)).toBe(true);
  }
});

test("a condition on something else than what was pooled stays", () => {
  const x = input("x", { shape: [2, 3, 8, 8], dtype: "float32" });
  const other = input("other", { shape: [2, 3, 8, 8], dtype: "float32" });
  const [dx] = grad(maxPool2d(x, 2), [x], input("dy", { shape: [2, 3, 4, 4], dtype: "float32" }));
  const [kept] = simplify([where(gt(other, 0), dx, 0)]);
  expect(kept.op.name).toBe("where");
});
