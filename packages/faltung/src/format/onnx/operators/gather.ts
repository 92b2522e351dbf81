/**
 * Reading and writing by index. Where the indices are known they are slices; where they are computed, each output
 * compares all places with its index, which costs as much as the product of both sizes: right, differentiable, and fit
 * for the small tables that convolutional networks look up.
 */
import { add, cast, eq, lt, mul, where } from "../../../ops/elementwise/elementwise.ts";
import type { Value } from "../../../ops/op.ts";
import { matmul } from "../../../ops/matmul/matmul.ts";
import { max, min, sum } from "../../../ops/reduce/reduce.ts";
import { type Range, concat, flip, reshape, slice, squeeze, unsqueeze } from "../../../ops/shape/shape.ts";
import { show, sizeOf, stridesOf } from "../../../tensor/shape.ts";
import type { Operator, OnnxNode, Operators } from "../node.ts";
import { axisOf, moveAxis, numbers, ramp } from "./helpers.ts";
import { product } from "./reduce.ts";

/** Comparisons of one lookup: 256 MB as float32. */
const MOST_COMPARED = 2 ** 26;
/** Up to here values are compared one by one, which also keeps whole numbers and infinities as they are. */
const MOST_EXACT = 2 ** 22;

/** Negative indices count from the end. */
function fromEnd(index: Value, size: number): Value {
  const whole = cast(index, "int32");
  return where(lt(whole, 0), add(whole, size), whole);
}

/** Rows of a table [n, r] by computed indices [p]: [p, r]. */
function lookUp(node: OnnxNode, table: Value, index: Value): Value {
  const [n, r] = table.shape;
  const [p] = index.shape;
  const chosen = eq(reshape(index, [p, 1]), ramp(n, 1, 2)); // [p, n]
  if (p * n > MOST_COMPARED) node.unsupported(`${p} computed indices into ${n} places are too many`);
  if (table.dtype === "float32" && p * n * r > MOST_EXACT) return matmul(cast(chosen, "float32"), table);
  if (p * n * r > MOST_COMPARED) node.unsupported(`${p} computed indices into ${n} rows of ${r} are too many`);
  return cast(sum(where(unsqueeze(chosen, 2), unsqueeze(table, 0), 0), 1), table.dtype);
}

/** Runs of indices that go on by one step: [start, step, count]. */
function runsOf(indices: readonly number[]): (readonly [number, number, number])[] {
  const runs: (readonly [number, number, number])[] = [];
  for (let i = 0; i < indices.length;) {
    const step = i + 1 < indices.length ? indices[i + 1] - indices[i] : 1;
    let count = 1;
    while (step !== 0 && i + count < indices.length && indices[i + count] - indices[i + count - 1] === step) count++;
    runs.push([indices[i], step, count]);
    i += count;
  }
  return runs;
}

const MOST_RUNS = 64;

/** x at known places along an axis, in their order: slices side by side. */
export function takeKnown(x: Value, indices: readonly number[], axis: number): Value | undefined {
  const runs = runsOf(indices);
  if (runs.length === 0 || runs.length > MOST_RUNS) return undefined;
  const part = ([start, step, count]: readonly [number, number, number]): Value => {
    const last = start + step * (count - 1);
    const [from, to] = step > 0 ? [start, last] : [last, start];
    const ranges: Range[] = x.shape.map((_, d) => (d === axis ? [from, to + 1, Math.abs(step) || 1] : []));
    const y = slice(x, ranges);
    return step > 0 || count === 1 ? y : flip(y, [axis]);
  };
  return concat(runs.map(part), axis);
}

const gather: Operator = {
  settings: [1],
  build(node) {
    const x = node.value(0);
    const axis = axisOf(node, node.int("axis", 0), x.shape.length);
    const shape = node.shape(1);
    const n = x.shape[axis];
    const out = [...x.shape.slice(0, axis), ...shape, ...x.shape.slice(axis + 1)];
    if (node.known(1)) {
      const indices = node.numbers(1).map((i) => (i < 0 ? i + n : i));
      const bad = indices.find((i) => !(i >= 0 && i < n));
      if (bad !== undefined) node.fail(`index ${bad} is outside axis ${axis} of ${show(x.shape)}.`);
      const taken = takeKnown(x, indices, axis);
      if (taken !== undefined) return reshape(taken, out);
    }
    const rows = moveAxis(x, axis, 0);
    const rest = rows.shape.slice(1);
    const picked = lookUp(node, reshape(rows, [n, sizeOf(rest)]), fromEnd(reshape(node.value(1), [sizeOf(shape)]), n));
    return reshape(moveAxis(reshape(picked, [sizeOf(shape), ...rest]), 0, axis), out);
  },
};

/** out[i][j] = x[index[i][j]][j]: every element has an index of its own along the axis. */
const gatherElements: Operator = {
  build(node) {
    const x = node.value(0);
    const axis = axisOf(node, node.int("axis", 0), x.shape.length);
    const n = x.shape[axis];
    const index = fromEnd(node.value(1), n);
    if (sizeOf(index.shape) * n > MOST_COMPARED)
      node.unsupported(`${sizeOf(index.shape)} indices into ${n} places are too many`);
    // x may be larger along the other axes.
    const ranges: Range[] = x.shape.map((_, d) => (d === axis ? [] : [0, index.shape[d]]));
    const rank = x.shape.length + 1;
    const chosen = eq(unsqueeze(index, axis + 1), ramp(n, axis + 1, rank));
    const source = unsqueeze(slice(x, ranges), axis);
    return cast(sum(where(chosen, source, 0), axis + 1), x.dtype);
  },
};

