import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fillTensor } from "../../../test/fill.ts";
import { expectKernels, referenceOf } from "../../../test/layouts.ts";
import { evaluate } from "../../compile/evaluate.ts";
import { trace } from "../../compile/trace.ts";
import type { DType } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { type Value, apply, input } from "../op.ts";
import { type AxisMap, axisTaps, mapOutput } from "./axisMap.ts";
import { concatOp } from "./concat.op.ts";
import { flip } from "./flip.op.ts";
import { interpolate } from "./interpolate.op.ts";
import { oneHot } from "./oneHot.ts";
import { pad } from "./pad.op.ts";
import { permute, transpose } from "./permute.op.ts";
import { flatten, reshape, squeeze, unsqueeze } from "./reshape.op.ts";
import { placeOp, slice, sliceOp, split } from "./slice.op.ts";
import { spatialMap } from "./spatialMap.op.ts";

const runs = { numRuns: 25 };
const dtypes = fc.constantFrom<DType>("float32", "int32", "uint8");
const shapes = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 5 }).map((s) => shrink(s));

/** Not more than some thousand elements. */
function shrink(shape: readonly number[]): number[] {
  let room = 4000;
  return shape.map((n) => {
    const kept = Math.min(n, Math.max(room, 1));
    room = Math.floor(room / Math.max(kept, 1));
    return kept;
  });
}

function leaf(shape: readonly number[], dtype: DType = "float32"): { value: Value; tensor: Tensor } {
  const tensor = fillTensor({ shape, dtype, fill: { kind: "integers", below: 256 } }, 1);
  return { value: input("x", { shape, dtype }), tensor };
}

/** Whatever moves numbers without computing must give the same bits in every layout. */
function check(move: (x: Value) => Value, shape: readonly number[], dtype: DType): void {
  const { value, tensor } = leaf(shape, dtype);
  const y = move(value);
  if (y !== value) expectKernels(y, [tensor]);
}

function value(tensor: Tensor, fn: (x: Value) => Value): Tensor {
  return evaluate(
    trace(({ x }) => ({ y: fn(x) }), { x: tensor }),
    { x: tensor },
  ).outputs.y;
}

describe("kernels that move data", () => {
  it("permute", () => {
    const cases = shapes.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        axes: fc.shuffledSubarray(
          shape.map((_, i) => i),
          { minLength: shape.length },
        ),
        dtype: dtypes,
      }),
    );
    fc.assert(
      fc.property(cases, ({ shape, axes, dtype }) => check((x) => permute(x, axes), shape, dtype)),
      runs,
    );
  });

  it("transpose of large matrices", () => {
    for (const shape of [
      [4, 4],
      [5, 37],
      [64, 100],
      [33, 16],
      [1, 50],
      [3, 70],
    ]) {
      check((x) => transpose(x), shape, "float32");
      check((x) => transpose(x), [3, ...shape], "int32");
    }
  });

  it("slice and place", () => {
    const axis = fc.record({
      size: fc.integer({ min: 1, max: 20 }),
      a: fc.nat(20),
      n: fc.nat(20),
      step: fc.constantFrom(1, 1, 1, 2, 3),
    });
    const cases = fc.record({
      axes: fc.array(axis, { minLength: 1, maxLength: 4 }),
      eights: fc.boolean(),
      dtype: dtypes,
    });
    fc.assert(
      fc.property(cases, ({ axes, eights, dtype }) => {
        const whole = shrink(axes.map((a) => a.size));
        const start = axes.map((a, d) => (eights && d === 1 ? 8 * (a.a % 2) : a.a % whole[d]));
        const step = axes.map((a, d) => (eights && d === 1 ? 1 : a.step));
        const part = axes.map((a, d) => Math.min(a.n, Math.max(0, Math.ceil((whole[d] - start[d]) / step[d]))));
        const attrs = { start, step, part, whole };
        check((x) => apply(sliceOp, [x], attrs), whole, dtype);
        check((x) => apply(placeOp, [x], attrs), part, dtype);
      }),
      { numRuns: 60 },
    );
  });

  it("slice in the blocked layout", () => {
    const { value: x, tensor } = leaf([2, 20, 5, 6]);
    expect(expectKernels(slice(x, [[1], [8, 19], [0, 5, 2], [2]]), [tensor])).toBe(2);
    expect(expectKernels(slice(x, [[], [4, 12]]), [tensor])).toBe(1);
    const inner = { start: [0, 8, 1, 0], step: [1, 1, 1, 2], part: [2, 20, 5, 6], whole: [2, 32, 7, 12] };
    expect(expectKernels(apply(placeOp, [x], inner), [tensor])).toBe(1); // lanes 20 to 23 would overwrite zeros
    expect(expectKernels(apply(placeOp, [x], { ...inner, whole: [2, 28, 7, 12] }), [tensor])).toBe(2);
  });

  it("concat", () => {
    const cases = fc.record({
      shape: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
      axis: fc.nat(3),
      sizes: fc.array(fc.constantFrom(0, 1, 3, 8, 16), { minLength: 1, maxLength: 4 }),
      dtype: dtypes,
    });
    fc.assert(
      fc.property(cases, ({ shape, axis: a, sizes, dtype }) => {
        const axis = a % shape.length;
        const parts = sizes.map((n) =>
          leaf(
            shape.map((d, i) => (i === axis ? n : d)),
            dtype,
          ),
        );
        expectKernels(
          apply(
            concatOp,
            parts.map((p) => p.value),
            { axis },
          ),
          parts.map((p) => p.tensor),
        );
      }),
      runs,
    );
  });

  it("pad and crop", () => {
    const cases = fc.record({
      shape: fc.array(fc.integer({ min: 0, max: 17 }), { minLength: 1, maxLength: 4 }),
      sides: fc.array(fc.integer({ min: -3, max: 8 }), { minLength: 8, maxLength: 8 }),
      value: fc.integer({ min: 0, max: 9 }),
      dtype: dtypes,
    });
    fc.assert(
      fc.property(cases, ({ shape: large, sides, value: fill, dtype }) => {
        const shape = shrink(large);
        const padding = sides.slice(0, 2 * shape.length).map((p, i) => {
          const size = shape[shape.length - 1 - (i >> 1)];
          return Math.max(p, -Math.floor(size / 2));
        });
        check((x) => pad(x, padding, { value: fill }), shape, dtype);
      }),
      { numRuns: 60 },
    );
  });

  it("flip", () => {
    const cases = fc.record({ shape: shapes, mask: fc.nat(31), dtype: dtypes });
    fc.assert(
      fc.property(cases, ({ shape, mask, dtype }) => {
        check(
          (x) =>
            flip(
              x,
              shape.map((_, d) => d).filter((d) => (mask >> d) & 1),
            ),
          shape,
          dtype,
        );
      }),
      runs,
    );
  });

  it("runs longer than a work item", () => {
    check((x) => slice(x, [[1, 30001]]), [40000], "float32");
    check((x) => pad(x, [3, 5]), [30000], "uint8");
    check((x) => flip(x, [0]), [10007], "float32");
  });
});

