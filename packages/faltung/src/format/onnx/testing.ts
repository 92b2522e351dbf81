/** Small models for the tests, written with our own writer. */
import { Tensor } from "../../tensor/tensor.ts";
import { type OnnxType, onnxTypeCode } from "./dtype.ts";
import {
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfo,
  writeModel,
} from "./model.ts";
import { encodeTensor } from "./tensor.ts";

export type TestAttribute =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | { readonly float: number }
  | { readonly tensor: TensorProto }
  | { readonly graph: GraphProto };

export function attribute(name: string, value: TestAttribute): AttributeProto {
  const empty = { name, floats: [], ints: [], strings: [] };
  if (typeof value === "number") return { ...empty, type: 2, i: value };
  if (typeof value === "string") return { ...empty, type: 3, s: new TextEncoder().encode(value) };
  if ("float" in value) return { ...empty, type: 1, f: value.float };
  if ("tensor" in value) return { ...empty, type: 4, t: value.tensor };
  if ("graph" in value) return { ...empty, type: 5, g: value.graph };
  return isTexts(value)
    ? { ...empty, type: 8, strings: value.map((text) => new TextEncoder().encode(text)) }
    : { ...empty, type: 7, ints: value };
}

function isTexts(list: readonly number[] | readonly string[]): list is readonly string[] {
  return typeof list[0] === "string";
}

export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, TestAttribute>> = {},
  domain = "",
): NodeProto {
  const map = new Map(Object.entries(attributes).map(([name, value]) => [name, attribute(name, value)]));
  return { name: `${opType.toLowerCase()}_${outputs[0] ?? ""}`, opType, domain, inputs, outputs, attributes: map };
}

export function port(name: string, shape?: readonly (number | string | null)[], type: OnnxType = "float"): ValueInfo {
  return { name, elemType: onnxTypeCode(type), shape };
}

export function floats(name: string, values: Parameters<typeof Tensor.from>[0]): TensorProto {
  return encodeTensor(name, Tensor.from(values), "float");
}

export function int64s(name: string, values: readonly number[]): TensorProto {
  return { ...encodeTensor(name, Tensor.from([...values]), "int64"), dims: [values.length] };
}

/** Whole numbers of one byte, as quantised weights and zero points are. */
export function bytes(
  name: string,
  type: "int8" | "uint8",
  shape: readonly number[],
  values: readonly number[],
): TensorProto {
  const empty = { floatData: [], int32Data: [], int64Data: [], doubleData: [], uint64Data: [] };
  return { name, dims: shape, dataType: onnxTypeCode(type), rawData: Uint8Array.from(values), ...empty };
}

export interface TestModel {
  readonly inputs?: readonly ValueInfo[];
  readonly outputs?: readonly ValueInfo[];
  readonly nodes: readonly NodeProto[];
  readonly initializers?: readonly TensorProto[];
  readonly opset?: number;
}

export function graphOf({ inputs = [], outputs = [], nodes, initializers = [] }: TestModel): GraphProto {
  return { name: "test", nodes, initializers, inputs, outputs, sparse: 0 };
}

export function modelOf(parts: TestModel): Uint8Array {
  return writeModel({
    irVersion: 8,
    producerName: "test",
    opsets: new Map<string, number>([
      ...parts.nodes.map(({ domain }) => [domain, 1] as const),
      ["", parts.opset ?? 17],
    ]),
    metadata: new Map(),
    functions: [],
    graph: graphOf(parts),
  });
}
