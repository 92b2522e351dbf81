/** Reversed order along some dimensions. */
import { ShapeError } from "../../tensor/errors.ts";
import { resolveAxis, show, stridesOf } from "../../tensor/shape.ts";
import { type Operation, type Value, type ValueLike, apply, toValue } from "../op.ts";
import { flipLayouts, lowerFlip } from "./flip.wasm.ts";
import { eachIndex, offsetOf } from "./walk.ts";

export interface FlipAttributes {
  /** In ascending order, without repetition. */
  readonly axes: readonly number[];
}

export const flipOp: Operation<FlipAttributes> = {
  name: "flip",
  infer: ([{ shape, dtype }]) => ({ shape, dtype }),
  reference([x], { axes }, out) {
    const strides = stridesOf(x.shape);
    const last = offsetOf(
      x.shape.map((size, d) => (axes.includes(d) ? size - 1 : 0)),
      strides,
    );
    const signed = strides.map((s, d) => (axes.includes(d) ? -s : s));
    eachIndex(out.shape, (index, flat) => {
      out.data[flat] = x.data[last + offsetOf(index, signed)];
    });
  },
  // A reversal is its own inverse.
  gradient: { rule: ({ attrs, dy }) => [apply(flipOp, [dy], attrs)] },
  wasm: { layouts: flipLayouts, lower: lowerFlip },
};

/**
 * Reverses the order along the given dimensions.
 * https://pytorch.org/docs/stable/generated/torch.flip.html
 *
 * @throws ShapeError if an axis is out of range or named twice.
 *
 * @example
 * ```ts
 * const graph = trace(({ x }) => ({ y: flip(x, [0]) }), { x: { shape: [3], dtype: "float32" } });
 * evaluate(graph, { x: Tensor.from([1, 2, 3]) }).outputs.y.toArray(); // [3, 2, 1]
 * ```
 */
export function flip(x: ValueLike, axes: readonly number[]): Value {
  const value = toValue(x);
  const resolved = axes.map((a) => resolveAxis(a, value.shape.length, "flip")).sort((a, b) => a - b);
  if (new Set(resolved).size !== resolved.length)
    throw new ShapeError(`flip: axes ${show(axes)} name one dimension twice.`);
  return resolved.length === 0 ? value : apply(flipOp, [value], { axes: resolved });
}
