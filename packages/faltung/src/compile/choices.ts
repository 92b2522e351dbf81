/** Which algorithms a program takes, where they were chosen before, or are tried out (see tune.ts). */
import type { Target } from "../ops/op.ts";
import { OptionError } from "../tensor/errors.ts";
import type { EntryGraph } from "./plan.ts";
import type { Choices } from "./program.ts";

/** Makes the choices that `known` does not have, for all work of these graphs that has alternatives. */
export type Tuner = (graphs: readonly EntryGraph[], target: Target, known: Choices) => Promise<Choices>;

/** The target that takes these choices. @throws OptionError, when it is used, for an algorithm that there is not */
export function choosing(target: Target, choices: Choices): Target {
  return {
    ...target,
    choose({ work, algorithms, usual }) {
      const wish = Object.hasOwn(choices, work) ? choices[work] : usual;
      if (algorithms.includes(wish)) return wish;
      throw new OptionError(`compile: choices take "${wish}" for ${work}; there are ${algorithms.join(", ")}.`);
    },
  };
}
