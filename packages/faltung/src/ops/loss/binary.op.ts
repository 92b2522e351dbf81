/**
 * Binary cross-entropy, of probabilities and of logits. Composites with gradients of their own: differentiating the
 * stable formulas term by term would give 0·∞ at probabilities of 0 and 1, and a wrong slope at a logit of exactly 0.
 */
import { ShapeError } from "../../tensor/errors.ts";
import { sameShape } from "../../tensor/shape.ts";
import { abs, add, div, exp, log, log1p, maximum, mul, neg, relu, sigmoid, sub } from "../elementwise/elementwise.ts";
import { type Operation, type Value, type ValueLike, apply, describe, toValue } from "../op.ts";
import { sumTo } from "../reduce/reduce.ts";
import { type LossOptions, reduceLoss, requireSame } from "./reduction.ts";

/** log p, but not below −100 (so that a wrong 0 costs 100 and not ∞), as PyTorch does. */
const boundedLog = (p: Value): Value => maximum(log(p), -100);
const boundedLog1m = (p: Value): Value => maximum(log1p(neg(p)), -100);

export const binaryCrossEntropyOp: Operation<null> = {
  name: "binaryCrossEntropy",
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  reference([{ data: p }, { data: t }], _attrs, out) {
    for (let i = 0; i < out.data.length; i++) {
      out.data[i] = -(t[i] * Math.max(Math.log(p[i]), -100) + (1 - t[i]) * Math.max(Math.log1p(-p[i]), -100));
    }
  },
  decompose: ([p, t]) => neg(add(mul(t, boundedLog(p)), mul(sub(1, t), boundedLog1m(p)))),
  // dL/dp = (p − t) / (p·(1 − p)), the denominator kept from 0 as in PyTorch; dL/dt = log(1 − p) − log p.
  gradient: {
    rule: ({ inputs: [p, t], dy }) => [
      mul(dy, div(sub(p, t), maximum(mul(p, sub(1, p)), 1e-12))),
      mul(dy, sub(boundedLog1m(p), boundedLog(p))),
    ],
  },
};

/** log(1 + e⁻ˣ), for any x. */
const softplusOfMinus = (x: Value): Value => add(log1p(exp(neg(abs(x)))), relu(neg(x)));

/** Inputs: logits, targets, and the weight of the positive class, whose dimensions are the logits' last ones. */
export const bceWithLogitsOp: Operation<null> = {
  name: "bceWithLogits",
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  reference([{ data: x }, { data: t }, { data: w }], _attrs, out) {
    for (let i = 0; i < out.data.length; i++) {
      const soft = Math.log1p(Math.exp(-Math.abs(x[i]))) + Math.max(-x[i], 0);
      out.data[i] = (1 - t[i]) * x[i] + (1 + (w[i % w.length] - 1) * t[i]) * soft;
    }
  },
  decompose: ([x, t, w]) => add(mul(sub(1, t), x), mul(add(1, mul(sub(w, 1), t)), softplusOfMinus(x))),
  // With s(x) = log(1 + e⁻ˣ), s′(x) = −σ(−x) and L = (1 − t)·x + (1 + (w − 1)·t)·s(x):
  //   dL/dx = (1 − t) − (1 + (w − 1)·t)·σ(−x),   dL/dt = (w − 1)·s(x) − x,   dL/dw = t·s(x).
  gradient: {
    rule: ({ inputs: [x, t, w], dy }) => [
      mul(dy, sub(sub(1, t), mul(add(1, mul(sub(w, 1), t)), sigmoid(neg(x))))),
      mul(dy, sub(mul(sub(w, 1), softplusOfMinus(x)), x)),
      sumTo(mul(dy, mul(t, softplusOfMinus(x))), w.shape),
    ],
  },
};

/**
 * −(t·log p + (1 − t)·log(1 − p)), logarithms bounded below by −100.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy.html
 *
 * @param input probabilities in [0, 1] (outside, the loss is NaN). For logits use {@link bceWithLogits}.
 * @throws ShapeError unless both are float32 of one shape.
 *
 * @example
 * ```ts
 * bce(sigmoid(input("x", { shape: [4], dtype: "float32" })), Tensor.from([0, 1, 1, 0])).shape; // []
 * ```
 */
export function bce(input: ValueLike, target: ValueLike, options: LossOptions = {}): Value {
  const [p, t] = [toValue(input), toValue(target)];
  requireSame("bce", p, t);
  return reduceLoss("bce", apply(binaryCrossEntropyOp, [p, t], null), options);
}

export interface BceWithLogitsOptions extends LossOptions {
  /** Weight of the positive class: a number, or a tensor whose dimensions are the input's last ones. 1 unless given. */
  readonly posWeight?: ValueLike;
}

/**
 * Binary cross-entropy of sigmoid(input), computed from the logits so that nothing overflows.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.binary_cross_entropy_with_logits.html
 *
 * @throws ShapeError unless input and target are float32 of one shape and posWeight fits the input's last dimensions.
 *
 * @example
 * ```ts
 * bceWithLogits(input("x", { shape: [4, 3], dtype: "float32" }), Tensor.zeros([4, 3]), { posWeight: 2 }).shape; // []
 * ```
 */
export function bceWithLogits(input: ValueLike, target: ValueLike, options: BceWithLogitsOptions = {}): Value {
  const [x, t] = [toValue(input), toValue(target)];
  requireSame("bceWithLogits", x, t);
  const w = toValue(options.posWeight ?? 1);
  const last = w.shape.length === 0 ? [] : x.shape.slice(-w.shape.length);
  if (w.dtype !== "float32" || !sameShape(last, w.shape) || w.shape.length > x.shape.length) {
    throw new ShapeError(
      `bceWithLogits: posWeight is ${describe(w)}; it must be float32 with the last dimensions of input ${describe(x)}.`,
    );
  }
  return reduceLoss("bceWithLogits", apply(bceWithLogitsOp, [x, t, w], null), options);
}
