/** Training, off the page: feeds `fit`, listens between steps, keeps what a reload must not lose. */
import {
  AdamW,
  type Dataset,
  type Fit,
  NumericError,
  SGD,
  type Schedule,
  arrayDataset,
  fit,
  manualSeed,
  splitDataset,
} from "faltung";
import { loadDigits } from "../data.ts";
import {
  type EpochRecord,
  type FromTrainer,
  NO_HISTORY,
  type OwnData,
  type PlainModel,
  type PlainState,
  type RunConfig,
  type RunHistory,
  type StepPoint,
  type ToTrainer,
} from "./messages.ts";
import { buildNet, parseNet } from "./net.ts";
import { plainModel, plainState, richState } from "./plain.ts";
import { KEYS, forget, keep, load } from "./store.ts";

const say = (message: FromTrainer): void => postMessage(message);

/** Milliseconds between messages about steps, looks at the weights, and savings. */
const [TELL_EVERY, LOOK_EVERY, KEEP_EVERY] = [80, 900, 5000];
/** Points of the loss curve that are kept at most; older ones are thinned out. */
const MOST_POINTS = 1500;

/** The share of one's own pictures that is kept for the test. */
const HELD_BACK = 0.2;

let lr = 0.003;
/** Steps that may still be made; Infinity: go on. */
let allowed = Infinity;
let wake = (): void => {};
/** Whether the run is kept: not if another tab keeps its own, nor once storage has been refused. */
let keeping = true;

async function keepIfMay(entries: Readonly<Record<string, unknown>>): Promise<void> {
  if (!keeping || (await keep(entries))) return;
  keeping = false;
  say({ kind: "unkept" });
}

async function dataOf(config: RunConfig, own: OwnData | undefined): Promise<{ train: Dataset; test: Dataset }> {
  if (config.data !== "own") return loadDigits(config.data);
  const kept = own ?? (await load<OwnData>(KEYS.runOwn));
  if (kept === undefined) throw new Error("there are no pictures of your own; add some first");
  const all = arrayDataset({ images: kept.images, labels: kept.labels, shape: kept.shape, classes: kept.classes });
  const { train, validation } = splitDataset(all, HELD_BACK, config.seed);
  return { train, test: validation };
}

/** The rate that the page has chosen, along half a cosine if it is to fall. */
function schedule(config: RunConfig, totalSteps: number): Schedule {
  return {
    name: "lab",
    at: (step) => ({
      lr: config.cosine ? (lr * (1 + Math.cos(Math.PI * Math.min(1, step / totalSteps)))) / 2 : lr,
    }),
  };
}

function thin(points: readonly StepPoint[]): readonly StepPoint[] {
  return points.length <= MOST_POINTS ? points : points.filter((_, i) => i % 2 === 0);
}

