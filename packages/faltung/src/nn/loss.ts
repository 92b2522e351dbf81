/** Losses as objects, in PyTorch's words: https://pytorch.org/docs/stable/nn.html#loss-functions */
import {
  type BceWithLogitsOptions,
  type CrossEntropyOptions,
  type HuberOptions,
  type LossOptions,
  type NllOptions,
  type SmoothL1Options,
  bce,
  bceWithLogits,
  crossEntropy,
  huberLoss,
  l1Loss,
  mseLoss,
  nllLoss,
  smoothL1Loss,
} from "../ops/loss/loss.ts";
import type { Value } from "../ops/op.ts";

/** A loss: what the network said, and what it should have said. */
export interface Loss {
  forward(input: Value, target: Value): Value;
}

/** One of the functions, with the options that it is called with. */
abstract class FunctionLoss<O extends LossOptions> implements Loss {
  readonly options: O | undefined;

  constructor(options?: O) {
    this.options = options;
  }

  abstract forward(input: Value, target: Value): Value;
}

/**
 * Cross-entropy of logits [N, C, …] and labels [N, …] or probabilities [N, C, …]; see {@link crossEntropy}.
 *
 * @example
 * ```ts
 * const said = input("said", { shape: [8, 10], dtype: "float32" });
 * new CrossEntropyLoss({ labelSmoothing: 0.1 }).forward(said, input("target", { shape: [8], dtype: "int32" })).shape; // []
 * ```
 */
export class CrossEntropyLoss extends FunctionLoss<CrossEntropyOptions> {
  forward(input: Value, target: Value): Value {
    return crossEntropy(input, target, this.options);
  }
}

/**
 * Negative log-likelihood of log-probabilities [N, C, …] and labels [N, …]; see {@link nllLoss}.
 *
 * @example
 * ```ts
 * const said = input("said", { shape: [8, 10], dtype: "float32" });
 * new NLLLoss().forward(said, input("target", { shape: [8], dtype: "int32" })).shape; // []
 * ```
 */
export class NLLLoss extends FunctionLoss<NllOptions> {
  forward(input: Value, target: Value): Value {
    return nllLoss(input, target, this.options);
  }
}

/**
 * Mean of (input − target)²; see {@link mseLoss}.
 *
 * @example
 * ```ts
 * const said = input("said", { shape: [8, 10], dtype: "float32" });
 * new MSELoss().forward(said, input("target", { shape: [8, 10], dtype: "float32" })).shape; // []
 * ```
 */
export class MSELoss extends FunctionLoss<LossOptions> {
  forward(input: Value, target: Value): Value {
    return mseLoss(input, target, this.options);
  }
}

/**
 * Mean of |input − target|; see {@link l1Loss}.
 *
 * @example
 * ```ts
 * const said = input("said", { shape: [8, 10], dtype: "float32" });
 * new L1Loss().forward(said, input("target", { shape: [8, 10], dtype: "float32" })).shape; // []
 * ```
 */
export class L1Loss extends FunctionLoss<LossOptions> {
  forward(input: Value, target: Value): Value {
    return l1Loss(input, target, this.options);
  }
}

/**
 * Quadratic near zero, linear beyond `beta` (1); see {@link smoothL1Loss}.
 *
 * @example
 * ```ts
 * const said = input("said", { shape: [8, 10], dtype: "float32" });
 * new SmoothL1Loss({ beta: 0.5 }).forward(said, input("target", { shape: [8, 10], dtype: "float32" })).shape; // []
 * ```
 */
export class SmoothL1Loss extends FunctionLoss<SmoothL1Options> {
  forward(input: Value, target: Value): Value {
    return smoothL1Loss(input, target, this.options);
  }
}

/**
 * Quadratic near zero, linear with slope `delta` (1) beyond it; see {@link huberLoss}.
 *
 * @example
 * ```ts
 * const said = input("said", { shape: [8, 10], dtype: "float32" });
 * new HuberLoss({ delta: 0.5 }).forward(said, input("target", { shape: [8, 10], dtype: "float32" })).shape; // []
 * ```
 */
export class HuberLoss extends FunctionLoss<HuberOptions> {
  forward(input: Value, target: Value): Value {
    return huberLoss(input, target, this.options);
  }
}

/**
 * Binary cross-entropy of probabilities, target 0 to 1; see {@link bce}. For logits use {@link BCEWithLogitsLoss}.
 *
 * @example
 * ```ts
 * const said = input("said", { shape: [8, 10], dtype: "float32" });
 * new BCELoss().forward(sigmoid(said), input("target", { shape: [8, 10], dtype: "float32" })).shape; // []
 * ```
 */
export class BCELoss extends FunctionLoss<LossOptions> {
  forward(input: Value, target: Value): Value {
    return bce(input, target, this.options);
  }
}

/**
 * Binary cross-entropy of logits, target 0 to 1; see {@link bceWithLogits}.
 *
 * @example
 * ```ts
 * const said = input("said", { shape: [8, 10], dtype: "float32" });
 * new BCEWithLogitsLoss().forward(said, input("target", { shape: [8, 10], dtype: "float32" })).shape; // []
 * ```
 */
export class BCEWithLogitsLoss extends FunctionLoss<BceWithLogitsOptions> {
  forward(input: Value, target: Value): Value {
    return bceWithLogits(input, target, this.options);
  }
}
