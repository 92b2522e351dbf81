/**
 * GFLOP/s of the convolutions on the shapes that peers are measured on, beside what one core can do at most: the roof,
 * a loop of nothing but multiply-adds in registers. On Node 22.18 and newer:
 *
 *     node conv2d.bench.ts [filter] [--fast] [--wide] [--mul] [--check]
 *
 * fast: Winograd where the cost model takes it; wide: with V8's revectorisation; mul: no relaxed multiply-add.
 */
import { setFlagsFromString } from "node:v8";
import { wasmFeatures } from "../../wasm/index.ts";
import { roof } from "../matmul/testing.ts";
import { type Direction, type Problem, prepare, relativeError } from "./testing.ts";

const conv = (
  channels: number,
  outChannels: number,
  size: number,
  kernel: number,
  rest: Partial<Problem> = {},
): Problem => ({
  batch: 1,
  channels,
  outChannels,
  input: [size, size],
  kernel: [kernel, kernel],
  padding: [kernel >> 1, kernel >> 1],
  ...rest,
});

const works: Readonly<Record<string, readonly [Direction, Problem]>> = {
  "64→64 3×3 56": ["conv", conv(64, 64, 56, 3)],
  "128→128 3×3 28": ["conv", conv(128, 128, 28, 3)],
  "256→256 3×3 14": ["conv", conv(256, 256, 14, 3)],
  "512→512 3×3 7": ["conv", conv(512, 512, 7, 3)],
  "3→64 7×7 /2 224": ["conv", conv(3, 64, 224, 7, { stride: [2, 2] })],
  "256→64 1×1 56": ["conv", conv(256, 64, 56, 1)],
  "128→128 3×3 /2 56": ["conv", conv(128, 128, 56, 3, { stride: [2, 2] })],
  "depthwise 32 3×3 112": ["conv", conv(32, 32, 112, 3, { groups: 32 })],
  "32→64 3×3 28 batch 64": ["conv", conv(32, 64, 28, 3, { batch: 64 })],
  "1→32 3×3 28 batch 64": ["conv", conv(1, 32, 28, 3, { batch: 64 })],
  "16→16 3×3 32 batch 64": ["conv", conv(16, 16, 32, 3, { batch: 64 })],
  "32→32 3×3 16 batch 64": ["conv", conv(32, 32, 16, 3, { batch: 64 })],
  "64→64 3×3 8 batch 64": ["conv", conv(64, 64, 8, 3, { batch: 64 })],
  "weight gradient 32→32 16 batch 64": ["convWeightGrad", conv(32, 32, 16, 3, { batch: 64 })],
  "weight gradient 64→64 8 batch 64": ["convWeightGrad", conv(64, 64, 8, 3, { batch: 64 })],
  "input gradient 32→64 28 batch 64": ["convTranspose", conv(32, 64, 28, 3, { batch: 64 })],
  "input gradient 32→64 /2 28 batch 64": ["convTranspose", conv(32, 64, 28, 3, { batch: 64, stride: [2, 2] })],
  "weight gradient 32→64 28 batch 64": ["convWeightGrad", conv(32, 64, 28, 3, { batch: 64 })],
  "weight gradient 16→16 32 batch 64": ["convWeightGrad", conv(16, 16, 32, 3, { batch: 64 })],
  "weight gradient 1→32 28 batch 64": ["convWeightGrad", conv(1, 32, 28, 3, { batch: 64 })],
};

const filter = process.argv[2] ?? "";
const { relaxedSimd } = wasmFeatures();
const fma = process.argv.includes("--mul") ? false : relaxedSimd;
const wide = process.argv.includes("--wide");
if (wide) setFlagsFromString("--experimental-wasm-revectorize");
const top = Math.max(roof(false), fma ? roof(true) : 0);
console.log(`roof ${top.toFixed(1)} GFLOP/s, ${fma ? "relaxed multiply-add" : "multiply + add"}`);
for (const [name, [direction, problem]] of Object.entries(works)) {
  if (!name.includes(filter)) continue;
  for (const fast of process.argv.includes("--fast") ? [true] : [false]) {
    try {
      const { harness, lowered, result, truth } = prepare(direction, problem, { fma, fast, wide, threads: 1 });
      for (let i = 0; i < 4; i++) harness.run();
      const error = process.argv.includes("--check") ? relativeError(result(), truth()) : undefined;
      const repeats = Math.max(5, Math.min(400, Math.ceil(400 / harness.best(1))));
      // Weights are packed and transformed once for all runs where they do not change: not counted.
      const isPreparation = (label: string): boolean => label.endsWith(" weights");
      const times = lowered.stages.map(({ label }) => ({ label, ms: harness.best(repeats, label) }));
      const sum = (preparing: boolean): number =>
        times.reduce((total, { label, ms }) => (isPreparation(label) === preparing ? total + ms : total), 0);
      const gflops = lowered.stages.reduce((total, s) => total + s.flops, 0) / sum(false) / 1e6;
      const percent = ((100 * gflops) / top).toFixed(0).padStart(4);
      console.log(
        `${name.padEnd(38)} ${fast ? "fast  " : "direct"} ${gflops.toFixed(1).padStart(6)} GFLOP/s ${percent} %  ` +
          `${sum(false).toFixed(3)} ms, weights ${sum(true).toFixed(3)} ms` +
          (error === undefined ? "" : `, error ${error.toExponential(1)}`),
      );
    } catch (error) {
      console.log(`${name.padEnd(38)} ${(error as Error).message.split("\n")[0]}`);
      break;
    }
  }
}
