/** Sums, differences, products, quotients. Integer operands give integers (int32 wraps at 32 bits), except for `div`. */
import { f32x4, i32x4 } from "../../wasm/index.ts";
import type { Value, ValueLike } from "../op.ts";
import { type ElementwiseOperation, binary, elementwise, unary } from "./row.ts";

export const addOp: ElementwiseOperation<null> = elementwise({
  name: "add",
  arity: 2,
  kind: "arithmetic",
  evaluate: ([a, b]) => a + b,
  emit: (_, [a, b], __, dtype) => (dtype === "float32" ? f32x4 : i32x4).add(a, b),
  gradient: ({ dy }) => [dy, dy],
});

export const subOp: ElementwiseOperation<null> = elementwise({
  name: "sub",
  arity: 2,
  kind: "arithmetic",
  evaluate: ([a, b]) => a - b,
  emit: (_, [a, b], __, dtype) => (dtype === "float32" ? f32x4 : i32x4).sub(a, b),
  gradient: ({ inputs: [, b], dy }) => [dy, b.dtype === "float32" ? neg(dy) : null],
});

export const mulOp: ElementwiseOperation<null> = elementwise({
  name: "mul",
  arity: 2,
  kind: "arithmetic",
  evaluate: ([a, b], _, dtype) => (dtype === "float32" ? a * b : Math.imul(a, b)),
  emit: (_, [a, b], __, dtype) => (dtype === "float32" ? f32x4 : i32x4).mul(a, b),
  gradient: ({ inputs: [a, b], dy }) => [mul(dy, b), mul(dy, a)],
});

export const divOp: ElementwiseOperation<null> = elementwise({
  name: "div",
  arity: 2,
  kind: "float",
  cost: 3,
  evaluate: ([a, b]) => a / b,
  emit: (_, [a, b]) => f32x4.div(a, b),
  // d(a/b) = da/b − (a/b)/b db
  gradient: ({ inputs: [, b], output, dy }) => [div(dy, b), neg(mul(dy, div(output, b)))],
});

export const negOp: ElementwiseOperation<null> = elementwise({
  name: "neg",
  arity: 1,
  kind: "arithmetic",
  evaluate: ([x]) => -x,
  emit: (_, [x], __, dtype) => (dtype === "float32" ? f32x4 : i32x4).neg(x),
  gradient: ({ dy }) => [neg(dy)],
});

/**
 * a + b, broadcast (torch.add).
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [64, 10], dtype: "float32" });
 * add(x, Tensor.zeros([10])).shape; // [64, 10]
 * ```
 */
export function add(a: ValueLike, b: ValueLike): Value {
  return binary(addOp, a, b, null);
}

/**
 * a − b, broadcast (torch.sub).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: sub(x, Tensor.from([1, 2])) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([5, 7]) }).outputs.y.toArray(); // [4, 5]
 * ```
 */
export function sub(a: ValueLike, b: ValueLike): Value {
  return binary(subOp, a, b, null);
}

/**
 * a × b element by element, broadcast (torch.mul).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: mul(x, Tensor.from([2, 0.5])) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([5, 7]) }).outputs.y.toArray(); // [10, 3.5]
 * ```
 */
export function mul(a: ValueLike, b: ValueLike): Value {
  return binary(mulOp, a, b, null);
}

/**
 * a / b, broadcast; always float32, as torch.div without rounding mode.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: div(x, Tensor.from([4, 0, 0])) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, -1, 0]) }).outputs.y.toArray(); // [0.25, -Infinity, NaN]
 * ```
 */
export function div(a: ValueLike, b: ValueLike): Value {
  return binary(divOp, a, b, null);
}

/**
 * −x (torch.neg).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: neg(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, -2]) }).outputs.y.toArray(); // [-1, 2]
 * ```
 */
export function neg(x: ValueLike): Value {
  return unary(negOp, x, null);
}

/**
 * x² (torch.square).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: square(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([3, -4]) }).outputs.y.toArray(); // [9, 16]
 * ```
 */
export function square(x: Value): Value {
  return mul(x, x);
}

/**
 * 1 / x (torch.reciprocal).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: reciprocal(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([4, -0.5]) }).outputs.y.toArray(); // [0.25, -2]
 * ```
 */
export function reciprocal(x: ValueLike): Value {
  return div(1, x);
}
