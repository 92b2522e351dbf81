/**
 * Repeating along axes and summing along axes: each the gradient of the other, and the pair by which elementwise
 * gradients return to their operand's shape. Both say which axes, so that neither needs a reshape.
 */
import { ShapeError } from "../../tensor/errors.ts";
import { type Shape, broadcastShapes, resolveAxis, sameShape, show, sizeOf } from "../../tensor/shape.ts";
import { type Operation, type Value, type ValueLike, apply, describe, toValue } from "../op.ts";
import { type BroadcastAttributes, type ReduceAttributes, broadcastSteps, kept, reductionWalk } from "./axes.ts";
import { reduceLowering } from "./lowering.ts";
import { mapLowering } from "../map/lowering.ts";

export const broadcastOp: Operation<BroadcastAttributes> = {
  name: "broadcast",
  infer([x], { shape, axes }) {
    const held = kept(shape, axes);
    if (sizeOf(held) !== sizeOf(x.shape)) {
      throw new ShapeError(
        `broadcast: ${describe(x)} cannot be repeated along axes [${axes.join(", ")}] to ${show(shape)}: ` +
          `the other dimensions ${show(held)} must hold its ${sizeOf(x.shape)} elements.`,
      );
    }
    return { shape, dtype: x.dtype };
  },
  reference([x], { shape, axes }, out) {
    reductionWalk(shape, axes, (outer, inner) => {
      for (const offset of inner) out.data[offset] = x.data[outer];
    });
  },
  // dx: each element of x was used once at every place along the axes, so the gradients from there add up.
  gradient: {
    rule: ({ inputs: [x], attrs: { axes }, dy }) => [apply(sumOp, [dy], { axes, shape: x.shape })],
  },
  wasm: mapLowering(null, (_, __, attrs) => [broadcastSteps(attrs)]),
};

export const sumOp: Operation<ReduceAttributes> = {
  name: "sum",
  infer([x], { axes, shape }) {
    const held = kept(x.shape, axes);
    if (sizeOf(held) !== sizeOf(shape)) {
      throw new ShapeError(
        `sum: ${describe(x)} over axes [${axes.join(", ")}] leaves ${show(held)}, not ${show(shape)}.`,
      );
    }
    return { shape, dtype: x.dtype === "float32" ? "float32" : "int32" };
  },
  reference([x], { axes }, out) {
    reductionWalk(x.shape, axes, (outer, inner) => {
      let sum = 0;
      for (const offset of inner) sum += x.data[offset];
      out.data[outer] = sum;
    });
  },
  // dx: every element went into one sum with weight 1, so it receives that sum's dy.
  gradient: {
    rule: ({ inputs: [x], attrs: { axes }, dy }) => [apply(broadcastOp, [dy], { axes, shape: x.shape })],
  },
  wasm: reduceLowering("sum"),
};

/** Axes as given by a user (one, several, negative, none = all), resolved, checked and in order. */
export function resolveAxes(axes: number | readonly number[] | undefined, rank: number, what: string): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === "number" ? [axes] : axes).map((axis) => resolveAxis(axis, rank, what));
  const unique = [...new Set(list)].sort((a, b) => a - b);
  if (unique.length !== list.length) throw new ShapeError(`${what}: axes [${list.join(", ")}] name one axis twice.`);
  return unique;
}

/** A reduction over axes as a user gives them: the result is without them, or has 1 in their place. */
export function reduceAlong(
  op: Operation<ReduceAttributes>,
  x: ValueLike,
  axes: number | readonly number[] | undefined,
  keepdim: boolean,
): Value {
  const v = toValue(x);
  const resolved = resolveAxes(axes, v.shape.length, op.name);
  const shape = keepdim ? v.shape.map((d, i) => (resolved.includes(i) ? 1 : d)) : kept(v.shape, resolved);
  return apply(op, [v], { axes: resolved, shape });
}

/**
 * Sum over axes (torch.sum). Partial sums are taken in blocks, so that the rounding error hardly grows with the number
 * of terms; integers sum to int32.
 *
 * @param axes one or several, negative ones from the end; all unless said.
 * @param keepdim keep the axes with size 1 (false).
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [8, 3, 4, 4], dtype: "float32" });
 * sum(x, [0, 2, 3]).shape; // [3]
 * ```
 */
export function sum(x: ValueLike, axes?: number | readonly number[], keepdim = false): Value {
  return reduceAlong(sumOp, x, axes, keepdim);
}

/** Sums `x` back to `shape`, from which broadcasting led to x's shape: the gradient of {@link broadcastTo}. */
export function sumTo(x: ValueLike, shape: Shape): Value {
  const v = toValue(x);
  if (sameShape(v.shape, shape)) return v;
  const axes = stretchedAxes(shape, v.shape, "sumTo");
  return apply(sumOp, [v], { axes, shape });
}

/**
 * Repeats `x` to `shape` by NumPy's rule (torch.broadcast_to).
 * @throws ShapeError where a dimension is neither equal nor 1.
 *
 * @example
 * ```ts
 * const bias = input("bias", { shape: [10], dtype: "float32" });
 * broadcastTo(bias, [64, 10]).shape; // [64, 10]
 * ```
 */
export function broadcastTo(x: ValueLike, shape: Shape): Value {
  const v = toValue(x);
  if (sameShape(v.shape, shape)) return v;
  return broadcastAlong(v, shape, stretchedAxes(v.shape, shape, "broadcastTo"));
}

/**
 * Repeats `x` along chosen axes of `shape`; its elements fill the others in order. A weight per channel goes to feature
 * maps so.
 *
 * @example
 * ```ts
 * const weight = input("weight", { shape: [64], dtype: "float32" });
 * broadcastAlong(weight, [1, 64, 1, 1], [0, 2, 3]).shape; // [1, 64, 1, 1]
 * ```
 */
export function broadcastAlong(x: ValueLike, shape: Shape, axes: readonly number[]): Value {
  return apply(broadcastOp, [toValue(x)], { shape, axes });
}

function stretchedAxes(small: Shape, big: Shape, what: string): number[] {
  if (!sameShape(broadcastShapes(small, big, what), big)) {
    throw new ShapeError(
      `${what}: ${show(small)} does not broadcast to ${show(big)}; each dimension must be equal or 1.`,
    );
  }
  const lead = big.length - small.length;
  return big.flatMap((d, i) => (i < lead || small[i - lead] !== d ? [i] : []));
}
