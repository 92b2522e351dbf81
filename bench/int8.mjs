/**
 * `node bench/int8.mjs [--wide]`: a network in float32 beside the same one by `quantize`, one thread, in turns; prints
 * the table of docs/performance.md. A layer's row has a 1×1 convolution to as many channels behind it, and the way into
 * bytes and out.
 */
import { Random } from "./ladder/random.mjs";
import { faltung } from "./lib/faltung.mjs";
import { undisturbed } from "./lib/stats.mjs";

const f = await faltung();
const { quantize } = await faltung("quantize/index.js");
const wide = process.argv.includes("--wide");
const random = Random(1);
/** From 0 to 1, as pixels are, or what a ReLU gives: engines' products of bytes take no negative inputs. */
const pictures = (/** @type {number[]} */ shape) =>
  new f.Tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => Math.abs(random()) / 2),
    shape,
  );

/** @type {(channels: number, made: number, kernel: number, options?: object) => any} */
const layer = (channels, made, kernel, options) =>
  new f.Sequential(new f.Conv2d(channels, made, kernel, options), new f.ReLU(), new f.Conv2d(made, made, 1));

/** @type {readonly (readonly [string, () => any, number[]])[]} */
const rows = [
  ["64→64, 3×3, 56×56", () => layer(64, 64, 3, { padding: 1 }), [1, 64, 56, 56]],
  ["256→256, 3×3, 14×14", () => layer(256, 256, 3, { padding: 1 }), [1, 256, 14, 14]],
  ["128→128, 3×3, stride 2, 56×56", () => layer(128, 128, 3, { padding: 1, stride: 2 }), [1, 128, 56, 56]],
  ["256→64, 1×1, 56×56", () => layer(256, 64, 1), [1, 256, 56, 56]],
  ["small, MNIST, batch 1", () => f.small(), [1, 1, 28, 28]],
  ["small, MNIST, batch 64", () => f.small(), [64, 1, 28, 28]],
  ["ResNet-20, 32×32, batch 1", () => f.resnet20(), [1, 3, 32, 32]],
  ["ResNet-20, 32×32, batch 32", () => f.resnet20(), [32, 3, 32, 32]],
  ["ResNet-18, 224×224", () => f.resnet18(), [1, 3, 224, 224]],
  ["MobileNetV2, 224×224", () => f.mobilenetV2(), [1, 3, 224, 224]],
];

/** Runs it once. @param {any} model @param {number[]} shape */
async function ready(model, shape) {
  const { program } = await f.compile((/** @type {any} */ v) => ({ y: model.forward(v.x) }), { x: shape }, { wide });
  program.input("main", "x").set(pictures(shape).data);
  const step = () => program.step("main");
  for (let i = 0; i < 30; i++) step();
  return step;
}

console.log(`Node ${process.versions.node}${wide ? ", wide" : ""}\n`);
console.log("| | float32 ms | int8 ms | |\n| --- | ---: | ---: | ---: |");
for (const [name, make, shape] of rows) {
  f.manualSeed(1);
  const model = make();
  model.eval();
  const [, ...picture] = shape;
  const steps = [await ready(model, shape), await ready(await quantize(model, pictures([4, ...picture])), shape)];
  const best = steps.map(() => Infinity);
  const end = performance.now() + 4000;
  while (performance.now() < end) {
    steps.forEach((step, i) => {
      step(); // what the other one has left in the caches goes
      const [start, before] = [performance.now(), process.cpuUsage()];
      step();
      const wall = performance.now() - start;
      const { user, system } = process.cpuUsage(before);
      best[i] = Math.min(best[i], undisturbed(wall, (user + system) / 1000));
    });
  }
  const [float, int] = best;
  console.log(`| ${name} | ${float.toPrecision(3)} | ${int.toPrecision(3)} | ${(float / int).toFixed(2)}× |`);
}
process.exit(0);
