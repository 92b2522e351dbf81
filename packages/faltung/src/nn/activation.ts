/**
 * Activations as layers: https://pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity
 * Each is the function of the same name, made a module so that it can stand in a Sequential.
 */
import {
  elu,
  gelu,
  hardsigmoid,
  hardswish,
  leakyRelu,
  prelu,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softplus,
  tanh,
} from "../ops/elementwise/elementwise.ts";
import { logSoftmax, softmax } from "../ops/norm/norm.ts";
import type { State, Value } from "../ops/op.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Module, type ModuleSpec, parameter } from "./module.ts";

/** A layer that is made without arguments. */
abstract class PlainActivation extends Module {
  /** Its name, said here because minifiers rename classes. */
  protected abstract readonly type: string;

  override spec(): ModuleSpec {
    return { type: this.type, args: [] };
  }
}

/**
 * max(x, 0).
 *
 * @example
 * ```ts
 * const model = new Sequential(new Linear(8, 16), new ReLU(), new Linear(16, 4));
 * model.parameterCount; // 212
 * ```
 */
export class ReLU extends PlainActivation {
  protected readonly type = "ReLU";

  forward(x: Value): Value {
    return relu(x);
  }
}

/**
 * min(max(x, 0), 6).
 *
 * @example
 * ```ts
 * const model = new Sequential(new Linear(8, 16), new ReLU6(), new Linear(16, 4));
 * model.parameterCount; // 212
 * ```
 */
export class ReLU6 extends PlainActivation {
  protected readonly type = "ReLU6";

  forward(x: Value): Value {
    return relu6(x);
  }
}

/**
 * Scaled ELU (Klambauer et al. 2017).
 *
 * @example
 * ```ts
 * const model = new Sequential(new Linear(8, 16), new SELU(), new Linear(16, 4));
 * model.parameterCount; // 212
 * ```
 */
export class SELU extends PlainActivation {
  protected readonly type = "SELU";

  forward(x: Value): Value {
    return selu(x);
  }
}

/**
 * x·sigmoid(x), also called swish.
 *
 * @example
 * ```ts
 * const model = new Sequential(new Linear(8, 16), new SiLU(), new Linear(16, 4));
 * model.parameterCount; // 212
 * ```
 */
export class SiLU extends PlainActivation {
  protected readonly type = "SiLU";

  forward(x: Value): Value {
    return silu(x);
  }
}

/**
 * x·relu6(x + 3) / 6 (Howard et al. 2019).
 *
 * @example
 * ```ts
 * const model = new Sequential(new Linear(8, 16), new Hardswish(), new Linear(16, 4));
 * model.parameterCount; // 212
 * ```
 */
export class Hardswish extends PlainActivation {
  protected readonly type = "Hardswish";

  forward(x: Value): Value {
    return hardswish(x);
  }
}

/**
 * relu6(x + 3) / 6.
 *
 * @example
 * ```ts
 * const model = new Sequential(new Linear(8, 16), new Hardsigmoid(), new Linear(16, 4));
 * model.parameterCount; // 212
 * ```
 */
export class Hardsigmoid extends PlainActivation {
  protected readonly type = "Hardsigmoid";

  forward(x: Value): Value {
    return hardsigmoid(x);
  }
}

/**
 * 1 / (1 + e⁻ˣ).
 *
 * @example
 * ```ts
 * const model = new Sequential(new Linear(8, 16), new Sigmoid(), new Linear(16, 4));
 * model.parameterCount; // 212
 * ```
 */
export class Sigmoid extends PlainActivation {
  protected readonly type = "Sigmoid";

  forward(x: Value): Value {
    return sigmoid(x);
  }
}

/**
 * The hyperbolic tangent.
 *
 * @example
 * ```ts
 * const model = new Sequential(new Linear(8, 16), new Tanh(), new Linear(16, 4));
 * model.parameterCount; // 212
 * ```
 */
export class Tanh extends PlainActivation {
  protected readonly type = "Tanh";

  forward(x: Value): Value {
    return tanh(x);
  }
}

