/** `compile`: from functions of values to a program that runs them. */
import { availableCores, threadsMissing } from "../backend/wasm/host.ts";
import { type Crew, WorkerError, hire } from "../backend/wasm/instance.ts";
import { wideByEnvironment } from "../backend/wasm/wide.ts";
import type { Target, Value } from "../ops/op.ts";
import { OptionError, checkChoice, checkWhole } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { wasmFeatures } from "../wasm/index.ts";
import { type Tuner, choosing } from "./choices.ts";
import { entryGraph, traceEntry } from "./entries.ts";
import { fuse } from "./fuse.ts";
import { type ProgramPlan, planProgram } from "./plan.ts";
import type { Choices, Entries, EntrySpec, InputSpec, Program } from "./program.ts";
import { referenceProgram } from "./referenceProgram.ts";
import { type Graph, type RandomSource, randomSource } from "./trace.ts";
import { wasmProgram } from "./wasmProgram.ts";
import { wideMissing } from "./wide.ts";

export interface CompileOptions {
  /** `wasm` unless said. `reference` runs the plain loops that define every operation. */
  readonly backend?: "wasm" | "reference";
  /**
   * Threads that share the work, the caller's included. The machine's cores unless said, but at most 8: a step of a
   * usual network has a hundred barriers, each dearer with every thread, and beyond 8 threads memory, not arithmetic, is
   * what is short. Results do not depend on it.
   */
  readonly threads?: number;
  /**
   * `fast` (the default) takes what is fastest, Winograd's algorithms and fused multiply-add where there is one; `strict`
   * neither: the same bits on every machine and engine.
   */
  readonly precision?: "fast" | "strict";
  /**
   * 256-bit vectors, on Node 24 or newer: V8's experimental flag for them is set for the whole process, and left out
   * where a check against the reference fails (see `program.notes`). False unless said or `FALTUNG_WIDE=1`. Results
   * differ from those of 128-bit vectors in the last bits, so a run should keep to one; ignored with `strict`.
   */
  readonly wide?: boolean;
  /**
   * Tries at compile time which algorithm is the fastest for each convolution that has several, some tenths of a second
   * for each different one, instead of asking the cost models. `program.choices` has the answers. Give `tune` of
   * `faltung/tune`; unless given, nothing is tried.
   */
  readonly tune?: Tuner | undefined;
  /**
   * Algorithms that were chosen before: `program.choices` of another program, on this machine or another. Work that
   * is not in it, and `precision: "strict"`, choose as without it.
   */
  readonly choices?: Choices;
  /** Arithmetic of the reference backend: `float32` unless said. */
  readonly reference?: "float32" | "float64";
  /** Where dropout draws from. A source of seed 0 unless said. */
  readonly random?: RandomSource;
}

/** A program of one entry, called like a function. */
export interface CompiledFunction<I extends string, O extends string> {
  (inputs?: { readonly [K in I]?: Tensor }): { readonly [K in O]: Tensor };
  readonly program: Program<{
    readonly main: {
      fn(inputs: Readonly<Record<I, Value>>): Readonly<Record<O, Value>>;
      readonly inputs: Readonly<Record<I, InputSpec>>;
    };
  }>;
}

const MOST_THREADS_BY_DEFAULT = 8;

/**
 * Compiles entries, which may share states (a training step and an evaluation share parameters), into one program.
 *
 * @example
 * ```ts
 * const program = await compile({
 *   double: { fn: ({ x }) => ({ y: add(x, x) }), inputs: { x: [2, 3] } },
 * });
 * const { y } = program.run("double", { x: Tensor.from([[1, 2, 3], [4, 5, 6]]) });
 * y.toArray(); // [[2, 4, 6], [8, 10, 12]]
 * program.close();
 * ```
 * @throws OptionError, ShapeError; PlatformError if the engine has no SIMD or the arena would not fit into 4 GiB
 */
export function compile<const E extends Entries>(entries: E, options?: CompileOptions): Promise<Program<E>>;
/**
 * Compiles one function.
 *
 * @example
 * ```ts
 * const double = await compile(({ x }) => ({ y: add(x, x) }), { x: [3] });
 * double({ x: Tensor.from([1, 2, 3]) }).y.toArray(); // [2, 4, 6]
 * double.program.close();
 * ```
 */
