/** When the values of a list of tasks are made and used: what the passes over tasks that save memory ask. */
import type { Value } from "../ops/op.ts";
import { BYTES, sizeOf } from "../tensor/shape.ts";
import type { Task } from "./task.ts";

export interface Lifetime {
  /** The task that makes it; −1: it is a leaf. */
  readonly made: number;
  /** The tasks that read it, in order; the list's length where it is a result. */
  readonly uses: readonly number[];
  /** Some task reads it under another shape. */
  readonly aliased: boolean;
}

export function bytesOf(value: Value): number {
  return sizeOf(value.shape) * BYTES[value.dtype];
}

/** Lifetimes of all values, aliases counted to what they stand for. @param results needed at the end */
export function lifetimesOf(tasks: readonly Task[], results: readonly Value[]): Map<Value, Lifetime> {
  const lives = new Map<Value, { made: number; uses: number[]; aliased: boolean }>();
  const origin = new Map<Value, Value>();
  const lifeOf = (value: Value): { made: number; uses: number[]; aliased: boolean } => {
    const known = lives.get(value);
    if (known !== undefined) return known;
    const life = { made: -1, uses: [], aliased: false };
    lives.set(value, life);
    return life;
  };
  const use = (value: Value, at: number): void => {
    const source = origin.get(value) ?? value;
    const life = lifeOf(source);
    life.uses.push(at);
    if (source !== value) life.aliased = true;
  };
  tasks.forEach((task, t) => {
    if (task.alias) {
      const [from] = task.inputs;
      origin.set(task.outputs[0], origin.get(from) ?? from);
      return;
    }
    for (const value of new Set(task.inputs)) use(value, t);
    for (const value of task.outputs) lifeOf(value).made = t;
  });
  for (const value of results) use(value, tasks.length);
  return lives;
}
