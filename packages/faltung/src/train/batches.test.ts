import { describe, expect, it } from "vitest";
import { arrayDataset, type Dataset } from "./dataset.ts";
import { type BatchOptions, IGNORE_LABEL, batches, epochOrder, stepsPerEpoch } from "./batches.ts";
import { augmentInto } from "./augment.ts";

const data = arrayDataset({
  images: Uint8Array.from({ length: 40 }, (_, i) => i),
  labels: Array.from({ length: 10 }, (_, i) => i % 3),
  shape: [1, 2, 2],
});

async function collect(
  dataset: Dataset,
  options: BatchOptions,
): Promise<{ step: number; order: number[]; pixels: number[] }[]> {
  const seen = [];
  for await (const b of batches(dataset, options)) {
    seen.push({ step: b.step, order: [...b.indices], pixels: [...b.images] });
    for (let i = 0; i < options.batch; i++) {
      expect(b.labels[i]).toBe(i < b.count ? dataset.labels[b.indices[i]] : IGNORE_LABEL);
    }
  }
  return seen;
}

describe("batches", () => {
  it("gives every picture once, the last batch filled up with zeros", async () => {
    const seen = await collect(data, { batch: 4 });
    expect(seen.map((b) => b.order)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(seen[2].pixels).toEqual([32, 33, 34, 35, 36, 37, 38, 39, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect((await collect(data, { batch: 4, dropLast: true })).length).toBe(stepsPerEpoch(10, 4, true));
  });

  it("shuffles by seed and epoch: the same twice, another order in another epoch", async () => {
    const options = { batch: 4, shuffle: true, seed: 7, epoch: 3 };
    const once = await collect(data, options);
    expect(await collect(data, options)).toEqual(once);
    expect(once.flatMap((b) => b.order).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await collect(data, { ...options, epoch: 4 })).not.toEqual(once);
    expect(await collect(data, { ...options, seed: 8 })).not.toEqual(once);
  });

  it("goes on in the middle of an epoch with the very same batches, augmentation included", async () => {
    const options = { batch: 3, shuffle: true, seed: 2, epoch: 1, augment: { shift: 1, flip: true } };
    const whole = await collect(data, options);
    expect(await collect(data, { ...options, from: 2 })).toEqual(whole.slice(2));
  });

  it("makes the next batch while the caller waits, and not before the caller has its own", async () => {
    const reads: number[] = [];
    const slow: Dataset = {
      ...data,
      read: async (index, into) => {
        reads.push(index);
        await data.read(index, into);
      },
    };
    const iterator = batches(slow, { batch: 2 });
    await iterator.next();
    expect(reads).toEqual([0, 1]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(reads).toEqual([0, 1, 2, 3]);
    await iterator.return();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(reads).toEqual([0, 1, 2, 3]);
  });

  it("lets timers and signals have their turn while the caller keeps the thread busy", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    for await (const batch of batches(data, { batch: 1 })) {
      const until = performance.now() + 10;
      while (performance.now() < until);
      expect(batch.count).toBe(1);
    }
    clearInterval(timer);
    expect(turns).toBeGreaterThanOrEqual(2);
  });

  it("reports a picture that cannot be read where the batch is asked for", async () => {
    const broken: Dataset = {
      ...data,
      read: (i) => (i === 3 ? Promise.reject(new Error("cannot read 3")) : undefined),
    };
    const iterator = batches(broken, { batch: 2 });
    expect((await iterator.next()).done).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 10));
    await expect(iterator.next()).rejects.toThrow("cannot read 3");
  });

  it("refuses what makes no batch", async () => {
    await expect(collect(data, { batch: 0 })).rejects.toThrow("batch is 0");
    await expect(collect(data, { batch: 2.5 })).rejects.toThrow("whole number");
    await expect(collect(data, { batch: 16, dropLast: true })).rejects.toThrow(
      "10 pictures do not fill one batch of 16",
    );
    await expect(collect({ ...data, size: 0 }, { batch: 1 })).rejects.toThrow("no pictures");
  });
});

describe("epochOrder", () => {
  it("moves every picture about equally often to the front", () => {
    const counts = new Array<number>(10).fill(0);
    for (let epoch = 0; epoch < 5000; epoch++) counts[epochOrder(10, 1, epoch)[0]]++;
    for (const n of counts) expect(Math.abs(n - 500)).toBeLessThan(110); // five standard deviations
  });
});

describe("augmentInto", () => {
  const from = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);

  it("shifts within bounds, every offset occurring, and mirrors half of them", () => {
    const seen = new Map<string, number>();
    const into = new Uint8Array(9);
    for (let i = 0; i < 1800; i++) {
      augmentInto(from, into, [1, 3, 3], { shift: 1, flip: true }, 99, i);
      seen.set(into.join(), (seen.get(into.join()) ?? 0) + 1);
    }
    expect(seen.size).toBe(18); // nine offsets, mirrored or not
    expect(seen.has("1,2,3,4,5,6,7,8,9")).toBe(true);
    expect(seen.has("3,2,1,6,5,4,9,8,7")).toBe(true);
    expect(seen.has("0,0,0,0,1,2,0,4,5")).toBe(true); // down and right by one
    expect(seen.has("0,0,0,2,1,0,5,4,0")).toBe(true); // the same, mirrored
    for (const n of seen.values()) expect(Math.abs(n - 100)).toBeLessThan(50);
  });

  it("leaves a blank picture when the shift is larger than the picture", () => {
    const into = new Uint8Array(9);
    for (let i = 0; i < 50; i++) augmentInto(from, into, [1, 3, 3], { shift: 9 }, 1, i);
    expect(into.every((v) => v >= 0)).toBe(true);
  });
});
