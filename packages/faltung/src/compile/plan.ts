/**
 * The planner: several entries (train, evaluate, predict, …) become one plan over one arena. It decides where every
 * value lies: states once for all entries, inputs and outputs each at a place of its own, and temporaries by their
 * lifetimes, the entries' on top of each other, as only one entry runs at a time.
 */
import { CONTROL_BYTES, type Job, type Plan, type Region, SLACK, type Stage } from "../backend/plan.ts";
import { type State, type StateRole, type Target, type Value, isConstant, isInput, isState } from "../ops/op.ts";
import type { TensorType } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { align, place, placeInOrder } from "./arena.ts";
import { bytesIn } from "./layout.ts";
import { preparable } from "./prepare.ts";
import { type MemoryReport, type MemoryUse, USE_OF_ROLE, emptyReport } from "./program.ts";
import { type EntrySteps, type Slot, type Step, type TaskGraph, copyStep, stepsOf } from "./steps.ts";
import { type Storage, storage } from "./storage.ts";

/** A tensor in the arena, plain. */
export interface Place extends TensorType {
  readonly address: number;
}

export interface PlannedEntry {
  readonly name: string;
  /** Index of its job, and of the job that prepares it (−1: there is nothing to prepare). */
  readonly job: number;
  readonly preparation: number;
  readonly inputs: ReadonlyMap<string, Place>;
  readonly outputs: ReadonlyMap<string, Place>;
  /** The states that the entry writes. */
  readonly updates: ReadonlySet<State>;
  /** The states that its preparation reads. */
  readonly prepares: ReadonlySet<State>;
}

/** What a row of `explain()` says about a stage besides the stage's own words. */
export interface StageNote {
  readonly task: string;
  readonly shape: string;
  readonly layouts: string;
  readonly kind: Step["kind"];
}

export interface ProgramPlan {
  readonly plan: Plan;
  readonly entries: readonly PlannedEntry[];
  readonly states: ReadonlyMap<State, Place>;
  readonly constants: readonly (readonly [Tensor, address: number])[];
  /** Per job of the plan, what its stages belong to. */
  readonly notes: readonly (readonly StageNote[])[];
  readonly memory: MemoryReport;
}

export interface EntryGraph extends TaskGraph {
  readonly name: string;
  readonly inputs: readonly Value[];
  /** The states that it reads or writes, in order of first use. */
  readonly states: readonly State[];
}

const ROLES: readonly StateRole[] = ["parameter", "buffer", "optimizer", "random"];

/** Plans `entries` for `target.threads` threads. */
export function planProgram(entries: readonly EntryGraph[], target: Target): ProgramPlan {
  const leaves = new Leaves();
  const drafts = entries.map((entry) => new EntryDraft(entry, target, leaves));

  // What lives for ever, in a fixed order; parameters first and without gaps, so that one pass can walk them all.
  const stateSlots = ROLES.flatMap((role) =>
    leaves.states(entries.flatMap((entry) => entry.states).filter((state) => state.attrs.role === role)),
  );
  const lasting = [
    ...stateSlots.map(({ storage }) => storage),
    ...leaves.constants.map(({ storage }) => storage),
    ...drafts.flatMap((draft) => draft.lasting),
  ];
  const jobs = drafts.flatMap((draft) => draft.jobs());
  const together = jobs.flatMap((job) => job.stages.map((stage) => [...new Set(stage.pointers.map(storageOf))]));
  const isParameter = (block: Storage): boolean => block.use === "parameters";
  const parametersEnd = placeInOrder(lasting.filter(isParameter), CONTROL_BYTES);
  const base = placeInOrder(
    lasting.filter((block) => !isParameter(block)),
    parametersEnd,
    together,
  );
  let end = base;
  for (const job of jobs) end = Math.max(end, place(lifetimes(job), base, together));

  const stride = scratchStride(jobs);
  const scratch = { address: align(end), stride };
  const total = scratch.address + stride * target.threads + SLACK;
  const memory = { ...emptyReport(), temporaries: end - base, scratch: stride * target.threads, total };
  for (const block of lasting) memory[block.use] += block.bytes;

  return {
    plan: { jobs: jobs.map(regionsOf), threads: target.threads, bytes: total, scratch },
    entries: drafts.map((draft) => draft.finish(jobs)),
    states: new Map(stateSlots.map(({ value, storage: { address } }) => [value, placeOf(value, address)])),
    constants: leaves.constants.map(({ tensor, storage: { address } }) => [tensor, address]),
    notes: jobs.map((job) => job.notes),
    memory,
  };
}

/** The slots that all entries share. */
class Leaves {
  readonly constants: { readonly tensor: Tensor; readonly storage: Storage }[] = [];
  readonly #slots = new Map<Value, Slot>();
  readonly #byContent = new Map<string | Tensor, Slot>();

  states(states: readonly State[]): { readonly value: State; readonly storage: Storage }[] {
    return [...new Set(states)].map((value) => ({ value, storage: storageOf(this.slot(value)) }));
  }

