/**
 * The base of layers and networks: state found by walking properties, as PyTorch finds it by attribute registration
 * (https://pytorch.org/docs/stable/generated/torch.nn.Module.html), under the same state-dict keys.
 */
import { type State, type Value, describe, isState, isValue, state } from "../ops/op.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { show, sameShape, sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";

/** How a module is made again: its type's name and its constructor's arguments, as JSON. */
export interface ModuleSpec {
  readonly type: string;
  readonly args: readonly SpecArgument[];
}
export type SpecArgument =
  | string
  | number
  | boolean
  | null
  | undefined
  | ModuleSpec
  | readonly SpecArgument[]
  | { readonly [key: string]: SpecArgument };

/** What {@link Module.loadStateDict} found. All three lists are empty after a strict load. */
export interface LoadReport {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly mismatched: readonly string[];
}

/** A layer as one who looks inside a network meets it: what went in and what came out. */
export interface ModulePart {
  readonly name: string;
  readonly type: string;
  /** Numbers that can be trained. */
  readonly parameters: number;
  readonly input: Value;
  readonly output: Value;
}

/**
 * A layer or a network. Subclass it, keep layers and parameters in properties, alone or in arrays and records (PyTorch's
 * ModuleList and ModuleDict, without the name), and write `forward`.
 *
 * @example
 * ```ts
 * class Net extends Module {
 *   conv = new Conv2d(1, 8, 3, { padding: 1 });
 *   fc = new Linear(8, 10);
 *   forward(x: Value): Value {
 *     return this.fc.forward(mean(relu(this.conv.forward(x)), [2, 3]));
 *   }
 * }
 * [...new Net().namedParameters()].map(([key]) => key); // ["conv.weight", "conv.bias", "fc.weight", "fc.bias"]
 * ```
 */
export abstract class Module {
  /** Whether dropout drops and batch-norm uses the batch's statistics; read when the network is traced. */
  training: boolean = true;

  abstract forward(x: Value): Value;

  /** `forward` of a network that is not made of modules (one from a file): it tells of its parts itself. */
  forwardByParts?(x: Value, tell: (part: ModulePart) => void): Value;

  /** How to make it again (see `build`). Built-in layers have one; a class of your own may give one. */
  spec(): ModuleSpec {
    throw new OptionError(
      `${this.constructor.name} has no spec(), so its architecture cannot be written into a model file. ` +
        `Give it one ({ type, args }) and register the type with registerModule, or save the state dict alone.`,
    );
  }

  /** Direct children under their property names; `blocks.0` for the first of an array, `heads.x` for x of a record. */
  *children(): IterableIterator<[name: string, module: Module]> {
    for (const [key, property] of Object.entries(this)) yield* within(key, property, isModule);
  }

  /** This module (name "") and all below it; one that stands in two places comes once, under its first name. */
  *namedModules(prefix: string = "", seen: Set<Module> = new Set()): IterableIterator<[name: string, module: Module]> {
    if (seen.has(this)) return;
    seen.add(this);
    yield [prefix, this];
    const start = prefix === "" ? "" : `${prefix}.`;
    for (const [name, child] of this.children()) yield* child.namedModules(start + name, seen);
  }

  /** Every state (parameter or buffer) under its state-dict key; one shared by two modules comes once, under the first. */
  *namedStates(): IterableIterator<[key: string, state: State]> {
    const seen = new Set<State>();
    for (const entry of this.#everyState()) {
      if (!seen.has(entry[1])) yield entry;
      seen.add(entry[1]);
    }
  }

