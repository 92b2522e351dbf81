/**
 * Dropout (Srivastava et al. 2014): https://pytorch.org/docs/stable/generated/torch.nn.Dropout.html
 * What is kept is scaled by 1 / (1 − p) in training, so that evaluation is the identity.
 */
import { drawRandom } from "../compile/trace.ts";
import type { Value } from "../ops/op.ts";
import { dropout, dropout2d } from "../ops/random/random.ts";
import { checkRange } from "../tensor/errors.ts";
import { Module, type ModuleSpec } from "./module.ts";

/**
 * Zeroes each element with probability p (0.5) in training.
 *
 * @example
 * ```ts
 * const head = new Sequential(new Dropout(0.2), new Linear(64, 10));
 * ```
 */
export class Dropout extends Module {
  readonly p: number;

  constructor(p: number = 0.5) {
    super();
    checkRange("Dropout: p", p, 0, 1);
    this.p = p;
  }

  forward(x: Value): Value {
    if (!this.training || this.p === 0) return x;
    const { seed, stream } = drawRandom();
    return dropout(x, this.p, seed, stream);
  }

  override spec(): ModuleSpec {
    return { type: "Dropout", args: [this.p] };
  }
}

/**
 * Zeroes whole channels of [N, C, H, W] with probability p (0.5) in training (Tompson et al. 2015).
 *
 * @example
 * ```ts
 * const features = new Sequential(new Conv2d(3, 16, 3), new ReLU(), new Dropout2d(0.1));
 * ```
 */
export class Dropout2d extends Module {
  readonly p: number;

  constructor(p: number = 0.5) {
    super();
    checkRange("Dropout2d: p", p, 0, 1);
    this.p = p;
  }

  forward(x: Value): Value {
    if (!this.training || this.p === 0) return x;
    const { seed, stream } = drawRandom();
    return dropout2d(x, this.p, seed, stream);
  }

  override spec(): ModuleSpec {
    return { type: "Dropout2d", args: [this.p] };
  }
}
