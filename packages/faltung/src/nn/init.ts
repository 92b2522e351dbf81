/**
 * Initialisation, as in torch.nn.init (https://pytorch.org/docs/stable/nn.init.html) and with PyTorch's defaults for
 * layers: Kaiming-uniform with a = √5, which is U(±1/√fanIn). Numbers come from one seeded stream.
 */
import { Random } from "../tensor/random.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";

let random = new Random(0);

/**
 * Seeds the stream from which layers made afterwards draw their weights.
 *
 * @example
 * ```ts
 * manualSeed(7);
 * const one = new Linear(2, 1).stateDict();
 * manualSeed(7);
 * new Linear(2, 1).stateDict()["weight"].at(0, 0) === one["weight"].at(0, 0); // true
 * ```
 */
export function manualSeed(seed: number): void {
  random = new Random(seed);
}

/**
 * fanIn and fanOut of a weight, by PyTorch's rule: dimension 1 × receptive field, dimension 0 × receptive field.
 * A transposed convolution's weight is (in, out/groups, k, k): its fanIn comes from dimension 1 all the same.
 */
export function fans(shape: Shape): { readonly fanIn: number; readonly fanOut: number } {
  const field = sizeOf(shape.slice(2));
  return { fanIn: shape[1] * field, fanOut: shape[0] * field };
}

export function uniform(shape: Shape, bound: number): Tensor {
  const t = Tensor.zeros(shape);
  for (let i = 0; i < t.size; i++) t.data[i] = random.uniform(-bound, bound);
  return t;
}

export function normal(shape: Shape, std: number): Tensor {
  const t = Tensor.zeros(shape);
  for (let i = 0; i < t.size; i++) t.data[i] = random.normal(0, std);
  return t;
}

/** U(±√(6 / ((1 + a²)·fanIn))): He et al. 2015; PyTorch's layers use a = √5. */
export function kaimingUniform(shape: Shape, a: number = Math.sqrt(5)): Tensor {
  return uniform(shape, Math.sqrt(6 / ((1 + a * a) * fans(shape).fanIn)));
}

/** N(0, 2 / fan): He et al. 2015, for networks of ReLU layers. */
export function kaimingNormal(shape: Shape, mode: "fanIn" | "fanOut" = "fanIn"): Tensor {
  return normal(shape, Math.sqrt(2 / fans(shape)[mode]));
}

/** U(±√(6 / (fanIn + fanOut))): Glorot & Bengio 2010. */
export function xavierUniform(shape: Shape): Tensor {
  const { fanIn, fanOut } = fans(shape);
  return uniform(shape, Math.sqrt(6 / (fanIn + fanOut)));
}

/** A layer's bias: U(±1/√fanIn) of its weight. */
export function biasFor(weight: Shape, size: number): Tensor {
  const { fanIn } = fans(weight);
  return uniform([size], fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0);
}
