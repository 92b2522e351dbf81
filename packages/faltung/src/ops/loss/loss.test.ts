import { describe, expect, it } from "vitest";
import { grad } from "../../compile/differentiate.ts";
import { evaluate } from "../../compile/evaluate.ts";
import { trace } from "../../compile/trace.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { type Value, constant, input } from "../op.ts";
import { bce, bceWithLogits } from "./binary.op.ts";
import { crossEntropy, nllLoss } from "./crossEntropy.ts";
import { l1Loss, mseLoss, smoothL1Loss } from "./regression.ts";

function run(x: Tensor, fn: (x: Value) => Value): Tensor {
  return evaluate(
    trace((v) => ({ y: fn(v.x) }), { x }),
    { x },
  ).outputs.y;
}

const labels = (...t: number[]): Tensor => Tensor.from(t, "int32");
const logits = Tensor.from([
  [1, 2, 3],
  [3, 1, 0],
]);
const lp = [
  [1, 2, 3],
  [3, 1, 0],
].map((row) => row.map((x) => x - Math.log(row.reduce((s, v) => s + Math.exp(v), 0))));

describe("crossEntropy", () => {
  it("is the mean of −log p of the labels", () => {
    const loss = run(logits, (x) => crossEntropy(x, labels(2, 1)));
    expect(loss.item()).toBeCloseTo(-(lp[0][2] + lp[1][1]) / 2, 6);
  });

  it("divides by the weights that counted, not by the batch", () => {
    const weight = Tensor.from([1, 2, 5]);
    const loss = run(logits, (x) => crossEntropy(x, labels(2, 1), { weight }));
    expect(loss.item()).toBeCloseTo(-(5 * lp[0][2] + 2 * lp[1][1]) / 7, 6);
    const ignoring = run(logits, (x) => crossEntropy(x, labels(2, 1), { weight, ignoreIndex: 2 }));
    expect(ignoring.item()).toBeCloseTo(-lp[1][1], 6);
  });

  it("mixes the target with the uniform distribution, the true class included", () => {
    const mean = (row: readonly number[]): number => row.reduce((s, v) => s + v, 0) / row.length;
    const loss = run(logits, (x) => crossEntropy(x, labels(2, 1), { labelSmoothing: 0.1, reduction: "none" }));
    expect(loss.data[0]).toBeCloseTo(-(0.9 * lp[0][2] + 0.1 * mean(lp[0])), 6);
    expect(loss.data[1]).toBeCloseTo(-(0.9 * lp[1][1] + 0.1 * mean(lp[1])), 6);
  });

  it("stays finite for large logits", () => {
    const loss = run(Tensor.from([[1e4, 0, -1e4]]), (x) => crossEntropy(x, labels(1)));
    expect(loss.item()).toBe(1e4);
  });

  it("is NaN where every label is ignored, and where a label is no class", () => {
    expect(run(logits, (x) => crossEntropy(x, labels(-100, -100))).item()).toBeNaN();
    const each = run(logits, (x) => crossEntropy(x, labels(3, 0), { reduction: "none" }));
    expect(each.data[0]).toBeNaN();
    expect(each.data[1]).toBeCloseTo(-lp[1][0], 6);
  });

  it("has the gradient softmax − target, also where a logit is −∞", () => {
    const dx = run(Tensor.from([[0, 0, -Infinity]]), (x) => grad(crossEntropy(x, labels(0)), [x])[0]);
    expect(dx.toArray()).toEqual([[-0.5, 0.5, 0]]);
  });

  it("takes pictures of labels, one sample, and probabilities", () => {
    const picture = input("x", { shape: [2, 5, 3, 4], dtype: "float32" });
    const target = input("t", { shape: [2, 3, 4], dtype: "uint8" });
    expect(crossEntropy(picture, target, { reduction: "none" }).shape).toEqual([2, 3, 4]);
    const one = run(Tensor.from([1, 2, 3]), (x) => crossEntropy(x, Tensor.scalar(2, "int32")));
    expect(one.item()).toBeCloseTo(-lp[0][2], 6);
    const soft = run(logits, (x) =>
      crossEntropy(
        x,
        Tensor.from([
          [0, 0, 1],
          [0.5, 0.5, 0],
        ]),
      ),
    );
    expect(soft.item()).toBeCloseTo(-(lp[0][2] + (lp[1][0] + lp[1][1]) / 2) / 2, 6);
  });
});

describe("losses of pairs", () => {
  it("bceWithLogits has the slope ½ − t at 0", () => {
    const zero = Tensor.zeros([2]);
    const dx = run(zero, (x) => grad(bceWithLogits(x, Tensor.from([0, 1]), { reduction: "sum" }), [x])[0]);
    expect(dx.toArray()).toEqual([0.5, -0.5]);
  });

  it("bceWithLogits does not overflow", () => {
    expect(run(Tensor.from([200, -200]), (x) => bceWithLogits(x, Tensor.from([0, 1]))).item()).toBe(200);
  });

  it("bce costs at most 100 an element, and its gradient is finite", () => {
    const p = Tensor.from([0, 1]);
    const t = Tensor.from([1, 1]);
    expect(run(p, (x) => bce(x, t)).item()).toBe(50);
    expect([...run(p, (x) => grad(bce(x, t), [x])[0]).data].every(Number.isFinite)).toBe(true);
  });

  it("smoothL1Loss bends at beta", () => {
    const d = Tensor.from([0.5, 2]);
    expect(run(d, (x) => smoothL1Loss(x, Tensor.zeros([2]), { reduction: "none" })).toArray()).toEqual([0.125, 1.5]);
  });
});

describe("errors name what was given and what to do", () => {
  const x = input("x", { shape: [4, 3], dtype: "float32" });
  const f = (...shape: number[]): Value => constant(Tensor.zeros(shape));
  it.each([
    ["mseLoss: input is float32 [4, 1], target is float32 [4]", () => mseLoss(f(4, 1), f(4))],
    ["l1Loss: input is float32 [4, 3], target is int32 [4, 3]", () => l1Loss(x, Tensor.zeros([4, 3], "int32"))],
    ["crossEntropy: target is int32 [3]", () => crossEntropy(x, labels(0, 1, 2))],
    ["crossEntropy: target is float32 [4]", () => crossEntropy(x, f(4))],
    [
      "crossEntropy: weight is float32 [2]; it must be float32 [3]",
      () => crossEntropy(x, labels(0, 1, 2, 0), { weight: f(2) }),
    ],
    ["crossEntropy: labelSmoothing is 2", () => crossEntropy(x, labels(0, 1, 2, 0), { labelSmoothing: 2 })],
    ["nllLoss: target is float32", () => nllLoss(x, f(4, 3))],
    ['mseLoss: reduction is "avg"', () => mseLoss(x, x, { reduction: "avg" as "mean" })],
    ["smoothL1Loss: beta is -1", () => smoothL1Loss(x, x, { beta: -1 })],
    ["bceWithLogits: posWeight is float32 [4]", () => bceWithLogits(x, x, { posWeight: f(4) })],
  ])("%s", (message, build) => {
    expect(build).toThrow(message);
  });
});
