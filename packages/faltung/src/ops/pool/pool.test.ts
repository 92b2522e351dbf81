import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose } from "../../../test/close.ts";
import { fillTensor } from "../../../test/fill.ts";
import { expectKernels, referenceOf } from "../../../test/layouts.ts";
import { prepare } from "../../../test/run-lowered.ts";
import { grad } from "../../compile/differentiate.ts";
import { evaluate, evaluateValues } from "../../compile/evaluate.ts";
import { fuse } from "../../compile/fuse.ts";
import { trace } from "../../compile/trace.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { add, gt, mul, relu, where } from "../elementwise/elementwise.ts";
import { type Lowered, type Value, apply, input } from "../op.ts";
import { sum } from "../reduce/reduce.ts";
import { adaptiveAvgPool2d, avgPool2d } from "./avgPool.op.ts";
import {
  maxPool1d,
  maxPool2d,
  maxPoolIndex,
  maxPoolIndexOp,
  maxPoolOp,
  maxUnpoolOp,
  poolGatherOp,
} from "./maxPool.op.ts";
import { lowerMaxPool, lowerMaxPoolIndex, lowerMaxPoolWithIndex } from "./maxPool.wasm.ts";
import { type PoolWindow, normaliseWindow, pooledSize, tapCount } from "./window.ts";

function run(x: Tensor, fn: (x: Value) => Value): Tensor {
  return evaluate(
    trace((v) => ({ y: fn(v.x) }), { x }),
    { x },
  ).outputs.y;
}

