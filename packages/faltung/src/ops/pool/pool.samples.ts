/** Samples of pooling: every option, 1 to 3 axes, channel counts beside multiples of 8, the shapes with fast paths. */
import type { Shape } from "../../tensor/shape.ts";
import { grad } from "../../compile/differentiate.ts";
import { mul, square } from "../elementwise/elementwise.ts";
import { type Value, apply } from "../op.ts";
import { sum } from "../reduce/reduce.ts";
import type { Sample } from "../samples.ts";
import { adaptiveMaxPool1d, adaptiveMaxPool2d } from "./adaptiveMax.ts";
import {
  type AvgPoolOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
} from "./avgPool.op.ts";
import { type MaxPoolOptions, maxPool1d, maxPool2d, maxPool3d, maxPoolIndex, maxPoolOp } from "./maxPool.op.ts";
import { type PerAxis, normaliseWindow } from "./window.ts";

/** No two elements are equal or close, so that a small step of an element does not change which one is largest. */
function distinct(name: string, shape: Shape, build: (x: Value) => Value, differentiable = true): Sample {
  return { name, inputs: [{ shape, fill: { kind: "distinct" } }], build, differentiable };
}

type Case<O> = readonly [shape: Shape, kernel: PerAxis, options: O];

const maxCases: readonly Case<MaxPoolOptions>[] = [
  [[1, 3, 9], 3, {}],
  [[2, 9, 7], 2, { ceilMode: true }],
  [[1, 1, 7], 3, { stride: 2, padding: 1, dilation: 2 }],
  [[2, 8, 6, 8], 2, {}],
  [[2, 6, 7, 9], 2, {}],
  [[1, 16, 9, 9], 3, { stride: 2, padding: 1 }],
  [[1, 10, 8, 12], 3, { stride: 2, padding: 1 }],
  [[1, 3, 7, 7], 3, { stride: 2, ceilMode: true }],
  [[1, 8, 7, 7], [2, 3], { stride: [3, 1], padding: [1, 0], ceilMode: true }],
  [
    [1, 2, 8, 9],
    3,
    {
      stride: 1,
      padding: [
        [1, 0],
        [0, 1],
      ],
    },
  ],
  [[1, 8, 9, 11], [3, 2], { dilation: [2, 3], padding: [1, 1] }],
  [[1, 8, 5, 5], 5, {}],
  [[1, 9, 1, 1], 1, {}],
  [[0, 8, 4, 4], 2, {}],
  [[1, 3, 4, 5, 6], 2, {}],
  [[1, 8, 5, 5, 5], [1, 3, 2], { stride: [1, 2, 2], padding: [0, 1, 1], ceilMode: true }],
];

const avgCases: readonly Case<AvgPoolOptions>[] = [
  [[1, 3, 8], 2, {}],
  [[1, 2, 9], 3, { stride: 2, padding: 1, countIncludePad: false }],
  [[2, 8, 6, 8], 2, {}],
  [[2, 9, 7, 9], 2, {}],
  [[1, 8, 7, 7], 3, { stride: 1, padding: 1 }],
  [[1, 3, 4, 4], 3, { stride: 2, padding: 1, ceilMode: true }],
  [[1, 3, 4, 4], 3, { stride: 2, padding: 1, ceilMode: true, countIncludePad: false }],
  [[1, 3, 6, 5], [3, 2], { stride: [1, 2], padding: [1, 0], divisorOverride: 5 }],
  [[1, 16, 7, 7], 7, {}],
  [[1, 4, 9, 9], 2, { stride: 3 }],
  [[1, 3, 4, 5, 6], 2, { padding: 1 }],
];

const maxPools = [maxPool1d, maxPool2d, maxPool3d];
const avgPools = [avgPool1d, avgPool2d, avgPool3d];
const name = (what: string, [shape, kernel, options]: Case<object>): string =>
  `${what} ${shape.join("×")} by ${kernel} ${JSON.stringify(options)}`;

export const samples: readonly Sample[] = [
  ...maxCases.map((c) => distinct(name("maxPool", c), c[0], (x) => square(maxPools[c[0].length - 3](x, c[1], c[2])))),
  ...maxCases.map((c) =>
    distinct(
      name("maxPoolIndex", c),
      c[0],
      (x) => maxPoolIndex(x, normaliseWindow(c[0].length - 2, c[1], c[2], "maxPool")),
      false,
    ),
  ),
  distinct(
    "maxPoolIndex, int32 above 256 taps",
    [1, 8, 20, 20],
    (x) => maxPoolIndex(x, normaliseWindow(2, 17, { stride: 3 }, "maxPool")),
    false,
  ),
  distinct("maxPool above 256 taps", [1, 8, 20, 20], (x) => square(maxPool2d(x, 17, { stride: 3 }))),
  ...maxCases.slice(4, 8).map((c) =>
    // d/dx of Σ (d/dx Σ y²)²: maxUnpool and poolGather differentiated.
    distinct(name("second derivative of maxPool", c), c[0], (x) => {
      const y = maxPool2d(x, c[1], c[2]);
      return grad(sum(mul(square(y), y)), [x])[0];
    }),
  ),
  {
    name: "maxPool with NaN, −∞ and ties",
    inputs: [{ shape: [1, 8, 4, 6], fill: { kind: "values", values: [1, Number.NaN, 1, -Infinity, 0, 0, 2] } }],
    build: (x) => maxPool2d(x, 3, { stride: 1, padding: 1 }),
    differentiable: false,
  },
  {
    name: "maxPoolIndex with NaN, −∞ and ties",
    inputs: [
      {
        shape: [2, 9, 4, 6],
        fill: { kind: "values", values: [1, 1, -Infinity, Number.NaN, 0, 0, 2, 1, 1, 1, -Infinity] },
      },
    ],
    build: (x) => maxPoolIndex(x, normaliseWindow(2, 3, { stride: 2, padding: 1 }, "maxPool2d")),
    differentiable: false,
  },
  {
    name: "maxPool of −∞ only",
    inputs: [{ shape: [1, 8, 4, 4], fill: { kind: "values", values: [-Infinity] } }],
    build: (x) => apply(maxPoolOp, [x], normaliseWindow(2, 2, {}, "maxPool2d")),
    differentiable: false,
  },
  ...avgCases.map((c): Sample => ({
    name: name("avgPool", c),
    inputs: [{ shape: c[0] }],
    build: (x) => square(avgPools[c[0].length - 3](x, c[1], c[2])),
  })),
  ...[3, 1, 7].map((size): Sample => ({
    name: `adaptiveAvgPool1d to ${size}`,
    inputs: [{ shape: [2, 9, 7] }],
    build: (x) => square(adaptiveAvgPool1d(x, size)),
  })),
  ...[1, 2, [3, 5], [8, 9]].map((size): Sample => ({
    name: `adaptiveAvgPool2d to ${size}`,
    inputs: [{ shape: [1, 8, 7, 6] }],
    build: (x) => square(adaptiveAvgPool2d(x, size)),
  })),
  ...[1, 3, 5].map((size) =>
    distinct(`adaptiveMaxPool1d to ${size}`, [2, 3, 9], (x) => square(adaptiveMaxPool1d(x, size))),
  ),
  ...[1, 2, [3, 4]].map((size) =>
    distinct(`adaptiveMaxPool2d to ${size}`, [1, 3, 7, 6], (x) => square(adaptiveMaxPool2d(x, size))),
  ),
];
