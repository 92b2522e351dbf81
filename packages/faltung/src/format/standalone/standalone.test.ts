/** Standalone modules against the programs that they come from: the same bits, packed weights included. */
import { setFlagsFromString } from "node:v8";
import { rolldown } from "rolldown";
import { describe, expect, it } from "vitest";
import { type CompileOptions, compile } from "../../compile/compile.ts";
import type { EntrySpec } from "../../compile/program.ts";
import { cifarResnet, lenet5, small } from "../../models/index.ts";
import { BatchNorm2d, Dropout, Linear, type Module, Sequential, manualSeed } from "../../nn/index.ts";
import { add, exp, mul } from "../../ops/elementwise/elementwise.ts";
import { constant } from "../../ops/op.ts";
import { Random } from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { normalise } from "../../train/step.ts";
import { float16ToNumber, numberToFloat16 } from "../half.ts";
import { type StandaloneModelOptions, exportStandalone } from "./export.ts";
import { load } from "./loader.ts";

const random = new Random(5);
const numbers = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.below(256));

/** A network that looks trained: statistics of batch-norm that are not 0 and 1. */
function fresh(make: () => Module, seed = 3): Module {
  manualSeed(seed);
  const model = make();
  for (const [, module] of model.namedModules()) {
    if (!(module instanceof BatchNorm2d)) continue;
    for (const [key, state] of module.ownStates()) {
      if (key === "running_mean") state.attrs.initial.data.set(numbers(state.shape[0]));
      if (key === "running_var") state.attrs.initial.data.set(numbers(state.shape[0]).map((x) => 0.5 + x * x));
    }
  }
  return model;
}

async function logitsOf(model: Module, input: Tensor, options: CompileOptions = {}): Promise<Float32Array> {
  model.eval();
  const run = await compile(
    ({ x }) => ({ y: model.forward(x) }),
    { x: input.shape },
    {
      threads: 1,
      precision: "strict",
      ...options,
    },
  );
  const { data } = run({ x: input }).y;
  run.program.close();
  return data as Float32Array;
}

const NETWORKS: readonly (readonly [string, () => Module, readonly number[]])[] = [
  ["small", () => small(1, 10), [1, 28, 28]],
  ["lenet5", () => lenet5(), [1, 28, 28]],
];

describe.each(NETWORKS)("%s", (_name, make, picture) => {
  const size = picture.reduce((a, b) => a * b, 1);

  it("gives the logits of the compiled program, to the bit, for one picture and for several", async () => {
    const model = fresh(make);
    const input = new Tensor(numbers(3 * size), [3, ...picture]);
    const net = await load(await exportStandalone(model, { picture, batch: 3 }));
    expect(net.run(input.data as Float32Array)).toEqual(await logitsOf(model, input));
    const one = new Tensor(input.data.slice(0, size), [1, ...picture]);
    const single = await load(await exportStandalone(model, { picture }));
    expect(single.run(one.data as Float32Array)).toEqual(await logitsOf(model, one));
  });

  it.each(["int8", "float16"] as const)("keeps %s weights and computes what these weights give", async (weights) => {
    const model = fresh(make);
    const input = new Tensor(numbers(size), [1, ...picture]);
    const before = await logitsOf(model, input);
    const [full, packed] = await Promise.all([
      exportStandalone(model, { picture }),
      exportStandalone(model, { picture, weights }),
    ]);
    // Rounded here by other code than the exporter's and the module's.
    for (const [, state] of model.namedParameters()) {
      const { data, shape } = state.attrs.initial;
      if (shape.length < 2) continue;
      const row = data.length / shape[0];
      for (let i = 0; i < data.length; i++) {
        if (weights === "float16") data[i] = float16ToNumber(numberToFloat16(data[i]));
      }
      if (weights === "int8") {
        for (let r = 0; r < shape[0]; r++) {
          const slice = data.subarray(r * row, (r + 1) * row);
          const scale = Math.fround(Math.max(...Array.from(slice, Math.abs)) / 127);
          slice.forEach((w, i) => (slice[i] = Math.fround(Math.round(w / scale) * scale)));
        }
      }
    }
    const got = (await load(packed)).run(input.data as Float32Array);
    expect(got).toEqual(await logitsOf(model, input));
    const spread = Math.max(...before) - Math.min(...before);
    got.forEach((x, i) => expect(Math.abs(x - before[i])).toBeLessThan(spread * (weights === "int8" ? 0.2 : 0.01)));
    // Less what the code that prepares raw weights takes.
    const weightBytes = 4 * model.parameterCount;
    expect(full.length - packed.length).toBeGreaterThan(weightBytes * (weights === "int8" ? 0.5 : 0.3));
  });
});

