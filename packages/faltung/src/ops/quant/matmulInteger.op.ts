/** Product of a matrix of bytes with signed bytes, exact. See integer.ts. */
import { matmulReference } from "../matmul/matmul.ref.ts";
import { type Operation, type Value, apply, describe } from "../op.ts";
import { ShapeError } from "../../tensor/errors.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { type IntegerRange, centred, checkBytes } from "./integer.ts";
import { matmulIntegerWasm } from "./matmulInteger.wasm.ts";

/** (x [M, K] uint8, w [N, K] signed bytes) → (x − zero)·wᵀ [M, N] int32. */
export const matmulIntegerOp: Operation<IntegerRange> = {
  name: "matmulInteger",
  infer(operands) {
    checkBytes("matmulInteger", operands);
    const [x, w] = operands;
    if (x.shape.length !== 2 || w.shape.length !== 2 || x.shape[1] !== w.shape[1]) {
      throw new ShapeError(`matmulInteger: ${describe(x)} [M, K] does not fit ${describe(w)} [N, K].`);
    }
    return { shape: [x.shape[0], w.shape[0]], dtype: "int32" };
  },
  reference: (operands, a, out) => matmulReference(centred(operands, a), { transA: false, transB: true }, out),
  gradient: { none: "whole numbers have no gradient" },
  wasm: matmulIntegerWasm,
  macs: ([x], y) => sizeOf(y.shape) * x.shape[1],
};

export function matmulInteger(x: Value, w: Value, attrs: IntegerRange): Value {
  return apply(matmulIntegerOp, [x, w], attrs);
}
