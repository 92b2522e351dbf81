/**
 * Which kernel calls of an entry depend on nothing but constants, and states that the entry itself leaves alone: packing
 * weights, transforming them, folding batch-norm at inference. They need not run each time, only after such a state has
 * changed; the planner moves them into a preparation of their own.
 */
import type { Stage } from "../backend/plan.ts";
import { type Value, isConstant, isState } from "../ops/op.ts";
import type { Slot } from "./steps.ts";

/** What is prepared is kept, so it may not be much larger than what it is made from (Winograd: up to 64/9 times). */
const LARGEST_GROWTH = 16;
const ALWAYS_KEPT = 65536;

/** For each stage, whether it can be prepared. @param updated states that the entry writes */
export function preparable(stages: readonly Stage<Slot>[], updated: ReadonlySet<Value>): boolean[] {
  const ready = stages.map(() => true);
  const fixedLeaf = ({ leaf }: Slot): boolean =>
    leaf !== null && (isConstant(leaf) || (isState(leaf) && !updated.has(leaf)));
  for (;;) {
    const fixed = new Map<Slot, boolean>();
    // Bytes of constants and states behind a slot.
    const behind = new Map<Slot, number>();
    let changed = false;
    stages.forEach((stage, s) => {
      let source = 0;
      let fits = ready[s];
      stage.pointers.forEach((slot, i) => {
        if (stage.writes.includes(i)) return;
        fits &&= fixedLeaf(slot) || fixed.get(slot) === true;
        source += behind.get(slot) ?? slot.bytes;
      });
      const written = stage.writes.map((i) => stage.pointers[i]);
      const size = written.reduce((sum, slot) => sum + slot.bytes, 0);
      fits &&= size <= Math.max(ALWAYS_KEPT, LARGEST_GROWTH * source);
      // A slot that some stage cannot prepare is prepared by none of its writers.
      fits &&= written.every((slot) => fixed.get(slot) !== false);
      if (fits !== ready[s]) changed = true;
      ready[s] = fits;
      for (const slot of written) {
        if (!fits && fixed.get(slot) === true) changed = true;
        fixed.set(slot, fits);
        behind.set(slot, source);
      }
    });
    if (!changed) return ready;
    // Writers that came before the one that spoils a slot are taken back too.
    stages.forEach((stage, s) => {
      ready[s] &&= stage.writes.every((i) => fixed.get(stage.pointers[i]) === true);
    });
  }
}
