/** The command from its words to its files, with a scripted training loop, in this process. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "faltung";
import { parse as parseYaml } from "yaml";
import { run } from "../src/cli.ts";
import { type Script, fakeEngine } from "./fake-engine.ts";
import { BLUE, type Ended, RED, makePictures, paint, temporaryFolder } from "./support.ts";

const home = process.cwd();
let pictures: string;
beforeAll(async () => {
  process.env["FALTUNG_CACHE"] = temporaryFolder();
  pictures = await makePictures();
});
afterAll(() => process.chdir(home));

/** LeNet-5 is what it is; the default network may get better. */
const onPictures = (): string[] => [`data=${pictures}`, "model=lenet5"];

async function faltung(words: string[], cwd: string, script: Script = {}): Promise<Ended> {
  process.chdir(cwd);
  const [out, err] = [
    { text: "", write: (text: string) => void (out.text += text) },
    { text: "", write: (text: string) => void (err.text += text) },
  ];
  const code = await run(words, {
    engine: fakeEngine(script),
    out,
    err,
    env: {},
    signal: new AbortController().signal,
  });
  return { code, out: out.text, err: err.text };
}

describe("the command line", () => {
  it("helps on standard output", async () => {
    const cwd = temporaryFolder();
    const { code, out, err } = await faltung(["--help"], cwd);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/Commands:\n {2}train .*\n {2}val .*\n {2}predict .*\n {2}summary .*\n {2}figure /);
    for (const command of ["train", "val", "predict", "summary", "figure"]) {
      const help = await faltung([command, "--help"], cwd);
      expect([help.code, help.err]).toEqual([0, ""]);
      expect(help.out).toContain(`Usage: faltung ${command} `);
      expect(help.out).toContain("Examples:\n  # ");
    }
    expect(readdirSync(cwd)).toEqual([]);
  });

  it.each<[string[], number, RegExp]>([
    [["trian"], 2, /^error: There is no command "trian". Did you mean "train"\?/],
    [["train", "epoch=3"], 2, /^error: faltung train has no option "epoch". Did you mean "epochs"\?/],
    [["train", "model=smal"], 2, /^error: model=smal: there is no such network. Did you mean "small"\?/],
    [["train", "data=nowhere"], 1, /^error: data=nowhere: there is no such file or folder/],
    [
      ["train", "resume=nowhere"],
      1,
      /^error: nowhere.weights.last.state.safetensors does not exist: there is no run to resume\.$/m,
    ],
    [["train", "resume=nowhere", "epochs=9"], 2, /epochs cannot be given/],
    [["train", "resume=a/b/weights/last.safetensors"], 2, /give the folder of the run: resume=a.b$/m],
    [["train", "cfg=nowhere.yaml"], 1, /^error: cfg=nowhere.yaml cannot be read: there is no such file/],
    [["val"], 1, /^error: There is no trained network in runs\/ here\. Train one with: faltung train/],
    [["predict"], 2, /^error: faltung predict needs source=/],
    [
      ["predict", "source=a.png", "model=b.safetensors"],
      1,
      /^error: b.safetensors cannot be read: there is no such file/,
    ],
    [["summary", "model=resnet18", "imgsz=8"], 1, /takes pictures from 32×32 on; these are 8×8/],
    [["figure"], 2, /^error: Name the figure first/],
    [["figure", "conv"], 1, /Did you mean "?conv2d/],
  ])("%s ends with %i and one sentence, no stack trace", async (words, code, message) => {
    const ended = await faltung(words, temporaryFolder());
    expect(ended.err).toMatch(message);
    expect([ended.code, ended.out]).toEqual([code, ""]);
    expect(ended.err).not.toContain("    at ");
  });
});

