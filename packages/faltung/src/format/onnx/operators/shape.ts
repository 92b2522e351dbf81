/** Operators that move numbers without changing them, and those that speak of shapes. */
import { broadcastTo } from "../../../ops/reduce/reduce.ts";
import { ge, where } from "../../../ops/elementwise/elementwise.ts";
import type { Value } from "../../../ops/op.ts";
import { borderIndex } from "../../../ops/shape/border.ts";
import { type Range, concat, flip, pad, permute, reshape, slice, split } from "../../../ops/shape/shape.ts";
import { broadcastShapes, show, sizeOf } from "../../../tensor/shape.ts";
import { isFloat } from "../dtype.ts";
import type { Operator, OnnxNode, Operators } from "../node.ts";
import { hostInts } from "../tensor.ts";
import { takeKnown } from "./gather.ts";
import { axesOf, axisOf, givenAxes, numbers } from "./helpers.ts";

const reshapeOperator: Operator = {
  needs: [1],
  build(node) {
    const x = node.value(0);
    const target = node.opset < 5 ? (node.ints("shape") ?? node.fail("attribute shape is missing.")) : node.numbers(1);
    const zeroIsZero = node.int("allowzero", 0) !== 0;
    if (target.filter((d) => d === -1).length > 1 || target.some((d) => d < -1)) {
      node.fail(`the shape ${show(target)} is not one: at most one dimension may be −1.`);
    }
    const shape = target.map((d, i) => {
      if (d !== 0 || zeroIsZero) return d;
      return (
        x.shape[i] ??
        node.fail(`the shape ${show(target)} takes over dimension ${i} of ${show(x.shape)}, which there is not.`)
      );
    });
    if (!shape.includes(-1) || sizeOf(x.shape) > 0) return reshape(x, shape);
    if (shape.includes(0)) node.fail(`the −1 in ${show(target)} has no value for an empty tensor.`);
    return reshape(
      x,
      shape.map((d) => (d === -1 ? 0 : d)),
    );
  },
};

const flattenOperator: Operator = {
  build(node) {
    const x = node.value(0);
    const axis = node.int("axis", 1);
    const at = axis < 0 ? axis + x.shape.length : axis;
    if (at < 0 || at > x.shape.length) node.fail(`axis ${axis} is out of range for ${show(x.shape)}.`);
    return reshape(x, [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at))]);
  },
};

const squeezeOperator: Operator = {
  needs: [1],
  build(node) {
    const x = node.value(0);
    const given = givenAxes(node, 1);
    const axes =
      given === undefined ? x.shape.flatMap((n, d) => (n === 1 ? [d] : [])) : axesOf(node, given, x.shape.length);
    if (axes.some((d) => x.shape[d] !== 1)) node.fail(`axes ${show(axes)} of ${show(x.shape)} are not all of size 1.`);
    return reshape(
      x,
      x.shape.filter((_, d) => !axes.includes(d)),
    );
  },
};

const unsqueezeOperator: Operator = {
  needs: [1],
  build(node) {
    const x = node.value(0);
    const given = givenAxes(node, 1) ?? node.fail("its axes are missing.");
    const rank = x.shape.length + given.length;
    const axes = axesOf(node, given, rank);
    if (new Set(axes).size !== axes.length) node.fail(`axes ${show(given)} name one place twice.`);
    const rest = [...x.shape];
    return reshape(
      x,
      Array.from({ length: rank }, (_, d) => (axes.includes(d) ? 1 : (rest.shift() ?? 1))),
    );
  },
};

const splitOperator: Operator = {
  needs: [1],
  build(node) {
    const x = node.value(0);
    const axis = axisOf(node, node.int("axis", 0), x.shape.length);
    const n = x.shape[axis];
    const given = node.has(1) ? node.numbers(1) : node.ints("split");
    const parts = node.int("num_outputs", node.proto.outputs.length);
    if (parts < 1 || parts > node.proto.outputs.length)
      node.fail(`num_outputs is ${parts}, but it has ${node.proto.outputs.length} outputs.`);
    const size = Math.ceil(n / parts);
    const even = Array.from({ length: parts }, (_, i) => Math.max(Math.min(size, n - i * size), 0));
    return split(x, given ?? even, axis);
  },
};

interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** x[start:end:step] by NumPy's rule; a negative step reverses first. */
export function cut(x: Value, { axis, start, end, step }: Cut): Value {
  const n = x.shape[axis];
  const range = (from: number, to: number, by: number): Range[] =>
    x.shape.map((_, d) => (d === axis ? [from, to, by] : []));
  const clamp = (p: number, low: number, high: number): number => Math.min(Math.max(p < 0 ? p + n : p, low), high);
  if (step > 0) {
    const from = clamp(start, 0, n);
    return slice(x, range(from, Math.max(clamp(end, 0, n), from), Math.min(step, n + 1)));
  }
  // From `first` downwards to `last` (not included): in the reversed tensor, upwards.
  const first = clamp(start, -1, n - 1);
  const last = clamp(end, -1, n - 1);
  return slice(
    flip(x, [axis]),
    flipped(x, axis, n - 1 - first, Math.max(n - 1 - last, n - 1 - first), Math.min(-step, n + 1)),
  );
}

function flipped(x: Value, axis: number, from: number, to: number, by: number): Range[] {
  return x.shape.map((_, d) => (d === axis ? [from, to, by] : []));
}

const sliceOperator: Operator = {
  needs: [1, 2, 3, 4],
  build(node) {
    const old = node.opset < 10;
    // 2⁶³ − 1 stands for "as far as it goes".
    const list = (i: number, name: string): number[] =>
      (old ? node.ints(name, Infinity) : node.numbers(i)) ?? node.fail(`${name} are missing.`);
    const starts = list(1, "starts");
    const ends = list(2, "ends");
    const x = node.value(0);
    const named = old ? node.ints("axes") : node.has(3) ? node.numbers(3) : undefined;
    const axes = axesOf(node, named ?? starts.map((_, i) => i), x.shape.length);
    const steps = !old && node.has(4) ? node.numbers(4) : starts.map(() => 1);
    if (
      ends.length !== starts.length ||
      axes.length !== starts.length ||
      steps.length !== starts.length ||
      steps.includes(0)
    ) {
      node.fail(
        `starts ${show(starts)}, ends ${show(ends)}, axes ${show(axes)}, steps ${show(steps)} do not belong together.`,
      );
    }
    return axes.reduce((y, axis, i) => cut(y, { axis, start: starts[i], end: ends[i], step: steps[i] }), x);
  },
};

const expand: Operator = {
  needs: [1],
  build(node) {
    const x = node.value(0);
    return broadcastTo(x, broadcastShapes(x.shape, node.numbers(1), node.label));
  },
};

/** Each axis is repeated as a whole: [a, b] → [[a, b], [a, b]] → [a, b, a, b]. */
const tile: Operator = {
  needs: [1],
  build(node) {
    const x = node.value(0);
    const repeats = node.numbers(1);
    if (repeats.length !== x.shape.length || repeats.some((r) => r < 0))
      node.fail(`repeats ${show(repeats)} do not fit ${show(x.shape)}.`);
    const split2 = reshape(
      x,
      x.shape.flatMap((n) => [1, n]),
    );
    const shape = x.shape.flatMap((n, d) => [repeats[d], n]);
    return reshape(
      broadcastTo(split2, shape),
      x.shape.map((n, d) => n * repeats[d]),
    );
  },
};

type Border = "reflect" | "replicate" | "circular";

const PAD_MODES = { constant: "constant", reflect: "reflect", edge: "replicate", wrap: "circular" } as const;

/** `pad` of ours takes the last dimension first. */
export function padAll(
  x: Value,
  before: readonly number[],
  after: readonly number[],
  options: Parameters<typeof pad>[2],
): Value {
  const padding: number[] = [];
  for (let d = x.shape.length - 1; d >= 0; d--) padding.push(before[d], after[d]);
  while (padding.length > 0 && padding.at(-1) === 0 && padding.at(-2) === 0) padding.length -= 2;
  return pad(x, padding, options);
}

