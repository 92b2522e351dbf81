/**
 * A tiny network, trained for some steps: run by Node and by a browser from this one file, so that the bits can be
 * compared. Everything that rounds differently in different engines (Math.exp, …) is left to the program.
 */
import {
  BatchNorm2d,
  type CompileOptions,
  Conv2d,
  CrossEntropyLoss,
  Dropout,
  Flatten,
  Linear,
  MaxPool2d,
  Random,
  ReLU,
  SGD,
  Sequential,
  Tensor,
  compile,
  grad,
  manualSeed,
} from "../../src/index.ts";

export interface Outcome {
  readonly threads: number;
  readonly notes: readonly string[];
  readonly losses: readonly number[];
  /** Every bit of every state after the last step, added up. */
  readonly digest: number;
}

const BATCH = 16;
const CLASSES = 3;
export const STEPS = 12;

/** A stripe, lying, standing or slanting, on noise: learnt in a few steps. */
function batch(random: Random): { images: Tensor; labels: Tensor } {
  const images = new Float32Array(BATCH * 144);
  const labels = new Int32Array(BATCH);
  for (let n = 0; n < BATCH; n++) {
    labels[n] = random.below(CLASSES);
    const at = random.below(12);
    for (let i = 0; i < 144; i++) images[n * 144 + i] = random.uniform(-0.3, 0.3);
    for (let k = 0; k < 12; k++) {
      const [row, col] = [
        [at, k],
        [k, at],
        [k, (k + at) % 12],
      ][labels[n]];
      images[n * 144 + row * 12 + col] += 1;
    }
  }
  return { images: new Tensor(images, [BATCH, 1, 12, 12]), labels: new Tensor(labels, [BATCH]) };
}

function digest(states: readonly Tensor[]): number {
  let hash = 0;
  for (const { data } of states) {
    for (const bits of new Int32Array(data.slice().buffer)) hash = (Math.imul(hash, 31) + bits) | 0;
  }
  return hash;
}

/** Trains; the same seed always. */
export async function trainTiny(options: CompileOptions): Promise<Outcome> {
  manualSeed(7);
  const random = new Random(7);
  const model = new Sequential(
    new Conv2d(1, 12, 3, { padding: 1, bias: false }),
    new BatchNorm2d(12),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(12, 16, 3),
    new ReLU(),
    new Dropout(0.1),
    new Flatten(),
    new Linear(256, CLASSES),
  );
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const names = Array.from({ length: optimizer.scalarCount }, (_, i) => `scalar${i}`);
  const program = await compile(
    {
      train: {
        inputs: {
          images: { shape: [BATCH, 1, 12, 12], dtype: "float32" },
          labels: { shape: [BATCH], dtype: "int32" },
          ...Object.fromEntries(names.map((name) => [name, { shape: [], dtype: "float32" }])),
        },
        fn(inputs) {
          const loss = new CrossEntropyLoss().forward(model.forward(inputs["images"]), inputs["labels"]);
          optimizer.update(
            grad(loss, optimizer.parameters),
            names.map((name) => inputs[name]),
          );
          return { loss };
        },
      },
    },
    options,
  );
  const losses: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const scalars = optimizer.scalarsAt(step, { lr: optimizer.lr });
    const inputs = { ...batch(random), ...Object.fromEntries(names.map((n, i) => [n, Tensor.scalar(scalars[i])])) };
    losses.push(program.run("train", inputs).loss.data[0]);
  }
  const outcome = {
    threads: program.threads,
    notes: program.notes,
    losses,
    digest: digest(program.states.map((s) => program.read(s))),
  };
  program.close();
  return outcome;
}