  slot(leaf: Value): Slot {
    const known = this.#slots.get(leaf);
    if (known !== undefined) return known;
    const made = isConstant(leaf) ? this.#constant(leaf) : this.#leaf(leaf);
    this.#slots.set(leaf, made);
    return made;
  }

  #leaf(leaf: Value): Slot {
    const [use, label]: [MemoryUse, string] = isState(leaf)
      ? [USE_OF_ROLE[leaf.attrs.role], leaf.attrs.label]
      : ["inputs", isInput(leaf) ? leaf.attrs.name : leaf.op.name];
    const bytes = bytesIn(leaf, "plain");
    return { label, bytes, leaf, storage: storage(use, bytes, label) };
  }

  /** Equal small constants (ones, epsilons) share a place. */
  #constant(leaf: Value<{ readonly tensor: Tensor }>): Slot {
    const { tensor } = leaf.attrs;
    const { data } = tensor;
    const bits = (): string => new Uint8Array(data.buffer, data.byteOffset, data.byteLength).join();
    const key = data.byteLength <= 64 ? `${tensor.dtype}:${bits()}` : tensor;
    const known = this.#byContent.get(key);
    if (known !== undefined) return known;
    const bytes = bytesIn(leaf, "plain");
    const place = storage("constants", bytes, "constant");
    const slot: Slot = { label: "constant", bytes, leaf, storage: place };
    this.constants.push({ tensor, storage: place });
    this.#byContent.set(key, slot);
    return slot;
  }
}

interface DraftJob {
  readonly name: string;
  readonly entry: string;
  readonly preparation: boolean;
  readonly stages: readonly Stage<Slot>[];
  readonly notes: readonly StageNote[];
}

interface Placed {
  readonly stage: Stage<Slot>;
  readonly step: Step;
}

/** One entry on its way to a plan: steps, what of them can be prepared, and a storage for each slot. */
class EntryDraft {
  readonly #entry: EntryGraph;
  readonly #leaves: Leaves;
  readonly #steps: EntrySteps;
  readonly #calls: Placed[];
  readonly #prepared: readonly boolean[];
  /** Outputs and prepared values: they keep their places. Inputs too. */
  readonly lasting: Storage[] = [];

  constructor(entry: EntryGraph, target: Target, leaves: Leaves) {
    this.#entry = entry;
    this.#leaves = leaves;
    this.lasting.push(...entry.inputs.map((input) => storageOf(leaves.slot(input))));
    this.#steps = stepsOf(entry, target, (leaf) => leaves.slot(leaf));
    const { steps, updates } = this.#steps;
    const callsOf = (step: Step): Placed[] => step.stages.map((stage) => ({ stage, step }));
    const calls = steps.flatMap(callsOf);
    const updated = new Set<Value>(updates.map(([state]) => state));
    const prepared = preparable(
      calls.map(({ stage }) => stage),
      updated,
    );
    const kept = new Set<Slot>();
    calls.forEach(({ stage }, i) => prepared[i] && stage.writes.forEach((w) => kept.add(stage.pointers[w])));

    const copies = this.#bindUpdates(kept);
    this.#bindOutputs();
    this.#bindPrepared(calls, prepared, copies);
    steps.push(...copies);
    this.#bindTemporaries(kept);
    this.#calls = [...calls, ...copies.flatMap(callsOf)];
    this.#prepared = [...prepared, ...copies.map(() => false)];
  }

