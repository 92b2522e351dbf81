/** An imported network: a module like any other, so it can be run, looked inside, fine-tuned and exported again. */
import { Module, type ModulePart } from "../../nn/module.ts";
import { type State, type Value, type ValueLike, describe } from "../../ops/op.ts";
import { OptionError, ShapeError } from "../../tensor/errors.ts";
import { type Shape, type TensorType, sizeOf } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { type Context, type Scope, buildNodes, scopeIn, throwProblems } from "./build.ts";
import { CARRIED, type OnnxType } from "./dtype.ts";
import { type Item, knownItem, valueItem } from "./item.ts";
import { type PreparedNode, readsOf } from "./prepare.ts";
import { fromProgram } from "./tensor.ts";

/** An input or output of an imported network. */
export interface OnnxPort {
  readonly name: string;
  readonly type: OnnxType;
  /** A number, a symbol such as "batch", or null where anything goes; undefined: the file does not even tell the rank. */
  readonly shape: readonly (number | string | null)[] | undefined;
}

export interface OnnxInput extends OnnxPort {
  /**
   * The network's shapes depend on this input's numbers (a target size, for instance): it must be given as a tensor
   * when the network is traced, and is part of the program then.
   */
  readonly setting: boolean;
}

/** What import made of a file; see {@link OnnxModule}. */
export interface OnnxParts {
  readonly inputs: readonly OnnxInput[];
  readonly outputs: readonly OnnxPort[];
  readonly nodes: readonly PreparedNode[];
  readonly known: ReadonlyMap<string, Item>;
  readonly states: ReadonlyMap<string, State>;
  readonly context: Omit<Context, "training" | "problems">;
}

/**
 * A network from an ONNX file. Made by `importOnnx`. Its weights are parameters under their names in the file, its
 * running statistics buffers. It begins in evaluation mode, as the file was written for inference; `train()` makes
 * dropout drop and batch normalisation use the batch, with its running statistics updated as PyTorch does.
 *
 * @example
 * ```ts fragment
 * const net = importOnnx(bytes);
 * const run = await compile((inputs) => net.apply(inputs), net.inputTypes({ batch: 1 }));
 * ```
 */
export class OnnxModule extends Module {
  readonly inputs: readonly OnnxInput[];
  readonly outputs: readonly OnnxPort[];
  readonly #parts: OnnxParts;

  constructor(parts: OnnxParts) {
    super();
    this.inputs = parts.inputs;
    this.outputs = parts.outputs;
    this.#parts = parts;
    this.training = false;
  }

  /** States under their names in the file. */
  override *ownStates(): IterableIterator<[key: string, state: State]> {
    yield* this.#parts.states;
  }

  /** The first output, of a network with one input. */
  forward(x: Value): Value {
    const { input, output } = this.#ends();
    return this.apply({ [input]: x }, [output])[output];
  }

