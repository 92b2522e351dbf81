/** Broadcasting and its transpose, for the registry. */
import type { Operation } from "../op.ts";
import { broadcastOp, sumOp } from "./broadcast.op.ts";

export const broadcastOperations: readonly Operation<never>[] = [broadcastOp, sumOp];
