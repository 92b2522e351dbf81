/** The operations of this family, for the registry. */
import type { Operation } from "../op.ts";
import { batchNormOp } from "./batchNorm.op.ts";
import { logSoftmaxOp, softmaxOp } from "./softmax.op.ts";
import { standardizeOp } from "./standardize.op.ts";

export const normOperations: readonly Operation<never>[] = [batchNormOp, standardizeOp, softmaxOp, logSoftmaxOp];
