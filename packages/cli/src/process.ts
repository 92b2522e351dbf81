/** Connects the process (words, streams, signals, exit code) to the command. */
import { run } from "./cli.ts";
import { EXIT, codeOf } from "./command/errors.ts";
import type { Engine } from "./engine.ts";

export async function runProcess(engine: Engine): Promise<void> {
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (interrupt.signal.aborted) process.exit(EXIT.interrupted); // asked twice: at once, unsaved
      interrupt.abort();
    });
  }
  // `faltung … | head` closes the pipe; that is no error of anybody's.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error) => {
      if (codeOf(error) === "EPIPE") process.exit(EXIT.fine);
      throw error;
    });
  }
  const { stdout: out, stderr: err, env } = process;
  process.exitCode = await run(process.argv.slice(2), { engine, out, err, env, signal: interrupt.signal });
}
