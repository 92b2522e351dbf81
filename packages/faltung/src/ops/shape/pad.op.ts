/**
 * Borders added or, where negative, cut off. The constant mode is a primitive for every dtype; reflect, replicate and
 * circular copy cells of x, so they are linear maps along each axis (see spatialMap.op.ts).
 */
import { OptionError, ShapeError, checkChoice } from "../../tensor/errors.ts";
import { show, stridesOf } from "../../tensor/shape.ts";
import { type PaddingMode, borderIndex } from "./border.ts";
import { type Operation, type Value, type ValueLike, apply, describe, toValue } from "../op.ts";
import type { AxisMap } from "./axisMap.ts";
import { requireFloat } from "./check.ts";
import { lowerPad, padLayouts } from "./pad.wasm.ts";
import { linearGradient, spatialMap } from "./spatialMap.op.ts";
import { eachIndex, offsetOf } from "./walk.ts";

export interface PadAttributes {
  /** Cells before and after, for each dimension; negative ones are cut off. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly value: number;
}

function paddedShape(
  shape: readonly number[],
  { before, after }: Omit<PadAttributes, "value">,
  what: string,
): number[] {
  const out = shape.map((size, d) => size + before[d] + after[d]);
  if (out.some((size) => size < 0)) {
    throw new ShapeError(
      `${what}: cutting ${show(before)} before and ${show(after)} after from ${show(shape)} leaves less than nothing.`,
    );
  }
  return out;
}

export const padOp: Operation<PadAttributes> = {
  name: "pad",
  infer: ([{ shape, dtype }], attrs) => ({ shape: paddedShape(shape, attrs, "pad"), dtype }),
  reference([x], { before, value }, out) {
    const strides = stridesOf(x.shape);
    eachIndex(out.shape, (index, flat) => {
      const from = index.map((i, d) => i - before[d]);
      const inside = from.every((i, d) => i >= 0 && i < x.shape[d]);
      out.data[flat] = inside ? x.data[offsetOf(from, strides)] : value;
    });
  },
  // The border is constant, so its gradient is dropped: cut off what was added, add zeros where something was cut.
  gradient: {
    rule: ({ attrs: { before, after }, dy }) => [
      apply(padOp, [dy], { before: before.map((n) => -n), after: after.map((n) => -n), value: 0 }),
    ],
  },
  wasm: { layouts: padLayouts, lower: lowerPad },
};

export interface BorderAttributes {
  /** For the last axes of x, outermost first. */
  readonly padding: readonly (readonly [before: number, after: number])[];
  readonly mode: Exclude<PaddingMode, "zeros">;
}

function borderMaps(shape: readonly number[], { padding, mode }: BorderAttributes): AxisMap[] {
  const first = shape.length - padding.length;
  return padding.map(([begin, end], i) => ({ kind: "border", input: shape[first + i], begin, end, mode }));
}

/** Reflect, replicate and circular padding of the last axes. */
export const padBorderOp: Operation<BorderAttributes> = {
  name: "padBorder",
  infer([x], { padding, mode }) {
    requireFloat(`pad, mode ${mode}`, x);
    const first = x.shape.length - padding.length;
    const shape = x.shape.map((size, d) => {
      if (d < first) return size;
      const [begin, end] = padding[d - first];
      const limit = mode === "reflect" ? size - 1 : mode === "circular" ? size : size > 0 ? Infinity : 0;
      if (Math.max(begin, end) > limit) {
        throw new ShapeError(
          `pad: mode ${mode} cannot add [${begin}, ${end}] cells to axis ${d} of ${describe(x)}: at most ${Math.max(limit, 0)} on a side.`,
        );
      }
      if (size + begin + end < 0) paddedShape([size], { before: [begin], after: [end] }, "pad"); // throws
      return size + begin + end;
    });
    return { shape, dtype: x.dtype };
  },
  reference([x], { padding, mode }, out) {
    const strides = stridesOf(x.shape);
    const first = x.shape.length - padding.length;
    eachIndex(out.shape, (index, flat) => {
      const from = index.map((i, d) => (d < first ? i : borderIndex(i - padding[d - first][0], x.shape[d], mode)));
      out.data[flat] = x.data[offsetOf(from, strides)];
    });
  },
  decompose: ([x], attrs) => spatialMap(x, borderMaps(x.shape, attrs)),
  // A cell that was copied into the border answers for all its copies: their gradients add up in it.
  gradient: linearGradient(([x], attrs) => borderMaps(x.shape, attrs)),
};

export interface PadOptions {
  /** "constant" unless said. */
  readonly mode?: "constant" | Exclude<PaddingMode, "zeros">;
  /** What a constant border holds: 0 unless said. */
  readonly value?: number;
}

/**
 * Adds cells around x; negative numbers cut them off.
 * https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
 *
 * @param padding in PyTorch's order, last dimension first: [left, right, top, bottom, …].
 * @throws OptionError for an odd number of paddings; ShapeError if there are more than x's dimensions, if the result
 * would be smaller than empty, or if reflect or circular padding asks for more than x has.
 *
 * @example
 * ```ts
 * pad(input("x", { shape: [1, 3, 8, 8], dtype: "float32" }), [1, 2, 0, 0], { mode: "reflect" }).shape; // [1, 3, 8, 11]
 * ```
 */
export function pad(x: ValueLike, padding: readonly number[], options: PadOptions = {}): Value {
  const { mode = "constant", value: fill = 0 } = options;
  const value = toValue(x);
  const rank = value.shape.length;
  if (padding.length % 2 !== 0 || !padding.every(Number.isSafeInteger)) {
    throw new OptionError(
      `pad: padding is ${show(padding)}; give pairs of whole numbers, last dimension first: [left, right, top, …].`,
    );
  }
  if (padding.length > 2 * rank) {
    throw new ShapeError(
      `pad: ${padding.length / 2} pairs of paddings were given for ${describe(value)}, which has ${rank} dimensions.`,
    );
  }
  if (padding.every((n) => n === 0)) return value;
  if (mode === "constant") {
    const at = (d: number, side: number): number => padding[2 * (rank - 1 - d) + side] ?? 0;
    const before = value.shape.map((_, d) => at(d, 0));
    const after = value.shape.map((_, d) => at(d, 1));
    return apply(padOp, [value], { before, after, value: fill });
  }
  checkChoice("pad: mode", mode, ["constant", "reflect", "replicate", "circular"]);
  const pairs = Array.from({ length: padding.length / 2 }, (_, i): [number, number] => [
    padding[2 * i],
    padding[2 * i + 1],
  ]);
  return apply(padBorderOp, [value], { padding: pairs.reverse(), mode });
}
