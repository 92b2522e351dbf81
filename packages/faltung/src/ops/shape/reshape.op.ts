/** The same numbers under another shape. Costs nothing: the result shares its input's place in memory. */
import { ShapeError } from "../../tensor/errors.ts";
import { type Shape, checkShape, resolveAxis, sameShape, show, sizeOf } from "../../tensor/shape.ts";
import { type Operation, type Value, type ValueLike, apply, describe, toValue } from "../op.ts";

export interface ReshapeAttributes {
  readonly shape: Shape;
}

export const reshapeOp: Operation<ReshapeAttributes> = {
  name: "reshape",
  infer([x], { shape }) {
    checkShape(shape, "reshape");
    if (sizeOf(shape) !== sizeOf(x.shape)) {
      throw new ShapeError(
        `reshape: ${describe(x)} has ${sizeOf(x.shape)} elements, ${show(shape)} has ${sizeOf(shape)}. ` +
          `Give a shape with as many, or −1 for one dimension.`,
      );
    }
    return { shape, dtype: x.dtype };
  },
  reference([x], _attrs, out) {
    out.data.set(x.data);
  },
  // The numbers stay where they are, and so do their gradients.
  gradient: { rule: ({ inputs, dy }) => [reshape(dy, inputs[0].shape)] },
  wasm: { alias: true, lower: () => ({ stages: [], temps: [] }) },
};

/**
 * The same numbers, in row-major order, under another shape.
 * https://pytorch.org/docs/stable/generated/torch.reshape.html
 *
 * @param shape as many elements as x has; one dimension may be −1 and is then computed.
 * @throws ShapeError if the numbers of elements differ.
 *
 * @example
 * ```ts
 * reshape(input("x", { shape: [2, 6], dtype: "float32" }), [3, -1]).shape; // [3, 4]
 * ```
 */
export function reshape(x: ValueLike, shape: Shape): Value {
  const value = toValue(x);
  const free = shape.indexOf(-1);
  let full = shape;
  if (free >= 0) {
    const known = shape.reduce((n, d, i) => (i === free ? n : n * d), 1);
    const rest = sizeOf(value.shape) / known;
    if (!Number.isInteger(rest)) {
      throw new ShapeError(
        `reshape: the −1 in ${show(shape)} has no value: the other dimensions multiply to ${known}, ` +
          `x ${describe(value)} has ${sizeOf(value.shape)} elements.`,
      );
    }
    full = shape.map((d, i) => (i === free ? rest : d));
  }
  return sameShape(full, value.shape) ? value : apply(reshapeOp, [value], { shape: full });
}

/**
 * Merges dimensions startAxis to endAxis into one.
 * https://pytorch.org/docs/stable/generated/torch.flatten.html
 *
 * @param startAxis 0 unless said, as torch.flatten; the layer nn.Flatten starts at 1.
 * @param endAxis the last one merged: −1 unless said.
 *
 * @example
 * ```ts
 * flatten(input("x", { shape: [8, 3, 4, 4], dtype: "float32" }), 1).shape; // [8, 48]
 * ```
 */
export function flatten(x: ValueLike, startAxis = 0, endAxis = -1): Value {
  const value = toValue(x);
  const { shape } = value;
  if (shape.length === 0) return reshape(value, [1]);
  const from = resolveAxis(startAxis, shape.length, "flatten");
  const to = resolveAxis(endAxis, shape.length, "flatten");
  if (from > to) {
    throw new ShapeError(`flatten: startAxis ${startAxis} lies behind endAxis ${endAxis} in ${describe(value)}.`);
  }
  return reshape(value, [...shape.slice(0, from), sizeOf(shape.slice(from, to + 1)), ...shape.slice(to + 1)]);
}

/**
 * Removes a dimension of size 1, or all of them.
 * https://pytorch.org/docs/stable/generated/torch.squeeze.html
 *
 * @param axis if its size is not 1 nothing happens, as in PyTorch.
 *
 * @example
 * ```ts
 * squeeze(input("x", { shape: [2, 1, 3], dtype: "float32" }), 1).shape; // [2, 3]
 * ```
 */
export function squeeze(x: ValueLike, axis?: number): Value {
  const value = toValue(x);
  const only = axis === undefined ? undefined : resolveAxis(axis, value.shape.length, "squeeze");
  return reshape(
    value,
    value.shape.filter((d, i) => d !== 1 || (only !== undefined && i !== only)),
  );
}

/**
 * Inserts a dimension of size 1.
 * https://pytorch.org/docs/stable/generated/torch.unsqueeze.html
 *
 * @example
 * ```ts
 * unsqueeze(input("x", { shape: [2, 3], dtype: "float32" }), -1).shape; // [2, 3, 1]
 * ```
 */
export function unsqueeze(x: ValueLike, axis: number): Value {
  const value = toValue(x);
  const at = resolveAxis(axis, value.shape.length + 1, "unsqueeze");
  return reshape(value, [...value.shape.slice(0, at), 1, ...value.shape.slice(at)]);
}
