/** Windows of pooling: options made whole, and the walk over a window's cells. */
import { OptionError } from "../../tensor/errors.ts";
import type { Shape } from "../../tensor/shape.ts";
import { type FieldLayer, type SidePadding, normaliseConv, poolOutputSize } from "../conv/geometry.ts";

/** A number for every spatial axis, or one for each. */
export type PerAxis = number | readonly number[];

/** A pooling window, made once by {@link normaliseWindow}; every list has one entry for each spatial axis. Plain data. */
export interface PoolWindow {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly SidePadding[];
  readonly dilation: readonly number[];
  readonly ceilMode: boolean;
}

export interface WindowOptions {
  /** kernelSize unless said. */
  readonly stride?: PerAxis;
  /** Cells on both sides, or [begin, end] for each axis; 0 unless said, at most half of the window. */
  readonly padding?: number | readonly (number | SidePadding)[];
  readonly dilation?: PerAxis;
  /** Round the output size up: a last window may hang over the end. false unless said. */
  readonly ceilMode?: boolean;
}

/** @throws OptionError for a number out of range. */
export function normaliseWindow(rank: number, kernelSize: PerAxis, options: WindowOptions, what: string): PoolWindow {
  const kernel = typeof kernelSize === "number" ? Array.from({ length: rank }, () => kernelSize) : kernelSize;
  if (kernel.length !== rank) {
    throw new OptionError(
      `${what}: kernelSize is [${kernel.join(", ")}]; give one whole number ≥ 1, or a list of ${rank} of them.`,
    );
  }
  const { stride = kernel, padding, dilation, ceilMode = false } = options;
  const g = normaliseConv({ stride, padding, dilation }, kernel, what);
  return { kernel: g.kernel, stride: g.stride, padding: g.padding, dilation: g.dilation, ceilMode };
}

/** Spatial sizes of the result. @throws ShapeError if no window fits, OptionError for too much padding. */
export function pooledSize(spatial: Shape, w: PoolWindow, what: string): number[] {
  return spatial.map((n, d) =>
    poolOutputSize(n, w.kernel[d], w.stride[d], w.padding[d], w.dilation[d], w.ceilMode, what),
  );
}

/** The window as receptive fields see it. */
export function fieldLayers({ kernel, stride, dilation, padding }: PoolWindow): FieldLayer[] {
  return kernel.map((k, d) => ({ kernel: k, stride: stride[d], dilation: dilation[d], padding: padding[d][0] }));
}

/** Number of taps of a window. */
export function tapCount(w: PoolWindow): number {
  return w.kernel.reduce((n, k) => n * k, 1);
}

/**
 * Calls `visit` with each tap's number (row-major in the window) and cell (row-major in the plane) that lies inside
 * the input, for the window of the output at `index`.
 */
export function eachTap(
  w: PoolWindow,
  spatial: Shape,
  index: readonly number[],
  visit: (tap: number, cell: number) => void,
): void {
  const walk = (d: number, tap: number, cell: number): void => {
    if (d === spatial.length) return visit(tap, cell);
    for (let t = 0; t < w.kernel[d]; t++) {
      const i = index[d] * w.stride[d] - w.padding[d][0] + t * w.dilation[d];
      if (i >= 0 && i < spatial[d]) walk(d + 1, tap * w.kernel[d] + t, cell * spatial[d] + i);
    }
  };
  walk(0, 0, 0);
}
