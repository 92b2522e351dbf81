/** Fusion changes nothing but the work: each task's results against the reference loops of the same values. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fillTensor } from "../../test/fill.ts";
import { runLowered } from "../../test/run-lowered.ts";
import { type Numbers, type RefTensor, type Target, type Value, input, state } from "../ops/op.ts";
import { conv2d } from "../ops/conv/conv.ts";
import { samples as elementwiseSamples } from "../ops/elementwise/elementwise.samples.ts";
import * as f from "../ops/elementwise/elementwise.ts";
import { crossEntropy } from "../ops/loss/loss.ts";
import { samples as lossSamples } from "../ops/loss/loss.samples.ts";
import { batchNorm } from "../ops/norm/norm.ts";
import { samples as normSamples } from "../ops/norm/norm.samples.ts";
import { broadcastTo, max, mean, sum, variance } from "../ops/reduce/reduce.ts";
import { maxPool2d } from "../ops/pool/pool.ts";
import { reshape } from "../ops/shape/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { decompose } from "./decompose.ts";
import { grad } from "./differentiate.ts";
import { evaluateValues } from "./evaluate.ts";
import { fuse } from "./fuse.ts";
import { reachable } from "./graph.ts";
import { simplify } from "./simplify.ts";
import type { Task } from "./task.ts";

const target: Target = { fma: false, fast: true, wide: false, threads: 1 };

function prepare(roots: readonly Value[]): Value[] {
  return simplify(decompose(roots));
}

/** All values of a graph by the reference, float32. */
function evaluateAll(roots: readonly Value[], tensors: ReadonlyMap<Value, RefTensor>): Map<Value, RefTensor> {
  const values = reachable(roots);
  const results = evaluateValues(values, tensors, "float32");
  return new Map(values.map((v, i) => [v, results[i]]));
}

function largest(numbers: Numbers): number {
  let most = 0;
  for (const x of numbers) if (Number.isFinite(x)) most = Math.max(most, Math.abs(x));
  return most;
}

/** @param terms what sums are taken of: their results may cancel */
function close(actual: Numbers, expected: Numbers, tolerance: number, what: string, terms = 0): void {
  let scale = terms;
  for (const x of expected) if (Number.isFinite(x)) scale = Math.max(scale, Math.abs(x));
  for (let i = 0; i < expected.length; i++) {
    const same = Object.is(actual[i], expected[i]) || Math.abs(actual[i] - expected[i]) <= tolerance * (scale || 1);
    if (!same && actual[i] !== expected[i])
      throw new Error(`${what}: element ${i} is ${actual[i]}, the reference has ${expected[i]}`);
  }
}

const CHECKED = new Set(["sum", "max", "min", "broadcast", "maxPool", "maxPoolIndex"]);

/** Runs every map, reduction and max-pool in each of its layouts on the reference's numbers; other operations are not ours. */
function check(roots: readonly Value[], tensors: ReadonlyMap<Value, RefTensor>, tolerance = 1e-5): Task[] {
  const results = evaluateAll(roots, tensors);
  const tasks = fuse(roots);
  const made = new Set<Value>(reachable(roots).filter((v) => v.inputs.length === 0 && !("rule" in v.op.gradient)));
  for (const task of tasks) {
    for (const x of task.inputs) expect(made.has(x), `${task.label} reads ${x.op.name} before it is made`).toBe(true);
    for (const y of task.outputs) made.add(y);
    if (task.alias || !task.outputs.every((v) => v.op.scalar !== undefined || CHECKED.has(v.op.name))) continue;
    if (task.label.startsWith("conv") || task.label.startsWith("matmul")) continue;
    for (const layouts of task.layouts) {
      const given = task.inputs.map((x, i) => {
        const { data, shape } = results.get(x) as RefTensor;
        return { tensor: new Tensor(data as Float32Array, shape), layout: layouts.inputs[i] };
      });
      const lowered = task.lower(layouts, target);
      const sums = task.outputs.some((y) => y.op.name === "sum");
      const terms = sums
        ? Math.max(...given.map((x) => (x.tensor.dtype === "float32" ? largest(x.tensor.data) : 0)))
        : 0;
      const got = runLowered(
        lowered,
        given,
        task.outputs.map((type, i) => ({ type, layout: layouts.outputs[i] })),
        2,
      );
      task.outputs.forEach((y, i) =>
        close(got[i].data, (results.get(y) as RefTensor).data, tolerance, `${task.label} [${y.shape.join()}]`, terms),
      );
    }
  }
  for (const root of roots) if (root.inputs.length > 0) expect(made.has(root)).toBe(true);
  return tasks;
}

