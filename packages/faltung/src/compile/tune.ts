/**
 * `compile(…, { tune })`: which algorithm is the fastest here, by trying them. Each alternative becomes a job of a small program,
 * run on one thread with numbers that do not matter until the engine has optimised it and then a few times more. The
 * answers are plain data, so that a run can be resumed, or another machine computes, with the same ones: algorithms
 * round differently.
 */
import { CONTROL_BYTES, type Region, SLACK, type Stage } from "../backend/plan.ts";
import { hire, instantiate } from "../backend/wasm/instance.ts";
import type { Alternatives, BufferRef, Lowered } from "../ops/op.ts";
import { align } from "./arena.ts";
import { bytesIn } from "./layout.ts";
import type { Tuner } from "./choices.ts";
import { planProgram } from "./plan.ts";

/** How long an algorithm is run: V8 has replaced its quick code by optimised long before. */
const TRIED_MS = 60;
/** The usual algorithm stays unless another is faster by more than measurements differ. */
const CLEARLY = 0.95;

/**
 * Tries which algorithm is the fastest for each convolution that has several, some tenths of a second for each different
 * one: give it to {@link compile} or `fit`, which call it. It has an entry of its own, so that who does not use it does
 * not load it.
 *
 * @returns the choices for all work that has alternatives: `program.choices`
 * @example
 * ```ts
 * import { compile, conv2d } from "faltung";
 * import { tune } from "faltung/tune";
 *
 * const shapes = { x: [1, 16, 12, 12], w: [16, 16, 3, 3] };
 * const { program } = await compile(({ x, w }) => ({ y: conv2d(x, w, null, { padding: 1 }) }), shapes, { tune });
 * program.choices; // e.g. { "conv 16→16 3×3 to 10×10, batch 1": "winograd4" }
 * program.close();
 * ```
 */
export const tune: Tuner = async (graphs, target, known) => {
  const choices: Record<string, string> = {};
  const open = new Map<string, { readonly alternatives: Alternatives; readonly weightsStay: boolean }>();
  for (const graph of graphs) {
    const weightsStay = graph.updates.length === 0;
    const choose = (alternatives: Alternatives): string => {
      const { work, usual } = alternatives;
      if (Object.hasOwn(known, work)) choices[work] = known[work];
      else if (!open.has(work)) open.set(work, { alternatives, weightsStay });
      return usual;
    };
    planProgram([graph], { ...target, choose });
  }
  for (const [work, { alternatives, weightsStay }] of open) {
    choices[work] = await fastest(alternatives, weightsStay);
  }
  return choices;
};

async function fastest({ algorithms, usual, site, lower }: Alternatives, weightsStay: boolean): Promise<string> {
  const inputs = site.inputs.map(({ type, layout }) => bytesIn(type, layout));
  const output = bytesIn(site.output.type, site.output.layout);
  const jobs = algorithms.map((name) => ({ name, ...placed(lower(name), inputs, output, weightsStay) }));
  const scratch = align(Math.max(...jobs.map(({ end }) => end)));
  const stride = Math.max(...jobs.flatMap(({ stages }) => stages.map((stage) => stage.scratch)));
  const plan = { jobs, threads: 1, bytes: scratch + stride + SLACK, scratch: { address: scratch, stride } };
  const { run, close } = await instantiate(plan, hire(0));
  const best = jobs.map((_, job) => {
    // The least of all runs: the first ones, before the engine has optimised, are slower and do not count.
    let least = Infinity;
    for (const end = performance.now() + TRIED_MS; ;) {
      const start = performance.now();
      if (start > end && least < Infinity) return least;
      run(job);
      least = Math.min(least, performance.now() - start);
    }
  });
  close();
  const winner = best.indexOf(Math.min(...best));
  return best[winner] < CLEARLY * best[algorithms.indexOf(usual)] ? algorithms[winner] : usual;
}

/** A lowering's stages with its buffers one behind the other; what is prepared once where weights stay is left out. */
function placed(
  { stages, temps }: Lowered,
  inputs: readonly number[],
  output: number,
  weightsStay: boolean,
): { readonly stages: Stage<Region>[]; readonly end: number } {
  let end = CONTROL_BYTES;
  const place = (bytes: number): Region => {
    const address = align(end);
    end = address + bytes + SLACK;
    return { address, bytes };
  };
  const regions = { input: inputs.map(place), output: [place(output)], temp: temps.map(place) };
  // What depends on the data: input 0, and whatever was made from it.
  const moving = new Set<Region>([regions.input[0]]);
  const run = stages
    .map((stage) => ({ ...stage, pointers: stage.pointers.map((ref: BufferRef) => regions[ref.kind][ref.index]) }))
    .filter(({ pointers, writes }) => {
      const depends = pointers.some((region) => moving.has(region));
      if (depends) writes.forEach((i) => moving.add(pointers[i]));
      return depends || !weightsStay;
    });
  return { stages: run, end };
}
