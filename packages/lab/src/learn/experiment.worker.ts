/** One layer, trained twice on the same pictures: as cross-correlation and as convolution. */
import {
  Conv2d,
  MSELoss,
  Random,
  SGD,
  Tensor,
  type TensorType,
  type Value,
  compile,
  conv2d,
  grad,
  normalise,
} from "faltung";
import { loadDigits } from "../data.ts";

export interface ExperimentUpdate {
  readonly step: number;
  readonly steps: number;
  readonly losses: readonly [correlation: number, convolution: number];
  readonly filters: readonly [correlation: Float32Array, convolution: Float32Array];
  /** What the two layers make of a single bright point; only with the last step. */
  readonly impulses?: readonly [correlation: Float32Array, convolution: Float32Array];
}

export const SIDE = 5;
const STEPS = 160;
const BATCH = 16;

/** What is to be learned: nothing in it is symmetric. */
export const HIDDEN: readonly number[] = [
  2, 1, 0, 0, 0, 2, 1, 0, 0, 0, 2, 1, 0, 0, 0, 2, 1, 1, 1, -1, 2, 2, 2, 2, -2,
].map((v) => v / 8);

async function run(): Promise<void> {
  const { train } = await loadDigits("digits");
  const random = new Random(1);
  const images = { shape: [BATCH, 1, 28, 28], dtype: "uint8" } as const;
  const hidden = new Tensor(Float32Array.from(HIDDEN), [1, 1, SIDE, SIDE]);
  const layers = [false, true].map((flip) => {
    const layer = new Conv2d(1, 1, SIDE, { padding: 2, bias: false, flip });
    layer.weight.attrs.initial.data.fill(0);
    const optimizer = new SGD(layer.parameters(), { lr: 0.08, momentum: 0.9 });
    return { layer, optimizer };
  });
  const entry = ({ layer, optimizer }: (typeof layers)[number]) => {
    const names = Array.from({ length: optimizer.scalarCount }, (_, i) => `scalar${i}`);
    const scalars = names.map((n): [string, TensorType] => [n, { shape: [], dtype: "float32" }]);
    const inputs: Readonly<Record<string, TensorType>> = { images, ...Object.fromEntries(scalars) };
    return {
      inputs,
      fn: (inputs: Readonly<Record<string, Value>>) => {
        const x = normalise(inputs["images"], { mean: [0.13], std: [0.31] });
        const target = conv2d(x, hidden, null, { padding: 2 });
        const loss = new MSELoss().forward(layer.forward(x), target);
        optimizer.update(
          grad(loss, optimizer.parameters),
          names.map((n) => inputs[n]),
        );
        return { loss };
      },
    };
  };
  const stamp = (flip: number) => ({
    inputs: { point: [1, 1, 9, 9] as const },
    fn: (inputs: Readonly<Record<string, Value>>) => ({ y: layers[flip].layer.forward(inputs["point"]) }),
  });
  const program = await compile(
    { correlation: entry(layers[0]), convolution: entry(layers[1]), stamp0: stamp(0), stamp1: stamp(1) },
    { threads: 1, precision: "strict" },
  );
  const batch = new Uint8Array(BATCH * 784);
  const filters = (): [Float32Array, Float32Array] => {
    const of = (i: number): Float32Array => Float32Array.from(program.read(layers[i].layer.weight).data);
    return [of(0), of(1)];
  };
  for (let step = 1; step <= STEPS; step++) {
    for (let n = 0; n < BATCH; n++) {
      await train.read(random.below(train.size), batch.subarray(n * 784, (n + 1) * 784));
    }
    const losses = (["correlation", "convolution"] as const).map((name, i) => {
      const { optimizer } = layers[i];
      const numbers = optimizer.scalarsAt(step, { lr: optimizer.lr });
      program.input(name, "images").set(batch);
      numbers.forEach((v, k) => (program.input(name, `scalar${k}`)[0] = v));
      program.step(name);
      return program.output(name, "loss")[0];
    });
    const update: ExperimentUpdate = { step, steps: STEPS, losses: [losses[0], losses[1]], filters: filters() };
    if (step < STEPS) {
      postMessage(update);
      await new Promise((resolve) => setTimeout(resolve, 12)); // slow enough to watch
      continue;
    }
    const point = Tensor.zeros([1, 1, 9, 9]);
    point.data[40] = 1;
    const made = (["stamp0", "stamp1"] as const).map((name) => Float32Array.from(program.run(name, { point }).y.data));
    postMessage({ ...update, impulses: [made[0], made[1]] } satisfies ExperimentUpdate);
  }
  program.close();
}

run().catch((error: unknown) => postMessage(String(error)));
