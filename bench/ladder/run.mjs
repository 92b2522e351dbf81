/**
 * `node bench/ladder/run.mjs`: one convolution (64→64, 3×3, 56×56) on every rung of the ladder, from seven loops to
 * Winograd. Each rung is checked against the first before it is timed; times are the best of many.
 * docs/kernels.md is the tour.
 */
import { Random } from "./random.mjs";
import * as blocked from "./blocked.mjs";
import { direct, winograd } from "./library.mjs";
import * as naive from "./naive.mjs";
import { simd, tiles } from "./wasm.mjs";
import { relativeError, undisturbed } from "../lib/stats.mjs";

/**
 * @typedef {{ channels: number, outChannels: number, size: number, x: Float32Array, weight: Float32Array }} Problem
 * @typedef {{ run: () => void, output: () => Float32Array }} Rung
 */

const [channels, outChannels, size] = [64, 64, 56];
const random = Random(1);
const normal = (/** @type {number} */ n, scale = 1) => Float32Array.from({ length: n }, () => scale * random());
/** @type {Problem} */
const problem = {
  channels,
  outChannels,
  size,
  x: normal(channels * size * size),
  weight: normal(outChannels * channels * 9, 1 / 24),
};
const flops = 2 * outChannels * size * size * channels * 9;

/** @type {Float32Array | undefined} */
let truth;
let last = 0;
console.log("| rung | ms | GFLOP/s | × the rung before | error |\n| --- | ---: | ---: | ---: | ---: |");
for (const { name, prepare } of [naive, blocked, simd, tiles, direct, winograd]) {
  const { run, output } = await prepare(problem);
  run();
  truth ??= output();
  const error = relativeError(output(), truth);
  if (!(error < 1e-4)) throw new Error(`${name} differs from the definition by ${error}`);
  let best = Infinity;
  const end = performance.now() + 3000;
  for (let i = 0; i < 3 || performance.now() < end; i++) {
    const [start, before] = [performance.now(), process.cpuUsage()];
    run();
    const wall = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, undisturbed(wall, (user + system) / 1000));
  }
  const gain = last === 0 ? "" : `${(last / best).toFixed(1)}×`;
  console.log(
    `| ${name} | ${best.toFixed(2)} | ${(flops / best / 1e6).toFixed(2)} | ${gain} | ${error.toExponential(0)} |`,
  );
  last = best;
}
process.exit(0);
