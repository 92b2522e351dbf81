/**
 * Operators whose result is as large as the numbers in it say. Programs have fixed sizes, so they are computed while
 * building: from constants and shapes, or from inputs of the network that are given as tensors. Behind a network
 * (non-maximum suppression of its boxes) they cannot be; the tensors before them can be asked for instead.
 */
import { type Shape, show, sizeOf, stridesOf } from "../../../tensor/shape.ts";
import type { Built, Operator, OnnxNode, Operators } from "../node.ts";
import { type HostTensor, hostInts, hostTensor } from "../tensor.ts";
import { axisOf } from "./helpers.ts";

/** The numbers of an input that the result's size depends on. */
function sizing(node: OnnxNode, i: number): HostTensor {
  if (node.known(i)) return node.item(i).host();
  const before = node.proto.inputs.filter((name, k) => name !== "" && !node.known(k));
  return node.unsupported(
    "the size of its result depends on numbers that the network computes; ask apply() for the tensors before it " +
      `(${before.join(", ")}) and go on from there`,
  );
}

function indexOf(place: number, shape: Shape): number[] {
  return stridesOf(shape).map((stride, d) => Math.floor(place / stride) % shape[d]);
}

function placesWhere({ data }: HostTensor, holds: (x: number) => boolean): number[] {
  return Array.from(data.keys()).filter((i) => holds(data[i]));
}

/** Where x is not zero: one column for each such element. */
const nonZero: Operator = {
  sized: [0],
  build(node): Built {
    const x = sizing(node, 0);
    const rank = Math.max(x.shape.length, 1);
    const found = placesWhere(x, (v) => v !== 0).map((place) => (x.shape.length === 0 ? [0] : indexOf(place, x.shape)));
    const rows = Array.from({ length: rank }, (_, d) => found.map((index) => index[d]));
    return hostInts(rows.flat(), [rank, found.length]);
  },
};

/** Slices of x along an axis, in the order of `rows`. */
function taken({ type, shape, data }: HostTensor, rows: readonly number[], axis: number): HostTensor {
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const values: number[] = [];
  for (let o = 0; o < outer; o++) {
    for (const row of rows) {
      const from = (o * shape[axis] + row) * inner;
      for (let i = 0; i < inner; i++) values.push(data[from + i]);
    }
  }
  return hostTensor(
    type,
    shape.map((n, d) => (d === axis ? rows.length : n)),
    values,
  );
}

function flat({ type, shape, data }: HostTensor): HostTensor {
  return { type, shape: [sizeOf(shape)], data };
}

/** x as it is, or as a list where no axis is given; and the axis. */
function alongGiven(node: OnnxNode, x: HostTensor): readonly [HostTensor, number] {
  return node.proto.attributes.has("axis") ? [x, axisOf(node, node.int("axis"), x.shape.length)] : [flat(x), 0];
}

/** The slices of x, or its elements, whose condition holds. */
const compress: Operator = {
  sized: [0, 1],
  build(node): Built {
    const [x, axis] = alongGiven(node, sizing(node, 0));
    const kept = placesWhere(sizing(node, 1), (v) => v !== 0);
    if (kept.some((row) => row >= x.shape[axis])) node.fail(`a condition is for none of the ${x.shape[axis]} slices.`);
    return taken(x, kept, axis);
  },
};

/** The distinct slices of x: in order of their numbers, or of their first places. */
const unique: Operator = {
  sized: [0],
  build(node): readonly Built[] {
    const [x, axis] = alongGiven(node, sizing(node, 0));
    const rows = Array.from({ length: x.shape[axis] }, (_, row) => Array.from(taken(x, [row], axis).data));
    const first = new Map<string, number>();
    rows.forEach((row, i) => first.set(show(row), first.get(show(row)) ?? i));
    const order = [...first.values()];
    if (node.int("sorted", 1) !== 0) order.sort((a, b) => compared(rows[a], rows[b]));
    const ranks = new Map(order.map((row, rank) => [row, rank]));
    const inverse = rows.map((row) => ranks.get(first.get(show(row)) ?? -1) ?? -1);
    const counts = order.map((_, rank) => inverse.filter((r) => r === rank).length);
    return [taken(x, order, axis), hostInts(order), hostInts(inverse), hostInts(counts)];
  },
};

function compared(a: readonly number[], b: readonly number[]): number {
  const d = a.findIndex((x, i) => x !== b[i]);
  return d < 0 ? 0 : a[d] - b[d];
}

interface Box {
  readonly low: readonly [number, number];
  readonly high: readonly [number, number];
}

/** Corners may come in any order. */
function boxOf(numbers: ArrayLike<number>, from: number, centred: boolean): Box {
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => numbers[from + i]);
  if (centred) return { low: [a - c / 2, b - d / 2], high: [a + c / 2, b + d / 2] };
  return { low: [Math.min(a, c), Math.min(b, d)], high: [Math.max(a, c), Math.max(b, d)] };
}

function area({ low, high }: Box): number {
  return Math.max(high[0] - low[0], 0) * Math.max(high[1] - low[1], 0);
}

/** Intersection over union. */
function overlap(a: Box, b: Box): number {
  const both = area({
    low: [Math.max(a.low[0], b.low[0]), Math.max(a.low[1], b.low[1])],
    high: [Math.min(a.high[0], b.high[0]), Math.min(a.high[1], b.high[1])],
  });
  return both <= 0 ? 0 : both / (area(a) + area(b) - both);
}

/** Of boxes that overlap much the likeliest, for each picture and class: [picture, class, box]. */
const nonMaxSuppression: Operator = {
  needs: [2, 3, 4],
  sized: [0, 1],
  build(node): Built {
    const [boxes, scores] = [sizing(node, 0), sizing(node, 1)];
    const setting = (i: number, fallback: number): number =>
      node.has(i) ? (node.numbers(i)[0] ?? fallback) : fallback;
    const [most, least, threshold] = [setting(2, 0), setting(3, 0), setting(4, -Infinity)];
    const centred = node.int("center_point_box", 0) !== 0;
    const [pictures, classes, count] = scores.shape;
    if (scores.shape.length !== 3 || show(boxes.shape) !== show([pictures, count, 4]))
      node.fail(
        `boxes ${show(boxes.shape)} and scores ${show(scores.shape)} must be [N, boxes, 4], [N, classes, boxes].`,
      );
    const chosen: number[][] = [];
    for (let n = 0; n < pictures; n++) {
      const all = Array.from({ length: count }, (_, i) => boxOf(boxes.data, (n * count + i) * 4, centred));
      for (let c = 0; c < classes; c++) {
        const row = scores.data.subarray((n * classes + c) * count, (n * classes + c + 1) * count);
        const order = Array.from(row.keys()).filter((i) => row[i] > threshold);
        order.sort((a, b) => row[b] - row[a] || a - b);
        const kept: number[] = [];
        for (const i of order) {
          if (kept.length >= most) break;
          if (kept.every((k) => overlap(all[k], all[i]) <= least)) kept.push(i);
        }
        for (const i of kept) chosen.push([n, c, i]);
      }
    }
    return hostInts(chosen.flat(), [chosen.length, 3]);
  },
};

export const sizedOperators: Operators = {
  NonZero: nonZero,
  Compress: compress,
  Unique: unique,
  NonMaxSuppression: nonMaxSuppression,
};
