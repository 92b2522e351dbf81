/** A stranger's program, run against the packed library in an empty folder. Its last line is the word the test looks for. */
import {
  Conv2d,
  Flatten,
  Linear,
  MaxPool2d,
  ReLU,
  Random,
  Sequential,
  arrayDataset,
  evaluateModel,
  fit,
} from "faltung";

// Bars: upright ones are class 0, level ones class 1. A network that learns at all gets them right.
const random = new Random(1);
const images = new Uint8Array(256 * 64);
const labels = Array.from({ length: 256 }, (_, i) => {
  const place = random.below(8);
  for (let k = 0; k < 8; k++) images[i * 64 + (i % 2 === 0 ? k * 8 + place : place * 8 + k)] = 255;
  return i % 2;
});
const data = arrayDataset({ images, labels, shape: [1, 8, 8], classes: ["upright", "level"] });
const model = new Sequential(
  new Conv2d(1, 8, 3, { padding: 1 }),
  new ReLU(),
  new MaxPool2d(2),
  new Flatten(),
  new Linear(8 * 16, 2),
);
const run = await fit(model, { train: data, epochs: 6, batch: 32, seed: 1 });
for await (const event of run)
  if (event.kind === "epoch") console.log(event.epoch, event.loss.toFixed(4), event.accuracy);
const { top1 } = await evaluateModel(model, data, { statistics: run.statistics });
if (!(top1 > 0.99)) throw new Error(`the network has not learnt: ${top1}`);
console.log("done");
