import { expect, test } from "vitest";
import { compile } from "../../compile/compile.ts";
import { evaluate } from "../../compile/evaluate.ts";
import { trace } from "../../compile/trace.ts";
import { Random } from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { add, gelu, gt, mul, relu, where } from "../elementwise/elementwise.ts";
import { linear, matmul } from "../matmul/matmul.ts";
import type { Value } from "../op.ts";
import { conv2d, convTranspose2d } from "./conv.ts";
import { relativeError } from "./testing.ts";

type Inputs = Readonly<Record<string, readonly number[]>>;
type Build = (values: Record<string, Value>) => Value;

/** A product with elementwise work behind it: the input shapes, and what is made of them. */
const chains: Readonly<Record<string, readonly [Inputs, Build]>> = {
  "bias and activation": [
    { x: [2, 8, 9, 7], w: [11, 8, 3, 3], b: [11] },
    ({ x, w, b }) => relu(conv2d(x, w, b, { padding: 1 })),
  ],
  "residual add": [
    { x: [2, 8, 9, 7], w: [8, 8, 3, 3], b: [8] },
    ({ x, w, b }) => relu(add(conv2d(x, w, b, { padding: 1 }), x)),
  ],
  "an activation's gradient": [
    { x: [1, 16, 6, 6], w: [16, 12, 3, 3], z: [1, 12, 6, 6] },
    ({ x, w, z }) => where(gt(z, 0), convTranspose2d(x, w, null, { padding: 1 }), 0),
  ],
  "strided transposed": [
    { x: [1, 8, 5, 6], w: [8, 16, 4, 4], b: [16], s: [] },
    ({ x, w, b, s }) => mul(relu(convTranspose2d(x, w, b, { stride: 2, padding: 1 })), s),
  ],
  depthwise: [
    { x: [2, 20, 8, 9], w: [20, 1, 3, 3], b: [20] },
    ({ x, w, b }) => relu(conv2d(x, w, b, { padding: 1, groups: 20 })),
  ],
  "general, plain": [
    { x: [2, 6, 8, 9], w: [9, 2, 3, 3], b: [9], r: [2, 9, 8, 9] },
    ({ x, w, b, r }) => relu(add(conv2d(x, w, b, { padding: 1, groups: 3 }), r)),
  ],
  "linear, few rows": [{ x: [3, 21], w: [10, 21], b: [10] }, ({ x, w, b }) => gelu(linear(x, w, b))],
  "linear, many rows": [{ x: [33, 21], w: [10, 21], b: [10] }, ({ x, w, b }) => relu(linear(x, w, b))],
  "linear, two stretches": [{ x: [33, 300], w: [300, 300], b: [300] }, ({ x, w, b }) => relu(linear(x, w, b))],
  "linear, split sum": [
    { x: [20, 2100], w: [9, 2100], b: [9], r: [20, 9] },
    ({ x, w, b, r }) => add(relu(linear(x, w, b)), r),
  ],
  "batch of matrices": [
    { x: [2, 5, 6], w: [2, 6, 7], b: [5, 1], r: [2, 5, 7] },
    ({ x, w, b, r }) => relu(add(add(matmul(x, w), b), r)),
  ],
};

test.each(Object.entries(chains))("%s rides on the product", async (_, [inputs, build]) => {
  const fn = { fn: (values: Record<string, Value>) => ({ y: build(values) }), inputs };
  const random = new Random(5);
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, shape]) => {
      const size = shape.reduce((n, d) => n * d, 1);
      return [
        name,
        new Tensor(
          Float32Array.from({ length: size }, () => random.normal()),
          shape,
        ),
      ];
    }),
  );
  const types = Object.fromEntries(
    Object.entries(inputs).map(([name, shape]) => [name, { shape, dtype: "float32" as const }]),
  );
  const want = evaluate(trace(fn.fn, types), tensors, new Map(), "float64").outputs.y;
  const program = await compile({ fn }, { threads: 1 });
  const got = program.run("fn", tensors).y;
  const fused = /\+(add|relu|mul|where|gelu)/.test(program.explain("fn"));
  program.close();
  expect(fused).toBe(true);
  expect(relativeError(got.data, want.data)).toBeLessThan(1e-5);
});
