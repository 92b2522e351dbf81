/**
 * An ONNX file as plain data, read and written: the messages of onnx.proto3 that inference needs.
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import { FormatError } from "../../tensor/errors.ts";
import {
  type WireField,
  bytesOf,
  fields,
  floatOf,
  intOf,
  join,
  pushFloats,
  pushInts,
  textOf,
  writeBytes,
  writeFloat,
  writeFloats,
  writeInt,
  writeInts,
  writeText,
} from "./wire.ts";

export interface ModelProto {
  readonly irVersion: number;
  readonly producerName: string;
  readonly graph: GraphProto;
  /** Version of each operator set that is used, by domain; "" is ONNX's own. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly functions: readonly FunctionProto[];
}

export interface GraphProto {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** How many sparse initialisers there are: they are told, not read. */
  readonly sparse: number;
}

export interface NodeProto {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  /** "" stands for an optional input that is not given. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeProto>;
}

/** One attribute; which member is meant is told by the operator (and by `type`, where the writer set it). */
export interface AttributeProto {
  readonly name: string;
  readonly type: number;
  /** In a function's body: the name of the function's attribute that stands here. */
  readonly reference?: string;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly t?: TensorProto;
  readonly g?: GraphProto;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  readonly strings: readonly Uint8Array[];
}

export interface TensorProto {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly rawData?: Uint8Array;
  readonly floatData: readonly number[];
  readonly int32Data: readonly number[];
  readonly int64Data: readonly number[];
  readonly doubleData: readonly number[];
  readonly uint64Data: readonly number[];
  /** Where the bytes lie, if they are in a file of their own. */
  readonly external?: ReadonlyMap<string, string>;
}

/** A graph's input or output. */
export interface ValueInfo {
  readonly name: string;
  /** Element type; 0 if it is no tensor, or not told. */
  readonly elemType: number;
  /** What it is instead of a tensor: a sequence, for instance. */
  readonly other?: string;
  /** A number, a symbol's name, or null where nothing is known; undefined: even the rank is not told. */
  readonly shape?: readonly (number | string | null)[];
}

export interface FunctionProto {
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly NodeProto[];
  readonly opsets: ReadonlyMap<string, number>;
  /** Attributes that have defaults. */
  readonly defaults: readonly AttributeProto[];
}

/** Graphs within graphs: deeper than anything that is written on purpose. */
const MAX_DEPTH = 32;

function deeper(depth: number, what: string): number {
  if (depth >= MAX_DEPTH) throw new FormatError(`${what}: graphs are nested more than ${MAX_DEPTH} deep.`);
  return depth + 1;
}

/** @throws FormatError if the bytes are no ONNX model */
export function readModel(bytes: Uint8Array, what: string): ModelProto {
  if (bytes.length === 0) throw new FormatError(`${what}: it is empty; an ONNX model was expected.`);
  let irVersion = 0;
  let producerName = "";
  let graph: GraphProto | undefined;
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  const functions: FunctionProto[] = [];
  for (const f of fields(bytes, what)) {
    if (f.field === 1) irVersion = intOf(f, what);
    else if (f.field === 2) producerName = textOf(f, what);
    else if (f.field === 7) graph = readGraph(bytesOf(f, what), what, 0);
    else if (f.field === 8) readOpset(opsets, bytesOf(f, what), what);
    else if (f.field === 14) readEntry(metadata, bytesOf(f, what), what);
    else if (f.field === 25) functions.push(readFunction(bytesOf(f, what), what));
  }
  if (graph === undefined) throw new FormatError(`${what}: there is no graph in it: this is not an ONNX model.`);
  return { irVersion, producerName, graph, opsets, metadata, functions };
}

function readOpset(opsets: Map<string, number>, bytes: Uint8Array, what: string): void {
  let domain = "";
  let version = 0;
  for (const f of fields(bytes, what)) {
    if (f.field === 1) domain = textOf(f, what);
    else if (f.field === 2) version = intOf(f, what);
  }
  opsets.set(domain === "ai.onnx" ? "" : domain, version);
}

function readEntry(map: Map<string, string>, bytes: Uint8Array, what: string): void {
  let key = "";
  let value = "";
  for (const f of fields(bytes, what)) {
    if (f.field === 1) key = textOf(f, what);
    else if (f.field === 2) value = textOf(f, what);
  }
  map.set(key, value);
}

function readFunction(bytes: Uint8Array, what: string): FunctionProto {
  let name = "";
  let domain = "";
  const inputs: string[] = [];
  const outputs: string[] = [];
  const nodes: NodeProto[] = [];
  const defaults: AttributeProto[] = [];
  const opsets = new Map<string, number>();
  for (const f of fields(bytes, what)) {
    if (f.field === 1) name = textOf(f, what);
    else if (f.field === 4) inputs.push(textOf(f, what));
    else if (f.field === 5) outputs.push(textOf(f, what));
    else if (f.field === 7) nodes.push(readNode(bytesOf(f, what), what, 1));
    else if (f.field === 9) readOpset(opsets, bytesOf(f, what), what);
    else if (f.field === 10) domain = textOf(f, what);
    else if (f.field === 11) defaults.push(readAttribute(bytesOf(f, what), what, 1));
  }
  return { name, domain, inputs, outputs, nodes, opsets, defaults };
}

function readGraph(bytes: Uint8Array, what: string, depth: number): GraphProto {
  let name = "";
  let sparse = 0;
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const inner = deeper(depth, what);
  for (const f of fields(bytes, what)) {
    if (f.field === 1) nodes.push(readNode(bytesOf(f, what), what, inner));
    else if (f.field === 2) name = textOf(f, what);
    else if (f.field === 5) initializers.push(readTensor(bytesOf(f, what), what));
    else if (f.field === 11) inputs.push(readValueInfo(bytesOf(f, what), what));
    else if (f.field === 12) outputs.push(readValueInfo(bytesOf(f, what), what));
    else if (f.field === 15) sparse++;
  }
  return { name, nodes, initializers, inputs, outputs, sparse };
}

function readNode(bytes: Uint8Array, what: string, depth: number): NodeProto {
  let name = "";
  let opType = "";
  let domain = "";
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, AttributeProto>();
  for (const f of fields(bytes, what)) {
    if (f.field === 1) inputs.push(textOf(f, what));
    else if (f.field === 2) outputs.push(textOf(f, what));
    else if (f.field === 3) name = textOf(f, what);
    else if (f.field === 4) opType = textOf(f, what);
    else if (f.field === 5) {
      const attribute = readAttribute(bytesOf(f, what), what, depth);
      attributes.set(attribute.name, attribute);
    } else if (f.field === 7) domain = textOf(f, what);
  }
  return { name, opType, domain: domain === "ai.onnx" ? "" : domain, inputs, outputs, attributes };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function readAttribute(bytes: Uint8Array, what: string, depth: number): AttributeProto {
  const floats: number[] = [];
  const ints: number[] = [];
  const strings: Uint8Array[] = [];
  const a: Mutable<AttributeProto> = { name: "", type: 0, floats, ints, strings };
  for (const f of fields(bytes, what)) {
    if (f.field === 1) a.name = textOf(f, what);
    else if (f.field === 2) a.f = floatOf(f, what);
    else if (f.field === 3) a.i = intOf(f, what);
    else if (f.field === 4) a.s = bytesOf(f, what);
    else if (f.field === 5) a.t = readTensor(bytesOf(f, what), what);
    else if (f.field === 6) a.g = readGraph(bytesOf(f, what), what, depth);
    else if (f.field === 7) pushFloats(floats, f, 4, what);
    else if (f.field === 8) pushInts(ints, f, what);
    else if (f.field === 9) strings.push(bytesOf(f, what));
    else if (f.field === 20) a.type = intOf(f, what);
    else if (f.field === 21) a.reference = textOf(f, what);
  }
  return a;
}

/** Reads a serialised TensorProto, as ONNX's test data holds them. @throws FormatError */
export function readTensor(bytes: Uint8Array, what: string): TensorProto {
  const dims: number[] = [];
  const floatData: number[] = [];
  const int32Data: number[] = [];
  const int64Data: number[] = [];
  const doubleData: number[] = [];
  const uint64Data: number[] = [];
  const external = new Map<string, string>();
  let location = 0;
  const t: Mutable<TensorProto> = {
    name: "",
    dims,
    dataType: 0,
    floatData,
    int32Data,
    int64Data,
    doubleData,
    uint64Data,
  };
  for (const f of fields(bytes, what)) {
    if (f.field === 1) pushInts(dims, f, what);
    else if (f.field === 2) t.dataType = intOf(f, what);
    else if (f.field === 4) pushFloats(floatData, f, 4, what);
    else if (f.field === 5) pushInts(int32Data, f, what);
    else if (f.field === 7) pushInts(int64Data, f, what);
    else if (f.field === 8) t.name = textOf(f, what);
    else if (f.field === 9) t.rawData = bytesOf(f, what);
    else if (f.field === 10) pushFloats(doubleData, f, 8, what);
    else if (f.field === 11) pushInts(uint64Data, f, what);
    else if (f.field === 13) readEntry(external, bytesOf(f, what), what);
    else if (f.field === 14) location = intOf(f, what);
  }
  if (location === 1) t.external = external;
  return t;
}

/** Fields of TypeProto that are no tensors. */
const OTHER_TYPES: Readonly<Record<number, string>> = { 4: "sequence", 5: "map", 8: "sparse_tensor", 9: "optional" };

function readValueInfo(bytes: Uint8Array, what: string): ValueInfo {
  const v: Mutable<ValueInfo> = { name: "", elemType: 0 };
  const inside = (field: WireField, number: number, visit: (f: WireField) => void): void => {
    if (field.field === number) for (const f of fields(bytesOf(field, what), what)) visit(f);
  };
  for (const f of fields(bytes, what)) {
    if (f.field === 1) v.name = textOf(f, what);
    inside(f, 2, (type) => {
      v.other = OTHER_TYPES[type.field] ?? v.other;
      inside(type, 1, (tensor) => {
        if (tensor.field === 1) v.elemType = intOf(tensor, what);
        if (tensor.field !== 2) return;
        const shape: (number | string | null)[] = [];
        v.shape = shape;
        inside(tensor, 2, (dim) => {
          let size: number | string | null = null;
          inside(dim, 1, (d) => {
            if (d.field === 1) size = intOf(d, what);
            else if (d.field === 2) size = textOf(d, what) || null;
          });
          if (dim.field === 1) shape.push(size);
        });
      });
    });
  }
  return v;
}

// Writing

/** The bytes of a model. */
export function writeModel(model: ModelProto): Uint8Array {
  return join([
    writeInt(1, model.irVersion),
    writeText(2, model.producerName),
    writeBytes(7, writeGraph(model.graph)),
    ...[...model.opsets].map(([domain, version]) => writeBytes(8, join([writeText(1, domain), writeInt(2, version)]))),
    ...[...model.metadata].map(([key, value]) => writeBytes(14, join([writeText(1, key), writeText(2, value)]))),
  ]);
}

function writeGraph(g: GraphProto): Uint8Array {
  return join([
    ...g.nodes.map((node) => writeBytes(1, writeNode(node))),
    writeText(2, g.name),
    ...g.initializers.map((tensor) => writeBytes(5, writeTensor(tensor))),
    ...g.inputs.map((info) => writeBytes(11, writeValueInfo(info))),
    ...g.outputs.map((info) => writeBytes(12, writeValueInfo(info))),
  ]);
}

function writeNode(node: NodeProto): Uint8Array {
  return join([
    ...node.inputs.map((name) => writeText(1, name)),
    ...node.outputs.map((name) => writeText(2, name)),
    writeText(3, node.name),
    writeText(4, node.opType),
    ...[...node.attributes.values()].map((attribute) => writeBytes(5, writeAttribute(attribute))),
    ...(node.domain === "" ? [] : [writeText(7, node.domain)]),
  ]);
}

function writeAttribute(a: AttributeProto): Uint8Array {
  return join([
    writeText(1, a.name),
    ...(a.f === undefined ? [] : [writeFloat(2, a.f)]),
    ...(a.i === undefined ? [] : [writeInt(3, a.i)]),
    ...(a.s === undefined ? [] : [writeBytes(4, a.s)]),
    ...(a.t === undefined ? [] : [writeBytes(5, writeTensor(a.t))]),
    ...(a.g === undefined ? [] : [writeBytes(6, writeGraph(a.g))]),
    ...(a.floats.length === 0 ? [] : [writeFloats(7, a.floats)]),
    ...(a.ints.length === 0 ? [] : [writeInts(8, a.ints)]),
    ...a.strings.map((s) => writeBytes(9, s)),
    writeInt(20, a.type),
  ]);
}

/** The bytes of a tensor whose numbers are in `rawData`. */
export function writeTensor(t: TensorProto): Uint8Array {
  return join([
    ...(t.dims.length === 0 ? [] : [writeInts(1, t.dims)]),
    writeInt(2, t.dataType),
    writeText(8, t.name),
    writeBytes(9, t.rawData ?? new Uint8Array(0)),
  ]);
}

function writeValueInfo({ name, elemType, shape }: ValueInfo): Uint8Array {
  const dims = (shape ?? []).map((d) =>
    writeBytes(1, typeof d === "number" ? writeInt(1, d) : d === null ? new Uint8Array(0) : writeText(2, d)),
  );
  // No shape at all is another thing than the shape of a scalar.
  const tensor = join([writeInt(1, elemType), ...(shape === undefined ? [] : [writeBytes(2, join(dims))])]);
  return join([writeText(1, name), writeBytes(2, writeBytes(1, tensor))]);
}
