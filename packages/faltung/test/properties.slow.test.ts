/**
 * Random networks of one operation: WebAssembly against the float64 reference, gradients included, on one, two and
 * three threads, which must agree to the bit. Sizes are small and odd on purpose; 0 and 1 come where they are legal.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../src/compile/compile.ts";
import { grad } from "../src/compile/differentiate.ts";
import { evaluateValues } from "../src/compile/evaluate.ts";
import {
  type DType,
  type Shape,
  ShapeError,
  type Value,
  add,
  avgPool2d,
  batchNorm,
  concat,
  conv1d,
  conv2d,
  conv3d,
  convTranspose2d,
  gelu,
  groupNorm,
  layerNorm,
  linear,
  logSoftmax,
  matmul,
  max,
  maxPool2d,
  mean,
  mul,
  pad,
  permute,
  slice,
  softmax,
  sub,
  sum,
  variance,
} from "../src/index.ts";
import { type RefTensor, constant, input } from "../src/ops/op.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { expectClose } from "./close.ts";
import { fillTensor } from "./fill.ts";

/** One random case: input shapes, and what is computed of them. */
interface Case {
  readonly shapes: readonly Shape[];
  build(...inputs: readonly Value[]): Value;
}

const RUNS = 12;

/** Result and gradients by every input of a weighted sum of the result. */
function withGradients(test: Case, inputs: readonly Value[]): Value[] {
  const y = test.build(...inputs);
  return [y, ...grad(y, inputs, constant(fillTensor({ shape: y.shape }, 5)))];
}

async function agree(test: Case): Promise<void> {
  const tensors = test.shapes.map((shape, i) => fillTensor({ shape, fill: { kind: "distinct" } }, i + 1));
  const inputs = test.shapes.map((shape, i) => input(`x${i}`, { shape, dtype: "float32" }));
  const known = new Map<Value, RefTensor>(
    inputs.map((leaf, i) => [leaf, { ...leaf, data: Float64Array.from(tensors[i].data) }]),
  );
  let expected: RefTensor[];
  try {
    expected = evaluateValues(withGradients(test, inputs), known, "float64");
  } catch (error) {
    if (error instanceof ShapeError) return; // the random shapes do not fit: refused, as they should be
    throw error;
  }
  const types = Object.fromEntries(test.shapes.map((shape, i) => [`x${i}`, { shape, dtype: "float32" as DType }]));
  let first: Readonly<Record<string, Tensor>> | undefined;
  for (const threads of [1, 2, 3]) {
    const run = await compile(
      (values) =>
        Object.fromEntries(
          withGradients(
            test,
            test.shapes.map((_, i) => values[`x${i}`]),
          ).map((v, i) => [`y${i}`, v]),
        ),
      types,
      { threads },
    );
    const results = run(Object.fromEntries(tensors.map((t, i) => [`x${i}`, t])));
    run.program.close();
    if (first === undefined) {
      expected.forEach((e, i) => expectClose(results[`y${i}`], e, 1e-4, i === 0 ? "result" : `gradient ${i - 1}`));
      first = results;
    } else expect(results, `${threads} threads`).toEqual(first);
  }
}

const small = fc.integer({ min: 1, max: 3 });
const side = fc.integer({ min: 1, max: 9 });
const channels = fc.constantFrom(1, 2, 3, 5, 7, 8, 9, 16, 17);

const conv2dCase = fc
  .record({
    n: fc.constantFrom(0, 1, 2, 3),
    groups: fc.constantFrom(1, 1, 1, 2, 3),
    inner: channels,
    outer: channels,
    h: side,
    w: side,
    kh: fc.integer({ min: 1, max: 5 }),
    kw: fc.integer({ min: 1, max: 5 }),
    stride: fc.tuple(small, small),
    dilation: fc.tuple(fc.constantFrom(1, 1, 2), fc.constantFrom(1, 1, 3)),
    padding: fc.tuple(fc.tuple(fc.nat(2), fc.nat(2)), fc.tuple(fc.nat(2), fc.nat(2))),
  })
  .map(({ n, groups, inner, outer, h, w, kh, kw, ...options }): Case => ({
    shapes: [[n, inner * groups, h, w], [outer * groups, inner, kh, kw], [outer * groups]],
    build: (x, weight, bias) => conv2d(x, weight, bias, { ...options, groups }),
  }));

