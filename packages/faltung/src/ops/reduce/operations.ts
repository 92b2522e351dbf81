/** Reductions other than sum, for the registry. */
import type { Operation } from "../op.ts";
import { argmaxOp, argminOp } from "./arg.op.ts";
import { maxOp, minOp } from "./extreme.op.ts";

export const reduceOperations: readonly Operation<never>[] = [maxOp, minOp, argmaxOp, argminOp];
