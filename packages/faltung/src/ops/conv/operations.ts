/** This family's lines in the registry. */
import type { Operation } from "../op.ts";
import { convOp, convTransposeOp, convWeightGradOp } from "./conv2d.op.ts";

export const convOperations: readonly Operation<never>[] = [convOp, convTransposeOp, convWeightGradOp];
