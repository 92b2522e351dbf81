/** The command as a function of its words and streams: what main.ts runs, and tests too. */
import { readFileSync } from "node:fs";
import { FaltungError } from "faltung/errors";
import type { Listed } from "./command/command.ts";
import { EXIT, UsageError, UserError } from "./command/errors.ts";
import { parseCommandLine } from "./command/parse.ts";
import type { Engine } from "./engine.ts";
import { type OutputStream, type Terminal, createTerminal } from "./terminal/terminal.ts";

/** In the order of --help. */
const COMMANDS: readonly Listed[] = [
  {
    name: "train",
    summary: "train a network on pictures",
    load: async () => (await import("./commands/train.ts")).train,
  },
  {
    name: "val",
    summary: "judge a trained network on labelled pictures",
    load: async () => (await import("./commands/val.ts")).val,
  },
  {
    name: "predict",
    summary: "say what is in pictures",
    load: async () => (await import("./commands/predict.ts")).predict,
  },
  {
    name: "summary",
    summary: "show the layers of a network",
    load: async () => (await import("./commands/summary.ts")).summary,
  },
  {
    name: "figure",
    summary: "draw convolution: SVG, PNG, GIF, video, TikZ",
    load: async () => (await import("./commands/figure.ts")).figure,
  },
  {
    name: "export",
    summary: "write a trained network for other programs: wasm, ONNX, PyTorch",
    load: async () => (await import("./commands/export.ts")).exportCommand,
  },
  {
    name: "import",
    summary: "take weights back from PyTorch, or a network from ONNX",
    load: async () => (await import("./commands/import.ts")).importCommand,
  },
  {
    name: "serve",
    summary: "put a trained network behind HTTP",
    load: async () => (await import("./commands/serve.ts")).serve,
  },
];

export interface World {
  readonly engine: Engine;
  readonly out: OutputStream;
  readonly err: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** @returns the exit code: 0 fine, 1 something to mend, 2 wrong words, 130 interrupted */
export async function run(words: readonly string[], { engine, out, err, env, signal }: World): Promise<number> {
  const plain = createTerminal({ out, err, json: false, env });
  try {
    const parsed = await parseCommandLine(words, COMMANDS, version(), plain.columns());
    if (parsed.kind === "help") {
      plain.say(parsed.text);
      return EXIT.fine;
    }
    if (parsed.kind === "raw") return await parsed.command.run(parsed.words, { terminal: plain, engine, signal });
    const { command, values, given } = parsed;
    const terminal = createTerminal({ out, err, json: values["json"] === true, env });
    return await command.run(values, { terminal, engine, signal, given });
  } catch (error) {
    if (signal.aborted && isAbort(error)) return EXIT.interrupted;
    return fail(error, plain, env["FALTUNG_DEBUG"] !== undefined);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** A user's mistake is told in a sentence; our own with all there is to find it. */
function fail(error: unknown, terminal: Terminal, debug: boolean): number {
  const known = error instanceof UsageError || error instanceof UserError || error instanceof FaltungError;
  const text =
    known && !debug ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.note(`${terminal.paintNote.red("error:")} ${text}`);
  if (!known) terminal.note("This is a fault of faltung's own. Please report it with the lines above.");
  return error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return version;
}
