/** What a compiled program is, whatever runs it. */
import type { State, StateRole, Value } from "../ops/op.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { type Shape, type TensorType, sameShape, show } from "../tensor/shape.ts";
import { Tensor, type TensorData } from "../tensor/tensor.ts";

/** A shape stands for float32. */
export type InputSpec = TensorType | Shape;

/** One way of running a network: a function of values, and the types of its inputs. */
export interface EntrySpec {
  fn(inputs: Readonly<Record<string, Value>>): Readonly<Record<string, Value>>;
  readonly inputs: Readonly<Record<string, InputSpec>>;
}

export type Entries = Readonly<Record<string, EntrySpec>>;
export type EntryName<E extends Entries> = keyof E & string;
export type InputName<S extends EntrySpec> = keyof S["inputs"] & string;
export type OutputName<S extends EntrySpec> = keyof ReturnType<S["fn"]> & string;
export type InputTensors<S extends EntrySpec> = { readonly [K in InputName<S>]?: Tensor };
export type OutputTensors<S extends EntrySpec> = { readonly [K in OutputName<S>]: Tensor };

/** Bytes by use. Known before the first step; nothing is allocated later. */
export interface MemoryReport {
  readonly parameters: number;
  /** Running statistics and the like. */
  readonly buffers: number;
  readonly optimizer: number;
  readonly random: number;
  readonly constants: number;
  readonly inputs: number;
  readonly outputs: number;
  /** Packed and transformed weights, kept until the weights change. */
  readonly prepared: number;
  /** What is shared by lifetime: the largest entry's need. */
  readonly temporaries: number;
  /** Threads' own workspaces. */
  readonly scratch: number;
  /** The whole arena, which is also the peak: alignment and control words included. */
  readonly total: number;
}

/** The algorithm for each piece of work that has several, by the work in words. Plain data: it can be kept as JSON. */
export type Choices = Readonly<Record<string, string>>;

/**
 * A compiled program. Made by {@link compile}; nothing of it needs to be disposed of, though `close()` gives the threads
 * back at once.
 */
export interface Program<E extends Entries> {
  readonly backend: "wasm" | "reference";
  /** Threads that share the work, the caller's included. */
  readonly threads: number;
  /** What a user may want to know: why there is only one thread, for instance. */
  readonly notes: readonly string[];
  /** The algorithms that were tried out or given, by the work; see `tune` and `choices` of {@link compile}. */
  readonly choices: Choices;
  readonly memory: MemoryReport;
  /**
   * Runs an entry once and returns copies of its outputs. An input that is left out keeps what it holds: the numbers of
   * the run before, or what was written into {@link input}.
   * @throws ShapeError if a tensor's type is not the input's; PlatformError if a kernel traps
   */
  run<K extends EntryName<E>>(entry: K, inputs?: InputTensors<E[K]>): OutputTensors<E[K]>;
  /** As {@link run}, but copies nothing out: look at {@link output}. */
  step<K extends EntryName<E>>(entry: K, inputs?: InputTensors<E[K]>): void;
  /** The numbers of an input where the program reads them: fill it in place and spare a copy. */
  input<K extends EntryName<E>>(entry: K, name: InputName<E[K]>): TensorData;
  /** The numbers of an output where the program wrote them: valid until the next run. */
  output<K extends EntryName<E>>(entry: K, name: OutputName<E[K]>): TensorData;
  /** The states that the entries read or write. */
  readonly states: readonly State[];
  /** A copy of what a state holds now. */
  read(state: State): Tensor;
  /** @throws ShapeError if the tensor's type is not the state's */
  write(state: State, tensor: Tensor): void;
  /** A table of what an entry runs: stage, shape, layouts, FLOPs, bytes, threads, barriers. */
  explain(entry: EntryName<E>): string;
  /** Ends the threads. Running the program afterwards is an error; reading states is not. */
  close(): void;
}

export function typeOf(spec: InputSpec): TensorType {
  return "dtype" in spec ? spec : { shape: spec, dtype: "float32" };
}

/** Copies a tensor into the place of an input or a state. */
export function copyInto(target: TensorData, type: TensorType, tensor: Tensor, what: string): void {
  if (tensor.dtype !== type.dtype || !sameShape(tensor.shape, type.shape)) {
    throw new ShapeError(
      `${what} is ${type.dtype} ${show(type.shape)}, but it was given ${tensor.dtype} ${show(tensor.shape)}.`,
    );
  }
  target.set(tensor.data);
}

/** The item of that name. @throws OptionError naming those that there are */
export function named<T>(items: ReadonlyMap<string, T>, name: string, what: string): T {
  const item = items.get(name);
  if (item !== undefined) return item;
  const there = items.size === 0 ? "there are none" : `there are: ${[...items.keys()].join(", ")}`;
  throw new OptionError(`there is no ${what} called ${name}; ${there}.`);
}

/** States that no entry uses: they hold what was last written, or their initial value, as all others do. */
export class IdleStates {
  readonly #written = new Map<State, Tensor>();

  read(state: State): Tensor {
    return copyOf(this.#written.get(state) ?? state.attrs.initial);
  }

  write(state: State, tensor: Tensor): void {
    const held = this.read(state);
    copyInto(held.data, held, tensor, nameOf(state));
    this.#written.set(state, held);
  }
}

/** `parameter conv1.weight`, for messages. */
export function nameOf({ attrs: { role, label } }: State): string {
  return `${role} ${label}`;
}

/** A copy in memory of its own, never shared with other threads. */
export function copyOf({ data, shape }: { readonly data: TensorData; readonly shape: Shape }): Tensor {
  const copy =
    data instanceof Float32Array
      ? Float32Array.from(data)
      : data instanceof Int32Array
        ? Int32Array.from(data)
        : Uint8Array.from(data);
  return new Tensor(copy, shape);
}

/** A report to add to. */
export function emptyReport(): { -readonly [K in keyof MemoryReport]: number } {
  return {
    parameters: 0,
    buffers: 0,
    optimizer: 0,
    random: 0,
    constants: 0,
    inputs: 0,
    outputs: 0,
    prepared: 0,
    temporaries: 0,
    scratch: 0,
    total: 0,
  };
}

/** What a block of memory is for. */
export type MemoryUse = Exclude<keyof MemoryReport, "scratch" | "total">;

/** What a state's memory is for, by its role. */
export const USE_OF_ROLE: Readonly<Record<StateRole, MemoryUse>> = {
  parameter: "parameters",
  buffer: "buffers",
  optimizer: "optimizer",
  random: "random",
};
