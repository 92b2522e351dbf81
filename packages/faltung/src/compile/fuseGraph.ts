/** What fusion asks about a graph's values: who uses them, and what kind of work they are. */
import { type Value, isConstant, isInput, isState } from "../ops/op.ts";
import { broadcastOp, sumOp } from "../ops/broadcast/broadcast.op.ts";
import type { ReductionKind } from "../ops/map/reduction.ts";
import { maxOp, minOp } from "../ops/reduce/extreme.op.ts";
import { sameShape } from "../tensor/shape.ts";
import { reachable } from "./graph.ts";

const reductions: ReadonlyMap<object, ReductionKind> = new Map<object, ReductionKind>([
  [sumOp, "sum"],
  [maxOp, "max"],
  [minOp, "min"],
]);

export function isLeaf(v: Value): boolean {
  return isInput(v) || isConstant(v) || isState(v);
}

/** Computed element by element; a broadcast counts, as it is only another way to read its operand. */
export function isElementwise(v: Value): boolean {
  return v.op.scalar !== undefined || isBroadcast(v);
}

export function isBroadcast(v: Value): boolean {
  return (v.op as object) === broadcastOp;
}

export function reductionKind(v: Value): ReductionKind | undefined {
  return reductions.get(v.op);
}

/** The shape over which a value's work is done: a reduction's is its operand's. */
export function domainOf(v: Value): Value["shape"] {
  return reductionKind(v) === undefined ? v.shape : v.inputs[0].shape;
}

export class FuseGraph {
  /** All values, inputs before users. */
  readonly values: readonly Value[];
  readonly #users = new Map<Value, Value[]>();
  readonly #roots: ReadonlySet<Value>;

  constructor(roots: readonly Value[]) {
    this.values = reachable(roots);
    this.#roots = new Set(roots);
    for (const v of this.values) for (const x of new Set(v.inputs)) this.#of(x).push(v);
  }

  #of(v: Value): Value[] {
    let list = this.#users.get(v);
    if (list === undefined) this.#users.set(v, (list = []));
    return list;
  }

  users(v: Value): readonly Value[] {
    return this.#users.get(v) ?? [];
  }

  isRoot(v: Value): boolean {
    return this.#roots.has(v);
  }

  /** `user` can compute `v` by itself, for each of its own elements once. */
  canInline(v: Value, user: Value): boolean {
    return (
      isElementwise(v) &&
      (isElementwise(user) || reductionKind(user) !== undefined) &&
      sameShape(v.shape, domainOf(user)) &&
      !isBroadcast(user)
    );
  }
}
