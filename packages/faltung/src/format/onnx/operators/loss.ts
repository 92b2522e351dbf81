/** Losses, and the optimisers of ai.onnx.preview.training. */
import {
  add,
  cast,
  div,
  eq,
  gt,
  mul,
  ne,
  neg,
  pow,
  sqrt,
  square,
  sub,
  where,
} from "../../../ops/elementwise/elementwise.ts";
import { logSoftmax } from "../../../ops/norm/norm.ts";
import type { Value } from "../../../ops/op.ts";
import { mean, sum } from "../../../ops/reduce/reduce.ts";
import { unsqueeze } from "../../../ops/shape/shape.ts";
import type { Operator, OnnxNode, Operators } from "../node.ts";
import { alongAxis, ramp } from "./helpers.ts";

/** −weight[t] · scores[t] for the label t of each place; "mean" divides by the weights that counted. */
function likelihood(node: OnnxNode, scores: Value, target: Value, weight: Value | undefined): Value {
  const rank = scores.shape.length;
  const label = unsqueeze(cast(target, "int32"), 1);
  const chosen = eq(label, ramp(scores.shape[1], 1, rank));
  const ignores = node.proto.attributes.has("ignore_index");
  const counts = ignores ? ne(cast(target, "int32"), node.int("ignore_index")) : undefined;
  const kept = (v: Value): Value => (counts === undefined ? v : where(counts, v, 0));
  const weights = weight === undefined ? undefined : kept(sum(where(chosen, alongAxisList(weight, rank), 0), 1));
  const picked = neg(sum(where(chosen, scores, 0), 1));
  const loss = weights === undefined ? kept(picked) : mul(picked, weights);
  const reduction = node.text("reduction", "mean");
  if (reduction === "none") return loss;
  if (reduction === "sum") return sum(loss);
  if (reduction !== "mean") node.fail(`reduction is "${reduction}"; there are none, sum and mean.`);
  if (weights !== undefined) return div(sum(loss), sum(weights));
  return counts === undefined ? mean(loss) : div(sum(loss), cast(sum(cast(counts, "int32")), "float32"));
}

/** [C] against [N, C, …], one class included. */
function alongAxisList(weight: Value, rank: number): Value {
  return alongAxis(weight, 1, rank);
}

const negativeLogLikelihood: Operator = {
  settings: [2],
  build: (node) => likelihood(node, node.value(0), node.value(1), node.has(2) ? node.value(2) : undefined),
};

const softmaxCrossEntropy: Operator = {
  settings: [2],
  build(node) {
    const scores = logSoftmax(node.value(0), 1);
    return [likelihood(node, scores, node.value(1), node.has(2) ? node.value(2) : undefined), scores];
  },
};

export const lossOperators: Operators = {
  NegativeLogLikelihoodLoss: negativeLogLikelihood,
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
};

/** One step for each tensor: x, its gradient and its memories → new x and new memories. */
type Step = (x: Value, memories: readonly Value[], g: Value) => readonly Value[];

/** Inputs: rate, step number, all x, all gradients, all memories of one kind after those of another. */
function optimizer(memories: number, stepOf: (node: OnnxNode, rate: Value, time: Value) => Step): Operator {
  return {
    build(node) {
      const count = (node.inputs.length - 2) / (2 + memories);
      if (!Number.isInteger(count) || count < 1)
        node.fail(`${node.inputs.length} inputs do not divide into tensors, gradients and memories.`);
      const step = stepOf(node, node.value(0), cast(node.value(1), "float32"));
      const results = Array.from({ length: count }, (_, i) => {
        const at = (kind: number): Value => node.value(2 + kind * count + i);
        const decay = node.float("norm_coefficient", 0);
        const g = decay === 0 ? at(1) : add(mul(at(0), decay), at(1));
        return step(
          at(0),
          Array.from({ length: memories }, (_m, k) => at(2 + k)),
          g,
        );
      });
      return Array.from({ length: 1 + memories }, (_, kind) => results.map((r) => r[kind])).flat();
    },
  };
}

export const trainingOperators: Operators = {
  Adagrad: optimizer(1, (node, rate, time) => (x, [h], g) => {
    const r = div(rate, add(mul(time, node.float("decay_factor", 0)), 1));
    const seen = add(h, square(g));
    return [sub(x, div(mul(r, g), add(sqrt(seen), node.float("epsilon", 1e-6)))), seen];
  }),
  Adam: optimizer(2, (node, rate, time) => (x, [v, h], g) => {
    const [alpha, beta] = [node.float("alpha", 0.9), node.float("beta", 0.999)];
    const first = add(mul(v, alpha), mul(g, 1 - alpha));
    const second = add(mul(h, beta), mul(square(g), 1 - beta));
    const adjusted = mul(rate, div(sqrt(sub(1, pow(beta, time))), sub(1, pow(alpha, time))));
    const r = where(gt(time, 0), adjusted, rate);
    const y = sub(x, div(mul(r, first), add(sqrt(second), node.float("epsilon", 1e-6))));
    const decay = node.float("norm_coefficient_post", 0);
    return [decay === 0 ? y : mul(y, 1 - decay), first, second];
  }),
  Momentum: optimizer(1, (node, rate, time) => (x, [v], g) => {
    const alpha = node.float("alpha");
    const moved = add(mul(v, alpha), mul(g, where(gt(time, 0), node.float("beta"), 1)));
    const nesterov = node.text("mode") === "nesterov";
    return [sub(x, mul(rate, nesterov ? add(g, mul(moved, alpha)) : moved)), moved];
  }),
};