async function train(
  config: RunConfig,
  own: OwnData | undefined,
  resume: PlainState | undefined,
  history: RunHistory,
): Promise<void> {
  lr = config.lr;
  allowed = Infinity;
  const { train, test } = await dataOf(config, own);
  const layers = parseNet(config.net);
  if (layers === undefined) throw new Error(`"${config.net}" is no network`);
  manualSeed(config.seed);
  const model = buildNet(layers, train.shape, train.classes.length);
  const parameters = model.parameters();
  const optimizer =
    config.optimizer === "adam" ? new AdamW(parameters, { lr }) : new SGD(parameters, { lr, momentum: 0.9 });
  const run = await fit(model, {
    train,
    validation: test,
    epochs: config.epochs,
    batch: config.batch,
    optimizer,
    schedule: schedule(config, config.epochs * Math.ceil(train.size / config.batch)),
    augment: config.shift > 0 ? { shift: config.shift } : undefined,
    seed: config.seed,
    // The number of epochs may be raised later: nothing but the end of the loop depends on it.
    resume: resume && richState({ ...resume, recipe: { ...resume.recipe, epochs: config.epochs } }),
  });
  say({
    kind: "ready",
    threads: run.threads,
    memory: run.memory["total"],
    parameters: model.parameterCount,
    classes: train.classes,
    history,
  });
  let points = history.points;
  let records = history.epochs;
  let fresh: StepPoint[] = [];
  let [told, looked, kept] = [0, 0, performance.now()];
  const modelNow = (): PlainModel =>
    plainModel(model, {
      classes: train.classes,
      statistics: run.statistics,
      shape: [...train.shape],
      notes: { model: "lab", data: config.data, val: HELD_BACK, seed: config.seed, epoch: records.length },
    });
  const look = (): void => {
    run.state(); // takes the weights out of the arena
    say({ kind: "model", model: modelNow() });
    looked = performance.now();
  };
  const save = async (current: Fit): Promise<PlainState> => {
    const state = plainState(current.state());
    // With the rate as it is now: whoever goes on goes on with that.
    const now: RunConfig = { ...config, lr };
    const history: RunHistory = { points: thin([...points, ...fresh]), epochs: records };
    await keepIfMay({ [KEYS.config]: now, [KEYS.state]: state, [KEYS.history]: history });
    kept = performance.now();
    return state;
  };
  look();
  for await (const event of run) {
    if (event.kind === "step") {
      fresh.push({ at: event.epoch + (event.step + 1) / event.steps, loss: event.loss });
      allowed--;
      const now = performance.now();
      if (now - told > TELL_EVERY || allowed <= 0) {
        points = thin([...points, ...fresh]);
        say({
          kind: "progress",
          epoch: event.epoch,
          step: event.step + 1,
          steps: event.steps,
          loss: event.loss,
          meanLoss: event.meanLoss,
          accuracy: event.accuracy,
          lr: event.lr,
          imagesPerSecond: event.imagesPerSecond,
          points: fresh,
        });
        fresh = [];
        told = now;
      }
      if (now - looked > LOOK_EVERY || allowed <= 0) look();
      if (now - kept > KEEP_EVERY) await save(run);
      if (allowed <= 0) {
        await save(run);
        say({ kind: "paused" });
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } else {
      const { validation } = event;
      const record: EpochRecord = {
        epoch: event.epoch,
        loss: event.loss,
        accuracy: event.accuracy,
        valLoss: validation?.loss ?? Number.NaN,
        top1: validation?.top1 ?? Number.NaN,
        lr: event.lr,
        imagesPerSecond: event.imagesPerSecond,
        confusion: validation?.confusion.counts.map((row) => [...row]) ?? [],
      };
      points = thin([...points, ...fresh]);
      fresh = [];
      records = [...records, record];
      const state = await save(run);
      const made = modelNow();
      await keepIfMay({ [KEYS.epoch(event.epoch)]: state, [KEYS.model]: made });
      say({ kind: "epoch", record });
      say({ kind: "model", model: made });
      looked = performance.now();
    }
  }
  say({ kind: "done" });
}

async function begin(message: Extract<ToTrainer, { kind: "start" | "resume" }>): Promise<void> {
  if (message.kind === "start") {
    ({ keeping } = message);
    if (keeping) await forget("run/");
    if (message.own) await keepIfMay({ [KEYS.runOwn]: message.own });
    return train(message.config, message.own, undefined, NO_HISTORY);
  }
  const { fromEpoch } = message;
  const state = await load<PlainState>(fromEpoch === undefined ? KEYS.state : KEYS.epoch(fromEpoch));
  if (state === undefined) throw new Error("nothing is kept of that run");
  const history = (await load<RunHistory>(KEYS.history)) ?? NO_HISTORY;
  const end = fromEpoch === undefined ? Infinity : fromEpoch + 1;
  const before: RunHistory = {
    points: history.points.filter((p) => p.at <= end),
    epochs: history.epochs.filter((e) => e.epoch < end),
  };
  await train(message.config, undefined, state, before);
}

addEventListener("message", ({ data }: MessageEvent<ToTrainer>) => {
  switch (data.kind) {
    case "start":
    case "resume":
      begin(data).catch((error: unknown) =>
        say({
          kind: "error",
          message: error instanceof Error ? error.message : String(error),
          diverged: error instanceof NumericError,
        }),
      );
      break;
    case "pause":
      allowed = 0;
      break;
    case "go":
    case "step":
      allowed = data.kind === "go" ? Infinity : 1;
      wake();
      break;
    case "lr":
      lr = data.lr;
      break;
  }
});
