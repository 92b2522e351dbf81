/** slice and place as moves of one box; in the blocked layout where whole blocks of channels are taken. */
import { type TensorType, sizeOf, stridesOf } from "../../tensor/shape.ts";
import type { Layout, LayoutChoice, Lowered, Site } from "../op.ts";
import { type BoxAxis, moveBoxes } from "./box.wasm.ts";
import { IN_OUT, LANES, alike, canBlock, physicalShape } from "./physical.ts";
import type { SliceAttributes } from "./slice.op.ts";
import { offsetOf } from "./walk.ts";

export function sliceLayouts(
  inputs: readonly TensorType[],
  _output: TensorType,
  { start, step }: SliceAttributes,
): readonly LayoutChoice[] {
  return alike(1, canBlock(inputs[0]) && step[1] === 1 && start[1] % LANES === 0);
}

/** As for slice; besides, no lane without meaning may come to lie where a zero belongs. */
export function placeLayouts(
  inputs: readonly TensorType[],
  _output: TensorType,
  a: SliceAttributes,
): readonly LayoutChoice[] {
  const whole = canBlock(inputs[0]) && a.step[1] === 1 && a.start[1] % LANES === 0;
  return alike(1, whole && (a.part[1] % LANES === 0 || a.start[1] + a.part[1] === a.whole[1]));
}

/** For each axis of the part, its size and its steps in the part and in the whole; and where the part begins. */
function mapPart(
  { start, step, part, whole }: SliceAttributes,
  layout: Layout,
): { axes: { size: number; part: number; whole: number }[]; offset: number } {
  const sizes = physicalShape(part, layout);
  const inPart = stridesOf(sizes);
  const inWhole = stridesOf(physicalShape(whole, layout));
  const blocked = layout === "blocked";
  const first = blocked ? [start[0], start[1] / LANES, ...start.slice(2), 0] : start;
  const steps = blocked ? [...step, 1] : step;
  return {
    axes: sizes.map((size, d) => ({ size, part: inPart[d], whole: inWhole[d] * steps[d] })),
    offset: offsetOf(first, inWhole),
  };
}

export function lowerSlice({ inputs, output, attrs }: Site<SliceAttributes>): Lowered {
  const { axes, offset } = mapPart(attrs, output.layout);
  const box = axes.map(({ size, part, whole }): BoxAxis => ({ size, from: whole, to: part }));
  const stage = moveBoxes(
    `slice ${attrs.part.join("×")} of ${attrs.whole.join("×")}`,
    [{ axes: box, source: { kind: "buffer", pointer: 0, offset }, target: 1, offset: 0 }],
    inputs[0].type.dtype,
    IN_OUT,
    [1],
  );
  return { stages: [stage], temps: [] };
}

export function lowerPlace({ inputs, output, attrs }: Site<SliceAttributes>): Lowered {
  const { dtype } = inputs[0].type;
  const { axes, offset } = mapPart(attrs, output.layout);
  const label = `place ${attrs.part.join("×")} in ${attrs.whole.join("×")}`;
  const box = {
    axes: axes.map(({ size, part, whole }): BoxAxis => ({ size, from: part, to: whole })),
    source: { kind: "buffer", pointer: 0, offset: 0 },
    target: 1,
    offset,
  } as const;
  const zeros = {
    axes: [{ size: sizeOf(physicalShape(attrs.whole, output.layout)), from: 0, to: 1 }],
    source: { kind: "fill", bits: 0 },
    target: 1,
    offset: 0,
  } as const;
  return {
    stages: [moveBoxes(`${label}: zeros`, [zeros], dtype, IN_OUT, [1]), moveBoxes(label, [box], dtype, IN_OUT, [1])],
    temps: [],
  };
}
