import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { DataError } from "../tensor/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { arrayDataset, channelStatistics, split, stratified, subset, tensorDataset } from "./dataset.ts";

const pictures = (labels: number[], shape = [1, 2, 2]): ReturnType<typeof arrayDataset> => {
  const bytes = shape.reduce((a, b) => a * b);
  return arrayDataset({ images: Uint8Array.from({ length: labels.length * bytes }, (_, i) => i % 256), labels, shape });
};

describe("arrayDataset", () => {
  it("gives each picture its pixels, and names the classes after the labels", () => {
    const data = pictures([0, 2, 1]);
    const into = new Uint8Array(4);
    data.read(1, into);
    expect([...into]).toEqual([4, 5, 6, 7]);
    expect(data.classes).toEqual(["0", "1", "2"]);
  });

  it("refuses lengths that do not fit and labels that are no class", () => {
    const images = new Uint8Array(8);
    expect(() => arrayDataset({ images, labels: [0], shape: [1, 2, 2] })).toThrow(
      "8 bytes of pixels were given for 1 labels; 1 pictures of [1, 2, 2] are 4 bytes",
    );
    expect(() => arrayDataset({ images, labels: [0, 2], shape: [1, 2, 2], classes: ["a", "b"] })).toThrow(
      "picture 1 has label 2, but there are 2 classes (labels 0 to 1)",
    );
    expect(() => arrayDataset({ images, labels: [0, -1], shape: [1, 2, 2] })).toThrow(DataError);
    expect(() => arrayDataset({ images, labels: [0, 1], shape: [2, 2] })).toThrow("[channels, height, width]");
  });
});

describe("tensorDataset", () => {
  const labels = Tensor.from([1, 0], "int32");

  it("takes gray pictures without a channel dimension, and pictures with channels", () => {
    expect(tensorDataset(Tensor.zeros([2, 4, 5], "uint8"), labels).shape).toEqual([1, 4, 5]);
    expect(tensorDataset(Tensor.zeros([2, 3, 4, 5], "uint8"), labels).shape).toEqual([3, 4, 5]);
  });

  it("refuses what is not pictures with labels", () => {
    const pictures = Tensor.zeros([2, 4, 5], "uint8");
    expect(() => tensorDataset(Tensor.zeros([2, 4, 5]), labels)).toThrow("float32 [2, 4, 5]; expected uint8");
    expect(() => tensorDataset(Tensor.zeros([2, 4], "uint8"), labels)).toThrow("uint8 [2, 4]; expected");
    expect(() => tensorDataset(pictures, Tensor.zeros([2]))).toThrow("float32 [2]; expected whole numbers");
    expect(() => tensorDataset(pictures, Tensor.zeros([3], "int32"), undefined, "a.idx")).toThrow(
      "a.idx: there are 2 pictures but 3 labels",
    );
    expect(() => tensorDataset(pictures, Tensor.from([0, 255], "int32"), ["a", "b"])).toThrow(
      "picture 1 has label 255",
    );
  });
});

describe("subset", () => {
  it("renumbers", () => {
    const part = subset(pictures([0, 2, 1]), [2, 0]);
    const into = new Uint8Array(4);
    part.read(0, into);
    expect([...into]).toEqual([8, 9, 10, 11]);
    expect([...part.labels]).toEqual([1, 0]);
    expect(() => subset(part, [2])).toThrow("index 2 is outside a data set of 2 pictures");
    expect(() => subset(part, [-1])).toThrow(DataError);
  });
});

describe("split", () => {
  it("puts every picture in exactly one part and keeps each class's share", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(4), { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.nat(),
        (labels, fraction, seed) => {
          const { train, validation } = stratified(Int32Array.from(labels), 5, fraction, seed);
          expect([...train, ...validation].sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
          for (let c = 0; c < 5; c++) {
            const all = labels.filter((l) => l === c).length;
            const held = validation.filter((i) => labels[i] === c).length;
            const wanted = all < 2 ? 0 : Math.min(all - 1, Math.max(1, Math.round(all * fraction)));
            expect(held).toBe(wanted);
          }
        },
      ),
    );
  });

  it("depends on the seed only", () => {
    const data = pictures(Array.from({ length: 50 }, (_, i) => i % 5));
    const labels = (seed: number): number[] => {
      const into = new Uint8Array(4);
      const { validation } = split(data, 0.2, seed);
      return Array.from({ length: validation.size }, (_, i) => (validation.read(i, into), into[0]));
    };
    expect(labels(1)).toEqual(labels(1));
    expect(labels(1)).not.toEqual(labels(2));
  });

  it("refuses a fraction that is none", () => {
    for (const fraction of [0, 1, -1, 20, Number.NaN]) {
      expect(() => split(pictures([0, 1]), fraction, 0)).toThrow(DataError);
    }
  });
});

describe("channelStatistics", () => {
  it("agrees with the textbook formulas", async () => {
    const data = arrayDataset({
      images: Uint8Array.of(0, 255, 10, 10, 255, 0, 10, 10),
      labels: [0, 1],
      shape: [2, 1, 2],
    });
    const { mean, std } = await channelStatistics(data);
    expect(mean[0]).toBeCloseTo(0.5, 12);
    expect(std[0]).toBeCloseTo(0.5, 12);
    expect(mean[1]).toBeCloseTo(10 / 255, 12);
    expect(std[1]).toBe(1); // never varies
  });

  it("agrees with two passes over many random pictures", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 12, maxLength: 120 }), async (bytes) => {
        const n = Math.floor(bytes.length / 12);
        const images = bytes.slice(0, n * 12);
        const { mean, std } = await channelStatistics(
          arrayDataset({ images, labels: new Array<number>(n).fill(0), shape: [3, 2, 2] }),
        );
        for (let c = 0; c < 3; c++) {
          const values = [...images].filter((_, i) => Math.floor(i / 4) % 3 === c).map((v) => v / 255);
          const m = values.reduce((a, b) => a + b) / values.length;
          const s = Math.sqrt(values.reduce((a, b) => a + (b - m) ** 2, 0) / values.length);
          expect(mean[c]).toBeCloseTo(m, 10);
          expect(std[c]).toBeCloseTo(s < 1e-9 ? 1 : s, 8);
        }
      }),
    );
  });

  it("says so when there is nothing", async () => {
    await expect(channelStatistics(subset(pictures([0]), []))).rejects.toThrow("no pictures");
  });
});
