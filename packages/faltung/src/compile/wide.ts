/**
 * `wide`: whether V8's revectorisation (see backend/wasm/wide.ts) can be had here and computes what it should. The pass is
 * experimental, so it is believed only after some kernels have agreed with the reference loops: a strided and a
 * depthwise convolution, Winograd's, a matrix product, elementwise work, and what a gradient needs of them.
 */
import { hire } from "../backend/wasm/instance.ts";
import { optimised, switchWideOff, switchWideOn } from "../backend/wasm/wide.ts";
import { conv2d } from "../ops/conv/conv.ts";
import { relu } from "../ops/elementwise/activations.ts";
import { add, mul } from "../ops/elementwise/elementwise.ts";
import { linear } from "../ops/matmul/matmul.ts";
import { mean, sum } from "../ops/reduce/reduce.ts";
import { Random } from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import { wasmFeatures } from "../wasm/index.ts";
import { grad } from "./differentiate.ts";
import { entryGraph, traceEntry } from "./entries.ts";
import { fuse } from "./fuse.ts";
import { planProgram } from "./plan.ts";
import type { EntrySpec, Program } from "./program.ts";
import { referenceProgram } from "./referenceProgram.ts";
import { randomSource } from "./trace.ts";
import { wasmProgram } from "./wasmProgram.ts";

const CHECK: EntrySpec = {
  inputs: {
    x: [2, 16, 14, 14],
    same: [16, 16, 3, 3],
    half: [32, 16, 3, 3],
    each: [32, 1, 3, 3],
    bias: [32],
    last: [10, 32],
  },
  fn({ x, same, half, each, bias, last }) {
    const a = add(x, relu(conv2d(x, same, null, { padding: 1 })));
    const b = relu(conv2d(a, half, bias, { padding: 1, stride: 2 }));
    const y = linear(mean(conv2d(b, each, bias, { padding: 1, groups: 32 }), [2, 3]), last);
    const [dSame] = grad(sum(mul(y, y)), [same]);
    return { y, dSame };
  },
};

/** Winograd's rounding, over three layers and back. */
const TOLERANCE = 1e-4;

let state: Promise<string | undefined> | undefined;

/** Switches it on for this process, once. @returns why that is impossible, or undefined where it works */
export function wideMissing(): Promise<string | undefined> {
  return (state ??= find());
}

async function find(): Promise<string | undefined> {
  const missing = switchWideOn();
  if (missing !== undefined) return missing;
  let wrong: string | undefined;
  try {
    const error = await optimised(errorOfCheck);
    if (!(error <= TOLERANCE)) wrong = `its results differ from the reference by ${error.toExponential(1)}`;
  } catch (error) {
    wrong = `its kernels do not run (${String(error)})`;
  }
  if (wrong !== undefined) switchWideOff();
  return wrong;
}

/** The largest difference of an output's numbers, relative to the largest of them. */
async function errorOfCheck(): Promise<number> {
  const graph = traceEntry(CHECK, randomSource(0));
  const target = { fma: wasmFeatures().relaxedSimd, fast: true, wide: true, threads: 1 };
  const wide = await wasmProgram(planProgram([entryGraph("check", graph, fuse)], target), hire(0), []);
  const loops = referenceProgram(new Map([["check", graph]]), "float32", []);
  const random = new Random(1);
  const inputs = Object.fromEntries(
    graph.inputs.map(({ attrs, shape }) => {
      const tensor = Tensor.zeros(shape);
      return [
        attrs.name,
        new Tensor(
          Float32Array.from(tensor.data, () => random.normal()),
          shape,
        ),
      ];
    }),
  );
  const run = (program: Program<Record<string, EntrySpec>>): Readonly<Record<string, Tensor>> =>
    program.run("check", inputs);
  const [got, want] = [run(wide), run(loops)];
  wide.close();
  return Math.max(...Object.keys(want).map((name) => distance(got[name].data, want[name].data)));
}

function distance(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let [most, scale] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    most = Math.max(most, Math.abs(got[i] - want[i]));
    scale = Math.max(scale, Math.abs(want[i]));
    if (Number.isNaN(got[i])) return Infinity;
  }
  return most / scale;
}
