/** The training loop: it learns, repeats itself bit for bit, goes on where it was stopped, and says what is wrong. */
import { describe, expect, it } from "vitest";
import {
  AdamW,
  BatchNorm2d,
  Conv2d,
  DataError,
  type Dataset,
  Dropout,
  type EpochEvent,
  Flatten,
  type FitOptions,
  FormatError,
  Linear,
  MaxPool2d,
  type Module,
  NumericError,
  OptionError,
  ReLU,
  Random,
  SGD,
  Sequential,
  ShapeError,
  type Tensor,
  type TrainingState,
  arrayDataset,
  cosineRate,
  evaluateModel,
  fit,
  manualSeed,
  oneCycleRate,
  snapshot,
} from "../src/index.ts";
import { tune } from "../src/compile/tune.ts";

/** Bars on noise: upright ones are class 0, level ones class 1, both 2. */
function bars(count: number, seed: number): Dataset {
  const random = new Random(seed);
  const images = new Uint8Array(count * 100);
  const labels = Array.from({ length: count }, (_, i) => i % 3);
  labels.forEach((label, i) => {
    for (let p = 0; p < 100; p++) images[i * 100 + p] = random.below(60);
    const at = random.below(10);
    for (let k = 0; k < 10; k++) {
      if (label !== 1) images[i * 100 + k * 10 + at] = 255;
      if (label !== 0) images[i * 100 + at * 10 + k] = 255;
    }
  });
  return arrayDataset({ images, labels, shape: [1, 10, 10], classes: ["upright", "level", "cross"] });
}

function network(): Module {
  manualSeed(3);
  return new Sequential(
    new Conv2d(1, 8, 3, { padding: 1, bias: false }),
    new BatchNorm2d(8),
    new ReLU(),
    new MaxPool2d(2),
    new Dropout(0.2),
    new Flatten(),
    new Linear(200, 3),
  );
}

/** Everything that a run can depend on: dropout, batch-norm, augmentation, momentum, a schedule, an unfull last batch. */
function options(model: Module, threads: number): FitOptions {
  return {
    train: bars(100, 1),
    validation: bars(30, 2),
    epochs: 3,
    batch: 16,
    optimizer: new SGD(model.parameters(), { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 5e-4 }),
    schedule: oneCycleRate({ totalSteps: 21 }),
    augment: { shift: 1 },
    seed: 5,
    threads,
  };
}

async function train(
  model: Module,
  more: FitOptions,
): Promise<{ epochs: EpochEvent[]; weights: Record<string, Tensor> }> {
  const epochs: EpochEvent[] = [];
  for await (const event of await fit(model, more)) if (event.kind === "epoch") epochs.push(event);
  return { epochs, weights: snapshot(model) };
}

