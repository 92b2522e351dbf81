/** torchrun as a child process: what its workers say comes line by line, and it never outlives us. */
import { spawn } from "node:child_process";
import { appendFile, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { writeAtomically } from "../checkpoint/atomic.ts";
import { reason } from "../command/errors.ts";
import type { Python } from "./python.ts";
import { stopFile } from "./workspace.ts";

/** How many processes, and where. */
export interface Cluster {
  /** On this machine. */
  readonly nproc: number;
  readonly nnodes: number;
  /** 0 on the machine that the run is led from. */
  readonly nodeRank: number;
  /** host:port of the leading machine, where there are several. */
  readonly rdzv: string | undefined;
  readonly maxRestarts: number;
  /** Threads of each process; 0: the machine's, divided. */
  readonly threads: number;
}

export interface Workers {
  /** What the workers wrote on standard output, line by line. */
  readonly lines: AsyncIterable<string>;
  /** Asks them to save and end. */
  stop(): Promise<void>;
  /** Ends them, if they have not ended by themselves; waits until they have. */
  close(): Promise<void>;
  /** Exit code, and all that was written on standard error, once it has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly errors: string }>;
}

/** How long workers may take to save when they are asked to end; a step of a large network takes seconds. */
const SAVE_MS = 120_000;
/** Standard error that is kept in memory. */
const ERRORS_KEPT = 200_000;

/** The words after `python3`. Without redirection (or with that of both streams), PyTorch 1.13 fails on Python 3.11. */
export function launchWords({ nproc, nnodes, nodeRank, rdzv, maxRestarts }: Cluster): string[] {
  return [
    "-m",
    "torch.distributed.run",
    `--nproc_per_node=${nproc}`,
    `--nnodes=${nnodes}`,
    "--rdzv_backend=c10d",
    `--rdzv_endpoint=${rdzv ?? "127.0.0.1:0"}`,
    "--rdzv_id=faltung",
    ...(nnodes > 1 ? [`--rdzv_conf=is_host=${nodeRank === 0 ? 1 : 0}`] : []),
    `--max_restarts=${maxRestarts}`,
    "--log_dir=log",
    "--redirects=1",
    "--tee=1",
    "train.py",
  ];
}

/** Starts the processes in `path`, a folder that writeWorkspace has written. */
export function launch(path: string, python: Python, cluster: Cluster): Workers {
  const { nproc, nodeRank, threads } = cluster;
  const each = threads > 0 ? threads : Math.max(1, Math.floor(availableParallelism() / nproc));
  const child = spawn(python.path, launchWords(cluster), {
    cwd: path,
    stdio: ["ignore", "pipe", "pipe"],
    // A process group of its own: Ctrl-C reaches us alone, and we ask the workers to save first.
    detached: process.platform !== "win32",
    env: {
      ...process.env,
      OMP_NUM_THREADS: String(each),
      PYTHONUNBUFFERED: "1",
      PYTHONDONTWRITEBYTECODE: "1",
      FALTUNG_PID: String(process.pid),
      FALTUNG_LEADS: nodeRank === 0 ? "1" : "0",
    },
  });
  const kill = (signal: NodeJS.Signals): void => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    try {
      if (process.platform === "win32") child.kill(signal);
      else process.kill(-child.pid, signal);
    } catch {
      // it has just ended
    }
  };
  const atExit = (): void => kill("SIGKILL");
  process.once("exit", atExit);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-ERRORS_KEPT);
  });
  const ended = new Promise<{ code: number | null; errors: string }>((resolve) => {
    child.on("error", (error) => {
      errors += reason(error);
      resolve({ code: null, errors });
    });
    child.on("close", (code) => resolve({ code, errors }));
  }).finally(() => process.off("exit", atExit));
  const stop = async (): Promise<void> => writeAtomically(stopFile(path), "");
  return {
    lines: createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY }),
    stop,
    ended,
    async close() {
      const done = (ms: number): Promise<boolean> =>
        Promise.race([
          ended.then(() => true),
          new Promise<boolean>((resolve) => setTimeout(resolve, ms, false).unref()),
        ]);
      if (child.exitCode === null && child.signalCode === null) {
        await stop();
        if (!(await done(SAVE_MS))) kill("SIGTERM");
        if (!(await done(10_000))) kill("SIGKILL");
      }
      const { errors: text } = await ended;
      if (text !== "") await appendFile(join(path, "stderr.log"), text).catch(() => {});
      await rm(stopFile(path), { force: true });
    },
  };
}

/** A worker's line without the mark that torchrun puts before it: `[default0]:{…}`. */
export function withoutMark(line: string): string {
  return line.replace(/^\[[^\]\s]*\d+\]:/, "");
}

/** Errors that only say that another worker has gone. */
const FOLLOWING =
  /Connection (closed|reset|refused)|ChildFailedError|SignalException|Broken pipe|NCCL|gloo|Socket Timeout/i;

/**
 * What a failed run was about, out of all that its workers wrote: the first error that is not another's consequence,
 * and the line of the script that it came from.
 */
export function compactError(text: string): string | undefined {
  const byWorker = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const mark = /^\[[^\]\s]*\d+\]:/.exec(line)?.[0] ?? "";
    byWorker.set(mark, [...(byWorker.get(mark) ?? []), line.slice(mark.length)]);
  }
  const found: { readonly error: string; readonly place: string }[] = [];
  for (const lines of byWorker.values()) {
    let place = "";
    let inside = false;
    for (const line of lines) {
      if (line.startsWith("Traceback (most recent call last)")) {
        inside = true;
        place = "";
      } else if (inside && /^\s/.test(line)) {
        const at = /^ {2}File "(?:.*[\\/])?((?:train|model)\.py)", line (\d+)/.exec(line);
        if (at !== null) place = ` (${at[1]}, line ${at[2]})`;
      } else if (inside && line !== "") {
        found.push({ error: line, place });
        inside = false;
      }
    }
  }
  const cause = found.find(({ error, place }) => !FOLLOWING.test(error) && place !== "") ?? found[0];
  return cause === undefined ? undefined : `${cause.error}${cause.place}`;
}
