/** A run under way: events of the training loop become a progress line, files and, in the end, numbers. */
import { type Evaluation, type EpochEvent, type Fit, NumericError, type StepEvent } from "faltung";
import { confusionChart } from "../chart/confusion.ts";
import { writeAtomically } from "../checkpoint/atomic.ts";
import { type ModelFile, type ModelNotes, writeModel } from "../checkpoint/model-file.ts";
import { type EpochRow, type RunRecord, writeTraining } from "../checkpoint/training-file.ts";
import { UserError } from "../command/errors.ts";
import { duration, loss as showLoss, percent, thousands } from "../terminal/format.ts";
import { createProgress } from "../terminal/progress.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { widthOf } from "../terminal/width.ts";
import type { RunFolder } from "./folder.ts";
import { writeResults } from "./records.ts";

/** A long epoch is saved in between, too. */
const SAVE_EVERY_MS = 5 * 60_000;

export interface Session {
  readonly terminal: Terminal;
  readonly folder: RunFolder;
  readonly fit: Fit;
  readonly module: ModelFile["module"];
  /** What the model file says of the run. */
  readonly notes: Omit<ModelNotes, "epoch" | "top1">;
  readonly epochs: number;
  /** Epochs without a better one after which it is enough; 0: never. */
  readonly patience: number;
  /** What a resumed run has behind it. */
  readonly record: RunRecord;
}

export interface Outcome {
  readonly record: RunRecord;
  /** Of the best epoch, if it belongs to this part of the run. */
  readonly best?: Evaluation;
  readonly stopped: "finished" | "patience" | "interrupted";
}

/**
 * Runs to the end, or until Ctrl-C; whatever happens, the last finished epoch is on disk.
 * @throws UserError if the loss is no number any more, or the disk is full
 */
export async function runSession(session: Session, signal: AbortSignal): Promise<Outcome> {
  const { terminal, fit, folder, patience } = session;
  const progress = createProgress(terminal);
  let { record } = session;
  let best: Evaluation | undefined;
  let saved = performance.now();
  let epochStart = performance.now();
  let firstStep: number | undefined;
  try {
    for await (const event of fit) {
      if (event.kind === "step") {
        if (firstStep === undefined) epochStart = performance.now(); // the clock starts behind the first step
        firstStep ??= event.step;
        showStep(event, session, progress, performance.now() - epochStart, firstStep);
        if (performance.now() - saved > SAVE_EVERY_MS) {
          await saveState(session, record);
          saved = performance.now();
        }
        continue;
      }
      progress.clear();
      firstStep = undefined;
      const row = rowOf(event);
      const better = isBetter(row, record.best);
      record = {
        ...record,
        history: [...record.history, row],
        ...(better ? { best: { epoch: row.epoch, top1: row.top1, loss: row.valLoss } } : {}),
      };
      if (better) best = event.validation;
      await saveEpoch(session, record, better ? event.validation : undefined);
      showEpoch(row, event, session); // what has been announced is on disk
      saved = performance.now();
      if (patience > 0 && row.epoch - (record.best?.epoch ?? row.epoch) >= patience) {
        return { record, best, stopped: "patience" };
      }
    }
  } catch (error) {
    throw error instanceof NumericError ? diverged(error, folder, record) : error;
  } finally {
    progress.clear();
  }
  if (signal.aborted) {
    await saveModel(session, folder.last, record);
    await saveState(session, record);
    return { record, best, stopped: "interrupted" };
  }
  return { record, best, stopped: "finished" };
}

function diverged(error: NumericError, { last }: RunFolder, { history }: RunRecord): UserError {
  const kept = history.length === 0 ? "No epoch was finished." : `Epoch ${history.length} is kept in ${last}.`;
  return new UserError(`${error.message}\n${kept} Try a smaller lr0=, or clip=1.`, { cause: error });
}

function showStep(
  event: StepEvent,
  { terminal, epochs }: Session,
  progress: ReturnType<typeof createProgress>,
  elapsedMs: number,
  firstStep: number,
): void {
  progress.update({
    title: `epoch ${event.epoch + 1}/${epochs}`,
    done: event.step + 1,
    total: event.steps,
    doneBefore: firstStep + 1,
    elapsedMs,
    unit: "step",
    details: [
      `loss ${showLoss(event.meanLoss)}`,
      `acc ${percent(event.accuracy, 1)}`,
      `${thousands(event.imagesPerSecond)} img/s`,
    ],
  });
  const { epoch, step, steps, loss, accuracy, lr, imagesPerSecond } = event;
  if (step === steps - 1 || step % 50 === 0) {
    terminal.emit({ event: "step", epoch: epoch + 1, step: step + 1, steps, loss, accuracy, lr, imagesPerSecond });
  }
}

function rowOf({ epoch, seconds, loss, accuracy, lr, validation }: EpochEvent): EpochRow {
  return {
    epoch: epoch + 1,
    seconds,
    trainLoss: loss,
    trainAccuracy: accuracy,
    valLoss: validation?.loss ?? Number.NaN,
    top1: validation?.top1 ?? Number.NaN,
    top5: validation?.top5 ?? Number.NaN,
    lr,
  };
}

/** More pictures right, or as many with a lower loss. */
function isBetter(row: EpochRow, best: RunRecord["best"]): boolean {
  return best === undefined || row.top1 > best.top1 || (row.top1 === best.top1 && row.valLoss < best.loss);
}

function showEpoch(row: EpochRow, event: EpochEvent, { terminal, epochs }: Session): void {
  const cells = [
    `epoch ${String(row.epoch).padStart(String(epochs).length)}/${epochs}`,
    `loss ${showLoss(row.trainLoss)}`,
    `acc ${percent(row.trainAccuracy)}`,
    `val loss ${showLoss(row.valLoss)}`,
    `val acc ${terminal.paintNote.bold(percent(row.top1))}`,
    duration(row.seconds),
    `${thousands(event.imagesPerSecond)} img/s`,
  ];
  // In a narrow window the last are left out; a pipe gets them all.
  while (terminal.live && cells.length > 1 && widthOf(cells.join("  ")) > terminal.columns()) cells.pop();
  terminal.note(cells.join("  "));
  terminal.emit({ event: "epoch", ...row, epochs, imagesPerSecond: event.imagesPerSecond });
}

async function saveEpoch(session: Session, record: RunRecord, best: Evaluation | undefined): Promise<void> {
  const { folder } = session;
  await saveModel(session, folder.last, record);
  if (best !== undefined) {
    await saveModel(session, folder.best, record);
    await writeAtomically(folder.confusion, confusionChart(best.confusion, confusionTitle(record)));
  }
  await writeResults(folder, record.history, `${session.notes.model} on ${session.notes.data}`);
  // The state last: a run killed before it repeats the epoch and writes all of the above again, the same bits. The
  // other way round, a kill in between would leave a state that counts this epoch as the best without its weights.
  await saveState(session, record);
}

function confusionTitle({ history, best }: RunRecord): string {
  return `Confusion matrix, epoch ${history.length}: top-1 ${percent(best?.top1 ?? Number.NaN)}`;
}

function saveState({ fit, folder }: Session, record: RunRecord): Promise<void> {
  return writeTraining(folder.state, { state: fit.state(), run: record });
}

function saveModel(session: Session, path: string, record: RunRecord): Promise<void> {
  const { classes, history, preprocessing } = record;
  const last = history.at(-1);
  const done = { epoch: last?.epoch ?? 0, ...(last === undefined ? {} : { top1: last.top1 }) };
  return writeModel(path, { module: session.module, preprocessing, classes, notes: { ...session.notes, ...done } });
}
