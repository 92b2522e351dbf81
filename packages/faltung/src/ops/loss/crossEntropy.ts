/**
 * Cross-entropy and negative log-likelihood, as compositions: logSoftmax's own gradient makes the composition's
 * gradient softmax − target, and picking the labels' log-probabilities is a select, which an infinite one elsewhere
 * cannot poison.
 */
import { ShapeError, checkRange } from "../../tensor/errors.ts";
import { sameShape, show } from "../../tensor/shape.ts";
import { add, cast, div, eq, ge, logicalAnd, lt, mul, neg, where } from "../elementwise/elementwise.ts";
import { logSoftmax } from "../norm/softmax.op.ts";
import { perChannel } from "../norm/batchNorm.op.ts";
import { type Value, type ValueLike, describe, toValue } from "../op.ts";
import { sum } from "../reduce/reduce.ts";
import { requireFloat } from "../shape/check.ts";
import { oneHot } from "../shape/oneHot.ts";
import { squeeze, unsqueeze } from "../shape/reshape.op.ts";
import { type LossOptions, checkReduction, reduceLoss } from "./reduction.ts";

export interface NllOptions extends LossOptions {
  /** A weight for each class, float32 [C]; "mean" then divides by the weights' sum. */
  readonly weight?: ValueLike | null;
  /** Labels of this number cost nothing and do not count in the mean. −100 unless said. */
  readonly ignoreIndex?: number;
}

export interface CrossEntropyOptions extends NllOptions {
  /** The target is mixed with this much of the uniform distribution. 0 unless said. */
  readonly labelSmoothing?: number;
}

/** With the class axis at 1; a single sample [C] becomes [1, C]. */
interface Classified {
  readonly scores: Value;
  readonly target: Value;
  readonly weight: Value | null;
  /** What the caller gave had no batch axis. */
  readonly single: boolean;
}

function prepare(what: string, input: ValueLike, target: ValueLike, weight: ValueLike | null | undefined): Classified {
  const x = toValue(input);
  const t = toValue(target, "int32");
  requireFloat(what, x);
  if (x.shape.length === 0) throw new ShapeError(`${what}: input is ${describe(x)}; it must be [N, C, …] or [C].`);
  const single = x.shape.length === 1;
  const classes = x.shape[single ? 0 : 1];
  const labels = x.shape.filter((_, d) => d !== (single ? 0 : 1));
  const fits = t.dtype === "float32" ? sameShape(t.shape, x.shape) : sameShape(t.shape, labels);
  if (!fits) {
    throw new ShapeError(
      `${what}: target is ${describe(t)}, input is ${describe(x)} with ${classes} classes; ` +
        `give int32 labels ${show(labels)}${what === "crossEntropy" ? ` or float32 probabilities ${show(x.shape)}` : ""}.`,
    );
  }
  const w = weight === undefined || weight === null ? null : toValue(weight);
  if (w !== null && (w.dtype !== "float32" || !sameShape(w.shape, [classes]))) {
    throw new ShapeError(`${what}: weight is ${describe(w)}; it must be float32 [${classes}], one for each class.`);
  }
  return single
    ? { scores: unsqueeze(x, 0), target: unsqueeze(t, 0), weight: w, single }
    : { scores: x, target: t, weight: w, single };
}

/** Of each sample and class: the loss if that class is the right one. Weights are [1, C, 1…]. */
interface Picked {
  /** −w·log p of the label; 0 where ignored, NaN where the label is no class. */
  readonly loss: Value;
  /** w of the label, 0 where ignored: what "mean" divides by. */
  readonly weight: Value;
  /** 1 where the label counts. */
  readonly counts: Value;
}

function pick({ scores, target, weight }: Classified, ignoreIndex: number): Picked {
  const [, classes] = scores.shape;
  const chosen = oneHot(target, classes, { axis: 1, dtype: "uint8" });
  const costs = weight === null ? neg(scores) : mul(scores, neg(perChannel(weight, scores.shape.length)));
  const ofLabel = sum(where(chosen, costs, 0), 1);
  const label = cast(target, "int32");
  const counts = cast(eq(eq(label, ignoreIndex), 0), "float32");
  const known = logicalAnd(ge(label, 0), lt(label, classes));
  const loss = where(counts, where(known, ofLabel, Number.NaN), 0);
  const labelWeight =
    weight === null ? counts : mul(counts, sum(where(chosen, perChannel(weight, scores.shape.length), 0), 1));
  return { loss, weight: labelWeight, counts };
}

