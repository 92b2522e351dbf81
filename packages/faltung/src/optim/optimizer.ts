/**
 * What an optimiser is: a rule that turns gradients into updates of states, written in operations, so that a training
 * step compiles it like the rest and fusion makes one pass over the parameters of it.
 *
 * Numbers that change from step to step (learning rate, Adam's bias corrections) are computed by the host in doubles,
 * as PyTorch does, and enter the step as scalars: float32 powers inside the step would lose digits in 1 − β₂ᵗ.
 */
import { type State, type Value, state } from "../ops/op.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What a schedule says of one step. */
export interface StepSettings {
  readonly lr: number;
  /** One-cycle moves it; absent: the optimiser's own. For Adam it is β₁, as in PyTorch. */
  readonly momentum?: number;
}

export interface Optimizer {
  /** `SGD`, `AdamW`, …: for checkpoints and messages. */
  readonly name: string;
  readonly parameters: readonly State[];
  /** The base learning rate, which schedules start from. */
  readonly lr: number;
  /** Momentum buffers and the like, one a parameter and kind, under stable names (`momentum.3`). */
  readonly states: ReadonlyMap<string, State>;
  /** How many numbers {@link scalarsAt} gives. */
  readonly scalarCount: number;
  /** The numbers of step `step` (1 is the first). */
  scalarsAt(step: number, settings: StepSettings): readonly number[];
  /** Within a trace: assigns the parameters and its own states. `gradients[i]` belongs to `parameters[i]`. */
  update(gradients: readonly Value[], scalars: readonly Value[]): void;
}

/** A state of zeros for each parameter. */
export function zerosLike(parameters: readonly State[], kind: string): State[] {
  return parameters.map((p, i) => state({ role: "optimizer", label: `${kind}.${i}`, initial: Tensor.zeros(p.shape) }));
}

/** States under the names that checkpoints use. */
export function named(groups: Readonly<Record<string, readonly State[]>>): ReadonlyMap<string, State> {
  return new Map(
    Object.entries(groups).flatMap(([kind, states]) => states.map((s, i): [string, State] => [`${kind}.${i}`, s])),
  );
}
