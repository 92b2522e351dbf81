/** What the page and the training worker say to each other, and what a run keeps. Plain data only. */
import type { ChannelStatistics, ModuleSpec } from "faltung";
import type { ShippedName } from "../data.ts";

/** Labelled pictures of the user's own. */
export interface OwnData {
  readonly images: Uint8Array;
  readonly labels: readonly number[];
  readonly classes: readonly string[];
  /** [C, H, W] */
  readonly shape: readonly [number, number, number];
}

export type DataChoice = ShippedName | "own";

export interface RunConfig {
  readonly data: DataChoice;
  readonly net: string;
  readonly epochs: number;
  readonly batch: number;
  readonly lr: number;
  readonly optimizer: "adam" | "sgd";
  /** The rate falls along half a cosine to zero. */
  readonly cosine: boolean;
  /** Largest random shift of a training picture, in pixels. */
  readonly shift: number;
  readonly seed: number;
}

export interface PlainTensor {
  readonly data: Float32Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
}

/** A model as it travels between page, workers and storage. */
export interface PlainModel {
  readonly spec: ModuleSpec;
  readonly tensors: Readonly<Record<string, PlainTensor>>;
  readonly classes: readonly string[];
  readonly statistics: ChannelStatistics;
  /** [C, H, W] of a picture. */
  readonly shape: readonly number[];
  /** What the command tells of a model: `model`, `data`, `val`, `seed`, `epoch`. */
  readonly notes: Readonly<Record<string, unknown>>;
}

/** A whole run at one moment: the library's TrainingState as plain data. */
export interface PlainState {
  readonly tensors: Readonly<Record<string, PlainTensor>>;
  readonly progress: {
    readonly epoch: number;
    readonly step: number;
    readonly totalSteps: number;
    readonly lossSum: number;
    readonly correct: number;
    readonly seen: number;
  };
  readonly schedule: Readonly<Record<string, number>>;
  readonly recipe: Readonly<Record<string, string | number>>;
}

export interface StepPoint {
  /** In epochs: 1.5 is half-way through the second. */
  readonly at: number;
  readonly loss: number;
}

export interface EpochRecord {
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly valLoss: number;
  readonly top1: number;
  readonly lr: number;
  readonly imagesPerSecond: number;
  readonly confusion: readonly (readonly number[])[];
}

/** What a run has seen so far; kept with it. */
export interface RunHistory {
  readonly points: readonly StepPoint[];
  readonly epochs: readonly EpochRecord[];
}

export const NO_HISTORY: RunHistory = { points: [], epochs: [] };

export type ToTrainer =
  /** `keeping`: whether the run is to outlive a reload. */
  | { readonly kind: "start"; readonly config: RunConfig; readonly own?: OwnData; readonly keeping: boolean }
  /** Goes on from what was kept: from the last moment, or from the end of an epoch. */
  | { readonly kind: "resume"; readonly config: RunConfig; readonly fromEpoch?: number }
  | { readonly kind: "pause" }
  | { readonly kind: "go" }
  | { readonly kind: "step" }
  | { readonly kind: "lr"; readonly lr: number };

export type FromTrainer =
  | {
      readonly kind: "ready";
      readonly threads: number;
      readonly memory: number;
      readonly parameters: number;
      readonly classes: readonly string[];
      readonly history: RunHistory;
    }
  | {
      readonly kind: "progress";
      readonly epoch: number;
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
      readonly meanLoss: number;
      readonly accuracy: number;
      readonly lr: number;
      readonly imagesPerSecond: number;
      /** Losses since the last message. */
      readonly points: readonly StepPoint[];
    }
  | { readonly kind: "epoch"; readonly record: EpochRecord }
  | { readonly kind: "model"; readonly model: PlainModel }
  | { readonly kind: "paused" }
  /** Storage is refused or full: from now on nothing is kept. */
  | { readonly kind: "unkept" }
  | { readonly kind: "done" }
  /** `diverged`: the loss is no number any more. */
  | { readonly kind: "error"; readonly message: string; readonly diverged: boolean };
