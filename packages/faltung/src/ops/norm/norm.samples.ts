/** Samples of normalisation and softmax. */
import type { Shape } from "../../tensor/shape.ts";
import { grad } from "../../compile/differentiate.ts";
import { concat } from "../shape/concat.op.ts";
import { mul, square } from "../elementwise/elementwise.ts";
import { sum } from "../reduce/reduce.ts";
import type { Sample } from "../samples.ts";
import { batchNorm, batchStatistics, runningAverage } from "./batchNorm.op.ts";
import { groupNorm, instanceNorm, layerNorm, localResponseNorm } from "./layerNorm.ts";
import { logSoftmax, softmax } from "./softmax.op.ts";
import { standardize } from "./standardize.op.ts";

const tolerance = 1e-4;

function channels(x: Shape, more: number): Sample["inputs"] {
  return [{ shape: x }, ...Array.from({ length: more }, () => ({ shape: [x[1]] }))];
}

export const samples: readonly Sample[] = [
  ...[
    [6, 5],
    [4, 3, 5],
    [3, 8, 4, 5],
    [2, 10, 3, 3],
    [2, 3, 2, 3, 2],
  ].map((shape): Sample => ({
    name: `batchNorm in training, ${shape.join("×")}`,
    inputs: channels(shape, 2),
    build: (x, weight, bias) => batchNorm(x, { weight, bias, training: true }),
    tolerance,
  })),
  {
    name: "batchNorm in training, squared, large eps",
    inputs: channels([3, 8, 2, 2], 2),
    build: (x, weight, bias) => square(batchNorm(x, { weight, bias, training: true, eps: 0.125 })),
    tolerance,
  },
  {
    name: "batchNorm in training, no weight and bias",
    inputs: channels([4, 3, 2, 2], 0),
    build: (x) => square(batchNorm(x, { training: true })),
    tolerance,
  },
  {
    name: "second derivative of batchNorm",
    inputs: channels([3, 2, 2, 2], 2),
    build: (x, weight, bias) => {
      const y = batchNorm(x, { weight, bias, training: true, eps: 0.125 });
      return grad(sum(mul(y, square(y))), [x])[0];
    },
    tolerance: 1e-3,
  },
  {
    name: "batchNorm in evaluation",
    inputs: [...channels([2, 10, 3, 3], 3), { shape: [10], fill: { kind: "uniform", low: 0.5, high: 2 } }],
    build: (x, weight, bias, runningMean, runningVar) => batchNorm(x, { weight, bias, runningMean, runningVar }),
  },
  {
    name: "batchNorm in evaluation, no weight and bias",
    inputs: [...channels([2, 3], 1), { shape: [3], fill: { kind: "uniform", low: 0.5, high: 2 } }],
    build: (x, runningMean, runningVar) => batchNorm(x, { runningMean, runningVar, eps: 2 ** -10 }),
  },
  {
    name: "running statistics",
    inputs: channels([4, 8, 3, 3], 2),
    build: (x, oldMean, oldVar) => {
      const batch = batchStatistics(x);
      return concat([runningAverage(oldMean, batch.mean, 0.1), runningAverage(oldVar, batch.unbiased, 0.1)]);
    },
    tolerance,
  },
  ...[[0], [-1], [1, 2], [0, 2, 3], undefined].map((axes): Sample => ({
    name: `standardize over ${axes ?? "all"}`,
    inputs: [{ shape: [3, 4, 5, 2] }],
    build: (x) => square(standardize(x, axes, 2 ** -10)),
    tolerance,
  })),
  {
    name: "layerNorm",
    inputs: [{ shape: [3, 4, 10] }, { shape: [10] }, { shape: [10] }],
    build: (x, weight, bias) => layerNorm(x, 10, { weight, bias }),
    tolerance,
  },
  {
    name: "layerNorm over two axes",
    inputs: [{ shape: [3, 4, 5] }],
    build: (x) => square(layerNorm(x, [4, 5])),
    tolerance,
  },
  {
    name: "groupNorm",
    inputs: channels([2, 6, 3, 3], 2),
    build: (x, weight, bias) => groupNorm(x, 3, { weight, bias }),
    tolerance,
  },
  {
    name: "groupNorm, one group, [N, C]",
    inputs: channels([4, 6], 0),
    build: (x) => square(groupNorm(x, 1)),
    tolerance,
  },
  {
    name: "instanceNorm",
    inputs: channels([2, 9, 4, 4], 2),
    build: (x, weight, bias) => instanceNorm(x, { weight, bias }),
    tolerance,
  },
  {
    name: "localResponseNorm, size 5",
    inputs: channels([2, 7, 3, 3], 0),
    build: (x) => localResponseNorm(x, 5, { alpha: 0.5 }),
    tolerance,
  },
  {
    name: "localResponseNorm, even size",
    inputs: channels([1, 8, 4], 0),
    build: (x) => localResponseNorm(x, 4, { alpha: 0.3, beta: 0.5, k: 2 }),
    tolerance,
  },
  ...[0, 1, -1].flatMap((axis): Sample[] => [
    {
      name: `softmax along ${axis}`,
      inputs: [{ shape: [3, 10, 5] }],
      build: (x) => square(softmax(x, axis)),
      tolerance,
    },
    {
      name: `logSoftmax along ${axis}`,
      inputs: [{ shape: [3, 10, 5] }],
      build: (x) => square(logSoftmax(x, axis)),
      tolerance,
    },
  ]),
  {
    name: "softmax of large numbers",
    inputs: [{ shape: [4, 3], fill: { kind: "uniform", low: 900, high: 1000 } }],
    build: (x) => softmax(x),
    differentiable: false,
    tolerance: 1e-3,
  },
  {
    name: "logSoftmax of large numbers",
    inputs: [{ shape: [4, 3], fill: { kind: "uniform", low: -1000, high: 1000 } }],
    build: (x) => logSoftmax(x),
    differentiable: false,
    tolerance,
  },
];
