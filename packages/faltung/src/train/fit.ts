/**
 * The training loop. A run is an async iterable: it hands out an event a step and an event an epoch, and goes on when
 * the next is asked for. All numbers are made inside one compiled program; this file only feeds it.
 */
import { type CompileOptions, compile } from "../compile/compile.ts";
import type { Entries } from "../compile/program.ts";
import { randomSource } from "../compile/trace.ts";
import { CrossEntropyLoss, type Loss, type Module } from "../nn/index.ts";
import { SGD } from "../optim/sgd.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { type Schedule, constantRate } from "../optim/schedule.ts";
import { DataError, NumericError, OptionError, ShapeError, checkWhole } from "../tensor/errors.ts";
import { show } from "../tensor/shape.ts";
import type { Augmentation } from "./augment.ts";
import { batches, stepsPerEpoch } from "./batches.ts";
import { type ChannelStatistics, type Dataset, channelStatistics } from "./dataset.ts";
import { type Evaluation, judgeAll } from "./evaluate.ts";
import { type Progress, START, type TrainingState, readStates, restore, runStates } from "./state.ts";
import { type Clip, evaluationEntry, trainingEntry } from "./step.ts";

export interface FitOptions extends CompileOptions {
  readonly train: Dataset;
  /** Judged after every epoch; absent: no evaluation. */
  readonly validation?: Dataset;
  /** How often all pictures are seen (5). */
  readonly epochs?: number;
  /** Pictures a step (64). A last, smaller batch is trained on too, unless it is a single picture. */
  readonly batch?: number;
  /** SGD with lr 0.05 and momentum 0.9 unless given; made from the model's own parameters. */
  readonly optimizer?: Optimizer;
  /** The base rate throughout, unless given. */
  readonly schedule?: Schedule;
  /** Cross-entropy unless given. */
  readonly loss?: Loss;
  readonly clip?: Clip;
  readonly augment?: Augmentation;
  /** Mean and deviation of the channels; computed from `train` unless given. */
  readonly statistics?: ChannelStatistics;
  /** Fixes order, augmentation and dropout (0). The weights were drawn when the model was made: see manualSeed. */
  readonly seed?: number;
  /** Stops the run between two steps; the iteration ends without an error, and `state()` can still be asked. */
  readonly signal?: AbortSignal;
  /** Goes on from here, bit for bit as if never interrupted. */
  readonly resume?: TrainingState;
}

export interface StepEvent {
  readonly kind: "step";
  /** From 0. */
  readonly epoch: number;
  /** From 0, within the epoch, and how many there are. */
  readonly step: number;
  readonly steps: number;
  /** Of this batch, before the update. */
  readonly loss: number;
  /** Means over the epoch so far. */
  readonly meanLoss: number;
  readonly accuracy: number;
  readonly lr: number;
  /** Since the epoch (or the resumed part of it) began. */
  readonly imagesPerSecond: number;
}

export interface EpochEvent {
  readonly kind: "epoch";
  readonly epoch: number;
  readonly epochs: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly lr: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  readonly validation?: Evaluation;
}

export type FitEvent = StepEvent | EpochEvent;

/** A run under way. Iterate it once; afterwards the model holds the trained weights. */
export interface Fit extends AsyncIterable<FitEvent> {
  /** Everything needed to go on from the last finished step. Also copies the weights into the model. */
  state(): TrainingState;
  /** Mean and deviation of the channels, which predictions need too. */
  readonly statistics: ChannelStatistics;
  /** Arena bytes of the program by use. */
  readonly memory: Readonly<Record<string, number>>;
  readonly threads: number;
}

/**
 * Prepares a run: traces, differentiates and compiles the model's training step and its evaluation.
 *
 * @throws DataError, ShapeError or OptionError before the first step if data, model and options do not fit together;
 *   NumericError from the iteration, naming the step, when the loss is not a finite number.
 *
 * @example
 * ```ts
 * const data = arrayDataset({ images: new Uint8Array(8 * 64), labels: [0, 1, 0, 1, 0, 1, 0, 1], shape: [1, 8, 8] });
 * const model = small(1, 2, 4);
 * for await (const event of await fit(model, { train: data, epochs: 1, batch: 4, seed: 1 })) {
 *   if (event.kind === "epoch") event.accuracy; // share of the pictures that were right
 * }
 * ```
 */
