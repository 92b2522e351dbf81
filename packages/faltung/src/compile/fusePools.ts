/** A max-pool and the number of each window's largest tap, which its gradient needs: one pass makes both. */
import type { Value } from "../ops/op.ts";
import { maxPoolIndexOp, maxPoolOp } from "../ops/pool/maxPool.op.ts";
import { lowerMaxPoolWithIndex, poolLayouts } from "../ops/pool/maxPool.wasm.ts";
import type { PoolWindow } from "../ops/pool/window.ts";
import type { Task } from "./task.ts";

/** The indices of `values`, each with the pool of the same input and window that makes it too. */
export function poolPairs(values: readonly Value[], alone: (pool: Value) => boolean): Map<Value, Value> {
  const pools = values.filter((v) => (v.op as object) === maxPoolOp && alone(v));
  const pairs = new Map<Value, Value>();
  for (const index of values) {
    if ((index.op as object) !== maxPoolIndexOp) continue;
    const pool = pools.find((v) => v.inputs[0] === index.inputs[0] && v.attrs === index.attrs);
    if (pool !== undefined) pairs.set(index, pool);
  }
  return pairs;
}

export function poolTask(pool: Value, index: Value): Task {
  const window = pool.attrs as PoolWindow;
  const [x] = pool.inputs;
  return {
    label: "maxPool+maxPoolIndex",
    inputs: [x],
    outputs: [pool, index],
    layouts: poolLayouts([x]).map(({ inputs, output }) => ({ inputs, outputs: [output, output] })),
    alias: false,
    inPlace: [],
    lower: ({ outputs: [layout] }) => lowerMaxPoolWithIndex(window, x, pool, layout),
  };
}
