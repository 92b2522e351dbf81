/** This family's line in the registry. */
import type { Operation } from "../op.ts";
import { matmulOp } from "./matmul.op.ts";

export const matmulOperations: readonly Operation<never>[] = [matmulOp];
