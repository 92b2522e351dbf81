/** The folder `torch/` of a run: what PyTorch needs to train the same network on the same pictures. */
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type Dataset,
  Dropout,
  Dropout2d,
  type Module,
  type Optimizer,
  Tensor,
  type TrainingState,
  sizeOf,
} from "faltung";
import { makeFolder, writeAtomically } from "../checkpoint/atomic.ts";
import { type ModelFile, writeModel } from "../checkpoint/model-file.ts";
import { writeSealed } from "../checkpoint/sealed.ts";
import { UserError, reason } from "../command/errors.ts";
import type { DataBundle } from "../data/bundle.ts";
import { WEIGHTS, modelScript } from "../export/pytorch.ts";
import { type Recipe, augmentation, momentumOf } from "../run/setup.ts";
import { PICTURES_SCRIPT } from "./pictures.ts";
import { DISTRIBUTED_SCRIPT } from "./script.ts";

/** What the options of a run are to train.py. */
export interface TorchRecipe extends Recipe {
  readonly sync_bn: boolean;
  readonly save_every: number;
}

export interface WorkspaceOptions {
  readonly path: string;
  readonly file: ModelFile;
  readonly bundle: DataBundle;
  readonly recipe: TorchRecipe;
  readonly optimizer: Optimizer;
  readonly device: "cpu" | "cuda";
  /** Where the run begins. */
  readonly state: TrainingState;
}

export const checkpointFolder = (path: string): string => join(path, "checkpoints");
/** Asks the processes to save and end, while it exists. */
export const stopFile = (path: string): string => join(path, "stop");

/** Writes the folder anew. @throws UserError if that cannot be, or for layers that torch.nn has not */
export async function writeWorkspace(options: WorkspaceOptions): Promise<void> {
  const { path, file, bundle, state } = options;
  const script = modelScript(file); // before anything is written: it refuses what torch.nn cannot do
  const checkpoints = checkpointFolder(path);
  for (const stale of [checkpoints, stopFile(path), join(path, "log")])
    await rm(stale, { recursive: true, force: true });
  for (const folder of [checkpoints, join(path, "data")]) await makeFolder(folder);
  await writeAtomically(join(path, "model.py"), script);
  await writeAtomically(join(path, "pictures.py"), PICTURES_SCRIPT);
  await writeAtomically(join(path, "train.py"), DISTRIBUTED_SCRIPT);
  await writeAtomically(join(path, "config.json"), `${JSON.stringify(configuration(options), null, 2)}\n`);
  await writeModel(join(path, WEIGHTS), file);
  await writeState(join(checkpoints, "start.safetensors"), state);
  await writePictures(join(path, "data", "train"), bundle.train);
  await writePictures(join(path, "data", "validation"), bundle.validation);
}

function configuration({ file, bundle, recipe, optimizer, device, state }: WorkspaceOptions): Record<string, unknown> {
  const { epochs, batch, seed, schedule, weight_decay, warmup_epochs, label_smoothing, clip } = recipe;
  const { shift = 0, flip = false } = augmentation(recipe, bundle);
  // As setup() counts them: a schedule spans all batches, the last ones too.
  const steps = Math.ceil(bundle.train.size / batch);
  const total = epochs * steps;
  return {
    data: { train: bundle.train.size, validation: bundle.validation.size },
    classes: file.classes.length,
    epochs,
    batch,
    seed,
    optimizer: { name: optimizer.name, lr: optimizer.lr, momentum: momentumOf(recipe), weight_decay },
    schedule: {
      name: schedule,
      moves_momentum: recipe.momentum === undefined,
      total_steps: total,
      warmup_steps: Math.min(total, Math.round(warmup_epochs * steps)),
      step_epochs: Math.max(1, Math.round(epochs / 3)),
      patience: 3,
    },
    label_smoothing,
    clip,
    shift,
    flip,
    device,
    sync_bn: recipe.sync_bn,
    save_every: recipe.save_every,
    dropout: hasDropout(file.module),
    // In the order in which checkpoints number what the optimiser remembers.
    parameters: Array.from(file.module.namedParameters(), ([name]) => name),
    recipe: state.recipe,
  };
}

function hasDropout(module: Module): boolean {
  return Array.from(module.namedModules()).some(([, m]) => m instanceof Dropout || m instanceof Dropout2d);
}

/** A state as train.py reads and writes it. */
export function writeState(path: string, { tensors, progress, schedule, recipe }: TrainingState): Promise<void> {
  return writeSealed(path, tensors, { "faltung.state": JSON.stringify({ progress, schedule, recipe }) });
}

/** The state of a run that has not begun: as the library's own loop begins. */
export function freshState(
  module: Module,
  optimizer: Optimizer,
  about: {
    readonly schedule: string;
    readonly batch: number;
    readonly pictures: number;
    readonly epochs: number;
    readonly seed: number;
  },
): TrainingState {
  const { schedule, batch, pictures, epochs, seed } = about;
  return {
    tensors: Object.fromEntries([
      ...Object.entries(module.stateDict()).map(([key, tensor]) => [`model.${key}`, tensor]),
      ...Array.from(optimizer.states, ([key, { attrs }]) => [`optimizer.${key}`, attrs.initial]),
      ["random.counter", Tensor.scalar(seed | 0, "int32")],
    ]) as TrainingState["tensors"],
    progress: { epoch: 0, step: 0, totalSteps: 0, lossSum: 0, correct: 0, seen: 0 },
    schedule: {},
    recipe: { optimizer: optimizer.name, schedule, batch: Math.min(batch, pictures), pictures, epochs, seed },
  };
}

/** Pixels of all pictures, and their labels: bytes that PyTorch maps into memory. */
async function writePictures(stem: string, dataset: Dataset): Promise<void> {
  const bytes = sizeOf(dataset.shape);
  const together = Math.max(1, Math.floor(2 ** 20 / bytes));
  const path = `${stem}.images`;
  try {
    const file = await open(path, "w");
    try {
      for (let at = 0; at < dataset.size; at += together) {
        const count = Math.min(together, dataset.size - at);
        const block = new Uint8Array(count * bytes);
        for (let i = 0; i < count; i++) await dataset.read(at + i, block.subarray(i * bytes, (i + 1) * bytes));
        await file.writeFile(block);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new UserError(`${path} cannot be written: ${reason(error)}.`, { cause: error });
  }
  const { buffer, byteOffset, byteLength } = dataset.labels;
  await writeAtomically(`${stem}.labels`, [new Uint8Array(buffer, byteOffset, byteLength)]);
}

/** Removes checkpoints of epochs before this one: train.py leaves that to whoever reads them. */
export async function removeOlder(path: string, epoch: number): Promise<void> {
  const folder = checkpointFolder(path);
  for (const name of await readdir(folder).catch(() => [])) {
    const number = /^epoch-(\d+)\.safetensors$/.exec(name)?.[1];
    if (name === "start.safetensors" || (number !== undefined && Number(number) < epoch)) {
      await rm(join(folder, name), { force: true });
    }
  }
}

export const epochCheckpoint = (path: string, epochs: number): string =>
  join(checkpointFolder(path), `epoch-${String(epochs).padStart(5, "0")}.safetensors`);
export const stepCheckpoint = (path: string): string => join(checkpointFolder(path), "step.safetensors");
