import type { Target } from "../op.ts";
import { describe, expect, test } from "vitest";
import { wasmFeatures } from "../../wasm/index.ts";
import { type Direction, type Problem, prepare, relativeError, testTarget } from "./testing.ts";

const problems: Readonly<Record<string, Problem>> = {
  "3×3": { batch: 2, channels: 8, outChannels: 16, input: [9, 7], kernel: [3, 3], padding: [1, 1] },
  "odd channels": { batch: 2, channels: 13, outChannels: 11, input: [5, 14], kernel: [3, 3], padding: [1, 1] },
  "first layer": {
    batch: 3,
    channels: 3,
    outChannels: 16,
    input: [15, 13],
    kernel: [7, 7],
    padding: [3, 3],
    stride: [2, 2],
  },
  "first layer, dilated": {
    batch: 2,
    channels: 1,
    outChannels: 9,
    input: [12, 13],
    kernel: [3, 4],
    padding: [1, 2],
    dilation: [2, 1],
  },
  "1×1": { batch: 2, channels: 16, outChannels: 24, input: [6, 5], kernel: [1, 1] },
  strided: { batch: 2, channels: 16, outChannels: 8, input: [11, 10], kernel: [3, 3], padding: [1, 1], stride: [2, 2] },
  dilated: {
    batch: 1,
    channels: 8,
    outChannels: 8,
    input: [12, 13],
    kernel: [3, 2],
    padding: [2, 3],
    dilation: [2, 3],
    stride: [1, 2],
  },
  "more padding than kernel": { batch: 1, channels: 2, outChannels: 3, input: [4, 3], kernel: [3, 2], padding: [4, 5] },
  "larger stride than kernel": {
    batch: 1,
    channels: 8,
    outChannels: 8,
    input: [10, 11],
    kernel: [2, 1],
    stride: [3, 4],
  },
  "one dimension": { batch: 2, channels: 9, outChannels: 10, input: [33], kernel: [5], padding: [2] },
  "three dimensions": {
    batch: 1,
    channels: 8,
    outChannels: 8,
    input: [4, 5, 6],
    kernel: [3, 3, 3],
    padding: [1, 1, 1],
    stride: [1, 2, 1],
  },
  depthwise: { batch: 2, channels: 20, outChannels: 20, input: [9, 29], kernel: [3, 5], padding: [1, 2], groups: 20 },
  "strided depthwise": {
    batch: 1,
    channels: 16,
    outChannels: 16,
    input: [9, 11],
    kernel: [3, 3],
    padding: [1, 1],
    stride: [2, 2],
    groups: 16,
  },
  "narrow groups": { batch: 2, channels: 6, outChannels: 9, input: [7, 9], kernel: [3, 3], padding: [1, 1], groups: 3 },
  "channel multiplier": {
    batch: 2,
    channels: 4,
    outChannels: 8,
    input: [7, 9],
    kernel: [3, 3],
    stride: [2, 2],
    groups: 4,
  },
  "long kernel": { batch: 1, channels: 2, outChannels: 3, input: [50], kernel: [17], padding: [8] },
  "wide groups": { batch: 1, channels: 32, outChannels: 16, input: [6, 6], kernel: [3, 3], padding: [1, 1], groups: 2 },
};

const directions: readonly Direction[] = ["conv", "convTranspose", "convWeightGrad"];

describe.each(directions)("%s by its kernels is the reference's", (direction) => {
  test.each(Object.entries(problems))("%s", (_, problem) => {
    const { harness, result, truth } = prepare(direction, problem);
    harness.run();
    const got = result();
    expect(relativeError(got, truth())).toBeLessThan(2e-6);
    for (const pieces of [2, 5]) {
      harness.view("output", 0).fill(NaN);
      harness.run(pieces);
      expect(result()).toEqual(got);
    }
  });
});

describe("work cut for more threads gives the same bits", () => {
  const flat: Problem = { batch: 1, channels: 24, outChannels: 20, input: [14, 15], kernel: [1, 1] };
  test.each(Object.entries({ "1×1, one long row": flat, "3×3": problems["3×3"], depthwise: problems["depthwise"] }))(
    "%s",
    (_, problem) => {
      for (const fma of wasmFeatures().relaxedSimd ? [false, true] : [false]) {
        const [one, ...more] = [1, 2, 3, 16].map((threads) => {
          const { harness, result } = prepare("conv", problem, { ...testTarget, fma, threads });
          harness.run(threads);
          return result();
        });
        for (const other of more) expect(other).toEqual(one);
      }
    },
  );
});