export function compile<const I extends Readonly<Record<string, InputSpec>>, O extends Readonly<Record<string, Value>>>(
  fn: (inputs: { readonly [K in keyof I & string]: Value }) => O,
  inputs: I,
  options?: CompileOptions,
): Promise<CompiledFunction<keyof I & string, keyof O & string>>;
export async function compile(
  what: Entries | EntrySpec["fn"],
  inputsOrOptions: EntrySpec["inputs"] | CompileOptions = {},
  options: CompileOptions = {},
): Promise<unknown> {
  if (typeof what !== "function") return build(what, inputsOrOptions as CompileOptions);
  const main = { fn: what, inputs: inputsOrOptions as EntrySpec["inputs"] };
  const program = await build({ main }, options);
  const call = (inputs: Readonly<Record<string, Tensor>> = {}): unknown => program.run("main", inputs);
  return Object.assign(call, { program });
}

async function build(entries: Entries, options: CompileOptions): Promise<Program<Entries>> {
  const { backend = "wasm", precision = "fast", random = randomSource(0) } = options;
  check(entries, options);
  if (backend === "reference") {
    return referenceProgram(traceAll(entries, random), options.reference ?? "float32", []);
  }
  const notes: string[] = [];
  const wide = precision === "fast" && (options.wide ?? wideByEnvironment()) && (await wideOrExplain(notes));
  // Workers take longer to start than a network to be traced and planned: both go on at once.
  const wanted = options.threads ?? Math.min(availableCores(), MOST_THREADS_BY_DEFAULT);
  const crew = hireOrExplain(wanted, notes);
  const target = (threads: number): Target => ({
    fma: precision === "fast" && wasmFeatures().relaxedSimd,
    fast: precision === "fast",
    dot: wasmFeatures().relaxedDot,
    wide,
    threads,
  });
  try {
    const graphs = [...traceAll(entries, random)].map(([name, graph]) => entryGraph(name, graph, fuse));
    const { choices: known = {} } = options;
    const choices = (await options.tune?.(graphs, target(1), known)) ?? known;
    const plan = (threads: number): ProgramPlan => planProgram(graphs, choosing(target(threads), choices));
    try {
      return await wasmProgram(plan(crew.workers.length + 1), crew, notes, choices);
    } catch (error) {
      if (!(error instanceof WorkerError)) throw error;
      crew.dismiss();
      notes.push(`one thread: ${error.message}`);
      return await wasmProgram(plan(1), hire(0), notes, choices);
    }
  } catch (error) {
    crew.dismiss();
    throw error;
  }
}

function traceAll(entries: Entries, random: RandomSource): Map<string, Graph> {
  return new Map(Object.entries(entries).map(([name, spec]) => [name, traceEntry(spec, random)]));
}

async function wideOrExplain(notes: string[]): Promise<boolean> {
  const missing = await wideMissing();
  if (missing !== undefined) notes.push(`128-bit vectors: wide is off, ${missing}.`);
  return missing === undefined;
}

/** Workers for all threads but the caller's; none, and a note why, where the platform has no threads. */
function hireOrExplain(threads: number, notes: string[]): Crew {
  const missing = threads > 1 ? threadsMissing() : undefined;
  if (missing === undefined) {
    try {
      return hire(threads - 1);
    } catch (error) {
      if (!(error instanceof WorkerError)) throw error;
      notes.push(`one thread: ${error.message}`);
    }
  } else {
    notes.push(`one thread: ${missing}.`);
  }
  return hire(0);
}

function check(entries: Entries, { backend = "wasm", threads = 1, precision = "fast" }: CompileOptions): void {
  if (Object.keys(entries).length === 0) {
    throw new OptionError("compile: there are no entries; give at least one, as in { predict: { fn, inputs } }.");
  }
  checkWhole("compile: threads", threads, 1, 256);
  checkChoice("compile: backend", backend, ["wasm", "reference"]);
  checkChoice("compile: precision", precision, ["fast", "strict"]);
}
