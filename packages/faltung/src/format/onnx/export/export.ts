/**
 * Export: the inference graph of a network as an ONNX model. What does not depend on the inputs is computed and written
 * as numbers; scales and shifts behind a convolution (batch normalisation) go into its weights.
 */
import { knownNumbers } from "../../../compile/affine.ts";
import { reachable, rewrite } from "../../../compile/graph.ts";
import { type Graph, trace } from "../../../compile/trace.ts";
import { type InputSpec, typeOf } from "../../../compile/program.ts";
import { type State, type Value, isConstant, isInput, isState } from "../../../ops/op.ts";
import { FaltungError, OptionError } from "../../../tensor/errors.ts";
import { type TensorType, sameShape } from "../../../tensor/shape.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { onnxTypeCode } from "../dtype.ts";
import { type NodeProto, type ValueInfo, writeModel } from "../model.ts";
import { type Emitter, TYPE_OF, emitter } from "./emitter.ts";
import { absorbed, absorptions } from "./fold.ts";
import { QUANTIZED_RULES } from "./quantized.ts";
import { RULES } from "./rules.ts";

export interface ExportOptions {
  /** Name of the first dimension, which may then be of any size; null keeps the size given. "batch" unless said. */
  readonly batch?: string | null;
  /** What the network's states hold: their initial tensors unless given. */
  readonly read?: (state: State) => Tensor;
  /** Names of states in the file, `model.namedStates()` for instance; their labels unless given. */
  readonly names?: Iterable<readonly [string, State]>;
  /** Key and value pairs to keep in the file. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Name of the graph. "faltung" unless said. */
  readonly name?: string;
}

/** Operator set and file version that are written: read by every engine since 2022. */
const OPSET = 17;
const IR_VERSION = 8;

/**
 * The bytes of an ONNX model that computes what `fn` does.
 *
 * @param fn the network as a function of values, as for `compile`; in evaluation mode, for it is traced as it is.
 * @param inputs their shapes or types. With a batch name the first dimension's size does not matter.
 * @throws FaltungError (code "onnx") naming an operation that cannot be written; OptionError if with a batch name the
 * network depends on the batch's size.
 *
 * @example
 * ```ts
 * const model = lenet5().eval();
 * const names = model.namedStates();
 * const bytes = exportOnnx(({ image }) => ({ logits: model.forward(image) }), { image: [1, 1, 28, 28] }, { names });
 * bytes.length > 4 * 61706; // true: the weights are inside
 * ```
 */
export function exportOnnx<const I extends Readonly<Record<string, InputSpec>>>(
  fn: (inputs: { readonly [K in keyof I & string]: Value }) => Readonly<Record<string, Value>>,
  inputs: I,
  options?: ExportOptions,
): Uint8Array;
export function exportOnnx(
  fn: (inputs: Readonly<Record<string, Value>>) => Readonly<Record<string, Value>>,
  inputs: Readonly<Record<string, InputSpec>>,
  options: ExportOptions = {},
): Uint8Array {
  const { batch = "batch", read = (s) => s.attrs.initial, metadata = {}, name = "faltung" } = options;
  const types = Object.entries(inputs).map(([key, spec]): [string, TensorType] => [key, typeOf(spec)]);
  const traced = (size: number | null): Graph => traceInference(fn, types, size);
  const graph = traced(batch === null ? null : 2);
  const other = batch === null ? graph : traced(3);
  const names = new Map<Value, string>(Array.from(options.names ?? [], ([key, s]) => [s, key]));
  const nameOf = (value: Value): string | undefined =>
    names.get(value) ?? (isState(value) ? value.attrs.label : undefined);
  const e = emitter({
    known: knownNumbers(Object.values(graph.outputs), read),
    nameOf,
    twin: twins(graph, other),
    reserved: portNames(graph),
  });

  const infos = (values: Iterable<readonly [string, Value]>): ValueInfo[] =>
    Array.from(values, ([key, value]) => ({
      name: key,
      elemType: onnxTypeCode(TYPE_OF[value.dtype]),
      shape: value.shape.map((d, i) => (d === e.twin(value).shape[i] ? d : (batch ?? d))),
    }));
  for (const leaf of graph.inputs) e.set(leaf, leaf.attrs.name);
  emitAll(graph, e);
  const outputs = Object.entries(graph.outputs);
  for (const [key] of outputs) {
    if (graph.inputs.some((leaf) => leaf.attrs.name === key))
      throw new OptionError(`exportOnnx: "${key}" is an input and an output; give them different names.`);
  }
  const made = outputs.map(([key, value]): [string, string] => [key, e.tensor(value)]);
  return writeModel({
    irVersion: IR_VERSION,
    producerName: "faltung",
    opsets: new Map([["", OPSET]]),
    metadata: new Map(Object.entries(metadata)),
    functions: [],
    graph: {
      name,
      sparse: 0,
      nodes: withOutputs(e.nodes, made),
      initializers: e.initializers,
      inputs: infos(graph.inputs.map((leaf) => [leaf.attrs.name, leaf])),
      outputs: infos(outputs),
    },
  });
}

