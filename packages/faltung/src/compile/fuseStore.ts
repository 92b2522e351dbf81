/**
 * Which elementwise values are stored, and which are computed anew wherever they are used.
 *
 * A value with one using task is never stored. For one with k using tasks, bytes moved are compared. Stored: what it is
 * computed from is read once (not at all for what a map makes, as the value can be made along with it), it is written
 * once and read k times. Not stored: what it is computed from is read k times. The lesser traffic wins where the
 * arithmetic is cheap: normalised activations are computed anew, masks of activations (a byte for each element) are
 * stored; costly functions are computed once.
 */
import type { Value } from "../ops/op.ts";
import { BYTES, sizeOf } from "../tensor/shape.ts";
import { type FuseGraph, domainOf, isBroadcast, isElementwise, isLeaf, reductionKind } from "./fuseGraph.ts";
import { uniformValue } from "./simplify.ts";

/** Vector instructions up to which an expression may be computed twice. */
const CHEAP = 8;
/** Expressions do not grow beyond this, in tensors read and in vector instructions. */
const MOST_TENSORS = 6;
const MOST_WORK = 160;

/** What computing a value from stored ones takes. */
interface Cone {
  /** Stored tensors of the value's own size. */
  readonly tensors: ReadonlySet<Value>;
  readonly work: number;
}

/**
 * @param taken values that an epilogue computes: they are never inlined, and never stored by a task of their own
 * @param needed values that an epilogue reads: they must be stored
 */
export function chooseStored(graph: FuseGraph, taken: ReadonlySet<Value>, needed: ReadonlySet<Value>): Set<Value> {
  const fixed = (v: Value): boolean =>
    graph.isRoot(v) ||
    taken.has(v) ||
    needed.has(v) ||
    graph.users(v).some((u) => taken.has(u) || !graph.canInline(v, u));
  const must = new Set(graph.values.filter((v) => !isLeaf(v) && (!isElementwise(v) || fixed(v))));
  const cones = possibleCones(graph, must);
  const stored = new Set<Value>();
  // Tasks in which each inlined value is computed, each by the stored value that stands for it.
  const tasks = new Map<Value, ReadonlySet<Value | string>>();
  for (const v of graph.values.toReversed()) {
    if (isLeaf(v)) continue;
    const cone = cones.get(v);
    if (must.has(v) || cone === undefined) {
      stored.add(v);
      continue;
    }
    const where = new Set<Value | string>();
    for (const u of graph.users(v))
      for (const task of stored.has(u) ? [taskFor(u)] : (tasks.get(u) ?? [])) where.add(task);
    const k = where.size;
    let reads = 0;
    let readsToStore = 0;
    for (const t of cone.tensors) {
      reads += bytesOf(t);
      if (!isElementwise(t) || isLeaf(t) || taken.has(t)) readsToStore += bytesOf(t);
    }
    const cheaper = k * reads <= readsToStore + (1 + k) * bytesOf(v) && cone.work <= CHEAP;
    if (k <= 1 || isBroadcast(v) || cheaper) tasks.set(v, where);
    else stored.add(v);
  }
  return stored;
}

/** Reductions along the same axes that share an operand will share a task too. */
function taskFor(v: Value): Value | string {
  if (reductionKind(v) === undefined) return v;
  return `${domainOf(v).join()} along ${(v.attrs as { readonly axes: readonly number[] }).axes.join()}`;
}

function bytesOf(v: Value): number {
  return sizeOf(v.shape) * BYTES[v.dtype];
}

/** Cones as large as they may become, from the values that are stored in any case up. */
function possibleCones(graph: FuseGraph, must: ReadonlySet<Value>): Map<Value, Cone> {
  const cones = new Map<Value, Cone>();
  for (const v of graph.values) {
    if (!isElementwise(v) || must.has(v)) continue;
    const tensors = new Set<Value>();
    let work = v.op.scalar?.cost ?? 0;
    for (const x of v.inputs) {
      if (uniformValue(x) !== null) continue;
      const below = cones.get(x);
      if (below === undefined) {
        if (sizeOf(x.shape) === sizeOf(v.shape)) tensors.add(x);
      } else {
        for (const t of below.tensors) tensors.add(t);
        work += below.work;
      }
    }
    // Too large: it is stored, and what uses it starts from it.
    if (tensors.size <= MOST_TENSORS && work <= MOST_WORK) cones.set(v, { tensors, work });
  }
  return cones;
}
