/** Samples of losses: every option and reduction. */
import type { Sample, SampleInput } from "../samples.ts";
import type { Value } from "../op.ts";
import { bce, bceWithLogits } from "./binary.op.ts";
import { type CrossEntropyOptions, crossEntropy, nllLoss } from "./crossEntropy.ts";
import type { LossOptions } from "./reduction.ts";
import { huberLoss, l1Loss, mseLoss, smoothL1Loss } from "./regression.ts";

const tolerance = 1e-4;
const positive = { kind: "uniform", low: 0.1, high: 1 } as const;

function labels(shape: readonly number[], values: readonly number[]): SampleInput {
  return { shape, dtype: "int32", fill: { kind: "values", values } };
}

const pairs: readonly (readonly [string, (x: Value, t: Value, o?: LossOptions) => Value])[] = [
  ["mseLoss", mseLoss],
  ["l1Loss", l1Loss],
  ["smoothL1Loss", smoothL1Loss],
  ["smoothL1Loss, beta 0.3", (x, t, o) => smoothL1Loss(x, t, { ...o, beta: 0.3 })],
  ["smoothL1Loss, beta 0", (x, t, o) => smoothL1Loss(x, t, { ...o, beta: 0 })],
  ["huberLoss", huberLoss],
  ["huberLoss, delta 0.5", (x, t, o) => huberLoss(x, t, { ...o, delta: 0.5 })],
];

const reductions = ["mean", "sum", "none"] as const;

const ceCases: readonly (readonly [string, CrossEntropyOptions])[] = [
  ["", {}],
  ["smoothed", { labelSmoothing: 0.1 }],
  ["ignoring 2", { ignoreIndex: 2 }],
  ["ignoring 2, smoothed", { ignoreIndex: 2, labelSmoothing: 0.3 }],
];

export const samples: readonly Sample[] = [
  ...pairs.flatMap(([name, loss]) =>
    reductions.map((reduction): Sample => ({
      name: `${name}, ${reduction}`,
      // Far enough apart that no difference is near a kink (0 or ±beta).
      inputs: [
        { shape: [3, 4], fill: { kind: "values", values: [0.1, 2.2, -1.4, 0.7, 3.3] } },
        { shape: [3, 4], fill: { kind: "values", values: [0.5, 0.4, 0.2, 0.6, 0.8, 2.9, 0.25] } },
      ],
      build: (x, t) => loss(x, t, { reduction }),
      tolerance,
    })),
  ),
  ...reductions.map((reduction): Sample => ({
    name: `bce, ${reduction}`,
    inputs: [
      { shape: [3, 4], fill: { kind: "uniform", low: 0.1, high: 0.9 } },
      { shape: [3, 4], fill: { kind: "uniform", low: 0, high: 1 } },
    ],
    build: (p, t) => bce(p, t, { reduction }),
    tolerance,
  })),
  {
    name: "bce at 0 and 1",
    inputs: [
      { shape: [2, 4], fill: { kind: "values", values: [0, 1] } },
      { shape: [2, 4], fill: { kind: "values", values: [0, 0, 1, 1] } },
    ],
    build: (p, t) => bce(p, t, { reduction: "none" }),
    differentiable: false,
  },
  ...reductions.map((reduction): Sample => ({
    name: `bceWithLogits, ${reduction}`,
    inputs: [{ shape: [3, 4] }, { shape: [3, 4], fill: { kind: "uniform", low: 0, high: 1 } }],
    build: (x, t) => bceWithLogits(x, t, { reduction }),
    tolerance,
  })),
  {
    name: "bceWithLogits, weight of each class",
    inputs: [
      { shape: [3, 4] },
      { shape: [3, 4], fill: { kind: "uniform", low: 0, high: 1 } },
      { shape: [4], fill: positive },
    ],
    build: (x, t, posWeight) => bceWithLogits(x, t, { posWeight }),
    tolerance,
  },
  {
    name: "bceWithLogits at 0 and far out",
    inputs: [
      { shape: [2, 4], fill: { kind: "values", values: [0, 200, -200] } },
      { shape: [2, 4], fill: { kind: "values", values: [0, 1] } },
    ],
    build: (x, t) => bceWithLogits(x, t, { reduction: "none" }),
    differentiable: false,
    tolerance,
  },
  ...ceCases.flatMap(([name, options]) =>
    reductions.flatMap((reduction): Sample[] => [
      {
        name: `crossEntropy ${name}, ${reduction}`,
        inputs: [{ shape: [5, 4] }, labels([5], [2, 0, 3, 1, 1])],
        build: (x, t) => crossEntropy(x, t, { ...options, reduction }),
        tolerance,
      },
      {
        name: `crossEntropy ${name}, weighted, ${reduction}`,
        inputs: [{ shape: [2, 4, 3] }, labels([2, 3], [2, 0, 3, 1, 1]), { shape: [4], fill: positive }],
        build: (x, t, weight) => crossEntropy(x, t, { ...options, weight, reduction }),
        tolerance,
      },
    ]),
  ),
  ...reductions.map((reduction): Sample => ({
    name: `crossEntropy of probabilities, ${reduction}`,
    inputs: [{ shape: [5, 4] }, { shape: [5, 4], fill: positive }, { shape: [4], fill: positive }],
    build: (x, t, weight) => crossEntropy(x, t, { weight, reduction, labelSmoothing: 0.2 }),
    tolerance,
  })),
  {
    name: "crossEntropy of one sample",
    inputs: [{ shape: [4] }, labels([], [2])],
    build: (x, t) => crossEntropy(x, t),
    tolerance,
  },
  {
    name: "crossEntropy, everything ignored",
    inputs: [{ shape: [2, 4] }, labels([2], [-100])],
    build: (x, t) => crossEntropy(x, t),
    differentiable: false,
  },
  {
    name: "crossEntropy, labels that are no class",
    inputs: [{ shape: [3, 4] }, labels([3], [4, -1, 2])],
    build: (x, t) => crossEntropy(x, t, { reduction: "none" }),
    differentiable: false,
    tolerance,
  },
  {
    name: "crossEntropy with infinite logits beside the label",
    inputs: [{ shape: [2, 3], fill: { kind: "values", values: [1, -Infinity, 2] } }, labels([2], [0, 2])],
    build: (x, t) => crossEntropy(x, t),
    differentiable: false,
    tolerance,
  },
  ...reductions.map((reduction): Sample => ({
    name: `nllLoss, ${reduction}`,
    inputs: [{ shape: [2, 4, 3] }, labels([2, 3], [2, 0, 3, 1, 1]), { shape: [4], fill: positive }],
    build: (x, t, weight) => nllLoss(x, t, { weight, reduction, ignoreIndex: 3 }),
    tolerance,
  })),
];
