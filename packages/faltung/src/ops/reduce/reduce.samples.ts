/** Samples of reductions. */
import { mul } from "../elementwise/elementwise.ts";
import type { Sample } from "../samples.ts";
import { argmax, argmin, max, mean, min, sum, variance } from "./reduce.ts";

const distinct = { kind: "distinct" } as const;

export const samples: readonly Sample[] = [
  { name: "mean, all", inputs: [{ shape: [3, 4, 5] }], build: (x) => mean(x) },
  { name: "mean, spatial", inputs: [{ shape: [2, 9, 4, 3] }], build: (x) => mean(x, [2, 3]) },
  {
    name: "variance, per channel",
    inputs: [{ shape: [4, 9, 3, 5] }],
    build: (x) => variance(x, [0, 2, 3], { correction: 0 }),
  },
  { name: "variance, unbiased", inputs: [{ shape: [6, 5] }], build: (x) => variance(x, 1, { keepdim: true }) },
  { name: "max, trailing", inputs: [{ shape: [6, 37], fill: distinct }], build: (x) => max(x, 1) },
  { name: "max, leading", inputs: [{ shape: [37, 6], fill: distinct }], build: (x) => max(x, 0) },
  { name: "max, all", inputs: [{ shape: [3, 5, 7], fill: distinct }], build: (x) => max(x) },
  { name: "min, middle", inputs: [{ shape: [3, 5, 7], fill: distinct }], build: (x) => min(x, 1, true) },
  {
    name: "max, int32",
    inputs: [{ shape: [4, 9], dtype: "int32", fill: { kind: "integers", below: 1000 } }],
    build: (x) => max(x, 1),
    differentiable: false,
  },
  {
    name: "argmax, trailing",
    inputs: [{ shape: [6, 10], fill: distinct }],
    build: (x) => argmax(x, 1),
    differentiable: false,
  },
  {
    name: "argmax, leading",
    inputs: [{ shape: [10, 6], fill: distinct }],
    build: (x) => argmax(x, 0),
    differentiable: false,
  },
  { name: "argmax, flat", inputs: [{ shape: [3, 7], fill: distinct }], build: (x) => argmax(x), differentiable: false },
  {
    name: "argmin, ties",
    inputs: [{ shape: [5, 12], dtype: "int32", fill: { kind: "integers", below: 4 } }],
    build: (x) => argmin(x, 1, true),
    differentiable: false,
  },
  {
    name: "sum of a product (fused)",
    inputs: [{ shape: [3, 8, 5, 5] }, { shape: [3, 8, 5, 5] }],
    build: (a, b) => sum(mul(a, b), [0, 2, 3]),
  },
];
