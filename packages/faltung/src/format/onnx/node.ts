/** What an operator of the table sees of its node: inputs, attributes with defaults, and the words of its errors. */
import type { Value } from "../../ops/op.ts";
import { FormatError } from "../../tensor/errors.ts";
import { type Shape, show, sizeOf } from "../../tensor/shape.ts";
import type { OnnxType } from "./dtype.ts";
import type { Item } from "./item.ts";
import type { AttributeProto, GraphProto, NodeProto, TensorProto } from "./model.ts";
import type { HostTensor } from "./tensor.ts";

/** The operator, or this use of it, is beyond what our operations can say. Collected, and told all at once. */
export class Unsupported extends FormatError {}

/** A result under a type of its own; a bare value has the type of input 0. */
export interface Typed {
  readonly type: OnnxType;
  readonly value: Value;
}

export type Built = Value | Typed | HostTensor | Item;

/** One row of the table: how a node becomes values. */
export interface Operator {
  /** Inputs that must be known while building: shapes, axes, sizes. */
  readonly needs?: readonly number[];
  /**
   * Inputs whose numbers the size of the result depends on. An input of the model is a setting where it is used so; of a
   * tensor that the network computes no more is said before it is asked for.
   */
  readonly sized?: readonly number[];
  /** Inputs whose numbers are settings rather than weights (bounds, scales): constants, never parameters. */
  readonly settings?: readonly number[];
  /** Inputs that are running statistics: buffers rather than parameters. */
  readonly buffers?: readonly number[];
  build(node: OnnxNode): Built | readonly (Built | undefined)[];
}

export type Operators = Readonly<Record<string, Operator>>;

export interface OnnxNode {
  readonly proto: NodeProto;
  /** `Conv "/layer1/conv"`, for messages. */
  readonly label: string;
  /** Version of the operator set that the node's domain is used in. */
  readonly opset: number;
  /** The module is in training mode. */
  readonly training: boolean;
  readonly inputs: readonly (Item | undefined)[];
  has(i: number): boolean;
  item(i: number): Item;
  value(i: number): Value;
  /** All inputs that are given. */
  values(): Value[];
  type(i?: number): OnnxType;
  shape(i: number): Shape;
  /** The numbers of an input that must be known. */
  numbers(i: number): number[];
  /** Whether the numbers of an input are known. */
  known(i: number): boolean;
  /** Whether someone reads output i. */
  wants(i: number): boolean;
  int(name: string, fallback?: number): number;
  float(name: string, fallback?: number): number;
  text(name: string, fallback?: string): string;
  /** Undefined where the attribute is not given. @param most numbers beyond ±most are refused */
  ints(name: string, most?: number): number[] | undefined;
  floats(name: string): number[] | undefined;
  texts(name: string): string[] | undefined;
  tensor(name: string): HostTensor | undefined;
  graph(name: string): GraphProto;
  /** Builds a graph among the node's attributes, with values for its inputs; the items of its outputs. */
  run(graph: GraphProto, inputs?: readonly Item[]): Item[];
  unsupported(reason: string): never;
  fail(reason: string): never;
}

export interface NodeEnvironment {
  readonly what: string;
  readonly opset: number;
  readonly training: boolean;
  readonly isUsed: (name: string) => boolean;
  readonly decode: (tensor: TensorProto) => HostTensor;
  readonly run: OnnxNode["run"];
}

/** Attribute types, by their number in onnx.proto; 0 in files older than the field. */
const TYPES = { float: 1, int: 2, text: 3, tensor: 4, graph: 5, floats: 6, ints: 7, texts: 8 } as const;

export function labelOf({ opType, name, outputs }: NodeProto): string {
  return `${opType} "${name === "" ? (outputs[0] ?? "") : name}"`;
}

export function nodeView(proto: NodeProto, inputs: readonly (Item | undefined)[], env: NodeEnvironment): OnnxNode {
  const label = labelOf(proto);
  const fail = (reason: string): never => {
    throw new FormatError(`${env.what}: ${label}: ${reason}`);
  };
  const attribute = (name: string, kind: keyof typeof TYPES): AttributeProto | undefined => {
    const a = proto.attributes.get(name);
    if (a?.reference !== undefined)
      fail(`attribute ${name} refers to "${a.reference}" of a function that does not have it.`);
    if (a !== undefined && a.type !== 0 && a.type !== TYPES[kind]) {
      fail(`attribute ${name} has the type ${a.type}; it must be ${kind} (${TYPES[kind]}).`);
    }
    return a;
  };
  const required = <T>(name: string, value: T | undefined): T => value ?? fail(`attribute ${name} is missing.`);
  const item = (i: number): Item => inputs[i] ?? fail(`input ${i} is missing; there are ${inputs.length}.`);
  return {
    proto,
    label,
    opset: env.opset,
    training: env.training,
    inputs,
    has: (i) => inputs[i] !== undefined,
    item,
    value: (i) => item(i).value(),
    values: () => inputs.flatMap((x) => (x === undefined ? [] : [x.value()])),
    type: (i = 0) => item(i).type,
    shape: (i) => item(i).shape,
    known: (i) => item(i).known,
    numbers(i) {
      const x = item(i);
      if (!x.known) {
        throw new Unsupported(
          `input ${i} ("${proto.inputs[i]}") depends on the model's inputs, but sizes must be known before it runs`,
        );
      }
      if (sizeOf(x.shape) > 2 ** 20)
        fail(`input ${i} has the shape ${show(x.shape)}; that many settings are not taken.`);
      return Array.from(x.host().data);
    },
    wants: (i) => proto.outputs[i] !== undefined && proto.outputs[i] !== "" && env.isUsed(proto.outputs[i]),
    int(name, fallback) {
      const a = attribute(name, "int");
      const value = required(name, a === undefined ? fallback : (a.i ?? 0));
      return Number.isSafeInteger(value)
        ? value
        : fail(`attribute ${name} is ${value}; that is no number to work with.`);
    },
    float: (name, fallback) => {
      const a = attribute(name, "float");
      return required(name, a === undefined ? fallback : (a.f ?? 0));
    },
    text(name, fallback) {
      const a = attribute(name, "text");
      return required(name, a === undefined ? fallback : new TextDecoder().decode(a.s));
    },
    ints(name, most = Number.MAX_SAFE_INTEGER) {
      const list = attribute(name, "ints")?.ints;
      if (list?.some((n) => Math.abs(n) > most)) fail(`attribute ${name} is ${show(list)}; that is out of all range.`);
      return list === undefined ? undefined : [...list];
    },
    floats(name) {
      const list = attribute(name, "floats")?.floats;
      return list === undefined ? undefined : [...list];
    },
    texts(name) {
      const list = attribute(name, "texts")?.strings;
      return list?.map((text) => new TextDecoder().decode(text));
    },
    tensor(name) {
      const t = attribute(name, "tensor")?.t;
      return t === undefined ? undefined : env.decode(t);
    },
    graph: (name) => required(name, attribute(name, "graph")?.g),
    run: env.run,
    unsupported(reason) {
      throw new Unsupported(reason);
    },
    fail,
  };
}
