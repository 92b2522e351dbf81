/**
 * Tasks wait until what they make is needed, where that keeps less alive: tasks come in the order in which a user wrote
 * their values, and a product of a parameter alone (a momentum's decay) would stand before the whole backward pass.
 */
import { type State, type Value } from "../ops/op.ts";
import { bytesOf, lifetimesOf } from "./lifetimes.ts";
import type { Task } from "./task.ts";

/** Tasks that make less are left where they are: there is nothing to gain. */
const WORTHWHILE = 65536;

/**
 * The same tasks in an order in which they can run just as well.
 * @param results needed at the end
 * @param updates states' new values: what reads an old one stays before the new one is made
 * @param least bytes that a task makes to be worth it
 */
export function postpone(
  tasks: readonly Task[],
  results: readonly Value[],
  updates: readonly (readonly [State, Value])[],
  least: number = WORTHWHILE,
): Task[] {
  const lives = lifetimesOf(tasks, results);
  const position = tasks.map((_, t) => t);
  const overwritten = new Map<Value, number>(updates.map(([state, value]) => [state, lives.get(value)?.made ?? -1]));
  const before = new Map<number, Task[]>();
  const stays = tasks.map((task) => [task]);
  for (let t = tasks.length - 1; t >= 0; t--) {
    const task = tasks[t];
    const made = task.outputs.reduce((sum, v) => sum + bytesOf(v), 0);
    if (task.alias || made < least || task.outputs.some((v) => lives.get(v)?.aliased !== false)) continue;
    let to = Infinity;
    for (const v of task.outputs) for (const u of lives.get(v)?.uses ?? []) to = Math.min(to, position[u] ?? -1);
    for (const v of task.inputs) to = Math.min(to, overwritten.get(v) ?? Infinity);
    if (to <= t + 1 || to >= tasks.length) continue;
    // What dies with the task would live on.
    let kept = 0;
    for (const v of new Set(task.inputs)) {
      const life = lives.get(v);
      if (life === undefined || life.made < 0 || life.aliased || life.uses.some((u) => u >= to)) continue;
      kept += bytesOf(v);
    }
    if (made <= kept) continue;
    position[t] = to;
    before.set(to, [task, ...(before.get(to) ?? [])]);
    stays[t] = [];
  }
  return stays.flatMap((own, t) => [...(before.get(t) ?? []), ...own]);
}
