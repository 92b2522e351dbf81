/**
 * Who runs what, and where threads must wait for each other.
 *
 * A stage that is worth it is divided among the threads; a smaller one runs whole on one thread. A barrier stands only
 * before a stage that touches bytes which another thread wrote (or will overwrite bytes that another one reads) since
 * the last barrier, so a chain of small stages costs none. Nothing here can change a result's bits: a stage's items do
 * not depend on how they are divided (see {@link Kernel}).
 */
import type { Region, Stage } from "./plan.ts";

/** One step of a thread's way through a job. */
export type Step =
  | { readonly kind: "barrier" }
  /** Divided among the threads 0 … parts − 1; where `parts` is 1, run whole by `thread`. */
  | { readonly kind: "call"; readonly stage: Stage<Region>; readonly parts: number; readonly thread: number };

/** What a stage takes on one thread, in nanoseconds, roughly: 40 GFLOP/s, 20 GB/s, and the call itself. */
export function estimate(stage: Stage<unknown>): number {
  return Math.max(stage.flops / 40, stage.bytes / 20) + 50;
}

/** A thread's share must be worth a barrier (2 µs) and the caches that it cools. */
export const GRAIN_NS = 4000;

interface Access {
  readonly from: number;
  readonly to: number;
  readonly write: boolean;
  /** The thread, or −1 where the stage was divided. */
  readonly thread: number;
}

const DIVIDED = -1;

/** Orders the stages of a job for `threads` threads. Stages without work are left out. */
export function schedule(stages: readonly Stage<Region>[], threads: number): Step[] {
  // One thread waits for nobody: to compare hundreds of stages with each other would tell it nothing.
  if (threads === 1) {
    return stages.filter(({ work }) => work > 0).map((stage) => ({ kind: "call", stage, parts: 1, thread: 0 }));
  }
  const steps: Step[] = [];
  let since: Access[] = [];
  let load = new Array<number>(threads).fill(0);
  for (const stage of stages) {
    if (stage.work <= 0) continue;
    const cost = estimate(stage);
    const parts = Math.max(1, Math.min(threads, stage.work, Math.floor(cost / GRAIN_NS)));
    const mine = accessesOf(stage, DIVIDED);
    let owners = ownersInConflict(mine, since);
    const alone = parts === 1;
    if (alone ? owners.has(DIVIDED) || owners.size > 1 : owners.size > 0) {
      steps.push({ kind: "barrier" });
      since = [];
      load = load.map(() => 0);
      owners = new Set();
    }
    let thread = 0;
    if (alone) {
      const [owner] = owners;
      thread = owner ?? load.indexOf(Math.min(...load));
      load[thread] += cost;
    } else {
      for (let t = 0; t < parts; t++) load[t] += cost / parts;
    }
    since.push(...(alone ? mine.map((a) => ({ ...a, thread })) : mine));
    steps.push({ kind: "call", stage, parts, thread });
  }
  return steps;
}

function accessesOf(stage: Stage<Region>, thread: number): Access[] {
  return stage.pointers
    .map(({ address, bytes }, i) => ({ from: address, to: address + bytes, write: stage.writes.includes(i), thread }))
    .filter(({ from, to }) => to > from);
}

/** Threads whose accesses touch the same bytes, at least one of the two writing. */
function ownersInConflict(mine: readonly Access[], since: readonly Access[]): Set<number> {
  const owners = new Set<number>();
  // By index: with hundreds of stages these two loops are most of scheduling.
  for (let i = 0; i < mine.length; i++) {
    const { from, to, write } = mine[i];
    for (let k = 0; k < since.length; k++) {
      const b = since[k];
      if ((write || b.write) && from < b.to && b.from < to) owners.add(b.thread);
    }
  }
  return owners;
}