  /**
   * A state's new value is written right over the old one where every reader of the old one has finished by then, or is
   * the very task that makes the new one, element by element. @returns the copies that the other states need at the end
   */
  #bindUpdates(kept: ReadonlySet<Slot>): Step[] {
    const { steps, updates } = this.#steps;
    const copies: Step[] = [];
    const makers = new Map<Slot, number>();
    const readersOf = new Map<Slot, number[]>();
    steps.forEach((step, s) => {
      for (const slot of step.outputs) makers.set(slot, s);
      for (const slot of new Set(step.inputs)) readersOf.set(slot, [...(readersOf.get(slot) ?? []), s]);
    });
    for (const [state, slot] of updates) {
      const target = this.#leaves.slot(state);
      if (slot === target) continue; // state ← state
      const maker = makers.get(slot) ?? -1;
      const readers = readersOf.get(target) ?? [];
      const free = readers.every((r) => r < maker || (r === maker && mayReplace(steps[r], slot, target)));
      if (slot.leaf === null && slot.storage === null && !kept.has(slot) && free) slot.storage = target.storage;
      else copies.push(copyStep(slot, target));
    }
    return copies;
  }

  #bindOutputs(): void {
    for (const [name, slot] of this.#steps.outputs) {
      if (slot.storage === null) this.#keep(slot, "outputs", name);
    }
  }

  /** What the preparation writes and the entry itself reads. */
  #bindPrepared(calls: readonly Placed[], prepared: readonly boolean[], copies: readonly Step[]): void {
    const read = new Set<Slot>(copies.flatMap((step) => step.inputs));
    calls.forEach(({ stage }, i) => !prepared[i] && stage.pointers.forEach((slot) => read.add(slot)));
    calls.forEach(({ stage }, i) => {
      if (!prepared[i]) return;
      for (const w of stage.writes) {
        const slot = stage.pointers[w];
        if (slot.storage === null && read.has(slot)) this.#keep(slot, "prepared", slot.label);
      }
    });
  }

  #keep(slot: Slot, use: MemoryUse, label: string): void {
    slot.storage = storage(use, slot.bytes, label);
    this.lasting.push(slot.storage);
  }

  /** All other slots; a task's result takes the place of an operand that dies there, where the task allows it. */
  #bindTemporaries(kept: ReadonlySet<Slot>): void {
    const { steps } = this.#steps;
    const lastReader = new Map<Slot, number>();
    steps.forEach((step, s) => step.inputs.forEach((slot) => lastReader.set(slot, s)));
    steps.forEach((step, s) => {
      const taken = new Set<Storage>();
      for (const slot of step.outputs) {
        if (slot.storage !== null) continue;
        const dying = step.inputs.find(
          (input) =>
            input.storage?.use === "temporaries" &&
            !taken.has(input.storage) &&
            !kept.has(input) &&
            !kept.has(slot) &&
            lastReader.get(input) === s &&
            mayReplace(step, slot, input),
        );
        slot.storage = dying?.storage ?? storage("temporaries", slot.bytes, slot.label);
        taken.add(slot.storage);
      }
      for (const slot of step.stages.flatMap((stage) => stage.pointers)) {
        slot.storage ??= storage("temporaries", slot.bytes, slot.label);
      }
    });
  }

  /** The entry's job, and before it the one that prepares it, if any. */
  jobs(): DraftJob[] {
    const { name } = this.#entry;
    const make = (preparation: boolean): DraftJob => {
      const calls = this.#calls.filter(({ stage }, i) => stage.work > 0 && this.#prepared[i] === preparation);
      return {
        name: preparation ? `${name}.prepare` : name,
        entry: name,
        preparation,
        stages: calls.map(({ stage }) => stage),
        notes: calls.map(({ step: { label, shape, layouts, kind } }) => ({ task: label, shape, layouts, kind })),
      };
    };
    const preparation = make(true);
    return preparation.stages.length > 0 ? [preparation, make(false)] : [make(false)];
  }

  finish(jobs: readonly DraftJob[]): PlannedEntry {
    const { name, inputs } = this.#entry;
    const index = (preparation: boolean): number =>
      jobs.findIndex((job) => job.entry === name && job.preparation === preparation);
    const preparation = index(true);
    const read = preparation < 0 ? [] : jobs[preparation].stages.flatMap((stage) => stage.pointers.map((p) => p.leaf));
    return {
      name,
      job: index(false),
      preparation,
      inputs: new Map(
        inputs.map((value) => [
          isInput(value) ? value.attrs.name : "",
          placeOf(value, storageOf(this.#leaves.slot(value)).address),
        ]),
      ),
      outputs: new Map(
        [...this.#steps.outputs].map(([key, slot]) => [
          key,
          placeOf(this.#entry.outputs.get(key) as Value, storageOf(slot).address),
        ]),
      ),
      updates: new Set(this.#steps.updates.map(([state]) => state)),
      prepares: new Set(read.filter((leaf): leaf is State => leaf !== null && isState(leaf))),
    };
  }
}

/** True if `output` of a step may lie where `input` lies: every use of that input is in step with the output. */
function mayReplace(step: Step, output: Slot, input: Slot): boolean {
  const o = step.outputs.indexOf(output);
  return (
    output.bytes === input.bytes &&
    step.inputs.every((slot, i) => slot !== input || step.inPlace.some(([a, b]) => a === o && b === i))
  );
}

function storageOf(slot: Slot): Storage {
  if (slot.storage === null) throw new Error(`${slot.label} has no storage`);
  return slot.storage;
}

/** The temporaries of a job with the stages of their first and last use. */
function lifetimes(job: DraftJob): Storage[] {
  const blocks = new Set<Storage>();
  job.stages.forEach((stage, s) => {
    for (const slot of stage.pointers) {
      const block = storageOf(slot);
      if (block.use !== "temporaries") continue;
      blocks.add(block);
      block.first = Math.min(block.first, s);
      block.last = Math.max(block.last, s);
    }
  });
  return [...blocks];
}

function regionsOf(job: DraftJob): Job {
  return {
    name: job.name,
    stages: job.stages.map((stage) => ({
      ...stage,
      pointers: stage.pointers.map((slot): Region => ({ address: storageOf(slot).address, bytes: slot.bytes })),
    })),
  };
}

/** The largest scratch that a stage asks for; threads' scratches do not start at the same place of a page. */
function scratchStride(jobs: readonly DraftJob[]): number {
  const most = Math.max(0, ...jobs.flatMap((job) => job.stages.map((stage) => stage.scratch)));
  return most === 0 ? 0 : align(most) + (most >= 4096 ? 320 : 64);
}

function placeOf({ shape, dtype }: TensorType, address: number): Place {
  return { shape, dtype, address };
}
