/** NaN, infinities and denormals come out of convolutions and products where the reference loops have them. */
import { expect, it } from "vitest";
import { type Value, Random, Tensor, compile, conv2d, convTranspose2d, grad, linear, mul, sum } from "../src/index.ts";

const random = new Random(5);
const normal = (shape: readonly number[]): Tensor =>
  new Tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    shape,
  );

/** Each in a place of its own, and all else so small that sums of it are denormals. */
function special(shape: readonly number[]): Tensor {
  const tensor = normal(shape);
  for (let i = 0; i < tensor.data.length; i++) tensor.data[i] *= 1e-39;
  for (const value of [NaN, Infinity, -Infinity])
    tensor.data[Math.floor(random.uniform() * tensor.data.length)] = value;
  return tensor;
}

type Layer = (x: Value, w: Value) => Value;

it.each<[string, readonly number[], readonly number[], Layer]>([
  ["3×3", [2, 16, 9, 9], [16, 16, 3, 3], (x, w) => conv2d(x, w, null, { padding: 1 })],
  ["strided", [2, 8, 9, 9], [16, 8, 3, 3], (x, w) => conv2d(x, w, null, { stride: 2 })],
  ["of one channel", [2, 1, 9, 9], [16, 1, 3, 3], (x, w) => conv2d(x, w, null, { padding: 1 })],
  ["depthwise", [2, 16, 9, 9], [16, 1, 3, 3], (x, w) => conv2d(x, w, null, { padding: 1, groups: 16 })],
  ["grouped", [2, 6, 9, 9], [4, 3, 3, 3], (x, w) => conv2d(x, w, null, { dilation: 2, groups: 2 })],
  ["transposed", [2, 8, 5, 5], [8, 16, 3, 3], (x, w) => convTranspose2d(x, w, null, { stride: 2, padding: 1 })],
  ["linear", [6, 32], [10, 32], (x, w) => linear(x, w)],
])("%s", async (_name, xShape, wShape, layer) => {
  const inputs = { x: special(xShape), w: normal(wShape) };
  const step = ({ x, w }: { readonly x: Value; readonly w: Value }): Record<"y" | "dx" | "dw", Value> => {
    const y = layer(x, w);
    const [dx, dw] = grad(sum(mul(y, 0.5)), [x, w]);
    return { y, dx, dw };
  };
  const types = { x: xShape, w: wShape };
  const kernels = await compile(step, types, { precision: "strict", threads: 2 });
  const loops = await compile(step, types, { backend: "reference" });
  const [got, want] = [kernels(inputs), loops(inputs)];
  kernels.program.close();
  let denormals = 0;
  for (const name of ["y", "dx", "dw"] as const) {
    const [a, b] = [got[name].data, want[name].data];
    for (let i = 0; i < b.length; i++) {
      if (!Number.isFinite(b[i])) expect(a[i], `${name} ${i}`).toBe(b[i]);
      else
        expect(Math.abs(a[i] - b[i]), `${name} ${i}`).toBeLessThanOrEqual(
          1e-5 * Math.abs(b[i]) + (name === "dx" ? 1e-6 : 1e-43),
        );
      if (b[i] !== 0 && Math.abs(b[i]) < 1e-38) denormals++;
    }
  }
  expect(denormals).toBeGreaterThan(0);
});
