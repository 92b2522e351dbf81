/**
 * A network from an ONNX file as one that a model file can hold: its graph without the weights is the description that
 * `build` makes it from again, the weights lie in the file like any others. The graph's own bytes are kept; only the
 * parts named here are exchanged. https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import { type Module, registerModule, sizeOf, trace } from "faltung";
import { FormatError } from "faltung/errors";
import { importOnnx, readModel } from "faltung/onnx";
import { ONNX_GRAPH } from "../checkpoint/model-file.ts";

registerModule(ONNX_GRAPH, fromGraph);

/** @param graph as {@link storable} wrote it, base64 */
function fromGraph(graph: string): Module {
  const bytes = Buffer.from(graph, "base64");
  // Each weight has zeros of its own until the file's are put in.
  const zeros = (location: string): Uint8Array => {
    const size = Number(location);
    if (/^\d+$/.test(location) && size <= MOST) return new Uint8Array(size);
    throw new FormatError(`The network in the file has a weight of ${location} bytes.`);
  };
  const module = importOnnx(bytes, { name: "the network", external: zeros });
  module.spec = () => ({ type: ONNX_GRAPH, args: [graph] });
  return module;
}

const MOST = 2 ** 32;

export interface Stored {
  readonly module: Module;
  /** Of one picture: channels, height, width; where the file does not tell, null. */
  readonly picture: readonly (number | null)[];
  readonly classes: number;
  /** Pictures that it takes at a time, if the file fixes that; undefined: any number. */
  readonly batch?: number;
  /** It ended in a softmax, which was left out: predictions and training have their own. */
  readonly cutSoftmax: boolean;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * The network of an ONNX file in that form, with its weights.
 * @param whole the same file as a module
 * @throws FormatError if it is no network from pictures to classes
 */
export function storable(bytes: Uint8Array, whole: Module, size: number | undefined, what: string): Stored {
  const { graph, metadata } = readModel(bytes, what);
  const inputs = graph.inputs.filter(({ name }) => graph.initializers.every((t) => t.name !== name));
  const [input, second] = inputs;
  const [output] = graph.outputs;
  if (second !== undefined || input?.shape?.length !== 4 || graph.outputs.length !== 1) {
    const show = inputs.map(({ name, shape }) => `${name} [${shape?.map((d) => d ?? "?").join(", ") ?? "?"}]`);
    throw new FormatError(
      `${what}: a network that the command can use takes pictures [N, C, H, W] and gives one output [N, classes]; ` +
        `this one takes ${show.join(", ")} and gives ${graph.outputs.map(({ name }) => name).join(", ")}.`,
    );
  }
  const weights = new Map(Array.from(whole.namedStates(), ([name, { shape }]) => [name, sizeOf(shape)]));
  const last = graph.nodes.find(({ outputs }) => outputs.includes(output.name));
  const cut = last?.opType === "Softmax" && last.domain === "" ? last : undefined;
  const [, ...rest] = input.shape;
  const picture = rest.map((d, i) => (typeof d === "number" ? d : i > 0 ? (size ?? null) : null));

  for (const free of [true, false]) {
    const changes: Changes = { weights, input: free ? input.name : undefined, softmax: cut };
    const module = fromGraph(Buffer.from(withoutWeights(bytes, changes)).toString("base64"));
    const batch = free ? 2 : typeof input.shape[0] === "number" ? input.shape[0] : 1;
    const classes = classesOf(module, [batch, ...picture.map((d) => d ?? 1)]);
    if (classes instanceof Error && free) continue; // it counts on the number of pictures that the file tells
    if (classes instanceof Error || picture.includes(null)) {
      const why = classes instanceof Error ? ` (${classes.message})` : "";
      throw new FormatError(
        `${what}: its input is [${input.shape.map((d) => d ?? "?").join(", ")}]; say the size of the pictures with imgsz=${why}.`,
      );
    }
    module.loadStateDict(whole.stateDict());
    const fixed = free ? {} : { batch };
    return { module, picture, classes, ...fixed, cutSoftmax: cut !== undefined, metadata };
  }
  throw new FormatError(`${what}: it cannot be built.`);
}

/** Number of outputs for pictures of this shape. */
function classesOf(module: Module, shape: readonly number[]): number | Error {
  try {
    const { outputs } = trace(({ x }) => ({ y: module.forward(x) }), { x: { shape, dtype: "float32" } });
    const [n, classes, more] = outputs.y.shape;
    if (n === shape[0] && classes > 1 && more === undefined) return classes;
    return new Error(`its output is [${outputs.y.shape.join(", ")}] for ${shape[0]} pictures`);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

interface Changes {
  /** Names of weights, and how many numbers they have. */
  readonly weights: ReadonlyMap<string, number>;
  /** The input whose first dimension is to be free. */
  readonly input: string | undefined;
  /** A last node to be left out. */
  readonly softmax: { readonly inputs: readonly string[]; readonly outputs: readonly string[] } | undefined;
}

/** Field numbers of the messages that are gone into. */
const MODEL = { graph: 7 } as const;
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12 } as const;
const TENSOR = { name: 8, external: 13, location: 14 } as const;
/** Where a tensor's numbers can be: float, int32, string, int64, raw, double, uint64, external, its location. */
const NUMBERS: readonly number[] = [4, 5, 6, 7, 9, 10, 11, 13, 14];

function withoutWeights(bytes: Uint8Array, { weights, input, softmax }: Changes): Uint8Array {
  const graph = (field: Field): Uint8Array[] => {
    const { number, payload } = field;
    if (number === GRAPH.node && softmax !== undefined) {
      const outputs = fields(payload).filter(({ number }) => number === 2);
      if (outputs.some((f) => textOf(f) === softmax.outputs[0])) return [];
    }
    if (number === GRAPH.initializer) {
      const name = fields(payload).find(({ number }) => number === TENSOR.name);
      const size = name === undefined ? undefined : weights.get(textOf(name));
      if (size === undefined) return [field.whole];
      const kept = rewrite(payload, (f) => (NUMBERS.includes(f.number) ? [] : [f.whole]));
      // Its place is its number of bytes; no element has more than 8.
      const entry = message(TENSOR.external, [text(1, "location"), text(2, String(size * 8))]);
      return [message(number, [kept, entry, varintField(TENSOR.location, 1)])];
    }
    if (number === GRAPH.input && input !== undefined && nameOf(payload) === input) {
      return [message(number, [freeBatch(payload)])];
    }
    if (number === GRAPH.output && softmax !== undefined && nameOf(payload) === softmax.outputs[0]) {
      return [message(number, [rewrite(payload, (f) => (f.number === 1 ? [text(1, softmax.inputs[0])] : [f.whole]))])];
    }
    return [field.whole];
  };
  return rewrite(bytes, (f) =>
    f.number === MODEL.graph ? [message(MODEL.graph, [rewrite(f.payload, graph)])] : [f.whole],
  );
}

/** ValueInfoProto: type.tensor_type.shape.dim[0] becomes a symbol. */
function freeBatch(info: Uint8Array): Uint8Array {
  const down = (bytes: Uint8Array, [number, ...path]: readonly number[]): Uint8Array => {
    let first = true;
    return rewrite(bytes, (f) => {
      if (f.number !== number || !first) return [f.whole];
      first = false;
      return [message(number, [path.length === 0 ? text(2, "batch") : down(f.payload, path)])];
    });
  };
  return down(info, [2, 1, 2, 1]);
}

function nameOf(message: Uint8Array): string {
  const name = fields(message).find(({ number }) => number === 1);
  return name === undefined ? "" : textOf(name);
}

// Protocol buffers, as far as copying needs them: https://protobuf.dev/programming-guides/encoding/

interface Field {
  readonly number: number;
  /** With its head. */
  readonly whole: Uint8Array;
  /** Of a message, a string or bytes; empty for numbers. */
  readonly payload: Uint8Array;
}

/** The fields of a message that has been read before, so it is sound. */
function fields(bytes: Uint8Array): Field[] {
  const found: Field[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = at;
    const varint = (): number => {
      let value = 0;
      for (let shift = 1; ; shift *= 128) {
        const byte = bytes[at++];
        value += (byte & 127) * shift;
        if (byte < 128) return value;
      }
    };
    const head = varint();
    const type = head % 8;
    let from = at;
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else {
      const length = varint();
      from = at;
      at += length;
    }
    const payload = type === 2 ? bytes.subarray(from, at) : new Uint8Array(0);
    found.push({ number: Math.floor(head / 8), whole: bytes.subarray(start, at), payload });
  }
  return found;
}

function rewrite(bytes: Uint8Array, change: (field: Field) => readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(fields(bytes).flatMap(change));
}

function textOf({ payload }: Field): string {
  return Buffer.from(payload).toString("utf8");
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

function varintField(number: number, value: number): Uint8Array {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

function message(number: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((n, part) => n + part.length, 0);
  return Buffer.concat([varint(number * 8 + 2), varint(length), ...parts]);
}

function text(number: number, value: string): Uint8Array {
  return message(number, [Buffer.from(value)]);
}
