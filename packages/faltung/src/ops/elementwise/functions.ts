/** Functions of real numbers, rounding, bounds, conversion: PyTorch's names and NaN behaviour (NaN passes through). */
import type { DType } from "../../tensor/shape.ts";
import { type V128, f32x4, i32x4, v128 } from "../../wasm/index.ts";
import { toFloat, wrapByte } from "../map/emit.wasm.ts";
import type { ScalarEmitter } from "../map/expression.ts";
import * as kernels from "../map/math.wasm.ts";
import { erf as erfDouble, logistic, power, roundEven, truncateInt32 } from "../map/special.ts";
import { type Pullback, type Value, type ValueLike, apply, toValue } from "../op.ts";
import { add, div, mul, neg, reciprocal, square, sub } from "./arithmetic.ts";
import { eq, ge, gt, le, logicalAnd, logicalOr, lt, where } from "./comparison.ts";
import { type ElementwiseOperation, type Row, beside, binary, elementwise, unary } from "./row.ts";

/** A function of one real number. */
function real(
  name: string,
  cost: number,
  evaluate: (x: number) => number,
  emit: (e: ScalarEmitter, x: V128) => V128,
  gradient: (p: Pullback<null>) => Value,
): ElementwiseOperation<null> {
  return elementwise({
    name,
    arity: 1,
    kind: "float",
    cost,
    evaluate: ([x]) => evaluate(x),
    emit: (e, [x]) => emit(e, x),
    gradient: (p) => [gradient(p)],
  });
}

export const expOp: ElementwiseOperation<null> = real("exp", 20, Math.exp, kernels.exp, ({ output, dy }) =>
  mul(dy, output),
);
export const expm1Op: ElementwiseOperation<null> = real("expm1", 20, Math.expm1, kernels.expm1, ({ output, dy }) =>
  mul(dy, add(output, 1)),
);
export const logOp: ElementwiseOperation<null> = real("log", 30, Math.log, kernels.log, ({ inputs: [x], dy }) =>
  div(dy, x),
);
export const log1pOp: ElementwiseOperation<null> = real("log1p", 36, Math.log1p, kernels.log1p, ({ inputs: [x], dy }) =>
  div(dy, add(x, 1)),
);
export const sqrtOp: ElementwiseOperation<null> = real(
  "sqrt",
  4,
  Math.sqrt,
  (_, x) => f32x4.sqrt(x),
  ({ output, dy }) => div(mul(dy, 0.5), output),
);
export const sigmoidOp: ElementwiseOperation<null> = real("sigmoid", 26, logistic, kernels.sigmoid, ({ output, dy }) =>
  mul(dy, mul(output, sub(1, output))),
);
export const tanhOp: ElementwiseOperation<null> = real("tanh", 30, Math.tanh, kernels.tanh, ({ output, dy }) =>
  mul(dy, sub(1, square(output))),
);
export const erfOp: ElementwiseOperation<null> = real("erf", 50, erfDouble, kernels.erf, ({ inputs: [x], dy }) =>
  mul(dy, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))),
);

export const powOp: ElementwiseOperation<null> = elementwise({
  name: "pow",
  arity: 2,
  kind: "float",
  cost: 120,
  evaluate: ([a, b]) => power(a, b),
  emit: (e, [a, b]) => kernels.pow(e, a, b),
  // As PyTorch: da is 0 where b = 0; db is 0 where a = 0 and b ≥ 0.
  gradient({ inputs: [a, b], output, dy }) {
    const da = where(eq(b, 0), 0, mul(dy, mul(b, pow(a, sub(b, 1)))));
    if (b.dtype !== "float32") return [da, null];
    return [da, where(logicalAnd(eq(a, 0), ge(b, 0)), 0, mul(dy, mul(output, log(a))))];
  },
});

