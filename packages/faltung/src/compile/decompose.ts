/** Composite operations (those with `decompose`) replaced by the operations that they stand for, down to primitives. */
import type { Value } from "../ops/op.ts";
import { reachable, rewrite } from "./graph.ts";

export function decompose(roots: readonly Value[]): Value[] {
  return rewrite(roots, (value, inputs) => expand(value, inputs));
}

/** What a composite stands for, of primitives; it may stand for other composites (crossEntropy for logSoftmax). */
function expand(value: Value, inputs: readonly Value[]): Value | undefined {
  const parts = value.op.decompose?.(inputs, value.attrs);
  if (parts === undefined) return undefined;
  // Only what is above the inputs is new: to walk the whole graph again for each composite would take its square.
  const known = new Set(inputs);
  if (!reachable([parts], known).some((v) => v.op.decompose !== undefined)) return parts;
  return rewrite([parts], expand, known)[0];
}
