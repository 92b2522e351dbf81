/** Samples of random numbers: every backend gives the same bits, so they are compared like any other numbers. */
import type { Sample } from "../samples.ts";
import { dropout, dropout2d } from "./dropout.ts";
import { randomUniform } from "./random.op.ts";

const seed = { shape: [], dtype: "int32", fill: { kind: "values", values: [12345] } } as const;

export const samples: readonly Sample[] = [
  ...[[7], [2, 3, 5], [2, 10, 3, 3], [1, 8, 4, 4], [0, 3]].map((shape): Sample => ({
    name: `randomUniform ${shape.join("×")}`,
    inputs: [seed],
    build: (s) => randomUniform(shape, s, 3),
    tolerance: 0,
  })),
  ...[0, 0.3, 1].map((p): Sample => ({
    name: `dropout ${p}`,
    inputs: [{ shape: [4, 5] }, seed],
    build: (x, s) => dropout(x, p, s, 1),
  })),
  { name: "dropout2d", inputs: [{ shape: [3, 8, 2, 2] }, seed], build: (x, s) => dropout2d(x, 0.5, s, 2) },
];
