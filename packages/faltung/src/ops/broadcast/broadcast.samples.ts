/** Samples of broadcasting and of summing back. */
import type { Sample } from "../samples.ts";
import { broadcastAlong, broadcastTo, sum, sumTo } from "./broadcast.op.ts";

export const samples: readonly Sample[] = [
  { name: "broadcastTo, new axes", inputs: [{ shape: [10] }], build: (x) => broadcastTo(x, [3, 4, 10]) },
  { name: "broadcastTo, inner axis", inputs: [{ shape: [3, 1] }], build: (x) => broadcastTo(x, [2, 3, 5]) },
  {
    name: "broadcastAlong channels",
    inputs: [{ shape: [9] }],
    build: (x) => broadcastAlong(x, [2, 9, 4, 3], [0, 2, 3]),
  },
  {
    name: "broadcastTo, uint8",
    inputs: [{ shape: [3, 1], dtype: "uint8", fill: { kind: "integers", below: 256 } }],
    build: (x) => broadcastTo(x, [3, 21]),
    differentiable: false,
  },
  { name: "sum, all", inputs: [{ shape: [3, 4, 5] }], build: (x) => sum(x) },
  { name: "sum, of 20,000", inputs: [{ shape: [20_000] }], build: (x) => sum(x) },
  { name: "sum, trailing", inputs: [{ shape: [6, 37] }], build: (x) => sum(x, 1) },
  { name: "sum, leading", inputs: [{ shape: [37, 6] }], build: (x) => sum(x, 0, true) },
  { name: "sum, per channel", inputs: [{ shape: [4, 9, 5, 3] }], build: (x) => sum(x, [0, 2, 3], true) },
  { name: "sum, middle", inputs: [{ shape: [4, 9, 5] }], build: (x) => sum(x, 1) },
  { name: "sum, alternating", inputs: [{ shape: [3, 4, 5, 6] }], build: (x) => sum(x, [1, 3]) },
  { name: "sum, of nothing", inputs: [{ shape: [3, 0] }], build: (x) => sum(x, 1) },
  { name: "sum, of one", inputs: [{ shape: [3, 1] }], build: (x) => sum(x, 1) },
  {
    name: "sum, uint8",
    inputs: [{ shape: [5, 70], dtype: "uint8", fill: { kind: "integers", below: 256 } }],
    build: (x) => sum(x, 1),
    differentiable: false,
  },
  {
    name: "sum, int32",
    inputs: [{ shape: [5, 7], dtype: "int32", fill: { kind: "integers", below: 1000 } }],
    build: (x) => sum(x, 0),
    differentiable: false,
  },
  { name: "sumTo", inputs: [{ shape: [2, 3, 4] }], build: (x) => sumTo(x, [3, 1]) },
];