export const absOp: ElementwiseOperation<null> = elementwise({
  name: "abs",
  arity: 1,
  kind: "arithmetic",
  evaluate: ([x]) => Math.abs(x),
  emit: (_, [x], __, dtype) => (dtype === "float32" ? f32x4 : i32x4).abs(x),
  gradient: ({ inputs: [x], dy }) => [mul(dy, sign(x))],
});

/** Flat functions: their gradient is zero everywhere, as in PyTorch. */
function flat(row: Omit<Row<null>, "arity" | "gradient">): ElementwiseOperation<null> {
  return elementwise({ ...row, arity: 1, gradient: () => [null] });
}

export const signOp: ElementwiseOperation<null> = flat({
  name: "sign",
  kind: "arithmetic",
  cost: 4,
  evaluate: ([x]) => (Number.isNaN(x) ? 0 : Math.sign(x) + 0),
  emit(e, [x], _, dtype) {
    const v = e.let(x);
    if (dtype !== "float32") return i32x4.sub(i32x4.gtS(i32x4.const(0), v), i32x4.gtS(v, i32x4.const(0)));
    const one = f32x4.const(1);
    return f32x4.sub(v128.and(f32x4.gt(v, f32x4.const(0)), one), v128.and(f32x4.lt(v, f32x4.const(0)), one));
  },
});
export const floorOp: ElementwiseOperation<null> = rounding("floor", Math.floor, f32x4.floor);
export const ceilOp: ElementwiseOperation<null> = rounding("ceil", Math.ceil, f32x4.ceil);
export const roundOp: ElementwiseOperation<null> = rounding("round", roundEven, f32x4.nearest);

function rounding(name: string, evaluate: (x: number) => number, emit: (x: V128) => V128): ElementwiseOperation<null> {
  return flat({
    name,
    kind: "arithmetic",
    evaluate: ([x]) => evaluate(x),
    emit: (_, [x], __, dtype) => (dtype === "float32" ? emit(x) : x),
  });
}

/**
 * The larger or the smaller of two. As in PyTorch, the gradient is cut off where a side loses and halved where both are
 * equal; beside NaN nobody loses.
 */
function extreme(
  name: string,
  evaluate: (a: number, b: number) => number,
  float: (a: V128, b: V128) => V128,
  integer: (a: V128, b: V128) => V128,
  loses: (a: Value, b: Value) => Value,
): ElementwiseOperation<null> {
  return elementwise({
    name,
    arity: 2,
    kind: "arithmetic",
    cost: 4,
    evaluate: ([a, b]) => evaluate(a, b),
    emit: (_, [a, b], __, dtype) => (dtype === "float32" ? float : integer)(a, b),
    gradient({ inputs: [a, b], dy }) {
      const shared = where(eq(a, b), mul(dy, 0.5), dy);
      return [where(loses(a, b), 0, shared), where(loses(b, a), 0, shared)];
    },
  });
}

export const maximumOp: ElementwiseOperation<null> = extreme("maximum", Math.max, f32x4.max, i32x4.maxS, lt);
export const minimumOp: ElementwiseOperation<null> = extreme("minimum", Math.min, f32x4.min, i32x4.minS, gt);

export interface ClampAttributes {
  readonly min: number;
  readonly max: number;
  /** No gradient at the bounds themselves either: what PyTorch's hardtanh does, and torch.clamp does not. */
  readonly open?: true;
}

export const clampOp: ElementwiseOperation<ClampAttributes> = elementwise({
  name: "clamp",
  arity: 1,
  kind: "arithmetic",
  cost: 2,
  evaluate: ([x], { min, max }) => (Number.isNaN(x) ? x : Math.min(Math.max(x, min), max)),
  emit(_, [x], { min, max }, dtype) {
    if (dtype === "float32") {
      const raised = min === -Infinity ? x : f32x4.pmax(x, f32x4.const(min)); // pmax and pmin keep NaN in x
      return max === Infinity ? raised : f32x4.pmin(raised, f32x4.const(max));
    }
    const bound = (b: number): V128 => i32x4.const(truncateInt32(b));
    return i32x4.minS(i32x4.maxS(x, bound(Math.ceil(min))), bound(Math.floor(max)));
  },
  // Between open bounds the result tells as much as x, which then need not be kept.
  gradient: ({ inputs: [x], attrs: { min, max, open }, output, dy }) => [
    open ? where(logicalOr(le(output, min), ge(output, max)), 0, dy) : where(logicalAnd(ge(x, min), le(x, max)), dy, 0),
  ],
});

