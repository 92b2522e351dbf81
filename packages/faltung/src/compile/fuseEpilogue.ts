/**
 * Elementwise work that rides on the operation that makes its operand: bias, activation, residual add, the mask of an
 * activation's gradient. It may join if everything that uses the operation's result, and all in between, is computed on
 * the way, so that one tensor only is stored.
 */
import type { Value } from "../ops/op.ts";
import { type Shape, sameShape, sizeOf } from "../tensor/shape.ts";
import { type FuseGraph, isBroadcast, isElementwise, isLeaf } from "./fuseGraph.ts";
import { uniformValue } from "./simplify.ts";

const MOST_WORK = 90;
const MOST_OPERANDS = 4;

export interface Epilogue {
  readonly root: Value;
  /** What is stored in the root's stead. */
  readonly output: Value;
  /** The root, the output and what is computed in between. */
  readonly chain: ReadonlySet<Value>;
  /** Other tensors that it reads. */
  readonly operands: readonly Value[];
}

/** All epilogues, each value in one at most. */
export function findEpilogues(graph: FuseGraph): Epilogue[] {
  const found: Epilogue[] = [];
  const taken = new Set<Value>();
  for (const root of graph.values) {
    if (root.op.wasm?.fusesEpilogue !== true || root.dtype === "uint8") continue;
    const epilogue = grow(graph, root, taken);
    if (epilogue === undefined) continue;
    for (const v of epilogue.chain) taken.add(v);
    found.push(epilogue);
  }
  return found;
}

function grow(graph: FuseGraph, root: Value, taken: ReadonlySet<Value>): Epilogue | undefined {
  const chain = new Set<Value>([root]);
  const operands = new Set<Value>();
  const stores = root.op.wasm?.epilogueStores ?? ["float32"];
  let work = 0;
  let best: Epilogue | undefined;
  for (;;) {
    // The first user outside: users come in order, so whatever it needs of the chain is there.
    const next = firstUser(graph, chain);
    if (
      next === undefined ||
      taken.has(next) ||
      !isElementwise(next) ||
      isBroadcast(next) ||
      !sameShape(next.shape, root.shape)
    )
      return best;
    const riders = next.inputs.filter(
      (x) => !chain.has(x) && !taken.has(x) && isOnlyFor(graph, x, next, root) && ridesAlong(graph, x, root),
    );
    for (const x of [...next.inputs, ...riders.flatMap((rider) => rider.inputs)]) {
      if (chain.has(x) || riders.includes(x) || uniformValue(x) !== null) continue;
      if (!readable(x, root.shape)) return best;
      operands.add(x);
    }
    for (const v of [...riders, next]) work += v.op.scalar?.cost ?? 0;
    if (work > MOST_WORK || operands.size > MOST_OPERANDS) return best;
    for (const v of [...riders, next]) chain.add(v);
    const open = [...chain].filter((v) => graph.isRoot(v) || graph.users(v).some((u) => !chain.has(u)));
    if (open.length === 1 && open[0] === next && stores.includes(next.dtype)) {
      best = { root, output: next, chain: new Set(chain), operands: [...operands] };
    }
    // Something in between is asked for itself: it would have to be stored too.
    if ([...chain].some((v) => v !== next && graph.isRoot(v))) return best;
  }
}

/** Elementwise work as large as the root's result that nothing but `user` needs. */
function isOnlyFor(graph: FuseGraph, x: Value, user: Value, root: Value): boolean {
  return (
    x.op.scalar !== undefined &&
    sameShape(x.shape, root.shape) &&
    !graph.isRoot(x) &&
    graph.users(x).every((u) => u === user)
  );
}

/**
 * Work on what is at hand anyway, computed here rather than stored, which would take a pass of its own: a condition on a
 * tensor that something else reads beside or after the operation (an activation's result, which the gradient by the next
 * layer's weights needs too), or work on leaves (a momentum buffer times its factor).
 */
function ridesAlong(graph: FuseGraph, x: Value, root: Value): boolean {
  const free = (y: Value): boolean => uniformValue(y) !== null;
  if (x.inputs.every((y) => free(y) || isLeaf(y))) return true;
  if (x.dtype !== "uint8") return false;
  return x.inputs.every(
    (y) =>
      free(y) ||
      graph.users(y).some((u) => u !== x && (u.id > root.id || u.inputs.some((v) => root.inputs.includes(v)))),
  );
}

function firstUser(graph: FuseGraph, chain: ReadonlySet<Value>): Value | undefined {
  let first: Value | undefined;
  for (const v of chain) {
    for (const u of graph.users(v)) if (!chain.has(u) && (first === undefined || u.id < first.id)) first = u;
  }
  return first;
}

/** Of the result's shape, one number, or one for each channel (dimension 1), or for each column of a matrix. */
function readable(x: Value, shape: Shape): boolean {
  if (sameShape(x.shape, shape) || sizeOf(x.shape) === 1) return true;
  const channels = shape.length - 2;
  const padded = [...new Array<number>(Math.max(0, shape.length - x.shape.length)).fill(1), ...x.shape];
  return shape.length >= 2 && padded.every((d, i) => (i === 1 ? d === shape[1] : d === 1)) && channels >= 0;
}
