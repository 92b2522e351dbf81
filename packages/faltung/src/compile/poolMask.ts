/**
 * A condition on what was pooled, moved to the pooled size. An activation before a max-pool lets through those dy whose
 * cell it left above zero. Unpooling puts each dy where its window's largest value stood, and that value is the pool's
 * result: so the pool's result tells as much, at a quarter of the size, and what was pooled need not be kept.
 *
 *   where(c(u), 0, maxUnpool(dy, maxPoolIndex(u)))  =  maxUnpool(where(c(maxPool(u)), 0, dy), maxPoolIndex(u))
 *
 * Bit for bit, also where windows overlap: all dy that meet in a cell have the same condition.
 */
import { geOp, gtOp, leOp, ltOp, whereOp } from "../ops/elementwise/comparison.ts";
import { type Value, apply } from "../ops/op.ts";
import { type UnpoolAttributes, maxPoolIndexOp, maxPoolOp, maxUnpoolOp } from "../ops/pool/maxPool.op.ts";
import type { PoolWindow } from "../ops/pool/window.ts";
import { sameShape } from "../tensor/shape.ts";

const comparisons: ReadonlySet<object> = new Set<object>([leOp, ltOp, geOp, gtOp]);

/**
 * @param inputs the value's, rewritten
 * @param uniform the number that all elements of a value are, or null
 * @param share the value that is known to be equal: the pool itself is there already
 * @returns undefined unless the value is such a condition
 */
export function poolMask(
  value: Value,
  inputs: readonly Value[],
  uniform: (v: Value) => number | null,
  share: (v: Value) => Value,
): Value | undefined {
  if ((value.op as object) !== whereOp) return undefined;
  const [condition, a, b] = inputs;
  const zeroFirst = Object.is(uniform(a), 0);
  const spread = zeroFirst ? b : a;
  if ((!zeroFirst && !Object.is(uniform(b), 0)) || !sameShape(spread.shape, value.shape)) return undefined;
  if ((spread.op as object) !== maxUnpoolOp || !comparisons.has(condition.op)) return undefined;
  const [dy, index] = spread.inputs;
  const [u, bound] = condition.inputs;
  const { window, spatial } = spread.attrs as UnpoolAttributes;
  if ((index.op as object) !== maxPoolIndexOp || index.inputs[0] !== u || uniform(bound) === null) return undefined;
  if (!sameShape(u.shape, value.shape) || bound.shape.length > 0) return undefined;
  const pooled = share(apply(maxPoolOp, [u], index.attrs as PoolWindow));
  const kept = share(apply(condition.op, [pooled, bound], condition.attrs));
  const passed = share(apply(whereOp, zeroFirst ? [kept, a, dy] : [kept, dy, b], null));
  return share(apply(maxUnpoolOp, [passed, index], { window, spatial }));
}
