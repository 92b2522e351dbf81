/** Operators that make numbers out of settings, and control flow whose course is known while building. */
import { add, cast, eq, lt, where } from "../../../ops/elementwise/elementwise.ts";
import type { Value } from "../../../ops/op.ts";
import { reshape, slice, stack, unsqueeze } from "../../../ops/shape/shape.ts";
import { checkShape, sizeOf } from "../../../tensor/shape.ts";
import { type Item, knownItem } from "../item.ts";
import type { Operator, OnnxNode, Operators } from "../node.ts";
import { type HostTensor, hostInts, hostTensor } from "../tensor.ts";
import { typeOfCode } from "./elementwise.ts";
import { axisOf, ramp } from "./helpers.ts";

/** As many numbers as operators of this file may make: 64 MB of float32. */
const MOST_NUMBERS = 2 ** 24;

function checkedSize(node: OnnxNode, shape: readonly number[]): number {
  checkShape(shape, node.label);
  const size = sizeOf(shape);
  if (size > MOST_NUMBERS) node.fail(`it would make ${size} numbers; at most ${MOST_NUMBERS} are made.`);
  return size;
}

/** The tensor of a Constant node. */
export function constantTensor(node: OnnxNode): HostTensor {
  const tensor = node.tensor("value");
  if (tensor !== undefined) return tensor;
  const { attributes } = node.proto;
  if (attributes.has("value_int")) return hostInts([node.int("value_int")], []);
  if (attributes.has("value_ints")) return hostInts(node.ints("value_ints") ?? []);
  if (attributes.has("value_float")) return hostTensor("float", [], [node.float("value_float")]);
  const floats = node.floats("value_floats");
  if (floats !== undefined) return hostTensor("float", [floats.length], floats);
  return node.unsupported(`a constant given by ${[...attributes.keys()].join(", ") || "nothing"}`);
}

const constantOfShape: Operator = {
  needs: [0],
  build(node) {
    const shape = node.numbers(0);
    const size = checkedSize(node, shape);
    const value = node.tensor("value") ?? hostTensor("float", [1], [0]);
    if (value.data.length !== 1) node.fail(`value holds ${value.data.length} numbers; it must hold one.`);
    return hostTensor(value.type, shape, new Float64Array(size).fill(value.data[0]));
  },
};

const range: Operator = {
  needs: [0, 1, 2],
  build(node) {
    const [start, limit, delta] = [node.numbers(0)[0], node.numbers(1)[0], node.numbers(2)[0]];
    const count = Math.max(Math.ceil((limit - start) / delta), 0);
    if (!Number.isFinite(count)) node.fail(`from ${start} to ${limit} in steps of ${delta} there is no end.`);
    checkedSize(node, [count]);
    return hostTensor(
      node.type(),
      [count],
      Float64Array.from({ length: count }, (_, i) => start + i * delta),
    );
  },
};

const eyeLike: Operator = {
  build(node) {
    const shape = node.shape(0);
    if (shape.length !== 2) node.fail(`x has ${shape.length} dimensions; it must have 2.`);
    const k = node.int("k", 0);
    const code = node.int("dtype", 0);
    const type = code === 0 ? node.type() : typeOfCode(node, code);
    const [rows, columns] = shape;
    const values = Float64Array.from({ length: checkedSize(node, shape) }, (_, i) =>
      i % columns === Math.floor(i / columns) + k ? 1 : 0,
    );
    return hostTensor(type, [rows, columns], values);
  },
};

/** Depth numbers along a new axis: `on` where the index says so, `off` elsewhere. */
const oneHot: Operator = {
  needs: [1],
  build(node) {
    const indices = cast(node.value(0), "int32");
    const depth = node.numbers(1)[0];
    if (!(Number.isSafeInteger(depth) && depth >= 1)) node.fail(`depth is ${depth}; it must be a whole number ≥ 1.`);
    const rank = indices.shape.length + 1;
    const axis = axisOf(node, node.int("axis", -1), rank);
    const places = ramp(depth, axis, rank);
    const wrappedIndex = unsqueeze(where(lt(indices, 0), add(indices, depth), indices), axis);
    const values = node.value(2);
    const [off, on] = [0, 1].map((i) => pick(values, i));
    return { type: node.type(2), value: where(eq(wrappedIndex, places), on, off) };
  },
};

/** One number of a list, as a scalar. */
function pick(list: Value, i: number): Value {
  return reshape(slice(list, [[i, i + 1]]), []);
}

/** If, where the condition follows from shapes and constants: only the branch taken is built. */
const conditional: Operator = {
  needs: [0],
  build(node) {
    const [condition] = node.numbers(0);
    return node.run(node.graph(condition !== 0 ? "then_branch" : "else_branch"));
  },
};

const MOST_ROUNDS = 1024;

/** Loop, unrolled: where the number of rounds follows from shapes and constants. */
const loop: Operator = {
  needs: [0, 1],
  build(node) {
    const body = node.graph("body");
    const most = node.has(0) ? node.numbers(0)[0] : Infinity;
    let goes = node.has(1) ? node.numbers(1)[0] !== 0 : true;
    let state: Item[] = node.proto.inputs.slice(2).map((_, i) => node.item(i + 2));
    const collected: Item[][] = body.outputs.slice(1 + state.length).map(() => []);
    for (let i = 0; goes && i < most; i++) {
      if (i >= MOST_ROUNDS) node.unsupported(`it goes on for more than ${MOST_ROUNDS} rounds`);
      const index = knownItem(hostInts([i], []), `${node.label} round`);
      const [condition, ...rest] = node.run(body, [
        index,
        knownItem(hostTensor("bool", [], [1]), "condition"),
        ...state,
      ]);
      if (!condition.known) node.unsupported("whether it goes on depends on the model's inputs");
      goes = condition.host().data[0] !== 0;
      state = rest.slice(0, state.length);
      rest.slice(state.length).forEach((item, k) => collected[k].push(item));
    }
    const scans = collected.map((items) => {
      if (items.length === 0) node.unsupported("it has no rounds, so its lists have no shape");
      const [first] = items;
      return { type: first.type, value: stack(items.map((item) => item.value())) };
    });
    return [...state, ...scans];
  },
};

export const generateOperators: Operators = {
  Constant: { build: constantTensor },
  ConstantOfShape: constantOfShape,
  Range: range,
  EyeLike: eyeLike,
  OneHot: oneHot,
  If: conditional,
  Loop: loop,
};
