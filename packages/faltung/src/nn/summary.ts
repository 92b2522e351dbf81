/**
 * What a network is made of: every layer's output shape, parameters, multiply-adds and receptive field, read off one
 * trace. Nothing is computed.
 */
import { reachable } from "../compile/graph.ts";
import { trace } from "../compile/trace.ts";
import { type FieldLayer, type ReceptiveField, extendField } from "../ops/conv/geometry.ts";
import type { Value } from "../ops/op.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import type { Module, ModulePart } from "./module.ts";

/**
 * Runs `forward` and notes every layer (a module without modules below, or a part of a network from a file), in order of
 * running. Used by summary and by all that looks inside a network.
 */
export function recordLayers(
  model: Module,
  x: Value,
): { readonly output: Value; readonly layers: readonly ModulePart[] } {
  const layers: ModulePart[] = [];
  const watched: Module[] = [];
  try {
    for (const [name, module] of model.namedModules()) {
      const forward = module.forward.bind(module);
      const forwardByParts = module.forwardByParts?.bind(module);
      const isLeaf = module.children().next().done === true;
      // An own property shadows the class's method for this trace only.
      module.forward = (input: Value): Value => {
        if (forwardByParts !== undefined) {
          return forwardByParts(input, (part) =>
            layers.push({ ...part, name: name === "" ? part.name : `${name}.${part.name}` }),
          );
        }
        const output = forward(input);
        if (isLeaf) {
          layers.push({ name, type: typeName(module), parameters: module.parameterCount, input, output });
        }
        return output;
      };
      watched.push(module);
    }
    return { output: model.forward(x), layers };
  } finally {
    for (const module of watched) Reflect.deleteProperty(module, "forward");
  }
}

export interface LayerSummary {
  /** Where it is: `layer1.0.conv1`. */
  readonly name: string;
  readonly type: string;
  readonly output: Shape;
  readonly parameters: number;
  /** Multiply-adds for the whole input. */
  readonly macs: number;
  /** Cells of the network's input that one output cell sees, by spatial dimension; null: all of it. */
  readonly receptiveField: Shape | null;
}

export interface Summary {
  readonly input: Shape;
  readonly layers: readonly LayerSummary[];
  readonly parameters: number;
  readonly macs: number;
}

/**
 * The layers of a model (modules without modules below), in order of running.
 *
 * @param inputShape with the batch: [1, 3, 32, 32].
 * @throws ShapeError if the model does not take such an input.
 *
 * @example
 * ```ts
 * const { layers, parameters } = summary(lenet5(), [1, 1, 28, 28]);
 * layers[0]; // { name: "0", type: "Conv2d", output: [1, 6, 28, 28], parameters: 156, macs: 117600, receptiveField: [5, 5] }
 * parameters; // 61706
 * ```
 */
export function summary(model: Module, inputShape: Shape): Summary {
  const { input, output, layers, fields } = walk(model, inputShape);
  const lines = layers.map((layer): LayerSummary => ({
    name: layer.name,
    type: layer.type,
    output: layer.output.shape,
    parameters: layer.parameters,
    macs: macsBetween(layer.input, layer.output),
    receptiveField: fields.get(layer.output)?.map((f) => f.size) ?? null,
  }));
  return { input: inputShape, layers: lines, parameters: model.parameterCount, macs: macsBetween(input, output) };
}

/** A layer, and for each spatial dimension what its cells see of the input; null: all of it. */
export interface LayerField {
  readonly name: string;
  readonly shape: Shape;
  readonly fields: readonly ReceptiveField[] | null;
}

/** The receptive field of every layer (modules without modules below), in order of running. */
export function layerFields(model: Module, inputShape: Shape): readonly LayerField[] {
  const { layers, fields } = walk(model, inputShape);
  return layers.map(({ name, output }) => ({ name, shape: output.shape, fields: fields.get(output) ?? null }));
}

interface Walk {
  readonly input: Value;
  readonly output: Value;
  readonly layers: readonly ModulePart[];
  readonly fields: ReadonlyMap<Value, readonly ReceptiveField[] | null>;
}

/** One trace, in evaluation mode. */
function walk(model: Module, inputShape: Shape): Walk {
  const mode = model.training;
  model.eval();
  try {
    let layers: readonly ModulePart[] = [];
    const graph = trace(
      ({ x }) => {
        const recorded = recordLayers(model, x);
        ({ layers } = recorded);
        return { y: recorded.output };
      },
      { x: { shape: inputShape, dtype: "float32" } },
    );
    return {
      input: graph.inputs[0],
      output: graph.outputs.y,
      layers,
      fields: receptiveFields(reachable([graph.outputs.y])),
    };
  } finally {
    model.train(mode);
  }
}

/** The type as its description calls it; a class of one's own may have none, then the class's name. */
function typeName(module: Module): string {
  try {
    return module.spec().type;
  } catch {
    return module.constructor.name;
  }
}

function macsBetween(from: Value, to: Value): number {
  const before = new Set(reachable([from]));
  let total = 0;
  for (const v of reachable([to])) if (!before.has(v)) total += v.op.macs?.(v.inputs, v, v.attrs) ?? 0;
  return total;
}

/**
 * For each value, what one of its cells sees of the input. Windows enlarge the field of their first operand; where the
 * spatial size stays, the field is the largest of the operands'; where it changes otherwise, everything is seen.
 */
function receptiveFields(order: readonly Value[]): Map<Value, readonly ReceptiveField[] | null> {
  const fields = new Map<Value, readonly ReceptiveField[] | null>();
  for (const v of order) {
    if (v.op.name === "input")
      fields.set(
        v,
        v.shape.slice(2).map(() => ({ size: 1, jump: 1, start: 0 })),
      );
    const operands = v.inputs.filter((x) => fields.has(x));
    if (operands.length === 0) continue;
    const window: readonly FieldLayer[] | undefined = v.op.window?.(v.attrs);
    const first = fields.get(operands[0]) ?? null;
    if (window !== undefined) {
      fields.set(v, first === null ? null : first.map((f, d) => extendField(f, window[d])));
    } else if (operands.every((x) => sizeOf(x.shape) === sizeOf(v.shape) && x.shape.length === v.shape.length)) {
      fields.set(v, operands.map((x) => fields.get(x) ?? null).reduce(larger));
    } else fields.set(v, null);
  }
  return fields;
}

type Fields = readonly ReceptiveField[] | null;

function larger(a: Fields, b: Fields): Fields {
  return a === null || b === null ? null : a.map((f, d) => (b[d].size > f.size ? b[d] : f));
}
