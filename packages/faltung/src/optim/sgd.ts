/** Stochastic gradient descent with momentum: https://pytorch.org/docs/stable/generated/torch.optim.SGD.html */
import { add, mul, sub } from "../ops/elementwise/elementwise.ts";
import { type State, type Value } from "../ops/op.ts";
import { assign } from "../compile/trace.ts";
import { OptionError, checkRange } from "../tensor/errors.ts";
import { type Optimizer, type StepSettings, named, zerosLike } from "./optimizer.ts";

export interface SGDOptions {
  readonly lr?: number;
  /** v ← momentum·v + (1 − dampening)·g; the first step's buffer is g. 0. */
  readonly momentum?: number;
  readonly dampening?: number;
  /** L2, coupled: g ← g + weightDecay·p. 0. */
  readonly weightDecay?: number;
  /** d = g + momentum·v. false. */
  readonly nesterov?: boolean;
}

/**
 * p ← p − lr·v, with PyTorch's convention: the learning rate stands outside of the momentum buffer.
 *
 * @param options lr 0.001 unless said; the others 0.
 * @throws OptionError for a negative number, or Nesterov without momentum or with dampening.
 *
 * @example
 * ```ts
 * const model = new Linear(4, 2);
 * const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 5e-4 });
 * ```
 */
export class SGD implements Optimizer {
  readonly name = "SGD";
  readonly parameters: readonly State[];
  readonly lr: number;
  readonly states: ReadonlyMap<string, State>;
  readonly scalarCount = 3;
  readonly #options: Required<SGDOptions>;
  readonly #buffers: readonly State[];

  constructor(parameters: readonly State[], options: SGDOptions = {}) {
    const o = { lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, ...options };
    checkRange("SGD: lr", o.lr, 0);
    checkRange("SGD: momentum", o.momentum, 0);
    checkRange("SGD: weightDecay", o.weightDecay, 0);
    if (o.nesterov && (o.momentum <= 0 || o.dampening !== 0)) {
      throw new OptionError(
        `SGD: nesterov needs momentum > 0 and dampening 0; momentum is ${o.momentum}, dampening ${o.dampening}.`,
      );
    }
    this.parameters = parameters;
    this.lr = o.lr;
    this.#options = o;
    this.#buffers = o.momentum === 0 ? [] : zerosLike(parameters, "momentum");
    this.states = named({ momentum: this.#buffers });
  }

  scalarsAt(step: number, { lr, momentum }: StepSettings): readonly number[] {
    return [lr, momentum ?? this.#options.momentum, step === 1 ? 1 : 1 - this.#options.dampening];
  }

  update(gradients: readonly Value[], [lr, momentum, intake]: readonly Value[]): void {
    const { weightDecay, nesterov, dampening } = this.#options;
    this.parameters.forEach((p, i) => {
      let g = gradients[i];
      if (weightDecay !== 0) g = add(g, mul(p, weightDecay));
      if (this.#buffers.length > 0) {
        const v = add(mul(this.#buffers[i], momentum), dampening === 0 ? g : mul(g, intake));
        assign(this.#buffers[i], v);
        g = nesterov ? add(g, mul(v, momentum)) : v;
      }
      assign(p, sub(p, mul(g, lr)));
    });
  }
}
