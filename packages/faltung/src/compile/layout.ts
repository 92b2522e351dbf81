/**
 * The layout pass: which of its layouts each task works in, so that as few bytes as possible are converted between
 * plain and channel-blocked memory, and no task takes a slow way to save a cheap conversion.
 *
 * Exact solutions are minimum cuts; networks need less: several starts (every task's best, a greedy walk, whole runs of
 * flexible tasks in one layout), each improved task by task until nothing gets better. Deterministic.
 */
import type { Layout, Lowered, Target, Value } from "../ops/op.ts";
import { BYTES, type TensorType, sizeOf } from "../tensor/shape.ts";
import type { Task, TaskLayouts } from "./task.ts";

/** Lanes of a channel block. */
export const LANES = 8;

/** Bytes of a tensor in a layout. */
export function bytesIn(type: TensorType, layout: Layout): number {
  const { shape, dtype } = type;
  if (layout === "plain") return sizeOf(shape) * BYTES[dtype];
  const [n = 0, c = 0, ...spatial] = shape;
  return n * Math.ceil(c / LANES) * LANES * sizeOf(spatial) * BYTES[dtype];
}

/**
 * A task's second-best layout is taken to make it a quarter slower, its third-best by two quarters, …; one flop (at
 * 40 GFLOP/s) costs as much as half a byte moved (at 20 GB/s).
 */
const SECOND_BEST_BYTES_PER_FLOP = 0.25 * 0.5;

/** How a task is lowered; whoever lowers it again anyway may remember. */
export type Lower = (task: Task, layouts: TaskLayouts) => Lowered;

/**
 * A layout for every operand of every task. Leaves are plain, and so are the `results`.
 * @param tasks in order
 */
export function chooseLayouts(
  tasks: readonly Task[],
  results: readonly Value[],
  target: Target,
  lower: Lower = (task, layouts) => task.lower(layouts, target),
): TaskLayouts[] {
  const search = new Search(tasks, results, lower);
  const starts = [tasks.map(() => 0), search.greedy(), search.uniform("plain"), search.uniform("blocked")];
  let best: number[] = starts[0];
  let least = Infinity;
  for (const start of starts) {
    search.improve(start);
    const cost = search.total(start);
    if (cost < least) {
      least = cost;
      best = start;
    }
  }
  return tasks.map((task, t) => task.layouts[best[t]]);
}

/** Where a value is made and read. */
interface Flow {
  readonly value: Value;
  readonly atEnd: boolean;
  /** Bytes read and written by a conversion. */
  readonly bytes: number;
  /** The task that makes it (−1: none), and as which of its outputs. */
  maker: number;
  output: number;
  /** Who reads it: pairs of a task and an operand of it. */
  readonly readers: (readonly [task: number, operand: number])[];
}

class Search {
  readonly #tasks: readonly Task[];
  readonly #flows = new Map<Value, Flow>();
  /** The flows of each task's operands and results, each once. */
  readonly #around: readonly (readonly Flow[])[];
  /** Bytes that each further choice of a task costs it. */
  readonly #step: readonly number[];

