/** Losses as objects: each is its function with the options that it was made with. PyTorch's numbers are the functions' tests. */
import { expect, it } from "vitest";
import { evaluate } from "../compile/evaluate.ts";
import { trace } from "../compile/trace.ts";
import {
  bce,
  bceWithLogits,
  crossEntropy,
  huberLoss,
  l1Loss,
  mseLoss,
  nllLoss,
  smoothL1Loss,
} from "../ops/loss/loss.ts";
import { Tensor } from "../tensor/tensor.ts";
import {
  BCELoss,
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  HuberLoss,
  L1Loss,
  type Loss,
  MSELoss,
  NLLLoss,
  SmoothL1Loss,
} from "./loss.ts";

const said = Tensor.from([
  [0.1, 0.9, 0.3],
  [0.8, 0.2, 0.6],
]);
const numbers = Tensor.from([
  [1, 0.5, 0],
  [0.2, 0.25, 3],
]);
const chances = Tensor.from([
  [1, 0.5, 0],
  [0.2, 0.25, 1],
]);
const labels = Tensor.from([1, 2], "int32");

const sum = { reduction: "sum" } as const;
const losses: readonly (readonly [string, Loss, Loss["forward"], Tensor])[] = [
  [
    "CrossEntropyLoss",
    new CrossEntropyLoss({ labelSmoothing: 0.1 }),
    (x, t) => crossEntropy(x, t, { labelSmoothing: 0.1 }),
    labels,
  ],
  ["NLLLoss", new NLLLoss(sum), (x, t) => nllLoss(x, t, sum), labels],
  ["MSELoss", new MSELoss(sum), (x, t) => mseLoss(x, t, sum), numbers],
  ["L1Loss", new L1Loss(sum), (x, t) => l1Loss(x, t, sum), numbers],
  ["SmoothL1Loss", new SmoothL1Loss({ beta: 0.5 }), (x, t) => smoothL1Loss(x, t, { beta: 0.5 }), numbers],
  ["HuberLoss", new HuberLoss({ delta: 0.5 }), (x, t) => huberLoss(x, t, { delta: 0.5 }), numbers],
  ["BCELoss", new BCELoss(sum), (x, t) => bce(x, t, sum), chances],
  [
    "BCEWithLogitsLoss",
    new BCEWithLogitsLoss({ posWeight: 2 }),
    (x, t) => bceWithLogits(x, t, { posWeight: 2 }),
    chances,
  ],
];

it.each(losses)("%s is its function, with its options", (_name, loss, same, target) => {
  const graph = trace(({ x, t }) => ({ object: loss.forward(x, t), function: same(x, t) }), {
    x: { shape: said.shape, dtype: said.dtype },
    t: { shape: target.shape, dtype: target.dtype },
  });
  const { outputs } = evaluate(graph, { x: said, t: target });
  expect(outputs.object.item()).toBe(outputs.function.item());
  expect(outputs.object.item()).not.toBe(0);
});
