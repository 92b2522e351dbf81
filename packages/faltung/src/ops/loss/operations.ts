/** The operations of this family, for the registry: the other losses are compositions. */
import type { Operation } from "../op.ts";
import { bceWithLogitsOp, binaryCrossEntropyOp } from "./binary.op.ts";

export const lossOperations: readonly Operation<never>[] = [binaryCrossEntropyOp, bceWithLogitsOp];
