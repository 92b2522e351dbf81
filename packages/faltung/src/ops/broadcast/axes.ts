/** Walking a shape along some of its axes: the loops of every reduction's and broadcast's reference. */
import { type Shape, sizeOf, stridesOf } from "../../tensor/shape.ts";

/** Attributes of a reduction. `shape`: the result's; it holds what the axes leave, in order. */
export interface ReduceAttributes {
  readonly axes: readonly number[];
  readonly shape: Shape;
}

/** `shape`: the result's. `axes`: those along which x is repeated; the other ones hold x's elements, in order. */
export interface BroadcastAttributes {
  readonly shape: Shape;
  readonly axes: readonly number[];
}

/** For each dimension of a broadcast's result, the step in x's elements (0 where x is repeated). */
export function broadcastSteps({ shape, axes }: BroadcastAttributes): number[] {
  const steps = stridesOf(shape.map((d, i) => (axes.includes(i) ? 1 : d)));
  return steps.map((step, i) => (axes.includes(i) ? 0 : step));
}

/** The dimensions that are not among `axes`. */
export function kept(shape: Shape, axes: readonly number[]): number[] {
  return shape.filter((_, i) => !axes.includes(i));
}

/** Offsets of all elements spanned by `dims` with `strides`, in row-major order. */
export function offsets(dims: readonly number[], strides: readonly number[]): number[] {
  let list = [0];
  dims.forEach((d, k) => {
    const next = new Array<number>(list.length * d);
    for (let i = 0; i < list.length; i++) for (let j = 0; j < d; j++) next[i * d + j] = list[i] + j * strides[k];
    list = next;
  });
  return list;
}

/**
 * Calls `visit` for each index of the kept axes (numbered in order), with the offsets of all elements reduced to it, in a
 * list that the next call overwrites.
 */
export function reductionWalk(
  shape: Shape,
  axes: readonly number[],
  visit: (outer: number, inner: readonly number[]) => void,
): void {
  const strides = stridesOf(shape);
  const pick = (list: readonly number[], inside: boolean): number[] =>
    list.filter((_, i) => axes.includes(i) === inside);
  const inner = offsets(pick(shape, true), pick(strides, true));
  const starts = offsets(pick(shape, false), pick(strides, false));
  const shifted = new Array<number>(inner.length);
  for (let k = 0; k < sizeOf(pick(shape, false)); k++) {
    for (let i = 0; i < inner.length; i++) shifted[i] = starts[k] + inner[i];
    visit(k, shifted);
  }
}
