/** Samples of convolution: ranks, strides, paddings, dilations, groups, odd sizes, channels that fill no vector. */
import type { Sample } from "../samples.ts";
import { conv1d, conv2d, conv3d, convTranspose1d, convTranspose2d, convTranspose3d } from "./conv.ts";
import type { ConvOptions, TransposedConvOptions } from "./geometry.ts";

type Size = readonly number[];

const forward = [conv1d, conv2d, conv3d];
const backward = [convTranspose1d, convTranspose2d, convTranspose3d];

function sample(x: Size, weight: Size, options: ConvOptions = {}, bias = false): Sample {
  const rank = x.length - 2;
  const inputs = [{ shape: x }, { shape: weight }, ...(bias ? [{ shape: [weight[0]] }] : [])];
  return {
    name: `conv${rank}d, ${title(x, weight, options)}${bias ? ", bias" : ""}`,
    inputs,
    build: (xv, wv, bv) => forward[rank - 1](xv, wv, bv, options),
    tolerance: 1e-5 * Math.sqrt(weight.slice(1).reduce((n, d) => n * d, 1)),
  };
}

function transposed(x: Size, weight: Size, options: TransposedConvOptions = {}, bias = false): Sample {
  const rank = x.length - 2;
  const channels = weight[1] * (options.groups ?? 1);
  return {
    name: `convTranspose${rank}d, ${title(x, weight, options)}${bias ? ", bias" : ""}`,
    inputs: [{ shape: x }, { shape: weight }, ...(bias ? [{ shape: [channels] }] : [])],
    build: (xv, wv, bv) => backward[rank - 1](xv, wv, bv, options),
    tolerance: 1e-5 * Math.sqrt(weight.reduce((n, d) => n * d, 1) / weight[1]),
  };
}

function title(x: Size, weight: Size, options: object): string {
  const set = Object.entries(options).map(([name, value]) => `, ${name} ${JSON.stringify(value)}`);
  return `${x.join("×")} by ${weight.join("×")}${set.join("")}`;
}

export const samples: readonly Sample[] = [
  sample([2, 3, 7], [4, 3, 3], { padding: 1 }, true),
  sample([1, 4, 12], [6, 2, 4], { stride: 3, dilation: 2, groups: 2, padding: [[3, 1]] }),
  sample([2, 8, 9, 7], [16, 8, 3, 3], { padding: 1 }, true),
  sample([2, 16, 8, 11], [9, 16, 3, 3], { padding: "same" }),
  sample(
    [1, 5, 9, 9],
    [3, 5, 2, 4],
    {
      stride: [2, 3],
      padding: [
        [1, 0],
        [2, 1],
      ],
    },
    true,
  ),
  sample([1, 3, 15, 13], [8, 3, 7, 7], { stride: 2, padding: 3 }),
  sample([3, 1, 8, 8], [10, 1, 5, 5], { padding: 2 }, true),
  sample([2, 12, 5, 6], [20, 12, 1, 1], {}, true),
  sample([1, 9, 7, 7], [10, 9, 1, 1], { stride: 2 }),
  sample([1, 8, 9, 10], [8, 8, 3, 3], { dilation: [2, 3], padding: [2, 3] }),
  sample([2, 16, 7, 7], [16, 1, 3, 3], { padding: 1, groups: 16 }, true),
  sample([1, 11, 9, 8], [11, 1, 3, 5], { stride: 2, padding: [1, 2], groups: 11 }),
  sample([1, 6, 6, 6], [12, 1, 3, 3], { groups: 6 }),
  sample([1, 16, 6, 6], [32, 8, 3, 3], { groups: 2, padding: 1 }, true),
  sample([1, 12, 6, 5], [8, 3, 3, 3], { groups: 4, padding: 1 }),
  sample([1, 8, 1, 1], [8, 8, 3, 3], { padding: 1 }),
  sample([1, 2, 4, 4], [3, 2, 3, 3], { padding: 4 }),
  sample([1, 3, 6, 5], [4, 3, 3, 3], { padding: 2, paddingMode: "reflect" }, true),
  sample([1, 3, 4, 5], [4, 3, 3, 3], {
    padding: [
      [1, 2],
      [0, 3],
    ],
    paddingMode: "replicate",
  }),
  sample([2, 2, 5, 5], [3, 2, 4, 4], { padding: "same", paddingMode: "circular" }),
  sample([1, 4, 6, 6], [4, 4, 3, 2], { padding: 1, flip: true }),
  sample([1, 3, 4, 5, 3], [4, 3, 3, 3, 3], { padding: 1 }, true),
  sample([1, 4, 5, 4, 6], [6, 2, 2, 3, 1], { stride: [2, 1, 2], dilation: [1, 2, 1], groups: 2, padding: [1, 1, 0] }),
  transposed([2, 3, 5], [3, 4, 3], { stride: 2, outputPadding: 1 }, true),
  transposed([1, 8, 5, 6], [8, 8, 3, 3], { padding: 1 }, true),
  transposed([2, 8, 4, 5], [8, 12, 4, 4], { stride: 2, padding: 1 }),
  transposed([1, 6, 4, 3], [6, 2, 3, 2], { stride: [3, 2], padding: [1, 0], outputPadding: [2, 1], groups: 2 }, true),
  transposed([1, 4, 4, 4], [4, 3, 3, 3], { stride: [2, 1], dilation: [1, 2], padding: [0, 2] }),
  transposed([1, 8, 3, 3], [8, 1, 3, 3], { stride: 2, groups: 8, padding: 1, outputPadding: 1 }),
  transposed([1, 3, 4, 4], [3, 2, 2, 2], { stride: 3 }),
  transposed([1, 4, 3, 3], [4, 2, 3, 3], { dilation: 2, outputPadding: 1 }),
  transposed([1, 3, 3, 2, 4], [3, 4, 2, 3, 2], { stride: [1, 2, 1], padding: [0, 1, 1] }, true),
];