const depthwiseCase = fc
  .record({
    n: small,
    c: channels,
    h: side,
    w: side,
    k: fc.constantFrom(1, 3, 5),
    stride: small,
    multiplier: fc.constantFrom(1, 1, 2),
  })
  .map(({ n, c, h, w, k, stride, multiplier }): Case => ({
    shapes: [
      [n, c, h, w],
      [c * multiplier, 1, k, k],
    ],
    build: (x, weight) => conv2d(x, weight, null, { stride, padding: (k - 1) / 2, groups: c }),
  }));

/** Large enough, and of the right kernel, for Winograd's algorithms. */
const winogradCase = fc
  .record({
    n: small,
    inner: fc.constantFrom(8, 16, 24),
    outer: fc.constantFrom(8, 16, 32),
    h: fc.integer({ min: 6, max: 19 }),
    w: fc.integer({ min: 6, max: 19 }),
    padding: fc.nat(1),
  })
  .map(({ n, inner, outer, h, w, padding }): Case => ({
    shapes: [
      [n, inner, h, w],
      [outer, inner, 3, 3],
    ],
    build: (x, weight) => conv2d(x, weight, null, { padding }),
  }));

const transposedCase = fc
  .record({
    n: small,
    c: channels,
    o: channels,
    h: side,
    w: side,
    k: fc.integer({ min: 1, max: 4 }),
    stride: small,
    padding: fc.nat(1),
    outputPadding: fc.nat(1),
  })
  .map(({ n, c, o, h, w, k, stride, padding, outputPadding }): Case => ({
    shapes: [
      [n, c, h, w],
      [c, o, k, k],
    ],
    build: (x, weight) =>
      convTranspose2d(x, weight, null, { stride, padding, outputPadding: Math.min(outputPadding, stride - 1) }),
  }));

const otherRanks = fc
  .record({
    n: small,
    c: fc.constantFrom(1, 3, 8),
    o: fc.constantFrom(1, 4, 8),
    size: fc.integer({ min: 3, max: 6 }),
    k: small,
    stride: small,
    rank: fc.constantFrom(1, 3),
  })
  .map(({ n, c, o, size, k, stride, rank }): Case => ({
    shapes: [
      [n, c, ...new Array<number>(rank).fill(size)],
      [o, c, ...new Array<number>(rank).fill(k)],
    ],
    build: (x, weight) => (rank === 1 ? conv1d : conv3d)(x, weight, null, { stride, padding: 1 }),
  }));

const poolCase = fc
  .record({
    n: fc.constantFrom(0, 1, 2),
    c: channels,
    h: side,
    w: side,
    k: fc.tuple(small, small),
    stride: small,
    padding: fc.nat(1),
    ceilMode: fc.boolean(),
    largest: fc.boolean(),
  })
  .map(({ n, c, h, w, k, stride, padding, ceilMode, largest }): Case => {
    const options = { stride, padding: Math.min(padding, Math.floor(Math.min(...k) / 2)), ceilMode };
    return { shapes: [[n, c, h, w]], build: (x) => (largest ? maxPool2d(x, k, options) : avgPool2d(x, k, options)) };
  });

const matmulCase = fc
  .record({
    m: fc.integer({ min: 0, max: 40 }),
    k: fc.integer({ min: 0, max: 70 }),
    n: fc.integer({ min: 0, max: 40 }),
    batch: fc.constantFrom([], [1], [2], [2, 1]),
  })
  .map(({ m, k, n, batch }): Case => ({
    shapes: [
      [...batch, m, k],
      [k, n],
    ],
    build: (a, b) => matmul(a, b),
  }));

const linearCase = fc
  .record({
    n: fc.constantFrom(1, 2, 5, 32, 65),
    inner: fc.integer({ min: 1, max: 70 }),
    outer: fc.integer({ min: 1, max: 40 }),
  })
  .map(({ n, inner, outer }): Case => ({
    shapes: [[n, inner], [outer, inner], [outer]],
    build: (x, w, b) => linear(x, w, b),
  }));