function leavesOf(
  specs: readonly { readonly shape: readonly number[]; readonly dtype?: "float32" | "int32" | "uint8" }[],
  seed = 1,
): { leaves: Value[]; tensors: Map<Value, RefTensor> } {
  const leaves = specs.map(({ shape, dtype = "float32" }, i) => input(`x${i}`, { shape, dtype }));
  return { leaves, tensors: new Map(leaves.map((leaf, i) => [leaf, fillTensor(specs[i], seed + i)])) };
}

describe("samples and their gradients", () => {
  for (const sample of [...elementwiseSamples, ...normSamples, ...lossSamples]) {
    test(sample.name, () => {
      const { leaves, tensors } = leavesOf(sample.inputs);
      sample.inputs.forEach((x, i) => tensors.set(leaves[i], fillTensor(x, i + 1)));
      const y = sample.build(...leaves);
      const floats = leaves.filter((x) => x.dtype === "float32");
      const all = sample.differentiable === false || floats.length === 0 ? [y] : [y, ...grad(sum(f.mul(y, y)), floats)];
      check(prepare(all), tensors, 3e-5);
    });
  }
});

describe("what is fused", () => {
  test("a chain is one map", () => {
    const {
      leaves: [x, y],
      tensors,
    } = leavesOf([{ shape: [4, 8, 5, 5] }, { shape: [8, 1, 1] }]);
    const tasks = check(prepare([f.relu(f.add(f.mul(x, y), f.exp(x)))]), tensors);
    expect(tasks.map((t) => t.label)).toEqual(["mul+exp+add+relu"]);
    expect(tasks[0].layouts.length).toBe(2);
  });

  test("batch-norm in training: three passes over x forward, two more backward", () => {
    const {
      leaves: [x, gamma, beta, dy],
      tensors,
    } = leavesOf([{ shape: [4, 16, 6, 6] }, { shape: [16] }, { shape: [16] }, { shape: [4, 16, 6, 6] }]);
    const y = f.relu(batchNorm(x, { weight: gamma, bias: beta, training: true }));
    const [dx, dGamma, dBeta] = grad(y, [x, gamma, beta], dy);
    const tasks = check(prepare([y, dx, dGamma, dBeta]), tensors);
    const large = tasks.filter((t) => t.inputs.includes(x));
    expect(large.length).toBe(5);
    const sums = large.filter((t) => t.outputs.every((v) => v.op.name === "sum") && t.outputs.length === 2);
    expect(sums.length).toBe(1);
    // Nothing of x's size is stored but y, dx, and a byte of relu's mask for each element.
    const stored = tasks.flatMap((t) => t.outputs).filter((v) => v.shape.join() === x.shape.join());
    expect(stored.map((v) => v.dtype).sort()).toEqual(["float32", "float32", "uint8"]);
  });

  test("an Adam step writes p, m and v in one pass", () => {
    const {
      leaves: [g, lr],
      tensors,
    } = leavesOf([{ shape: [40, 3] }, { shape: [] }]);
    const [p, m, v] = ["p", "m", "v"].map((label, i) =>
      state({
        role: "parameter",
        label,
        initial: fillTensor({ shape: [40, 3], fill: { kind: "uniform", low: 0.1, high: 1 } }, i),
      }),
    );
    const mean1 = f.add(f.mul(m, 0.9), f.mul(g, 0.1));
    const square = f.add(f.mul(v, 0.999), f.mul(f.mul(g, g), 0.001));
    const next = f.sub(p, f.mul(lr, f.div(mean1, f.add(f.sqrt(square), 1e-8))));
    const tasks = check(prepare([mean1, square, next]), tensors);
    expect(tasks.length).toBe(1);
    expect(tasks[0].outputs.length).toBe(3);
    expect(tasks[0].inPlace.length).toBe(12);
  });

  test("sums of one tensor are taken in one pass", () => {
    const {
      leaves: [x],
      tensors,
    } = leavesOf([{ shape: [6, 50] }]);
    const tasks = check(prepare([sum(x, 1), sum(f.mul(x, x), 1), max(x, 1)]), tensors);
    expect(tasks.length).toBe(1);
  });

  test("a reduction is not united with one that it waits for", () => {
    const {
      leaves: [x],
      tensors,
    } = leavesOf([{ shape: [6, 50] }]);
    const tasks = check(prepare([variance(x, 1), mean(x, 1), max(f.sub(x, mean(x, 1, true)), 1)]), tensors);
    expect(tasks.filter((t) => t.inputs.includes(x)).length).toBe(2);
  });

  test("conv + bias + relu + residual is one task", () => {
    const {
      leaves: [x, w, b, r],
    } = leavesOf([{ shape: [2, 8, 6, 6] }, { shape: [8, 8, 3, 3] }, { shape: [8] }, { shape: [2, 8, 6, 6] }]);
    const y = f.relu(f.add(f.add(conv2d(x, w, null, { padding: 1 }), reshape(b, [1, 8, 1, 1])), r));
    const roots = prepare([y]);
    const tasks = fuse(roots).filter((t) => !t.alias);
    expect(tasks.map((t) => t.label)).toEqual(["conv+add+add+relu"]);
  });

  test("the gradient of relu reads its result, so the convolution's own is never stored", () => {
    const {
      leaves: [x, w, labels],
    } = leavesOf([{ shape: [2, 8, 6, 6] }, { shape: [8, 8, 3, 3] }, { shape: [2], dtype: "int32" }]);
    const logits = mean(f.relu(conv2d(x, w, null, { padding: 1 })), [2, 3]);
    const loss = crossEntropy(logits, labels);
    const roots = prepare([loss, ...grad(loss, [w])]);
    const convs = reachable(roots).filter((v) => v.op.name === "conv");
    expect(convs.length).toBe(1);
    expect(fuse(roots).some((t) => t.outputs.includes(convs[0]))).toBe(false);
  });
});

