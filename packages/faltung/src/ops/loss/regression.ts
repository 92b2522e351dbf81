/** Losses of numbers against numbers. */
import { OptionError, checkRange } from "../../tensor/errors.ts";
import { abs, lt, mul, square, sub, where } from "../elementwise/elementwise.ts";
import { type Value, type ValueLike, toValue } from "../op.ts";
import { type LossOptions, reduceLoss, requireSame } from "./reduction.ts";

/**
 * (input − target)².
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html
 *
 * @throws ShapeError unless both are float32 of one shape.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ l: mseLoss(x, Tensor.from([0, 0])) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, 3]) }).outputs.l.item(); // 5
 * ```
 */
export function mseLoss(input: ValueLike, target: ValueLike, options: LossOptions = {}): Value {
  const [x, t] = [toValue(input), toValue(target)];
  requireSame("mseLoss", x, t);
  return reduceLoss("mseLoss", square(sub(x, t)), options);
}

/**
 * |input − target|; its gradient at 0 is 0.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.l1_loss.html
 *
 * @throws ShapeError unless both are float32 of one shape.
 *
 * @example
 * ```ts
 * l1Loss(input("x", { shape: [2], dtype: "float32" }), Tensor.from([0, 0])).shape; // []
 * ```
 */
export function l1Loss(input: ValueLike, target: ValueLike, options: LossOptions = {}): Value {
  const [x, t] = [toValue(input), toValue(target)];
  requireSame("l1Loss", x, t);
  return reduceLoss("l1Loss", abs(sub(x, t)), options);
}

/** bend·(quadratic within ±bend, linear beyond): d²/2 for |d| < bend, else bend·(|d| − bend/2). */
function bent(x: Value, t: Value, bend: number): Value {
  const d = sub(x, t);
  const size = abs(d);
  return where(lt(size, bend), mul(square(d), 0.5), mul(sub(size, bend / 2), bend));
}

export interface SmoothL1Options extends LossOptions {
  /** Where the parabola meets the line: 1 unless said; 0 is l1Loss. */
  readonly beta?: number;
}

/**
 * d²/(2·beta) where |d| < beta, else |d| − beta/2, with d = input − target.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.smooth_l1_loss.html
 *
 * @throws ShapeError unless both are float32 of one shape; OptionError for a negative beta.
 *
 * @example
 * ```ts
 * smoothL1Loss(input("x", { shape: [2], dtype: "float32" }), Tensor.from([0, 0]), { beta: 0.5 }).shape; // []
 * ```
 */
export function smoothL1Loss(input: ValueLike, target: ValueLike, options: SmoothL1Options = {}): Value {
  const { beta = 1 } = options;
  checkRange("smoothL1Loss: beta", beta, 0);
  if (beta === 0) return l1Loss(input, target, options);
  const [x, t] = [toValue(input), toValue(target)];
  requireSame("smoothL1Loss", x, t);
  return reduceLoss("smoothL1Loss", mul(bent(x, t, beta), 1 / beta), options);
}

export interface HuberOptions extends LossOptions {
  /** Where the parabola meets the line: 1 unless said. */
  readonly delta?: number;
}

/**
 * d²/2 where |d| < delta, else delta·(|d| − delta/2), with d = input − target (Huber 1964).
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.huber_loss.html
 *
 * @throws ShapeError unless both are float32 of one shape; OptionError unless delta > 0.
 *
 * @example
 * ```ts
 * huberLoss(input("x", { shape: [2], dtype: "float32" }), Tensor.from([0, 0]), { delta: 2 }).shape; // []
 * ```
 */
export function huberLoss(input: ValueLike, target: ValueLike, options: HuberOptions = {}): Value {
  const { delta = 1 } = options;
  if (!(delta > 0)) throw new OptionError(`huberLoss: delta is ${delta}; give a number > 0.`);
  const [x, t] = [toValue(input), toValue(target)];
  requireSame("huberLoss", x, t);
  return reduceLoss("huberLoss", bent(x, t, delta), options);
}
