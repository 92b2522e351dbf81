/**
 * ONNX's own backend tests, as files: model.onnx and test_data_set_*\/{input,output}_*.pb. Runs one through import and
 * a backend and compares: rtol 1e-3, atol 1e-5 for floats as ONNX's runner has it, whole numbers exactly.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type OnnxModule, decodeTensor, importOnnx, readModel, readTensor } from "../src/format/onnx/index.ts";
import { bfloat16ToNumber } from "../src/format/half.ts";
import { CARRIED, type OnnxType } from "../src/format/onnx/dtype.ts";
import { Unsupported } from "../src/format/onnx/node.ts";
import { type HostTensor, programTensor } from "../src/format/onnx/tensor.ts";
import { compile } from "../src/compile/compile.ts";
import { FormatError } from "../src/tensor/errors.ts";
import { type TensorType, sameShape, show } from "../src/tensor/shape.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

export const CONFORMANCE: string = new URL("../../../../shared/conformance/onnx-node/", import.meta.url).pathname;

export interface OnnxCase {
  readonly kind: string;
  readonly operator: string;
  readonly name: string;
  readonly folder: string;
}

export interface DataSet {
  readonly inputs: readonly (HostTensor & { readonly name: string })[];
  readonly outputs: readonly HostTensor[];
}

export type Outcome =
  | { readonly kind: "passed" }
  | { readonly kind: "unsupported"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

/** The cases of INDEX.csv. */
export function conformanceCases(): OnnxCase[] {
  if (!existsSync(join(CONFORMANCE, "INDEX.csv"))) {
    throw new Error(`The conformance cases are not at ${CONFORMANCE}: check the project out beside ../shared.`);
  }
  const [header, ...rows] = readFileSync(join(CONFORMANCE, "INDEX.csv"), "utf8").trim().split("\n");
  const columns = header.split(",");
  return rows.map((row) => {
    const cells = row.split(",");
    const cell = (name: string): string => cells[columns.indexOf(name)];
    return {
      kind: cell("kind"),
      operator: cell("op"),
      name: cell("test"),
      folder: join(CONFORMANCE, cell("kind"), cell("test")),
    };
  });
}

/** Something that is in a case and cannot be read at all: a string, a sequence. */
class Unreadable extends Error {}

function readData(path: string): HostTensor & { readonly name: string } {
  const proto = readTensor(readFileSync(path), path);
  try {
    return { ...decodeTensor(proto, undefined, path), name: proto.name };
  } catch (error) {
    if (error instanceof FormatError && error.message.endsWith("not supported."))
      throw new Unreadable(error.message.replace(/.*(is of type)/, "a tensor $1"));
    throw error;
  }
}

function dataSets(folder: string): DataSet[] {
  const sets = readdirSync(folder)
    .filter((name) => name.startsWith("test_data_set_"))
    .sort();
  return sets.map((set) => {
    const path = join(folder, set);
    const files = readdirSync(path);
    const list = (prefix: string): string[] =>
      files
        .filter((f) => f.startsWith(prefix))
        .sort((a, b) => Number(a.replaceAll(/\D/g, "")) - Number(b.replaceAll(/\D/g, "")));
    const read = (prefix: string): (HostTensor & { readonly name: string })[] =>
      list(prefix).map((f) => readData(join(path, f)));
    return { inputs: read("input_"), outputs: read("output_") };
  });
}

/** ONNX 1.12 wrote the bits of bfloat16 as uint16. */
function declared(host: HostTensor, type: OnnxType): HostTensor {
  if (type !== "bfloat16" || host.type !== "uint16") return host;
  return { ...host, type, data: Float32Array.from(host.data, bfloat16ToNumber) };
}

/** Inputs that must be known while building, and the others by type. */
function divide(net: OnnxModule, data: DataSet): { settings: Record<string, Tensor>; inputs: Record<string, Tensor> } {
  const settings: Record<string, Tensor> = {};
  const inputs: Record<string, Tensor> = {};
  net.inputs.forEach((port, i) => {
    if (data.inputs[i] === undefined) throw new Unreadable(`input ${port.name} has no data`);
    const host = declared(data.inputs[i], port.type);
    if (host.type === "double" && host.data.some((x) => Number.isFinite(x) && !Number.isFinite(Math.fround(x)))) {
      throw new Unreadable(`input ${port.name} holds doubles beyond float32's range`);
    }
    (port.setting ? settings : inputs)[port.name] = programTensor(host, port.name);
  });
  return { settings, inputs };
}

export interface RunOptions {
  readonly backend: "reference" | "wasm";
}

/** Runs a case with every one of its data sets. */
export async function runCase(folder: string, { backend }: RunOptions): Promise<Outcome> {
  try {
    const bytes = readFileSync(join(folder, "model.onnx"));
    const net = importOnnx(bytes, { name: "model" });
    for (const data of dataSets(folder)) {
      const { settings, inputs } = divide(net, data);
      const types: Record<string, TensorType> = inputs;
      const fn = await compile((values) => net.apply({ ...settings, ...values }), types, {
        backend,
        threads: 1,
        precision: "strict",
      });
      const results = fn(inputs);
      fn.program.close();
      for (const [i, port] of net.outputs.entries()) {
        const expected = data.outputs[i];
        const wrong =
          expected === undefined ? undefined : difference(results[port.name], declared(expected, port.type));
        if (wrong !== undefined) return { kind: "failed", reason: `output ${port.name}: ${wrong}` };
      }
    }
    return { kind: "passed" };
  } catch (error) {
    if (error instanceof Unsupported) return { kind: "unsupported", reason: firstReason(error.message) };
    if (error instanceof Unreadable) return { kind: "unsupported", reason: error.message };
    if (error instanceof FormatError && / is of type \w+, which is not supported\.$/.test(error.message)) {
      return { kind: "unsupported", reason: error.message.replace(/.* is of type (\w+), .*/, "type $1") };
    }
    return { kind: "failed", reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

/** What a file of expectations keeps: the number that passed, and the reason for each that is not supported. */
export function summary(outcomes: ReadonlyMap<string, Outcome>): string {
  const unsupported: Record<string, string> = {};
  let passed = 0;
  for (const [name, outcome] of outcomes) {
    if (outcome.kind === "passed") passed++;
    else if (outcome.kind === "unsupported") unsupported[name] = outcome.reason;
  }
  return `${JSON.stringify({ cases: outcomes.size, passed, unsupported }, null, 2)}\n`;
}

/** "model: one node is not supported:\n  Op "name": reason" → "Op: reason". */
function firstReason(message: string): string {
  const line = message.split("\n")[1]?.trim() ?? message;
  return line.replace(/^(\w+) "[^"]*": /, "$1: ").replaceAll(/ \("[^"]*"\)/g, "");
}

/** What is different, or undefined. */
export function difference(actual: Tensor, expected: HostTensor, rtol = 1e-3, atol = 1e-5): string | undefined {
  if (!sameShape(actual.shape, expected.shape)) return `shape ${show(actual.shape)} instead of ${show(expected.shape)}`;
  const exact = CARRIED[expected.type].range !== undefined;
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [actual.data[i], expected.data[i]];
    const same = Object.is(a, e) || a === e || (!exact && Math.abs(a - e) <= atol + rtol * Math.abs(e));
    if (!same) return `element ${i} is ${a} instead of ${e}`;
  }
  return undefined;
}

/** The operators of a model, for tables. */
export function operatorsIn(path: string): string[] {
  const { graph } = readModel(readFileSync(path), path);
  return [...new Set(graph.nodes.map((node) => node.opType))];
}
