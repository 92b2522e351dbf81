/** From what a user describes to what the planner takes: trace, decompose, cut into tasks. */
import { type State, type Value, isConstant, isInput, isState } from "../ops/op.ts";
import { decompose } from "./decompose.ts";
import { reachable } from "./graph.ts";
import type { EntryGraph } from "./plan.ts";
import { postpone } from "./postpone.ts";
import { type EntrySpec, typeOf } from "./program.ts";
import { recompute } from "./recompute.ts";
import { simplify } from "./simplify.ts";
import { type Task, taskOf } from "./task.ts";
import { type Graph, type RandomSource, trace } from "./trace.ts";

export function traceEntry(spec: EntrySpec, random: RandomSource): Graph {
  const types = Object.entries(spec.inputs).map(([name, input]) => [name, typeOf(input)] as const);
  return trace((inputs) => spec.fn(inputs), Object.fromEntries(types), random);
}

/** The states that a graph reads or writes, in the order in which they were made. */
export function statesOf(graph: Graph): State[] {
  const roots = [...Object.values(graph.outputs), ...graph.updates.flat()];
  return reachable(roots).filter(isState);
}

/** One task for each operation, nothing fused. */
export function unfused(roots: readonly Value[], make: (value: Value) => Task = taskOf): Task[] {
  return reachable(roots)
    .filter((value) => !isState(value) && !isConstant(value) && !isInput(value))
    .map((value) => make(value));
}

/** A traced entry as tasks. @param cut from primitive operations to tasks in order */
export function entryGraph(name: string, graph: Graph, cut: (roots: readonly Value[]) => Task[]): EntryGraph {
  const names = Object.keys(graph.outputs);
  const roots = simplify(decompose([...Object.values(graph.outputs), ...graph.updates.map(([, value]) => value)]));
  const updates = graph.updates.map(([state], i): readonly [State, Value] => [state, roots[names.length + i]]);
  return {
    name,
    inputs: graph.inputs,
    outputs: new Map(names.map((key, i) => [key, roots[i]])),
    updates,
    states: statesOf(graph),
    tasks: recompute(postpone(cut(roots), roots, updates), roots),
  };
}
