/** The static types of `compile`: names of entries, inputs and outputs are known to the type checker. */
import type { Value } from "../src/ops/op.ts";
import { Tensor } from "../src/tensor/tensor.ts";
import { compile } from "../src/compile/compile.ts";

declare const same: (x: Value) => Value;
const x = Tensor.zeros([2]);

const program = await compile({
  predict: { fn: ({ x: value }) => ({ y: same(value) }), inputs: { x: [2] } },
  train: { fn: ({ a, b }) => ({ loss: same(a), count: b }), inputs: { a: [2], b: { shape: [2], dtype: "int32" } } },
});
export const y: Tensor = program.run("predict", { x }).y;
export const count: Tensor = program.run("train").count;
program.input("train", "b").fill(0);
// @ts-expect-error there is no such entry
program.run("evaluate");
// @ts-expect-error there is no such input
program.run("predict", { z: x });
// @ts-expect-error there is no such output
export const z: Tensor = program.run("predict").z;
// @ts-expect-error an input of another entry
program.input("predict", "a");
// @ts-expect-error an output of another entry
program.output("train", "y");

const double = await compile(({ a }) => ({ twice: same(a) }), { a: [2] });
export const twice: Tensor = double({ a: x }).twice;
// @ts-expect-error there is no such input
double({ b: x });
// @ts-expect-error there is no such output
export const thrice: Tensor = double({}).thrice;
// @ts-expect-error the function asks for an input that has no type
await compile(({ a, b }) => ({ sum: same(a), b }), { a: [2] });
