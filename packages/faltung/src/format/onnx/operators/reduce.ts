/** Reductions, running sums and the largest few. */
import {
  abs,
  add,
  cast,
  div,
  eq,
  exp,
  ge,
  gt,
  log,
  logicalAnd,
  logicalOr,
  lt,
  mul,
  ne,
  sqrt,
  square,
  sub,
  where,
} from "../../../ops/elementwise/elementwise.ts";
import { type Value, constant } from "../../../ops/op.ts";
import { argmax, argmin, broadcastTo, max, mean, min, sum } from "../../../ops/reduce/reduce.ts";
import { type Range, concat, flip, pad, permute, reshape, slice } from "../../../ops/shape/shape.ts";
import { sizeOf } from "../../../tensor/shape.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { CARRIED } from "../dtype.ts";
import type { Operator, OnnxNode, Operators, Typed } from "../node.ts";
import { axesOf, axisOf, carrier, givenAxes, moveAxis, numbers, ramp } from "./helpers.ts";

type Reduction = (x: Value, axes: readonly number[], node: OnnxNode) => Value;

/** Keeps what a reduction over nothing must give: its neutral element. */
function filled(node: OnnxNode, shape: readonly number[], value: number): Value {
  return constant(Tensor.full(shape, value, carrier(node.type())));
}

/** ∏ x, by halves, as there is no product among the primitives. */
export function product(x: Value, axes: readonly number[]): Value {
  const kept = x.shape.flatMap((_, d) => (axes.includes(d) ? [] : [d]));
  const shape = x.shape.map((n, d) => (axes.includes(d) ? 1 : n));
  const outer = kept.map((d) => x.shape[d]);
  let y = reshape(permute(x, [...kept, ...axes]), [sizeOf(outer), sizeOf(axes.map((d) => x.shape[d]))]);
  if (y.shape[1] === 0) return constant(Tensor.full(shape, 1, x.dtype));
  while (y.shape[1] > 1) {
    const n = y.shape[1];
    const half = Math.floor(n / 2);
    const pairs = mul(slice(y, [[], [0, half]]), slice(y, [[], [half, 2 * half]]));
    y = n % 2 === 0 ? pairs : concat([pairs, slice(y, [[], [2 * half, n]])], 1);
  }
  return reshape(y, shape);
}

function logSumExp(x: Value, axes: readonly number[]): Value {
  const top = max(x, axes, true);
  // ∞ − ∞ is no number: where the largest is infinite, it is the result.
  const finite = where(ge(abs(top), Infinity), 0, top);
  return add(log(sum(exp(sub(x, finite)), axes, true)), finite);
}

function extreme(of: typeof max, empty: (node: OnnxNode) => number): Reduction {
  return (x, axes, node) => {
    const nothing = axes.some((d) => x.shape[d] === 0);
    return nothing
      ? filled(
          node,
          x.shape.map((n, d) => (axes.includes(d) ? 1 : n)),
          empty(node),
        )
      : of(x, axes, true);
  };
}

const REDUCTIONS: Readonly<Record<string, Reduction>> = {
  ReduceSum: (x, axes) => sum(x, axes, true),
  ReduceMean: (x, axes) => mean(x, axes, true),
  ReduceMax: extreme(max, (n) => CARRIED[n.type()].range?.[0] ?? -Infinity),
  ReduceMin: extreme(min, (n) => CARRIED[n.type()].range?.[1] ?? Infinity),
  ReduceL1: (x, axes) => sum(abs(x), axes, true),
  ReduceL2: (x, axes) => sqrt(cast(sum(square(x), axes, true), "float32")),
  ReduceSumSquare: (x, axes) => sum(square(x), axes, true),
  ReduceLogSum: (x, axes) => log(sum(x, axes, true)),
  ReduceLogSumExp: (x, axes) => (axes.some((d) => x.shape[d] === 0) ? log(sum(x, axes, true)) : logSumExp(x, axes)),
  ReduceProd: product,
};