describe("spatialMap", () => {
  const axis = fc.integer({ min: 1, max: 9 }).chain((input_): fc.Arbitrary<AxisMap> => {
    const output = fc.integer({ min: 1, max: 12 });
    return fc.oneof(
      fc.constant<AxisMap>({ kind: "identity", input: input_ }),
      output.map((o): AxisMap => ({ kind: "adaptive", input: input_, output: o })),
      output.map((o): AxisMap => ({
        kind: "nearest",
        input: input_,
        output: o,
        scale: input_ / o,
        center: o % 2 === 0,
      })),
      output.map((o): AxisMap => ({
        kind: "linear",
        input: input_,
        output: o,
        scale: input_ / o,
        alignCorners: o % 2 === 0,
      })),
      fc
        .record({ begin: fc.integer({ min: 0, max: input_ - 1 }), end: fc.integer({ min: 0, max: input_ - 1 }) })
        .map((p): AxisMap => ({ kind: "border", input: input_, ...p, mode: "reflect" })),
      fc.integer({ min: 1, max: input_ }).map((k): AxisMap => {
        const stride = 1 + (k % 3);
        return {
          kind: "window",
          input: input_,
          output: Math.floor((input_ - k) / stride) + 1,
          kernel: k,
          stride,
          begin: 0,
          end: 0,
          divisor: "inside",
        };
      }),
    );
  });

  it("kernels agree with the loops, both ways and in both layouts", () => {
    const cases = fc.record({
      maps: fc.array(axis, { minLength: 1, maxLength: 3 }),
      channels: fc.integer({ min: 1, max: 17 }),
      transposed: fc.boolean(),
    });
    fc.assert(
      fc.property(cases, ({ maps, channels, transposed }) => {
        const shape = [2, channels, ...maps.map((m) => (transposed ? mapOutput(m) : m.input))];
        const tensor = fillTensor({ shape }, 3);
        expect(expectKernels(spatialMap(input("x", tensor), maps, transposed), [tensor], 1e-5)).toBe(2);
      }),
      { numRuns: 60 },
    );
  });

  it("is transposed exactly: ⟨Mx, y⟩ = ⟨x, Mᵀy⟩", () => {
    fc.assert(
      fc.property(axis, (map) => {
        const forward = axisTaps(map);
        const back = axisTaps(map, true);
        const entries = (terms: typeof forward, swap: boolean): string[] =>
          terms
            .flatMap((taps, o) => taps.map((t) => `${swap ? `${t.index},${o}` : `${o},${t.index}`}: ${t.weight}`))
            .sort();
        expect(entries(back, true)).toEqual(entries(forward, false));
      }),
      runs,
    );
  });
});

