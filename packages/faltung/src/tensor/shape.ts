/** Shapes and dtypes: row-major, outermost dimension first (NCHW for feature maps, OIHW for weights). */
import { ShapeError } from "./errors.ts";

export type Shape = readonly number[];

/** float32 for numbers, int32 for labels and indices, uint8 for pictures and booleans (0 or 1). */
export type DType = "float32" | "int32" | "uint8";

export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Bytes of one element. */
export const BYTES: Readonly<Record<DType, number>> = { float32: 4, int32: 4, uint8: 1 };

/**
 * Number of elements: the product of the dimensions (1 for a scalar, whose shape is `[]`).
 *
 * @example
 * ```ts
 * sizeOf([64, 3, 32, 32]); // 196608
 * ```
 */
export function sizeOf(shape: Shape): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/**
 * Row-major strides in elements: `strides([2,3,4])` is `[12,4,1]`.
 *
 * @example
 * ```ts
 * stridesOf([2, 3, 4]); // [12, 4, 1]
 * ```
 */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let n = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = n;
    n *= shape[i];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** `[1, 3, 32, 32]`, for messages. */
export function show(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Throws unless every dimension is a whole number ≥ 0 and the size is a safe integer. */
export function checkShape(shape: Shape, what: string): void {
  if (!shape.every((d) => Number.isSafeInteger(d) && d >= 0) || !Number.isSafeInteger(sizeOf(shape))) {
    throw new ShapeError(`${what}: shape ${show(shape)} is not a list of whole numbers ≥ 0.`);
  }
}

/**
 * The common shape of an elementwise operation, by NumPy's rule: aligned from the right, a dimension of 1 stretches.
 * @throws ShapeError naming both shapes.
 *
 * @example
 * ```ts
 * broadcastShapes([8, 1, 4], [3, 1], "add"); // [8, 3, 4]
 * ```
 */
export function broadcastShapes(a: Shape, b: Shape, what: string): number[] {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const da = a[a.length - rank + i] ?? 1;
    const db = b[b.length - rank + i] ?? 1;
    if (da !== db && da !== 1 && db !== 1) {
      throw new ShapeError(
        `${what}: shapes ${show(a)} and ${show(b)} do not broadcast: ` +
          `counted from the right, dimension ${rank - i} is ${da} in one and ${db} in the other (it must be equal, or 1).`,
      );
    }
    out[i] = da === 1 ? db : da;
  }
  return out;
}

/** Resolves a possibly negative axis, as PyTorch counts it. */
export function resolveAxis(axis: number, rank: number, what: string): number {
  const a = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || a < 0 || a >= rank) {
    throw new ShapeError(`${what}: axis ${axis} is out of range for ${rank} dimensions (${-rank} to ${rank - 1}).`);
  }
  return a;
}