export interface CastAttributes {
  readonly dtype: DType;
}

export const castOp: ElementwiseOperation<CastAttributes> = withOwnDTypes({
  name: "cast",
  arity: 1,
  kind: (dtypes, { dtype }) => ({ operands: dtypes, result: dtype }),
  evaluate: ([x], { dtype }) => (dtype === "float32" ? x : truncateInt32(x)),
  emit(_, [x], { dtype }, from) {
    if (dtype === "float32") return toFloat(x, from);
    const whole = from === "float32" ? i32x4.truncSatF32x4S(x) : x;
    return dtype === "uint8" ? wrapByte(whole) : whole;
  },
  gradient: ({ attrs: { dtype }, dy }) => [dtype === "float32" ? dy : null],
});

function withOwnDTypes(row: Row<CastAttributes>): ElementwiseOperation<CastAttributes> {
  return elementwise(row);
}

/**
 * e^x (torch.exp).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: exp(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([0, 1, -Infinity]) }).outputs.y.toArray(); // ≈ [1, 2.7183, 0]
 * ```
 */
export function exp(x: ValueLike): Value {
  return unary(expOp, x, null);
}

/**
 * e^x − 1, accurate near 0 (torch.expm1).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: expm1(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([0, 1]) }).outputs.y.toArray(); // ≈ [0, 1.7183]
 * ```
 */
export function expm1(x: ValueLike): Value {
  return unary(expm1Op, x, null);
}

/**
 * Natural logarithm (torch.log): −∞ at 0, NaN below.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: log(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, 10, 0]) }).outputs.y.toArray(); // ≈ [0, 2.3026, -Infinity]
 * ```
 */
export function log(x: ValueLike): Value {
  return unary(logOp, x, null);
}

/**
 * log(1 + x), accurate near 0 (torch.log1p).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: log1p(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([0, 1]) }).outputs.y.toArray(); // ≈ [0, 0.6931]
 * ```
 */
export function log1p(x: ValueLike): Value {
  return unary(log1pOp, x, null);
}

/**
 * √x (torch.sqrt): NaN below 0.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: sqrt(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([9, 2]) }).outputs.y.toArray(); // ≈ [3, 1.4142]
 * ```
 */
export function sqrt(x: ValueLike): Value {
  return unary(sqrtOp, x, null);
}

/**
 * 1 / √x (torch.rsqrt).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: rsqrt(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([4, 0.25]) }).outputs.y.toArray(); // [0.5, 2]
 * ```
 */
export function rsqrt(x: ValueLike): Value {
  return reciprocal(sqrt(x));
}

/**
 * 1 / (1 + e^−x) (torch.sigmoid).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: sigmoid(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([0, 2, -2]) }).outputs.y.toArray(); // ≈ [0.5, 0.8808, 0.1192]
 * ```
 */
export function sigmoid(x: ValueLike): Value {
  return unary(sigmoidOp, x, null);
}

/**
 * Hyperbolic tangent (torch.tanh).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: tanh(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([0, 1, -1]) }).outputs.y.toArray(); // ≈ [0, 0.7616, -0.7616]
 * ```
 */
export function tanh(x: ValueLike): Value {
  return unary(tanhOp, x, null);
}

/**
 * The error function (torch.erf): 2/√π ∫₀ˣ e^(−t²) dt.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: erf(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([0, 1]) }).outputs.y.toArray(); // ≈ [0, 0.8427]
 * ```
 */
export function erf(x: ValueLike): Value {
  return unary(erfOp, x, null);
}

