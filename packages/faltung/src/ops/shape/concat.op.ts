/** Tensors side by side along one dimension. */
import { OptionError, ShapeError } from "../../tensor/errors.ts";
import { resolveAxis, sizeOf } from "../../tensor/shape.ts";
import { type Operation, type Value, type ValueLike, apply, describe, toValue } from "../op.ts";
import { concatLayouts, lowerConcat } from "./concat.wasm.ts";
import { unsqueeze } from "./reshape.op.ts";
import { split } from "./slice.op.ts";

export interface ConcatAttributes {
  readonly axis: number;
}

export const concatOp: Operation<ConcatAttributes> = {
  name: "concat",
  infer(inputs, { axis }) {
    const [first] = inputs;
    inputs.forEach((x, i) => {
      const fits =
        x.dtype === first.dtype &&
        x.shape.length === first.shape.length &&
        x.shape.every((size, d) => d === axis || size === first.shape[d]);
      if (!fits) {
        throw new ShapeError(
          `concat: operand ${i} is ${describe(x)}, operand 0 is ${describe(first)}: ` +
            `dtype and all dimensions but axis ${axis} must be equal.`,
        );
      }
    });
    const total = inputs.reduce((n, x) => n + x.shape[axis], 0);
    return { shape: first.shape.map((size, d) => (d === axis ? total : size)), dtype: first.dtype };
  },
  reference(inputs, { axis }, out) {
    const outer = sizeOf(out.shape.slice(0, axis));
    const row = sizeOf(out.shape.slice(axis));
    let at = 0;
    for (const { data, shape } of inputs) {
      const run = sizeOf(shape.slice(axis));
      for (let o = 0; o < outer; o++) out.data.set(data.subarray(o * run, (o + 1) * run), o * row + at);
      at += run;
    }
  },
  // Each operand's gradient is its own part of dy.
  gradient: {
    rule: ({ inputs, attrs: { axis }, dy }) =>
      split(
        dy,
        inputs.map((x) => x.shape[axis]),
        axis,
      ),
  },
  wasm: { layouts: concatLayouts, lower: lowerConcat },
};

/**
 * Joins tensors along an axis that exists.
 * https://pytorch.org/docs/stable/generated/torch.cat.html
 *
 * @throws ShapeError if dtypes or the other dimensions differ; OptionError for an empty list.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 8, 4, 4], dtype: "float32" });
 * concat([x, x], 1).shape; // [1, 16, 4, 4]
 * ```
 */
export function concat(values: readonly ValueLike[], axis = 0): Value {
  if (values.length === 0) throw new OptionError("concat: the list of tensors is empty; give at least one.");
  const list = values.map((v) => toValue(v));
  const at = resolveAxis(axis, list[0].shape.length, "concat");
  return list.length === 1 ? list[0] : apply(concatOp, list, { axis: at });
}

/**
 * Joins tensors of one shape along a new axis.
 * https://pytorch.org/docs/stable/generated/torch.stack.html
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [3], dtype: "float32" });
 * stack([x, x], 1).shape; // [3, 2]
 * ```
 */
export function stack(values: readonly ValueLike[], axis = 0): Value {
  return concat(
    values.map((v) => unsqueeze(v, axis)),
    axis,
  );
}
