import { expect, test } from "vitest";
import { conv2d } from "../ops/conv/conv.ts";
import { add } from "../ops/elementwise/elementwise.ts";
import { relu } from "../ops/elementwise/activations.ts";
import { sum } from "../ops/reduce/reduce.ts";
import { Random } from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type CompileOptions, compile } from "./compile.ts";
import { grad } from "./differentiate.ts";

const random = new Random(5);
const normal = (...shape: number[]): Tensor =>
  new Tensor(
    Float32Array.from(Tensor.zeros(shape).data, () => random.normal()),
    shape,
  );
const inputs = { x: normal(2, 16, 13, 13), w: normal(24, 16, 3, 3), v: normal(40, 24, 3, 3), b: normal(40) };

async function results(options: CompileOptions): Promise<{ notes: readonly string[]; all: Record<string, Tensor> }> {
  const shapes = { x: inputs.x.shape, w: inputs.w.shape, v: inputs.v.shape, b: inputs.b.shape };
  const run = await compile(
    ({ x, w, v, b }) => {
      const a = relu(conv2d(x, w, null, { padding: 1 }));
      const y = relu(add(conv2d(a, v, b, { stride: 2 }), 1));
      const [dx, dw, dv] = grad(sum(y), [x, w, v]);
      return { y, dx, dw, dv };
    },
    shapes,
    options,
  );
  const all = run(inputs);
  run.program.close();
  return { notes: run.program.notes, all };
}

test("wide agrees with the reference, on two threads; where it can't be had, it is off and a note says why", async () => {
  const { notes, all } = await results({ wide: true, threads: 2 });
  const reference = await results({ backend: "reference", reference: "float64" });
  for (const [name, { data }] of Object.entries(reference.all)) {
    const scale = Math.max(...data.map(Math.abs));
    data.forEach((want, i) => expect(Math.abs(all[name].data[i] - want)).toBeLessThan(2e-5 * scale));
  }
  const [major] = process.versions.node.split(".").map(Number);
  if (major < 24) expect(notes.join()).toContain("Node 24");
  else if (process.arch === "x64") expect(notes).toEqual([]);
});

test("strict leaves it out without a word", async () => {
  expect((await results({ wide: true, precision: "strict", threads: 1 })).notes).toEqual([]);
});
