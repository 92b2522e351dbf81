/** Samples of data movement: every operation and option, sizes of 1 and 0, channel counts beside multiples of 8. */
import type { DType, Shape } from "../../tensor/shape.ts";
import { mul } from "../elementwise/elementwise.ts";
import type { Value } from "../op.ts";
import type { Sample } from "../samples.ts";
import { concat, stack } from "./concat.op.ts";
import { flip } from "./flip.op.ts";
import { type InterpolateOptions, interpolate } from "./interpolate.op.ts";
import { oneHot } from "./oneHot.ts";
import { type PadOptions, pad } from "./pad.op.ts";
import { permute, pixelShuffle, transpose } from "./permute.op.ts";
import { flatten, reshape, squeeze, unsqueeze } from "./reshape.op.ts";
import { type Range, slice, split } from "./slice.op.ts";

function one(name: string, shape: Shape, build: (x: Value) => Value): Sample {
  return { name, inputs: [{ shape }], build };
}

function ofType(name: string, dtype: DType, shape: Shape, build: (x: Value) => Value): Sample {
  return {
    name: `${name}, ${dtype}`,
    inputs: [{ shape, dtype, fill: { kind: "integers", below: 200 } }],
    build,
    differentiable: false,
  };
}

/** A product with itself keeps compilers honest: the moved value is used twice, and its gradient depends on x. */
const squared =
  (move: (x: Value) => Value) =>
  (x: Value): Value =>
    mul(move(x), move(x));

const permutations: readonly (readonly [Shape, readonly number[]])[] = [
  [
    [3, 5],
    [1, 0],
  ],
  [
    [17, 33],
    [1, 0],
  ],
  [
    [64, 48],
    [1, 0],
  ],
  [
    [2, 3, 4, 5],
    [0, 2, 3, 1],
  ],
  [
    [2, 4, 5, 3],
    [0, 3, 1, 2],
  ],
  [
    [2, 3, 4, 5],
    [3, 2, 1, 0],
  ],
  [
    [2, 3, 4],
    [1, 0, 2],
  ],
  [
    [1, 3, 1, 2],
    [2, 3, 0, 1],
  ],
  [
    [2, 0, 3],
    [2, 1, 0],
  ],
  [
    [2, 3, 2, 2, 3, 2],
    [0, 1, 4, 2, 5, 3],
  ],
];

const slices: readonly (readonly [Shape, readonly Range[]])[] = [
  [[10], [[2, 7]]],
  [[10], [[1, undefined, 3]]],
  [
    [4, 6],
    [[], [-3]],
  ],
  [
    [2, 24, 5, 6],
    [[], [8, 16]],
  ],
  [
    [2, 24, 5, 6],
    [[1], [8], [1, -1], [0, undefined, 2]],
  ],
  [
    [2, 10, 7, 7],
    [[], [], [0, undefined, 2], [1, undefined, 2]],
  ],
  [
    [3, 5, 4],
    [[], [1, 3]],
  ],
  [[3, 5], [[2, 2]]],
];

const pads: readonly (readonly [Shape, readonly number[], PadOptions])[] = [
  [[5], [2, 3], { value: 1.5 }],
  [[2, 3], [1, 0, 0, 2], {}],
  [[2, 8, 4, 5], [1, 2, 3, 0], { value: -1 }],
  [[1, 3, 4, 5], [-1, 2, 1, -2], {}],
  [[2, 10, 5], [0, 0, 8, 3], {}],
  [[2, 3, 2, 3, 4], [1, 1, 1, 1, 1, 1], {}],
  [[2, 3, 5], [2, 1], { mode: "reflect" }],
  [[2, 9, 4, 5], [2, 1, 3, 2], { mode: "reflect" }],
  [[2, 8, 3, 4], [3, 2, 1, 4], { mode: "replicate" }],
  [[1, 3, 3, 4], [3, 2, 1, 3], { mode: "circular" }],
  [[1, 2, 3, 3, 4], [1, 2, 2, 1, 1, 1], { mode: "reflect" }],
  [[1, 3, 4, 6], [-1, 2, 1, -2], { mode: "reflect" }],
];

const interpolations: readonly (readonly [Shape, InterpolateOptions])[] = [
  [[1, 3, 5], { scaleFactor: 2 }],
  [[2, 8, 4, 5], { scaleFactor: 2 }],
  [[1, 9, 5, 7], { size: [3, 11] }],
  [[1, 2, 5, 4], { scaleFactor: 1.7 }],
  [[1, 2, 5, 7], { size: [8, 3], mode: "nearest-exact" }],
  [[1, 2, 2, 3, 2], { scaleFactor: [1, 2, 3] }],
  [[1, 3, 5], { size: 8, mode: "linear" }],
  [[2, 8, 4, 5], { scaleFactor: 2, mode: "bilinear" }],
  [[2, 3, 4, 5], { scaleFactor: 2, mode: "bilinear", alignCorners: true }],
  [[1, 10, 7, 9], { size: [4, 5], mode: "bilinear" }],
  [[1, 1, 1, 3], { size: [3, 1], mode: "bilinear", alignCorners: true }],
  [[1, 2, 5, 4], { scaleFactor: [1.5, 2.3], mode: "bilinear" }],
  [[1, 2, 2, 3, 4], { size: [3, 5, 6], mode: "trilinear" }],
];