/**
 * log(1 + eˣ).
 *
 * @example
 * ```ts
 * const model = new Sequential(new Linear(8, 16), new Softplus(), new Linear(16, 4));
 * model.parameterCount; // 212
 * ```
 */
export class Softplus extends PlainActivation {
  protected readonly type = "Softplus";

  forward(x: Value): Value {
    return softplus(x);
  }
}

/**
 * x for x > 0, else negativeSlope·x (0.01).
 *
 * @example
 * ```ts
 * const model = new Sequential(new Conv2d(3, 8, 3), new LeakyReLU(0.2));
 * model.parameterCount; // 224
 * ```
 */
export class LeakyReLU extends Module {
  readonly negativeSlope: number;

  constructor(negativeSlope: number = 0.01) {
    super();
    this.negativeSlope = negativeSlope;
  }

  forward(x: Value): Value {
    return leakyRelu(x, this.negativeSlope);
  }

  override spec(): ModuleSpec {
    return { type: "LeakyReLU", args: [this.negativeSlope] };
  }
}

/**
 * x for x > 0, else alpha·(eˣ − 1).
 *
 * @example
 * ```ts
 * const model = new Sequential(new Conv2d(3, 8, 3), new ELU(0.5));
 * model.parameterCount; // 224
 * ```
 */
export class ELU extends Module {
  readonly alpha: number;

  constructor(alpha: number = 1) {
    super();
    this.alpha = alpha;
  }

  forward(x: Value): Value {
    return elu(x, this.alpha);
  }

  override spec(): ModuleSpec {
    return { type: "ELU", args: [this.alpha] };
  }
}

/**
 * x·Φ(x): exact by erf, or with `approximate: "tanh"` (Hendrycks & Gimpel 2016).
 *
 * @example
 * ```ts
 * const model = new Sequential(new Linear(8, 32), new GELU("tanh"), new Linear(32, 8));
 * model.parameterCount; // 552
 * ```
 */
export class GELU extends Module {
  readonly approximate: "none" | "tanh";

  constructor(approximate: "none" | "tanh" = "none") {
    super();
    this.approximate = approximate;
  }

  forward(x: Value): Value {
    return gelu(x, this.approximate);
  }

  override spec(): ModuleSpec {
    return { type: "GELU", args: [this.approximate] };
  }
}

/**
 * eˣ / Σeˣ over `axis` (1: the channels or classes).
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [8, 10], dtype: "float32" });
 * new Softmax().forward(x).shape; // [8, 10]: ten probabilities a row
 * ```
 */
export class Softmax extends Module {
  readonly axis: number;

  constructor(axis: number = 1) {
    super();
    this.axis = axis;
  }

  forward(x: Value): Value {
    return softmax(x, this.axis);
  }

  override spec(): ModuleSpec {
    return { type: "Softmax", args: [this.axis] };
  }
}

/**
 * log softmax over `axis` (1: the channels or classes).
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [8, 10], dtype: "float32" });
 * new LogSoftmax().forward(x).shape; // [8, 10]: what NLLLoss takes
 * ```
 */
export class LogSoftmax extends Module {
  readonly axis: number;

  constructor(axis: number = 1) {
    super();
    this.axis = axis;
  }

  forward(x: Value): Value {
    return logSoftmax(x, this.axis);
  }

  override spec(): ModuleSpec {
    return { type: "LogSoftmax", args: [this.axis] };
  }
}

/**
 * x for x > 0, else weight·x with a learned slope, one for all channels or one each (He et al. 2015).
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [2, 16, 8, 8], dtype: "float32" });
 * new PReLU(16).forward(x).shape; // [2, 16, 8, 8]
 * ```
 */
export class PReLU extends Module {
  readonly weight: State;

  constructor(numParameters: number = 1, init: number = 0.25) {
    super();
    this.weight = parameter(Tensor.full([numParameters], init), "weight");
  }

  forward(x: Value): Value {
    return prelu(x, this.weight);
  }

  override spec(): ModuleSpec {
    return { type: "PReLU", args: [this.weight.shape[0]] };
  }
}
