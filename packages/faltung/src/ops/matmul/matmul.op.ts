/**
 * Batched matrix product. Either operand may be given transposed, which makes the operation closed under
 * differentiation: with c = a·b and a gradient dc,
 *
 *     da = dc·bᵀ        db = aᵀ·dc
 *
 * and where an operand was stored transposed, its gradient is the transpose of that: (dc·bᵀ)ᵀ = b·dcᵀ.
 */
import { ShapeError } from "../../tensor/errors.ts";
import { type Shape, broadcastShapes, sizeOf } from "../../tensor/shape.ts";
import { type Operation, type Value, apply, describe } from "../op.ts";
import { sumTo } from "../reduce/reduce.ts";
import { matmulWasm } from "./matmul.wasm.ts";
import { matmulReference } from "./matmul.ref.ts";

export interface MatmulAttributes {
  /** The first operand is stored as [..., K, M] instead of [..., M, K]. */
  readonly transA: boolean;
  /** The second operand is stored as [..., N, K] instead of [..., K, N]. */
  readonly transB: boolean;
}

/** Rows and columns as the product sees them. */
function matrix(shape: Shape, transposed: boolean): readonly [rows: number, columns: number] {
  const [r, c] = shape.slice(-2);
  return transposed ? [c, r] : [r, c];
}

/** (a [..., M, K], b [..., K, N]) → [..., M, N]; leading dimensions broadcast. */
export const matmulOp: Operation<MatmulAttributes> = {
  name: "matmul",
  infer([a, b], { transA, transB }) {
    const given = `Operands ${describe(a)}${transA ? " transposed" : ""} and ${describe(b)}${transB ? " transposed" : ""}.`;
    if (a.dtype !== "float32" || b.dtype !== "float32") throw new ShapeError(`matmul: both must be float32. ${given}`);
    if (a.shape.length < 2 || b.shape.length < 2) {
      throw new ShapeError(`matmul: both must have at least two dimensions. ${given}`);
    }
    const [m, k] = matrix(a.shape, transA);
    const [inner, n] = matrix(b.shape, transB);
    if (k !== inner) {
      throw new ShapeError(
        `matmul: the first has ${k} columns, the second ${inner} rows; they must be equal. ${given}`,
      );
    }
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), "matmul (batch dimensions)");
    return { shape: [...batch, m, n], dtype: "float32" };
  },
  reference: matmulReference,
  gradient: {
    rule({ inputs: [a, b], attrs: { transA, transB }, dy }) {
      const da = transA ? product(b, dy, transB, true) : product(dy, b, false, !transB);
      const db = transB ? product(dy, a, true, transA) : product(a, dy, !transA, false);
      return [sumTo(da, a.shape), sumTo(db, b.shape)];
    },
  },
  wasm: matmulWasm,
  macs: ([a], y, { transA }) => sizeOf(y.shape) * matrix(a.shape, transA)[1],
};

/** The operation as it is: at least two dimensions each. */
export function product(a: Value, b: Value, transA: boolean, transB: boolean): Value {
  return apply(matmulOp, [a, b], { transA, transB });
}
