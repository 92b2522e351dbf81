/**
 * Training by PyTorch as a run like any other: the same events, the same state to resume from. So progress, run folder,
 * curves and checkpoints are the business of those who do them for our own engine, and either engine goes on where the
 * other stopped.
 */
import {
  type EpochEvent,
  type Evaluation,
  type Fit,
  type FitEvent,
  NumericError,
  type StepEvent,
  type TrainingState,
  accuracy,
  toTensor,
} from "faltung";
import type { ModelFile } from "../checkpoint/model-file.ts";
import { readSealed } from "../checkpoint/sealed.ts";
import { UserError } from "../command/errors.ts";
import { count } from "../terminal/format.ts";
import { type Cluster, type Workers, compactError, launch, withoutMark } from "./launch.ts";
import type { Python } from "./python.ts";
import { epochCheckpoint, removeOlder, stepCheckpoint } from "./workspace.ts";

/** The lines that train.py writes; anything else on its standard output is not for us. */
export type WorkerEvent =
  | { readonly event: "begin"; readonly epoch: number; readonly step: number; readonly restart: number }
  | ({ readonly event: "step" } & StepNumbers)
  | ({ readonly event: "epoch"; readonly validation: Judged } & EpochNumbers)
  | {
      readonly event: "diverged";
      readonly epoch: number;
      readonly step: number;
      readonly steps: number;
      readonly loss: string;
      readonly lr: number;
    }
  | { readonly event: "saved" }
  | { readonly event: "stopped" }
  | { readonly event: "end" };

/** What the library tells of a step, as its Python says it. */
type StepNumbers = Omit<StepEvent, "kind">;

interface EpochNumbers {
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly lr: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
}

interface Judged {
  /** null: not a number. */
  readonly loss: number | null;
  readonly top5: number;
  readonly confusion: readonly (readonly number[])[];
  readonly seconds: number;
}

/** A line of a worker as an event; undefined for any other text. */
export function parseEvent(line: string): WorkerEvent | undefined {
  const text = withoutMark(line);
  if (!text.startsWith('{"event"')) return undefined;
  try {
    return JSON.parse(text) as WorkerEvent; // written by our own script
  } catch {
    return undefined;
  }
}

export interface TorchFitOptions {
  /** A folder that writeWorkspace has written. */
  readonly path: string;
  readonly python: Python;
  readonly cluster: Cluster;
  /** Gets the weights after every epoch. */
  readonly file: ModelFile;
  readonly epochs: number;
  readonly state: TrainingState;
  readonly signal: AbortSignal;
  /** What the user should know. */
  readonly note: (text: string) => void;
}

/** Starts nothing before the first event is asked for. */
export function torchFit(options: TorchFitOptions): Fit {
  const { path, python, cluster, file, signal, note } = options;
  const { module, preprocessing, classes } = file;
  const { mean, std } = preprocessing;
  let state = options.state;

  /** Takes a checkpoint as what `state()` gives and the module holds. */
  async function take(checkpoint: string): Promise<void> {
    state = await readState(checkpoint);
    const weights = Object.entries(state.tensors).filter(([key]) => key.startsWith("model."));
    module.loadStateDict(Object.fromEntries(weights.map(([key, tensor]) => [key.slice("model.".length), tensor])));
  }

  async function* iterate(): AsyncGenerator<FitEvent, void, undefined> {
    const workers = launch(path, python, cluster);
    const interrupt = (): void => void workers.stop().catch(() => {});
    signal.addEventListener("abort", interrupt, { once: true });
    if (signal.aborted) interrupt();
    let ended = false;
    let restarts = 0;
    try {
      for await (const line of workers.lines) {
        const event = parseEvent(line);
        switch (event?.event) {
          case undefined:
            break;
          case "begin":
            restarts = event.restart;
            if (event.restart > 0) {
              const { maxRestarts } = cluster;
              const where = `epoch ${event.epoch + 1}, step ${event.step + 1}`;
              note(`A worker was lost; all go on from ${where} (restart ${event.restart} of ${maxRestarts}).`);
            }
            break;
          case "step":
            yield { kind: "step", ...numbersOf(event) };
            break;
          case "epoch":
            if (event.epoch < state.progress.epoch) break; // told again after a restart
            await take(epochCheckpoint(path, event.epoch + 1));
            await removeOlder(path, event.epoch + 1);
            yield epochEvent(event, options.epochs, classes);
            break;
          case "diverged":
            throw new NumericError(
              `PyTorch: the loss is ${event.loss} at epoch ${event.epoch + 1}, step ${event.step + 1} of ` +
                `${event.steps} (learning rate ${event.lr}). A lower learning rate, or clip=1, usually mends it.`,
            );
          case "saved": {
            const saved = await readState(stepCheckpoint(path));
            // Where we lag behind, it may be of a later epoch, whose numbers have not been told yet.
            if (saved.progress.epoch === state.progress.epoch) state = saved;
            break;
          }
          case "stopped":
            await take(stepCheckpoint(path));
            ended = true;
            break;
          case "end":
            ended = true;
            break;
        }
      }
      if (!ended && !signal.aborted) throw await failure(workers, restarts);
    } finally {
      signal.removeEventListener("abort", interrupt);
      await workers.close();
    }
  }

  return {
    [Symbol.asyncIterator]: iterate,
    state: () => state,
    statistics: { mean, std },
    memory: {},
    threads: cluster.threads,
  };
}

function numbersOf({ epoch, step, steps, loss, meanLoss, accuracy, lr, imagesPerSecond }: StepNumbers): StepNumbers {
  return { epoch, step, steps, loss, meanLoss, accuracy, lr, imagesPerSecond };
}

function epochEvent(
  { validation, epoch, loss, accuracy, lr, seconds, imagesPerSecond }: EpochNumbers & { readonly validation: Judged },
  epochs: number,
  classes: readonly string[],
): EpochEvent {
  const judged = evaluation(validation, classes);
  return { kind: "epoch", epoch, epochs, loss, accuracy, lr, seconds, imagesPerSecond, validation: judged };
}

function evaluation({ loss, top5, confusion, seconds }: Judged, classes: readonly string[]): Evaluation {
  const matrix = { classes, counts: confusion.map((row) => Uint32Array.from(row)) };
  const pictures = confusion.flat().reduce((a, b) => a + b, 0);
  return {
    loss: loss ?? Number.NaN,
    top1: accuracy(matrix),
    top5,
    confusion: matrix,
    seconds,
    millisecondsPerImage: (seconds * 1000) / pictures,
  };
}

async function failure({ ended }: Workers, restarts: number): Promise<UserError> {
  const { code, errors } = await ended;
  const cause = compactError(errors) ?? errors.trim().split("\n").at(-1) ?? "";
  const tried = restarts > 0 ? ` after ${count(restarts, "restart")}` : "";
  return new UserError(
    `PyTorch gave up${tried}${code === null ? "" : ` (exit code ${code})`}: ${cause || "it said nothing"}\n` +
      "All that it wrote is in torch/stderr.log of the run folder; torch/ can also be run by hand, see its train.py.",
  );
}

/** A checkpoint of train.py. @throws UserError or FormatError if it cannot be read */
export async function readState(path: string): Promise<TrainingState> {
  const { metadata, tensors } = await readSealed(path);
  // Written by train.py and sealed.
  const state = JSON.parse(metadata.get("faltung.state") ?? "{}") as Omit<TrainingState, "tensors">;
  const entries = Array.from(tensors, ([name, raw]) => [name, toTensor(raw, `${path}: ${name}`)] as const);
  return { ...state, tensors: Object.fromEntries(entries) };
}