/**
 * a^b, broadcast (torch.pow), always float32. Small whole exponents and ±½ given as numbers become products and roots.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: pow(x, 2) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([3, -4]) }).outputs.y.toArray(); // [9, 16]
 * ```
 */
export function pow(a: ValueLike, b: ValueLike): Value {
  if (typeof b === "number" && typeof a !== "number" && a.dtype === "float32") {
    const x = toValue(a);
    if (b === 1) return x;
    if (b === 2) return square(x);
    if (b === 3) return mul(square(x), x);
    if (b === 4) return square(square(x));
    if (b === 0.5) return where(eq(x, -Infinity), Infinity, sqrt(x));
    if (b === -1) return reciprocal(x);
    if (b === -2) return square(reciprocal(x)); // this way round the gradient at 0 is ∓∞, not NaN
  }
  return apply(powOp, [beside(a, b), toValue(b)], null);
}

/**
 * |x| (torch.abs); its gradient at 0 is 0.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: abs(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-3, 0, 2]) }).outputs.y.toArray(); // [3, 0, 2]
 * ```
 */
export function abs(x: ValueLike): Value {
  return unary(absOp, x, null);
}

/**
 * −1, 0 or 1 (torch.sign); 0 for NaN.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: sign(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-3, 0, 2]) }).outputs.y.toArray(); // [-1, 0, 1]
 * ```
 */
export function sign(x: ValueLike): Value {
  return unary(signOp, x, null);
}

/**
 * The largest whole number ≤ x (torch.floor).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: floor(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-1.5, 1.5]) }).outputs.y.toArray(); // [-2, 1]
 * ```
 */
export function floor(x: ValueLike): Value {
  return unary(floorOp, x, null);
}

/**
 * The smallest whole number ≥ x (torch.ceil).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: ceil(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-1.5, 1.5]) }).outputs.y.toArray(); // [-1, 2]
 * ```
 */
export function ceil(x: ValueLike): Value {
  return unary(ceilOp, x, null);
}

/**
 * The nearest whole number, halves to the even one (torch.round).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: round(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([0.5, 1.5, -1.2]) }).outputs.y.toArray(); // [0, 2, -1]
 * ```
 */
export function round(x: ValueLike): Value {
  return unary(roundOp, x, null);
}

/**
 * The larger of two, broadcast (torch.maximum). NaN if one of them is. Equal operands share the gradient.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: maximum(x, Tensor.from([2, 3, 4])) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, 5, NaN]) }).outputs.y.toArray(); // [2, 5, NaN]
 * ```
 */
export function maximum(a: ValueLike, b: ValueLike): Value {
  return binary(maximumOp, a, b, null);
}

/**
 * The smaller of two, broadcast (torch.minimum). NaN if one of them is. Equal operands share the gradient.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: minimum(x, Tensor.from([2, 3, 4])) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, 5, NaN]) }).outputs.y.toArray(); // [1, 3, NaN]
 * ```
 */
export function minimum(a: ValueLike, b: ValueLike): Value {
  return binary(minimumOp, a, b, null);
}

/**
 * x within bounds (torch.clamp); NaN stays. Its gradient passes where min ≤ x ≤ max.
 *
 * @param min −∞ for none. @param max ∞ for none.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: clamp(x, 0, 6) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-1, 3, 9]) }).outputs.y.toArray(); // [0, 3, 6]
 * ```
 */
export function clamp(x: ValueLike, min: number = -Infinity, max: number = Infinity): Value {
  return unary(clampOp, x, { min, max });
}

/**
 * x under another dtype (Tensor.to). From float32 to integers: towards zero, within int32's range, NaN as 0; to uint8
 * the low eight bits are kept.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: cast(x, "int32") }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([2.7, -2.7, NaN]) }).outputs.y.toArray(); // [2, -2, 0]
 * ```
 */
export function cast(x: ValueLike, dtype: DType): Value {
  const v = toValue(x);
  return v.dtype === dtype ? v : apply(castOp, [v], { dtype });
}
