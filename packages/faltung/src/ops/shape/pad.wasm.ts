/** Constant padding: what remains of x as one box, and the border around it as at most two filled boxes an axis. */
import { type TensorType, stridesOf } from "../../tensor/shape.ts";
import type { LayoutChoice, Lowered, Site } from "../op.ts";
import { type Box, moveBoxes } from "./box.wasm.ts";
import type { PadAttributes } from "./pad.op.ts";
import { IN_OUT, LANES, alike, bitsOf, canBlock, physicalShape } from "./physical.ts";
import { offsetOf } from "./walk.ts";

export function padLayouts(
  inputs: readonly TensorType[],
  _output: TensorType,
  { before, after }: PadAttributes,
): readonly LayoutChoice[] {
  const [x] = inputs;
  // Blocks of channels move as a whole; new channels must not share a block with old ones.
  const whole = canBlock(x) && before[1] % LANES === 0 && (after[1] <= 0 || x.shape[1] % LANES === 0);
  return alike(1, whole);
}

export function lowerPad({ inputs: [x], output, attrs: { before, value } }: Site<PadAttributes>): Lowered {
  const blocked = output.layout === "blocked";
  const from = physicalShape(x.type.shape, output.layout);
  const to = physicalShape(output.type.shape, output.layout);
  const shift = blocked ? [before[0], before[1] / LANES, ...before.slice(2), 0] : before;
  // Of each axis of the result, the part [low, high) comes from x.
  const low = to.map((size, d) => Math.min(Math.max(shift[d], 0), size));
  const high = to.map((size, d) => Math.min(Math.max(shift[d] + from[d], low[d]), size));
  const fromStrides = stridesOf(from);
  const toStrides = stridesOf(to);
  const start = low.map((l, d) => l - shift[d]);
  const boxes: Box[] = [
    {
      axes: to.map((_, d) => ({ size: high[d] - low[d], from: fromStrides[d], to: toStrides[d] })),
      source: { kind: "buffer", pointer: 0, offset: offsetOf(start, fromStrides) },
      target: 1,
      offset: offsetOf(low, toStrides),
    },
  ];
  // Peel the border off axis by axis: outer axes within what comes from x, inner ones in full.
  const bits = bitsOf(value, output.type.dtype);
  to.forEach((size, d) => {
    for (const [a, b] of [
      [0, low[d]],
      [high[d], size],
    ]) {
      boxes.push({
        axes: to.map((whole, e) => ({
          size: e < d ? high[e] - low[e] : e === d ? b - a : whole,
          from: 0,
          to: toStrides[e],
        })),
        source: { kind: "fill", bits },
        target: 1,
        offset: offsetOf(
          to.map((_, e) => (e < d ? low[e] : e === d ? a : 0)),
          toStrides,
        ),
      });
    }
  });
  const label = `pad ${x.type.shape.join("×")} to ${output.type.shape.join("×")}`;
  return { stages: [moveBoxes(label, boxes, output.type.dtype, IN_OUT, [1])], temps: [] };
}
