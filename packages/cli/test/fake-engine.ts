/**
 * A training loop that computes nothing: its losses follow from seed and step, so that files, words and signals can be
 * tested in a moment.
 */
import {
  type Evaluation,
  type FitEvent,
  type FitOptions,
  type Module,
  NumericError,
  Random,
  Tensor,
  type TrainingState,
  confusionMatrix,
} from "faltung";
import type { Engine } from "../src/engine.ts";

export interface Script {
  /** Milliseconds that each step takes. Default 0. */
  readonly stepMs?: number;
  /** The step, from 1, whose loss is no number. */
  readonly nanStep?: number;
}

function judge(options: FitOptions, quality: number): Evaluation {
  const { classes, labels, size } = options.validation ?? options.train;
  const random = new Random(Math.round(quality * 1000));
  const predictions = Array.from(labels, (label) =>
    random.uniform() < quality ? label : random.below(classes.length),
  );
  const right = predictions.filter((p, i) => p === labels[i]).length;
  return {
    loss: 1 - quality,
    top1: right / size,
    top5: 1,
    confusion: confusionMatrix(classes, labels, predictions),
    seconds: 0.01,
    millisecondsPerImage: 0.01,
  };
}

export const fakeEngine = ({ stepMs = 0, nanStep = -1 }: Script = {}): Engine => ({
  async fit(model: Module, options: FitOptions) {
    const { train, epochs = 5, batch = 64, seed = 0, signal, resume } = options;
    const steps = Math.ceil(train.size / batch);
    const counter = Tensor.scalar(resume?.tensors["random.counter"]?.item() ?? 0);
    let progress = resume?.progress ?? { epoch: 0, step: 0, totalSteps: 0, lossSum: 0, correct: 0, seen: 0 };
    const [, weight] = [...model.namedStates()][0];
    if (resume !== undefined) weight.attrs.initial.data.set(resume.tensors["model.weight"].data);

    async function* iterate(): AsyncGenerator<FitEvent, void, undefined> {
      while (progress.epoch < epochs) {
        const { epoch } = progress;
        for (let step = progress.step; step < steps; step++) {
          if (signal?.aborted) return;
          if (stepMs > 0) await new Promise((resolve) => setTimeout(resolve, stepMs));
          const total = progress.totalSteps + 1;
          if (total === nanStep)
            throw new NumericError(`fit: the loss is NaN at epoch ${epoch + 1}, step ${step + 1} of ${steps}.`);
          const loss = 2 / (1 + total) + new Random(seed * 1000 + total).uniform(0, 0.1);
          weight.attrs.initial.data[0] += loss;
          counter.data[0] += 1;
          const seen = progress.seen + batch;
          progress = {
            epoch,
            step: step + 1,
            totalSteps: total,
            lossSum: progress.lossSum + loss * batch,
            correct: seen / 2,
            seen,
          };
          yield {
            kind: "step",
            epoch,
            step,
            steps,
            loss,
            meanLoss: progress.lossSum / seen,
            accuracy: 0.5,
            lr: 0.1,
            imagesPerSecond: 1000,
          };
        }
        const loss = progress.lossSum / progress.seen;
        progress = { epoch: epoch + 1, step: 0, totalSteps: progress.totalSteps, lossSum: 0, correct: 0, seen: 0 };
        yield {
          kind: "epoch",
          epoch,
          epochs,
          loss,
          accuracy: 0.5,
          lr: 0.1,
          seconds: 1.5,
          imagesPerSecond: 1000,
          validation: judge(options, Math.min(0.95, 1 - 0.5 ** (epoch + 1))),
        };
      }
    }

    return {
      [Symbol.asyncIterator]: iterate,
      state: (): TrainingState => ({
        tensors: { "model.weight": weight.attrs.initial, "random.counter": counter },
        progress,
        schedule: {},
        recipe: { batch, epochs },
      }),
      statistics: options.statistics ?? { mean: [0], std: [1] },
      memory: { total: 1e6 },
      threads: options.threads ?? 2,
    };
  },
  evaluate: async (_, dataset) => judge({ train: dataset }, 0.9),
  // The class is told by the brightness of the first pixel: a test can paint what it wants to be seen.
  predictor: async (model, { picture }) => ({
    run(images) {
      const bytes = picture.reduce((a, b) => a * b);
      const classes = [...model.namedParameters()].at(-1)?.[1].shape[0] ?? 1;
      return Float32Array.from({ length: (images.length / bytes) * classes }, (_, i) => {
        const wanted = Math.floor((images[Math.floor(i / classes) * bytes] / 256) * classes);
        return i % classes === wanted ? 0.9 : 0.1 / (classes - 1);
      });
    },
    close: () => {},
  }),
});