const broadcastCase = fc
  .record({
    shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 5 }),
    dropped: fc.nat(3),
    ones: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
  })
  .map(({ shape, dropped, ones }): Case => ({
    shapes: [shape, shape.slice(Math.min(dropped, shape.length)).map((d, i) => (ones[i] ? 1 : d))],
    build: (a, b) => sub(mul(a, add(a, b)), b),
  }));

const reduceCase = fc
  .record({
    shape: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
    bits: fc.nat(15),
    keepdim: fc.boolean(),
    kind: fc.constantFrom("sum", "mean", "max", "variance"),
  })
  .map(({ shape, bits, keepdim, kind }): Case => {
    const chosen = shape.map((_, i) => i).filter((i) => (bits >> i) & 1);
    const axes = chosen.length === 0 ? [0] : chosen;
    return {
      shapes: [shape],
      build(x) {
        if (kind === "variance") return variance(x, axes, { correction: 0, keepdim });
        return { sum, mean, max }[kind as "sum" | "mean" | "max"](x, axes, keepdim);
      },
    };
  });

const normCase = fc
  .record({
    n: fc.constantFrom(2, 3),
    c: fc.constantFrom(2, 4, 6, 8, 16, 18),
    h: fc.integer({ min: 1, max: 6 }),
    w: fc.integer({ min: 2, max: 6 }),
    kind: fc.constantFrom("batch", "layer", "group"),
  })
  .map(({ n, c, h, w, kind }): Case => ({
    shapes: [[n, c, h, w], kind === "layer" ? [c, h, w] : [c], kind === "layer" ? [c, h, w] : [c]],
    build(x, weight, bias) {
      const scaled = mul(x, 0.05);
      if (kind === "batch") return batchNorm(scaled, { weight, bias, training: true });
      return kind === "layer" ? layerNorm(scaled, [c, h, w], { weight, bias }) : groupNorm(scaled, 2, { weight, bias });
    },
  }));

const movementCase = fc
  .record({
    shape: fc.tuple(small, channels, side, side),
    order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
    cut: fc.nat(2),
    step: small,
  })
  .map(({ shape, order, cut, step }): Case => ({
    shapes: [shape, shape],
    build(a, b) {
      const joined = concat([a, b], 1);
      const cutOut = slice(joined, [[], [Math.min(cut, 1)], [0, shape[2], step]]);
      return permute(pad(cutOut, [1, 0, cut, 1]), order);
    },
  }));

const chainCase = fc
  .record({ n: small, c: channels, size: fc.integer({ min: 2, max: 8 }), axis: fc.integer({ min: 0, max: 3 }) })
  .map(({ n, c, size, axis }): Case => ({
    shapes: [
      [n, c, size, size],
      [c, c, 3, 3],
    ],
    build(x, w) {
      // Sums of a few units: softmax makes of their absolute error a relative one, which sums of thousands, rounded as
      // Winograd's algorithm does (1e-5 of the largest), would bring beyond the tolerance.
      const y = gelu(add(conv2d(mul(x, 0.01), mul(w, 0.01), null, { padding: 1 }), x));
      return mul(softmax(y, axis), logSoftmax(mul(y, 0.1), axis));
    },
  }));

describe("WebAssembly agrees with the reference, and threads among each other", () => {
  it.each([
    ["conv2d", conv2dCase],
    ["conv2d, depthwise", depthwiseCase],
    ["conv2d, 3×3 of many channels", winogradCase],
    ["convTranspose2d", transposedCase],
    ["conv1d and conv3d", otherRanks],
    ["pooling", poolCase],
    ["matmul", matmulCase],
    ["linear", linearCase],
    ["elementwise with broadcasting", broadcastCase],
    ["reductions", reduceCase],
    ["normalisation", normCase],
    ["concat, slice, pad, permute", movementCase],
    ["a chain of them", chainCase],
  ] as const)("%s", async (_name, cases) => {
    await fc.assert(fc.asyncProperty(cases, agree), { numRuns: RUNS, seed: 1 });
  });
});
