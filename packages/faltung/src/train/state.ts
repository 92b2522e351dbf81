/**
 * Everything that a run must remember to go on bit for bit: what the model and the optimiser hold, the random counter,
 * the schedule's memory, and the place in the data. Plain data; files are made of it elsewhere.
 */
import type { Choices, Entries, Program } from "../compile/program.ts";
import type { RandomSource } from "../compile/trace.ts";
import type { Module } from "../nn/index.ts";
import type { State } from "../ops/op.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Schedule } from "../optim/schedule.ts";
import { FormatError } from "../tensor/errors.ts";
import { describe } from "../ops/op.ts";
import { sameShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface Progress {
  /** Epoch under way, from 0. */
  readonly epoch: number;
  /** Steps of it that are done. */
  readonly step: number;
  /** Steps done since the start of the run. */
  readonly totalSteps: number;
  /** Sums over the epoch so far, for its training loss and accuracy. */
  readonly lossSum: number;
  readonly correct: number;
  readonly seen: number;
}

export interface TrainingState {
  /** Parameters and buffers by state-dict key (`model.…`), optimiser states (`optimizer.…`), `random.counter`. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly progress: Progress;
  readonly schedule: Readonly<Record<string, number>>;
  /** The algorithms that were tried out (`tune`): a resumed run takes the same. Absent: none were. */
  readonly choices?: Choices;
  /** What must be the same after a resume: a run with another batch size or optimiser is another run. */
  readonly recipe: Readonly<Record<string, string | number>>;
}

export const START: Progress = { epoch: 0, step: 0, totalSteps: 0, lossSum: 0, correct: 0, seen: 0 };

/** All states of a run under the names of {@link TrainingState.tensors}. */
export function runStates(model: Module, optimizer: Optimizer, random: RandomSource): Map<string, State> {
  const states = new Map<string, State>();
  for (const [key, s] of model.namedStates()) states.set(`model.${key}`, s);
  for (const [key, s] of optimizer.states) states.set(`optimizer.${key}`, s);
  states.set("random.counter", random.counter);
  return states;
}

/** Copies a program's states out. */
export function readStates(
  program: Pick<Program<Entries>, "read">,
  states: ReadonlyMap<string, State>,
): Record<string, Tensor> {
  return Object.fromEntries(Array.from(states, ([key, s]) => [key, program.read(s)]));
}

/**
 * Puts a saved run back.
 * @throws FormatError naming the first thing that does not fit; nothing has been changed then.
 */
export function restore(
  saved: TrainingState,
  program: Pick<Program<Entries>, "write">,
  states: ReadonlyMap<string, State>,
  schedule: Schedule,
  recipe: TrainingState["recipe"],
): void {
  for (const [key, value] of Object.entries(recipe)) {
    if (saved.recipe[key] !== value) {
      throw new FormatError(
        `resume: the saved run has ${key} ${saved.recipe[key]}, this one ${value}; they must be equal.`,
      );
    }
  }
  for (const [key, s] of states) {
    const tensor = saved.tensors[key];
    if (tensor === undefined) throw new FormatError(`resume: the saved run has no ${key} (${describe(s)}).`);
    if (tensor.dtype !== s.dtype || !sameShape(tensor.shape, s.shape)) {
      throw new FormatError(`resume: ${key} is ${describe(tensor)} in the saved run, ${describe(s)} in this one.`);
    }
  }
  for (const [key, s] of states) program.write(s, saved.tensors[key]);
  schedule.restore?.(saved.schedule);
}
