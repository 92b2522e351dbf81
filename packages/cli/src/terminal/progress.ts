/**
 * The progress line: redrawn in place on a terminal, at most twenty times a second, and silent elsewhere, where one
 * plain line an epoch says enough.
 */
import { clock } from "./format.ts";
import type { Terminal } from "./terminal.ts";
import { truncate, widthOf } from "./width.ts";

const REDRAW_MS = 50;
const BAR = 24;

export interface Progress {
  /** Shows where things are; may be called as often as one likes. */
  update(state: ProgressState): void;
  /** Removes the line, so that other text can be written. */
  clear(): void;
}

export interface ProgressState {
  /** What is being counted: "epoch 2/5". */
  readonly title: string;
  readonly done: number;
  readonly total: number;
  /** Milliseconds since counting began, for the rate and the time that remains. */
  readonly elapsedMs: number;
  /** How many were done when the clock was started; a resumed epoch begins in the middle. */
  readonly doneBefore?: number;
  /** What one of them is called in "4.1 ms/step". */
  readonly unit: string;
  /** Numbers to show behind: "loss 0.0812". The last are left out first where the window is narrow. */
  readonly details?: readonly string[];
}

export function createProgress(terminal: Terminal, now: () => number = performance.now.bind(performance)): Progress {
  let last = -Infinity;
  let shown = false;
  return {
    update(state) {
      if (!terminal.live) return;
      const time = now();
      if (time - last < REDRAW_MS && state.done < state.total) return;
      last = time;
      shown = true;
      const line = progressLine(state, terminal.columns() - 1, terminal.paintNote.cyan);
      terminal.draw(`\r${line}\u001b[K`);
    },
    clear() {
      if (shown) terminal.draw("\r\u001b[K");
      shown = false;
      last = -Infinity;
    },
  };
}

/** Exported for its test: one line of at most `columns` cells. */
export function progressLine(state: ProgressState, columns: number, paintBar: (text: string) => string): string {
  const { title, done, total, elapsedMs, unit, details = [] } = state;
  const fresh = done - (state.doneBefore ?? 0);
  const each = elapsedMs / Math.max(1, fresh);
  const digits = String(total).length;
  const parts = [
    `${String(done).padStart(digits)}/${total}`,
    fresh === 0 ? "" : `ETA ${clock((each * (total - done)) / 1000)}`,
    fresh === 0 ? "" : `${each < 10 ? each.toFixed(1) : Math.round(each)} ms/${unit}`,
    ...details,
  ].filter((part) => part !== "");
  const bar = columns >= 72 ? paintBar(drawBar(total === 0 ? 1 : done / total, BAR)) : "";
  let line = bar === "" ? title : `${title}  ${bar}`;
  for (const part of parts) {
    if (widthOf(line) + 2 + part.length > columns) break;
    line += `  ${part}`;
  }
  return widthOf(line) <= columns ? line : truncate(title, columns);
}

function drawBar(share: number, width: number): string {
  const full = Math.max(0, Math.min(width, Math.floor(share * width)));
  return "━".repeat(full) + "─".repeat(width - full);
}
