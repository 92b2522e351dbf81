/** A plan made to run: module, memory and threads. The calling thread is thread 0 and takes its share of the work. */
import { PlatformError } from "../../tensor/errors.ts";
import { wasmFeatures } from "../../wasm/index.ts";
import type { Plan } from "../plan.ts";
import type { Step } from "../schedule.ts";
import { CONTROL } from "./control.ts";
import { emit, pagesOf } from "./emit.ts";
import { type HostWorker, mayBlock, startWorker } from "./host.ts";
import type { Assignment } from "./worker.ts";

/** The most that a 32-bit memory can have: 4 GiB. */
export const MAX_PAGES = 65536;

/** How long to wait for the words of a worker that has trapped: it writes them at once, if it has a core. */
const MESSAGE_MS = 2000;

export interface WasmInstance {
  readonly memory: WebAssembly.Memory;
  /** Size of the module in bytes, number of different kernels in it. */
  readonly moduleBytes: number;
  readonly kernels: number;
  readonly steps: readonly (readonly Step[])[];
  /** Runs a job of the plan; returns when all threads have finished it. @throws PlatformError when a kernel traps. */
  run(job: number): void;
  /** Sends the workers home. Nothing runs after it. */
  close(): void;
}

/** Threads could not be started; one thread still can. */
export class WorkerError extends PlatformError {}

/** Workers started early, while the program is still being planned: they take longer than the compiler. */
export interface Crew {
  readonly workers: readonly HostWorker[];
  dismiss(): void;
}

/** Starts `count` workers. @throws WorkerError where the host refuses. */
export function hire(count: number): Crew {
  const workers: HostWorker[] = [];
  const dismiss = (): void => workers.forEach((worker) => worker.terminate());
  try {
    for (let i = 1; i <= count; i++) workers.push(startWorker(`faltung ${i}`));
  } catch (cause) {
    dismiss();
    throw new WorkerError(`workers could not be started: ${String(cause)}`, { cause });
  }
  return { workers, dismiss };
}

/** Programs that are dropped without `close()` still give their threads back. */
const forgotten = new FinalizationRegistry<Crew>((crew) => crew.dismiss());

/** @throws PlatformError if the engine has no SIMD, or no memory for the arena; WorkerError if a worker fails. */
export async function instantiate(plan: Plan, crew: Crew): Promise<WasmInstance> {
  if (!wasmFeatures().simd) {
    throw new PlatformError(
      "this engine's WebAssembly has no SIMD, which Faltung's kernels need. " +
        'Use Node 16.4, Chrome 91, Firefox 89, Safari 16.4 or newer, or compile with backend: "reference".',
    );
  }
  const pages = pagesOf(plan.bytes);
  checkArena(plan.bytes);
  const { bytes, steps, kernels } = emit(plan);
  const shared = plan.threads > 1;
  const memory = allocateMemory(pages, shared);
  const module = await WebAssembly.compile(bytes);
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const words = new Int32Array(memory.buffer, 0, CONTROL.message / 4 + 1);
  words[CONTROL.mayBlock / 4] = mayBlock() ? 1 : 0;
  if (shared) {
    await Promise.all(crew.workers.map((worker, i) => join(worker, { module, memory, thread: i + 1 })));
  }
  const enter = instance.exports["run"] as (job: number) => void;
  let closed: string | undefined;
  const result: WasmInstance = {
    memory,
    moduleBytes: bytes.length,
    kernels,
    steps,
    run(job) {
      if (closed !== undefined) throw new PlatformError(`${plan.jobs[job].name}: the program was closed${closed}.`);
      let cause: unknown;
      try {
        enter(job);
        if (!shared || Atomics.load(words, CONTROL.poison / 4) === 0) return;
      } catch (error) {
        cause = error;
      }
      const message = shared ? poison(words, memory, cause) : String(cause);
      closed = ` after a kernel had trapped (${message})`;
      crew.dismiss();
      throw new PlatformError(`${plan.jobs[job].name}: a kernel trapped: ${message}.`, { cause });
    },
    close() {
      if (closed !== undefined) return;
      closed = "";
      forgotten.unregister(result);
      crew.dismiss();
    },
  };
  if (shared) forgotten.register(result, crew, result);
  return result;
}

/** @throws PlatformError, with the figure, if an arena of so many bytes cannot be had at all. */
export function checkArena(bytes: number): void {
  if (pagesOf(bytes) > MAX_PAGES) {
    throw new PlatformError(
      `the program needs ${(bytes / 2 ** 30).toFixed(2)} GiB; a WebAssembly memory holds at most 4 GiB. ` +
        "Take a smaller batch or smaller pictures (memory grows in proportion to both).",
    );
  }
}

function allocateMemory(pages: number, shared: boolean): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch (cause) {
    const mib = Math.ceil(pages / 16);
    throw new PlatformError(
      `the program needs ${mib} MiB of memory, which this system refuses (${String(cause)}). Take a smaller batch.`,
      { cause },
    );
  }
}

function join(worker: HostWorker, assignment: Assignment): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      reject(new WorkerError(`thread ${assignment.thread} did not start: ${String(error)}`, { cause: error }));
    };
    worker.listen((message) => (message === "ready" ? resolve() : fail(message)), fail);
    worker.send(assignment);
  });
}

/** Thread 0 trapped, or saw that another one has: makes all the others trap, and tells whose trap was the first. */
function poison(words: Int32Array, memory: WebAssembly.Memory, cause: unknown): string {
  const first = Atomics.compareExchange(words, CONTROL.poison / 4, 0, 1);
  Atomics.add(words, CONTROL.generation / 4, 1);
  Atomics.notify(words, CONTROL.generation / 4);
  if (first <= 1) return `${String(cause)} on thread 0`;
  // The worker claims the word first and writes its message second. A page's main thread may not sleep until then.
  const deadline = performance.now() + MESSAGE_MS;
  let length = 0;
  while (length === 0 && performance.now() < deadline) length = Atomics.load(words, CONTROL.message / 4);
  if (length === 0) return `its message did not come within ${MESSAGE_MS} ms, on thread ${first - 1}`;
  const text = new Uint8Array(memory.buffer, CONTROL.message + 4, length).slice();
  return `${new TextDecoder().decode(text)} on thread ${first - 1}`;
}
