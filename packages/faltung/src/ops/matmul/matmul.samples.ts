/** Samples of matrix products: odd sizes, each way of transposing, broadcast batches, vectors, inner sizes large and 1. */
import type { Sample } from "../samples.ts";
import { linear, matmul } from "./matmul.ts";

function sample(a: readonly number[], b: readonly number[], transA = false, transB = false): Sample {
  const inner = a[transA ? Math.max(a.length - 2, 0) : a.length - 1];
  return {
    name: `matmul, ${a.join("×")}${transA ? "ᵀ" : ""} by ${b.join("×")}${transB ? "ᵀ" : ""}`,
    inputs: [{ shape: a }, { shape: b }],
    build: (x, y) => matmul(x, y, { transA, transB }),
    tolerance: 1e-5 * Math.sqrt(inner),
  };
}

function linearSample(x: readonly number[], out: number, bias: boolean): Sample {
  const features = x[x.length - 1];
  return {
    name: `linear, ${x.join("×")} to ${out}${bias ? ", bias" : ""}`,
    inputs: [{ shape: x }, { shape: [out, features] }, ...(bias ? [{ shape: [out] }] : [])],
    build: (xv, w, b) => linear(xv, w, b),
    tolerance: 1e-5 * Math.sqrt(features),
  };
}

export const samples: readonly Sample[] = [
  sample([5, 7], [7, 9]),
  sample([7, 5], [7, 9], true),
  sample([5, 7], [9, 7], false, true),
  sample([7, 5], [9, 7], true, true),
  sample([1, 33], [33, 1]),
  sample([6, 1], [1, 10]),
  sample([17, 24], [24, 40]),
  sample([4], [4]),
  sample([3, 4], [4]),
  sample([4], [2, 4, 3]),
  sample([2, 3, 4], [4, 5]),
  sample([2, 1, 3, 4], [3, 4, 5]),
  sample([3, 4, 2], [1, 5, 4], true, true),
  linearSample([4, 10], 6, true),
  linearSample([1, 37], 10, true),
  linearSample([2, 3, 8], 5, false),
  linearSample([12], 7, true),
];
