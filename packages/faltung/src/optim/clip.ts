/** Gradient clipping: https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html */
import { add, clamp, div, minimum, mul, sqrt } from "../ops/elementwise/elementwise.ts";
import type { Value } from "../ops/op.ts";
import { sum } from "../ops/reduce/reduce.ts";
import { checkRange } from "../tensor/errors.ts";

/**
 * Every element limited to ±limit.
 *
 * @example
 * ```ts
 * const graph = trace(({ g }) => ({ g: clipGradValue([g], 1)[0] }), { g: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { g: Tensor.from([3, -0.5]) }).outputs.g.toArray(); // [1, -0.5]
 * ```
 */
export function clipGradValue(gradients: readonly Value[], limit: number): Value[] {
  checkRange("clipGradValue: limit", limit, 0);
  return gradients.map((g) => clamp(g, -limit, limit));
}

/**
 * All gradients scaled by min(1, maxNorm / (norm + 1e-6)), `norm` being the Euclidean norm of all of them together.
 *
 * @example
 * ```ts
 * const graph = trace(({ g }) => ({ g: clipGradNorm([g], 1)[0] }), { g: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { g: Tensor.from([3, 4]) }).outputs.g.toArray(); // [0.6, 0.8], but for the 1e-6
 * ```
 */
export function clipGradNorm(gradients: readonly Value[], maxNorm: number): Value[] {
  checkRange("clipGradNorm: maxNorm", maxNorm, 0);
  const squares = gradients.map((g) => sum(mul(g, g)));
  const norm = sqrt(squares.reduce((a, b) => add(a, b)));
  const scale = minimum(div(maxNorm, add(norm, 1e-6)), 1);
  return gradients.map((g) => mul(g, scale));
}
