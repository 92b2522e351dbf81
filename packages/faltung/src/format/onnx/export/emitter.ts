/** Nodes and initialisers of a model that is being written, and the names of the values that they stand for. */
import type { Value } from "../../../ops/op.ts";
import { FaltungError } from "../../../tensor/errors.ts";
import { type DType, type Shape, show, sizeOf } from "../../../tensor/shape.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { type OnnxType, onnxTypeCode } from "../dtype.ts";
import type { AttributeProto, NodeProto, TensorProto } from "../model.ts";
import { encodeTensor } from "../tensor.ts";

/** A number is an int; write floats as `{ float }`. */
export type AttributeValue = number | string | readonly number[] | { readonly float: number };

export const TYPE_OF: Readonly<Record<DType, OnnxType>> = { float32: "float", int32: "int32", uint8: "uint8" };

export interface Emitter {
  readonly nodes: NodeProto[];
  readonly initializers: TensorProto[];
  /** The tensor that holds a value, under the dtype that the value has, or another. */
  tensor(value: Value, dtype?: DType): string;
  /** A truth value as ONNX's bool. */
  truth(value: Value): string;
  /** Says that a tensor is a value's bool form; its uint8 form is made when something asks for it. */
  setTruth(value: Value, name: string): void;
  set(value: Value, name: string): void;
  /** Adds a node with one output, whose name is returned. `label`: the layer that it is, where one is known. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, AttributeValue>>,
    label?: string,
  ): string;
  /** A list of int64 numbers. */
  ints(values: readonly number[], shape?: Shape): string;
  /** @param type unless it is the tensor's own: "int8" for bytes that are signed */
  constant(tensor: Tensor, name?: string, type?: OnnxType): string;
  /** One number, which all that ask for it share. */
  scalar(value: number, dtype: DType, name?: string): string;
  /** The numbers of a value that does not depend on inputs, if it is one. */
  known(value: Value): Tensor | undefined;
  /** What to call the tensor of a value that is no node's output: a state's key. */
  nameOf(value: Value): string | undefined;
  /** The same value of the network traced with another batch size; itself where the batch is fixed. */
  twin(value: Value): Value;
  /** A shape as Reshape takes it: a dimension that follows the batch is −1. */
  target(value: Value): string;
  fail(value: Value, reason: string): never;
}

export interface EmitterSource {
  readonly known: (value: Value) => Tensor | undefined;
  readonly nameOf: (value: Value) => string | undefined;
  readonly twin: (value: Value) => Value;
  /** Names of inputs and outputs, which nothing else may have. */
  readonly reserved: Iterable<string>;
}

function attributeOf(name: string, value: AttributeValue): AttributeProto {
  const empty = { name, floats: [], ints: [], strings: [] };
  if (typeof value === "number") return { ...empty, type: 2, i: value };
  if (typeof value === "string") return { ...empty, type: 3, s: new TextEncoder().encode(value) };
  if ("float" in value) return { ...empty, type: 1, f: value.float };
  return { ...empty, type: 7, ints: value };
}

export function emitter({ known, nameOf, twin, reserved }: EmitterSource): Emitter {
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const names = new Map<Value, string>();
  const truths = new Map<Value, string>();
  const casts = new Map<string, string>();
  const lists = new Map<string, string>();
  const scalars = new Map<string, string>();
  const used = new Set<string>(reserved);
  const unique = (wanted: string): string => {
    let name = wanted;
    for (let i = 2; used.has(name); i++) name = `${wanted}_${i}`;
    used.add(name);
    return name;
  };
  /** States keep their names, and are kept apart; any other single number is one. */
  const written = (value: Value, numbers: Tensor): string => {
    const name = nameOf(value);
    return name === undefined && numbers.shape.length === 0
      ? e.scalar(numbers.data[0], numbers.dtype)
      : e.constant(numbers, name ?? "constant");
  };
  const e: Emitter = {
    nodes,
    initializers,
    known,
    nameOf,
    twin,
    set: (value, name) => void names.set(value, name),
    setTruth: (value, name) => void truths.set(value, name),
    node(opType, inputs, attributes = {}, label) {
      const output = unique(label === undefined ? `${opType}_${nodes.length}` : `${label}/${opType}`);
      const list = Object.entries(attributes).map(([name, value]) => [name, attributeOf(name, value)] as const);
      nodes.push({ name: output, opType, domain: "", inputs, outputs: [output], attributes: new Map(list) });
      return output;
    },
    ints(values, shape = [values.length]) {
      const key = `${show(shape)}${show(values)}`;
      let name = lists.get(key);
      if (name === undefined) {
        name = unique("shape");
        lists.set(key, name);
        initializers.push({
          ...encodeTensor(name, new Tensor(Float32Array.from(values), shape), "int64"),
          dims: shape,
        });
      }
      return name;
    },
    constant(tensor, wanted = "constant", type = TYPE_OF[tensor.dtype]) {
      const name = unique(wanted);
      initializers.push(encodeTensor(name, tensor, type));
      return name;
    },
    scalar(value, dtype, wanted = "constant") {
      const key = `${wanted}:${dtype}:${Object.is(value, -0) ? "-0" : value}`;
      const name = scalars.get(key) ?? e.constant(Tensor.scalar(value, dtype), wanted);
      scalars.set(key, name);
      return name;
    },
    tensor(value, dtype = value.dtype) {
      let name = names.get(value);
      if (name === undefined) {
        const truth = truths.get(value);
        const numbers = known(value);
        if (truth !== undefined) name = e.node("Cast", [truth], { to: onnxTypeCode("uint8") });
        else if (numbers !== undefined) name = written(value, numbers);
        else throw new FaltungError("onnx", `exportOnnx: ${value.op.name} was asked for before it was written.`);
        names.set(value, name);
      }
      if (dtype === value.dtype) return name;
      const key = `${name}:${dtype}`;
      let cast = casts.get(key);
      if (cast === undefined) {
        cast = e.node("Cast", [name], { to: onnxTypeCode(TYPE_OF[dtype]) });
        casts.set(key, cast);
      }
      return cast;
    },
    truth(value) {
      let name = truths.get(value);
      if (name === undefined) {
        name = e.node("Cast", [e.tensor(value)], { to: onnxTypeCode("bool") });
        truths.set(value, name);
      }
      return name;
    },
    target(value) {
      const other = twin(value);
      const open = value.shape.map((d, i) => d !== other.shape[i]);
      if (open.filter(Boolean).length > 1)
        e.fail(value, `more than one dimension of its shape ${show(value.shape)} follows the batch`);
      if (open.includes(true) && sizeOf(value.shape) === 0) e.fail(value, `its shape ${show(value.shape)} is empty`);
      return e.ints(value.shape.map((d, i) => (open[i] ? -1 : d)));
    },
    fail(value, reason) {
      throw new FaltungError("onnx", `exportOnnx: ${value.op.name} cannot be written to ONNX here: ${reason}.`);
    },
  };
  return e;
}
