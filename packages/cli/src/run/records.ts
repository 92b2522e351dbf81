/** What a run writes for people and other programs: its options, a row of numbers an epoch, the curves. */
import { stringify } from "yaml";
import { writeAtomically } from "../checkpoint/atomic.ts";
import type { EpochRow } from "../checkpoint/training-file.ts";
import { type Series, lineCharts } from "../chart/lines.ts";
import type { RunFolder } from "./folder.ts";

/** All options with their values, in the order of --help; `cfg=args.yaml` repeats the run. */
export async function writeArgs(folder: RunFolder, values: Readonly<Record<string, unknown>>): Promise<void> {
  const known = Object.entries(values).filter(([, value]) => value !== undefined);
  await writeAtomically(folder.args, stringify(Object.fromEntries(known)));
}

const COLUMNS: readonly (readonly [name: string, value: (row: EpochRow) => number])[] = [
  ["epoch", (row) => row.epoch],
  ["time", (row) => row.seconds],
  ["train/loss", (row) => row.trainLoss],
  ["train/accuracy", (row) => row.trainAccuracy],
  ["val/loss", (row) => row.valLoss],
  ["metrics/accuracy_top1", (row) => row.top1],
  ["metrics/accuracy_top5", (row) => row.top5],
  ["lr", (row) => row.lr],
];

export function resultsCsv(history: readonly EpochRow[]): string {
  const cell = (n: number): string => String(Number(n.toPrecision(6)));
  const rows = history.map((row) => COLUMNS.map(([, value]) => cell(value(row))).join(","));
  return `${[COLUMNS.map(([name]) => name).join(","), ...rows].join("\n")}\n`;
}

/** results.csv and results.svg, from all epochs so far. */
export async function writeResults(folder: RunFolder, history: readonly EpochRow[], title: string): Promise<void> {
  await writeAtomically(folder.results, resultsCsv(history));
  await writeAtomically(folder.curves, curves(history, title));
}

/** The two charts of results.svg. */
export function curves(history: readonly EpochRow[], title: string): string {
  const series = (name: string, value: (row: EpochRow) => number): Series => ({
    name,
    points: history.map((row) => [row.epoch, value(row)]),
  });
  return lineCharts(title, [
    { title: "Loss", x: "epoch", series: [series("train", (r) => r.trainLoss), series("val", (r) => r.valLoss)] },
    {
      title: "Accuracy",
      x: "epoch",
      percent: true,
      series: [series("train", (r) => r.trainAccuracy), series("val", (r) => r.top1)],
    },
  ]);
}
