/**
 * Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019), with PyTorch's conventions: ε outside of the square
 * root, after the bias correction. https://pytorch.org/docs/stable/generated/torch.optim.Adam.html
 */
import { add, div, maximum, mul, sqrt, sub } from "../ops/elementwise/elementwise.ts";
import { type State, type Value } from "../ops/op.ts";
import { assign } from "../compile/trace.ts";
import { checkRange } from "../tensor/errors.ts";
import { type Optimizer, type StepSettings, named, zerosLike } from "./optimizer.ts";

export interface AdamOptions {
  readonly lr?: number;
  /** Decay of the running means of g and g²: [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  /** Adam: L2, coupled, 0 unless said. AdamW: decoupled, p ← p·(1 − lr·weightDecay), 0.01 unless said. */
  readonly weightDecay?: number;
  /** Keep the largest g² seen (Reddi et al. 2018). false. */
  readonly amsgrad?: boolean;
}

abstract class AdamFamily implements Optimizer {
  abstract readonly name: string;
  readonly parameters: readonly State[];
  readonly lr: number;
  readonly states: ReadonlyMap<string, State>;
  readonly scalarCount = 6;
  readonly #options: Required<AdamOptions>;
  readonly #decoupled: boolean;
  readonly #mean: readonly State[];
  readonly #square: readonly State[];
  readonly #largest: readonly State[];

  constructor(name: string, decoupled: boolean, parameters: readonly State[], options: AdamOptions) {
    const o: Required<AdamOptions> = {
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: decoupled ? 0.01 : 0,
      amsgrad: false,
      ...options,
    };
    checkRange(`${name}: lr`, o.lr, 0);
    checkRange(`${name}: eps`, o.eps, 0);
    checkRange(`${name}: weightDecay`, o.weightDecay, 0);
    o.betas.forEach((beta, i) => checkRange(`${name}: betas[${i}]`, beta, 0, 1 - 2 ** -53));
    this.parameters = parameters;
    this.lr = o.lr;
    this.#options = o;
    this.#decoupled = decoupled;
    this.#mean = zerosLike(parameters, "exp_avg");
    this.#square = zerosLike(parameters, "exp_avg_sq");
    this.#largest = o.amsgrad ? zerosLike(parameters, "max_exp_avg_sq") : [];
    this.states = named({ exp_avg: this.#mean, exp_avg_sq: this.#square, max_exp_avg_sq: this.#largest });
  }

  scalarsAt(step: number, { lr, momentum }: StepSettings): readonly number[] {
    const { betas, weightDecay } = this.#options;
    const beta1 = momentum ?? betas[0];
    const stepSize = lr / (1 - beta1 ** step);
    return [stepSize, Math.sqrt(1 - betas[1] ** step), 1 - lr * weightDecay, beta1, 1 - beta1, 1 - betas[1]];
  }

  update(gradients: readonly Value[], scalars: readonly Value[]): void {
    const [stepSize, correction, keep, beta1, take1, take2] = scalars;
    const { betas, eps, weightDecay } = this.#options;
    this.parameters.forEach((p, i) => {
      let g = gradients[i];
      let weight: Value = p;
      if (weightDecay !== 0 && this.#decoupled) weight = mul(p, keep);
      else if (weightDecay !== 0) g = add(g, mul(p, weightDecay));
      const mean = add(mul(this.#mean[i], beta1), mul(g, take1));
      const square = add(mul(this.#square[i], betas[1]), mul(mul(g, g), take2));
      assign(this.#mean[i], mean);
      assign(this.#square[i], square);
      let second = square;
      if (this.#largest.length > 0) {
        second = maximum(this.#largest[i], square);
        assign(this.#largest[i], second);
      }
      assign(p, sub(weight, mul(stepSize, div(mean, add(div(sqrt(second), correction), eps)))));
    });
  }
}

/**
 * Adam: running means of the gradient and of its square, corrected for their start at zero.
 *
 * @example
 * ```ts
 * const model = new Linear(4, 2);
 * const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
 * ```
 */
export class Adam extends AdamFamily {
  readonly name = "Adam";
  constructor(parameters: readonly State[], options: AdamOptions = {}) {
    super("Adam", false, parameters, options);
  }
}

/**
 * Adam with decoupled weight decay (0.01 unless said).
 *
 * @example
 * ```ts
 * const model = new Linear(4, 2);
 * const optimizer = new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.05 });
 * ```
 */
export class AdamW extends AdamFamily {
  readonly name = "AdamW";
  constructor(parameters: readonly State[], options: AdamOptions = {}) {
    super("AdamW", true, parameters, options);
  }
}