  /** As {@link namedStates}, a shared state under each of its keys: what a state dict holds. */
  *#everyState(start: string = ""): IterableIterator<[key: string, state: State]> {
    for (const [key, own] of this.ownStates()) yield [start + key, own];
    for (const [name, child] of this.children()) yield* child.#everyState(`${start}${name}.`);
  }

  /** The states in this module's own properties, under PyTorch's keys. A module that names them otherwise overrides it. */
  *ownStates(): IterableIterator<[key: string, state: State]> {
    for (const [name, property] of Object.entries(this)) yield* within(snakeCase(name), property, isStateValue);
  }

  /** The states that are trained, under their state-dict keys; each once. */
  *namedParameters(): IterableIterator<[key: string, parameter: State]> {
    for (const entry of this.namedStates()) if (entry[1].attrs.role === "parameter") yield entry;
  }

  /** What an optimiser is given. */
  parameters(): State[] {
    return Array.from(this.namedParameters(), ([, parameter]) => parameter);
  }

  /** Number of trainable numbers. */
  get parameterCount(): number {
    return this.parameters().reduce((n, p) => n + sizeOf(p.shape), 0);
  }

  /** Training mode for this module and all below: dropout drops, batch-norm uses and tracks batch statistics. */
  train(mode: boolean = true): this {
    for (const [, module] of this.namedModules()) module.training = mode;
    return this;
  }

  /** Evaluation mode: `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  /**
   * The host's copies of all states, by PyTorch's keys; one that is shared stands under each of its keys, as there. Not
   * copied: writing to them changes the module.
   */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(Array.from(this.#everyState(), ([key, s]) => [key, s.attrs.initial]));
  }

  /**
   * Copies tensors into this module's states, by name.
   * @param strict as in PyTorch: every key must be there, and no other (true).
   * @throws ShapeError listing missing, unexpected and mismatched keys. Nothing is copied then.
   */
  loadStateDict(
    dict: Readonly<Record<string, Tensor>>,
    { strict = true }: { readonly strict?: boolean } = {},
  ): LoadReport {
    const own = new Map(this.#everyState());
    const missing = [...own.keys()].filter((key) => !Object.hasOwn(dict, key));
    const unexpected = Object.keys(dict).filter((key) => !own.has(key));
    const mismatched: string[] = [];
    for (const [key, s] of own) {
      if (Object.hasOwn(dict, key) && !sameShape(dict[key].shape, s.shape)) {
        mismatched.push(`${key}: the file has ${show(dict[key].shape)}, the module ${show(s.shape)}`);
      }
    }
    if (mismatched.length > 0 || (strict && missing.length + unexpected.length > 0)) {
      const part = (title: string, list: readonly string[]): string =>
        list.length === 0
          ? ""
          : `\n  ${title} (${list.length}): ${list.slice(0, 20).join(", ")}${list.length > 20 ? ", …" : ""}`;
      throw new ShapeError(
        `loadStateDict: the state dict does not fit ${this.constructor.name}.` +
          part("missing", missing) +
          part("unexpected", unexpected) +
          part("of another shape", mismatched) +
          (mismatched.length === 0 ? "\nPass { strict: false } to load what fits." : ""),
      );
    }
    for (const [key, s] of own) if (Object.hasOwn(dict, key)) s.attrs.initial.data.set(dict[key].data);
    return { missing, unexpected, mismatched };
  }
}

function isModule(x: unknown): x is Module {
  return x instanceof Module;
}

/** What `is` looks for: a property itself, items of an array (or of arrays in it), or fields of a plain record. */
function* within<T>(key: string, x: unknown, is: (x: unknown) => x is T): IterableIterator<[key: string, found: T]> {
  if (is(x)) yield [key, x];
  else if (Array.isArray(x)) for (const [i, item] of x.entries()) yield* within(`${key}.${i}`, item, is);
  else if (typeof x === "object" && x !== null && Object.getPrototypeOf(x) === Object.prototype) {
    for (const [name, item] of Object.entries(x)) if (is(item)) yield [`${key}.${name}`, item];
  }
}

function isStateValue(x: unknown): x is State {
  return isValue(x) && isState(x);
}

/** PyTorch's keys are in snake_case: runningMean is `running_mean`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}

/**
 * A trainable tensor, holding `initial` at first.
 *
 * @example
 * ```ts
 * class Scale extends Module {
 *   scale = parameter(Tensor.full([1], 1), "scale");
 *   forward(x: Value): Value {
 *     return mul(x, this.scale);
 *   }
 * }
 * new Scale().parameterCount; // 1
 * ```
 */
export function parameter(initial: Tensor, label: string): State {
  return state({ role: "parameter", label, initial });
}

/**
 * A tensor kept with the module and not trained.
 *
 * @example
 * ```ts
 * class Centre extends Module {
 *   mean = buffer(Tensor.from([0.5]), "mean");
 *   forward(x: Value): Value {
 *     return sub(x, this.mean);
 *   }
 * }
 * new Centre().parameterCount; // 0, but its state dict has mean
 * ```
 */
export function buffer(initial: Tensor, label: string): State {
  return state({ role: "buffer", label, initial });
}

/**
 * A copy of everything a module holds, for comparing or restoring later.
 *
 * @example
 * ```ts
 * const model = new Linear(2, 1);
 * const before = snapshot(model);
 * model.stateDict()["weight"].data.fill(0);
 * model.loadStateDict(before); // as it was
 * ```
 */
export function snapshot(module: Module): Record<string, Tensor> {
  const copy = ({ data, shape }: Tensor): Tensor => new Tensor(data.slice(), shape);
  return Object.fromEntries(Array.from(module.namedStates(), ([key, s]) => [key, copy(s.attrs.initial)]));
}

/** `Conv2d: x is float32 [..], expected rank 4 …` for layers that take one rank only. */
export function expectRank(x: Value, ranks: readonly number[], layer: string, layout: string): void {
  if (!ranks.includes(x.shape.length)) {
    throw new ShapeError(`${layer}: x is ${describe(x)}; expected ${ranks.join(" or ")} dimensions (${layout}).`);
  }
}