describe("a run", () => {
  it("prints what it does, a line an epoch, and leaves a folder with everything", async () => {
    const cwd = temporaryFolder();
    const { code, out, err } = await faltung(["train", ...onPictures(), "epochs=3", "--batch", "4", "val=0.3"], cwd);
    expect(code).toBe(0);
    expect(err).toMatchInlineSnapshot(`
      "epoch 1/3  loss 0.7076  acc 50.00%  val loss 0.5000  val acc 66.67%  1.5 s  1,000 img/s
      epoch 2/3  loss 0.2986  acc 50.00%  val loss 0.2500  val acc 83.33%  1.5 s  1,000 img/s
      epoch 3/3  loss 0.2490  acc 50.00%  val loss 0.1250  val acc 100.00%  1.5 s  1,000 img/s
      "
    `);
    expect(out.replaceAll(/\d+\.\d s\b/g, "… s")).toMatchInlineSnapshot(`
      "Run folder: runs/train
      Data: pictures: 14 + 6 pictures of 16×16, RGB, 2 classes
      Validation: 30% of the training pictures, by seed 0

      Model: lenet5: 21,006 parameters, 171,528 multiply-adds for one 16×16 picture

      layer  type        output  parameters     MACs   sees
      0      Conv2d     6×16×16         456  115,200    5×5
      1      ReLU       6×16×16                         5×5
      2      MaxPool2d    6×8×8                         6×6
      3      Conv2d      16×4×4       2,416   38,400  14×14
      4      ReLU        16×4×4                       14×14
      5      MaxPool2d   16×2×2                       16×16
      6      Flatten         64                         all
      7      Linear         120       7,800    7,680    all
      8      ReLU           120                         all
      9      Linear          84      10,164   10,080    all
      10     ReLU            84                         all
      11     Linear           2         170      168    all

      Training: 3 epochs, batch 4, SGD with lr 0.05, onecycle, mirrored, seed 0
      Machine: 2 threads, arena 1.0 MB

               blue  red   recall
        blue      3    ·   100.0%
         red      ·    3   100.0%

      top-1 100.00%, 0.010 ms/image (epoch 3 of 3)
      Trained in … s. Run folder: runs/train
        runs/train/weights/best.safetensors  weights of the best epoch
        runs/train/results.svg               curves
        runs/train/confusion_matrix.svg      confusion matrix

      Next:
        npx faltung predict model=runs/train/weights/best.safetensors source=runs/train/examples   # or your own picture
        npx faltung figure filters model=runs/train/weights/best.safetensors -o filters.svg
        npx faltung train data=path/to/folder   # one sub-folder a class
      "
    `);
    const run = join(cwd, "runs", "train");
    expect(readdirSync(run).sort()).toEqual([
      "args.yaml",
      "confusion_matrix.svg",
      "examples",
      "results.csv",
      "results.svg",
      "weights",
    ]);
    expect(readdirSync(join(run, "weights")).sort()).toEqual([
      "best.safetensors",
      "last.safetensors",
      "last.state.previous.safetensors",
      "last.state.safetensors",
    ]);
    expect(parseYaml(readFileSync(join(run, "args.yaml"), "utf8"))).toMatchObject({
      data: pictures,
      epochs: 3,
      batch: 4,
      optimizer: "SGD",
      lr0: "auto",
      momentum: "auto",
    });
    expect(readFileSync(join(run, "results.csv"), "utf8")).toMatchInlineSnapshot(`
      "epoch,time,train/loss,train/accuracy,val/loss,metrics/accuracy_top1,metrics/accuracy_top5,lr
      1,1.5,0.707607,0.5,0.5,0.666667,1,0.1
      2,1.5,0.298556,0.5,0.25,0.833333,1,0.1
      3,1.5,0.249023,0.5,0.125,1,1,0.1
      "
    `);
    const { metadata, tensors } = readSafetensors(readFileSync(join(run, "weights", "best.safetensors")));
    expect(JSON.parse(metadata.get("faltung.classes") ?? "")).toEqual(["blue", "red"]);
    expect(tensors.has("11.weight")).toBe(true);
  });

  it("takes the next free name, or the one that is there if told so", async () => {
    const cwd = temporaryFolder();
    const words = ["train", ...onPictures(), "epochs=1"];
    for (let i = 0; i < 2; i++) await faltung(words, cwd);
    const both = await Promise.all([faltung(words, cwd), faltung(words, cwd)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(readdirSync(join(cwd, "runs")).sort()).toEqual(["train", "train2", "train3", "train4"]);
    await faltung([...words, "exist_ok=true", "name=train2", "seed=5"], cwd);
    expect(parseYaml(readFileSync(join(cwd, "runs/train2/args.yaml"), "utf8"))).toMatchObject({ seed: 5 });
    expect(readdirSync(join(cwd, "runs")).length).toBe(4);
  });

  it("can be repeated from its args.yaml, the command line going first", async () => {
    const cwd = temporaryFolder();
    await faltung(["train", ...onPictures(), "epochs=1", "lr0=0.02", "name=a"], cwd);
    const { code } = await faltung(["train", "cfg=runs/a/args.yaml", "epochs=2", "name=b"], cwd);
    expect(code).toBe(0);
    expect(parseYaml(readFileSync(join(cwd, "runs/b/args.yaml"), "utf8"))).toMatchObject({
      epochs: 2,
      lr0: 0.02,
      data: pictures,
    });
    writeFileSync(join(cwd, "bad.yaml"), "epoch: 3\n");
    expect((await faltung(["train", "cfg=bad.yaml"], cwd)).err).toContain('no option "epoch". Did you mean "epochs"?');
    writeFileSync(join(cwd, "bad.yaml"), "epochs: -3\n");
    expect((await faltung(["train", "cfg=bad.yaml"], cwd)).err).toContain("epochs=-3: expected a whole number ≥ 1");
    writeFileSync(join(cwd, "bad.yaml"), "- a\n- b\n");
    expect((await faltung(["train", "cfg=bad.yaml"], cwd)).err).toContain("expected lines such as");
  });

  it("speaks JSON to programs", async () => {
    const cwd = temporaryFolder();
    const { code, out } = await faltung(["train", ...onPictures(), "epochs=2", "batch=8", "--json"], cwd);
    expect(code).toBe(0);
    const events = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string });
    expect(events.map(({ event }) => event)).toEqual([
      "start",
      "step",
      "step",
      "epoch",
      "step",
      "step",
      "epoch",
      "end",
    ]);
    expect(events.at(-1)).toMatchObject({ stopped: "finished", folder: "runs/train", epochs: 2, best: { epoch: 1 } });
  });

  it("stops where nothing gets better", async () => {
    const cwd = temporaryFolder();
    const { out } = await faltung(["train", ...onPictures(), "epochs=40", "patience=2"], cwd);
    expect(out).toContain("no better epoch for a while: patience");
    expect(readFileSync(join(cwd, "runs/train/results.csv"), "utf8").split("\n").length).toBeLessThan(40);
  });

  it("that meets a loss that is no number says so, and keeps the last good checkpoint", async () => {
    const cwd = temporaryFolder();
    const { code, err } = await faltung(["train", ...onPictures(), "epochs=3", "batch=4"], cwd, { nanStep: 6 });
    expect(code).toBe(1);
    expect(err).toMatch(
      /error: fit: the loss is NaN at epoch 2, step 2 of 4\.\nEpoch 1 is kept in runs.train.weights.last.safetensors\. Try a smaller lr0=/,
    );
    expect(err).not.toContain("    at ");
    expect((await faltung(["val"], cwd)).code).toBe(0);
    const first = await faltung(["train", ...onPictures(), "epochs=3", "batch=4"], cwd, { nanStep: 1 });
    expect(first.err).toContain("No epoch was finished. Try a smaller lr0=");
  });

  it("refuses options that the pictures leave no room for, before it makes a folder", async () => {
    const cwd = temporaryFolder();
    const { code, err } = await faltung(["train", ...onPictures(), "shift=16"], cwd);
    expect([code, err]).toEqual([1, "error: shift=16: nothing would be left of pictures of 16×16.\n"]);
    for (const part of ["train", "val"]) cpSync(pictures, join(cwd, "parts", part), { recursive: true });
    const words = ["train", "data=parts", "model=lenet5", "epochs=1"];
    expect((await faltung([...words, "val=0.2"], cwd)).err).toBe(
      "error: val=0.2: data=parts has a validation part of its own; leave val= away.\n",
    );
    expect(readdirSync(cwd)).toEqual(["parts"]);
    expect((await faltung(words, cwd)).code).toBe(0);
    expect((await faltung(["val", "split=test"], cwd)).err).toBe("error: split=test: data=parts has no test part.\n");
  });

  it("lets one process at a time into a run folder, and takes over from one that is gone", async () => {
    const cwd = temporaryFolder();
    const words = ["train", ...onPictures(), "epochs=1", "exist_ok=true"];
    await faltung(words, cwd);
    const lock = join(cwd, "runs/train/lock");
    expect(existsSync(lock)).toBe(false);
    writeFileSync(lock, `${process.ppid} ${hostname()}\n`);
    for (const again of [words, ["train", "resume=runs/train"]]) {
      const { code, err } = await faltung(again, cwd);
      expect([code, err]).toEqual([
        1,
        `error: runs/train is in use: process ${process.ppid} trains there. Wait for it, or choose another name=. ` +
          "If it is gone, remove runs/train/lock.\n",
      ]);
    }
    writeFileSync(lock, "7 another-machine\n");
    expect((await faltung(words, cwd)).err).toContain("process 7 on another-machine trains there");
    const gone = spawnSync(process.execPath, ["--version"]).pid;
    for (const left of [`${gone} ${hostname()}\n`, `${process.pid} ${hostname()}\n`, ""]) {
      writeFileSync(lock, left);
      expect((await faltung(words, cwd)).code).toBe(0);
      expect(existsSync(lock)).toBe(false);
    }
  });
});

