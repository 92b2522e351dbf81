/** What several commands do alike. */
import { type Evaluation, type Fit, type Module, summary } from "faltung";
import type { Context } from "../command/command.ts";
import { type Option, flag, text } from "../command/option.ts";
import type { DataBundle, Geometry } from "../data/bundle.ts";
import { compact, count, percent } from "../terminal/format.ts";
import { createProgress } from "../terminal/progress.ts";
import { table } from "../terminal/table.ts";

export const JSON_OPTION: Option<boolean> = flag({
  default: false,
  help: "one JSON object a line on standard output, for programs",
});

/** `model=` of commands that use a trained network. */
export const MODEL_OPTION: Option<string | undefined> = text<string | undefined>({
  default: undefined,
  shown: "(newest)",
  help: "a file written by faltung train; by default the best weights of the newest run in runs/",
});

/** A table of layers as a heading of a run: output shape, parameters, multiply-adds, receptive field. */
export function summaryLines(module: Module, { channels, height, width }: Geometry, title: string): string[] {
  const { layers, parameters, macs } = summary(module, [1, channels, height, width]);
  const rows = layers.map(({ name, type, output, parameters, macs, receptiveField }) => [
    name,
    type,
    output.slice(1).join("×"),
    parameters === 0 ? "" : compact(parameters),
    macs === 0 ? "" : compact(macs),
    receptiveField === null ? "all" : receptiveField.join("×"),
  ]);
  const head = ["layer", "type", "output", "parameters", "MACs", "sees"];
  const lines = table([head, ...rows], [false, false, true, true, true, true]);
  const total = `${count(parameters, "parameter")}, ${compact(macs)} multiply-adds for one ${width}×${height} picture`;
  return [`${title}: ${total}`, "", ...lines];
}

/** Shows how decoding goes, and what it wants to say. */
export function decodingProgress({ terminal }: Context): {
  readonly onProgress: (done: number, total: number) => void;
  readonly onNote: (text: string) => void;
  readonly finish: () => void;
} {
  const progress = createProgress(terminal);
  const started = performance.now();
  return {
    onProgress: (done, total) =>
      progress.update({ title: "pictures", done, total, elapsedMs: performance.now() - started, unit: "picture" }),
    onNote: (text) => {
      progress.clear();
      terminal.note(text);
    },
    finish: () => progress.clear(),
  };
}

/** Pictures that were left out, by name. */
export function noteSkipped({ terminal }: Context, { skipped }: Pick<DataBundle, "skipped">): void {
  if (skipped.length === 0) return;
  terminal.note(terminal.paintNote.yellow(`${count(skipped.length, "picture")} left out:`));
  for (const { path, reason } of skipped.slice(0, 10)) terminal.note(`  ${path}: ${reason}`);
  if (skipped.length > 10) terminal.note(`  … and ${skipped.length - 10} more`);
  terminal.emit({ event: "skipped", pictures: skipped });
}

/** The second number of a result. With five classes or fewer, everything is among the best five: it is left out then. */
export function fiveOf({ top5, confusion }: Evaluation): string {
  return confusion.classes.length > 5 ? `, top-5 ${percent(top5)}` : "";
}

/** Threads and memory of a run. */
export function machineLine({ threads, memory }: Pick<Fit, "threads" | "memory">): string {
  return `${count(threads, "thread")}, arena ${(memory["total"] / 1e6).toFixed(1)} MB`;
}
