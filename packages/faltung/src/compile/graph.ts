/** Walking graphs: order, reachability, rewriting. Values are immutable, so rewriting makes new ones. */
import { type Value, reapply } from "../ops/op.ts";

/**
 * All values that `roots` depend on, themselves included, inputs before users.
 * @param known values that are left out, with what only they depend on
 */
export function reachable(roots: Iterable<Value>, known: ReadonlySet<Value> = NONE): Value[] {
  const seen = new Set<Value>();
  const stack = [...roots];
  for (let v = stack.pop(); v !== undefined; v = stack.pop()) {
    if (seen.has(v) || known.has(v)) continue;
    seen.add(v);
    for (const x of v.inputs) stack.push(x);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

const NONE: ReadonlySet<Value> = new Set();

/**
 * Rebuilds the graph below `roots`: `replace` is called for each value in order with its rewritten inputs, and may
 * give another value for it; undefined keeps the operation. Values whose inputs did not change are kept as they are.
 * @param known values that are not looked at
 */
export function rewrite(
  roots: readonly Value[],
  replace: (value: Value, inputs: readonly Value[]) => Value | undefined,
  known: ReadonlySet<Value> = NONE,
): Value[] {
  const done = new Map<Value, Value>();
  for (const value of reachable(roots, known)) {
    const inputs = value.inputs.map((v) => done.get(v) ?? v);
    const same = inputs.every((v, i) => v === value.inputs[i]);
    done.set(value, replace(value, inputs) ?? (same ? value : reapply(value, inputs)));
  }
  return roots.map((v) => done.get(v) ?? v);
}
