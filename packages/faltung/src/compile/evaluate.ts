/**
 * The reference evaluator: every operation by its plain loops, in order. Slow and right. In float64 it is the ground
 * that gradient checks and kernel tests stand on; in float32 it rounds each result to float32, as kernels do.
 */
import {
  type Numbers,
  type RefTensor,
  type State,
  type Value,
  describe,
  isConstant,
  isInput,
  isState,
} from "../ops/op.ts";
import { ShapeError } from "../tensor/errors.ts";
import { type TensorType, sameShape, sizeOf } from "../tensor/shape.ts";
import { Tensor, allocate } from "../tensor/tensor.ts";
import { reachable } from "./graph.ts";
import type { Graph } from "./trace.ts";

export type ReferencePrecision = "float32" | "float64";

/** The numbers of some values, by the reference loops. Leaves (inputs, states) must be in `known`. */
export function evaluateValues(
  roots: readonly Value[],
  known: ReadonlyMap<Value, RefTensor>,
  precision: ReferencePrecision,
): RefTensor[] {
  const results = new Map<Value, RefTensor>(known);
  for (const value of reachable(roots)) {
    if (results.has(value)) continue;
    if (isConstant(value)) {
      results.set(value, value.attrs.tensor);
    } else if (isState(value)) {
      results.set(value, value.attrs.initial);
    } else if (isInput(value)) {
      throw new ShapeError(`evaluate: input ${value.attrs.name} (${describe(value)}) was given no tensor.`);
    } else {
      const out: RefTensor = { shape: value.shape, dtype: value.dtype, data: numbers(value, precision) };
      value.op.reference(
        value.inputs.map((x) => results.get(x) as RefTensor),
        value.attrs,
        out,
      );
      results.set(value, out);
    }
  }
  return roots.map((v) => results.get(v) as RefTensor);
}

function numbers(type: TensorType, precision: ReferencePrecision): Numbers {
  const size = sizeOf(type.shape);
  return type.dtype === "float32" && precision === "float64" ? new Float64Array(size) : allocate(type.dtype, size);
}

/** What a step gives: the outputs, and the states' new values. */
export interface Evaluation<O extends string = string> {
  readonly outputs: Readonly<Record<O, Tensor>>;
  readonly updates: ReadonlyMap<State, Tensor>;
}

/**
 * Runs a graph once by the reference loops.
 *
 * @param inputs a tensor for each input of the graph, by name.
 * @param states what states hold; those that are missing hold their initial tensors.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: relu(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-1, 0, 2]) }).outputs.y.toArray(); // [0, 0, 2]
 * ```
 */
export function evaluate<O extends string>(
  graph: Graph & { readonly outputs: Readonly<Record<O, Value>> },
  inputs: Readonly<Record<string, Tensor>> = {},
  states: ReadonlyMap<State, Tensor> = new Map(),
  precision: ReferencePrecision = "float32",
): Evaluation<O> {
  const known = new Map<Value, RefTensor>(states);
  for (const leaf of graph.inputs) {
    const { name } = leaf.attrs;
    const tensor = inputs[name];
    if (tensor === undefined) continue; // told by evaluateValues, if anything depends on it
    if (tensor.dtype !== leaf.dtype || !sameShape(tensor.shape, leaf.shape)) {
      throw new ShapeError(`evaluate: input ${name} is ${describe(leaf)}, but it was given ${describe(tensor)}.`);
    }
    known.set(leaf, tensor);
  }
  const names = Object.keys(graph.outputs) as O[];
  const roots = [...names.map((name) => graph.outputs[name]), ...graph.updates.map(([, value]) => value)];
  const results = evaluateValues(roots, known, precision).map(toTensor);
  return {
    outputs: Object.fromEntries(names.map((name, i) => [name, results[i]])) as Record<O, Tensor>,
    updates: new Map(graph.updates.map(([target], i) => [target, results[names.length + i]])),
  };
}

function toTensor(ref: RefTensor): Tensor {
  return new Tensor(ref.data instanceof Float64Array ? Float32Array.from(ref.data) : ref.data, ref.shape);
}
