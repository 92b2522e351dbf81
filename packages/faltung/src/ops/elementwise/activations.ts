/**
 * Activation functions. relu, leakyRelu and elu are rows, since their gradients can be told from the result alone (so a
 * convolution that they are fused into need not keep its own result); the others are compositions.
 */
import { type V128, f32x4, i32x4, v128 } from "../../wasm/index.ts";
import { ShapeError } from "../../tensor/errors.ts";
import { broadcastAlong } from "../broadcast/broadcast.op.ts";
import * as kernels from "../map/math.wasm.ts";
import { type Value, type ValueLike, describe, toValue } from "../op.ts";
import { add, div, mul, neg } from "./arithmetic.ts";
import { gt, le, where } from "./comparison.ts";
import { abs, clamp, clampOp, erf, exp, log1p, maximum, sigmoid, tanh } from "./functions.ts";
import { type ElementwiseOperation, elementwise, unary } from "./row.ts";

export const reluOp: ElementwiseOperation<null> = elementwise({
  name: "relu",
  arity: 1,
  kind: "arithmetic",
  evaluate: ([x]) => (x < 0 ? 0 : x),
  emit: (_, [x], __, dtype) => (dtype === "float32" ? f32x4.pmax(x, f32x4.const(0)) : i32x4.maxS(x, i32x4.const(0))),
  // PyTorch's threshold: zero where y ≤ 0, so a NaN passes the gradient.
  gradient: ({ output, dy }) => [where(le(output, 0), 0, dy)],
});

export interface LeakyReluAttributes {
  readonly negativeSlope: number;
}

export const leakyReluOp: ElementwiseOperation<LeakyReluAttributes> = elementwise({
  name: "leakyRelu",
  arity: 1,
  kind: "float",
  cost: 3,
  evaluate: ([x], { negativeSlope }) => (x > 0 ? x : x * negativeSlope),
  emit(e, [x], { negativeSlope }) {
    const v = e.let(x);
    return v128.bitselect(v, f32x4.mul(v, f32x4.const(negativeSlope)), f32x4.gt(v, f32x4.const(0)));
  },
  // A slope ≥ 0 keeps the sign, so the result tells as much as x.
  gradient: ({ inputs: [x], attrs: { negativeSlope }, output, dy }) => [
    where(gt(negativeSlope >= 0 ? output : x, 0), dy, mul(dy, negativeSlope)),
  ],
});

export interface EluAttributes {
  readonly alpha: number;
}

export const eluOp: ElementwiseOperation<EluAttributes> = elementwise({
  name: "elu",
  arity: 1,
  kind: "float",
  cost: 24,
  evaluate: ([x], { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)),
  emit(e, [x], { alpha }) {
    const v = e.let(x);
    const below: V128 = f32x4.mul(kernels.expm1(e, v), f32x4.const(alpha));
    return v128.bitselect(v, below, f32x4.gt(v, f32x4.const(0)));
  },
  // x ≤ 0: d α(eˣ − 1) = α eˣ dx = (y + α) dx, if α ≥ 0 lets y's sign tell x's.
  gradient: ({ inputs: [x], attrs: { alpha }, output, dy }) => [
    alpha >= 0
      ? where(gt(output, 0), dy, mul(dy, add(output, alpha)))
      : where(gt(x, 0), dy, mul(dy, mul(exp(clamp(x, -Infinity, 0)), alpha))),
  ],
});

/**
 * max(x, 0) (torch.nn.functional.relu); NaN stays NaN. Its gradient at 0 is 0.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: relu(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-1, 0, 2]) }).outputs.y.toArray(); // [0, 0, 2]
 * ```
 */
export function relu(x: ValueLike): Value {
  return unary(reluOp, x, null);
}

/**
 * min(max(x, 0), 6) (torch.nn.functional.relu6); NaN stays NaN. Its gradient at 0 and at 6 is 0.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: relu6(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-1, 3, 9]) }).outputs.y.toArray(); // [0, 3, 6]
 * ```
 */
export function relu6(x: ValueLike): Value {
  return hardtanh(x, 0, 6);
}

/**
 * x where positive, else negativeSlope · x (torch.nn.functional.leaky_relu).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: leakyRelu(x) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-1, 2]) }).outputs.y.toArray(); // [-0.01, 2]
 * ```
 */
export function leakyRelu(x: ValueLike, negativeSlope = 0.01): Value {
  return unary(leakyReluOp, x, { negativeSlope });
}

/**
 * x where positive, else weight · x with a learned weight (torch.nn.functional.prelu).
 *
 * @param weight [1], or one number for each channel of x ([N, C, …]).
 * @throws ShapeError if it has another size.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [2, 3, 8, 8], dtype: "float32" });
 * prelu(x, Tensor.from([0.25, 0.1, 0])).shape; // [2, 3, 8, 8]: a slope for each of three channels
 * ```
 */
