import fc from "fast-check";
import { expect, test } from "vitest";
import { Random } from "../../tensor/random.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import type { RefTensor, Target } from "../op.ts";
import { type MatmulAttributes, matmulOp } from "./matmul.op.ts";
import { matmulWasm } from "./matmul.wasm.ts";
import { instantiate } from "./testing.ts";

const target: Target = { fma: false, fast: false, wide: false, threads: 1 };

/** Largest difference between kernel and reference, in units of √k · 1e-6. */
function difference(a: Shape, b: Shape, attrs: MatmulAttributes, pieces: number): number {
  const random = new Random(7);
  const inputs = [a, b].map((shape): RefTensor => {
    return { shape, dtype: "float32", data: Float32Array.from({ length: sizeOf(shape) }, () => random.normal()) };
  });
  const type = matmulOp.infer(inputs, attrs);
  const want = new Float64Array(sizeOf(type.shape));
  matmulOp.reference(inputs, attrs, { ...type, data: want });
  const lowered = matmulWasm.lower({
    inputs: inputs.map(({ shape }) => ({ type: { shape, dtype: "float32" }, layout: "plain" })),
    output: { type, layout: "plain" },
    attrs,
    target,
  });
  const harness = instantiate(lowered, { inputs: inputs.map(({ data }) => 4 * data.length), output: 4 * want.length });
  inputs.forEach(({ data }, i) => harness.view("input", i).set(data as Float32Array));
  harness.view("output", 0).fill(NaN);
  harness.run(pieces);
  const got = harness.view("output", 0);
  const unit = 1e-6 * Math.sqrt(a[a.length - (attrs.transA ? 2 : 1)] || 1);
  return want.reduce((most, x, i) => (Math.abs(got[i] - x) <= most ? most : Math.abs(got[i] - x) || NaN), 0) / unit;
}

function operand(lead: Shape, rows: number, columns: number, transposed: boolean): Shape {
  return [...lead, ...(transposed ? [columns, rows] : [rows, columns])];
}

const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 8, 64, 100));

test("kernels compute what the reference does, however work is divided", () => {
  const property = fc.property(
    size,
    size,
    fc.oneof(size, fc.constantFrom(0, 256, 257, 1100)),
    fc.boolean(),
    fc.boolean(),
    fc.constantFrom(
      [[], []],
      [[3], [3]],
      [[2, 1], [3]],
      [[], [2]],
      [
        [1, 2],
        [3, 1],
      ],
    ),
    fc.integer({ min: 1, max: 4 }),
    (m, n, k, transA, transB, [leadA, leadB], pieces) => {
      const a = operand(leadA, m, k, transA);
      const b = operand(leadB, k, n, transB);
      expect(difference(a, b, { transA, transB }, pieces)).toBeLessThan(5);
    },
  );
  fc.assert(property, { numRuns: 120, seed: 3 });
});

test("a long sum over few results is split and added up", () => {
  expect(difference([20, 5000], [30, 5000], { transA: false, transB: true }, 3)).toBeLessThan(5);
});

test("rows beyond one band, columns beyond one group", () => {
  expect(difference([500, 30], [30, 150], { transA: false, transB: false }, 4)).toBeLessThan(5);
});