  /** The same; its layers are the nodes whose results are numbers that depend on the input. */
  override forwardByParts(x: Value, tell: (part: ModulePart) => void): Value {
    const { input, output } = this.#ends();
    const scope = this.#build({ [input]: x }, [output]);
    for (const { proto } of leadingTo([output], this.#parts.nodes)) {
      const [name] = proto.outputs;
      const made = scope.get(name);
      const from = readsOf(proto)
        .map((read) => scope.get(read))
        .find((item) => item?.known === false);
      if (made?.type !== "float" || made.known || from === undefined) continue;
      const weights = readsOf(proto).map((read) => this.#parts.states.get(read));
      const parameters = weights.reduce((n, s) => n + (s?.attrs.role === "parameter" ? sizeOf(s.shape) : 0), 0);
      tell({
        name: proto.name === "" ? name : proto.name,
        type: proto.opType,
        parameters,
        input: from.value(),
        output: made.value(),
      });
    }
    return outputOf(scope, output, this.#parts.context.what);
  }

  #ends(): { readonly input: string; readonly output: string } {
    const open = this.inputs.filter((input) => !input.setting);
    if (open.length !== 1 || this.inputs.length !== 1) {
      throw new OptionError(
        `${this.#parts.context.what}: it has the inputs ${this.inputs.map((i) => i.name).join(", ")}; call apply({ … }) with all of them.`,
      );
    }
    return { input: open[0].name, output: this.outputs[0].name };
  }

  /** Names of all tensors between inputs and outputs, in order: what {@link apply} can be asked for besides outputs. */
  get tensors(): string[] {
    return this.#parts.nodes.flatMap(({ proto }) => proto.outputs.filter((name) => name !== ""));
  }

  /**
   * The network as values.
   *
   * @param inputs one for each input, by name. A tensor (rather than a value) is known while the network is built:
   * inputs that decide about shapes must be given so.
   * @param outputs names of tensors; the network's outputs unless said. Only what they are made from is built, so that
   * the boxes and scores of a detector can be had whose last node, non-maximum suppression, has no fixed size.
   * @throws ShapeError if an input does not fit; FormatError listing all nodes that cannot be built for these shapes.
   *
   * @example
   * ```ts fragment
   * const { probabilities } = net.apply({ image: x });
   * ```
   */
  apply(inputs: Readonly<Record<string, ValueLike>>, outputs?: readonly string[]): Record<string, Value> {
    const wanted = outputs ?? this.outputs.map((o) => o.name);
    const scope = this.#build(inputs, wanted);
    return Object.fromEntries(wanted.map((name) => [name, outputOf(scope, name, this.#parts.context.what)]));
  }

  #build(inputs: Readonly<Record<string, ValueLike>>, wanted: readonly string[]): Scope {
    const { context, known, nodes } = this.#parts;
    const { what } = context;
    const scope = scopeIn(undefined);
    for (const [name, item] of known) scope.set(name, item);
    const dims = new Map<string, number>();
    for (const name of Object.keys(inputs)) {
      if (!this.inputs.some((i) => i.name === name))
        throw new OptionError(
          `${what}: there is no input ${name}; there are: ${this.inputs.map((i) => i.name).join(", ")}.`,
        );
    }
    for (const port of this.inputs) {
      if (!Object.hasOwn(inputs, port.name)) throw new OptionError(`${what}: input ${port.name} is not given.`);
      scope.set(port.name, inputItem(port, inputs[port.name], dims, what));
    }
    const problems: Context["problems"] = [];
    buildNodes(leadingTo(wanted, nodes), wanted, scope, { ...context, training: this.training, problems });
    throwProblems(what, problems);
    return scope;
  }

  /**
   * Types of the inputs, for compiling. Settings are left out.
   *
   * @param dims a number for each symbol; where a dimension has no name, `"input.0"` for dimension 0 of that input.
   * @throws OptionError naming the symbols that have no number.
   *
   * @example
   * ```ts fragment
   * net.inputTypes({ batch: 8 }).image.shape; // [8, 3, 224, 224]
   * ```
   */
  inputTypes(dims: Readonly<Record<string, number>> = {}): Record<string, TensorType> {
    const missing = new Set<string>();
    const types = this.inputs
      .filter((port) => !port.setting)
      .map((port): [string, TensorType] => {
        if (port.shape === undefined) {
          throw new OptionError(
            `${this.#parts.context.what}: the file does not tell the shape of input ${port.name}; give the types by hand.`,
          );
        }
        const shape = port.shape.map((d, i) => {
          if (typeof d === "number") return d;
          const key = d ?? `${port.name}.${i}`;
          if (!Object.hasOwn(dims, key)) missing.add(key);
          return dims[key];
        });
        return [port.name, { shape, dtype: CARRIED[port.type].dtype ?? "float32" }];
      });
    if (missing.size > 0) {
      throw new OptionError(`${this.#parts.context.what}: give numbers for the dimensions ${[...missing].join(", ")}.`);
    }
    return Object.fromEntries(types);
  }
}

function outputOf(scope: Scope, name: string, what: string): Value {
  const item = scope.get(name);
  if (item === undefined) throw new OptionError(`${what}: there is no tensor "${name}" in it.`);
  return item.value();
}

/** The nodes that these tensors are made by: what is not asked for need not be possible. */
function leadingTo(wanted: readonly string[], nodes: readonly PreparedNode[]): PreparedNode[] {
  const needed = new Set(wanted);
  const kept = nodes.toReversed().filter(({ proto }) => {
    if (!proto.outputs.some((name) => needed.has(name))) return false;
    for (const name of readsOf(proto)) needed.add(name);
    return true;
  });
  return kept.reverse();
}

function inputItem(port: OnnxInput, given: ValueLike, dims: Map<string, number>, what: string): Item {
  const { name, type } = port;
  const { dtype } = CARRIED[type];
  const shape = typeof given === "number" ? [] : given.shape;
  checkShape(port, shape, dims, what);
  if (typeof given === "number" || given instanceof Tensor) {
    const tensor = typeof given === "number" ? Tensor.scalar(given) : given;
    return knownItem(fromProgram(type, tensor.shape, tensor.data), name);
  }
  if (given.dtype !== dtype) {
    throw new ShapeError(
      `${what}: input ${name} is of type ${type}, which ${dtype} carries; it was given ${describe(given)}.`,
    );
  }
  return valueItem(type, given, name);
}

function checkShape({ name, shape }: OnnxPort, given: Shape, dims: Map<string, number>, what: string): void {
  const fits =
    shape === undefined ||
    (shape.length === given.length &&
      shape.every((d, i) => {
        if (d === null) return true;
        const expected = typeof d === "number" ? d : (dims.get(d) ?? given[i]);
        if (typeof d === "string") dims.set(d, expected);
        return expected === given[i];
      }));
  if (!fits) {
    const declared = (shape ?? [])
      .map((d) => (typeof d === "string" && dims.has(d) ? `${d} = ${dims.get(d)}` : (d ?? "?")))
      .join(", ");
    throw new ShapeError(
      `${what}: input ${name} has the shape [${declared}] in the file; it was given [${given.join(", ")}].`,
    );
  }
}
