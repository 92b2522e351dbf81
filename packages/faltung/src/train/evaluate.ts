/** A trained model judged on a data set. */
import { type CompileOptions, compile } from "../compile/compile.ts";
import type { Program } from "../compile/program.ts";
import type { Module } from "../nn/index.ts";
import { DataError } from "../tensor/errors.ts";
import { batches } from "./batches.ts";
import type { ChannelStatistics, Dataset } from "./dataset.ts";
import { type ConfusionMatrix, accuracy, confusionMatrix, countTopK, topK } from "./metrics.ts";
import { type EvaluationEntry, evaluationEntry } from "./step.ts";

/** How well a model does. Shares are 0 to 1. */
export interface Evaluation {
  /** Mean cross-entropy. */
  readonly loss: number;
  readonly top1: number;
  /** Share of pictures whose class is among the five most likely. */
  readonly top5: number;
  readonly confusion: ConfusionMatrix;
  readonly seconds: number;
  readonly millisecondsPerImage: number;
}

/** A program with an entry `evaluate`, as far as judging needs it. */
type Judge = Pick<Program<{ evaluate: EvaluationEntry }>, "input" | "output" | "step">;

/** Runs all pictures through the program's `evaluate`. Unfull batches are filled with pictures that do not count. */
export async function judgeAll(
  program: Judge,
  batch: number,
  dataset: Dataset,
  signal?: AbortSignal,
): Promise<Evaluation> {
  if (dataset.size === 0) throw new DataError("evaluate: the data set has no pictures.");
  const started = performance.now();
  const predictions = new Int32Array(dataset.size);
  const classes = dataset.classes.length;
  let loss = 0;
  let inTop5 = 0;
  for await (const { count, images, labels, indices } of batches(dataset, { batch })) {
    signal?.throwIfAborted();
    program.input("evaluate", "images").set(images);
    program.input("evaluate", "labels").set(labels);
    program.step("evaluate");
    loss += program.output("evaluate", "loss")[0];
    const logits = program.output("evaluate", "logits").subarray(0, count * classes);
    inTop5 += countTopK(logits, labels, count, 5);
    indices.forEach((index, i) => (predictions[index] = topK(logits.subarray(i * classes, (i + 1) * classes), 1)[0]));
  }
  const seconds = (performance.now() - started) / 1000;
  const confusion = confusionMatrix(dataset.classes, dataset.labels, predictions);
  return {
    loss: loss / dataset.size,
    top1: accuracy(confusion),
    top5: inTop5 / dataset.size,
    confusion,
    seconds,
    millisecondsPerImage: (seconds * 1000) / dataset.size,
  };
}

export interface EvaluateOptions extends CompileOptions {
  /** What the model was trained with: mean and deviation of each channel, in units of 0 to 1. */
  readonly statistics: ChannelStatistics;
  /** Pictures at a time (256). */
  readonly batch?: number;
  readonly signal?: AbortSignal;
}

/**
 * Accuracy, loss and confusion matrix of a model on a data set, in evaluation mode.
 *
 * @throws DataError if there are no pictures; ShapeError if the model does not take them.
 *
 * @example
 * ```ts
 * const data = arrayDataset({ images: new Uint8Array(4 * 64), labels: [0, 1, 2, 1], shape: [1, 8, 8] });
 * const { top1 } = await evaluateModel(small(1, 3), data, { statistics: { mean: [0], std: [1] } });
 * ```
 */
export async function evaluateModel(model: Module, dataset: Dataset, options: EvaluateOptions): Promise<Evaluation> {
  const { statistics, signal } = options;
  const batch = Math.max(1, Math.min(options.batch ?? 256, dataset.size));
  const program = await compile(
    { evaluate: evaluationEntry(model, { batch, picture: dataset.shape, statistics }) },
    options,
  );
  try {
    return await judgeAll(program, batch, dataset, signal);
  } finally {
    program.close();
  }
}
