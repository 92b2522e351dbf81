/**
 * Both directions of the relation, x → y and y → x, as one form: a gather. Each result collects its terms from the
 * other side, so results are independent of each other and no two threads write to one place.
 */
import type { ConvAttributes } from "./attributes.ts";

/**
 * One dimension of a gather: result `start + i·stride`, for i < count, sums over taps `tap + j·tapHop`, j < taps, the
 * source's cells `i·step + shift + j·shiftHop` as far as they lie in [0, source). Here shiftHop > 0.
 */
export interface Axis {
  /** Size of what is read. */
  readonly source: number;
  /** Size of what is made. */
  readonly result: number;
  readonly start: number;
  readonly stride: number;
  readonly count: number;
  readonly step: number;
  readonly tap: number;
  readonly tapHop: number;
  readonly taps: number;
  readonly shift: number;
  readonly shiftHop: number;
}

/** How y is gathered from x, straight from the relation. */
export function forwardAxis(a: ConvAttributes, d: number): Axis {
  return {
    source: a.input[d],
    result: a.output[d],
    start: 0,
    stride: 1,
    count: a.output[d],
    step: a.stride[d],
    tap: 0,
    tapHop: 1,
    taps: a.kernel[d],
    shift: -a.begin[d],
    shiftHop: a.dilation[d],
  };
}

/**
 * How x is gathered from y. Cell r + i·stride of x meets tap t in output i + (r + begin − t·dilation) / stride, if that
 * is whole: so cells of one remainder r use the same taps, and each remainder is a gather of step 1. The taps run
 * backwards. At stride 1 there is one remainder, and this is the convolution with the kernel turned round.
 */
export function transposedAxes(a: ConvAttributes, d: number): Axis[] {
  const stride = a.stride[d];
  const dilation = a.dilation[d];
  const size = a.input[d];
  // A remainder beyond a small x has no cells, but its taps still count where weights are packed.
  return Array.from({ length: stride }, (_, r): Axis => {
    const reach = (t: number): number => (r + a.begin[d] - t * dilation) / stride;
    const taps = Array.from({ length: a.kernel[d] }, (_unused, j) => a.kernel[d] - 1 - j).filter((t) =>
      Number.isInteger(reach(t)),
    );
    return {
      source: a.output[d],
      result: size,
      start: r,
      stride,
      count: Math.max(0, Math.ceil((size - r) / stride)),
      step: 1,
      tap: taps[0] ?? 0,
      tapHop: taps.length > 1 ? taps[1] - taps[0] : -1,
      taps: taps.length,
      shift: taps.length > 0 ? reach(taps[0]) : 0,
      shiftHop: taps.length > 1 ? reach(taps[1]) - reach(taps[0]) : 1,
    };
  });
}

/** A missing dimension. */
export const unitAxis: Axis = {
  source: 1,
  result: 1,
  start: 0,
  stride: 1,
  count: 1,
  step: 1,
  tap: 0,
  tapHop: 1,
  taps: 1,
  shift: 0,
  shiftHop: 1,
};

/** The cell that result i reads for its j-th tap; perhaps outside. */
export function cellOf(axis: Axis, i: number, j: number): number {
  return i * axis.step + axis.shift + j * axis.shiftHop;
}

/** Results [from, to) all of whose taps lie inside. */
export function interior(axis: Axis): readonly [from: number, to: number] {
  const { step, shift, source, count } = axis;
  const last = (axis.taps - 1) * axis.shiftHop + shift;
  const from = Math.max(0, Math.ceil(-shift / step));
  const to = Math.min(count, Math.floor((source - 1 - last) / step) + 1);
  return from < to ? [from, to] : [count, count];
}

/** True where the axis maps every cell to itself: one tap, no border. */
export function isIdentity(axis: Axis): boolean {
  return axis.taps === 1 && axis.step === 1 && axis.stride === 1 && axis.shift === 0 && axis.source === axis.result;
}

/** The axes along z, y and x; one for each remainder of the stride (see transposedAxes), one only for the forward direction. */
export type Axes = readonly [z: readonly Axis[], y: readonly Axis[], x: readonly Axis[]];

/** Taps of the kernel along a dimension: each belongs to one remainder only. */
export function tapsOf(axes: readonly Axis[]): number {
  return axes.reduce((n, axis) => n + axis.taps, 0);
}

/** Taps of the whole kernel. */
export function kernelTaps([z, y, x]: Axes): number {
  return tapsOf(z) * tapsOf(y) * tapsOf(x);
}

/** Cells of one channel of what is read. */
export function sourceCells([z, y, x]: Axes): number {
  return z[0].source * y[0].source * x[0].source;
}

/** Cells of one channel of what is made. */
export function resultsOf([z, y, x]: Axes): number {
  return z[0].result * y[0].result * x[0].result;
}

/** Everything that a kernel's code depends on, for its key. */
export function axesKey(axes: Axes): string {
  return axes.map((list) => list.map((axis) => Object.values(axis).join(",")).join(";")).join("|");
}
