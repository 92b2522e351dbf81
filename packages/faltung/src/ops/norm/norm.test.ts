import { describe, expect, it } from "vitest";
import { expectClose } from "../../../test/close.ts";
import { fillTensor } from "../../../test/fill.ts";
import { evaluate } from "../../compile/evaluate.ts";
import { trace } from "../../compile/trace.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { type Value, constant, input } from "../op.ts";
import { batchNorm, batchStatistics, runningAverage } from "./batchNorm.op.ts";
import { groupNorm, instanceNorm, layerNorm, localResponseNorm } from "./layerNorm.ts";
import { logSoftmax, softmax } from "./softmax.op.ts";

function run(x: Tensor, fn: (x: Value) => Value): Tensor {
  return evaluate(
    trace((v) => ({ y: fn(v.x) }), { x }),
    { x },
  ).outputs.y;
}

/** Plain loops for normalising groups of channels of each sample: what group, instance and layer norm have in common. */
function groups(x: Tensor, count: number, eps: number, weight: Tensor, bias: Tensor): Tensor {
  const y = Tensor.zeros(x.shape);
  const [n, c] = x.shape;
  const cells = x.size / (n * c);
  const size = (c / count) * cells;
  for (let g = 0; g < n * count; g++) {
    const part = x.data.subarray(g * size, (g + 1) * size);
    let mean = 0;
    for (const v of part) mean += v / size;
    let variance = 0;
    for (const v of part) variance += (v - mean) ** 2 / size;
    part.forEach((v, i) => {
      const channel = ((g % count) * size + i) / cells;
      const k = Math.floor(channel);
      y.data[g * size + i] = ((v - mean) / Math.sqrt(variance + eps)) * weight.data[k] + bias.data[k];
    });
  }
  return y;
}

describe("group, instance and layer norm are what plain loops compute", () => {
  const x = fillTensor({ shape: [2, 6, 3, 4] }, 1);
  const weight = fillTensor({ shape: [6] }, 2);
  const bias = fillTensor({ shape: [6] }, 3);
  const affine = { weight: constant(weight), bias: constant(bias) };
  it.each([1, 2, 3, 6])("%i groups", (count) => {
    expectClose(
      run(x, (v) => groupNorm(v, count, affine)),
      groups(x, count, 1e-5, weight, bias),
      1e-6,
      "groupNorm",
    );
  });
  it("instance norm is group norm with a group for each channel", () => {
    expectClose(
      run(x, (v) => instanceNorm(v, affine)),
      groups(x, 6, 1e-5, weight, bias),
      1e-6,
      "instanceNorm",
    );
  });
  it("layer norm over all but N is group norm with one group", () => {
    const ones = Tensor.full([6], 1);
    const zeros = Tensor.zeros([6]);
    expectClose(
      run(x, (v) => layerNorm(v, [6, 3, 4])),
      groups(x, 1, 1e-5, ones, zeros),
      1e-6,
      "layerNorm",
    );
  });
});

describe("localResponseNorm", () => {
  it.each([1, 4, 5, 9])("size %i, by plain loops", (size) => {
    const x = fillTensor({ shape: [2, 7, 3] }, 5);
    const [alpha, beta, k] = [0.3, 0.6, 1.5];
    const expected = Tensor.zeros(x.shape);
    for (let n = 0; n < 2; n++) {
      for (let c = 0; c < 7; c++) {
        for (let i = 0; i < 3; i++) {
          let sum = 0;
          for (let o = c - Math.floor(size / 2); o < c - Math.floor(size / 2) + size; o++) {
            if (o >= 0 && o < 7) sum += x.at(n, o, i) ** 2;
          }
          expected.data[(n * 7 + c) * 3 + i] = x.at(n, c, i) / (k + (alpha / size) * sum) ** beta;
        }
      }
    }
    expectClose(
      run(x, (v) => localResponseNorm(v, size, { alpha, beta, k })),
      expected,
      1e-6,
      "localResponseNorm",
    );
  });
});

describe("batch norm", () => {
  const x = Tensor.from([[1], [2], [3], [4]]);

  it("normalises by the biased variance and keeps the unbiased one (PyTorch)", () => {
    const y = run(x, (v) => batchNorm(v, { training: true, eps: 0 }));
    expectClose(y, Tensor.from([[-1.5], [-0.5], [0.5], [1.5]].map(([d]) => [d / Math.sqrt(1.25)])), 1e-6, "y");
    const running = run(x, (v) => runningAverage(Tensor.full([1], 1), batchStatistics(v).unbiased, 0.1));
    expect(running.item()).toBeCloseTo(1.0667, 4);
  });

  it("keeps a cumulative average with momentum 1/n as a value", () => {
    const third = run(Tensor.full([1], 3), (v) =>
      runningAverage(v, constant(Tensor.full([1], 9)), constant(Tensor.full([1], 1 / 3))),
    );
    expect(third.item()).toBeCloseTo(5, 6);
  });

  it("evaluates by running statistics", () => {
    const options = { runningMean: constant(Tensor.full([1], 2)), runningVar: constant(Tensor.full([1], 4)), eps: 0 };
    expect(run(x, (v) => batchNorm(v, options)).toArray()).toEqual([[-0.5], [0], [0.5], [1]]);
  });

  it("needs more than one value per channel, running statistics, and vectors of the channels' size", () => {
    const one = input("x", { shape: [1, 8, 1, 1], dtype: "float32" });
    const w = input("w", { shape: [8], dtype: "float32" });
    const expectation =
      "batchNorm: Expected more than 1 value per channel when training, but x is float32 [1, 8, 1, 1]";
    expect(() => batchNorm(one, { training: true })).toThrow(expectation);
    expect(() => batchNorm(one, { training: true, weight: w, bias: w })).toThrow(expectation);
    expect(() => batchNorm(one)).toThrow("needs runningMean and runningVar");
    const two = input("x", { shape: [2, 4], dtype: "float32" });
    expect(() => batchNorm(two, { training: true, weight: w, bias: w })).toThrow(
      "weight is float32 [8]; x float32 [2, 4] has 4 channels",
    );
    expect(() => instanceNorm(one)).toThrow("more than 1 spatial element");
    expect(() => groupNorm(one, 3)).toThrow("groups is 3; it must divide the 8 channels");
    expect(() => layerNorm(one, 8)).toThrow("must end in normalizedShape [8]");
    expect(() => batchNorm(two, { training: true, eps: -1 })).toThrow("eps is -1");
  });
});

describe("softmax", () => {
  it("does not overflow", () => {
    const large = Tensor.from([1000, 1000, -1000]);
    expect(run(large, (v) => softmax(v)).toArray()).toEqual([0.5, 0.5, 0]);
    expect(run(large, (v) => logSoftmax(v)).data[2]).toBeCloseTo(-2000.6931, 3);
  });
});