export function prelu(x: ValueLike, weight: ValueLike): Value {
  const v = toValue(x);
  const w = toValue(weight);
  const channels = v.shape.length >= 2 ? v.shape[1] : 1;
  if (w.shape.length > 1 || (w.shape.length === 1 && w.shape[0] !== 1 && w.shape[0] !== channels)) {
    throw new ShapeError(
      `prelu: weight is ${describe(w)}; it must be [1] or [${channels}], one for each channel of ${describe(v)}.`,
    );
  }
  const perChannel = w.shape.length === 1 && w.shape[0] === channels && v.shape.length >= 2;
  const shape = v.shape.map((d, i) => (i === 1 ? d : 1));
  const slope = perChannel
    ? broadcastAlong(
        w,
        shape,
        shape.flatMap((_, i) => (i === 1 ? [] : [i])),
      )
    : w;
  return where(gt(v, 0), v, mul(slope, v));
}

/**
 * x where positive, else alpha (eˣ − 1) (torch.nn.functional.elu).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: elu(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-1, 0, 2]) }).outputs.y.toArray(); // ≈ [-0.6321, 0, 2]
 * ```
 */
export function elu(x: ValueLike, alpha = 1): Value {
  return unary(eluOp, x, { alpha });
}

/**
 * scale · elu(x, alpha), with the constants of Klambauer et al. 2017 (torch.nn.functional.selu).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: selu(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-1, 0, 2]) }).outputs.y.toArray(); // ≈ [-1.1113, 0, 2.1014]
 * ```
 */
export function selu(x: ValueLike): Value {
  return mul(elu(x, 1.6732632423543772), 1.0507009873554805);
}

/**
 * x Φ(x), Φ being the normal distribution (torch.nn.functional.gelu).
 *
 * @param approximate `"tanh"`: the approximation of Hendrycks & Gimpel 2016; `"none"`: exact, by erf.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: gelu(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-1, 0, 2]) }).outputs.y.toArray(); // ≈ [-0.1587, 0, 1.9545]
 * ```
 */
export function gelu(x: ValueLike, approximate: "none" | "tanh" = "none"): Value {
  const v = toValue(x);
  const inner =
    approximate === "tanh"
      ? tanh(mul(mul(v, add(mul(mul(v, v), 0.044715), 1)), Math.sqrt(2 / Math.PI)))
      : erf(mul(v, Math.SQRT1_2));
  return mul(mul(v, 0.5), add(inner, 1));
}

/**
 * x · sigmoid(x) (torch.nn.functional.silu), also called swish.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: silu(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-1, 0, 2]) }).outputs.y.toArray(); // ≈ [-0.2689, 0, 1.7616]
 * ```
 */
export function silu(x: ValueLike): Value {
  const v = toValue(x);
  return mul(v, sigmoid(v));
}

/**
 * min(max(x + 3, 0), 6) / 6 (torch.nn.functional.hardsigmoid).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: hardsigmoid(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-4, 0, 1.5]) }).outputs.y.toArray(); // [0, 0.5, 0.75]
 * ```
 */
export function hardsigmoid(x: ValueLike): Value {
  return div(relu6(add(x, 3)), 6);
}

/**
 * x · hardsigmoid(x) (torch.nn.functional.hardswish).
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: hardswish(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-4, 1.5, 4]) }).outputs.y.toArray(); // [0, 1.125, 4]
 * ```
 */
export function hardswish(x: ValueLike): Value {
  const v = toValue(x);
  return mul(v, hardsigmoid(v));
}

/**
 * x within [minVal, maxVal] (torch.nn.functional.hardtanh). Unlike {@link clamp}'s, its gradient at the bounds is 0.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: hardtanh(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-2, 0.5, 2]) }).outputs.y.toArray(); // [-1, 0.5, 1]
 * ```
 */
export function hardtanh(x: ValueLike, minVal = -1, maxVal = 1): Value {
  return unary(clampOp, x, { min: minVal, max: maxVal, open: true });
}

/**
 * log(1 + e^(βx)) / β (torch.nn.functional.softplus), and x itself where βx > threshold. Written as
 * max(βx, 0) + log(1 + e^−|βx|), which never overflows.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: softplus(x) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([-1, 0, 30]) }).outputs.y.toArray(); // ≈ [0.3133, 0.6931, 30]
 * ```
 */
export function softplus(x: ValueLike, beta = 1, threshold = 20): Value {
  const v = toValue(x);
  const z = beta === 1 ? v : mul(v, beta);
  const soft = add(maximum(z, 0), log1p(exp(neg(abs(z)))));
  return where(gt(z, threshold), v, beta === 1 ? soft : div(soft, beta));
}
