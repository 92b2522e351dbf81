import fc from "fast-check";
import { expect, test } from "vitest";
import { hire } from "../backend/wasm/instance.ts";
import { type State, type Target, type Value, state } from "../ops/op.ts";
import { Random } from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import { entryGraph, unfused } from "./entries.ts";
import { type EntryGraph, type ProgramPlan, planProgram } from "./plan.ts";
import { postpone } from "./postpone.ts";
import type { Entries, Program } from "./program.ts";
import { recompute } from "./recompute.ts";
import { referenceProgram } from "./referenceProgram.ts";
import { blockedHalf, half, packed, plus, reversed, toyTask } from "./toys.samples.ts";
import { type Graph, assign, trace } from "./trace.ts";
import { wasmProgram } from "./wasmProgram.ts";

const SHAPE = [2, 3, 50];
const COUNT = 120;

/** A network drawn from a list of numbers: each adds one operation on some of the values so far. */
type Recipe = readonly { readonly op: number; readonly a: number; readonly b: number }[];

interface Network {
  readonly states: readonly State[];
  readonly graphs: ReadonlyMap<string, Graph>;
}

function filled(seed: number): Tensor {
  const random = new Random(seed);
  const t = Tensor.zeros(SHAPE);
  t.data.forEach((_, i) => (t.data[i] = random.uniform(-1, 1)));
  return t;
}

function network(recipes: readonly Recipe[], updates: number): Network {
  const states = [0, 1, 2].map((i) => state({ role: "parameter", label: `w${i}`, initial: filled(i) }));
  const graphs = new Map(
    recipes.map((recipe, e) => [
      `entry${e}`,
      trace(
        ({ x }) => {
          const values: Value[] = [x, ...states];
          for (const { op, a, b } of recipe) {
            const [p, q] = [values[a % values.length], values[b % values.length]];
            values.push([half(p), plus(p, q), reversed(p), packed(p, q), blockedHalf(p)][op % 5]);
          }
          // The first entry updates some states; the others, some of them not at all.
          for (let i = 0; i < updates && e < 2; i++) assign(states[i], values[(values.length - 1 - i) % values.length]);
          return { y: values[values.length - 1], z: values[Math.floor(values.length / 2)] };
        },
        { x: { shape: SHAPE, dtype: "float32" } },
      ),
    ]),
  );
  return { states, graphs };
}

/** With the passes that save memory at work on tensors of any size. */
function saved(entry: EntryGraph): EntryGraph {
  const { outputs, updates } = entry;
  const results = [...outputs.values(), ...updates.map(([, value]) => value)];
  const tasks = entry.tasks.map((task) => ({ ...task, cheap: !task.alias }));
  return { ...entry, tasks: recompute(postpone(tasks, results, updates, 0), results, 0, 1) };
}

function planOf({ graphs }: Network, threads: number, saving = false): ProgramPlan {
  const target: Target = { fma: false, fast: true, wide: false, threads };
  const entries = [...graphs].map(([name, graph]) => entryGraph(name, graph, (roots) => unfused(roots, toyTask)));
  return planProgram(saving ? entries.map(saved) : entries, target);
}

/** All that a run of the entries, in turns, can be seen to do. */
function observe(program: Program<Entries>, { states, graphs }: Network): string {
  const seen: string[] = [];
  const show = (t: Tensor): number => seen.push([...new Uint32Array(t.data.slice().buffer)].join());
  for (let round = 0; round < 2; round++) {
    for (const name of [...graphs.keys(), ...graphs.keys()]) {
      const { y, z } = program.run(name, { x: filled(round + 10) });
      show(y);
      show(z);
    }
    states.forEach((s) => show(program.read(s)));
  }
  program.close();
  return seen.join("\n");
}

const recipe = fc.array(fc.record({ op: fc.nat(4), a: fc.nat(30), b: fc.nat(30) }), { minLength: 1, maxLength: 12 });
const recipes = fc.array(recipe, { minLength: 1, maxLength: 3 });

