/** From options to what the library's training loop takes: optimiser, schedule, loss, augmentation. */
import {
  Adam,
  AdamW,
  type Augmentation,
  CrossEntropyLoss,
  type FitOptions,
  type Module,
  type Optimizer,
  RMSprop,
  SGD,
  type Schedule,
  constantRate,
  cosineRate,
  oneCycleRate,
  plateauRate,
  stepRate,
} from "faltung";
import { tune as tuner } from "faltung/tune";
import { UserError } from "../command/errors.ts";
import type { DataBundle } from "../data/bundle.ts";
import { defaultLearningRate } from "../models.ts";

export const OPTIMIZERS = ["SGD", "Adam", "AdamW", "RMSprop"] as const;
export const SCHEDULES = ["onecycle", "cosine", "step", "plateau", "constant"] as const;
export const AUTO_FLAG = ["auto", "true", "false"] as const;

/** The options that say how training goes. */
export interface Recipe {
  readonly model: string;
  readonly epochs: number;
  readonly batch: number;
  readonly lr0: number | undefined;
  readonly optimizer: (typeof OPTIMIZERS)[number];
  /** undefined: 0.9, and with onecycle moving against the rate. */
  readonly momentum: number | undefined;
  readonly weight_decay: number;
  readonly schedule: (typeof SCHEDULES)[number];
  readonly warmup_epochs: number;
  readonly label_smoothing: number;
  readonly clip: number;
  readonly shift: number | undefined;
  readonly fliplr: (typeof AUTO_FLAG)[number];
  readonly seed: number;
  readonly threads: number;
  readonly precision: "fast" | "strict";
  readonly tune: boolean;
}

/** Steps below which a network has hardly begun to learn. */
const ENOUGH_STEPS = 1500;

/** Batch size and epochs that suit the number of pictures: few pictures come in small batches, and often. */
export function scale(
  { batch, epochs }: { readonly batch: number | undefined; readonly epochs: number | undefined },
  pictures: number,
): { readonly batch: number; readonly epochs: number } {
  const size = Math.min(pictures, batch ?? (pictures >= 2000 ? 64 : pictures >= 500 ? 32 : 16));
  const steps = Math.ceil(pictures / size);
  return { batch: size, epochs: epochs ?? Math.max(5, Math.min(50, Math.ceil(ENOUGH_STEPS / steps))) };
}

/** Everything but the data, the signal and what is resumed. */
export type Setup = Pick<
  FitOptions,
  "epochs" | "batch" | "loss" | "clip" | "augment" | "seed" | "threads" | "precision" | "tune"
> &
  Required<Pick<FitOptions, "optimizer" | "schedule">>;

export function setup(recipe: Recipe, module: Module, bundle: DataBundle): Setup {
  const { epochs, batch, seed, threads, precision, tune, clip, label_smoothing } = recipe;
  const stepsPerEpoch = Math.ceil(bundle.train.size / batch);
  return {
    epochs,
    batch,
    seed,
    precision,
    tune: tune ? tuner : undefined,
    optimizer: makeOptimizer(recipe, module),
    schedule: makeSchedule(recipe, stepsPerEpoch),
    loss: new CrossEntropyLoss({ labelSmoothing: label_smoothing }),
    augment: augmentation(recipe, bundle),
    ...(clip > 0 ? { clip: { norm: clip } } : {}),
    ...(threads > 0 ? { threads } : {}),
  };
}

/** The learning rate, settled; its peak where it moves. */
export function learningRate({ lr0, model, optimizer }: Pick<Recipe, "lr0" | "model" | "optimizer">): number {
  return lr0 ?? defaultLearningRate(model, optimizer);
}

/** The momentum, settled, where it does not move. */
export function momentumOf({ momentum = 0.9 }: Pick<Recipe, "momentum">): number {
  return momentum;
}

function makeOptimizer(recipe: Recipe, module: Module): Optimizer {
  const { optimizer, weight_decay: weightDecay } = recipe;
  const lr = learningRate(recipe);
  const momentum = momentumOf(recipe);
  const parameters = module.parameters();
  switch (optimizer) {
    case "SGD":
      return new SGD(parameters, { lr, momentum, weightDecay, nesterov: momentum > 0 });
    case "Adam":
      return new Adam(parameters, { lr, weightDecay });
    case "AdamW":
      return new AdamW(parameters, { lr, weightDecay });
    case "RMSprop":
      return new RMSprop(parameters, { lr, momentum, weightDecay });
  }
}

function makeSchedule({ schedule, epochs, warmup_epochs, momentum }: Recipe, stepsPerEpoch: number): Schedule {
  const totalSteps = epochs * stepsPerEpoch;
  switch (schedule) {
    case "onecycle":
      // Momentum moves against the rate (Adam's first beta too, as in PyTorch), unless it is given.
      return oneCycleRate({ totalSteps, ...(momentum === undefined ? {} : { momentum: null }) });
    case "cosine":
      return cosineRate({ totalSteps, warmupSteps: Math.min(totalSteps, Math.round(warmup_epochs * stepsPerEpoch)) });
    case "step":
      return stepRate(Math.max(1, Math.round(epochs / 3)));
    case "plateau":
      return plateauRate({ patience: 3 });
    case "constant":
      return constantRate();
  }
}

/**
 * Mirror images where these still mean the same; where they do not (digits, letters), shifts of a fourteenth of the side
 * (2 pixels of 28). Both at once ask more of a network than it learns in the few epochs that are usual here.
 * @throws UserError if pictures would be shifted out of sight
 */
export function augmentation(recipe: Pick<Recipe, "shift" | "fliplr">, bundle: DataBundle): Augmentation {
  const { height, width } = bundle.geometry;
  const flip = recipe.fliplr === "auto" ? bundle.mirrorable : recipe.fliplr === "true";
  const side = Math.min(height, width);
  const shift = recipe.shift ?? (flip ? 0 : Math.round(side / 14));
  if (shift >= side) {
    throw new UserError(`shift=${shift}: nothing would be left of pictures of ${width}×${height}.`);
  }
  return { shift, flip };
}
