/** The operations of this family, for the registry. */
import type { Operation } from "../op.ts";
import { convIntegerOp } from "./convInteger.op.ts";
import { matmulIntegerOp } from "./matmulInteger.op.ts";
import { maxPoolBytesOp } from "./maxPoolBytes.op.ts";
import { dequantizeOp, quantizeOp, quantizedConvOp, quantizedLinearOp } from "./quantize.op.ts";

export const quantOperations: readonly Operation<never>[] = [
  convIntegerOp,
  matmulIntegerOp,
  maxPoolBytesOp,
  quantizeOp,
  dequantizeOp,
  quantizedConvOp,
  quantizedLinearOp,
];