const winogradProblems: Readonly<Record<string, Problem>> = {
  "flat, for F(2×2)": { batch: 2, channels: 17, outChannels: 18, input: [2, 6], kernel: [3, 3], padding: [1, 1] },
  "whole tiles": { batch: 2, channels: 16, outChannels: 24, input: [8, 12], kernel: [3, 3], padding: [1, 1] },
  "tiles that stick out": { batch: 3, channels: 19, outChannels: 21, input: [7, 9], kernel: [3, 3], padding: [1, 1] },
  "no padding": { batch: 1, channels: 16, outChannels: 16, input: [11, 14], kernel: [3, 3] },
  "much padding": { batch: 1, channels: 17, outChannels: 16, input: [5, 4], kernel: [3, 3], padding: [4, 3] },
  "few tiles": { batch: 1, channels: 72, outChannels: 64, input: [7, 9], kernel: [3, 3], padding: [1, 1] },
  "few tiles, odd channels": {
    batch: 2,
    channels: 72,
    outChannels: 61,
    input: [6, 5],
    kernel: [3, 3],
    padding: [1, 1],
  },
  "whole tiles of six": { batch: 2, channels: 16, outChannels: 24, input: [12, 18], kernel: [3, 3], padding: [1, 1] },
  "tiles of six, and strips": {
    batch: 2,
    channels: 17,
    outChannels: 21,
    input: [14, 28],
    kernel: [3, 3],
    padding: [1, 1],
  },
  "tiles of six, and a strip below": { batch: 1, channels: 16, outChannels: 16, input: [18, 14], kernel: [3, 3] },
  "tiles of six that stick out": {
    batch: 3,
    channels: 19,
    outChannels: 18,
    input: [10, 22],
    kernel: [3, 3],
    padding: [1, 1],
  },
  "few tiles of six": { batch: 1, channels: 96, outChannels: 72, input: [12, 14], kernel: [3, 3], padding: [1, 1] },
  "a whole image, 4 + 3 by 6 + 4 + 4": {
    batch: 1,
    channels: 96,
    outChannels: 72,
    input: [7, 14],
    kernel: [3, 3],
    padding: [1, 1],
  },
  "a whole image, one tile that sticks out by 6 + 4": {
    batch: 1,
    channels: 96,
    outChannels: 72,
    input: [3, 10],
    kernel: [3, 3],
    padding: [1, 1],
  },
  "few tiles, for F(2×2)": { batch: 1, channels: 96, outChannels: 96, input: [2, 6], kernel: [3, 3], padding: [1, 1] },
};

describe("a first layer of stride 2, as phases by Winograd's algorithm", () => {
  const first = { batch: 2, channels: 3, outChannels: 24, stride: [2, 2] };
  const layers: Readonly<Record<string, Problem>> = {
    "7×7": { ...first, input: [31, 42], kernel: [7, 7], padding: [3, 3] },
    "7×7, without padding, odd channels": { ...first, outChannels: 21, input: [40, 29], kernel: [7, 7] },
    "8×7, much padding": { ...first, channels: 4, input: [17, 24], kernel: [8, 7], padding: [7, 6] },
    "5×6, one channel": { ...first, channels: 1, input: [26, 33], kernel: [5, 6], padding: [2, 1] },
    "2×3 cells": { ...first, input: [7, 9], kernel: [7, 7], padding: [1, 1] },
  };
  test.each(Object.entries(layers))("%s", (_, problem) => {
    const target = { ...testTarget, fast: true, choose: () => (problem.kernel[0] > 6 ? "winograd5" : "winograd4") };
    const { harness, lowered, result, truth } = prepare("conv", problem, target);
    expect(lowered.stages.map(({ label }) => label)).toContain("phases");
    harness.run();
    const got = result();
    expect(relativeError(got, truth())).toBeLessThan(2e-5);
    const other = prepare("conv", problem, { ...target, threads: 3 });
    other.harness.run(3);
    expect(other.result()).toEqual(got);
  });

  test("is what a ResNet's is taken for", () => {
    const stem: Problem = { batch: 1, channels: 3, outChannels: 64, input: [64, 64], kernel: [7, 7], stride: [2, 2] };
    const labels = (fast: boolean): string[] =>
      prepare("conv", stem, { ...testTarget, fast }).lowered.stages.map(({ label }) => label);
    expect(labels(true)).toContain("phases");
    expect(labels(false)).not.toContain("phases");
  });
});

test.each([
  ["many tiles' weights are transformed once", "whole tiles", true],
  ["few tiles' weights by the work item itself", "few tiles", false],
])("%s", (_, name, once) => {
  for (const direction of ["conv", "convTranspose"] as const) {
    const { lowered } = prepare(direction, winogradProblems[name], { ...testTarget, fast: true });
    expect(lowered.stages.some(({ label }) => label === "transform weights")).toBe(once);
  }
});

/** The sizes of Winograd's algorithm that can do it, as algorithms. */
function winogradsFor(direction: Direction, problem: Problem): readonly string[] {
  let offered: readonly string[] = [];
  const choose: Target["choose"] = ({ algorithms, usual }) => {
    offered = algorithms;
    return usual;
  };
  prepare(direction, problem, { ...testTarget, fast: true, choose });
  return offered.filter((algorithm) => algorithm !== "direct");
}

describe.each(directions)("%s by Winograd's algorithm", (direction) => {
  test.each(Object.entries(winogradProblems))("%s", (_, problem) => {
    const algorithms = winogradsFor(direction, problem);
    expect(algorithms).toContain("winograd4");
    for (const algorithm of algorithms) {
      const size = algorithm.slice(-1);
      const target: Target = { ...testTarget, fast: true, choose: () => algorithm };
      const { harness, lowered, result, truth } = prepare(direction, problem, target);
      expect(lowered.stages.some((s) => s.label.includes(`winograd F(${size}×${size})`))).toBe(true);
      harness.run();
      const got = result();
      expect(relativeError(got, truth()), algorithm).toBeLessThan(size === "6" ? 4e-5 : 2e-5);
      for (const threads of [3, 64]) {
        const other = prepare(direction, problem, { ...target, threads });
        other.harness.run(threads);
        expect(other.result()).toEqual(got);
      }
    }
  });

  test("tiles of six are taken where they save products, for their own part of the image", () => {
    const labels = (cells: number): readonly string[] => {
      const problem: Problem = {
        batch: 64,
        channels: 32,
        outChannels: 64,
        input: [cells, cells],
        kernel: [3, 3],
        padding: [1, 1],
      };
      const { lowered } = prepare(direction, problem, { ...testTarget, fast: true });
      return lowered.stages.flatMap(({ label }) => label.match(/F\(\d×\d\)/) ?? []);
    };
    expect(labels(24)).toEqual(["F(6×6)"]);
    expect(labels(28)).toEqual(["F(6×6)", "F(4×4)"]);
    expect(labels(8)).toEqual(["F(4×4)"]);
    expect(labels(1)).toEqual([]);
  });
});