const list = (numbers: readonly unknown[]): string => numbers.join("×");

export const samples: readonly Sample[] = [
  one(
    "reshape",
    [2, 6],
    squared((x) => reshape(x, [3, -1])),
  ),
  one(
    "flatten from 1",
    [2, 3, 2, 2],
    squared((x) => flatten(x, 1)),
  ),
  one(
    "squeeze, unsqueeze",
    [2, 1, 3],
    squared((x) => unsqueeze(squeeze(x, 1), -1)),
  ),
  ofType("reshape", "uint8", [2, 6], (x) => reshape(x, [12])),
  ...permutations.map(([shape, axes]) =>
    one(
      `permute ${list(shape)} by ${axes.join()}`,
      shape,
      squared((x) => permute(x, axes)),
    ),
  ),
  one(
    "transpose",
    [2, 3, 4],
    squared((x) => transpose(x)),
  ),
  one(
    "pixelShuffle",
    [2, 12, 3, 2],
    squared((x) => pixelShuffle(x, 2)),
  ),
  ofType("permute", "uint8", [2, 3, 5, 7], (x) => permute(x, [0, 2, 3, 1])),
  ofType("permute to planes", "uint8", [2, 8, 9, 3], (x) => permute(x, [0, 3, 1, 2])),
  ofType("permute", "int32", [6, 9], (x) => permute(x, [1, 0])),
  ...slices.map(([shape, ranges]) =>
    one(
      `slice ${list(shape)} ${JSON.stringify(ranges)}`,
      shape,
      squared((x) => slice(x, ranges)),
    ),
  ),
  ofType("slice", "uint8", [3, 10, 7], (x) => slice(x, [[], [1, 9, 2], [2, 7]])),
  ofType("slice", "int32", [10], (x) => slice(x, [[3, 8]])),
  {
    name: "concat along channels, 8 and 16",
    inputs: [{ shape: [2, 8, 3, 3] }, { shape: [2, 16, 3, 3] }],
    build: (a, b) => mul(concat([a, b], 1), concat([b, a], 1)),
  },
  {
    name: "concat along channels, 3, 0 and 6",
    inputs: [{ shape: [2, 3, 4] }, { shape: [2, 0, 4] }, { shape: [2, 6, 4] }],
    build: (a, b, c) => mul(concat([a, b, c], 1), concat([c, a, b], 1)),
  },
  {
    name: "concat along width",
    inputs: [{ shape: [2, 9, 2, 3] }, { shape: [2, 9, 2, 5] }],
    build: (a, b) => mul(concat([a, b], -1), concat([b, a], -1)),
  },
  {
    name: "concat, uint8",
    inputs: [
      { shape: [2, 3], dtype: "uint8", fill: { kind: "integers", below: 256 } },
      { shape: [4, 3], dtype: "uint8", fill: { kind: "integers", below: 256 } },
    ],
    build: (a, b) => concat([a, b]),
    differentiable: false,
  },
  {
    name: "stack",
    inputs: [{ shape: [2, 3] }, { shape: [2, 3] }],
    build: (a, b) => mul(stack([a, b], 1), stack([b, a], 1)),
  },
  one("split", [5, 2], (x) => {
    const [a, b] = split(x, [2, 3]);
    return mul(concat([b, a]), x);
  }),
  ...pads.map(([shape, padding, options]) =>
    one(
      `pad ${list(shape)} by ${padding.join()} ${options.mode ?? "constant"}`,
      shape,
      squared((x) => pad(x, padding, options)),
    ),
  ),
  ofType("pad", "uint8", [2, 3, 4], (x) => pad(x, [1, 2, -1, 1], { value: 7 })),
  ofType("pad", "int32", [2, 8, 4, 4], (x) => pad(x, [1, 1, 2, 0], { value: -7 })),
  one(
    "flip rows",
    [2, 3, 4],
    squared((x) => flip(x, [1])),
  ),
  one(
    "flip width",
    [2, 9, 5, 7],
    squared((x) => flip(x, [-1])),
  ),
  one(
    "flip everything",
    [3, 4, 5],
    squared((x) => flip(x, [0, 1, 2])),
  ),
  one(
    "flip channels",
    [2, 8, 3, 3],
    squared((x) => flip(x, [1])),
  ),
  ofType("flip", "uint8", [3, 19], (x) => flip(x, [1])),
  ...interpolations.map(([shape, options]) =>
    one(
      `interpolate ${list(shape)} ${JSON.stringify(options)}`,
      shape,
      squared((x) => interpolate(x, options)),
    ),
  ),
  {
    name: "oneHot",
    inputs: [{ shape: [5], dtype: "int32", fill: { kind: "values", values: [2, 0, -1, 3, 1] } }],
    build: (x) => oneHot(x, 3),
  },
  {
    name: "oneHot at axis 1, uint8",
    inputs: [{ shape: [2, 3], dtype: "uint8", fill: { kind: "integers", below: 4 } }],
    build: (x) => oneHot(x, 4, { axis: 1, dtype: "uint8" }),
  },
];
