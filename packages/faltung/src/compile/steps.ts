/**
 * From tasks to steps: kernel calls over slots. A slot is a value in one layout (or a kernel's temporary) that has no
 * address yet. Conversions between layouts stand before their first reader; reshapes share their operand's slot.
 */
import { copyStage } from "../backend/copy.ts";
import type { Stage } from "../backend/plan.ts";
import {
  type Layout,
  type Lowered,
  type State,
  type Target,
  type Value,
  isConstant,
  isInput,
  isState,
} from "../ops/op.ts";
import { lowerConversion } from "../ops/shape/layout.wasm.ts";
import { FaltungError } from "../tensor/errors.ts";
import { show } from "../tensor/shape.ts";
import { bytesIn, chooseLayouts } from "./layout.ts";
import type { Task, TaskLayouts } from "./task.ts";
import type { Storage } from "./storage.ts";

export interface Slot {
  readonly label: string;
  readonly bytes: number;
  /** The input, constant or state that it is; null for what kernels make. */
  readonly leaf: Value | null;
  /** Where it lies; set by the planner. Several slots may share one storage. */
  storage: Storage | null;
}

export interface Step {
  readonly label: string;
  readonly kind: "task" | "conversion" | "copy";
  /** `[64, 32, 28, 28]`, of output 0. */
  readonly shape: string;
  readonly layouts: string;
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  readonly inPlace: Task["inPlace"];
  readonly stages: readonly Stage<Slot>[];
}

export interface EntrySteps {
  readonly steps: Step[];
  readonly outputs: ReadonlyMap<string, Slot>;
  /** Each state's new value: the slot that holds it at the end. */
  readonly updates: readonly (readonly [State, Slot])[];
}

/** A graph whose operations all have kernels, cut into tasks. */
export interface TaskGraph {
  readonly outputs: ReadonlyMap<string, Value>;
  readonly updates: readonly (readonly [State, Value])[];
  readonly tasks: readonly Task[];
}

/** @param leafSlot the slot of an input, constant or state: states and constants are shared between entries. */
export function stepsOf(graph: TaskGraph, target: Target, leafSlot: (leaf: Value) => Slot): EntrySteps {
  const { tasks, updates } = graph;
  const results = [...graph.outputs.values(), ...updates.map(([, value]) => value)];
  // The choice of layouts asks what a task costs in its best one, which is mostly the one taken.
  const first = new Map<Task, Lowered>();
  const lower = (task: Task, choice: TaskLayouts): Lowered => {
    const known = choice === task.layouts[0] ? first.get(task) : undefined;
    if (known !== undefined) return known;
    const lowered = task.lower(choice, target);
    if (choice === task.layouts[0]) first.set(task, lowered);
    return lowered;
  };
  const layouts = chooseLayouts(tasks, results, target, lower);
  const steps: Step[] = [];
  const made = new Map<Value, Partial<Record<Layout, Slot>>>();

  const slotIn = (value: Value, layout: Layout): Slot => {
    let known = made.get(value);
    if (known === undefined) {
      if (!isInput(value) && !isConstant(value) && !isState(value)) {
        throw new FaltungError("plan", `${value.op.name} ${show(value.shape)} is used before any task makes it.`);
      }
      known = { plain: leafSlot(value) };
      made.set(value, known);
    }
    const here = known[layout];
    if (here !== undefined) return here;
    const from: Layout = layout === "plain" ? "blocked" : "plain";
    const source = slotIn(value, from);
    const slot: Slot = { label: value.op.name, bytes: bytesIn(value, layout), leaf: null, storage: null };
    known[layout] = slot;
    steps.push({
      label: "convert",
      kind: "conversion",
      shape: show(value.shape),
      layouts: `${from} → ${layout}`,
      inputs: [source],
      outputs: [slot],
      inPlace: [],
      stages: resolve(lowerConversion(value, from), [source], [slot], "convert"),
    });
    return slot;
  };

  tasks.forEach((task, t) => {
    const choice = layouts[t];
    const inputs = task.inputs.map((value, i) => slotIn(value, choice.inputs[i]));
    if (task.alias) {
      made.set(task.outputs[0], { plain: inputs[0] });
      return;
    }
    const outputs = task.outputs.map((value, o): Slot => {
      const slot: Slot = { label: task.label, bytes: bytesIn(value, choice.outputs[o]), leaf: null, storage: null };
      made.set(value, { [choice.outputs[o]]: slot });
      return slot;
    });
    steps.push({
      label: task.label,
      kind: "task",
      shape: show(task.outputs[0].shape),
      layouts: `${choice.inputs.map(letter).join("")}→${choice.outputs.map(letter).join("")}`,
      inputs,
      outputs,
      inPlace: task.inPlace,
      stages: resolve(lower(task, choice), inputs, outputs, task.label),
    });
  });

  // A result that is a leaf is copied: first thing, so that the leaf may be overwritten later in the step.
  const updated = new Set<Value>(updates.map(([state]) => state));
  const early: Step[] = [];
  const copied = (source: Slot): Slot => {
    const slot: Slot = { ...source, leaf: null, storage: null };
    early.push(copyStep(source, slot));
    return slot;
  };
  const outputs = new Map<string, Slot>();
  for (const [name, value] of graph.outputs) {
    const slot = slotIn(value, "plain");
    outputs.set(name, slot.leaf === null ? slot : copied(slot));
  }
  const ends = updates.map(([state, value]): readonly [State, Slot] => {
    const slot = slotIn(value, "plain");
    return [state, slot.leaf !== null && updated.has(slot.leaf) && slot.leaf !== state ? copied(slot) : slot];
  });
  return { steps: [...early, ...steps], outputs, updates: ends };
}

export function copyStep(from: Slot, to: Slot): Step {
  return {
    label: "copy",
    kind: "copy",
    shape: from.label,
    layouts: "",
    inputs: [from],
    outputs: [to],
    inPlace: [],
    stages: [copyStage(from, to, from.bytes)],
  };
}

function letter(layout: Layout): string {
  return layout === "plain" ? "p" : "b";
}

/** The stages of a lowering, its buffers replaced by slots. */
function resolve(lowered: Lowered, inputs: readonly Slot[], outputs: readonly Slot[], label: string): Stage<Slot>[] {
  const temps = lowered.temps.map((bytes): Slot => ({
    label: `${label}, temporary`,
    bytes,
    leaf: null,
    storage: null,
  }));
  const buffers = { input: inputs, output: outputs, temp: temps };
  return lowered.stages.map((stage) => ({
    ...stage,
    pointers: stage.pointers.map(({ kind, index }, i) => {
      const slot = buffers[kind][index];
      if (slot === undefined || (kind === "input" && stage.writes.includes(i))) {
        throw new FaltungError(
          "plan",
          `${label}: stage ${stage.label} ${slot === undefined ? "names" : "writes"} ${kind} ${index}, which it may not.`,
        );
      }
      return slot;
    }),
  }));
}
