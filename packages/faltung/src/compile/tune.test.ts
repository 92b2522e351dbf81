import { expect, test } from "vitest";
import { conv2d } from "../ops/conv/conv.ts";
import { sum } from "../ops/reduce/reduce.ts";
import { OptionError } from "../tensor/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type CompileOptions, compile } from "./compile.ts";
import { grad } from "./differentiate.ts";
import { tune } from "./tune.ts";

const ALGORITHMS = ["direct", "winograd2", "winograd4", "winograd6"];
const X = [2, 16, 12, 12];
const step = (options: CompileOptions) =>
  compile(
    ({ x, w }) => {
      const y = conv2d(x, w, null, { padding: 1 });
      return { y, dw: grad(sum(y), [w])[0] };
    },
    { x: X, w: [16, 16, 3, 3] },
    { threads: 1, ...options },
  );
const FORWARD = "conv 16→16 3×3 to 12×12, batch 2";
const GRADIENT = "convWeightGrad 16→16 3×3 of 12×12, batch 2";

test("each different convolution that has several algorithms is tried out, and the plan takes the answers", async () => {
  const { program } = await step({ tune });
  expect(Object.keys(program.choices).sort()).toEqual([FORWARD, GRADIENT].sort());
  for (const choice of Object.values(program.choices)) expect(ALGORITHMS).toContain(choice);
  const { program: again } = await step({ choices: program.choices });
  expect(again.choices).toEqual(program.choices);
  expect(again.explain("main")).toBe(program.explain("main"));
  program.close();
  again.close();
});

test("choices decide, whatever the cost models would take, and only within a rounding error", async () => {
  const x = new Tensor(
    Float32Array.from({ length: 4608 }, (_, i) => Math.sin(i)),
    X,
  );
  const w = new Tensor(
    Float32Array.from({ length: 2304 }, (_, i) => Math.cos(i)),
    [16, 16, 3, 3],
  );
  const results = [];
  for (const algorithm of ALGORITHMS) {
    const run = await step({ choices: { [FORWARD]: algorithm } });
    const name = algorithm === "direct" ? "conv direct" : `conv winograd F(${algorithm.slice(-1)}`;
    expect(run.program.explain("main")).toContain(name);
    results.push(run({ x, w }).y.data);
    run.program.close();
  }
  for (const result of results) {
    for (let i = 0; i < result.length; i++) expect(result[i]).toBeCloseTo(results[0][i], 3);
  }
  expect(results[1].join()).not.toBe(results[0].join());
});

test("strict precision has nothing to choose; an algorithm that there is not is an error", async () => {
  const { program } = await step({ precision: "strict", tune });
  expect(program.choices).toEqual({});
  program.close();
  await expect(step({ choices: { [FORWARD]: "fft" } })).rejects.toThrow(
    new OptionError(`compile: choices take "fft" for ${FORWARD}; there are direct, winograd6, winograd4, winograd2.`),
  );
});
