/** The plan of an entry as a table that a person reads. */
import { type Step, estimate } from "../backend/schedule.ts";
import type { StageNote } from "./plan.ts";

export interface ExplainedJob {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly notes: readonly StageNote[];
}

/** One table for each job. A line of dashes in the last column is a barrier before the stage. */
export function explainJobs(jobs: readonly ExplainedJob[], threads: number, moduleBytes: number): string {
  const parts = jobs.map((job) => explainJob(job, threads));
  return [...parts, `module: ${count(moduleBytes)} bytes`].join("\n\n");
}

function explainJob({ name, steps, notes }: ExplainedJob, threads: number): string {
  const head = ["", "operation", "stage", "shape", "layout", "MFLOP", "KiB", "threads", "≈ µs"];
  const rows: string[][] = [];
  let barriers = 0;
  let before = "";
  let flops = 0;
  let bytes = 0;
  const converted = { count: 0, bytes: 0 };
  for (const step of steps) {
    if (step.kind === "barrier") {
      barriers++;
      before = "┄";
      continue;
    }
    const { stage, parts, thread } = step;
    const note = notes[rows.length];
    flops += stage.flops;
    bytes += stage.bytes;
    if (note.kind === "conversion") {
      converted.count++;
      converted.bytes += stage.bytes;
    }
    rows.push([
      before,
      note.task,
      stage.label,
      note.shape,
      note.layouts,
      (stage.flops / 1e6).toFixed(2),
      (stage.bytes / 1024).toFixed(1),
      parts === 1 ? `#${thread}` : `${parts}`,
      (estimate(stage) / parts / 1000).toFixed(1),
    ]);
    before = "";
  }
  const summary =
    `${rows.length} stages, ${(flops / 1e6).toFixed(2)} MFLOP, ${(bytes / 2 ** 20).toFixed(2)} MiB moved; ` +
    `${threads} ${threads === 1 ? "thread" : "threads"}, ${barriers} barriers (┄ stands before a stage that waits); ` +
    `${converted.count} layout conversions, ${(converted.bytes / 2 ** 20).toFixed(2)} MiB (layouts: plain, blocked)`;
  return `${name}: ${summary}\n${table([head, ...rows], new Set([5, 6, 7, 8]))}`;
}

function table(rows: readonly (readonly string[])[], right: ReadonlySet<number>): string {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, c) => (right.has(c) ? cell.padStart(widths[c]) : cell.padEnd(widths[c])))
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
}

function count(n: number): string {
  return n.toLocaleString("en-US");
}
