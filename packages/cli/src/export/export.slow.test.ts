/** `faltung export`: what it writes is run by PyTorch, by ONNX's and WebAssembly's engines, and comes back. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  BatchNorm2d,
  type Module,
  Random,
  Tensor,
  cifarResnet,
  compile,
  imagenetResnet,
  lenet5,
  manualSeed,
  mobilenetV2,
  normalise,
  small,
} from "faltung";
import sharp from "sharp";
import { load } from "faltung/standalone/loader";
import { importOnnx } from "faltung/onnx";
import { afterAll, describe, expect, it } from "vitest";
import { readModel, writeModel } from "../checkpoint/model-file.ts";
import { run } from "../cli.ts";
import { engine } from "../engine.ts";
import { makePictures, temporaryFolder } from "../../test/support.ts";

const exec = promisify(execFile);
/** Debian's, which has Debian's PyTorch. */
const PYTHON = "/usr/bin/python3";
const home = process.cwd();
afterAll(() => process.chdir(home));

const random = new Random(3);

/** A model file that looks trained, in a folder of its own. */
async function modelFolder(
  make: () => Module,
  channels: 1 | 3,
  size: number,
  classes: readonly string[],
): Promise<string> {
  manualSeed(5);
  const module = make();
  for (const [, layer] of module.namedModules()) {
    if (!(layer instanceof BatchNorm2d)) continue;
    for (const [key, { attrs }] of layer.ownStates()) {
      const { data } = attrs.initial;
      if (key === "running_mean") data.forEach((_, i) => (data[i] = random.normal(0, 0.1)));
      if (key === "running_var") data.forEach((_, i) => (data[i] = random.uniform(0.5, 1.5)));
      if (key === "num_batches_tracked") data[0] = 7;
    }
  }
  const cwd = temporaryFolder();
  const per = (value: number): number[] => new Array<number>(channels).fill(value);
  await writeModel(join(cwd, "best.safetensors"), {
    module,
    preprocessing: { channels, height: size, width: size, mean: per(0.4), std: per(0.3) },
    classes,
    notes: { model: "a model", data: "pictures", val: 0.2, seed: 0, epoch: 1 },
  });
  return cwd;
}

