/** Dropout (Srivastava et al. 2014), inverted: what is kept is scaled up, so evaluation needs no change. */
import { checkRange } from "../../tensor/errors.ts";
import type { Shape } from "../../tensor/shape.ts";
import { ge, mul, where } from "../elementwise/elementwise.ts";
import { type Value, type ValueLike, toValue } from "../op.ts";
import { requireFloat, requireRank } from "../shape/check.ts";
import { randomUniform } from "./random.op.ts";

function drop(what: string, x: Value, p: number, shape: Shape, seed: ValueLike, stream: number): Value {
  requireFloat(what, x);
  checkRange(`${what}: p`, p, 0, 1);
  if (p === 0) return x;
  if (p === 1) return where(0, x, 0);
  return where(ge(randomUniform(shape, seed, stream), p), mul(x, 1 / (1 - p)), 0);
}

/**
 * Each element is zero with probability p, else x/(1 − p). For training; in evaluation leave it out.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html
 *
 * @param seed int32 []; @param stream the operation's number in the program (both from `drawRandom` while tracing).
 * @throws ShapeError unless x is float32; OptionError unless 0 ≤ p ≤ 1.
 *
 * @example
 * ```ts
 * dropout(input("x", { shape: [2, 3], dtype: "float32" }), 0.5, 7, 0).shape; // [2, 3]
 * ```
 */
export function dropout(x: ValueLike, p: number, seed: ValueLike, stream: number): Value {
  const value = toValue(x);
  return drop("dropout", value, p, value.shape, seed, stream);
}

/**
 * Whole channels of [N, C, …] are zero with probability p, the others x/(1 − p).
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.dropout2d.html
 *
 * @throws ShapeError unless x is float32 with 3 to 5 dimensions; OptionError unless 0 ≤ p ≤ 1.
 *
 * @example
 * ```ts
 * dropout2d(input("x", { shape: [2, 3, 8, 8], dtype: "float32" }), 0.5, 7, 0).shape; // [2, 3, 8, 8]
 * ```
 */
export function dropout2d(x: ValueLike, p: number, seed: ValueLike, stream: number): Value {
  const value = toValue(x);
  requireRank("dropout2d", value, 3, 5, "N, C, spatial axes");
  const shape = value.shape.map((n, d) => (d < 2 ? n : 1));
  return drop("dropout2d", value, p, shape, seed, stream);
}
