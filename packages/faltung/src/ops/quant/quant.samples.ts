/** Samples of integer products and of what is around them: each algorithm, zero points, groups, odd sizes, epilogues. */
import { Tensor } from "../../tensor/tensor.ts";
import { attributesOf } from "../conv/attributes.ts";
import { type ConvOptions, normaliseConv } from "../conv/geometry.ts";
import { add, relu } from "../elementwise/elementwise.ts";
import { type Value, constant } from "../op.ts";
import { normaliseWindow } from "../pool/window.ts";
import type { Sample, SampleInput } from "../samples.ts";
import { convInteger } from "./convInteger.op.ts";
import type { IntegerRange } from "./integer.ts";
import { matmulInteger } from "./matmulInteger.op.ts";
import { maxPoolBytes } from "./maxPoolBytes.op.ts";
import { dequantizeValues, quantizeValues, quantizedConv, quantizedLinear } from "./quantize.op.ts";

/** Whole numbers that float32 holds: results must be equal. */
const exact = { differentiable: false, tolerance: 0 };

function bytes(shape: readonly number[], below: number): SampleInput {
  return { shape, dtype: "uint8", fill: { kind: "integers", below } };
}

function conv(
  name: string,
  x: readonly number[],
  w: readonly number[],
  options: ConvOptions = {},
  range: IntegerRange = { zero: 0, top: 127 },
): Sample {
  const geometry = normaliseConv(options, w.slice(2), "sample");
  const attrs = { ...attributesOf(geometry, x, w, "sample"), ...range };
  return {
    name: `convInteger, ${name}`,
    inputs: [bytes(x, range.top + 1), bytes(w, 256)],
    build: (xv, wv) => convInteger(xv, wv, attrs),
    ...exact,
  };
}

function product(m: number, k: number, n: number, range: IntegerRange = { zero: 0, top: 127 }): Sample {
  return {
    name: `matmulInteger, ${m}×${k} by ${k}×${n}, zero ${range.zero}`,
    inputs: [bytes([m, k], range.top + 1), bytes([n, k], 256)],
    build: (x, w) => matmulInteger(x, w, range),
    ...exact,
  };
}

function pool(x: readonly number[], kernel: number, options: Parameters<typeof normaliseWindow>[2]): Sample {
  const window = normaliseWindow(x.length - 2, kernel, options, "sample");
  return {
    name: `maxPoolBytes, ${x.join("×")} by ${kernel}`,
    inputs: [bytes(x, 256)],
    build: (v) => maxPoolBytes(v, window),
    ...exact,
  };
}

function numbers(n: number, of: (i: number) => number): Value {
  return constant(
    new Tensor(
      Float32Array.from({ length: n }, (_, i) => of(i)),
      [n],
    ),
  );
}
function biases(n: number): Value {
  return constant(
    new Tensor(
      Int32Array.from({ length: n }, (_, i) => 97 * i - 300),
      [n],
    ),
  );
}

/** A layer as quantised networks have it; scales are powers of two, so that float32 rounds nothing and the ties are few. */
function layer(
  name: string,
  x: readonly number[],
  w: readonly number[],
  options: ConvOptions,
  residual: boolean,
): Sample {
  const geometry = normaliseConv(options, w.slice(2), "sample");
  const attrs = { ...attributesOf(geometry, x, w, "sample"), zero: 0, top: 127, scale: 0.125 };
  const y = [x[0], w[0], ...attrs.output];
  return {
    name: `quantizedConv, ${name}`,
    inputs: [bytes(x, 128), bytes(w, 256), ...(residual ? [bytes(y, 128)] : [])],
    build(xv, weight, other) {
      const weights = { weight, bias: biases(w[0]), scale: numbers(w[0], (i) => 2 ** -(14 + (i % 3))) };
      const z = quantizedConv(xv, weights, attrs);
      const sum = residual ? relu(add(z, dequantizeValues(other, { scale: 0.25, zero: 9, top: 127 }))) : relu(z);
      return quantizeValues(sum, { scale: 0.5, zero: 3, top: 127 });
    },
    ...exact,
  };
}

