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
/**
 * Nodes, attributes, tensors and the like in one file. Two bytes can claim one, and it takes a hundred times that in
 * memory: a small file must not fill it.
 */
const MOST_PARTS = 2 ** 18;

/** How much a file may still hold, and how deep in it the reader is. */
interface Room {
  readonly what: string;
  readonly depth: number;
  readonly parts: { left: number };
}

function roomFor(what: string): Room {
  return { what, depth: 0, parts: { left: MOST_PARTS } };
}

function deeper({ what, depth, parts }: Room): Room {
  if (depth >= MAX_DEPTH) throw new FormatError(`${what}: graphs are nested more than ${MAX_DEPTH} deep.`);
  return { what, depth: depth + 1, parts };
}

/** The bytes of one more part of the file. */
function partOf(f: WireField, { what, parts }: Room): Uint8Array {
  if (parts.left-- === 0)
    throw new FormatError(`${what}: it has more than ${MOST_PARTS} nodes, attributes, tensors and the like.`);
  return bytesOf(f, what);
}

/** What many parts do not have is not made for each. */
const NONE: readonly never[] = [];
const NO_ATTRIBUTES: ReadonlyMap<string, AttributeProto> = new Map();
const NO_OPSETS: ReadonlyMap<string, number> = new Map();

/** @throws FormatError if the bytes are no ONNX model */
export function readModel(bytes: Uint8Array, what: string): ModelProto {
  if (bytes.length === 0) throw new FormatError(`${what}: it is empty; an ONNX model was expected.`);
  let irVersion = 0;
  let producerName = "";
  let graph: GraphProto | undefined;
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  const functions: FunctionProto[] = [];
  const room = roomFor(what);
  for (const f of fields(bytes, what)) {
    if (f.field === 1) irVersion = intOf(f, what);
    else if (f.field === 2) producerName = textOf(f, what);
    else if (f.field === 7) graph = readGraph(bytesOf(f, what), room);
    else if (f.field === 8) readOpset(opsets, partOf(f, room), what);
    else if (f.field === 14) readEntry(metadata, partOf(f, room), what);
    else if (f.field === 25) functions.push(readFunction(partOf(f, room), room));
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

function readFunction(bytes: Uint8Array, outer: Room): FunctionProto {
  const { what } = outer;
  const room = deeper(outer);
  let name = "";
  let domain = "";
  const inputs: string[] = [];
  const outputs: string[] = [];
  const nodes: NodeProto[] = [];
  const defaults: AttributeProto[] = [];
  let opsets: Map<string, number> | undefined;
  for (const f of fields(bytes, what)) {
    if (f.field === 1) name = textOf(f, what);
    else if (f.field === 4) inputs.push(textOf(f, what));
    else if (f.field === 5) outputs.push(textOf(f, what));
    else if (f.field === 7) nodes.push(readNode(partOf(f, room), room));
    else if (f.field === 9) readOpset((opsets ??= new Map()), bytesOf(f, what), what);
    else if (f.field === 10) domain = textOf(f, what);
    else if (f.field === 11) defaults.push(readAttribute(partOf(f, room), room));
  }
  return { name, domain, inputs, outputs, nodes, opsets: opsets ?? NO_OPSETS, defaults };
}

function readGraph(bytes: Uint8Array, outer: Room): GraphProto {
  const { what } = outer;
  const room = deeper(outer);
  let name = "";
  let sparse = 0;
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  for (const f of fields(bytes, what)) {
    if (f.field === 1) nodes.push(readNode(partOf(f, room), room));
    else if (f.field === 2) name = textOf(f, what);
    else if (f.field === 5) initializers.push(readTensor(partOf(f, room), what));
    else if (f.field === 11) inputs.push(readValueInfo(partOf(f, room), what));
    else if (f.field === 12) outputs.push(readValueInfo(partOf(f, room), what));
    else if (f.field === 15) sparse++;
  }
  return { name, nodes, initializers, inputs, outputs, sparse };
}

function readNode(bytes: Uint8Array, room: Room): NodeProto {
  const { what } = room;
  let name = "";
  let opType = "";
  let domain = "";
  let inputs: string[] | undefined;
  let outputs: string[] | undefined;
  let attributes: Map<string, AttributeProto> | undefined;
  for (const f of fields(bytes, what)) {
    if (f.field === 1) (inputs ??= []).push(textOf(f, what));
    else if (f.field === 2) (outputs ??= []).push(textOf(f, what));
    else if (f.field === 3) name = textOf(f, what);
    else if (f.field === 4) opType = textOf(f, what);
    else if (f.field === 5) {
      const attribute = readAttribute(partOf(f, room), room);
      (attributes ??= new Map()).set(attribute.name, attribute);
    } else if (f.field === 7) domain = textOf(f, what);
  }
  return {
    name,
    opType,
    domain: domain === "ai.onnx" ? "" : domain,
    inputs: inputs ?? NONE,
    outputs: outputs ?? NONE,
    attributes: attributes ?? NO_ATTRIBUTES,
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function readAttribute(bytes: Uint8Array, room: Room): AttributeProto {
  const { what } = room;
  let floats: number[] | undefined;
  let ints: number[] | undefined;
  let strings: Uint8Array[] | undefined;
  const a: Mutable<AttributeProto> = { name: "", type: 0, floats: NONE, ints: NONE, strings: NONE };
  for (const f of fields(bytes, what)) {
    if (f.field === 1) a.name = textOf(f, what);
    else if (f.field === 2) a.f = floatOf(f, what);
    else if (f.field === 3) a.i = intOf(f, what);
    else if (f.field === 4) a.s = bytesOf(f, what);
    else if (f.field === 5) a.t = readTensor(partOf(f, room), what);
    else if (f.field === 6) a.g = readGraph(partOf(f, room), room);
    else if (f.field === 7) pushFloats((floats ??= []), f, 4, what);
    else if (f.field === 8) pushInts((ints ??= []), f, what);
    else if (f.field === 9) (strings ??= []).push(partOf(f, room));
    else if (f.field === 20) a.type = intOf(f, what);
    else if (f.field === 21) a.reference = textOf(f, what);
  }
  return { ...a, floats: floats ?? NONE, ints: ints ?? NONE, strings: strings ?? NONE };
}

/** Reads a serialised TensorProto, as ONNX's test data holds them. @throws FormatError */
export function readTensor(bytes: Uint8Array, what: string): TensorProto {
  let dims: number[] | undefined;
  let floatData: number[] | undefined;
  let int32Data: number[] | undefined;
  let int64Data: number[] | undefined;
  let doubleData: number[] | undefined;
  let uint64Data: number[] | undefined;
  let external: Map<string, string> | undefined;
  let name = "";
  let dataType = 0;
  let rawData: Uint8Array | undefined;
  let location = 0;
  for (const f of fields(bytes, what)) {
    if (f.field === 1) pushInts((dims ??= []), f, what);
    else if (f.field === 2) dataType = intOf(f, what);
    else if (f.field === 4) pushFloats((floatData ??= []), f, 4, what);
    else if (f.field === 5) pushInts((int32Data ??= []), f, what);
    else if (f.field === 7) pushInts((int64Data ??= []), f, what);
    else if (f.field === 8) name = textOf(f, what);
    else if (f.field === 9) rawData = bytesOf(f, what);
    else if (f.field === 10) pushFloats((doubleData ??= []), f, 8, what);
    else if (f.field === 11) pushInts((uint64Data ??= []), f, what);
    else if (f.field === 13) readEntry((external ??= new Map()), bytesOf(f, what), what);
    else if (f.field === 14) location = intOf(f, what);
  }
  return {
    name,
    dims: dims ?? NONE,
    dataType,
    rawData,
    floatData: floatData ?? NONE,
    int32Data: int32Data ?? NONE,
    int64Data: int64Data ?? NONE,
    doubleData: doubleData ?? NONE,
    uint64Data: uint64Data ?? NONE,
    external: location === 1 ? (external ?? new Map()) : undefined,
  };
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
