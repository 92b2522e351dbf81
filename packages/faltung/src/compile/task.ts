/**
 * What fusion hands to planning: tasks. A task is one operation, perhaps with elementwise work fused into it, or a
 * fused chain of elementwise operations. The planner gives its values layouts and places in the arena, and asks it
 * for kernels; it never looks inside.
 */
import type { Layout, Lowered, Target, Value } from "../ops/op.ts";
import { FaltungError } from "../tensor/errors.ts";

export interface TaskLayouts {
  readonly inputs: readonly Layout[];
  readonly outputs: readonly Layout[];
}

export interface Task {
  /** What it computes, for `explain()`: `conv2d+add+relu`. */
  readonly label: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** The layouts it can work in, best first. */
  readonly layouts: readonly TaskLayouts[];
  /** Output 0 is input 0 under another shape: no kernel; both share one place. */
  readonly alias: boolean;
  /** A pass over memory with little arithmetic: it may run twice if that saves memory. */
  readonly cheap?: boolean;
  /** Pairs [output, input] that may share one place: element i of the output depends on that input's element i only. */
  readonly inPlace: readonly (readonly [output: number, input: number])[];
  lower(layouts: TaskLayouts, target: Target): Lowered;
}

/** An operation by itself, nothing fused into it. @throws FaltungError if it has no kernels. */
export function taskOf(value: Value): Task {
  const { op, inputs, attrs } = value;
  const { wasm } = op;
  if (wasm === undefined) {
    throw new FaltungError("plan", `${op.name} has no WebAssembly kernels; compile with backend: "reference".`);
  }
  const plain: TaskLayouts = { inputs: inputs.map(() => "plain"), outputs: ["plain"] };
  const choices = wasm.layouts?.(inputs, value, attrs).map((c) => ({ inputs: c.inputs, outputs: [c.output] }));
  return {
    label: op.name,
    inputs,
    outputs: [value],
    layouts: wasm.alias === true ? [plain] : (choices ?? [plain]),
    alias: wasm.alias === true,
    inPlace: [],
    lower: (layouts, target) =>
      wasm.lower({
        inputs: inputs.map((type, i) => ({ type, layout: layouts.inputs[i] })),
        output: { type: value, layout: layouts.outputs[0] },
        attrs,
        target,
      }),
  };
}
