/** What quantisation costs a network that has learned something: on a part of MNIST. docs/performance.md has the whole. */
import { SGD, evaluateModel, fit, manualSeed, small, subset } from "faltung";
import { expect, test } from "vitest";
import { loadData } from "../data/load.ts";
import { quantizedOn } from "./quantized.ts";

test("int8 is as good as float32", async () => {
  manualSeed(3);
  const { train, validation } = await loadData({
    data: "mnist",
    imgsz: 0,
    val: 0,
    seed: 0,
    skipBad: false,
    cache: false,
  });
  const first = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  const pictures = subset(train, first(4000));
  const model = small(1, 10, 8);
  const run = await fit(model, {
    train: pictures,
    epochs: 3,
    seed: 1,
    optimizer: new SGD(model.parameters(), { lr: 0.03, momentum: 0.9 }),
  });
  for await (const event of run) expect(event.loss).toBeLessThan(20);
  const { statistics } = run;
  // All ten thousand: among few, a dozen pictures that the network is undecided about would be 0.3 points.
  const exact = await evaluateModel(model, validation, { statistics });
  expect(exact.top1).toBeGreaterThan(0.9);
  for (const bits of [7, 8] as const) {
    const q = await quantizedOn(model, pictures, statistics, { bits, threads: 0 });
    const { top1, loss } = await evaluateModel(q, validation, { statistics });
    expect(Math.abs(top1 - exact.top1)).toBeLessThanOrEqual(0.003);
    expect(loss).toBeLessThan(exact.loss + 0.02);
  }
}, 240_000);
