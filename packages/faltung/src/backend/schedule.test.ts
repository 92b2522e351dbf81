import fc from "fast-check";
import { expect, test } from "vitest";
import type { Func } from "../wasm/index.ts";
import type { Region, Stage } from "./plan.ts";
import { type Step, schedule } from "./schedule.ts";

function stage(pointers: readonly Region[], writes: readonly number[], flops: number, work = 100): Stage<Region> {
  const build = (): Func => {
    throw new Error("not emitted here");
  };
  const kernel = { key: "k", pointers: pointers.length, integers: 0, build };
  return { label: "k", kernel, work, pointers, writes, integers: [], scratch: 0, flops, bytes: 0 };
}

const at = (address: number, bytes = 64): Region => ({ address, bytes });
const BIG = 1e9;
const shape = (steps: readonly Step[]): string =>
  steps.map((s) => (s.kind === "barrier" ? "|" : s.parts === 1 ? `t${s.thread}` : `/${s.parts}`)).join(" ");

test("a divided stage waits for the one that wrote what it reads", () => {
  expect(shape(schedule([stage([at(0)], [0], BIG), stage([at(0), at(64)], [1], BIG)], 2))).toBe("/2 | /2");
});

test("stages that share nothing, or only read the same, need no barrier", () => {
  const reads = [stage([at(0), at(64)], [1], BIG), stage([at(0), at(128)], [1], BIG)];
  expect(shape(schedule(reads, 2))).toBe("/2 /2");
});

test("overwriting what another thread may still read needs a barrier", () => {
  expect(shape(schedule([stage([at(0), at(64)], [1], BIG), stage([at(0)], [0], BIG)], 2))).toBe("/2 | /2");
});

test("a chain of small stages stays on its thread; independent ones go to the least busy", () => {
  const small = [
    stage([at(0)], [0], 10),
    stage([at(64)], [0], 10),
    stage([at(0), at(128)], [1], 10),
    stage([at(128), at(192)], [1], 10),
    stage([at(64), at(256)], [1], 10),
  ];
  expect(shape(schedule(small, 2))).toBe("t0 t1 t0 t0 t1");
  expect(shape(schedule([...small, stage([at(192), at(256), at(320)], [2], 10)], 2))).toBe("t0 t1 t0 t0 t1 | t0");
});

test("no more parts than items, nor than the work is worth", () => {
  expect(shape(schedule([stage([at(0)], [0], BIG, 3), stage([at(64)], [0], 40 * 9000)], 8))).toBe("/3 /2");
  expect(schedule([stage([at(0)], [0], BIG, 0)], 2)).toEqual([]);
});

test("whatever the stages: two threads never touch the same bytes between two barriers, one writing", () => {
  const region = fc.record({ address: fc.integer({ min: 0, max: 12 }), bytes: fc.integer({ min: 0, max: 3 }) });
  const anyStage = fc
    .record({ pointers: fc.array(region, { minLength: 1, maxLength: 3 }), big: fc.boolean(), writes: fc.nat(2) })
    .map(({ pointers, big, writes }) => stage(pointers, [writes % pointers.length], big ? BIG : 1));
  fc.assert(
    fc.property(fc.array(anyStage, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), (stages, threads) => {
      // Bytes touched since the last barrier: by whom ("*": by several), and whether written.
      const touched = new Map<number, { who: Set<number>; written: boolean }>();
      for (const step of schedule(stages, threads)) {
        if (step.kind === "barrier") {
          touched.clear();
          continue;
        }
        const who = step.parts === 1 ? [step.thread] : Array.from({ length: step.parts }, (_, t) => t);
        const own = new Map<number, boolean>();
        step.stage.pointers.forEach((p, i) => {
          for (let b = p.address; b < p.address + p.bytes; b++) {
            own.set(b, (own.get(b) ?? false) || step.stage.writes.includes(i));
          }
        });
        for (const [b, written] of own) {
          const before = touched.get(b) ?? { who: new Set<number>(), written: false };
          const others = [...before.who, ...who].some((t) => t !== who[0]) && before.who.size > 0;
          if (others && (written || before.written)) return false;
          who.forEach((t) => before.who.add(t));
          touched.set(b, { who: before.who, written: before.written || written });
        }
      }
      return true;
    }),
  );
});