/** Tuples of indices as places in the flattened leading dimensions. */
function flatPlaces(indices: Value, leading: readonly number[]): Value {
  const strides = stridesOf(leading);
  const rank = indices.shape.length;
  const limited = where(lt(indices, 0), add(indices, numbers([...leading], [leading.length], "int32")), indices);
  return cast(sum(mul(limited, numbers(strides, [leading.length], "int32")), rank - 1), "int32");
}

const gatherND: Operator = {
  build(node) {
    const x = node.value(0);
    const indices = cast(node.value(1), "int32");
    const batch = node.int("batch_dims", 0);
    const depth = indices.shape.at(-1) ?? 0;
    const batches = x.shape.slice(0, batch);
    const leading = x.shape.slice(batch, batch + depth);
    const rest = x.shape.slice(batch + depth);
    const places = flatPlaces(indices, leading);
    const out = [...indices.shape.slice(0, -1), ...rest];
    const count = sizeOf(batches);
    const each = sizeOf(indices.shape.slice(batch, -1));
    const table = reshape(x, [count, sizeOf(leading), sizeOf(rest)]);
    const list = reshape(places, [count, each]);
    const parts = Array.from({ length: count }, (_, b) =>
      lookUp(
        node,
        reshape(slice(table, [[b, b + 1]]), table.shape.slice(1)),
        reshape(slice(list, [[b, b + 1]]), [each]),
      ),
    );
    return reshape(concat(parts), out);
  },
};

type Combine = (old: Value, hits: Value, updates: Value, axis: number) => Value;

/** How updates meet what is there. `hits` and `updates` have one axis more, over the updates. */
const COMBINE: Readonly<Record<string, Combine>> = {
  // Where two updates meet in one place, ONNX leaves open which one wins; here the larger index along the axis does.
  none(old, hits, updates, axis) {
    const order = add(ramp(hits.shape[axis], axis, hits.shape.length), 1);
    const last = max(where(hits, order, 0), axis, true);
    const value = sum(where(eq(order, last), where(hits, updates, 0), 0), axis);
    return where(sum(cast(hits, "int32"), axis), cast(value, old.dtype), old);
  },
  mul: (old, hits, updates, axis) => mul(old, squeeze(product(where(hits, updates, 1), [axis]), axis)),
  add: (old, hits, updates, axis) => cast(add(old, sum(where(hits, updates, 0), axis)), old.dtype),
  max: (old, hits, updates, axis) =>
    max(concat([unsqueeze(old, axis), where(hits, updates, unsqueeze(old, axis))], axis), axis),
  min: (old, hits, updates, axis) =>
    min(concat([unsqueeze(old, axis), where(hits, updates, unsqueeze(old, axis))], axis), axis),
};

function combiner(node: OnnxNode): Combine {
  const reduction = node.text("reduction", "none");
  return COMBINE[reduction] ?? node.unsupported(`reduction ${reduction}`);
}

/** x[index[i][j]][j] = updates[i][j]. */
const scatterElements: Operator = {
  build(node) {
    const x = node.value(0);
    const axis = axisOf(node, node.int("axis", 0), x.shape.length);
    const n = x.shape[axis];
    const index = fromEnd(node.value(1), n);
    if (sizeOf(index.shape) * n > MOST_COMPARED)
      node.unsupported(`${sizeOf(index.shape)} indices into ${n} places are too many`);
    const rank = x.shape.length + 1;
    // Places along `axis`, updates along `axis + 1`.
    const hits = eq(unsqueeze(index, axis), ramp(n, axis, rank));
    const ranges: Range[] = x.shape.map((_, d) => (d === axis ? [] : [0, index.shape[d]]));
    const part = slice(x, ranges);
    const updates = unsqueeze(node.value(2), axis);
    const written = combiner(node)(part, hits, updates, axis + 1);
    return restored(x, written, index.shape, axis);
  },
};

/** Puts what was written back among the elements beyond the indices' shape. */
function restored(x: Value, written: Value, shape: readonly number[], axis: number): Value {
  return x.shape.reduceRight((y, n, d) => {
    if (d === axis || shape[d] === n) return y;
    const ranges: Range[] = x.shape.map((_, e) => (e === d ? [shape[d], n] : e < d && e !== axis ? [0, shape[e]] : []));
    return concat([y, slice(x, ranges)], d);
  }, written);
}

/** Slices of x, found by tuples of indices, are replaced or combined. */
const scatterND: Operator = {
  build(node) {
    const x = node.value(0);
    const indices = cast(node.value(1), "int32");
    const depth = indices.shape.at(-1) ?? 0;
    const leading = x.shape.slice(0, depth);
    const count = sizeOf(indices.shape.slice(0, -1));
    const [rows, each] = [sizeOf(leading), sizeOf(x.shape.slice(depth))];
    if (rows * count * each > MOST_COMPARED)
      node.unsupported(`${count} updates of ${each} numbers in ${rows} places are too many`);
    const places = reshape(flatPlaces(indices, leading), [1, count, 1]);
    const hits = eq(places, ramp(rows, 0, 3));
    const updates = reshape(node.value(2), [1, count, each]);
    return reshape(combiner(node)(reshape(x, [rows, each]), hits, updates, 1), x.shape);
  },
};

export const gatherOperators: Operators = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: scatterElements,
  Scatter: scatterElements,
  ScatterND: scatterND,
};