const padOperator: Operator = {
  needs: [1, 3],
  settings: [2],
  build(node) {
    const x = node.value(0);
    const old = node.opset < 11;
    const pads = old
      ? (node.ints("pads") ?? node.ints("paddings") ?? node.fail("attribute pads is missing."))
      : node.numbers(1);
    const rank = x.shape.length;
    const axes = !old && node.has(3) ? axesOf(node, node.numbers(3), rank) : x.shape.map((_, d) => d);
    if (pads.length !== 2 * axes.length)
      node.fail(`pads ${show(pads)} must be ${2 * axes.length} numbers, two for each axis.`);
    const side = (offset: number): number[] =>
      x.shape.map((_, d) => (axes.includes(d) ? pads[axes.indexOf(d) + offset] : 0));
    const [before, after] = [side(0), side(axes.length)];
    const mode = node.text("mode", "constant");
    if (!Object.hasOwn(PAD_MODES, mode))
      node.fail(`mode is "${mode}"; there are ${Object.keys(PAD_MODES).join(", ")}.`);
    const ours = PAD_MODES[mode as keyof typeof PAD_MODES];
    if (ours === "constant") {
      if (!old && node.has(2) && !node.known(2)) return padByValue(node, x, before, after);
      const value = old ? node.float("value", 0) : node.has(2) ? node.numbers(2)[0] : 0;
      return padAll(x, before, after, { value });
    }
    if (!isFloat(node.type())) return borderedWhole(node, x, before, after, ours);
    // What is cut off is cut first: reflections are of what remains.
    const kept = padAll(
      x,
      before.map((n) => Math.min(n, 0)),
      after.map((n) => Math.min(n, 0)),
      {},
    );
    return bordered(
      kept,
      before.map((n) => Math.max(n, 0)),
      after.map((n) => Math.max(n, 0)),
      ours,
    );
  },
};

/** A border may be wider than the tensor: then it is grown in steps, each as wide as there is something to copy. */
function bordered(x: Value, before: readonly number[], after: readonly number[], mode: Border): Value {
  const most = (d: number): number =>
    mode === "reflect" ? Math.max(x.shape[d] - 1, 0) : mode === "circular" ? x.shape[d] : Infinity;
  const now = (list: readonly number[]): number[] => list.map((n, d) => Math.min(n, most(d)));
  const [b, a] = [now(before), now(after)];
  const step = padAll(x, b, a, { mode });
  const [restB, restA] = [before.map((n, d) => n - b[d]), after.map((n, d) => n - a[d])];
  const done = [...restB, ...restA].every((n) => n === 0) || [...b, ...a].every((n) => n === 0);
  return done ? step : bordered(step, restB, restA, mode);
}

/** The same for whole numbers, which our padding does not take: every cell is looked up. */
function borderedWhole(
  node: OnnxNode,
  x: Value,
  before: readonly number[],
  after: readonly number[],
  mode: Border,
): Value {
  return x.shape.reduce((y, n, axis) => {
    if (before[axis] === 0 && after[axis] === 0) return y;
    const [from, to] = [Math.max(-before[axis], 0), n - Math.max(-after[axis], 0)];
    const cells = Array.from(
      { length: before[axis] + n + after[axis] },
      (_, i) => from + borderIndex(i - before[axis] - from, to - from, mode),
    );
    return takeKnown(y, cells, axis) ?? node.unsupported(`mode ${mode} of ${node.type()} with so wide a border`);
  }, x);
}

/** A border whose value is computed: zeros first, then the value wherever x has no element. */
function padByValue(node: OnnxNode, x: Value, before: readonly number[], after: readonly number[]): Value {
  const inside = padAll(
    numbers(
      Array.from({ length: sizeOf(x.shape) }, () => 1),
      x.shape,
    ),
    before,
    after,
    {},
  );
  return where(ge(inside, 0.5), padAll(x, before, after, {}), reshape(node.value(2), []));
}

const shapeOperator: Operator = {
  build(node) {
    const shape = node.shape(0);
    const clamp = (p: number): number => Math.min(Math.max(p < 0 ? p + shape.length : p, 0), shape.length);
    return hostInts(shape.slice(clamp(node.int("start", 0)), clamp(node.int("end", shape.length))));
  },
};

