/**
 * What a backend runs: a plan. A list of stages over one arena, each a kernel with the addresses it works on.
 * Plans know nothing of operations or gradients; kernels are pure generators of WebAssembly functions.
 */
import type { Func, ModuleBuilder } from "../wasm/index.ts";

/**
 * A generator of one WebAssembly function. Stages whose kernels have equal keys share one function body, so the key
 * must name everything that the code depends on (tile, shape constants, arithmetic flavour); what may vary from call
 * to call (batch size, lengths) is better passed as an integer argument.
 *
 * The function's signature is `(lo, hi, scratch, ...pointers, ...integers)`, all i32, no result. It does the work
 * items lo ≤ i < hi; items are independent of each other and each item's bits never depend on lo and hi, so that one
 * thread or eight give the same result. `scratch` is the address of this thread's own bytes, 16-byte aligned.
 */
export interface Kernel {
  readonly key: string;
  readonly pointers: number;
  readonly integers: number;
  build(module: ModuleBuilder): Func;
}

/** One kernel call over `work` items, divided among the threads. `B` says how buffers are named. */
export interface Stage<B> {
  /** What a reader of `explain()` sees: operation, algorithm, shape. */
  readonly label: string;
  readonly kernel: Kernel;
  readonly work: number;
  /** The buffers passed as pointers; those at an index in `writes` are written, all the others only read. */
  readonly pointers: readonly B[];
  readonly writes: readonly number[];
  readonly integers: readonly number[];
  /** Scratch bytes that each thread needs (0: none). */
  readonly scratch: number;
  /** 2 × multiply-adds (or plain operations), for the whole stage: for `explain()`, the cost model and division. */
  readonly flops: number;
  /** Bytes read and written at least, for the whole stage. */
  readonly bytes: number;
}

/** A piece of the arena. Addresses are bytes; every region starts at a multiple of 64. */
export interface Region {
  readonly address: number;
  readonly bytes: number;
}

/** Stages that run in order, as one call: a step, a forward pass, or the preparation of one. */
export interface Job {
  readonly name: string;
  readonly stages: readonly Stage<Region>[];
}

/** Everything that one program runs, with every address decided. */
export interface Plan {
  readonly jobs: readonly Job[];
  readonly threads: number;
  /** Size of the arena. Its first {@link CONTROL_BYTES} belong to the backend. */
  readonly bytes: number;
  /** Where thread t's scratch starts: `address + t × stride`. */
  readonly scratch: { readonly address: number; readonly stride: number };
}

/**
 * Bytes at the arena's start where threads meet: the barrier's words, the job number, an error message. No region lies
 * there, so a kernel may keep a pointer up to this far below what it reads.
 */
export const CONTROL_BYTES = 1024;

/** Regions start at multiples of a cache line. */
export const ALIGNMENT = 64;

/** Vector loads may run this far beyond a region's end (what they find there means nothing); stores may not. */
export const SLACK = 64;