test("equal values are computed once, and what changes nothing is left out", () => {
  const {
    leaves: [x, y],
  } = leavesOf([{ shape: [3, 4] }, { shape: [4] }]);
  const [a, b, c, d, e, z] = simplify([
    f.add(f.mul(x, y), 1),
    f.add(f.mul(x, y), 1),
    f.mul(f.neg(f.neg(x)), 1),
    reshape(reshape(x, [12]), [3, 4]),
    f.add(f.mul(2, 3), f.sub(x, 0)),
    f.add(x, 0),
  ]);
  expect(a).toBe(b);
  expect(c).toBe(x);
  expect(d).toBe(x);
  expect(e.inputs[1]).toBe(x);
  expect(e.inputs[0].inputs.length).toBe(0);
  expect(z).not.toBe(x); // −0 + 0 is 0
});

test("random expressions give the same fused and unfused", () => {
  const unary = [f.neg, f.abs, f.relu, f.tanh, f.sigmoid, (v: Value) => f.clamp(v, -1, 1), (v: Value) => f.add(v, 0.5)];
  const binary = [
    f.add,
    f.sub,
    f.mul,
    f.maximum,
    f.minimum,
    (a: Value, b: Value) => f.where(f.lt(a, b), a, f.mul(b, 0.5)),
  ];
  const step = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(5));
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 3, maxLength: 14 }),
      fc.constantFrom([2, 8, 3, 4], [3, 5, 7], [6, 9], [40]),
      fc.nat(1000),
      (steps, shape, seed) => {
        const small = shape.map((d, i) => (i === Math.min(1, shape.length - 1) ? d : 1));
        const { leaves, tensors } = leavesOf([{ shape }, { shape }, { shape: small }, { shape: [] }], seed);
        const pool: Value[] = [...leaves];
        for (const [op, i, j, kind] of steps) {
          const a = pool[i % pool.length];
          const b = pool[j % pool.length];
          if (kind === 0) pool.push(sum(a, a.shape.map((_, k) => k).slice(op % 2), true));
          else if (kind === 1) pool.push(broadcastTo(a, shape));
          else if (kind === 2) pool.push(unary[op % unary.length](a));
          else pool.push(binary[op % binary.length](a, b));
        }
        check(prepare(pool.slice(-4)), tensors, 1e-4);
      },
    ),
    { numRuns: 40, seed: 3 },
  );
});

test("a max-pool and its choice are one pass, whichever is asked for first; a choice alone is by itself", () => {
  const {
    leaves: [x, dy],
    tensors,
  } = leavesOf([{ shape: [2, 3, 9, 8] }, { shape: [2, 3, 4, 4] }]);
  const y = maxPool2d(x, 2);
  const [dx] = grad(y, [x], dy);
  for (const roots of [
    [y, dx],
    [dx, y],
  ]) {
    const labels = check(roots, tensors, 0).map(({ label }) => label);
    expect(labels).toEqual(["maxPool+maxPoolIndex", "maxUnpool"]);
  }
  expect(fuse([dx]).map(({ label }) => label)).toEqual(["maxPoolIndex", "maxUnpool"]);
});
