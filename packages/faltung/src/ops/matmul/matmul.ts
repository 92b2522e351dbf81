/** Matrix products with PyTorch's names. */
import { ShapeError } from "../../tensor/errors.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { add } from "../elementwise/elementwise.ts";
import { type Value, type ValueLike, describe, toValue } from "../op.ts";
import { reshape } from "../shape/shape.ts";
import { product } from "./matmul.op.ts";

/**
 * Matrix product, as torch.matmul: of the last two dimensions, the leading ones broadcast. A vector on the left counts
 * as a row, one on the right as a column, and that dimension is dropped again: two vectors give their dot product.
 *
 * @param a [..., M, K] or [K]
 * @param b [..., K, N] or [K]
 * @param options transA, transB: the operand is stored with its last two dimensions exchanged. Default false.
 * @returns [..., M, N]
 * @throws ShapeError if the inner sizes differ or the leading dimensions do not broadcast.
 * @see https://pytorch.org/docs/stable/generated/torch.matmul.html
 *
 * @example
 * ```ts
 * matmul(Tensor.from([[1, 2], [3, 4]]), Tensor.from([10, 1])).shape; // [2]: the numbers 12 and 34
 * ```
 */
export function matmul(
  a: ValueLike,
  b: ValueLike,
  { transA = false, transB = false }: { readonly transA?: boolean; readonly transB?: boolean } = {},
): Value {
  const left = toValue(a);
  const right = toValue(b);
  if (left.shape.length === 0 || right.shape.length === 0) {
    throw new ShapeError(`matmul: ${describe(left)} and ${describe(right)}; use mul for scalars.`);
  }
  const row = left.shape.length === 1;
  const column = right.shape.length === 1;
  const m = row ? reshape(left, transA ? [left.shape[0], 1] : [1, left.shape[0]]) : left;
  const n = column ? reshape(right, transB ? [1, right.shape[0]] : [right.shape[0], 1]) : right;
  const c = flattened(m, n, transA, transB);
  if (!row && !column) return c;
  const rank = c.shape.length;
  return reshape(
    c,
    c.shape.filter((_, d) => !(row && d === rank - 2) && !(column && d === rank - 1)),
  );
}

/** A batch times one matrix is one tall matrix times it: larger products, and no sum over the batch in the gradient. */
function flattened(a: Value, b: Value, transA: boolean, transB: boolean): Value {
  if (transA || a.shape.length === 2 || b.shape.length > 2 || sizeOf(a.shape) === 0)
    return product(a, b, transA, transB);
  const lead = a.shape.slice(0, -1);
  const tall = product(reshape(a, [sizeOf(lead), a.shape[a.shape.length - 1]]), b, false, transB);
  return reshape(tall, [...lead, tall.shape[1]]);
}

/**
 * y = x·weightᵀ + bias, as torch.nn.functional.linear.
 *
 * @param x [..., in]
 * @param weight [out, in]
 * @param bias [out]. None unless given.
 * @returns [..., out]
 * @throws ShapeError if the sizes do not fit together.
 *
 * @example
 * ```ts
 * linear(Tensor.zeros([64, 784]), Tensor.zeros([10, 784]), Tensor.zeros([10])).shape; // [64, 10]
 * ```
 */
export function linear(x: ValueLike, weight: ValueLike, bias?: ValueLike | null): Value {
  const input = toValue(x);
  const w = toValue(weight);
  if (w.shape.length !== 2 || input.shape.length < 1 || input.shape[input.shape.length - 1] !== w.shape[1]) {
    throw new ShapeError(
      `linear: x has ${input.shape.at(-1) ?? "no"} features, weight expects ${w.shape[1]} (weight.shape[1]). ` +
        `x ${describe(input)} [..., in], weight ${describe(w)} [out, in].`,
    );
  }
  const y = matmul(input, w, { transB: true });
  if (bias === null || bias === undefined) return y;
  const b = toValue(bias);
  if (b.shape.length !== 1 || b.shape[0] !== w.shape[0]) {
    throw new ShapeError(`linear: bias is ${describe(b)}; it must have shape [${w.shape[0]}], one per output feature.`);
  }
  return add(y, b);
}