/** Windows that fit, on inputs of 1 to 3 axes. */
const cases = fc
  .record({
    axes: fc.array(
      fc.record({
        kernel: fc.integer({ min: 1, max: 4 }),
        stride: fc.integer({ min: 1, max: 4 }),
        dilation: fc.constantFrom(1, 1, 1, 2),
        begin: fc.nat(2),
        end: fc.nat(2),
        more: fc.nat(7),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    ceilMode: fc.boolean(),
    channels: fc.integer({ min: 1, max: 17 }),
  })
  .map(({ axes, ceilMode, channels }): { window: PoolWindow; shape: number[] } => {
    const extent = axes.map((a) => a.dilation * (a.kernel - 1) + 1);
    const fits = (pad: number, d: number): number => Math.min(pad, Math.floor(extent[d] / 2));
    return {
      window: {
        kernel: axes.map((a) => a.kernel),
        stride: axes.map((a) => a.stride),
        dilation: axes.map((a) => a.dilation),
        padding: axes.map((a, d) => [fits(a.begin, d), fits(a.end, d)]),
        ceilMode,
      },
      shape: [2, channels, ...axes.map((a, d) => extent[d] + a.more)],
    };
  });

const special = [0, 1, 1, 2, -1, Number.NaN, -Infinity, Infinity, 3, 3, -2, 0.5, 1];

describe("kernels of max pooling", () => {
  it("agree with the loops in both layouts, NaN, infinities and ties included", () => {
    fc.assert(
      fc.property(cases, fc.boolean(), ({ window, shape }, odd) => {
        const x = fillTensor(odd ? { shape, fill: { kind: "values", values: special } } : { shape }, 1);
        const leaf = input("x", x);
        const y = apply(maxPoolOp, [leaf], window);
        expect(expectKernels(y, [x])).toBe(2);
        const index = apply(maxPoolIndexOp, [leaf], window);
        expect(expectKernels(index, [x])).toBe(2);

        const attrs = { window, spatial: shape.slice(2) };
        const chosen = referenceOf(index, [x]);
        const dy = fillTensor({ shape: y.shape }, 2);
        const [dyLeaf, indexLeaf] = [input("dy", dy), input("index", chosen)];
        expect(expectKernels(apply(maxUnpoolOp, [dyLeaf, indexLeaf], attrs), [dy, chosen], 1e-6)).toBe(2);
        expect(expectKernels(apply(poolGatherOp, [leaf, indexLeaf], attrs), [x, chosen])).toBe(2);

        for (const layout of ["plain", "blocked"] as const) {
          const lowered = lowerMaxPoolWithIndex(window, x, y, layout);
          const both = prepare(
            lowered,
            [{ tensor: x, layout }],
            [y, index].map((type) => ({ type, layout })),
          );
          both.run(2);
          expectClose(both.results()[0], referenceOf(y, [x]), 0, "value of both");
          expectClose(both.results()[1], chosen, 0, "index of both");
        }
      }),
      { numRuns: 40 },
    );
  });

  it("take windows of more than 256 taps, with indices as int32", () => {
    const x = fillTensor({ shape: [1, 9, 25, 26], fill: { kind: "distinct" } }, 3);
    const window = normaliseWindow(2, [17, 18], { stride: 4, padding: 8 }, "maxPool2d");
    const index = maxPoolIndex(input("x", x), window);
    expect(index.dtype).toBe("int32");
    expectKernels(index, [x]);
    expectKernels(apply(maxPoolOp, [input("x", x)], window), [x]);
    const dy = fillTensor({ shape: index.shape }, 4);
    const chosen = referenceOf(index, [x]);
    expectKernels(
      apply(maxUnpoolOp, [input("dy", dy), input("k", chosen)], { window, spatial: [25, 26] }),
      [dy, chosen],
      1e-6,
    );
  });

  it("read the same bits whatever the taps' order of −∞", () => {
    const x = Tensor.full([1, 8, 4, 4], -Infinity);
    const window = normaliseWindow(2, 3, { stride: 1, padding: 1 }, "maxPool2d");
    expectKernels(maxPoolIndex(input("x", x), window), [x]);
    expect([...referenceOf(maxPoolIndex(input("x", x), window), [x]).data].slice(0, 2)).toEqual([4, 3]); // first tap inside
  });
});

describe("what a window of 3×3 or 2×2 may hold, at every place of it", () => {
  const bits = (t: Tensor): string[] => Array.from(t.data, (v) => (Object.is(v, -0) ? "-0" : String(v)));
  /** The first values go to the cells of one window after another, the last is the rest of the plane. */
  const fills: readonly (readonly [what: string, values: readonly number[], rest: number])[] = [
    ["NaN", [Number.NaN], -1],
    ["several NaN", [Number.NaN, Number.NaN], 1],
    ["NaN beside infinities", [Infinity, Number.NaN, -Infinity], 0],
    ["infinities of both signs", [Infinity, -Infinity], 0],
    ["−∞ only", [], -Infinity],
    ["−0 among 0", [-0], 0],
    ["0 among −0", [0], -0],
    ["equal numbers", [2, 2], 1],
  ];
  it.each(fills)("%s: the reference's bits", (_, values, rest) => {
    for (const [kernel, padding] of [
      [3, 1],
      [3, 0],
      [2, 0],
    ]) {
      const window = normaliseWindow(2, kernel, { stride: 2, padding }, "maxPool2d");
      for (const width of [kernel, 6, 7, 9]) {
        const plane = 7 * width;
        // One channel for each place of the first value, those of the others follow at different distances.
        const x = Tensor.full([1, plane, 7, width], rest);
        for (let c = 0; c < plane; c++) values.forEach((v, i) => (x.data[c * plane + ((c + i * (c % 5)) % plane)] = v));
        const leaf = input("x", x);
        const [y, index] = [maxPoolOp, maxPoolIndexOp].map((op) => apply(op, [leaf], window));
        const expected = [y, index].map((v) => bits(referenceOf(v, [x])));
        for (const layout of ["plain", "blocked"] as const) {
          const site = (v: Value) => ({
            inputs: [{ type: x, layout }],
            output: { type: v, layout },
            attrs: window,
            target: { fma: false, fast: false, wide: false, threads: 1 },
          });
          const stored = (lowered: Lowered, ...types: Value[]): string[][] => {
            const prepared = prepare(
              lowered,
              [{ tensor: x, layout }],
              types.map((type) => ({ type, layout })),
            );
            prepared.run(2);
            return prepared.results().map(bits);
          };
          expect(stored(lowerMaxPool(site(y)), y)).toEqual([expected[0]]);
          expect(stored(lowerMaxPoolIndex(site(index)), index)).toEqual([expected[1]]);
          expect(stored(lowerMaxPoolWithIndex(window, x, y, layout), y, index)).toEqual(expected);
        }
      }
    }
  });
});

describe("elementwise work on what pooling stores", () => {
  const window = normaliseWindow(2, 3, { stride: 2, padding: 1 }, "maxPool2d");
  const large = [2, 11, 7, 9];
  const small = [2, 11, 4, 5];
  const pooled = (x: Value): Value => apply(maxPoolOp, [x], window);
  const unpooled = (dy: Value, x: Value): Value =>
    apply(maxUnpoolOp, [dy, maxPoolIndex(x, window)], { window, spatial: [7, 9] });
  const leafOf = (shape: readonly number[]): Value => input("", { shape, dtype: "float32" });
  const channels = leafOf([11, 1, 1]);
  const [x, dy, onLarge, onSmall] = [large, small, large, small].map(leafOf);
  it.each([
    ["maxPool+", relu(pooled(x))],
    ["maxPool+", add(mul(pooled(x), channels), onSmall)],
    ["maxPool+", where(gt(onSmall, 0), pooled(x), 0)],
    ["maxUnpool+", where(gt(onLarge, 0), unpooled(dy, x), 0)],
    ["maxUnpool+", add(mul(unpooled(dy, x), channels), onLarge)],
  ])("%s joins it and stores the same in every layout", (label, y) => {
    const tensors = new Map([x, dy, onLarge, onSmall, channels].map((v, i) => [v, fillTensor(v, i)]));
    const task = fuse([y]).find((t) => t.label.startsWith(label));
    expect(task?.outputs).toEqual([y]);
    const [expected, ...given] = evaluateValues([y, ...(task?.inputs ?? [])], tensors, "float32") as Tensor[];
    expect(task?.layouts.length).toBe(2);
    for (const layouts of task?.layouts ?? []) {
      const lowered = task?.lower(layouts, { fma: false, fast: true, wide: false, threads: 1 });
      const operands = given.map((tensor, i) => ({ tensor, layout: layouts.inputs[i] }));
      const prepared = prepare(lowered ?? { stages: [], temps: [] }, operands, [
        { type: y, layout: layouts.outputs[0] },
      ]);
      prepared.run(3);
      expectClose(prepared.results()[0], expected, 1e-6, label);
    }
  });
});

describe("known values (PyTorch)", () => {
  it("ceilMode keeps a last window only if it starts inside the input or the padding before it", () => {
    const size = (n: number, kernel: number, stride: number, padding: number, ceilMode: boolean): number[] =>
      pooledSize([n], normaliseWindow(1, kernel, { stride, padding, ceilMode }, "maxPool1d"), "maxPool1d");
    expect(size(7, 2, 2, 0, false)).toEqual([3]);
    expect(size(7, 2, 2, 0, true)).toEqual([4]);
    expect(size(7, 2, 3, 1, true)).toEqual([3]);
  });

  it("padding counts as −∞, and NaN is passed on", () => {
    const ones = Tensor.full([1, 1, 2, 2], -1);
    expect(run(ones, (x) => maxPool2d(x, 2, { padding: 1 })).toArray()).toEqual([
      [
        [
          [-1, -1],
          [-1, -1],
        ],
      ],
    ]);
    const nan = Tensor.from([[[1, Number.NaN, 3, 4]]]);
    expect(run(nan, (x) => maxPool1d(x, 2)).toArray()).toEqual([[[Number.NaN, 4]]]);
  });

  it("the first of equal values takes the gradient, and overlapping windows add up", () => {
    const x = Tensor.from([[[1, 1, 2, 2, 0]]]);
    const dx = run(x, (v) => grad(sum(maxPool1d(v, 2, { stride: 1 })), [v])[0]);
    expect(dx.toArray()).toEqual([[[1, 0, 2, 1, 0]]]);
  });

  it("average: padding is counted, an overhang is not", () => {
    const ones = Tensor.full([1, 1, 4, 4], 1);
    const means = (countIncludePad: boolean): number[] =>
      Array.from(
        run(ones, (x) => avgPool2d(x, 3, { stride: 2, padding: 1, ceilMode: true, countIncludePad })).data,
        (m) => Math.round(m * 1000) / 1000,
      );
    expect(means(true)).toEqual([0.444, 0.667, 0.333, 0.667, 1, 0.5, 0.333, 0.5, 0.25]);
    expect(means(false)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1]);
  });

  it("adaptive average takes windows of different sizes", () => {
    const x = Tensor.from([[[[0, 1, 2, 3, 4, 5, 6]]]]);
    expect(run(x, (v) => adaptiveAvgPool2d(v, [null, 3])).toArray()).toEqual([[[[1, 3, 5]]]]);
  });
});

describe("errors name what was given and what to do", () => {
  const x = input("x", { shape: [1, 8, 4, 4], dtype: "float32" });
  it.each([
    ["maxPool2d: padding [2, 2] must be at most half", () => maxPool2d(x, 3, { padding: 2 })],
    ["maxPool2d: the kernel spans 5 cells", () => maxPool2d(x, 5)],
    ["maxPool1d: x float32 [1, 8, 4, 4] has 4 dimensions; it must have 3 (N, C, W)", () => maxPool1d(x, 2)],
    ["maxPool2d: kernelSize is [2, 2, 2]", () => maxPool2d(x, [2, 2, 2])],
    ["maxPool2d: operand 0 is uint8", () => maxPool2d(input("u", { shape: [1, 8, 4, 4], dtype: "uint8" }), 2)],
    ["avgPool2d: divisorOverride is 0", () => avgPool2d(x, 2, { divisorOverride: 0 })],
    ["adaptiveAvgPool2d: outputSize is 0", () => adaptiveAvgPool2d(x, 0)],
    [
      "maxUnpool: index is int32",
      () => {
        const window = normaliseWindow(2, 2, {}, "maxPool2d");
        const small = { shape: [1, 8, 2, 2], dtype: "int32" } as const;
        return apply(maxUnpoolOp, [input("dy", { ...small, dtype: "float32" }), input("k", small)], {
          window,
          spatial: [4, 4],
        });
      },
    ],
  ])("%s", (message, build) => {
    expect(build).toThrow(message);
  });
});

it("counts taps", () => {
  expect(tapCount(normaliseWindow(3, [2, 3, 4], {}, "maxPool3d"))).toBe(24);
});
