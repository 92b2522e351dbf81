/**
 * Zero mean and unit variance over some axes: the heart of layer, group and instance normalisation.
 *
 *   x̂ = (x − μ)·r,   r = 1/√(σ² + ε),   μ and σ² (biased) over the axes
 */
import { checkRange } from "../../tensor/errors.ts";
import { resolveAxes } from "../broadcast/broadcast.op.ts";
import { reductionWalk } from "../broadcast/axes.ts";
import { add, mul, rsqrt, square, sub } from "../elementwise/elementwise.ts";
import { type Operation, type Value, type ValueLike, apply, toValue } from "../op.ts";
import { mean } from "../reduce/reduce.ts";
import { requireFloat } from "../shape/check.ts";

export interface StandardizeAttributes {
  readonly axes: readonly number[];
  readonly eps: number;
}

/** x − μ, and 1/√(σ² + ε) with size 1 along the axes. */
function parts(x: Value, { axes, eps }: StandardizeAttributes): { readonly centred: Value; readonly r: Value } {
  const centred = sub(x, mean(x, axes, true));
  return { centred, r: rsqrt(add(mean(square(centred), axes, true), eps)) };
}

/** The same of the numbers at some places, for the loops: their mean μ and 1/√(σ² + ε). */
export function momentsAt(
  data: ArrayLike<number>,
  places: readonly number[],
  eps: number,
): { readonly mu: number; readonly r: number } {
  let total = 0;
  for (const i of places) total += data[i];
  const mu = total / places.length;
  let squares = 0;
  for (const i of places) squares += (data[i] - mu) ** 2;
  return { mu, r: 1 / Math.sqrt(squares / places.length + eps) };
}

export const standardizeOp: Operation<StandardizeAttributes> = {
  name: "standardize",
  infer([x]) {
    requireFloat("standardize", x);
    return { shape: x.shape, dtype: x.dtype };
  },
  reference([x], { axes, eps }, out) {
    reductionWalk(x.shape, axes, (_outer, places) => {
      const { mu, r } = momentsAt(x.data, places, eps);
      for (const i of places) out.data[i] = (x.data[i] - mu) * r;
    });
  },
  decompose([x], attrs) {
    const { centred, r } = parts(x, attrs);
    return mul(centred, r);
  },
  // μ and r depend on every x of their group. With all three ways added up (Ioffe & Szegedy 2015, section 3):
  //   dx = r·(dy − mean(dy) − x̂·mean(dy·x̂))
  // The two means take out of dy what μ and σ would undo. Written with x − μ, the factors of the last term are small
  // tensors, one number for each group.
  gradient: {
    rule({ inputs: [x], attrs, dy }) {
      const { axes } = attrs;
      const { centred, r } = parts(x, attrs);
      const slope = mul(mul(r, r), mean(mul(dy, centred), axes, true)); // r²·mean(dy·(x − μ)) = r·mean(dy·x̂)
      return [mul(r, sub(sub(dy, mean(dy, axes, true)), mul(centred, slope)))];
    },
  },
};

/**
 * Subtracts the mean over the axes and divides by √(variance + eps) (biased variance).
 *
 * @param axes negative ones count from the end; all unless said.
 * @param eps 1e-5 unless said.
 * @throws ShapeError unless x is float32; OptionError for a negative eps.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: standardize(x, 0, 0) }), { x: { shape: [2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, 3]) }).outputs.y.toArray(); // [-1, 1]
 * ```
 */
export function standardize(x: ValueLike, axes?: number | readonly number[], eps = 1e-5): Value {
  checkRange("standardize: eps", eps, 0);
  const value = toValue(x);
  return apply(standardizeOp, [value], { axes: resolveAxes(axes, value.shape.length, "standardize"), eps });
}