function reduction(reduce: Reduction): Operator {
  return {
    needs: [1],
    build(node): Typed {
      const x = node.value(0);
      const rank = x.shape.length;
      const given = givenAxes(node, 1);
      const type = node.type();
      const none = given === undefined || given.length === 0;
      // Without axes: all of them, or none at all. "None" still applies what goes with the sum, a square for instance.
      const keeps = none && node.int("noop_with_empty_axes", 0) !== 0;
      const axes = keeps ? [] : none ? x.shape.map((_, d) => d) : axesOf(node, given, rank).sort((a, b) => a - b);
      const y = cast(reduce(x, axes, node), carrier(type)); // float means of whole numbers are cut off
      const keep = node.int("keepdims", 1) !== 0;
      return {
        type,
        value: keep
          ? y
          : reshape(
              y,
              x.shape.filter((_, d) => !axes.includes(d)),
            ),
      };
    },
  };
}

function arg(of: typeof argmax): Operator {
  return {
    build(node): Typed {
      const x = node.value(0);
      const axis = axisOf(node, node.int("axis", 0), x.shape.length);
      const keep = node.int("keepdims", 1) !== 0;
      const last = node.int("select_last_index", 0) !== 0;
      const value = last ? sub(x.shape[axis] - 1, of(flip(x, [axis]), axis, keep)) : of(x, axis, keep);
      return { type: "int64", value };
    },
  };
}

/** Sums of the first i elements: each round adds what lies twice as far away, log₂ n rounds in all. */
const cumulativeSum: Operator = {
  needs: [1],
  build(node) {
    const x = node.value(0);
    const axis = axisOf(node, node.numbers(1)[0], x.shape.length);
    const n = x.shape[axis];
    const reverse = node.int("reverse", 0) !== 0;
    const shifted = (v: Value, by: number): Value => {
      const kept: Range[] = v.shape.map((_, d) => (d === axis ? [0, Math.max(n - by, 0)] : []));
      const padding = v.shape.flatMap((_, d) => (d === axis ? [Math.min(by, n), 0] : [0, 0]));
      return pad(slice(v, kept), pairsReversed(padding));
    };
    let y = reverse ? flip(x, [axis]) : x;
    if (node.int("exclusive", 0) !== 0) y = shifted(y, 1);
    for (let by = 1; by < n; by *= 2) y = add(y, shifted(y, by));
    return { type: node.type(), value: reverse ? flip(y, [axis]) : y };
  },
};

/** Pairs in the order of dimensions, as `pad` takes them: last dimension first. */
function pairsReversed(pairs: readonly number[]): number[] {
  const out: number[] = [];
  for (let d = pairs.length / 2 - 1; d >= 0; d--) out.push(pairs[2 * d], pairs[2 * d + 1]);
  return out;
}

/** Up to so many, one after the other is cheaper than sorting all. */
const FEW = 16;

interface Ranked {
  readonly values: Value;
  readonly indices: Value;
}

/** The k largest, one after the other: each round takes the largest and puts −∞ in its place. */
function rankedByRounds(x: Value, axis: number, k: number, largest: boolean): Ranked {
  const places = ramp(x.shape[axis], axis, x.shape.length);
  const values: Value[] = [];
  const indices: Value[] = [];
  let rest = x;
  for (let i = 0; i < k; i++) {
    const index = (largest ? argmax : argmin)(rest, axis, true);
    values.push((largest ? max : min)(rest, axis, true));
    indices.push(index);
    if (i + 1 < k) rest = where(eq(places, index), largest ? -Infinity : Infinity, rest);
  }
  return { values: concat(values, axis), indices: concat(indices, axis) };
}

/**
 * All in order, by Batcher's bitonic network (1968): log² n steps, in each of which every element is compared with one
 * other. Of equal ones the first comes first.
 * @param x [rows, n]
 */
