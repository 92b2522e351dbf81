/**
 * The child's side for JavaScript peers: `serve.mjs <module> <threads> [variant]`.
 *
 * load: reads the row, prepares it, runs it once (training: a few steps) and writes what came out.
 * time: runs it for a while; wall time and processor time of each run.
 */
import { createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

/** @typedef {import("../lib/inputs.mjs").TensorFile} TensorFile */
/**
 * @typedef {object} Row what a peer is given
 * @property {import("../lib/works.mjs").Work} work
 * @property {Record<string, Float32Array>} data
 * @property {Int32Array | undefined} labels
 * @property {Record<string, readonly number[]>} shapes
 * @property {string | undefined} onnx
 * @property {{ lr: number, momentum: number }} sgd
 *
 * @typedef {object} Loaded
 * @property {() => number | void | Promise<number | void>} run a training step returns its loss
 * @property {() => Float32Array | Promise<Float32Array>} [output] of the last run, in NCHW, OIHW
 * @property {(budget: number, warm: number) => Promise<Turn>} [time] where runs can't be timed from here
 * @property {number} [first] ms from the start of its preparation to the end of its first run, where it was timed elsewhere
 * @property {() => Promise<number | null>} [memory] most MiB of what runs it, where that is not this process
 * @property {Record<string, unknown>} [facts] for the report
 *
 * @typedef {object} Turn
 * @property {readonly number[]} runs ms of each run
 * @property {readonly number[]} cpus processor time of each, ms
 *
 * @typedef {object} Peer
 * @property {string} version
 * @property {(row: Row) => Loaded | Promise<Loaded>} load
 */

const [, , name, threads, variant = ""] = process.argv;
const replies = createWriteStream("", { fd: 3 });
const answer = (/** @type {unknown} */ message) => replies.write(`${JSON.stringify(message)}\n`);

/** @param {string} folder @returns {Row & { steps: number }} */
function readRow(folder) {
  const row = JSON.parse(readFileSync(join(folder, "row.json"), "utf8"));
  /** @type {Record<string, Float32Array>} */
  const data = {};
  /** @type {Record<string, readonly number[]>} */
  const shapes = {};
  let labels;
  for (const tensor of /** @type {TensorFile[]} */ (Object.values(row.tensors))) {
    const bytes = readFileSync(tensor.file);
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    if (tensor.dtype === "int32") labels = new Int32Array(buffer);
    else data[tensor.name] = new Float32Array(buffer);
    shapes[tensor.name] = tensor.shape;
  }
  return { ...row, data, shapes, labels };
}

/** Most bytes that this process has had in memory, in MiB. */
function peakMemory() {
  try {
    const kib = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return Number(kib) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}

/** @type {Peer} */
let peer;
/** @type {Loaded} */
let loaded;

/** @type {Record<string, (command: any) => Promise<unknown>>} */
const commands = {
  async load({ folder, spawnedAt }) {
    const { open } = await import(`./${name}.mjs`);
    peer = await open({ threads: Number(threads), variant });
    const imported = peakMemory();
    const row = readRow(folder);
    const start = performance.now();
    loaded = await peer.load(row);
    let result = await loaded.run();
    const first = loaded.first ?? performance.now() - start;
    const cold = Date.now() - spawnedAt;
    const losses = [];
    if (row.work.kind === "train") {
      losses.push(result);
      while (losses.length < row.steps) losses.push(await loaded.run());
      result = undefined;
    }
    const out = row.work.kind === "train" ? Float32Array.from(losses.map(Number)) : await loaded.output?.();
    const file = join(dirname(join(folder, "row.json")), `${name}-${threads}-${variant}.out`);
    if (out !== undefined) writeFileSync(file, new Uint8Array(out.buffer, out.byteOffset, out.byteLength));
    return { version: peer.version, file, first, cold, imported, facts: loaded.facts };
  },
  async time({ budget, warm }) {
    if (loaded.time !== undefined) return loaded.time(budget, warm);
    const runs = [];
    const cpus = [];
    const start = performance.now();
    while (performance.now() - start < warm) await loaded.run();
    const began = performance.now();
    do {
      const before = process.cpuUsage();
      const from = performance.now();
      await loaded.run();
      runs.push(performance.now() - from);
      const { user, system } = process.cpuUsage(before);
      cpus.push((user + system) / 1000);
    } while (performance.now() - began < budget);
    return { runs, cpus };
  },
  async memory() {
    return { peak: loaded.memory === undefined ? peakMemory() : await loaded.memory() };
  },
};

/** The first line of an error: what a user would see. @param {unknown} error */
const words = (error) => String(error instanceof Error ? error.message : error).split("\n")[0];

process.on("uncaughtException", (error) => answer({ error: words(error) }));
process.on("unhandledRejection", (error) => answer({ error: words(error) }));
createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const command = JSON.parse(line);
    try {
      answer(await commands[command.do](command));
    } catch (error) {
      answer({ error: words(error) || "it failed without a word" });
    }
  })
  .on("close", () => process.exit(0));
