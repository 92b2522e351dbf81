/** The operations of this family, for the registry. */
import type { Operation } from "../op.ts";
import { randomUniformOp } from "./random.op.ts";

export const randomOperations: readonly Operation<never>[] = [randomUniformOp];
