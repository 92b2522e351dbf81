/** Tensors as they lie in memory: the row-major arrays behind the two layouts. */
import type { DType, Shape, TensorType } from "../../tensor/shape.ts";
import type { BufferRef, Layout, LayoutChoice } from "../op.ts";

/** Channels that lie side by side in the blocked layout. */
export const LANES = 8;

/** Blocks that hold `channels` channels. */
export function blocksOf(channels: number): number {
  return Math.ceil(channels / LANES);
}

/** Shape of the row-major array: x's own, or [N, ⌈C/8⌉, …, 8]. */
export function physicalShape(shape: Shape, layout: Layout): number[] {
  if (layout === "plain") return [...shape];
  const [n, c, ...spatial] = shape;
  return [n, blocksOf(c), ...spatial, LANES];
}

/** Only tensors of rank 3 to 5 have a blocked layout. */
export function canBlock(type: TensorType): boolean {
  return type.shape.length >= 3 && type.shape.length <= 5;
}

/** All operands alike: blocked first, if it is possible, then plain. */
export function alike(inputs: number, blocked: boolean): readonly LayoutChoice[] {
  const all = (layout: Layout): LayoutChoice => ({
    inputs: Array.from({ length: inputs }, () => layout),
    output: layout,
  });
  return blocked ? [all("blocked"), all("plain")] : [all("plain")];
}

/** The pointers of a stage that makes the output from the only input. */
export const IN_OUT: readonly BufferRef[] = [
  { kind: "input", index: 0 },
  { kind: "output", index: 0 },
];

/** A number's bits as an element, converted as typed arrays convert it. */
export function bitsOf(value: number, dtype: DType): number {
  if (dtype === "float32") return new Int32Array(Float32Array.of(value).buffer)[0];
  return dtype === "int32" ? value | 0 : value & 255;
}
