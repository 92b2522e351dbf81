/**
 * Standalone modules where there is no Faltung: a plain Node script, a page, workerd (the runtime of Cloudflare's
 * Workers), and WABT's interpreter, which is no JavaScript engine. The same bits everywhere.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serve } from "../../../test/browser/serve.ts";
import { compile } from "../../compile/compile.ts";
import { mobilenetV2, small } from "../../models/index.ts";
import { manualSeed } from "../../nn/index.ts";
import { Random } from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { normalise } from "../../train/step.ts";
import { exportStandalone } from "./export.ts";
import { load } from "./loader.ts";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "faltung-standalone-"));
const labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const random = new Random(11);
const picture = Uint8Array.from({ length: 784 }, () => random.below(256));

/** The bits of ten logits. */
type Bits = readonly number[];
const bitsOf = (logits: Float32Array): Bits => [...new Uint32Array(logits.slice().buffer)];

/** float32 agrees with the compiled program; int8 with the module as the loader runs it. */
const kinds = ["float32", "int8"] as const;
const files = {} as Record<
  (typeof kinds)[number],
  { readonly bytes: Uint8Array<ArrayBuffer>; readonly expected: Bits }
>;
let loader = "";

beforeAll(async () => {
  manualSeed(21);
  const model = small(1, 10);
  const preprocessing = { mean: [0.1307], std: [0.3081] };
  model.eval();
  const program = await compile(
    ({ x }) => ({ y: model.forward(normalise(x, preprocessing)) }),
    { x: { shape: [1, 1, 28, 28], dtype: "uint8" } },
    { threads: 1, precision: "strict" },
  );
  const logits = program({ x: new Tensor(picture, [1, 1, 28, 28]) }).y.data as Float32Array;
  program.program.close();
  for (const weights of kinds) {
    const bytes = await exportStandalone(model, { picture: [1, 28, 28], labels, preprocessing, weights });
    const expected = bitsOf(weights === "float32" ? logits : (await load(bytes)).run(picture));
    files[weights] = { bytes, expected };
    writeFileSync(join(folder, `${weights}.wasm`), bytes);
  }
  const build = await rolldown({ input: join(import.meta.dirname, "loader.ts"), platform: "neutral" });
  const { output } = await build.generate({ format: "esm", minify: true });
  await build.close();
  loader = output[0].code;
  writeFileSync(join(folder, "loader.js"), loader);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("the MNIST network is under 300 kB in int8", () => {
  process.stderr.write(`standalone small: int8 ${files.int8.bytes.length} bytes\n`);
  expect(files.int8.bytes.length).toBeLessThan(300_000);
});

it("a deep network with depthwise convolutions has the bits of the compiled program", async () => {
  manualSeed(22);
  const model = mobilenetV2(3, 7).eval();
  const input = new Tensor(
    Float32Array.from({ length: 3 * 33 * 35 }, () => random.normal()),
    [1, 3, 33, 35],
  );
  const net = await load(await exportStandalone(model, { picture: [3, 33, 35] }));
  const program = await compile(
    ({ x }) => ({ y: model.forward(x) }),
    { x: input.shape },
    { threads: 1, precision: "strict" },
  );
  expect(net.run(input.data as Float32Array)).toEqual(program({ x: input }).y.data);
  program.program.close();
});

describe.each(kinds)("%s weights", (weights) => {
  it("run in Node by a script of a few lines, with no package installed", async () => {
    writeFileSync(
      join(folder, "plain.js"),
      `import { readFileSync } from "node:fs";
       const { instance: { exports: net } } = await WebAssembly.instantiate(readFileSync(process.argv[2]));
       const { buffer } = net.memory;
       new Uint8Array(buffer, net.pixels_ptr(), net.pixels_len()).set(JSON.parse(process.argv[3]));
       net.run_pixels();
       console.log(JSON.stringify([...new Uint32Array(buffer, net.output_ptr(), net.output_len())]));`,
    );
    const { stdout } = await run(process.execPath, ["plain.js", `${weights}.wasm`, JSON.stringify([...picture])], {
      cwd: folder,
      env: {},
    });
    expect(JSON.parse(stdout)).toEqual(files[weights].expected);
  });

  it("run in a page", async () => {
    const page = `<!doctype html><script type="module">
      import { load } from "./loader.js";
      const bytes = Uint8Array.from(${JSON.stringify(Array.from(files[weights].bytes))});
      const net = await load(new Response(bytes));
      const logits = net.run(Uint8Array.from(${JSON.stringify([...picture])}));
      globalThis.outcome = { bits: [...new Uint32Array(logits.buffer)], labels: net.labels };
    </script>`;
    const site = await serve({ "index.html": page, "loader.js": loader }, { isolated: false });
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
    });
    try {
      const tab = await browser.newPage();
      const complaints: string[] = [];
      tab.on("pageerror", (error) => complaints.push(String(error)));
      await tab.goto(site.url);
      await tab.waitForFunction(() => "outcome" in globalThis);
      expect(await tab.evaluate("outcome")).toEqual({ bits: files[weights].expected, labels });
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
      await site.close();
    }
  }, 120_000);

  it("run in workerd, where code comes with the deployment and none is made at run time", async () => {
    writeFileSync(
      join(folder, "worker.js"),
      `import { load } from "loader.js";
       import module from "net.wasm";
       const net = load(module);
       export default {
         async fetch(request) {
           const { run, labels } = await net;
           const logits = run(new Uint8Array(await request.arrayBuffer()));
           return Response.json({ bits: [...new Uint32Array(logits.buffer)], labels });
         },
       };`,
    );
    writeFileSync(
      join(folder, "config.capnp"),
      `using Workerd = import "/workerd/workerd.capnp";
       const config :Workerd.Config = (
         services = [(name = "main", worker = .worker)],
         sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
       );
       const worker :Workerd.Worker = (
         modules = [
           (name = "worker.js", esModule = embed "worker.js"),
           (name = "loader.js", esModule = embed "loader.js"),
           (name = "net.wasm", wasm = embed "${weights}.wasm"),
         ],
         compatibilityDate = "2025-09-01",
       );`,
    );
    const { process: runtime, port } = await startWorkerd();
    try {
      const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: picture });
      expect(await response.json()).toEqual({ bits: files[weights].expected, labels });
    } finally {
      runtime.kill("SIGKILL");
    }
  }, 60_000);

  it("run in WABT's interpreter", async () => {
    const { bytes, expected } = files[weights];
    const text = (data: Uint8Array): string =>
      Array.from(data, (byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
    // A second module on the same memory stands for the C program around the network.
    const { signature } = await load(bytes);
    const at = (i: number): number => signature.outputs[0].ptr + 4 * i;
    const script = [
      `(module $net binary "${text(bytes)}")`,
      `(register "net" $net)`,
      `(assert_return (invoke $net "pixels_len") (i32.const 784))`,
      `(assert_return (invoke $net "pixels_ptr") (i32.const ${signature.pixels?.ptr}))`,
      `(assert_return (invoke $net "output_ptr") (i32.const ${at(0)}))`,
      `(module $host (import "net" "memory" (memory 1)) (data (i32.const ${signature.pixels?.ptr}) "${text(picture)}")`,
      `  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))`,
      `(invoke $net "run_pixels")`,
      ...expected.map((bits, i) => `(assert_return (invoke $host "load" (i32.const ${at(i)})) (i32.const ${bits}))`),
    ];
    writeFileSync(join(folder, "net.wast"), script.join("\n"));
    await run("wast2json", ["net.wast", "-o", "net.json"], { cwd: folder });
    const { stdout } = await run("spectest-interp", ["net.json"], { cwd: folder });
    expect(stdout).toMatch(/(\d+)\/\1 tests passed\./);
  }, 120_000);
});

async function startWorkerd(): Promise<{ readonly process: ChildProcess; readonly port: number }> {
  const binary = createRequire(import.meta.url)("workerd").default as string;
  const child = spawn(binary, ["serve", "config.capnp", "--control-fd=1"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new Promise((resolve, reject) => {
    let said = "";
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      const port = /"event":"listen","socket":"http","port":(\d+)/.exec(said)?.[1];
      if (port !== undefined) resolve({ process: child, port: Number(port) });
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", reject);
    child.on("exit", () => reject(new Error(`workerd ended: ${said}`)));
  });
}