describe("places that cannot be written", () => {
  it("are named", async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "runs"), "");
    const { code, err } = await faltung(["train", ...onPictures()], cwd);
    expect([code, err]).toEqual([1, "error: The folder runs cannot be made: it exists already.\n"]);
  });
});

describe("using a model", () => {
  let home: string;
  beforeAll(async () => {
    home = temporaryFolder();
    await faltung(["train", ...onPictures(), "epochs=2"], home);
    cpSync(pictures, join(home, "pictures"), { recursive: true });
    writeFileSync(join(home, "pictures", "red", "[odd] name.png"), await paint(RED, 30, 40));
    writeFileSync(join(home, "pictures", "notes.txt"), "");
  });

  it("predicts a file, a folder, a pattern", async () => {
    const one = await faltung(["predict", "source=pictures/red/0.png"], home);
    expect([one.code, one.out]).toEqual([0, "pictures/red/0.png: red 90.0%, blue 10.0%\n"]);
    const odd = await faltung(["predict", "source=pictures/red/[odd] name.png", "top=1"], home);
    expect(odd.out).toBe("pictures/red/[odd] name.png: red 90.0%\n");
    const folder = await faltung(["predict", "source=pictures"], home);
    expect(folder.out.trimEnd().split("\n").length).toBe(21);
    symlinkSync("..", join(home, "pictures/blue/around"));
    expect((await faltung(["predict", "source=pictures"], home)).out).toBe(folder.out);
    const pattern = await faltung(["predict", "source=pictures/blue/*.png", "--json"], home);
    const rows = pattern.out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { path: string; predictions: unknown });
    expect(rows.length).toBe(10);
    expect(rows[0]).toEqual({
      path: "pictures/blue/0.png",
      predictions: [
        { class: "blue", probability: expect.closeTo(0.9) },
        { class: "red", probability: expect.closeTo(0.1) },
      ],
    });
  });

  it("has pictures to try it on", async () => {
    expect(readdirSync(join(home, "runs/train/examples"))).toEqual(["0-blue.png", "1-red.png"]);
    const { out } = await faltung(["predict", "source=runs/train/examples", "top=1"], home);
    expect(out).toBe("runs/train/examples/0-blue.png: blue 90.0%\nruns/train/examples/1-red.png: red 90.0%\n");
  });

  it("names pictures that it cannot read", async () => {
    mkdirSync(join(home, "mixed"), { recursive: true });
    writeFileSync(join(home, "mixed", "bad.png"), "no");
    writeFileSync(join(home, "mixed", "good.png"), await paint(BLUE, 9, 9));
    const { code, out, err } = await faltung(["predict", "source=mixed"], home);
    expect(out).toBe("mixed/good.png: blue 90.0%, red 10.0%\n");
    expect(err).toContain("mixed/bad.png: it is not a picture in a known format");
    expect([code, err.includes("1 of 2 pictures could not be read")]).toEqual([1, true]);
    expect((await faltung(["predict", "source=mixed", "skip_bad=true"], home)).code).toBe(0);
    expect((await faltung(["predict", "source=nothing*.png"], home)).err).toContain("no picture matches");
    expect((await faltung(["predict", "source=nothing.png"], home)).err).toContain("there is no such file or folder");
  });

  it("judges, on its own data or other", async () => {
    const { code, out } = await faltung(["val"], home);
    expect(code).toBe(0);
    expect(out).toContain("20% of the training pictures, by seed 0: 4 pictures");
    expect(out).toMatch(/class {2}precision {3}recall {7}F1 {2}pictures\nblue /);
    const json = await faltung(["val", "json=true", "split=train"], home);
    expect(JSON.parse(json.out)).toMatchObject({ event: "val", pictures: 16, classes: ["blue", "red"] });
    mkdirSync(join(home, "other", "green"), { recursive: true });
    mkdirSync(join(home, "other", "red"), { recursive: true });
    for (const name of ["green", "red"]) cpSync(join(pictures, "red/0.png"), join(home, "other", name, "0.png"));
    expect((await faltung(["val", "data=other"], home)).err).toContain(
      "the model does not know the class green; it knows blue, red",
    );
    expect((await faltung(["val", "data=/usr/share/datasets/fashion-mnist"], home)).code).toBe(1);
  });

  it("summarises and draws it", async () => {
    const { out } = await faltung(["summary", "model=runs/train/weights/best.safetensors"], home);
    expect(out).toMatch(/^runs\/train\/weights\/best.safetensors: 21,\d{3} parameters, .* for one 16×16 picture\n/);
    expect(out).toContain("Classes: blue, red");
    for (const words of [["filters"], ["architecture"], ["filters", "layer=3"]]) {
      expect(
        (await faltung(["figure", ...words, "model=runs/train/weights/best.safetensors", "-o", "a.svg"], home)).code,
      ).toBe(0);
      expect(statSync(join(home, "a.svg")).size).toBeGreaterThan(1000);
    }
  });

  it("draws a network by name, with every parameter counted", async () => {
    expect((await faltung(["figure", "architecture", "model=resnet20", "-o", "a.svg"], home)).code).toBe(0);
    expect(readFileSync(join(home, "a.svg"), "utf8")).toContain("<title>Architecture: 272,474 parameters</title>");
  });

  it("goes on from it with more classes, keeping the body", async () => {
    const three = join(home, "three");
    cpSync(pictures, three, { recursive: true });
    mkdirSync(join(three, "green"));
    for (let i = 0; i < 4; i++) writeFileSync(join(three, "green", `${i}.png`), await paint([0, 200, 0], 16, 16));
    const { code, err } = await faltung(
      ["train", "model=runs/train/weights/best.safetensors", "data=three", "epochs=1", "name=more"],
      home,
    );
    expect(code).toBe(0);
    expect(err).toContain("The network knew 2 classes, the pictures have 3: its last layer begins anew");
    const weight = (name: string, key: string): Uint8Array | undefined =>
      readSafetensors(readFileSync(join(home, "runs", name, "weights/last.safetensors"))).tensors.get(key)?.bytes;
    expect(weight("more", "9.weight")).toEqual(weight("train", "9.weight"));
    expect(weight("more", "11.weight")?.length).toBe(3 * 84 * 4);
  });
});