describe("known values", () => {
  it("bilinear, half-pixel and aligned corners (PyTorch)", () => {
    const x = Tensor.from([[[0, 1]]]);
    const up = (alignCorners: boolean): unknown =>
      Array.from(
        value(x, (v) => interpolate(v, { scaleFactor: 2, mode: "linear", alignCorners })).data,
        (n) => Math.round(n * 1000) / 1000,
      );
    expect(up(false)).toEqual([0, 0.25, 0.75, 1]);
    expect(up(true)).toEqual([0, 0.333, 0.667, 1]);
  });

  it("padding modes", () => {
    const x = Tensor.from([[[1, 2, 3, 4]]]);
    const padded = (mode: "reflect" | "replicate" | "circular"): number[] => [
      ...value(x, (v) => pad(v, [2, 3], { mode })).data,
    ];
    expect(padded("reflect")).toEqual([3, 2, 1, 2, 3, 4, 3, 2, 1]);
    expect(padded("replicate")).toEqual([1, 1, 1, 2, 3, 4, 4, 4, 4]);
    expect(padded("circular")).toEqual([3, 4, 1, 2, 3, 4, 1, 2, 3]);
  });

  it("slices count like Python", () => {
    const x = Tensor.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const part = (...r: (number | undefined)[]): number[] => [...value(x, (v) => slice(v, [[r[0], r[1], r[2]]])).data];
    expect(part(2, 5)).toEqual([2, 3, 4]);
    expect(part(-3)).toEqual([7, 8, 9]);
    expect(part(undefined, -8)).toEqual([0, 1]);
    expect(part(1, 100, 4)).toEqual([1, 5, 9]);
    expect(part(7, 2)).toEqual([]);
  });

  it("labels outside of the classes give zeros", () => {
    const labels = Tensor.from([1, -1, 3], "int32");
    expect(value(labels, (v) => oneHot(v, 3)).toArray()).toEqual([
      [0, 1, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it("shapes", () => {
    const x = input("x", { shape: [2, 1, 3, 1], dtype: "float32" });
    expect(squeeze(x).shape).toEqual([2, 3]);
    expect(squeeze(x, 0)).toBe(x);
    expect(unsqueeze(x, -1).shape).toEqual([2, 1, 3, 1, 1]);
    expect(flatten(x).shape).toEqual([6]);
    expect(flatten(x, 1, 2).shape).toEqual([2, 3, 1]);
    expect(reshape(x, [-1, 2]).shape).toEqual([3, 2]);
    expect(split(x, [1, 2], 2).map((v) => v.shape[2])).toEqual([1, 2]);
  });
});

describe("errors name what was given and what to do", () => {
  const x = input("x", { shape: [2, 3, 4, 5], dtype: "float32" });
  it.each([
    ["reshape: float32 [2, 3, 4, 5] has 120 elements, [7, 7] has 49", () => reshape(x, [7, 7])],
    ["reshape: the −1 in [7, -1] has no value", () => reshape(x, [7, -1])],
    ["permute: axes [0, 0, 1, 2]", () => permute(x, [0, 0, 1, 2])],
    ["slice: range 0 is [0, 2, 0]", () => slice(x, [[0, 2, 0]])],
    ["split: sizes [1, 1] must add up to 3", () => split(x, [1, 1], 1)],
    ["pad: mode reflect cannot add [5, 0] cells to axis 3", () => pad(x, [5, 0], { mode: "reflect" })],
    ["pad: padding is [1]", () => pad(x, [1])],
    ["flip: axes [0, -4] name one dimension twice", () => flip(x, [0, -4])],
    ["interpolate: give either size or scaleFactor", () => interpolate(x, {})],
    ["Use bilinear", () => interpolate(x, { scaleFactor: 2, mode: "linear" })],
    ["oneHot: labels are float32", () => oneHot(x, 3)],
  ])("%s", (message, build) => {
    expect(build).toThrow(message);
  });
});

it("the reference itself moves what it should: a permuted tensor read at permuted places", () => {
  const { value: x, tensor } = leaf([2, 3, 4]);
  const y = referenceOf(permute(x, [2, 0, 1]), [tensor]);
  for (let i = 0; i < 2; i++)
    for (let j = 0; j < 3; j++) for (let k = 0; k < 4; k++) expect(y.at(k, i, j)).toBe(tensor.at(i, j, k));
});