describe("pictures as bytes", () => {
  const preprocessing = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3], resize: "cover" };
  const options: StandaloneModelOptions = { picture: [3, 32, 32], batch: 2, preprocessing, labels: ["cat", "개"] };

  it("are normalised inside as in training, to the bit", async () => {
    const model = fresh(() => cifarResnet(20, 3, 2));
    const net = await load(await exportStandalone(model, options));
    const interleaved = bytesOf(2 * 3 * 32 * 32);
    const planar = new Uint8Array(interleaved.length);
    for (let n = 0; n < 2; n++) {
      for (let p = 0; p < 1024; p++) {
        for (let c = 0; c < 3; c++) planar[n * 3072 + c * 1024 + p] = interleaved[n * 3072 + p * 3 + c];
      }
    }
    model.eval();
    const run = await compile(
      ({ x }) => ({ y: model.forward(normalise(x, preprocessing)) }),
      {
        x: { shape: [2, 3, 32, 32], dtype: "uint8" },
      },
      { threads: 1, precision: "strict" },
    );
    const expected = run({ x: new Tensor(planar, [2, 3, 32, 32]) }).y.data;
    expect(net.run(interleaved)).toEqual(expected);
    // Fewer pictures than a batch, and one from a canvas.
    expect(net.run(interleaved.subarray(3072))).toEqual(expected.slice(2));
    const rgba = Uint8ClampedArray.from({ length: 4096 }, (_, i) =>
      i % 4 < 3 ? interleaved[(i >> 2) * 3 + (i % 4)] : 255,
    );
    expect(net.run({ data: rgba })).toEqual(expected.slice(0, 2));
    run.program.close();
  });

  it("bring their labels and preprocessing in custom sections", async () => {
    const bytes = await exportStandalone(
      fresh(() => cifarResnet(20, 3, 2)),
      options,
    );
    const net = await load(bytes);
    expect(net.labels).toEqual(["cat", "개"]);
    expect(net.preprocessing).toEqual(preprocessing);
    expect(net.signature).toMatchObject({ abi: 1, batch: 2, weights: "float32", features: ["simd128", "bulk-memory"] });
    expect(net.signature.inputs.map(({ name, shape }) => [name, shape])).toEqual([["input", [2, 3, 32, 32]]]);
    expect(net.signature.memory).toBe((net.exports["memory"] as WebAssembly.Memory).buffer.byteLength);
    const module = await WebAssembly.compile(bytes);
    expect(WebAssembly.Module.imports(module)).toEqual([]);
  });

  it("take gray from a canvas", async () => {
    const model = fresh(() => lenet5());
    const net = await load(
      await exportStandalone(model, { picture: [1, 28, 28], preprocessing: { mean: [0.1], std: [0.3] } }),
    );
    const gray = bytesOf(784);
    const canvas = Uint8ClampedArray.from({ length: 4 * 784 }, (_, i) => (i % 4 === 3 ? 255 : gray[i >> 2]));
    expect(net.run({ data: canvas })).toEqual(net.run(gray));
  });
});

describe("the interface for C", () => {
  it("is called with numbers alone", async () => {
    const model = fresh(() => lenet5());
    const module = await WebAssembly.compile(await exportStandalone(model, { picture: [1, 28, 28] }));
    const { exports } = await WebAssembly.instantiate(module);
    const call = (name: string): number => (exports[name] as () => number)();
    expect([call("faltung_abi"), call("batch"), call("input_len"), call("output_len")]).toEqual([1, 1, 784, 10]);
    const { buffer } = exports["memory"] as WebAssembly.Memory;
    const input = numbers(784);
    new Float32Array(buffer, call("input_ptr"), 784).set(input);
    call("run");
    const output = new Float32Array(buffer, call("output_ptr"), 10).slice();
    expect(output).toEqual(await logitsOf(model, new Tensor(input, [1, 1, 28, 28])));
    call("run");
    expect(new Float32Array(buffer, call("output_ptr"), 10)).toEqual(output); // the input is left as it was
    expect("pixels_ptr" in exports).toBe(false);
  });

  it("has room for what it needs and not for what only preparation needed", async () => {
    const model = fresh(() => cifarResnet(20, 3, 10));
    const net = await load(await exportStandalone(model, { picture: [3, 32, 32] }));
    model.eval();
    const run = await compile(
      ({ x }) => ({ y: model.forward(x) }),
      { x: [1, 3, 32, 32] },
      { threads: 1, precision: "strict" },
    );
    expect(net.signature.memory).toBeLessThan(run.program.memory.total - 3 * model.parameterCount);
    run.program.close();
  });
});

