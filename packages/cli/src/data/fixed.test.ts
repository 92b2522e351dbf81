import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support.ts";
import type { DataBundle, DataOptions } from "./bundle.ts";
import { loadData } from "./load.ts";

const load = (data: string, more: Partial<DataOptions> = {}): Promise<DataBundle> =>
  loadData({ data, imgsz: 0, val: 0, seed: 0, skipBad: false, cache: false, ...more });

const idx = (shape: number[], data: ArrayLike<number>): Buffer => {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head.set([0, 0, 8, shape.length]);
  shape.forEach((d, i) => head.writeUInt32BE(d, 4 + 4 * i));
  return Buffer.concat([head, Uint8Array.from(data)]);
};
const ramp = (n: number): number[] => Array.from({ length: n }, (_, i) => i % 251);

function folder(files: Readonly<Record<string, Buffer | string>>): string {
  const root = join(temporaryFolder(), "mnist-like");
  mkdirSync(root);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content);
  return root;
}

const TRAIN = {
  "train-images-idx3-ubyte": idx([4, 3, 2], ramp(24)),
  "train-labels-idx1-ubyte": idx([4], [0, 1, 0, 1]),
};
const TEST = { "t10k-images-idx3-ubyte": idx([2, 3, 2], ramp(12)), "t10k-labels-idx1-ubyte": idx([2], [1, 1]) };

describe("IDX folders", () => {
  it("are read plain, gzip, and under the other spelling", async () => {
    const zipped = Object.fromEntries(
      Object.entries({ ...TRAIN, ...TEST }).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]),
    );
    const dotted = Object.fromEntries(
      Object.entries(TRAIN).map(([name, bytes]) => [name.replace("-idx", ".idx"), bytes]),
    );
    for (const [files, test] of [
      [{ ...TRAIN, ...TEST }, true],
      [zipped, true],
      [dotted, false],
    ] as const) {
      const bundle = await load(folder(files));
      expect([bundle.geometry, bundle.train.size, bundle.validationSource]).toEqual([
        { channels: 1, height: 3, width: 2 },
        test ? 4 : 2,
        test ? "the test part" : "20% of the training pictures, by seed 0",
      ]);
      expect(bundle.classes).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    }
  });

  it("have the ten digits if they are called after MNIST, else the classes that their labels count", async () => {
    const root = folder(TRAIN);
    const other = join(root, "shapes", "raw");
    mkdirSync(other, { recursive: true });
    for (const [name, content] of Object.entries(TRAIN)) writeFileSync(join(other, name), content);
    expect((await load(root)).classes.length).toBe(10);
    expect((await load(other)).classes).toEqual(["0", "1"]);
  });

  it("keep a part of the training pictures if asked, and the test part for later", async () => {
    const bundle = await load(folder({ ...TRAIN, ...TEST }), { val: 0.5 });
    expect([bundle.train.size, bundle.validation.size, bundle.test?.size]).toEqual([2, 2, 2]);
  });

  it("know Fashion-MNIST by its labels", async () => {
    const labels = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9, 5, 5, 7, 9];
    const bundle = await load(
      folder({ "train-images-idx3-ubyte": idx([16, 2, 2], ramp(64)), "train-labels-idx1-ubyte": idx([16], labels) }),
      { val: 0.3 },
    );
    expect([bundle.classes[9], bundle.mirrorable]).toEqual(["Ankle boot", true]);
    expect(bundle.description).toMatch(/^Fashion-MNIST: /);
  });

  it.each<[string, Record<string, Buffer>, string]>([
    ["no training part", TEST, "none for training"],
    [
      "no labels",
      { "train-images-idx3-ubyte": TRAIN["train-images-idx3-ubyte"] },
      "there is train-images-idx3-ubyte, but no file of its labels",
    ],
    ["no images", { "train-labels-idx1-ubyte": TRAIN["train-labels-idx1-ubyte"] }, "but no file of its images"],
    [
      "more labels than pictures",
      { ...TRAIN, "train-labels-idx1-ubyte": idx([5], [0, 1, 0, 1, 1]) },
      "there are 4 pictures but 5 labels",
    ],
    [
      "labels and images exchanged",
      {
        "train-labels-idx1-ubyte": TRAIN["train-images-idx3-ubyte"],
        "train-images-idx3-ubyte": TRAIN["train-labels-idx1-ubyte"],
      },
      "the pictures are uint8 [4]; expected uint8 [N, H, W]",
    ],
    [
      "all labels the same",
      { ...TRAIN, "train-labels-idx1-ubyte": idx([4], [3, 3, 3, 3]) },
      "all 4 pictures have the same label",
    ],
    [
      "a test label that training lacks",
      { ...TRAIN, ...TEST, "t10k-labels-idx1-ubyte": idx([2], [1, 255]) },
      "(test part): picture 1 has label 255, but there are 10 classes",
    ],
    [
      "test pictures of another size",
      { ...TRAIN, ...TEST, "t10k-images-idx3-ubyte": idx([2, 2, 2], ramp(8)) },
      "pictures for training are 3×2, those for testing 2×2",
    ],
    [
      "a truncated file",
      { ...TRAIN, "train-images-idx3-ubyte": TRAIN["train-images-idx3-ubyte"].subarray(0, 30) },
      "train-images-idx3-ubyte: its header says [4, 3, 2], which makes 40 bytes, but it has 30: it is cut short",
    ],
    [
      "five channels",
      { ...TRAIN, "train-images-idx3-ubyte": idx([4, 5, 2, 2], ramp(80)) },
      "pictures have 5 channels; 1 (gray) or 3 (RGB) are supported",
    ],
    [
      "labels with wide gaps",
      { ...TRAIN, "train-labels-idx1-ubyte": idx([4], [0, 1, 255, 1]) },
      "labels go up to 255, but only 3 different ones occur",
    ],
    [
      "an empty file",
      { ...TRAIN, "train-images-idx3-ubyte": Buffer.alloc(0) },
      "train-images-idx3-ubyte: the file is empty",
    ],
    [
      "no pictures",
      { "train-images-idx3-ubyte": idx([0, 3, 2], []), "train-labels-idx1-ubyte": idx([0], []) },
      "train-images-idx3-ubyte holds no pictures",
    ],
    [
      "pictures without pixels",
      { ...TRAIN, "train-images-idx3-ubyte": idx([4, 0, 2], []) },
      "train-images-idx3-ubyte holds no pictures",
    ],
    [
      "two gzip members in a file",
      {
        "train-images-idx3-ubyte.gz": Buffer.concat([
          gzipSync(TRAIN["train-images-idx3-ubyte"].subarray(0, 20)),
          gzipSync(TRAIN["train-images-idx3-ubyte"].subarray(20)),
        ]),
        "train-labels-idx1-ubyte": TRAIN["train-labels-idx1-ubyte"],
      },
      "a second member",
    ],
  ])("%s is refused", async (_, files, message) => {
    await expect(load(folder(files))).rejects.toThrow(message);
  });

  it("are not resized", async () => {
    await expect(load(folder(TRAIN), { imgsz: 28 })).rejects.toThrow("are 2×3 and are not resized");
  });

  it("must fit the model that judges them", async () => {
    const root = folder(TRAIN);
    const geometry = { channels: 3, height: 3, width: 2 } as const;
    await expect(load(root, { expected: { geometry } })).rejects.toThrow(
      "pictures of 2×3 gray; the model takes 2×3 RGB",
    );
    const expected = { geometry: { ...geometry, channels: 1 } as const, classes: ["cat", "dog"] };
    await expect(load(root, { expected })).rejects.toThrow("the model knows cat, dog");
  });
});

