/** A run that can go on: the library's training state and the command's own, in one sealed file. */
import { FormatError, type TrainingState, toTensor } from "faltung";
import { UserError, codeOf } from "../command/errors.ts";
import type { Preprocessing } from "./model-file.ts";
import { previousName, readSealed, writeSealed } from "./sealed.ts";

const VERSION = "1";

/** What the command adds to the library's state. All of it is JSON. */
export interface RunRecord {
  /** Values of the options that made the run. */
  readonly options: Readonly<Record<string, unknown>>;
  /** How to build the network again: a ModuleSpec as JSON. */
  readonly architecture: string;
  readonly preprocessing: Preprocessing;
  readonly classes: readonly string[];
  /** Stands for the data: a run goes on with the same pictures only. */
  readonly fingerprint: string;
  /** A row for each finished epoch. */
  readonly history: readonly EpochRow[];
  /** Epoch (from 1) and accuracy of the best one so far. */
  readonly best?: { readonly epoch: number; readonly top1: number; readonly loss: number };
}

export interface EpochRow {
  /** From 1. */
  readonly epoch: number;
  readonly seconds: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly valLoss: number;
  readonly top1: number;
  readonly top5: number;
  readonly lr: number;
}

export interface TrainingFile {
  readonly state: TrainingState;
  readonly run: RunRecord;
}

/** Writes the state of a run as one step, and keeps the one before. @throws UserError if it cannot be written */
export async function writeTraining(path: string, { state, run }: TrainingFile): Promise<void> {
  const { tensors, ...rest } = state;
  await writeSealed(
    path,
    tensors,
    {
      "faltung.version": VERSION,
      "faltung.state": JSON.stringify(rest),
      "faltung.run": JSON.stringify(run),
    },
    { keepPrevious: true },
  );
}

/**
 * Reads the state of a run; where it is missing or damaged, the one before.
 * @param onFallback is told in words what happened then
 * @throws UserError or FormatError if neither can be read
 */
export async function readTraining(path: string, onFallback: (text: string) => void): Promise<TrainingFile> {
  try {
    return await readOne(path);
  } catch (error) {
    const previous = previousName(path);
    const file = await readOne(previous).catch(() => undefined);
    if (file === undefined || !(error instanceof Error)) throw error;
    onFallback(`${error.message} Going on from the checkpoint before it, ${previous}.`);
    return file;
  }
}

async function readOne(path: string): Promise<TrainingFile> {
  const { metadata, tensors } = await readSealed(path).catch((error: unknown): never => {
    if (error instanceof UserError && codeOf(error.cause) === "ENOENT") {
      throw new UserError(`${path} does not exist: there is no run to resume.`);
    }
    throw error;
  });
  const version = metadata.get("faltung.version");
  if (version !== VERSION) {
    throw new FormatError(
      version === undefined
        ? `${path}: it is not the state of a run.`
        : `${path}: it is of version ${version}, not ${VERSION}.`,
    );
  }
  const json = (name: string): unknown => {
    try {
      return JSON.parse(metadata.get(name) ?? "");
    } catch (cause) {
      throw new FormatError(`${path}: its ${name} cannot be read.`, { cause });
    }
  };
  // Written by writeTraining and sealed; the library checks what it needs of it against the model.
  const state = json("faltung.state") as Omit<TrainingState, "tensors">;
  const run = json("faltung.run") as RunRecord;
  return { state: { ...state, tensors: toTensors(tensors, path) }, run };
}

function toTensors(tensors: Awaited<ReturnType<typeof readSealed>>["tensors"], path: string): TrainingState["tensors"] {
  return Object.fromEntries(Array.from(tensors, ([name, raw]) => [name, toTensor(raw, `${path}: ${name}`)]));
}