function finish(
  what: string,
  loss: Value,
  weights: Value,
  { reduction = "mean" }: LossOptions,
  single: boolean,
): Value {
  checkReduction(what, reduction);
  if (reduction === "none") return single ? squeeze(loss, 0) : loss;
  return reduction === "sum" ? sum(loss) : div(sum(loss), sum(weights));
}

/**
 * −weight[t]·input[t] for label t of each place: what follows {@link logSoftmax}. "mean" divides by the sum of the
 * weights that counted; if every label is ignored the mean is NaN, as in PyTorch. A label that is no class gives NaN.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html
 *
 * @param input log-probabilities, [N, C, …] or [C].
 * @param target int32 or uint8 labels, [N, …] or [].
 * @throws ShapeError if shapes or dtypes do not belong together.
 *
 * @example
 * ```ts
 * nllLoss(logSoftmax(input("x", { shape: [4, 10], dtype: "float32" }), 1), Tensor.from([1, 2, 3, 4], "int32")).shape; // []
 * ```
 */
export function nllLoss(input: ValueLike, target: ValueLike, options: NllOptions = {}): Value {
  const c = prepare("nllLoss", input, target, options.weight);
  if (c.target.dtype === "float32") {
    throw new ShapeError(`nllLoss: target is ${describe(c.target)}; labels must be int32 or uint8.`);
  }
  const picked = pick(c, options.ignoreIndex ?? -100);
  return finish("nllLoss", picked.loss, picked.weight, options, c.single);
}

/**
 * −Σ target·log softmax(input) over the classes, for integer labels or for probabilities.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html
 *
 * With labels, "mean" divides by the sum of the weights that counted (NaN if every label is ignored); a label that is
 * no class gives NaN. With probabilities it divides by the number of samples and places.
 *
 * @param input logits, [N, C, …] or [C].
 * @param target int32 or uint8 labels [N, …] (or []), or float32 probabilities of the input's shape.
 * @throws ShapeError if shapes or dtypes do not belong together; OptionError for labelSmoothing outside of [0, 1].
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ l: crossEntropy(x, Tensor.from([1], "int32")) }), { x: { shape: [1, 2], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([[0, 0]]) }).outputs.l.item(); // ≈ 0.6931: log 2
 * ```
 */
export function crossEntropy(input: ValueLike, target: ValueLike, options: CrossEntropyOptions = {}): Value {
  const { labelSmoothing = 0, ignoreIndex = -100 } = options;
  checkRange("crossEntropy: labelSmoothing", labelSmoothing, 0, 1);
  const given = prepare("crossEntropy", input, target, options.weight);
  const c: Classified = { ...given, scores: logSoftmax(given.scores, 1) };
  const { scores, weight } = c;
  const [, classes] = scores.shape;
  const weighted = weight === null ? scores : mul(scores, perChannel(weight, scores.shape.length));
  if (c.target.dtype === "float32") {
    const smooth = labelSmoothing === 0 ? c.target : add(mul(c.target, 1 - labelSmoothing), labelSmoothing / classes);
    const loss = neg(sum(mul(weighted, smooth), 1));
    return reduceLoss("crossEntropy", c.single ? squeeze(loss, 0) : loss, options);
  }
  const picked = pick(c, ignoreIndex);
  let { loss } = picked;
  if (labelSmoothing > 0) {
    // The uniform part costs the mean over all classes, the true one included.
    const uniform = where(picked.counts, neg(sum(weighted, 1)), 0);
    loss = add(mul(loss, 1 - labelSmoothing), mul(uniform, labelSmoothing / classes));
  }
  return finish("crossEntropy", loss, picked.weight, options, c.single);
}
