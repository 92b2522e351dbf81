/** Softmax and its logarithm, along one axis, safe for large numbers: the largest one is subtracted first. */
import { resolveAxis } from "../../tensor/shape.ts";
import { reductionWalk } from "../broadcast/axes.ts";
import { sum } from "../broadcast/broadcast.op.ts";
import { div, exp, log, mul, sub } from "../elementwise/elementwise.ts";
import { type Operation, type Value, type ValueLike, apply, toValue } from "../op.ts";
import { max } from "../reduce/reduce.ts";
import { requireFloat } from "../shape/check.ts";

export interface SoftmaxAttributes {
  readonly axis: number;
}

/** Calls `visit` for each row along the axis, with its largest number and Σ exp(x − largest). */
function eachRow(
  x: { readonly shape: readonly number[]; readonly data: ArrayLike<number> },
  axis: number,
  visit: (places: readonly number[], largest: number, total: number) => void,
): void {
  reductionWalk(x.shape, [axis], (_outer, places) => {
    let largest = -Infinity;
    for (const i of places) largest = Math.max(largest, x.data[i]);
    let total = 0;
    for (const i of places) total += Math.exp(x.data[i] - largest);
    visit(places, largest, total);
  });
}

export const softmaxOp: Operation<SoftmaxAttributes> = {
  name: "softmax",
  infer([x]) {
    requireFloat("softmax", x);
    return { shape: x.shape, dtype: x.dtype };
  },
  reference([x], { axis }, out) {
    eachRow(x, axis, (places, largest, total) => {
      for (const i of places) out.data[i] = Math.exp(x.data[i] - largest) / total;
    });
  },
  decompose([x], { axis }) {
    if (x.shape[axis] === 0) return x;
    const e = exp(sub(x, max(x, axis, true)));
    return div(e, sum(e, axis, true));
  },
  // ∂yᵢ/∂xⱼ = yᵢ·(δᵢⱼ − yⱼ), so dx = y·(dy − Σ dy·y).
  gradient: {
    rule: ({ attrs: { axis }, output: y, dy }) => [mul(y, sub(dy, sum(mul(dy, y), axis, true)))],
  },
};

export const logSoftmaxOp: Operation<SoftmaxAttributes> = {
  name: "logSoftmax",
  infer([x]) {
    requireFloat("logSoftmax", x);
    return { shape: x.shape, dtype: x.dtype };
  },
  reference([x], { axis }, out) {
    eachRow(x, axis, (places, largest, total) => {
      for (const i of places) out.data[i] = x.data[i] - largest - Math.log(total);
    });
  },
  decompose([x], { axis }) {
    if (x.shape[axis] === 0) return x;
    const shifted = sub(x, max(x, axis, true));
    return sub(shifted, log(sum(exp(shifted), axis, true)));
  },
  // ∂yᵢ/∂xⱼ = δᵢⱼ − softmax(x)ⱼ, so dx = dy − softmax(x)·Σ dy.
  gradient: {
    rule: ({ attrs: { axis }, output: y, dy }) => [sub(dy, mul(exp(y), sum(dy, axis, true)))],
  },
};

/**
 * exp(x) / Σ exp(x) along an axis.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.softmax.html
 *
 * @param axis the last unless said.
 * @throws ShapeError unless x is float32.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: softmax(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1000, 1000]) }).outputs.y.toArray(); // [0.5, 0.5]
 * ```
 */
export function softmax(x: ValueLike, axis = -1): Value {
  const value = toValue(x);
  return apply(softmaxOp, [value], { axis: resolveAxis(axis, value.shape.length, "softmax") });
}

/**
 * x − log Σ exp(x) along an axis.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.log_softmax.html
 *
 * @param axis the last unless said.
 * @throws ShapeError unless x is float32.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: logSoftmax(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([0, 0]) }).outputs.y.toArray(); // ≈ [-0.6931, -0.6931]: log ½
 * ```
 */
export function logSoftmax(x: ValueLike, axis = -1): Value {
  const value = toValue(x);
  return apply(logSoftmaxOp, [value], { axis: resolveAxis(axis, value.shape.length, "logSoftmax") });
}
