/**
 * Faltung in Chromium: the same code as `faltung.mjs`, in a worker of a page that a small server isolates, so that it has
 * threads. Runs are timed inside of the page.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";
import { BENCH, DIST } from "../lib/faltung.mjs";
import { CHROMIUM } from "../lib/peers.mjs";

const TYPES = /** @type {Record<string, string>} */ ({ ".html": "text/html", ".js": "text/javascript" });
TYPES[".mjs"] = TYPES[".js"];

/** What the modules of the bench find in place of the one that looks on the disk. */
const LIBRARY = 'export const faltung = (path = "index.js") => import(`/dist/${path}`);';

/** The worker: loads a row, runs it once, and then as often as it is asked. */
const WORKER = `
globalThis.process = { env: {}, versions: { node: "-" } };
let peer;
let loaded;
const commands = {
  open: async (options) => {
    peer = await (await import("/bench/peers/faltung.mjs")).open(options);
  },
  async load({ row }) {
    for (const [name, path] of Object.entries(row.data)) row.data[name] = new Float32Array(await (await fetch(path)).arrayBuffer());
    if (row.labels) row.labels = new Int32Array(await (await fetch(row.labels)).arrayBuffer());
    const start = performance.now();
    loaded = await peer.load(row);
    const result = (await loaded.run()) ?? null;
    return { facts: loaded.facts, result, first: performance.now() - start };
  },
  run: async () => loaded.run() ?? null,
  output: async () => Array.from(await loaded.output()),
  roof: async () => (await import("/bench/lib/roof-kernel.mjs")).roofs(),
  time: async ({ budget, warm }) => {
    const runs = [];
    const start = performance.now();
    while (performance.now() - start < warm) await loaded.run();
    const began = performance.now();
    do {
      const from = performance.now();
      await loaded.run();
      runs.push(performance.now() - from);
    } while (performance.now() - began < budget);
    return { runs, cpus: runs };
  },
};
onmessage = async ({ data }) => {
  try { postMessage({ answer: await commands[data.do](data) }); } catch (error) { postMessage({ error: String(error?.message ?? error) }); }
};`;

/** The page: hands commands to its worker, one at a time. */
const PAGE = `<!doctype html><script>
const worker = new Worker("/worker.js", { type: "module" });
window.ask = (command) => new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => (data.error === undefined ? resolve(data.answer) : reject(new Error(data.error)));
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage(command);
});
</script>`;

/** @param {Map<string, Uint8Array>} tensors paths of a row's numbers @returns {Promise<string>} its address */
function serve(tensors) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://bench").pathname;
    /** @returns {Promise<string | Uint8Array>} */
    const body = async () => {
      if (path === "/") return PAGE;
      if (path === "/worker.js") return WORKER;
      if (path === "/bench/lib/faltung.mjs") return LIBRARY;
      const tensor = tensors.get(path);
      if (tensor !== undefined) return tensor;
      if (path.startsWith("/dist/")) return readFile(join(DIST, path.slice(6)));
      return readFile(join(BENCH, path.slice("/bench/".length)));
    };
    try {
      const content = await body();
      const type = path === "/" ? "text/html" : (TYPES[extname(path)] ?? "application/octet-stream");
      response.writeHead(200, {
        "content-type": type,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-embedder-policy": "require-corp",
        "cross-origin-resource-policy": "same-origin",
      });
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      resolve(`http://127.0.0.1:${port}/`);
    }),
  );
}

/** @param {{ threads: number, variant: string }} options */
export async function open({ threads, variant }) {
  /** @type {Map<string, Uint8Array>} */
  const tensors = new Map();
  const address = await serve(tensors);
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  });
  process.on("exit", () => void browser.close());
  const page = await browser.newPage();
  const ask = (/** @type {Record<string, unknown>} */ command) =>
    page.evaluate((c) => /** @type {any} */ (globalThis).ask(c), command);
  await page.goto(address);
  const { plain, fma } = await ask({ do: "roof" });
  await page.reload(); // the row starts in a worker that has run nothing yet, but has loaded the library, as in Node
  await ask({ do: "open", threads, variant });
  return {
    version: browser.version(),
    /** @param {import("./serve.mjs").Row} row @returns {Promise<import("./serve.mjs").Loaded>} */
    async load(row) {
      /** @type {(name: string, numbers: Float32Array | Int32Array) => string} */
      const put = (name, numbers) => {
        const path = `/tensor/${tensors.size}-${name}`;
        tensors.set(path, new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
        return path;
      };
      const data = Object.fromEntries(Object.entries(row.data).map(([name, numbers]) => [name, put(name, numbers)]));
      const labels = row.labels && put("labels", row.labels);
      const { facts, result, first } = await ask({ do: "load", row: { ...row, data, labels } });
      const done = [result];
      return {
        run: () => done.pop() ?? ask({ do: "run" }),
        first,
        output: async () => Float32Array.from(await ask({ do: "output" })),
        time: (budget, warm) => ask({ do: "time", budget, warm }),
        memory: async () => null,
        facts: { ...facts, roof: Math.max(plain, fma) },
      };
    },
  };
}
