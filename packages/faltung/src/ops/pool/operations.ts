/** The operations of this family, for the registry. */
import type { Operation } from "../op.ts";
import { adaptiveAvgPoolOp, avgPoolOp } from "./avgPool.op.ts";
import { maxPoolIndexOp, maxPoolOp, maxUnpoolOp, poolGatherOp } from "./maxPool.op.ts";

export const poolOperations: readonly Operation<never>[] = [
  maxPoolOp,
  maxPoolIndexOp,
  maxUnpoolOp,
  poolGatherOp,
  avgPoolOp,
  adaptiveAvgPoolOp,
];
