/**
 * Learning-rate schedules, with the conventions and numbers of torch.optim.lr_scheduler
 * (https://pytorch.org/docs/stable/optim.html). A schedule is a pure function of the step; only reduce-on-plateau
 * remembers something, as plain data that checkpoints keep.
 */
import { OptionError, checkRange } from "../tensor/errors.ts";
import type { StepSettings } from "./optimizer.ts";

export interface Schedule {
  readonly name: string;
  /** Settings of a step: `step` counts from 0 over the whole run, `epoch` from 0; `lr` is the optimiser's base rate. */
  at(step: number, epoch: number, lr: number): StepSettings;
  /** After an epoch: `metric` is the validation loss. */
  epochEnd?(metric: number): void;
  /** What it remembers, for checkpoints; {@link restore} takes it back. */
  readonly memory?: Readonly<Record<string, number>>;
  restore?(memory: Readonly<Record<string, number>>): void;
}

/**
 * The base rate throughout.
 *
 * @example
 * ```ts
 * constantRate().at(1000, 10, 0.1).lr; // 0.1
 * ```
 */
export function constantRate(): Schedule {
  return { name: "constant", at: (_step, _epoch, lr) => ({ lr }) };
}

/**
 * × gamma (0.1) every `stepSize` epochs: StepLR.
 *
 * @example
 * ```ts
 * stepRate(30).at(0, 60, 0.1).lr; // ≈ 0.001: after two reductions
 * ```
 */
export function stepRate(stepSize: number, gamma: number = 0.1): Schedule {
  checkRange("stepRate: stepSize", stepSize, 1);
  return { name: "step", at: (_step, epoch, lr) => ({ lr: lr * gamma ** Math.floor(epoch / stepSize) }) };
}

/**
 * × gamma (0.1) at each epoch of `milestones`: MultiStepLR.
 *
 * @example
 * ```ts
 * multiStepRate([30, 80]).at(0, 50, 0.1).lr; // ≈ 0.01
 * ```
 */
export function multiStepRate(milestones: readonly number[], gamma: number = 0.1): Schedule {
  return {
    name: "multiStep",
    at: (_step, epoch, lr) => ({ lr: lr * gamma ** milestones.filter((m) => epoch >= m).length }),
  };
}

/**
 * Half a cosine from the base rate to `minimum` (0) over `totalSteps`, after a linear warm-up of `warmupSteps` (0):
 * CosineAnnealingLR by steps, after LinearLR.
 *
 * @example
 * ```ts
 * const schedule = cosineRate({ totalSteps: 100, warmupSteps: 10 });
 * schedule.at(55, 0, 0.1).lr; // 0.05: half-way down
 * ```
 */
export function cosineRate(options: {
  readonly totalSteps: number;
  readonly warmupSteps?: number;
  readonly minimum?: number;
}): Schedule {
  const { totalSteps, warmupSteps = 0, minimum = 0 } = options;
  checkRange("cosineRate: totalSteps", totalSteps, 1);
  checkRange("cosineRate: warmupSteps", warmupSteps, 0, totalSteps);
  return {
    name: "cosine",
    at(step, _epoch, lr) {
      if (step < warmupSteps) return { lr: (lr * (step + 1)) / warmupSteps };
      const done = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
      return { lr: minimum + ((lr - minimum) * (1 + Math.cos(Math.PI * done))) / 2 };
    },
  };
}

export interface OneCycleOptions {
  readonly totalSteps: number;
  /** Share of the steps that rise (0.3). */
  readonly pctStart?: number;
  /** The first rate is the peak / divFactor (25), the last the first / finalDivFactor (10,000). */
  readonly divFactor?: number;
  readonly finalDivFactor?: number;
  /** `cos` unless said. */
  readonly anneal?: "cos" | "linear";
  /** Down to the first rate as fast as up, and only then to the last one (false). */
  readonly threePhase?: boolean;
  /** Momentum moves against the rate, from the second to the first and back ([0.85, 0.95]); null leaves it alone. */
  readonly momentum?: readonly [low: number, high: number] | null;
}

/**
 * One cycle up and down (Smith & Topin 2018), the peak being the optimiser's rate: OneCycleLR.
 *
 * @example
 * ```ts
 * const schedule = oneCycleRate({ totalSteps: 1000 });
 * schedule.at(0, 0, 0.1).lr; // 0.004
 * ```
 */
export function oneCycleRate(options: OneCycleOptions): Schedule {
  const { totalSteps, pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4, anneal = "cos", threePhase } = options;
  const { momentum = [0.85, 0.95] } = options;
  checkRange("oneCycleRate: totalSteps", totalSteps, 1);
  checkRange("oneCycleRate: pctStart", pctStart, 0, 1);
  const between = (from: number, to: number, share: number): number =>
    anneal === "cos" ? to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share)) : from + (to - from) * share;
  const peak = pctStart * totalSteps - 1;
  return {
    name: "oneCycle",
    at(step, _epoch, lr) {
      const first = lr / divFactor;
      const [low, high] = momentum ?? [0, 0];
      // Where a phase ends, and what rate and momentum are there; it begins where the one before ends.
      const ends = [
        [0, first, high],
        [peak, lr, low],
        ...(threePhase ? [[2 * peak, first, high]] : []),
        [totalSteps - 1, first / finalDivFactor, high],
      ];
      const next = ends.findIndex(([end], i) => i > 0 && (step <= end || i === ends.length - 1));
      const [from, to] = [ends[next - 1], ends[next]];
      const share = to[0] === from[0] ? 1 : Math.min(1, (step - from[0]) / (to[0] - from[0]));
      const rate = between(from[1], to[1], share);
      return momentum === null ? { lr: rate } : { lr: rate, momentum: between(from[2], to[2], share) };
    },
  };
}

export interface PlateauOptions {
  /** × factor (0.1) when the loss has not got better by `threshold` (relative, 1e-4) for more than `patience` epochs (10). */
  readonly factor?: number;
  readonly patience?: number;
  readonly threshold?: number;
  readonly cooldown?: number;
  readonly minimum?: number;
}

/**
 * Lowers the rate when the validation loss stops falling: ReduceLROnPlateau.
 *
 * @example
 * ```ts
 * const schedule = plateauRate({ patience: 1 });
 * for (const loss of [1, 1, 1]) schedule.epochEnd?.(loss);
 * schedule.at(0, 3, 0.1).lr; // ≈ 0.01
 * ```
 */
export function plateauRate(options: PlateauOptions = {}): Schedule {
  const { factor = 0.1, patience = 10, threshold = 1e-4, cooldown = 0, minimum = 0 } = options;
  if (!(factor > 0 && factor < 1)) throw new OptionError(`plateauRate: factor is ${factor}; expected between 0 and 1.`);
  let memory = { best: Number.MAX_VALUE, bad: 0, cooling: 0, reductions: 0 };
  return {
    name: "plateau",
    at: (_step, _epoch, lr) => ({ lr: Math.max(minimum, lr * factor ** memory.reductions) }),
    epochEnd(metric) {
      let { best, bad, cooling, reductions } = memory;
      if (metric < best * (1 - threshold)) {
        best = metric;
        bad = 0;
      } else bad++;
      if (cooling > 0) {
        cooling--;
        bad = 0;
      }
      if (bad > patience) {
        reductions++;
        cooling = cooldown;
        bad = 0;
      }
      memory = { best, bad, cooling, reductions };
    },
    get memory() {
      return memory;
    },
    restore(saved) {
      memory = { ...memory, ...saved };
    },
  };
}