async function faltung(cwd: string, ...words: string[]): Promise<{ code: number; out: string; err: string }> {
  process.chdir(cwd);
  let [out, err] = ["", ""];
  const code = await run(words, {
    engine,
    out: { write: (text: string) => void (out += text) },
    err: { write: (text: string) => void (err += text) },
    env: {},
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

async function outputs(
  module: Module,
  images: Tensor,
  statistics: { mean: number[]; std: number[] },
): Promise<Float32Array> {
  module.eval();
  const program = await compile(
    ({ x }) => ({ y: module.forward(normalise(x, statistics)) }),
    { x: { shape: images.shape, dtype: "uint8" } },
    { threads: 1, precision: "strict" },
  );
  const { data } = program({ x: images }).y;
  program.program.close();
  return data as Float32Array;
}

const pictures = (n: number, channels: number, size: number): Tensor =>
  new Tensor(
    Uint8Array.from({ length: n * channels * size * size }, () => random.below(256)),
    [n, channels, size, size],
  );

describe.each<[string, () => Module, 1 | 3, number]>([
  ["small", () => small(1, 3), 1, 28],
  ["lenet5", () => lenet5(1, 3), 1, 28],
  ["resnet20", () => cifarResnet(20, 3, 3), 3, 32],
  ["resnet18", () => imagenetResnet([1, 1, 1, 1], 3, 3), 3, 64],
  ["mobilenetv2", () => mobilenetV2(3, 3), 3, 64],
])("%s", (_name, make, channels, size) => {
  it("gives PyTorch's outputs within 1e-5, there and back", async () => {
    const cwd = await modelFolder(make, channels, size, ["a", "b", "c"]);
    expect(await faltung(cwd, "export", "model=best.safetensors", "format=pytorch", "out=torch")).toMatchObject({
      code: 0,
    });
    const images = pictures(4, channels, size);
    writeFileSync(join(cwd, "torch/images.bin"), images.data as Uint8Array);
    writeFileSync(
      join(cwd, "torch/check.py"),
      `import json, torch
import model as m
torch.set_num_threads(1)
pixels = torch.frombuffer(bytearray(open("images.bin", "rb").read()), dtype=torch.uint8).view(4, m.CHANNELS, m.HEIGHT, m.WIDTH)
net = m.load_model()
with torch.no_grad():
    print(json.dumps(net(m.normalise(pixels)).flatten().tolist()))
state = net.state_dict()
key = [k for k in state if k.endswith("bias")][-1]
state[key] += 1
m.write_safetensors("back.safetensors", state, m.read_safetensors(m.WEIGHTS)[1])
`,
    );
    const { stdout } = await exec(PYTHON, ["check.py"], { cwd: join(cwd, "torch") });
    const { module, preprocessing } = await readModel(join(cwd, "best.safetensors"));
    const statistics = { mean: [...preprocessing.mean], std: [...preprocessing.std] };
    const ours = await outputs(module, images, statistics);
    const theirs = JSON.parse(stdout) as number[];
    const scale = Math.max(1, ...theirs.map(Math.abs));
    ours.forEach((x, i) => expect(Math.abs(x - theirs[i]) / scale).toBeLessThan(1e-5));
    // What PyTorch writes is read again, digest and all: every logit one higher, as its bias.
    const back = await readModel(join(cwd, "torch/back.safetensors"));
    const again = await outputs(back.module, images, statistics);
    again.forEach((x, i) => expect(Math.abs(x - 1 - ours[i])).toBeLessThan(1e-5 * scale));
  }, 120_000);
});

describe("the command", () => {
  it("writes modules that give the model's outputs", async () => {
    const cwd = await modelFolder(() => small(3, 2), 3, 16, ["blue", "red"]);
    const { code, out } = await faltung(cwd, "export", "model=best.safetensors", "batch=2");
    expect([code, out]).toEqual([0, expect.stringMatching(/^best\.wasm \(.*\)\nUse it: /)]);
    const net = await load(readFileSync(join(cwd, "best.wasm")));
    expect(net.labels).toEqual(["blue", "red"]);
    expect(net.preprocessing).toMatchObject({ channels: 3, height: 16, width: 16, resize: "cover" });
    const { module } = await readModel(join(cwd, "best.safetensors"));
    const images = pictures(2, 3, 16);
    const interleaved = images.data.map(
      (_, i) => images.data[Math.floor(i / 768) * 768 + (i % 3) * 256 + Math.floor((i % 768) / 3)],
    );
    const expected = await outputs(module, images, { mean: [0.4, 0.4, 0.4], std: [0.3, 0.3, 0.3] });
    expect(net.run(interleaved as Uint8Array)).toEqual(expected);

    const small8 = await faltung(
      cwd,
      "export",
      "model=best.safetensors",
      "weights=int8",
      "out=deep/int8.wasm",
      "json=true",
    );
    expect(JSON.parse(small8.out)).toMatchObject({
      event: "export",
      format: "wasm",
      files: [{ path: "deep/int8.wasm" }],
    });
    expect(readFileSync(join(cwd, "deep/int8.wasm")).length).toBeLessThan(
      readFileSync(join(cwd, "best.wasm")).length / 2,
    );
  });

  it("writes half the weights under a name of their own", async () => {
    const cwd = await modelFolder(() => small(3, 2), 3, 16, ["blue", "red"]);
    expect((await faltung(cwd, "export", "model=best.safetensors", "weights=f16", "json=true")).out).toContain(
      '"best.float16.wasm"',
    );
  });

  it("writes a model.py that sees a transparent picture as predict does, and a train.py that goes on", async () => {
    const classes = ["blue", "red"];
    const cwd = await modelFolder(() => small(3, 2), 3, 16, classes);
    const background = { r: 200, g: 0, b: 0, alpha: 0.3 };
    const picture = await sharp({ create: { width: 16, height: 16, channels: 4, background } })
      .png()
      .toBuffer();
    for (const name of classes) mkdirSync(join(cwd, "data", name), { recursive: true });
    for (let i = 0; i < 5; i++) writeFileSync(join(cwd, `data/${classes[i % 2]}/${i}.png`), picture);
    await faltung(cwd, "export", "model=best.safetensors", "format=pytorch", "out=torch");
    const python = await exec(PYTHON, ["torch/model.py", "data/red/1.png"], { cwd });
    const { out } = await faltung(cwd, "predict", "model=best.safetensors", "source=data/red/1.png");
    expect(python.stdout.replaceAll(" %", "%")).toBe(out);
    // The last of its three steps has one picture, which cannot be normalised by itself.
    const trained = await exec(PYTHON, ["torch/train.py", "data", "--epochs", "1", "--batch", "2"], { cwd });
    expect(trained.stdout).toMatch(/^epoch 1\/1 {2}loss [\d.]+ {2}accuracy [\d.]+ %\nwritten: trained.safetensors\n$/);
    expect((await readModel(join(cwd, "trained.safetensors"))).classes).toEqual(classes);
    const missing = exec(PYTHON, ["torch/train.py", "torch"], { cwd });
    await expect(missing).rejects.toThrow("torch has no folder for: blue, red");
  }, 120_000);

  it("writes ONNX and safetensors that come back", async () => {
    const cwd = await modelFolder(() => lenet5(1, 3), 1, 28, ["a", "b", "c"]);
    expect((await faltung(cwd, "export", "model=best.safetensors", "format=onnx")).code).toBe(0);
    const imported = await importOnnx(readFileSync(join(cwd, "best.onnx")));
    const { module } = await readModel(join(cwd, "best.safetensors"));
    const images = pictures(1, 1, 28);
    const statistics = { mean: [0.4], std: [0.3] };
    const [ours, theirs] = [await outputs(module, images, statistics), await outputs(imported, images, statistics)];
    ours.forEach((x, i) => expect(Math.abs(x - theirs[i])).toBeLessThan(1e-5));
    expect(
      (await faltung(cwd, "export", "model=best.safetensors", "format=safetensors", "out=w.safetensors")).code,
    ).toBe(0);
    expect(readFileSync(join(cwd, "w.safetensors")).equals(readFileSync(join(cwd, "best.safetensors")))).toBe(true);
  });

  it("refuses what does not go together, in a sentence", async () => {
    const cwd = await modelFolder(() => lenet5(1, 3), 1, 28, ["a", "b", "c"]);
    const torch = await faltung(cwd, "export", "model=best.safetensors", "format=pytorch", "weights=int8");
    expect([torch.code, torch.err]).toEqual([
      2,
      expect.stringMatching(/^error: weights cannot be given with format=pytorch: only \w+/),
    ]);
    const half = await faltung(cwd, "export", "model=best.safetensors", "format=onnx", "weights=float16");
    expect([half.code, half.err]).toEqual([2, expect.stringMatching(/^error: weights=float16 cannot be given with/)]);
    const unused = await faltung(cwd, "export", "model=best.safetensors", "format=wasm", "data=pictures");
    expect([unused.code, unused.err]).toEqual([2, expect.stringMatching(/^error: data= is for calibrating/)]);
    const none = await faltung(cwd, "export", "model=missing.safetensors");
    expect([none.code, none.err]).toEqual([1, expect.stringMatching(/^error: missing.safetensors cannot be read/)]);
  });

  it("the scripts train in PyTorch, and Faltung goes on with the result", async () => {
    const cwd = await modelFolder(() => small(3, 2), 3, 16, ["blue", "red"]);
    const data = await makePictures();
    await faltung(cwd, "export", "model=best.safetensors", "format=pytorch", "out=torch");
    const { stdout } = await exec(PYTHON, ["train.py", data, "--epochs", "4", "--batch", "8"], {
      cwd: join(cwd, "torch"),
    });
    expect(stdout).toMatch(/epoch 4\/4 {2}loss 0\.\d+ {2}accuracy 100\.00 %\nwritten: trained\.safetensors/);
    const { stdout: said } = await exec(PYTHON, ["model.py", join(data, "red/0.png")], { cwd: join(cwd, "torch") });
    expect(said).toMatch(/red\/0\.png: (blue|red) \d+\.\d %, /);
    mkdirSync(join(cwd, "one"));
    writeFileSync(join(cwd, "one/red.png"), readFileSync(join(data, "red/0.png")));
    const { out } = await faltung(
      cwd,
      "predict",
      "model=torch/trained.safetensors",
      "source=one",
      "top=1",
      "json=true",
    );
    expect(JSON.parse(out)).toMatchObject({ predictions: [{ class: "red" }] });
  }, 120_000);
});