  constructor(tasks: readonly Task[], results: readonly Value[], lower: Lower) {
    this.#tasks = tasks;
    const atEnd = new Set(results);
    const flowOf = (value: Value): Flow => {
      const known = this.#flows.get(value);
      if (known !== undefined) return known;
      const bytes = bytesIn(value, "plain") + bytesIn(value, "blocked");
      const made: Flow = { value, atEnd: atEnd.has(value), bytes, maker: -1, output: 0, readers: [] };
      this.#flows.set(value, made);
      return made;
    };
    this.#around = tasks.map((task, t) => {
      const flows = new Set<Flow>();
      task.outputs.forEach((value, o) => {
        const flow = flowOf(value);
        flow.maker = t;
        flow.output = o;
        flows.add(flow);
      });
      task.inputs.forEach((value, i) => {
        const flow = flowOf(value);
        flow.readers.push([t, i]);
        flows.add(flow);
      });
      return [...flows];
    });
    this.#step = tasks.map((task) => {
      if (task.layouts.length < 2) return 0;
      const flops = lower(task, task.layouts[0]).stages.reduce((sum, stage) => sum + stage.flops, 0);
      return flops * SECOND_BEST_BYTES_PER_FLOP;
    });
  }

  total(choice: readonly number[]): number {
    let cost = 0;
    for (let t = 0; t < choice.length; t++) cost += choice[t] * this.#step[t];
    this.#flows.forEach((flow) => (cost += this.#conversion(flow, choice)));
    return cost;
  }

  /** Task by task, in order, the choice that converts least of what is there already. */
  greedy(): number[] {
    const choice = this.#tasks.map(() => 0);
    this.#tasks.forEach((_, t) => {
      const before = this.#around[t].filter(({ maker }) => maker < t);
      choice[t] = this.#bestOf(t, (c) => {
        choice[t] = c;
        let cost = 0;
        for (const flow of before) {
          const made = this.#madeIn(flow, choice);
          if (flow.readers.some(([r, i]) => r === t && this.#readIn(r, i, choice) !== made)) {
            cost += bytesIn(flow.value, "plain");
          }
        }
        return cost;
      });
    });
    return choice;
  }

  /** Every task that can work wholly in `layout` does. */
  uniform(layout: Layout): number[] {
    return this.#tasks.map((task) => {
      const all = (list: readonly Layout[], values: readonly Value[]): boolean =>
        list.every((l, i) => l === layout || values[i].shape.length < 3);
      return Math.max(
        0,
        task.layouts.findIndex((l) => all(l.inputs, task.inputs) && all(l.outputs, task.outputs)),
      );
    });
  }

  /** Changes one task at a time while that helps. */
  improve(choice: number[]): void {
    const order = this.#tasks.map((_, t) => t).filter((t) => this.#tasks[t].layouts.length > 1);
    // A task is looked at again only if one that it shares a tensor with has changed since.
    const settled = this.#tasks.map(() => false);
    for (let round = 0; round < 20; round++) {
      let changed = false;
      for (const t of round % 2 === 0 ? order : order.toReversed()) {
        if (settled[t]) continue;
        settled[t] = true;
        const before = choice[t];
        const flows = this.#around[t];
        const costOf = (c: number): number => {
          choice[t] = c;
          let cost = 0;
          for (let i = 0; i < flows.length; i++) cost += this.#conversion(flows[i], choice);
          return cost;
        };
        const after = this.#bestOf(t, costOf, before);
        choice[t] = after;
        if (after === before) continue;
        changed = true;
        for (const { maker, readers } of flows) {
          if (maker >= 0) settled[maker] = false;
          for (const [reader] of readers) settled[reader] = false;
        }
        settled[t] = true;
      }
      if (!changed) return;
    }
  }

  /** The choice of least cost; where two are equal, `first`, else the better one for the task. */
  #bestOf(t: number, costOf: (choice: number) => number, first = 0): number {
    let best = first;
    let least = costOf(first) + first * this.#step[t];
    for (let c = 0; c < this.#tasks[t].layouts.length; c++) {
      if (c === first) continue;
      const cost = costOf(c) + c * this.#step[t];
      if (cost < least) {
        least = cost;
        best = c;
      }
    }
    return best;
  }

  #readIn(task: number, operand: number, choice: readonly number[]): Layout {
    return this.#tasks[task].layouts[choice[task]].inputs[operand];
  }

  #madeIn({ maker, output }: Flow, choice: readonly number[]): Layout {
    return maker < 0 ? "plain" : this.#tasks[maker].layouts[choice[maker]].outputs[output];
  }

  /** Bytes read and written to give all readers of a value the layout that they read it in. */
  #conversion(flow: Flow, choice: readonly number[]): number {
    const made = this.#madeIn(flow, choice);
    if (flow.atEnd && made !== "plain") return flow.bytes;
    const { readers } = flow;
    for (let i = 0; i < readers.length; i++) {
      const [task, operand] = readers[i];
      if (this.#readIn(task, operand, choice) !== made) return flow.bytes;
    }
    return 0;
  }
}
