/**
 * `node bench/scaling.mjs`: how the time of Faltung's convolution, 3×3, grows with batch, channels, size and threads.
 * docs/performance.md explains what it shows. Prints tables; the best of many runs.
 */
import { loadKernel } from "./peers/faltung-kernel.mjs";
import { Random } from "./ladder/random.mjs";
import { undisturbed } from "./lib/stats.mjs";
import { convFlops, shapesOf } from "./lib/works.mjs";

const base = { batch: 1, channels: 64, outChannels: 64, size: 28, kernel: 3, stride: 1, padding: 1, groups: 1 };
/** @type {readonly (readonly [string, readonly (typeof base)[]])[]} */
const curves = [
  ["batch", [1, 2, 4, 8, 16, 32].map((batch) => ({ ...base, batch }))],
  ["channels", [8, 16, 32, 64, 128, 256].map((n) => ({ ...base, channels: n, outChannels: n }))],
  ["size", [7, 14, 28, 56, 112].map((size) => ({ ...base, size }))],
];

/** @param {typeof base} shape @param {number} threads @param {boolean} fast */
async function time(shape, threads, fast) {
  const random = Random(1);
  const { x, weight } = shapesOf(shape);
  const numbers = (/** @type {number[]} */ of) => Float32Array.from({ length: of.reduce((a, b) => a * b) }, random);
  const work = { name: "scaling", title: "scaling", kind: /** @type {const} */ ("conv"), shape };
  const { run } = await loadKernel(work, { x: numbers(x), weight: numbers(weight) }, threads, fast);
  for (let i = 0; i < 30; i++) run();
  let best = Infinity;
  const end = performance.now() + 400;
  while (performance.now() < end) {
    const [start, before] = [performance.now(), process.cpuUsage()];
    run();
    const wall = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, threads > 1 ? wall : undisturbed(wall, (user + system) / 1000));
  }
  return best;
}

for (const [name, shapes] of curves) {
  console.log(
    `\n| ${name} | direct ms | GFLOP/s | Winograd ms | GFLOP/s | 2 threads ms | speed-up |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: |`,
  );
  for (const shape of shapes) {
    const [direct, fast, two] = [await time(shape, 1, false), await time(shape, 1, true), await time(shape, 2, true)];
    const speed = (/** @type {number} */ ms) => (convFlops(shape) / ms / 1e6).toFixed(1);
    const value = shape[/** @type {"batch" | "channels" | "size"} */ (name)];
    console.log(
      `| ${value} | ${direct.toFixed(3)} | ${speed(direct)} | ${fast.toFixed(3)} | ${speed(fast)} | ${two.toFixed(3)} | ${(fast / two).toFixed(2)}× |`,
    );
  }
}
process.exit(0);
