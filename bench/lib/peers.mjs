/** Who takes part: for each peer its title, how many threads it may be given, and how its process is started. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BENCH } from "./faltung.mjs";

/**
 * @typedef {object} Entrant
 * @property {string} id
 * @property {string} title
 * @property {number} threads
 * @property {import("./child.mjs").Command} command
 * @property {string} [node] the release of Node that it runs on, if it does: its share of the roof is of that engine's
 * @property {(work: import("./works.mjs").Work) => boolean} [fits] rows it takes part in; all unless given
 */

const PYTHON = "/usr/bin/python3";
const NATIVE_ENV = {
  // Their own choice of kernels, and memory that is reused instead of being returned and faulted in again.
  OPENBLAS_CORETYPE: undefined,
  MALLOC_MMAP_THRESHOLD_: "4294967296",
  MALLOC_TRIM_THRESHOLD_: "4294967296",
};
const isConv = (/** @type {import("./works.mjs").Work} */ { kind }) => kind !== "infer" && kind !== "train";
/** Where Winograd's algorithm is taken, the direct kernel is shown too. @type {Entrant["fits"]} */
const hasWinograd = (work) =>
  work.kind === "conv" && work.shape.kernel === 3 && work.shape.stride === 1 && work.shape.groups === 1;

/** Debian's, or what CHROMIUM names. */
export const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/**
 * @param {{ node: string, nodes: readonly { version: string, file: string }[], wide: boolean, threads: readonly number[] }} options
 * `nodes`: other releases of Node that Faltung is shown on too
 * @returns {readonly Entrant[]}
 */
export function entrants({ node, nodes, wide, threads }) {
  /** @type {Entrant[]} */
  const list = [];
  /** @type {(id: string, title: string, module: string, counts: readonly number[], more?: { variant?: string, fits?: Entrant["fits"], file?: string, env?: Record<string, string | undefined>, flags?: readonly string[] }) => void} */
  const script = (id, title, module, counts, { variant = "", fits, file = node, env, flags = [] } = {}) => {
    for (const n of counts.filter((count) => threads.includes(count))) {
      const args = [...flags, join(BENCH, "peers/serve.mjs"), module, String(n), variant];
      list.push({ id, title, threads: n, fits, command: { file, args, env }, node: file });
    }
  };
  script("faltung", "Faltung", "faltung", [1, 2]);
  script("faltung-nchw", "Faltung, NCHW in and out", "faltung", [1, 2], { variant: "nchw", fits: isConv });
  script("faltung-direct", "Faltung, direct", "faltung", [1], { variant: "direct", fits: hasWinograd });
  for (const { version, file } of nodes) {
    const major = version.split(".")[0];
    script(`faltung-node${major}`, `Faltung, Node ${major}`, "faltung", [1, 2], { file });
    script(`faltung-node${major}-direct`, `Faltung, Node ${major}, direct`, "faltung", [1], {
      file,
      variant: "direct",
      fits: hasWinograd,
    });
    if (wide && Number(major) >= 24) {
      script(`faltung-node${major}-wide`, `Faltung, Node ${major}, wide`, "faltung", [1, 2], {
        file,
        env: { FALTUNG_WIDE: "1" },
      });
    }
  }
  if (existsSync(CHROMIUM)) {
    script("faltung-chromium", "Faltung, Chromium", "chromium", [1, 2]);
    script("faltung-chromium-direct", "Faltung, Chromium, direct", "chromium", [1], {
      variant: "direct",
      fits: hasWinograd,
    });
  }
  if (existsSync(PYTHON)) {
    for (const [layout, title] of [
      ["nchw", "PyTorch"],
      ["nhwc", "PyTorch, channels last"],
    ]) {
      for (const n of threads) {
        const args = [join(BENCH, "peers/torch_peer.py"), String(n), layout];
        // OpenBLAS, which multiplies matrices for it, counts its threads for itself.
        const env = { ...NATIVE_ENV, OMP_NUM_THREADS: String(n), OPENBLAS_NUM_THREADS: String(n) };
        list.push({ id: `torch-${layout}`, title, threads: n, command: { file: PYTHON, args, env } });
      }
    }
  }
  script("ort-node", "ONNX Runtime native", "ort-node", [1, 2], { env: NATIVE_ENV });
  script("ort-web", "ONNX Runtime Web (WASM)", "ort-web", [1, 2]);
  script("tfjs-wasm", "TensorFlow.js WASM", "tfjs", [1], { variant: "wasm" });
  script("tfjs-cpu", "TensorFlow.js CPU", "tfjs", [1], { variant: "cpu" });
  script("jax-js", "jax-js WASM", "jax-js", [1]);
  script("convnetjs", "ConvNetJS", "convnetjs", [1]);
  return list;
}

/** Native engines: the faster of them is what a ratio to "native" means. */
export const NATIVE = ["torch-nchw", "torch-nhwc", "ort-node"];
