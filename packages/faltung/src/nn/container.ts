/** Modules that hold modules: https://pytorch.org/docs/stable/nn.html#containers */
import type { Value } from "../ops/op.ts";
import { add, relu } from "../ops/elementwise/elementwise.ts";
import { Module, type ModuleSpec } from "./module.ts";

/**
 * Layers one after the other. Keys are `0.weight`, `1.bias`, …, as PyTorch's.
 *
 * @example
 * ```ts
 * const model = new Sequential(new Conv2d(1, 8, 3), new ReLU(), new Flatten(), new Linear(8 * 26 * 26, 10));
 * model.parameterCount; // 54170
 * ```
 */
export class Sequential extends Module {
  readonly layers: readonly Module[];

  constructor(...layers: readonly Module[]) {
    super();
    this.layers = layers;
  }

  override *children(): IterableIterator<[name: string, module: Module]> {
    for (const [i, layer] of this.layers.entries()) yield [String(i), layer];
  }

  forward(x: Value): Value {
    return this.layers.reduce((value, layer) => layer.forward(value), x);
  }

  override spec(): ModuleSpec {
    return { type: "Sequential", args: this.layers.map((layer) => layer.spec()) };
  }
}

/**
 * y = relu(body(x) + shortcut(x)): a residual connection (He et al. 2015), for networks written as lists of layers.
 * `shortcut` is the identity unless given; `activation: false` leaves the ReLU away.
 *
 * @example
 * ```ts
 * const body = new Sequential(new Conv2d(8, 8, 3, { padding: 1 }), new BatchNorm2d(8));
 * const block = new Residual(body);
 * ```
 */
export class Residual extends Module {
  readonly body: Module;
  readonly shortcut: Module | null;
  readonly activation: boolean;

  constructor(
    body: Module,
    shortcut: Module | null = null,
    { activation = true }: { readonly activation?: boolean } = {},
  ) {
    super();
    this.body = body;
    this.shortcut = shortcut;
    this.activation = activation;
  }

  forward(x: Value): Value {
    const y = add(this.body.forward(x), this.shortcut === null ? x : this.shortcut.forward(x));
    return this.activation ? relu(y) : y;
  }

  override spec(): ModuleSpec {
    const shortcut = this.shortcut === null ? null : this.shortcut.spec();
    return { type: "Residual", args: [this.body.spec(), shortcut, { activation: this.activation }] };
  }
}

/**
 * Passes its input on.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [2, 3], dtype: "float32" });
 * new Identity().forward(x).shape; // [2, 3]
 * ```
 */
export class Identity extends Module {
  forward(x: Value): Value {
    return x;
  }

  override spec(): ModuleSpec {
    return { type: "Identity", args: [] };
  }
}