function traceInference(
  fn: (inputs: Readonly<Record<string, Value>>) => Readonly<Record<string, Value>>,
  types: readonly (readonly [string, TensorType])[],
  batch: number | null,
): Graph {
  const sized = types.map(([key, { shape, dtype }]): [string, TensorType] => {
    if (batch !== null && shape.length === 0)
      throw new OptionError(`exportOnnx: input ${key} has no dimension to be the batch; give batch: null.`);
    return [key, { dtype, shape: batch === null ? shape : [batch, ...shape.slice(1)] }];
  });
  const graph = trace(fn, Object.fromEntries(sized));
  if (graph.updates.length > 0) {
    throw new OptionError(
      "exportOnnx: the network updates states as it runs, as in training; put the module into evaluation mode with eval().",
    );
  }
  // Composites that ONNX has no word for are written as what they stand for.
  const roots = Object.values(graph.outputs);
  const step = (value: Value, inputs: readonly Value[]): Value | undefined => {
    if (ruleOf(value) !== undefined || value.op.decompose === undefined) return undefined;
    const [parts] = rewrite([value.op.decompose(inputs, value.attrs)], step);
    return parts;
  };
  const written = rewrite(roots, step);
  return { ...graph, outputs: Object.fromEntries(Object.keys(graph.outputs).map((key, i) => [key, written[i]])) };
}

function ruleOf({ op }: Value): ReturnType<typeof RULES.get> {
  return RULES.get(op.name) ?? QUANTIZED_RULES.get(op.name);
}

function portNames(graph: Graph): string[] {
  return [...graph.inputs.map((leaf) => leaf.attrs.name), ...Object.keys(graph.outputs)];
}

/** Gives the tensors that are outputs their names; one that no node makes, or that is two outputs, goes through Identity. */
function withOutputs(
  nodes: readonly NodeProto[],
  outputs: readonly (readonly [name: string, made: string])[],
): NodeProto[] {
  const renamed = new Map<string, string>();
  const copies: NodeProto[] = [];
  for (const [name, made] of outputs) {
    const free = !renamed.has(made) && nodes.some((node) => node.outputs.includes(made));
    if (free) renamed.set(made, name);
    else copies.push({ name, opType: "Identity", domain: "", inputs: [made], outputs: [name], attributes: new Map() });
  }
  const rename = (name: string): string => renamed.get(name) ?? name;
  return [...nodes, ...copies].map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
}

/** The values of two traces of one function, side by side. */
function twins(graph: Graph, other: Graph): (value: Value) => Value {
  const [a, b] = [graph, other].map((g) => reachable([...g.inputs, ...Object.values(g.outputs)]));
  const differs = (): never => {
    throw new OptionError("exportOnnx: the network is another one for another batch size; export it with batch: null.");
  };
  // States are made before tracing and are the same in both.
  if (a.length !== b.length) differs();
  const pairs = new Map<Value, Value>();
  a.forEach((value, i) => {
    const twin = b[i];
    if (value.op.name !== twin.op.name || value.shape.length !== twin.shape.length) differs();
    if (isConstant(value) && isConstant(twin) && !sameNumbers(value.attrs.tensor, twin.attrs.tensor)) differs();
    pairs.set(value, twin);
  });
  return (value) => pairs.get(value) ?? value;
}

function sameNumbers(a: Tensor, b: Tensor): boolean {
  return sameShape(a.shape, b.shape) && a.data.every((x, i) => Object.is(x, b.data[i]));
}

function emitAll(graph: Graph, e: Emitter): void {
  const order = reachable(Object.values(graph.outputs));
  const folds = absorptions(order, Object.values(graph.outputs), e);
  const inner = absorbed(folds);
  for (const value of order) {
    if (isInput(value) || inner.has(value) || e.known(value) !== undefined) continue;
    const fold = folds.get(value);
    if (fold !== undefined) {
      e.set(value, fold.emit());
      continue;
    }
    const rule = ruleOf(value);
    if (rule === undefined) {
      throw new FaltungError("onnx", `exportOnnx: there is no way yet to write ${value.op.name} to ONNX.`);
    }
    const name = rule(e, value);
    if (typeof name === "string") e.set(value, name);
  }
}
