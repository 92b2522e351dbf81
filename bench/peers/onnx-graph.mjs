/** An ONNX file as a plain list of nodes, for the peers that do not read the format themselves. */
import { readFileSync } from "node:fs";
import { faltung } from "../lib/faltung.mjs";

/** @typedef {{ op: string, inputs: readonly string[], output: string, activation?: string, ints: (name: string, or: number) => number, list: (name: string, or: readonly number[]) => readonly number[] }} Node */

/** @param {string} file */
export async function readGraph(file) {
  const { readModel, decodeTensor } = await faltung("format/onnx/index.js");
  const { graph } = readModel(readFileSync(file), file);
  /** @type {Map<string, { shape: readonly number[], data: Float32Array | BigInt64Array }>} */
  const constants = new Map();
  for (const proto of graph.initializers) constants.set(proto.name, decodeTensor(proto, undefined, proto.name));
  /** @type {Node[]} */
  const nodes = graph.nodes.map((/** @type {any} */ node) => ({
    op: node.opType,
    inputs: node.inputs,
    output: node.outputs[0],
    ints: (/** @type {string} */ name, /** @type {number} */ or) => Number(node.attributes.get(name)?.i ?? or),
    list: (/** @type {string} */ name, /** @type {readonly number[]} */ or) =>
      (node.attributes.get(name)?.ints ?? or).map(Number),
  }));
  return { input: graph.inputs[0].name, output: graph.outputs[0].name, constants, nodes };
}