export const samples: readonly Sample[] = [
  conv("3×3, padding 1", [2, 16, 9, 11], [24, 16, 3, 3], { padding: 1 }),
  conv("3×3, odd channels, zero point", [1, 5, 8, 8], [6, 5, 3, 3], { padding: 1 }, { zero: 60, top: 127 }),
  conv("one channel, all bits", [2, 1, 7, 7], [8, 1, 3, 3], { padding: 1 }, { zero: 200, top: 255 }),
  conv("1×1", [2, 20, 6, 5], [17, 20, 1, 1]),
  conv("5×5 /2", [1, 9, 12, 11], [8, 9, 5, 5], { stride: 2, padding: 2 }),
  conv("dilated", [1, 8, 9, 9], [8, 8, 3, 3], { dilation: 2, padding: 2 }, { zero: 1, top: 255 }),
  conv("groups of eight", [1, 16, 6, 6], [16, 8, 3, 3], { groups: 2, padding: 1 }),
  conv("odd groups", [2, 6, 5, 5], [9, 2, 3, 3], { groups: 3, padding: 1 }, { zero: 7, top: 127 }),
  conv("depthwise", [1, 12, 8, 7], [12, 1, 3, 3], { groups: 12, padding: 1 }),
  conv(
    "depthwise /2, zero point",
    [2, 16, 9, 9],
    [16, 1, 3, 3],
    { groups: 16, padding: 1, stride: 2 },
    { zero: 40, top: 127 },
  ),
  conv("one dimension", [1, 8, 15], [8, 8, 3], { padding: 1 }),
  conv("three dimensions", [1, 8, 4, 5, 5], [8, 8, 3, 3, 3], { padding: 1 }),
  conv("long kernel", [1, 3, 4, 20], [4, 3, 1, 15], { padding: [0, 7] }),
  conv("3×3, many channels and tiles", [3, 40, 10, 13], [32, 40, 3, 3], { padding: 1 }),
  product(5, 33, 18),
  product(1, 64, 10),
  product(9, 7, 16, { zero: 11, top: 127 }),
  product(4, 130, 24, { zero: 0, top: 255 }),
  pool([2, 5, 8, 9], 2, {}),
  pool([1, 16, 7, 7], 3, { stride: 2, padding: 1 }),
  pool([1, 8, 10], 3, { stride: 1, padding: 1, ceilMode: true }),
  layer("relu, quantised again", [2, 16, 8, 8], [16, 16, 3, 3], { padding: 1 }, false),
  layer("odd channels", [1, 3, 9, 7], [10, 3, 3, 3], { padding: 1, stride: 2 }, false),
  layer("residual", [1, 8, 6, 6], [12, 8, 1, 1], {}, true),
  layer("residual, in groups", [1, 6, 5, 5], [6, 2, 3, 3], { groups: 3, padding: 1 }, true),
  {
    name: "quantizedLinear, quantised again",
    inputs: [bytes([5, 20], 128), bytes([18, 20], 256)],
    build(x, weight) {
      const weights = { weight, bias: biases(18), scale: numbers(18, (i) => 2 ** -(10 + (i % 3))) };
      const y = quantizedLinear(x, weights, { zero: 4, top: 127, scale: 1 });
      return quantizeValues(y, { scale: 1, zero: 64, top: 127 });
    },
    ...exact,
  },
  {
    name: "quantize, dequantize",
    inputs: [{ shape: [3, 4, 5], fill: { kind: "values", values: [-9, -1.1, -0.3, 0.1, 0.6, 1.4, 2.2, 40] } }],
    build: (x) =>
      dequantizeValues(quantizeValues(x, { scale: 0.25, zero: 20, top: 100 }), { scale: 0.25, zero: 20, top: 100 }),
    ...exact,
  },
];