test("random networks: the planned program does what the reference does, to the bit", async () => {
  await fc.assert(
    fc.asyncProperty(recipes, fc.nat(3), async (list, updates) => {
      const drawn = network(list, updates);
      const program = await wasmProgram(planOf(drawn, 1), hire(0), []);
      const expected = observe(referenceProgram(drawn.graphs, "float32", []), drawn);
      expect(observe(program, drawn)).toBe(expected);
      const saving = await wasmProgram(planOf(drawn, 1, true), hire(0), []);
      expect(observe(saving, drawn), "what saves memory").toBe(expected);
    }),
    { numRuns: COUNT },
  );
});

test("random networks: one, two and three threads give the same bits", async () => {
  await fc.assert(
    fc.asyncProperty(recipes, fc.nat(3), async (list, updates) => {
      const drawn = network(list, updates);
      const run = async (threads: number): Promise<string> =>
        observe(await wasmProgram(planOf(drawn, threads), hire(threads - 1), []), drawn);
      const one = await run(1);
      expect(await run(2)).toBe(one);
      expect(await run(3)).toBe(one);
    }),
    { numRuns: 8 },
  );
});

test("the same network has the same plan", () => {
  const drawn = network(
    [
      [
        { op: 3, a: 0, b: 1 },
        { op: 4, a: 4, b: 0 },
      ],
      [{ op: 1, a: 1, b: 2 }],
    ],
    1,
  );
  const text = (): string => JSON.stringify([planOf(drawn, 2).plan, planOf(drawn, 2).memory]);
  expect(text()).toBe(text());
});

const optimizer = (): { readonly graph: Graph; readonly w: State; readonly m: State } => {
  const w = state({ role: "parameter", label: "w", initial: filled(0) });
  const m = state({ role: "optimizer", label: "m", initial: filled(1) });
  const graph = trace(
    ({ x }) => {
      const momentum = plus(m, x);
      assign(m, momentum);
      assign(w, plus(w, half(momentum)));
      return {};
    },
    { x: { shape: SHAPE, dtype: "float32" } },
  );
  return { graph, w, m };
};

test("an optimiser's states are updated in place, without copies", () => {
  const { graph, w, m } = optimizer();
  const planned = planOf({ states: [w, m], graphs: new Map([["step", graph]]) }, 1);
  const labels = planned.notes.flat().map(({ task }) => task);
  expect(labels).toEqual(["sum2", "halve", "sum2"]);
  const [momentum, , weight] = planned.plan.jobs[0].stages;
  expect(momentum.pointers[2]).toEqual(momentum.pointers[0]);
  expect(weight.pointers[2].address).toBe(planned.states.get(w)?.address);
});

test("a state that is read after its new value is made is copied at the end", () => {
  const w = state({ role: "parameter", label: "w", initial: filled(0) });
  const graph = trace(
    ({ x }) => {
      const next = plus(w, x);
      assign(w, next);
      return { y: plus(next, reversed(w)) };
    },
    { x: { shape: SHAPE, dtype: "float32" } },
  );
  const labels = planOf({ states: [w], graphs: new Map([["step", graph]]) }, 1)
    .notes.flat()
    .map(({ task }) => task);
  expect(labels).toEqual(["sum2", "reverse", "sum2", "copy"]);
});

test("a chain of elementwise tasks needs the memory of one temporary", () => {
  const graph = trace(({ x }) => ({ y: reversed(half(half(half(half(x))))) }), {
    x: { shape: SHAPE, dtype: "float32" },
  });
  expect(planOf({ states: [], graphs: new Map([["go", graph]]) }, 1).memory.temporaries).toBeLessThan(2 * 1200);
});

test("parameters lie one after the other, each at a cache line", () => {
  const states = [30, 16, 1, 100].map((n, i) =>
    state({ role: i === 1 ? "buffer" : "parameter", label: `w${i}`, initial: Tensor.zeros([n]) }),
  );
  const graph = trace(() => (states.forEach((s) => assign(s, half(s))), {}), {});
  const planned = planOf({ states, graphs: new Map([["go", graph]]) }, 1);
  const [a, buffer, b, c] = states.map((s) => planned.states.get(s)?.address ?? -1);
  expect([a % 64, b - a, c - b]).toEqual([0, 128, 64]);
  expect(buffer).toBeGreaterThanOrEqual(c + 400);
});