describe("entries", () => {
  it("may have several inputs and outputs, and constants", async () => {
    const table = Tensor.from([1, 2, 3]);
    const entry: EntrySpec = {
      inputs: { a: [2, 3], b: [3] },
      fn: ({ a, b }) => ({ sum: add(a, b), scaled: mul(exp(a), constant(table)) }),
    };
    const net = await load(await exportStandalone(entry));
    net.view("a").set([1, 2, 3, 4, 5, 6]);
    net.view("b").set([10, 20, 30]);
    (net.exports["run"] as () => void)();
    expect([...net.view("sum")]).toEqual([11, 22, 33, 14, 25, 36]);
    const expected = [1, 2, 3, 4, 5, 6].map((x, i) => Math.exp(x) * (1 + (i % 3)));
    net.view("scaled").forEach((x, i) => expect(x / expected[i]).toBeCloseTo(1, 5));
    expect(() => net.view("c")).toThrow("there is no c");
  });

  it("may take the fast algorithms, which prepare at the first run", async () => {
    setFlagsFromString("--experimental-wasm-relaxed-simd"); // Node 20 has it behind this flag
    const model = fresh(() => small(1, 10));
    const bytes = await exportStandalone(model, { picture: [1, 28, 28], precision: "fast" });
    const strict = await exportStandalone(model, { picture: [1, 28, 28] });
    expect(bytes.length).not.toBe(strict.length);
    const net = await load(bytes);
    expect(net.signature.features).toContain("relaxed-simd");
    const input = new Tensor(numbers(784), [1, 1, 28, 28]);
    const expected = await logitsOf(model, input);
    net.run(input.data as Float32Array).forEach((x, i) => expect(Math.abs(x - expected[i])).toBeLessThan(1e-3));
  });

  it("leave the model in the mode that it was in", async () => {
    const model = new Sequential(new Linear(4, 4), new Dropout(0.5));
    await exportStandalone(model, { picture: [4] });
    expect([...model.namedModules()].every(([, module]) => module.training)).toBe(true);
  });
});

describe("what cannot be is refused", () => {
  const model = new Sequential(new Linear(4, 2), new Dropout(0.5));
  const one = { picture: [4] };

  it.each([
    ["no picture", () => exportStandalone(model, {} as StandaloneModelOptions), /shape of one picture/],
    ["half a batch", () => exportStandalone(model, { ...one, batch: 0.5 }), /batch is 0.5/],
    ["weights", () => exportStandalone(model, { ...one, weights: "int4" as "int8" }), /weights is "int4"/],
    ["precision", () => exportStandalone(model, { ...one, precision: "exact" as "fast" }), /precision is "exact"/],
    [
      "statistics",
      () => exportStandalone(model, { ...one, preprocessing: { mean: [0], std: [1] } }),
      /\[batch, channels, height, width\]/,
    ],
    [
      "training",
      () => exportStandalone({ inputs: { x: [2, 4] }, fn: ({ x }) => ({ y: model.train().forward(x) }) }),
      /call eval\(\)/,
    ],
    ["no output", () => exportStandalone({ inputs: { x: [2] }, fn: () => ({}) }), /an input and an output/],
  ])("%s", async (_what, attempt, message) => {
    await expect(attempt()).rejects.toThrow(message);
  });

  it("weights that have no place in the format", async () => {
    const broken = new Sequential(new Linear(2, 1));
    broken.stateDict()["0.weight"].data[1] = 1e6;
    await expect(exportStandalone(broken, { picture: [2], weights: "float16" })).rejects.toThrow(/65504/);
    broken.stateDict()["0.weight"].data[1] = NaN;
    await expect(exportStandalone(broken, { picture: [2], weights: "int8" })).rejects.toThrow(/not finite/);
  });

  it("inputs of the wrong length, other modules, failed responses", async () => {
    const net = await load(await exportStandalone(model, { picture: [4], batch: 2 }));
    expect(() => net.run(new Float32Array(3))).toThrow("3 numbers are not 1 to 2 pictures of 4");
    expect(() => net.run(new Float32Array(12))).toThrow(RangeError);
    expect(() => net.run(new Float32Array(0))).toThrow(RangeError);
    expect(() => net.run(new Uint8Array(4))).toThrow(/takes no bytes/);
    await expect(load(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))).rejects.toThrow(/signature undefined/);
    await expect(load(new Response("", { status: 404, statusText: "Not Found" }))).rejects.toThrow("404 Not Found");
  });
});

it("the loader is 2 kB and imports nothing", async () => {
  const build = await rolldown({ input: new URL("loader.ts", import.meta.url).pathname, platform: "neutral" });
  const { output } = await build.generate({ format: "esm", minify: true });
  await build.close();
  expect(output).toHaveLength(1);
  expect(output[0].imports).toEqual([]);
  process.stderr.write(`standalone loader: ${output[0].code.length} bytes\n`);
  expect(output[0].code.length).toBeLessThan(2048);
});
