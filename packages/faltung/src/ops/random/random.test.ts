import { describe, expect, it } from "vitest";
import { expectKernels } from "../../../test/layouts.ts";
import { grad } from "../../compile/differentiate.ts";
import { evaluate } from "../../compile/evaluate.ts";
import { trace } from "../../compile/trace.ts";
import { counterUniform, pcgHash } from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { type Value, input } from "../op.ts";
import { sum } from "../reduce/reduce.ts";
import { dropout, dropout2d } from "./dropout.ts";
import { randomUniform } from "./random.op.ts";

const seedType = { shape: [], dtype: "int32" } as const;

function draw(shape: readonly number[], seed: number, stream: number): Tensor {
  return evaluate(
    trace(({ s }) => ({ y: randomUniform(shape, s, stream) }), { s: seedType }),
    { s: Tensor.scalar(seed, "int32") },
  ).outputs.y;
}

describe("randomUniform", () => {
  it("has the reference's bits in every layout", () => {
    for (const shape of [[3000], [2, 10, 3, 5], [1, 8, 7], [2, 3], [0, 4], [3, 17, 2, 2, 2]]) {
      for (const seed of [0, 1, -1, 0x7fffffff, 123456789]) {
        expectKernels(randomUniform(shape, input("s", seedType), seed & 7), [Tensor.scalar(seed, "int32")]);
      }
    }
  });

  it("is the documented generator", () => {
    const y = draw([4], 99, 5);
    expect([...y.data]).toEqual([0, 1, 2, 3].map((i) => counterUniform(99 ^ pcgHash(5), i)));
  });

  it("is uniform, and different for each seed and stream", () => {
    const a = draw([10000], 1, 0);
    let mean = 0;
    const bins = new Array<number>(10).fill(0);
    for (const x of a.data) {
      mean += x / a.size;
      bins[Math.floor(x * 10)]++;
    }
    expect(mean).toBeCloseTo(0.5, 1);
    for (const n of bins) expect(Math.abs(n - 1000)).toBeLessThan(150); // 5 standard deviations
    for (const other of [draw([10000], 2, 0), draw([10000], 1, 1)]) {
      expect(a.data.filter((x, i) => x === other.data[i]).length).toBeLessThan(10);
    }
  });

  it("refuses a seed that is not one int32", () => {
    expect(() => randomUniform([2], input("s", { shape: [1], dtype: "int32" }), 0)).toThrow("seed is int32 [1]");
    expect(() => randomUniform([2], 0, -1)).toThrow("stream is -1");
  });
});

describe("dropout", () => {
  const x = Tensor.full([100, 100], 2);
  const run = (fn: (x: Value) => Value): Tensor =>
    evaluate(
      trace((v) => ({ y: fn(v.x) }), { x }),
      { x },
    ).outputs.y;

  it("zeroes the fraction p and scales the rest up, gradient alike", () => {
    const y = run((v) => dropout(v, 0.25, 7, 0));
    const dropped = y.data.filter((v) => v === 0).length;
    expect(Math.abs(dropped - 2500)).toBeLessThan(220);
    expect(new Set(y.data)).toEqual(new Set([0, Math.fround(2 * Math.fround(1 / 0.75))]));
    const dx = run((v) => grad(sum(dropout(v, 0.25, 7, 0)), [v])[0]);
    expect(dx.data.every((d, i) => (d === 0) === (y.data[i] === 0))).toBe(true);
  });

  it("keeps everything at 0, nothing at 1, and refuses other numbers", () => {
    expect(run((v) => dropout(v, 0, 7, 0)).data.every((v) => v === 2)).toBe(true);
    expect(run((v) => dropout(v, 1, 7, 0)).data.every((v) => v === 0)).toBe(true);
    expect(() => dropout(x, 1.5, 7, 0)).toThrow("p is 1.5");
  });

  it("dropout2d drops whole channels", () => {
    const maps = Tensor.full([20, 10, 3, 3], 1);
    const y = evaluate(
      trace((v) => ({ y: dropout2d(v.x, 0.5, 3, 1) }), { x: maps }),
      { x: maps },
    ).outputs.y;
    let dropped = 0;
    for (let k = 0; k < 200; k++) {
      const channel = new Set(y.data.subarray(9 * k, 9 * k + 9));
      expect(channel.size).toBe(1);
      if (channel.has(0)) dropped++;
    }
    expect(Math.abs(dropped - 100)).toBeLessThan(36);
  });
});
