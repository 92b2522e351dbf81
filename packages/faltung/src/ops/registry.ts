/** Every operation, by family. A conformance test walks this list: shapes, gradients, decompositions, all backends. */
import { broadcastOperations } from "./broadcast/operations.ts";
import { convOperations } from "./conv/operations.ts";
import { elementwiseOperations } from "./elementwise/operations.ts";
import { lossOperations } from "./loss/operations.ts";
import { matmulOperations } from "./matmul/operations.ts";
import { normOperations } from "./norm/operations.ts";
import type { Operation } from "./op.ts";
import { poolOperations } from "./pool/operations.ts";
import { quantOperations } from "./quant/operations.ts";
import { randomOperations } from "./random/operations.ts";
import { reduceOperations } from "./reduce/operations.ts";
import { shapeOperations } from "./shape/operations.ts";

export const operations: readonly Operation<never>[] = [
  ...elementwiseOperations,
  ...broadcastOperations,
  ...reduceOperations,
  ...shapeOperations,
  ...matmulOperations,
  ...convOperations,
  ...poolOperations,
  ...normOperations,
  ...lossOperations,
  ...randomOperations,
  ...quantOperations,
];
