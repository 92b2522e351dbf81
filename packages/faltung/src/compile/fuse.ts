/**
 * Fusion: from a graph of primitive operations to tasks, in an order in which they can run.
 *
 * 1. Epilogues: elementwise work joins the convolution or product that makes its operand (fuseEpilogue.ts).
 * 2. What else is elementwise is stored, or computed anew where it is used (fuseStore.ts). Each stored value becomes one
 *    task: a map, or a reduction of an expression, over all that is inlined into it (fuseTasks.ts).
 * 3. Tasks over one domain that share what they read become one task with several results (an Adam step writes p, m and
 *    v in one pass; batch-norm's gradient takes both its sums in one), unless one must wait for the other through a third.
 * 4. Everything else is one task for each operation, but a max-pool and its choice are one (fusePools.ts).
 *
 * All choices follow from the graph alone, in the order in which its values were made: the same graph, the same tasks.
 */
import type { Value } from "../ops/op.ts";
import { FaltungError } from "../tensor/errors.ts";
import { type Epilogue, findEpilogues } from "./fuseEpilogue.ts";
import { FuseGraph, isElementwise, isLeaf, reductionKind } from "./fuseGraph.ts";
import { mergeGroups } from "./fuseMerge.ts";
import { poolPairs, poolTask } from "./fusePools.ts";
import { chooseStored } from "./fuseStore.ts";
import { epilogueTask, mapTask, reduceTask } from "./fuseTasks.ts";
import { uniformValue } from "./simplify.ts";
import { type Task, taskOf } from "./task.ts";

/** Values that one task stores. */
export interface Group {
  readonly outputs: readonly Value[];
  readonly kind: "map" | "reduce" | "other";
  readonly epilogue?: Epilogue;
  /** Stored values and leaves that it reads. */
  readonly reads: ReadonlySet<Value>;
}

/**
 * Tasks that compute `roots`.
 *
 * @param roots outputs and states' new values, of a graph without composite operations (see decompose.ts), best
 * simplified (see simplify.ts)
 * @throws FaltungError (code `plan`) naming all operations that have no kernels
 */
export function fuse(roots: readonly Value[]): Task[] {
  const graph = new FuseGraph(roots);
  const lacking = new Set(graph.values.filter((v) => !isLeaf(v) && v.op.wasm === undefined).map((v) => v.op.name));
  if (lacking.size > 0) {
    throw new FaltungError(
      "plan",
      `fuse: no WebAssembly kernels for ${[...lacking].join(", ")}; ` +
        `give them kernels or a decomposition, or compile with backend: "reference".`,
    );
  }
  const epilogues = new Map(findEpilogues(graph).map((e) => [e.output, e]));
  const taken = new Set([...epilogues.values()].flatMap((e) => [...e.chain]));
  const needed = new Set([...epilogues.values()].flatMap((e) => e.operands));
  const stored = chooseStored(graph, taken, needed);
  const inlined = (v: Value): boolean => isElementwise(v) && !stored.has(v);

  const pairs = poolPairs(graph.values, (pool) => !taken.has(pool) && !epilogues.has(pool));
  const indexOf = new Map([...pairs].map(([index, pool]) => [pool, index]));

  const groups: Group[] = [];
  for (const v of graph.values) {
    if (pairs.has(v)) continue;
    const epilogue = epilogues.get(v);
    if (epilogue !== undefined) {
      const reads = new Set([...epilogue.root.inputs, ...epilogue.operands]);
      groups.push({ outputs: [v], kind: "other", epilogue, reads });
    } else if (stored.has(v) && !taken.has(v)) {
      const kind = isElementwise(v) ? "map" : reductionKind(v) === undefined ? "other" : "reduce";
      const index = indexOf.get(v);
      groups.push({ outputs: index === undefined ? [v] : [v, index], kind, reads: readsOf(v, kind, inlined) });
    }
  }
  return mergeGroups(groups).map(({ outputs, kind, epilogue }) => {
    if (epilogue !== undefined) return epilogueTask(epilogue.root, epilogue.output, epilogue.chain);
    if (kind === "map") return mapTask(outputs, inlined);
    if (kind === "reduce") return reduceTask(outputs, inlined);
    return outputs.length > 1 ? poolTask(outputs[0], outputs[1]) : taskOf(outputs[0]);
  });
}

/** The stored values and leaves from which `v` is computed. */
function readsOf(v: Value, kind: Group["kind"], inlined: (v: Value) => boolean): Set<Value> {
  const reads = new Set<Value>();
  const seen = new Set<Value>();
  const visit = (x: Value): void => {
    if (seen.has(x)) return;
    seen.add(x);
    if (kind !== "other" && uniformValue(x) !== null) return;
    if (kind !== "other" && inlined(x)) x.inputs.forEach(visit);
    else reads.add(x);
  };
  v.inputs.forEach(visit);
  return reads;
}
