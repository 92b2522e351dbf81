/** RMSprop (Hinton's lecture 6e): https://pytorch.org/docs/stable/generated/torch.optim.RMSprop.html */
import { add, div, mul, sqrt, sub } from "../ops/elementwise/elementwise.ts";
import { type State, type Value } from "../ops/op.ts";
import { assign } from "../compile/trace.ts";
import { checkRange } from "../tensor/errors.ts";
import { type Optimizer, type StepSettings, named, zerosLike } from "./optimizer.ts";

export interface RMSpropOptions {
  readonly lr?: number;
  /** Decay of the running mean of g². 0.99. */
  readonly alpha?: number;
  readonly eps?: number;
  /** L2, coupled. 0. */
  readonly weightDecay?: number;
  readonly momentum?: number;
  /** Divide by the standard deviation, not the root mean square. false. */
  readonly centered?: boolean;
}

/**
 * p ← p − lr·g / (√s + ε), s a running mean of g².
 *
 * @param options lr 0.01 unless said.
 *
 * @example
 * ```ts
 * const model = new Linear(4, 2);
 * const optimizer = new RMSprop(model.parameters(), { lr: 1e-3, momentum: 0.9 });
 * ```
 */
export class RMSprop implements Optimizer {
  readonly name = "RMSprop";
  readonly parameters: readonly State[];
  readonly lr: number;
  readonly states: ReadonlyMap<string, State>;
  readonly scalarCount = 2;
  readonly #options: Required<RMSpropOptions>;
  readonly #square: readonly State[];
  readonly #mean: readonly State[];
  readonly #buffers: readonly State[];

  constructor(parameters: readonly State[], options: RMSpropOptions = {}) {
    const o = { lr: 1e-2, alpha: 0.99, eps: 1e-8, weightDecay: 0, momentum: 0, centered: false, ...options };
    checkRange("RMSprop: lr", o.lr, 0);
    checkRange("RMSprop: alpha", o.alpha, 0);
    checkRange("RMSprop: eps", o.eps, 0);
    checkRange("RMSprop: weightDecay", o.weightDecay, 0);
    checkRange("RMSprop: momentum", o.momentum, 0);
    this.parameters = parameters;
    this.lr = o.lr;
    this.#options = o;
    this.#square = zerosLike(parameters, "square_avg");
    this.#mean = o.centered ? zerosLike(parameters, "grad_avg") : [];
    this.#buffers = o.momentum > 0 ? zerosLike(parameters, "momentum_buffer") : [];
    this.states = named({ square_avg: this.#square, grad_avg: this.#mean, momentum_buffer: this.#buffers });
  }

  scalarsAt(_step: number, { lr, momentum }: StepSettings): readonly number[] {
    return [lr, momentum ?? this.#options.momentum];
  }

  update(gradients: readonly Value[], [lr, momentum]: readonly Value[]): void {
    const { alpha, eps, weightDecay } = this.#options;
    this.parameters.forEach((p, i) => {
      const g = weightDecay === 0 ? gradients[i] : add(gradients[i], mul(p, weightDecay));
      const square = add(mul(this.#square[i], alpha), mul(mul(g, g), 1 - alpha));
      assign(this.#square[i], square);
      let variance = square;
      if (this.#mean.length > 0) {
        const mean = add(mul(this.#mean[i], alpha), mul(g, 1 - alpha));
        assign(this.#mean[i], mean);
        variance = sub(square, mul(mean, mean));
      }
      let d = div(g, add(sqrt(variance), eps));
      if (this.#buffers.length > 0) {
        d = add(mul(this.#buffers[i], momentum), d);
        assign(this.#buffers[i], d);
      }
      assign(p, sub(p, mul(d, lr)));
    });
  }
}
