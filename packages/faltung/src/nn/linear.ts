/** The fully connected layer: https://pytorch.org/docs/stable/generated/torch.nn.Linear.html */
import { linear } from "../ops/matmul/matmul.ts";
import type { State, Value } from "../ops/op.ts";
import { checkWhole } from "../tensor/errors.ts";
import { biasFor, kaimingUniform } from "./init.ts";
import { Module, type ModuleSpec, parameter } from "./module.ts";

/**
 * y = x·Wᵀ + b over the last dimension: [..., inFeatures] → [..., outFeatures]. Weight [outFeatures, inFeatures].
 *
 * @example
 * ```ts
 * new Linear(20, 30, { bias: false }).parameterCount; // 600
 * ```
 */
export class Linear extends Module {
  readonly weight: State;
  readonly bias: State | null;

  constructor(inFeatures: number, outFeatures: number, { bias = true }: { readonly bias?: boolean } = {}) {
    super();
    checkWhole("Linear: inFeatures", inFeatures);
    checkWhole("Linear: outFeatures", outFeatures);
    const shape = [outFeatures, inFeatures];
    this.weight = parameter(kaimingUniform(shape), "weight");
    this.bias = bias ? parameter(biasFor(shape, outFeatures), "bias") : null;
  }

  forward(x: Value): Value {
    return linear(x, this.weight, this.bias);
  }

  override spec(): ModuleSpec {
    const [outFeatures, inFeatures] = this.weight.shape;
    return { type: "Linear", args: [inFeatures, outFeatures, { bias: this.bias !== null }] };
  }
}