function sortedRows(x: Value, largest: boolean): Ranked {
  const [rows, n] = x.shape;
  const size = 2 ** Math.ceil(Math.log2(Math.max(n, 1)));
  let values = pad(x, [0, size - n], { value: largest ? -Infinity : Infinity });
  let indices = broadcastTo(ramp(size, 1, 2), [rows, size]);
  for (let run = 2; run <= size; run *= 2) {
    for (let apart = run / 2; apart >= 1; apart /= 2) {
      const groups = size / (2 * apart);
      const half = (v: Value, i: 0 | 1): Value => slice(reshape(v, [rows, groups, 2, apart]), [[], [], [i, i + 1]]);
      const [a, b, indexA, indexB] = [half(values, 0), half(values, 1), half(indices, 0), half(indices, 1)];
      const before = logicalOr((largest ? gt : lt)(a, b), logicalAnd(eq(a, b), lt(indexA, indexB)));
      // Runs are put in order one way and the other in turns, so that two together rise and fall.
      const straight = Array.from({ length: groups }, (_, g) => (Math.floor((g * 2 * apart) / run) % 2 === 0 ? 1 : 0));
      const swap = ne(before, numbers(straight, [1, groups, 1, 1], "uint8"));
      const exchanged = (p: Value, q: Value): Value =>
        reshape(concat([where(swap, q, p), where(swap, p, q)], 2), [rows, size]);
      values = exchanged(a, b);
      indices = exchanged(indexA, indexB);
    }
  }
  return { values, indices };
}

function rankedBySorting(x: Value, axis: number, k: number, largest: boolean): Ranked {
  const last = x.shape.length - 1;
  const rows = moveAxis(x, axis, last);
  const sorted = sortedRows(reshape(rows, [sizeOf(rows.shape.slice(0, last)), x.shape[axis]]), largest);
  const back = (v: Value): Value =>
    moveAxis(reshape(slice(v, [[], [0, k]]), [...rows.shape.slice(0, last), k]), last, axis);
  return { values: back(sorted.values), indices: back(sorted.indices) };
}

const topK: Operator = {
  needs: [1],
  build(node) {
    const type = node.type();
    const x = cast(node.value(0), "float32");
    const axis = axisOf(node, node.int("axis", -1), x.shape.length);
    const k = node.opset < 10 ? node.int("k") : node.numbers(1)[0];
    const largest = node.int("largest", 1) !== 0;
    if (k > x.shape[axis] || k < 0) node.fail(`k is ${k}, but there are ${x.shape[axis]} elements along axis ${axis}.`);
    if (k === 0) node.unsupported("k is 0");
    const { values, indices } = (k <= FEW ? rankedByRounds : rankedBySorting)(x, axis, k, largest);
    return [
      { type, value: cast(values, carrier(type)) },
      { type: "int64", value: indices },
    ];
  },
};

/** 1 where the largest element is, the first of equal ones, 0 elsewhere. */
const hardmax: Operator = {
  build(node) {
    const x = node.value(0);
    const axis = axisOf(node, node.int("axis", node.opset < 13 ? 1 : -1), x.shape.length);
    const flat = node.opset < 13 ? reshape(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]) : x;
    const at = node.opset < 13 ? 1 : axis;
    const places = ramp(flat.shape[at], at, flat.shape.length);
    return reshape(cast(eq(places, argmax(flat, at, true)), "float32"), x.shape);
  },
};

/** (Σ|x|ᵖ)^(1/p) along an axis. */
function norm(x: Value, axes: readonly number[], p: number): Value {
  if (p === 1) return sum(abs(x), axes, true);
  return sqrt(sum(square(x), axes, true));
}

const lpNormalization: Operator = {
  build(node) {
    const x = node.value(0);
    const p = node.int("p", 2);
    if (p !== 1 && p !== 2) node.fail(`p is ${p}; it must be 1 or 2.`);
    const size = norm(x, [axisOf(node, node.int("axis", -1), x.shape.length)], p);
    return where(eq(size, 0), 0, div(x, size));
  },
};

export const reduceOperators: Operators = {
  ...Object.fromEntries(Object.entries(REDUCTIONS).map(([name, reduce]) => [name, reduction(reduce)])),
  ArgMax: arg(argmax),
  ArgMin: arg(argmin),
  CumSum: cumulativeSum,
  TopK: topK,
  Hardmax: hardmax,
  LpNormalization: lpNormalization,
};