export async function fit(model: Module, options: FitOptions): Promise<Fit> {
  const { train, validation, epochs = 5, seed = 0, signal } = options;
  const batch = options.batch ?? 64;
  checkWhole("fit: epochs", epochs);
  checkWhole("fit: batch", batch);
  if (train.size === 0) throw new DataError("fit: the training set has no pictures.");
  if (validation !== undefined && validation.shape.join() !== train.shape.join()) {
    throw new ShapeError(
      `fit: pictures for training are ${show(train.shape)}, those for validation ${show(validation.shape)}; they must be equal.`,
    );
  }
  const statistics = options.statistics ?? (await channelStatistics(train));
  const optimizer = options.optimizer ?? new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const own = new Set(model.parameters());
  if (!optimizer.parameters.some((p) => own.has(p))) {
    throw new OptionError(
      `fit: none of the optimizer's ${optimizer.parameters.length} parameters is one of the model's ${own.size}; make it from model.parameters().`,
    );
  }
  const schedule = options.schedule ?? constantRate();
  const size = Math.min(batch, train.size);
  // A last batch of one picture has no batch statistics to normalise by: it is left out.
  const tail = train.size % size === 1 && size > 1 ? 0 : train.size % size;
  const steps = stepsPerEpoch(train.size, size, tail === 0);
  const judged = Math.max(1, Math.min(256, validation?.size ?? 1));

  const common = { picture: train.shape, statistics, loss: options.loss ?? new CrossEntropyLoss(), optimizer };
  const random = randomSource(seed);
  const entries: Entries = {
    train: trainingEntry(model, { ...common, batch: size, clip: options.clip }),
    ...(tail === 0 ? {} : { tail: trainingEntry(model, { ...common, batch: tail, clip: options.clip }) }),
    ...(validation === undefined ? {} : { evaluate: evaluationEntry(model, { ...common, batch: judged }) }),
  };
  // A resumed run computes as it did: what it chose, or the cost models where nothing was tried out.
  const { resume } = options;
  const tuned = resume === undefined ? {} : { tune: undefined, choices: resume.choices };
  const program = await compile(entries, { ...options, ...tuned, random });
  const states = runStates(model, optimizer, random);
  const recipe = {
    optimizer: optimizer.name,
    schedule: schedule.name,
    batch: size,
    pictures: train.size,
    epochs,
    seed,
  };
  let progress: Progress = START;
  if (resume !== undefined) {
    restore(resume, program, states, schedule, recipe);
    progress = resume.progress;
  }

  /** Feeds one batch to its entry; returns loss and number of right answers. */
  function runStep(
    count: number,
    images: Uint8Array,
    labels: Int32Array,
    scalars: readonly number[],
  ): [number, number] {
    const entry = count === size ? "train" : "tail";
    const pictures = program.input(entry, "images");
    pictures.set(images.subarray(0, pictures.length));
    program.input(entry, "labels").set(labels.subarray(0, count));
    scalars.forEach((value, i) => (program.input(entry, `scalar${i}`)[0] = value));
    program.step(entry);
    return [program.output(entry, "loss")[0], program.output(entry, "correct")[0]];
  }

  async function* iterate(): AsyncGenerator<FitEvent, void, undefined> {
    try {
      while (progress.epoch < epochs && !signal?.aborted) yield* epoch(progress.epoch);
    } finally {
      publish();
      program.close();
    }
  }

  async function* epoch(number: number): AsyncGenerator<FitEvent, void, undefined> {
    const started = performance.now();
    const before = progress.seen;
    let lr = optimizer.lr;
    const rate = (): number => (progress.seen - before) / ((performance.now() - started) / 1000);
    const given = batches(train, {
      batch: size,
      shuffle: true,
      seed,
      epoch: number,
      from: progress.step,
      dropLast: tail === 0,
      augment: options.augment,
    });
    for await (const { step, count, images, labels } of given) {
      if (signal?.aborted) return;
      const settings = schedule.at(progress.totalSteps, number, optimizer.lr);
      lr = settings.lr;
      const [loss, correct] = runStep(count, images, labels, optimizer.scalarsAt(progress.totalSteps + 1, settings));
      if (!Number.isFinite(loss)) {
        throw new NumericError(
          `fit: the loss is ${loss} at epoch ${number + 1}, step ${step + 1} of ${steps} ` +
            `(learning rate ${Number(lr.toPrecision(4))}). A lower learning rate, or clip: { norm: 1 }, usually mends it; look for pictures that are all one value, too.`,
        );
      }
      progress = {
        epoch: number,
        step: step + 1,
        totalSteps: progress.totalSteps + 1,
        lossSum: progress.lossSum + loss * count,
        correct: progress.correct + correct,
        seen: progress.seen + count,
      };
      const { lossSum, seen } = progress;
      yield {
        kind: "step",
        epoch: number,
        step,
        steps,
        loss,
        meanLoss: lossSum / seen,
        accuracy: progress.correct / seen,
        lr,
        imagesPerSecond: rate(),
      };
    }
    const imagesPerSecond = rate();
    const { lossSum, correct, seen } = progress;
    const judgement = validation === undefined ? undefined : await judgeUnlessStopped(validation);
    if (signal?.aborted) return; // resumes behind the last step, and judges then
    schedule.epochEnd?.(judgement?.loss ?? lossSum / seen);
    progress = { ...START, epoch: number + 1, totalSteps: progress.totalSteps };
    publish();
    yield {
      kind: "epoch",
      epoch: number,
      epochs,
      loss: lossSum / seen,
      accuracy: correct / seen,
      lr,
      seconds: (performance.now() - started) / 1000,
      imagesPerSecond,
      validation: judgement,
    };
  }

  async function judgeUnlessStopped(dataset: Dataset): Promise<Evaluation | undefined> {
    try {
      return await judgeAll(program, judged, dataset, signal);
    } catch (error) {
      if (signal?.aborted) return undefined;
      throw error;
    }
  }

  /** The weights, from the arena into the model. */
  function publish(): void {
    for (const [, s] of model.namedStates()) s.attrs.initial.data.set(program.read(s).data);
  }

  return {
    [Symbol.asyncIterator]: iterate,
    state() {
      publish();
      const { choices } = program;
      return { tensors: readStates(program, states), progress, schedule: { ...schedule.memory }, choices, recipe };
    },
    statistics,
    memory: { ...program.memory },
    threads: program.threads,
  };
}
