/**
 * Gradients checked by finite differences, in float64 reference arithmetic: central differences with step 1e-6, as
 * torch.autograd.gradcheck does (https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.html).
 */
import { type RefTensor, type Value, constant, input } from "../ops/op.ts";
import { NumericError } from "../tensor/errors.ts";
import { Random } from "../tensor/random.ts";
import { show, sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { grad } from "./differentiate.ts";
import { evaluateValues } from "./evaluate.ts";

export interface GradcheckOptions {
  /** Step of the central difference (1e-6). */
  readonly step?: number;
  /** |analytic − numeric| ≤ absolute + relative × |numeric| (1e-5, 1e-3). */
  readonly absolute?: number;
  readonly relative?: number;
  /** How many elements of each input are tried, spread by a seed (24); all of them where there are fewer. */
  readonly probes?: number;
  readonly seed?: number;
}

/**
 * Checks dL/dx of `fn` for every float input, with L = Σ r·fn(x) and random weights r, against central differences.
 *
 * @returns the largest difference found, |analytic − numeric|.
 * @throws NumericError naming the input, the element and both numbers, if one is out of tolerance.
 *
 * @example
 * ```ts
 * gradcheck((x, w) => conv2d(x, w, undefined, { padding: 1 }), [Tensor.full([1, 1, 4, 4], 0.5), Tensor.full([1, 1, 3, 3], 2)]);
 * ```
 */
export function gradcheck(
  fn: (...inputs: Value[]) => Value,
  tensors: readonly Tensor[],
  options: GradcheckOptions = {},
): number {
  const { step = 1e-6, absolute = 1e-5, relative = 1e-3, probes = 24, seed = 0 } = options;
  const random = new Random(seed);
  const leaves = tensors.map((t, i) => input(`x${i}`, t));
  const y = fn(...leaves);
  const weights = Tensor.zeros(y.shape);
  for (let i = 0; i < weights.size; i++) weights.data[i] = random.uniform(-1, 1);
  const floats = leaves.filter((leaf) => leaf.dtype === "float32");
  const gradients = grad(y, floats, constant(weights));

  const known = new Map<Value, RefTensor>();
  leaves.forEach((leaf, i) => known.set(leaf, widen(tensors[i])));
  const loss = (): number => {
    const [{ data }] = evaluateValues([y], known, "float64");
    let total = 0;
    for (let i = 0; i < data.length; i++) total += data[i] * weights.data[i];
    return total;
  };
  const analytic = evaluateValues(gradients, known, "float64");
  let worst = 0;
  floats.forEach((leaf, k) => {
    const { data, shape } = known.get(leaf) as RefTensor;
    for (const i of choose(sizeOf(shape), probes, random)) {
      const x = data[i];
      data[i] = x + step;
      const above = loss();
      data[i] = x - step;
      const below = loss();
      data[i] = x;
      const numeric = (above - below) / (2 * step);
      const difference = Math.abs(analytic[k].data[i] - numeric);
      if (!(difference <= absolute + relative * Math.abs(numeric))) {
        throw new NumericError(
          `gradcheck: ${leaf.attrs.name} ${show(shape)}, element ${i} (= ${x}): ` +
            `the gradient says ${analytic[k].data[i]}, finite differences ${numeric}.`,
        );
      }
      worst = Math.max(worst, difference);
    }
  });
  return worst;
}

function widen(t: Tensor): RefTensor {
  return t.dtype === "float32" ? { shape: t.shape, dtype: t.dtype, data: Float64Array.from(t.data) } : t;
}

function choose(size: number, most: number, random: Random): number[] {
  const all = Array.from({ length: size }, (_, i) => i);
  return size <= most ? all : random.shuffle(all).slice(0, most);
}