/** [N, C, H, W] with `axes` of r² channels brought into space, or back. */
const depthToSpace: Operator = {
  build(node) {
    const x = node.value(0);
    if (x.shape.length !== 4) node.fail(`x has ${x.shape.length} dimensions; it must have 4.`);
    const [n, c, h, w] = x.shape;
    const b = node.int("blocksize");
    if (b < 1 || c % (b * b) !== 0) node.fail(`blocksize² = ${b * b} does not divide the ${c} channels.`);
    const columnFirst = node.text("mode", "DCR") === "CRD";
    const depth = c / (b * b);
    const y = columnFirst
      ? permute(reshape(x, [n, depth, b, b, h, w]), [0, 1, 4, 2, 5, 3])
      : permute(reshape(x, [n, b, b, depth, h, w]), [0, 3, 4, 1, 5, 2]);
    return reshape(y, [n, depth, h * b, w * b]);
  },
};

const spaceToDepth: Operator = {
  build(node) {
    const x = node.value(0);
    if (x.shape.length !== 4) node.fail(`x has ${x.shape.length} dimensions; it must have 4.`);
    const [n, c, h, w] = x.shape;
    const b = node.int("blocksize");
    if (b < 1 || h % b !== 0 || w % b !== 0) node.fail(`blocksize ${b} does not divide ${h} × ${w}.`);
    const y = permute(reshape(x, [n, c, h / b, b, w / b, b]), [0, 3, 5, 1, 2, 4]);
    return reshape(y, [n, c * b * b, h / b, w / b]);
  },
};

/** The middle of x, or x in the middle of zeros; of an odd difference the larger half is at the end. */
const centerCropPad: Operator = {
  needs: [1],
  build(node) {
    const x = node.value(0);
    const target = node.numbers(1);
    const axes = axesOf(node, node.ints("axes") ?? target.map((_, i) => i), x.shape.length);
    const before = x.shape.map(() => 0);
    const after = x.shape.map(() => 0);
    axes.forEach((axis, i) => {
      const more = target[i] - x.shape[axis];
      before[axis] = more >= 0 ? Math.floor(more / 2) : -Math.floor(-more / 2);
      after[axis] = more - before[axis];
    });
    return padAll(x, before, after, {});
  },
};

const transposeOperator: Operator = {
  build(node) {
    const x = node.value(0);
    return permute(x, node.ints("perm") ?? x.shape.map((_, d) => x.shape.length - 1 - d));
  },
};

const concatOperator: Operator = {
  build(node) {
    const values = node.values();
    if (values.length === 0) node.fail("it has no inputs.");
    const axis = node.int("axis", node.opset < 4 ? 1 : undefined);
    return concat(values, axisOf(node, axis, values[0].shape.length));
  },
};

/** The lower or the upper triangle; the rest is zero. */
const triangle: Operator = {
  needs: [1],
  build(node) {
    const x = node.value(0);
    const [rows, columns] = x.shape.slice(-2);
    const k = node.has(1) ? node.numbers(1)[0] : 0;
    const upper = node.int("upper", 1) !== 0;
    const keep = Array.from({ length: rows * columns }, (_, i) => {
      const above = (i % columns) - Math.floor(i / columns) - k;
      return (upper ? above >= 0 : above <= 0) ? 1 : 0;
    });
    return where(numbers(keep, [rows, columns], "uint8"), x, 0);
  },
};

export const shapeOperators: Operators = {
  Reshape: reshapeOperator,
  Flatten: flattenOperator,
  Squeeze: squeezeOperator,
  Unsqueeze: unsqueezeOperator,
  Transpose: transposeOperator,
  Concat: concatOperator,
  Split: splitOperator,
  Slice: sliceOperator,
  Expand: expand,
  Tile: tile,
  Pad: padOperator,
  Shape: shapeOperator,
  Size: { build: (node) => hostInts([sizeOf(node.shape(0))], []) },
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  CenterCropPad: centerCropPad,
  Trilu: triangle,
};