describe("fit", () => {
  it("learns", async () => {
    const model = network();
    const { epochs } = await train(model, { ...options(model, 2), epochs: 6, schedule: undefined });
    expect(epochs.length).toBe(6);
    expect(epochs[5].validation?.top1).toBeGreaterThan(0.8);
    expect(epochs[5].loss).toBeLessThan(epochs[0].loss);
    const { statistics } = await fit(model, { ...options(model, 1), epochs: 1 });
    const judged = await evaluateModel(model, bars(30, 2), { statistics });
    expect(judged.top1).toBe(epochs[5].validation?.top1);
  });

  it("gives the same bits again, on any number of threads", async () => {
    const runs = [];
    for (const threads of [1, 1, 2, 3]) {
      const model = network();
      runs.push((await train(model, options(model, threads))).weights);
    }
    for (const run of runs.slice(1)) expect(run).toEqual(runs[0]);
  });

  it.each([1, 6, 7, 9, 20])("goes on after step %d as if never stopped", async (stopAfter) => {
    const whole = network();
    const { weights } = await train(whole, options(whole, 1));

    const first = network();
    const abort = new AbortController();
    const run = await fit(first, { ...options(first, 1), signal: abort.signal });
    let steps = 0;
    for await (const event of run) if (event.kind === "step" && ++steps === stopAfter) abort.abort();
    expect(steps).toBe(stopAfter);
    const saved = run.state();

    const second = network();
    const resumed = await train(second, { ...options(second, 2), resume: saved });
    expect(resumed.weights).toEqual(weights);
    expect(resumed.epochs.at(-1)?.epoch).toBe(2);
  });

  it("resumes every optimiser", async () => {
    const make = (model: Module): FitOptions => ({
      ...options(model, 1),
      optimizer: new AdamW(model.parameters(), { lr: 1e-2 }),
      schedule: cosineRate({ totalSteps: 21 }),
    });
    const whole = network();
    const { weights } = await train(whole, make(whole));
    const first = network();
    const run = await fit(first, make(first));
    let saved: TrainingState | undefined;
    for await (const event of run) {
      if (event.kind === "step" && event.epoch === 1 && event.step === 3) {
        saved = run.state();
        break;
      }
    }
    const second = network();
    expect((await train(second, { ...make(second), resume: saved })).weights).toEqual(weights);
  });

  it("refuses to resume another run, naming what differs", async () => {
    const model = network();
    const run = await fit(model, { ...options(model, 1), epochs: 1 });
    for await (const event of run) if (event.kind === "step") break;
    const saved = run.state();
    const other = network();
    await expect(fit(other, { ...options(other, 1), epochs: 1, batch: 8, resume: saved })).rejects.toThrow(
      /batch 16.*8/,
    );
    await expect(fit(other, { ...options(other, 1), epochs: 1, batch: 8, resume: saved })).rejects.toThrow(FormatError);
  });

  it("stops at a loss that is no number, naming the step", async () => {
    const model = network();
    const bad = { ...options(model, 1), optimizer: new SGD(model.parameters(), { lr: 1e30 }), schedule: undefined };
    await expect(train(model, bad)).rejects.toThrow(NumericError);
    const again = network();
    const worse = { ...options(again, 1), optimizer: new SGD(again.parameters(), { lr: 1e30 }), schedule: undefined };
    await expect(train(again, worse)).rejects.toThrow(/epoch 1, step \d+ of 7.*learning rate/);
  });

  it("leaves out a last batch of one picture", async () => {
    const model = network();
    const { epochs } = await train(model, { train: bars(33, 1), epochs: 1, batch: 16, threads: 1 });
    expect(epochs.length).toBe(1);
  });

  it("says what does not fit before the first step", async () => {
    const model = network();
    const good = options(model, 1);
    await expect(fit(model, { ...good, epochs: 0 })).rejects.toThrow(OptionError);
    await expect(fit(model, { ...good, batch: 1.5 })).rejects.toThrow(OptionError);
    const stranger = new SGD(new Linear(2, 2).parameters(), { lr: 0.1 });
    await expect(fit(model, { ...good, optimizer: stranger })).rejects.toThrow(
      /none of the optimizer's 2 parameters is one of the model's \d+; make it from model\.parameters\(\)/,
    );
    const empty = arrayDataset({ images: new Uint8Array(0), labels: [], shape: [1, 10, 10], classes: ["a", "b"] });
    await expect(fit(model, { ...good, train: empty })).rejects.toThrow(DataError);
    const rgb = arrayDataset({ images: new Uint8Array(600), labels: [0, 1], shape: [3, 10, 10] });
    await expect(fit(model, { ...good, validation: rgb })).rejects.toThrow(ShapeError);
    await expect(fit(model, { ...good, train: rgb, validation: undefined })).rejects.toThrow(/3 channels/);
  });
});

it("a tuned run goes on with the algorithms that it had, bit for bit", async () => {
  const images = Uint8Array.from({ length: 16 * 64 }, (_, i) => (i * 37) % 251);
  const train = arrayDataset({ images, labels: Array.from({ length: 16 }, (_, i) => i % 2), shape: [1, 8, 8] });
  const model = () => {
    manualSeed(3);
    return new Sequential(
      new Conv2d(1, 8, 3, { padding: 1 }),
      new ReLU(),
      new Conv2d(8, 8, 3, { padding: 1 }),
      new Flatten(),
      new Linear(512, 2),
    );
  };
  const losses: number[] = [];
  const options = { train, batch: 8, epochs: 2, threads: 1, seed: 1 } as const;
  const whole = await fit(model(), { ...options, tune });
  let saved = whole.state();
  for await (const event of whole) {
    if (event.kind !== "step") continue;
    losses.push(event.loss);
    if (losses.length === 2) saved = whole.state();
  }
  expect(Object.keys(saved.choices ?? {}).length).toBeGreaterThan(0);
  const rest = await fit(model(), { ...options, tune, resume: saved });
  expect(rest.state().choices).toEqual(saved.choices);
  for await (const event of rest) if (event.kind === "step") expect(event.loss).toBe(losses[2 + event.step]);
});
