/** Signals: n-dimensional arrays of real or complex float64, row-major. What `convolve` and `correlate` take and give. */
import { ShapeError } from "../tensor/errors.ts";
import { type Shape, checkShape, show, sizeOf } from "../tensor/shape.ts";

/** Real numbers, and imaginary ones of the same count if the signal is complex. */
export interface Signal {
  readonly shape: Shape;
  readonly re: Float64Array;
  readonly im?: Float64Array;
}

export type NestedNumbers = readonly number[] | readonly NestedNumbers[];

/** A signal, or plain nested lists of real numbers. */
export type SignalLike = Signal | NestedNumbers;

function isNested(x: SignalLike): x is NestedNumbers {
  return Array.isArray(x);
}

/**
 * Makes a signal of nested lists; a signal is returned as it is.
 *
 * @throws ShapeError if rows differ in length, or numbers and shape do not fit
 * @example
 * ```ts
 * signal([[1, 2, 3], [4, 5, 6]]).shape; // [2, 3]
 * ```
 */
export function signal(x: SignalLike): Signal {
  if (!isNested(x)) {
    checkShape(x.shape, "signal");
    const size = sizeOf(x.shape);
    if (x.re.length !== size || (x.im !== undefined && x.im.length !== size)) {
      throw new ShapeError(
        `signal: shape ${show(x.shape)} holds ${size} numbers, but re has ${x.re.length}` +
          (x.im === undefined ? "." : ` and im has ${x.im.length}.`),
      );
    }
    return x;
  }
  const shape: number[] = [];
  for (let v: number | NestedNumbers | undefined = x; typeof v === "object"; v = v[0]) shape.push(v.length);
  const re = new Float64Array(sizeOf(shape));
  let next = 0;
  const fill = (v: number | NestedNumbers, depth: number): void => {
    if ((typeof v === "object" ? v.length : undefined) !== shape[depth]) {
      throw new ShapeError(`signal: the rows do not all have the lengths ${show(shape)} of the first ones.`);
    }
    if (typeof v === "object") for (const item of v) fill(item, depth + 1);
    else re[next++] = v;
  };
  fill(x, 0);
  return { shape, re };
}

/** Nested lists of the real parts. */
export function toNested(x: Signal): NestedNumbers {
  const build = (depth: number, offset: number, size: number): NestedNumbers => {
    const n = x.shape[depth];
    if (depth === x.shape.length - 1) return [...x.re.subarray(offset, offset + n)];
    return Array.from({ length: n }, (_, i) => build(depth + 1, offset + (i * size) / n, size / n));
  };
  return build(0, 0, x.re.length);
}

/** Turned round in every dimension and conjugated: what makes a correlation of a convolution. */
export function reverseConjugate(x: Signal): Signal {
  // Row-major, so turning every dimension round is reading the numbers backwards.
  return { shape: x.shape, re: x.re.toReversed(), ...(x.im && { im: x.im.toReversed().map((v) => -v) }) };
}

/** A block of `shape` starting at `start`; cells outside of x are zero. */
export function block(x: Signal, start: readonly number[], shape: Shape): Signal {
  const copy = (from: Float64Array): Float64Array => {
    const to = new Float64Array(sizeOf(shape));
    const walk = (depth: number, fromBase: number, toBase: number): void => {
      const last = depth === shape.length - 1;
      for (let i = 0; i < shape[depth]; i++) {
        const j = start[depth] + i;
        if (j < 0 || j >= x.shape[depth]) continue;
        if (last) to[toBase + i] = from[fromBase + j];
        else walk(depth + 1, (fromBase + j) * x.shape[depth + 1], (toBase + i) * shape[depth + 1]);
      }
    };
    if (to.length > 0) walk(0, 0, 0);
    return to;
  };
  return { shape: [...shape], re: copy(x.re), ...(x.im && { im: copy(x.im) }) };
}
