/**
 * One row: every entrant prepares it in a process of its own; the outputs are compared; then they take turns, A B C A B C,
 * so that whatever else the machine does meets all of them alike.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "./child.mjs";
import { writeInputs } from "./inputs.mjs";
import { median, quantile, relativeError, undisturbed } from "./stats.mjs";

/**
 * @typedef {object} Result
 * @property {string} work
 * @property {string} peer
 * @property {string} title
 * @property {number} threads
 * @property {string} [version]
 * @property {string} [error] its own words, if it could not do the work
 * @property {number} [ms] median
 * @property {number} [best] the least time: where the clock is the processor's, long runs are by it
 * @property {"wall" | "processor"} [clock] what `best`, `gflops` and `ratio` are by
 * @property {number} [spread] (upper − lower quartile) / median
 * @property {number} [cpu] processor time of a run, all its threads, in ms
 * @property {number} [gflops] by the best time
 * @property {number} [roof] gflops / (the 128-bit roof of its engine × threads)
 * @property {number} [ratio] how many times longer it takes than Faltung with the same threads: the median of the rounds
 * @property {number} [first] ms from the start of its preparation to the end of the first run
 * @property {number} [cold] ms from the start of its process to the end of the first run
 * @property {number} [memory] most MiB its process ever had
 * @property {number} [imported] MiB when nothing but its library was loaded
 * @property {number} [difference] of its output from the reference, relative to the largest
 * @property {Record<string, any>} [facts]
 */

/** How far outputs may be apart: Winograd rounds more coarsely than the direct sum, and a deep network adds to it. */
const TOLERANCE = { conv: 1e-4, gradInput: 1e-4, gradWeight: 1e-4, infer: 1e-3, train: 1e-3 };
/** Who is believed when outputs differ: the first of these that ran. */
const TRUSTED = ["torch-nchw", "ort-node", "ort-web", "tfjs-wasm", "faltung"];

/**
 * @param {import("./works.mjs").Work} work
 * @param {readonly import("./peers.mjs").Entrant[]} entrants
 * @param {{ rounds: number, budget: number, limit: number, roof: (node: string | undefined) => number, busy: boolean, say: (line: string) => void }} options
 * budget: ms of a turn; limit: seconds that a peer may take to get ready; roof: GFLOP/s of one core
 * by a release of Node, or by the one that the rows run on, asked before and after, since a shared machine has fast and
 * slow minutes; busy: others use the
 * machine, so that one thread is better judged by its processor time
 * @returns {Promise<Result[]>}
 */
export async function measure(work, entrants, { rounds, budget, limit, roof, busy, say }) {
  const clockOf = (/** @type {Result} */ { threads }) => (busy && threads === 1 ? "processor" : "wall");
  const folder = mkdtempSync(join(tmpdir(), "faltung-bench-"));
  /** @type {{ result: Result, node: string | undefined, child: Child, out: Float32Array, turns: number[], runs: number[], cpus: number[], slow: boolean }[]} */
  const ready = [];
  /** @type {Result[]} */
  const results = [];
  try {
    const { flops } = await writeInputs(work, folder);
    for (const { id, title, threads, command, fits, node } of entrants) {
      if (fits?.(work) === false) continue;
      /** @type {Result} */
      const result = { work: work.name, peer: id, title, threads };
      results.push(result);
      const child = new Child(command);
      try {
        const answer = await child.ask({ do: "load", folder, spawnedAt: child.spawnedAt }, limit);
        const { version, first, cold, imported, facts } = answer;
        Object.assign(result, { version, first, cold, imported, facts });
        const bytes = readFileSync(answer.file);
        const out = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
        ready.push({ result, node, child, out, turns: [], runs: [], cpus: [], slow: first > 5000 });
      } catch (error) {
        child.kill();
        result.error = /** @type {Error} */ (error).message;
        say(`${title} (${threads}): ${result.error}`);
      }
    }
    const trusted =
      TRUSTED.map((id) => ready.find((r) => r.result.peer === id)).find((r) => r !== undefined) ?? ready[0];
    for (const r of ready) {
      r.result.difference = relativeError(r.out, trusted.out);
      if (!(r.result.difference <= TOLERANCE[work.kind])) {
        r.result.error = `its output differs by ${r.result.difference.toExponential(1)} from that of ${trusted.result.title}`;
        say(`${r.result.title} (${r.result.threads}): ${r.result.error}`);
      }
    }
    const racing = ready.filter((r) => r.result.error === undefined);
    const tops = new Map(racing.map(({ node }) => [node, roof(node)]));
    for (let round = 0; round < rounds; round++) {
      for (const r of racing) {
        if (r.slow && round > 0) continue; // seconds a run: one turn tells enough
        try {
          const warm = r.slow ? 0 : round === 0 ? 10 * budget : budget / 5;
          const { runs, cpus } = await r.child.ask({ do: "time", budget, warm }, 2 * limit);
          r.runs.push(...runs);
          r.cpus.push(...cpus);
          r.slow = Math.min(...runs) > 3000;
          r.turns.push(
            Math.min(
              ...(clockOf(r.result) === "processor"
                ? runs.map((/** @type {number} */ wall, /** @type {number} */ i) => undisturbed(wall, cpus[i]))
                : runs),
            ),
          );
        } catch (error) {
          r.result.error ??= /** @type {Error} */ (error).message;
        }
      }
    }
    for (const [node, before] of tops) tops.set(node, Math.max(before, roof(node)));
    for (const r of racing) {
      if (r.runs.length === 0) continue;
      const base = racing.find((b) => b.result.peer === "faltung" && b.result.threads === r.result.threads);
      const best = Math.min(...r.turns);
      const gflops = flops / best / 1e6;
      Object.assign(r.result, {
        ms: median(r.runs),
        best,
        clock: clockOf(r.result),
        spread: (quantile(r.runs, 0.75) - quantile(r.runs, 0.25)) / median(r.runs),
        cpu: median(r.cpus),
        gflops,
        roof: gflops / ((r.result.facts?.["roof"] ?? tops.get(r.node)) * r.result.threads),
        ratio: base && median(r.turns.slice(0, base.turns.length).map((t, i) => t / base.turns[i])),
        memory: (await r.child.ask({ do: "memory" }, limit)).peak ?? undefined,
      });
    }
  } finally {
    for (const { child } of ready) child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
  return results;
}
