/** Comparisons and logic: results are uint8, 1 for true. A comparison with NaN is false, but `ne` is true. */
import type { DType } from "../../tensor/shape.ts";
import { type V128, f32x4, i32x4, v128 } from "../../wasm/index.ts";
import { type Value, type ValueLike, apply, toValue } from "../op.ts";
import { type ElementwiseOperation, beside, binary, elementwise, promote, unary } from "./row.ts";

const none = { none: "it is piecewise constant: 0 or 1" } as const;

function comparison(
  name: string,
  evaluate: (a: number, b: number) => boolean,
  float: (a: V128, b: V128) => V128,
  integer: (a: V128, b: V128) => V128,
): ElementwiseOperation<null> {
  return elementwise({
    name,
    arity: 2,
    kind: "comparison",
    evaluate: ([a, b]) => (evaluate(a, b) ? 1 : 0),
    emit: (e, [a, b], _, dtype) => e.fromMask((dtype === "float32" ? float : integer)(a, b)),
    gradient: none,
  });
}

export const eqOp: ElementwiseOperation<null> = comparison("eq", (a, b) => a === b, f32x4.eq, i32x4.eq);
export const neOp: ElementwiseOperation<null> = comparison("ne", (a, b) => a !== b, f32x4.ne, i32x4.ne);
export const ltOp: ElementwiseOperation<null> = comparison("lt", (a, b) => a < b, f32x4.lt, i32x4.ltS);
export const leOp: ElementwiseOperation<null> = comparison("le", (a, b) => a <= b, f32x4.le, i32x4.leS);
export const gtOp: ElementwiseOperation<null> = comparison("gt", (a, b) => a > b, f32x4.gt, i32x4.gtS);
export const geOp: ElementwiseOperation<null> = comparison("ge", (a, b) => a >= b, f32x4.ge, i32x4.geS);

// Logic and `where` keep each operand's own dtype, so they ask for truth operand by operand.
function logic(
  name: string,
  arity: number,
  evaluate: (args: readonly boolean[]) => boolean,
  emit: (masks: readonly V128[]) => V128,
): ElementwiseOperation<null> {
  return elementwise<null>(
    {
      name,
      arity,
      kind: "logic",
      evaluate: (args) => (evaluate(args.map((x) => x !== 0)) ? 1 : 0),
      gradient: none,
    },
    (e, args, dtypes) => e.fromMask(emit(args.map((x, i) => e.toMask(x, dtypes[i])))),
  );
}

export const logicalAndOp: ElementwiseOperation<null> = logic(
  "logicalAnd",
  2,
  ([a, b]) => a && b,
  ([a, b]) => v128.and(a, b),
);
export const logicalOrOp: ElementwiseOperation<null> = logic(
  "logicalOr",
  2,
  ([a, b]) => a || b,
  ([a, b]) => v128.or(a, b),
);
export const logicalNotOp: ElementwiseOperation<null> = logic(
  "logicalNot",
  1,
  ([a]) => !a,
  ([a]) => v128.not(a),
);

export const whereOp: ElementwiseOperation<null> = elementwise(
  {
    name: "where",
    arity: 3,
    kind: (dtypes) => {
      const result = promote(dtypes.slice(1));
      return { operands: [dtypes[0], result, result], result };
    },
    evaluate: ([condition, a, b]) => (condition !== 0 ? a : b),
    gradient: ({ inputs: [condition], dy }) => [null, where(condition, dy, 0), where(condition, 0, dy)],
  },
  (e, [condition, a, b], [dc, da, db]) => {
    const float = promote([da, db]) === "float32";
    const meet = (x: V128, dtype: DType): V128 => (float && dtype !== "float32" ? f32x4.convertI32x4S(x) : x);
    return v128.bitselect(meet(a, da), meet(b, db), e.toMask(condition, dc));
  },
);

/**
 * a = b (torch.eq).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: eq(x, Tensor.from([2, 2, NaN])) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, 2, NaN]) }).outputs.y.toArray(); // [0, 1, 0]
 * ```
 */
export function eq(a: ValueLike, b: ValueLike): Value {
  return binary(eqOp, a, b, null);
}

/**
 * a ≠ b (torch.ne); `ne(x, x)` is true where x is NaN.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: ne(x, Tensor.from([2, 2, NaN])) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, 2, NaN]) }).outputs.y.toArray(); // [1, 0, 1]
 * ```
 */
export function ne(a: ValueLike, b: ValueLike): Value {
  return binary(neOp, a, b, null);
}

/**
 * a < b (torch.lt).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: lt(x, Tensor.from([2, 2, NaN])) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, 2, NaN]) }).outputs.y.toArray(); // [1, 0, 0]
 * ```
 */
export function lt(a: ValueLike, b: ValueLike): Value {
  return binary(ltOp, a, b, null);
}

/**
 * a ≤ b (torch.le).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: le(x, Tensor.from([2, 2, NaN])) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, 2, NaN]) }).outputs.y.toArray(); // [1, 1, 0]
 * ```
 */
export function le(a: ValueLike, b: ValueLike): Value {
  return binary(leOp, a, b, null);
}

/**
 * a > b (torch.gt).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: gt(x, Tensor.from([2, 2, NaN])) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, 2, NaN]) }).outputs.y.toArray(); // [0, 0, 0]
 * ```
 */
export function gt(a: ValueLike, b: ValueLike): Value {
  return binary(gtOp, a, b, null);
}

/**
 * a ≥ b (torch.ge).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: ge(x, Tensor.from([2, 2, NaN])) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, 2, NaN]) }).outputs.y.toArray(); // [0, 1, 0]
 * ```
 */
export function ge(a: ValueLike, b: ValueLike): Value {
  return binary(geOp, a, b, null);
}

/**
 * Both are not zero (torch.logical_and).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: logicalAnd(x, Tensor.from([1, 0, 3])) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([0, 1, 2]) }).outputs.y.toArray(); // [0, 0, 1]
 * ```
 */
export function logicalAnd(a: ValueLike, b: ValueLike): Value {
  return binary(logicalAndOp, a, b, null);
}

/**
 * One of them is not zero (torch.logical_or).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: logicalOr(x, Tensor.from([0, 0, 3])) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([0, 1, 0]) }).outputs.y.toArray(); // [0, 1, 1]
 * ```
 */
export function logicalOr(a: ValueLike, b: ValueLike): Value {
  return binary(logicalOrOp, a, b, null);
}

/**
 * x is zero (torch.logical_not).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: logicalNot(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([0, 2]) }).outputs.y.toArray(); // [1, 0]
 * ```
 */
export function logicalNot(x: ValueLike): Value {
  return unary(logicalNotOp, x, null);
}

/**
 * `a` where the condition is not zero, else `b` (torch.where). All three broadcast.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [2, 3], dtype: "float32" });
 * where(gt(x, 0), x, mul(x, 0.1)).shape; // [2, 3]
 * ```
 */
export function where(condition: ValueLike, a: ValueLike, b: ValueLike): Value {
  return apply(whereOp, [toValue(condition), beside(a, b), beside(b, a)], null);
}
