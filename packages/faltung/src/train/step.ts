/** The two entries of a training program: one step of learning, and the judgement of one batch. */
import { grad } from "../compile/differentiate.ts";
import type { EntrySpec } from "../compile/program.ts";
import { cast, div, eq, sub } from "../ops/elementwise/elementwise.ts";
import { crossEntropy } from "../ops/loss/loss.ts";
import { type Value, constant } from "../ops/op.ts";
import { argmax, sum } from "../ops/reduce/reduce.ts";
import type { Loss, Module } from "../nn/index.ts";
import { clipGradNorm, clipGradValue } from "../optim/clip.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Shape, TensorType } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { ChannelStatistics } from "./dataset.ts";

/** Limits gradients: every element to ±value, or their common Euclidean norm to norm. */
export type Clip = { readonly value: number } | { readonly norm: number };

/**
 * Bytes [N, C, H, W] to (x / 255 − mean) / std, per channel.
 *
 * @example
 * ```ts
 * const images = input("images", { shape: [8, 1, 28, 28], dtype: "uint8" });
 * normalise(images, { mean: [0.13], std: [0.31] }).dtype; // "float32"
 * ```
 */
export function normalise(images: Value, { mean, std }: ChannelStatistics): Value {
  const perChannel = (numbers: readonly number[]): Value =>
    constant(
      new Tensor(
        Float32Array.from(numbers, (v) => v * 255),
        [numbers.length, 1, 1],
      ),
    );
  return div(sub(cast(images, "float32"), perChannel(mean)), perChannel(std));
}

/** Input types of a batch: uint8 pictures and int32 labels. */
function batchTypes(batch: number, picture: Shape): { readonly images: TensorType; readonly labels: TensorType } {
  return {
    images: { shape: [batch, ...picture], dtype: "uint8" },
    labels: { shape: [batch], dtype: "int32" },
  };
}

/** How many of the rows have their largest logit at their label. */
function countCorrect(logits: Value, labels: Value): Value {
  return sum(cast(eq(argmax(logits, 1), labels), "float32"));
}

/** Inputs and outputs of a training step. */
export interface TrainingEntry extends EntrySpec {
  fn(inputs: Readonly<Record<string, Value>>): { readonly loss: Value; readonly correct: Value };
}

/** Inputs and outputs of an evaluation. */
export interface EvaluationEntry extends EntrySpec {
  readonly inputs: { readonly images: TensorType; readonly labels: TensorType };
  fn(inputs: Readonly<Record<string, Value>>): { readonly logits: Value; readonly loss: Value };
}

export interface StepOptions {
  readonly batch: number;
  readonly picture: Shape;
  readonly statistics: ChannelStatistics;
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  readonly clip?: Clip;
}

/**
 * One step: forward, backward, update. Inputs: images, labels, and the optimiser's scalars `scalar0`, `scalar1`, …
 * Outputs: the loss before the update, and how many pictures were right.
 */
export function trainingEntry(model: Module, options: StepOptions): TrainingEntry {
  const { batch, picture, statistics, loss, optimizer, clip } = options;
  const names = Array.from({ length: optimizer.scalarCount }, (_, i) => `scalar${i}`);
  const scalars = Object.fromEntries(
    names.map((name): [string, TensorType] => [name, { shape: [], dtype: "float32" }]),
  );
  return {
    inputs: { ...batchTypes(batch, picture), ...scalars },
    fn(inputs) {
      model.train();
      const logits = model.forward(normalise(inputs["images"], statistics));
      const value = loss.forward(logits, inputs["labels"]);
      let gradients = grad(value, optimizer.parameters);
      if (clip !== undefined) {
        gradients = "norm" in clip ? clipGradNorm(gradients, clip.norm) : clipGradValue(gradients, clip.value);
      }
      optimizer.update(
        gradients,
        names.map((name) => inputs[name]),
      );
      return { loss: value, correct: countCorrect(logits, inputs["labels"]) };
    },
  };
}

/** One batch judged: logits, and the sum of the cross-entropies (labels of −100 do not count). */
export function evaluationEntry(
  model: Module,
  options: Pick<StepOptions, "batch" | "picture" | "statistics">,
): EvaluationEntry {
  return {
    inputs: batchTypes(options.batch, options.picture),
    fn({ images, labels }) {
      model.eval();
      const logits = model.forward(normalise(images, options.statistics));
      return { logits, loss: crossEntropy(logits, labels, { reduction: "sum" }) };
    },
  };
}
