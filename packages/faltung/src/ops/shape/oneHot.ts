/** Whole numbers as unit vectors: the embedding of labels. */
import { ShapeError, checkWhole } from "../../tensor/errors.ts";
import { type DType, resolveAxis } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { cast, eq } from "../elementwise/elementwise.ts";
import { type Value, type ValueLike, constant, describe, toValue } from "../op.ts";
import { unsqueeze } from "./reshape.op.ts";

export interface OneHotOptions {
  /** Where the new dimension stands: −1, the last, unless said; 1 for labels of [N, H, W] pictures. */
  readonly axis?: number;
  /** float32 unless said. */
  readonly dtype?: DType;
}

/**
 * 1 where the class equals the label and 0 elsewhere. A label outside of [0, classes) gives zeros only.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.one_hot.html
 *
 * @param labels int32 or uint8, of any shape.
 * @throws ShapeError for float labels; OptionError unless classes is a whole number ≥ 1.
 *
 * @example
 * ```ts
 * const graph = trace(({ y }) => ({ h: oneHot(y, 3) }), { y: { shape: [2], dtype: "int32" } });
 * evaluate(graph, { y: Tensor.from([2, 0], "int32") }).outputs.h.toArray(); // [[0, 0, 1], [1, 0, 0]]
 * ```
 */
export function oneHot(labels: ValueLike, classes: number, options: OneHotOptions = {}): Value {
  const { axis = -1, dtype = "float32" } = options;
  const value = toValue(labels, "int32");
  if (value.dtype === "float32") {
    throw new ShapeError(`oneHot: labels are ${describe(value)}; they must be int32 or uint8 class numbers.`);
  }
  checkWhole("oneHot: classes", classes);
  const rank = value.shape.length + 1;
  const at = resolveAxis(axis, rank, "oneHot");
  const numbers = new Tensor(
    Int32Array.from({ length: classes }, (_, i) => i),
    Array.from({ length: rank }, (_, d) => (d === at ? classes : 1)),
  );
  return cast(eq(unsqueeze(cast(value, "int32"), at), constant(numbers)), dtype);
}
