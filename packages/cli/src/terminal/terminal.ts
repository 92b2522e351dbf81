/** The two streams of a command: results on standard output, progress and errors on standard error. */
import { type Paint, painter } from "./paint.ts";

/** As much of a stream as is used here; `process.stdout` fits. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Terminal {
  /** A line for people, on standard output; nothing when machines read it (`json=true`). */
  say(line?: string): void;
  /** A line on standard error. */
  note(line: string): void;
  /** One JSON object a line, on standard output; nothing when people read it. */
  emit(value: Readonly<Record<string, unknown>>): void;
  /** Text as it is on standard error, for the progress line. */
  draw(text: string): void;
  readonly json: boolean;
  /** Whether standard error is a terminal that can redraw a line. */
  readonly live: boolean;
  /** Colours for standard output, and for standard error. */
  readonly paint: Paint;
  readonly paintNote: Paint;
  /** Width in characters, read anew each time as windows change. */
  columns(): number;
}

export function createTerminal(options: {
  readonly out: OutputStream;
  readonly err: OutputStream;
  readonly json: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}): Terminal {
  const { out, err, json, env } = options;
  const colour = (stream: OutputStream): boolean => {
    if (env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "") return false; // https://no-color.org
    if (env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "") return env["FORCE_COLOR"] !== "0";
    return stream.isTTY === true && env["TERM"] !== "dumb";
  };
  return {
    json,
    live: err.isTTY === true && env["TERM"] !== "dumb",
    paint: painter(colour(out)),
    paintNote: painter(colour(err)),
    say: (line = "") => {
      if (!json) out.write(`${line}\n`);
    },
    note: (line) => void err.write(`${line}\n`),
    emit: (value) => {
      if (json) out.write(`${JSON.stringify(value)}\n`);
    },
    draw: (text) => void err.write(text),
    // Some terminals do not know their width and say 0.
    columns: () => (err.isTTY === true && err.columns ? err.columns : Number(env["COLUMNS"]) || 80),
  };
}
