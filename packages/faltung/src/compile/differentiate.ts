/**
 * Reverse-mode differentiation, graph to graph: the gradient is made of the same operations as the function, so it can
 * be differentiated again, fused, planned and compiled like anything else.
 *
 * Values are walked from the last to the first; each one's dL/dy is complete by then, because all its users have been
 * walked. Every operation's rule turns dy into a dx for each of its inputs (see `gradient` in its record).
 */
import { type Value, constant, describe } from "../ops/op.ts";
import { add } from "../ops/elementwise/elementwise.ts";
import { FaltungError, ShapeError } from "../tensor/errors.ts";
import { sameShape, sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { reachable } from "./graph.ts";

/**
 * dL/dx for each x of `wrt`, as values of the same shape.
 *
 * @param loss what is differentiated: one number, unless `seed` is given.
 * @param seed dL/d(loss), of loss's shape (a vector–Jacobian product); 1 unless said.
 * @returns zeros where the loss does not depend on x.
 * @throws ShapeError if the loss is not one number and there is no seed.
 * @throws FaltungError (code `gradient`) if the way to some x passes an operation that has no gradient.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ dx: grad(sum(mul(x, x)), [x])[0] }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, 2, 3]) }).outputs.dx.toArray(); // [2, 4, 6]
 * ```
 */
export function grad(loss: Value, wrt: readonly Value[], seed?: Value): Value[] {
  if (seed === undefined && sizeOf(loss.shape) !== 1) {
    throw new ShapeError(
      `grad: the loss is ${describe(loss)}; a gradient needs one number. Reduce it (mean, sum), or give a seed of its shape.`,
    );
  }
  if (seed !== undefined && !sameShape(seed.shape, loss.shape)) {
    throw new ShapeError(
      `grad: the seed is ${describe(seed)}, the loss ${describe(loss)}: their shapes must be equal.`,
    );
  }
  const order = reachable([loss]);
  const needed = dependents(order, new Set(wrt));
  const gradients = new Map<Value, Value>();
  gradients.set(loss, seed ?? constant(Tensor.full(loss.shape, 1)));
  for (const value of order.reverse()) {
    const dy = gradients.get(value);
    if (dy === undefined || !needed.has(value) || value.inputs.length === 0) continue;
    if (!value.inputs.some((x) => needed.has(x))) continue; // it is one of `wrt` itself: what is above does not matter
    const { gradient } = value.op;
    if ("none" in gradient) {
      throw new FaltungError("gradient", `grad: ${value.op.name} has no gradient: ${gradient.none}.`);
    }
    const parts = gradient.rule({ inputs: value.inputs, attrs: value.attrs, output: value, dy });
    value.inputs.forEach((x, i) => {
      const part = parts[i];
      if (!needed.has(x) || part === null) return;
      if (!sameShape(part.shape, x.shape)) {
        throw new ShapeError(
          `grad: ${value.op.name}'s gradient for its input ${i} is ${describe(part)}; the input is ${describe(x)}.`,
        );
      }
      const sofar = gradients.get(x);
      gradients.set(x, sofar === undefined ? part : add(sofar, part));
    });
  }
  return wrt.map((x) => gradients.get(x) ?? constant(Tensor.zeros(x.shape)));
}

/** The float values among `order` that depend on one of `sources` (these included). */
function dependents(order: readonly Value[], sources: ReadonlySet<Value>): Set<Value> {
  const found = new Set<Value>();
  for (const value of order) {
    if (sources.has(value) || (value.dtype === "float32" && value.inputs.some((x) => found.has(x)))) found.add(value);
  }
  return found;
}
