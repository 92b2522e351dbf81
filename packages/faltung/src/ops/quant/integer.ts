/**
 * Products of small whole numbers, the inside of a quantised network: inputs are bytes from which a zero point is taken,
 * weights are signed bytes, sums are int32 and exact on every path. A uint8 tensor carries both: the library has no
 * signed byte, and needs none but here.
 */
import { ShapeError } from "../../tensor/errors.ts";
import type { TensorType } from "../../tensor/shape.ts";
import { type Numbers, type RefTensor, describe } from "../op.ts";

/** What is known of the inputs of an integer product, besides their shapes. */
export interface IntegerRange {
  /** The byte that stands for 0. */
  readonly zero: number;
  /** The largest byte that occurs: 127 leaves the way open to the relaxed dot product, which takes seven bits. */
  readonly top: number;
  /** No sum is larger than this, up or down; unless said, what weights of −128 everywhere could make. */
  readonly bound?: number;
}

/** The largest distance of an input from its zero point. */
export function reach({ zero, top }: IntegerRange): number {
  return Math.max(zero, top - zero);
}

/** No sum of `terms` products is larger. */
export function boundOf(range: IntegerRange, terms: number): number {
  return range.bound ?? 128 * terms * reach(range);
}

/** A byte as the signed number that its bits are. */
export function signed(byte: number): number {
  return byte < 128 ? byte : byte - 256;
}

/** Operands as signed numbers: inputs without their zero point, weights with their sign. */
export function centred([x, w]: readonly RefTensor[], { zero }: IntegerRange): [RefTensor, RefTensor] {
  const int32 = (t: RefTensor, of: (byte: number) => number): RefTensor => ({
    ...t,
    dtype: "int32",
    data: Int32Array.from(t.data as Numbers, of),
  });
  return [int32(x, (byte) => byte - zero), int32(w, signed)];
}

/** @throws ShapeError unless both are bytes */
export function checkBytes(what: string, [x, w]: readonly TensorType[]): void {
  if (x.dtype !== "uint8" || w.dtype !== "uint8") {
    throw new ShapeError(
      `${what}: x and weight must be uint8 (the weight's bytes are signed); given ${describe(x)}, ${describe(w)}.`,
    );
  }
}
