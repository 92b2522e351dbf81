/** flip as one box with negative strides. */
import { type TensorType, stridesOf } from "../../tensor/shape.ts";
import type { LayoutChoice, Lowered, Site } from "../op.ts";
import { moveBoxes } from "./box.wasm.ts";
import type { FlipAttributes } from "./flip.op.ts";
import { IN_OUT, alike, canBlock, physicalShape } from "./physical.ts";
import { offsetOf } from "./walk.ts";

export function flipLayouts(
  inputs: readonly TensorType[],
  _output: TensorType,
  { axes }: FlipAttributes,
): readonly LayoutChoice[] {
  return alike(1, canBlock(inputs[0]) && !axes.includes(1));
}

export function lowerFlip({ output, attrs: { axes } }: Site<FlipAttributes>): Lowered {
  const sizes = physicalShape(output.type.shape, output.layout);
  const strides = stridesOf(sizes);
  const box = {
    axes: sizes.map((size, d) => ({ size, from: axes.includes(d) ? -strides[d] : strides[d], to: strides[d] })),
    source: {
      kind: "buffer",
      pointer: 0,
      offset: offsetOf(
        sizes.map((n, d) => (axes.includes(d) ? n - 1 : 0)),
        strides,
      ),
    },
    target: 1,
    offset: 0,
  } as const;
  const label = `flip ${output.type.shape.join("×")} along ${axes.join()}`;
  return { stages: [moveBoxes(label, [box], output.type.dtype, IN_OUT, [1])], temps: [] };
}
