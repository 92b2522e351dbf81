/**
 * Cheap results computed anew rather than kept: a normalised and rectified activation is read by the next convolution,
 * and then not before that convolution's gradient by its weights, hundreds of stages later. The convolution's own result,
 * of which it is made, is kept in between in any case, for the gradient of the normalisation. So it is made a second time
 * from that, by the same kernel and with the same bits; a network's activations then take half of the memory.
 *
 * Only what counts is made again: at the place where most is alive, largest gain first, while all that it is made of is
 * alive where it is needed again.
 */
import { type Value, apply } from "../ops/op.ts";
import { type Lifetime, bytesOf, lifetimesOf } from "./lifetimes.ts";
import type { Task } from "./task.ts";

/** Smaller tensors are not worth a second pass. */
const WORTHWHILE = 1 << 18;
/** Nor what is needed again so many tasks later. */
const FAR = 10;
/** What is kept longer for it costs nothing up to this size: means, scales. */
const SMALL = 1 << 16;

interface Candidate {
  readonly value: Value;
  readonly task: number;
  /** Last use before the gap, first one after it. */
  readonly last: number;
  readonly next: number;
}

/**
 * The tasks, and those that make something again before it is needed again.
 * @param results needed at the end
 * @param least bytes of a tensor that is worth it
 * @param far tasks between two uses that are worth it
 */
export function recompute(
  tasks: readonly Task[],
  results: readonly Value[],
  least: number = WORTHWHILE,
  far: number = FAR,
): Task[] {
  const lives = lifetimesOf(tasks, results);
  // The last task (of the list as it is now) at which each value is alive without a gap from where it was made.
  const ends = new Map<Value, number>();
  const alive = new Array<number>(tasks.length + 1).fill(0);
  for (const [value, { made, uses }] of lives) {
    if (made < 0) continue;
    const end = uses.at(-1) ?? made;
    ends.set(value, end);
    const bytes = bytesOf(value);
    for (let t = made; t <= end; t++) alive[t] += bytes;
  }
  const again = new Map<number, Candidate[]>();
  let candidates = tasks.flatMap((task, t) =>
    candidatesOf(task, t, lives, least).filter(({ last, next }) => next - last > far),
  );
  for (;;) {
    const peak = alive.indexOf(Math.max(...alive));
    const chosen = candidates.find(
      ({ task, last, next }) =>
        last < peak && peak < next && tasks[task].inputs.every((x) => availableAt(next, x, lives, ends)),
    );
    if (chosen === undefined) break;
    candidates = candidates.filter((c) => c !== chosen);
    const bytes = bytesOf(chosen.value);
    for (let t = chosen.last + 1; t < chosen.next; t++) alive[t] -= bytes;
    ends.set(chosen.value, chosen.last);
    again.set(chosen.next, [...(again.get(chosen.next) ?? []), chosen]);
  }
  if (again.size === 0) return [...tasks];
  const now = new Map<Value, Value>();
  return tasks.flatMap((task, t) => {
    const repeated = (again.get(t) ?? []).map(({ value, task: maker }): Task => {
      const copy = apply(value.op, value.inputs, value.attrs);
      now.set(value, copy);
      return { ...tasks[maker], outputs: [copy] };
    });
    if (now.size === 0 || !task.inputs.some((x) => now.has(x))) return [...repeated, task];
    return [...repeated, { ...task, inputs: task.inputs.map((x) => now.get(x) ?? x) }];
  });
}

/** The longest gap between two uses, of a result that its task may make twice. */
function candidatesOf(task: Task, t: number, lives: ReadonlyMap<Value, Lifetime>, least: number): Candidate[] {
  const [value] = task.outputs;
  const life = lives.get(value);
  if (task.cheap !== true || task.alias || task.outputs.length !== 1 || life === undefined) return [];
  if (life.aliased || bytesOf(value) < least) return [];
  let [last, next] = [t, t];
  [t, ...life.uses].forEach((use, i, uses) => {
    const following = uses[i + 1] ?? use;
    if (following - use > next - last) [last, next] = [use, following];
  });
  return [{ value, task: t, last, next }];
}

/** Leaves are there, small things are kept; others must be needed later anyway. */
function availableAt(
  t: number,
  x: Value,
  lives: ReadonlyMap<Value, Lifetime>,
  ends: ReadonlyMap<Value, number>,
): boolean {
  const life = lives.get(x);
  if (life === undefined || life.made < 0 || bytesOf(x) <= SMALL) return true;
  return !life.aliased && (ends.get(x) ?? -1) >= t;
}