describe("CIFAR folders", () => {
  const record = (...labels: number[]): Buffer => Buffer.concat([Buffer.from(labels), Buffer.alloc(3072, 7)]);

  it("are read with their names", async () => {
    const root = folder({
      "data_batch_1.bin": Buffer.concat([record(0), record(9)]),
      "data_batch_2.bin": Buffer.concat([record(0), record(9)]),
      "test_batch.bin": record(1),
    });
    const notes: string[] = [];
    const bundle = await load(root, { onNote: (text) => notes.push(text) });
    expect(notes.join()).toMatch(/lacks data_batch_3.bin, data_batch_4.bin, data_batch_5.bin; going on without\.$/);
    expect([bundle.train.size, bundle.validation.size, bundle.classes[9], bundle.geometry]).toEqual([
      4,
      1,
      "truck",
      { channels: 3, height: 32, width: 32 },
    ]);
    writeFileSync(join(root, "batches.meta.txt"), "a\nb\n");
    await expect(load(root)).rejects.toThrow("it has 2 names; 10 are expected");
  });

  it("as Python pickles are refused", async () => {
    const root = folder({ data_batch_1: "", "batches.meta": "" });
    await expect(load(root)).rejects.toThrow("get its binary version");
  });

  it("of CIFAR-100 have the fine labels", async () => {
    const names = Array.from({ length: 100 }, (_, i) => `fine ${i}`).join("\n");
    const root = folder({
      "train.bin": Buffer.concat([record(0, 99), record(19, 3)]),
      "test.bin": record(0, 5),
      "fine_label_names.txt": names,
    });
    const bundle = await load(root);
    expect([...bundle.train.labels, bundle.classes[99]]).toEqual([99, 3, "fine 99"]);
    writeFileSync(join(root, "train.bin"), record(0, 99).subarray(1));
    await expect(load(root)).rejects.toThrow("train.bin: it has 3073 bytes; a cifar100 batch has a multiple of 3074");
  });
});

describe("data by name", () => {
  it("is MNIST as npm ships it", async () => {
    const bundle = await load("mnist");
    expect(bundle.description).toBe("MNIST: 60,000 + 10,000 pictures of 28×28, gray, 10 classes");
    expect(bundle.mirrorable).toBe(false);
  });
});
