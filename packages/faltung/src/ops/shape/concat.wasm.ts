/** concat: one box for each operand, all moved by one kernel. */
import { type TensorType, sizeOf, stridesOf } from "../../tensor/shape.ts";
import type { BufferRef, LayoutChoice, Lowered, Site } from "../op.ts";
import { type Box, moveBoxes } from "./box.wasm.ts";
import type { ConcatAttributes } from "./concat.op.ts";
import { LANES, alike, canBlock, physicalShape } from "./physical.ts";

export function concatLayouts(
  inputs: readonly TensorType[],
  output: TensorType,
  { axis }: ConcatAttributes,
): readonly LayoutChoice[] {
  // Along the channels every block but the last must be full.
  const fits = axis !== 1 || inputs.slice(0, -1).every((x) => x.shape[1] % LANES === 0);
  return alike(inputs.length, canBlock(output) && fits);
}

export function lowerConcat({ inputs, output, attrs: { axis } }: Site<ConcatAttributes>): Lowered {
  const whole = stridesOf(physicalShape(output.type.shape, output.layout));
  let at = 0;
  const boxes = inputs.map((x, i): Box => {
    const sizes = physicalShape(x.type.shape, output.layout);
    const own = stridesOf(sizes);
    const box: Box = {
      axes: sizes.map((size, d) => ({ size, from: own[d], to: whole[d] })),
      source: { kind: "buffer", pointer: i, offset: 0 },
      target: inputs.length,
      offset: at * whole[axis],
    };
    at += sizeOf(x.type.shape) === 0 ? 0 : sizes[axis];
    return box;
  });
  const pointers: BufferRef[] = [
    ...inputs.map((_, index): BufferRef => ({ kind: "input", index })),
    { kind: "output", index: 0 },
  ];
  const label = `concat ${inputs.map((x) => x.type.shape.join("×")).join(" + ")}`;
  return { stages: [moveBoxes(label, boxes, output.type.dtype, pointers, [inputs.length])], temps: [] };
}
