/** A tensor: numbers in a typed array with a shape. Plain data: no device, nothing to dispose. */
import { ShapeError } from "./errors.ts";
import { type DType, type Shape, checkShape, show, sizeOf } from "./shape.ts";

export type TensorData = Float32Array | Int32Array | Uint8Array;
type Nested = number | readonly Nested[];

/** An empty (zero-filled) typed array of `size` elements of a dtype. */
export function allocate(dtype: DType, size: number): TensorData {
  switch (dtype) {
    case "float32":
      return new Float32Array(size);
    case "int32":
      return new Int32Array(size);
    case "uint8":
      return new Uint8Array(size);
    default:
      throw new ShapeError(`dtype is ${String(dtype)}; it must be float32, int32 or uint8.`);
  }
}

function dtypeOf(data: TensorData): DType {
  return data instanceof Float32Array ? "float32" : data instanceof Int32Array ? "int32" : "uint8";
}

/**
 * Row-major numbers with a shape; feature maps are NCHW, weights OIHW.
 *
 * @example
 * ```ts
 * const x = Tensor.from([[1, 2], [3, 4]]);
 * x.shape; // [2, 2]
 * x.at(1, 0); // 3
 * ```
 */
export class Tensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: TensorData;

  /** Wraps `data` without copying. @throws ShapeError if its length is not the product of `shape`. */
  constructor(data: TensorData, shape: Shape) {
    checkShape(shape, "Tensor");
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(
        `Tensor: ${data.length} numbers were given for shape ${show(shape)}, which holds ${sizeOf(shape)}.`,
      );
    }
    this.shape = [...shape];
    this.data = data;
    this.dtype = dtypeOf(data);
  }

  /** From nested arrays. @throws ShapeError if the rows have different lengths. */
  static from(values: Nested, dtype: DType = "float32"): Tensor {
    const shape: number[] = [];
    for (let v: Nested = values; typeof v !== "number"; v = v[0]) {
      shape.push(v.length);
      if (v.length === 0) break;
    }
    const data = allocate(dtype, sizeOf(shape));
    let next = 0;
    const fill = (v: Nested, depth: number): void => {
      if (typeof v === "number") {
        if (depth !== shape.length) throw ragged(shape);
        data[next++] = v;
      } else {
        if (v.length !== shape[depth]) throw ragged(shape);
        for (const item of v) fill(item, depth + 1);
      }
    };
    fill(values, 0);
    return new Tensor(data, shape);
  }

  static zeros(shape: Shape, dtype: DType = "float32"): Tensor {
    checkShape(shape, "Tensor.zeros");
    return new Tensor(allocate(dtype, sizeOf(shape)), shape);
  }

  static full(shape: Shape, value: number, dtype: DType = "float32"): Tensor {
    const t = Tensor.zeros(shape, dtype);
    t.data.fill(value);
    return t;
  }

  static scalar(value: number, dtype: DType = "float32"): Tensor {
    return Tensor.full([], value, dtype);
  }

  get size(): number {
    return this.data.length;
  }

  /** One element, by its index in every dimension. */
  at(...index: readonly number[]): number {
    let offset = 0;
    if (index.length !== this.shape.length) {
      throw new ShapeError(
        `Tensor.at: ${index.length} indices for shape ${show(this.shape)}; give ${this.shape.length}.`,
      );
    }
    for (let i = 0; i < index.length; i++) {
      if (!(Number.isInteger(index[i]) && index[i] >= 0 && index[i] < this.shape[i])) {
        throw new ShapeError(`Tensor.at: index [${index.join(", ")}] is outside shape ${show(this.shape)}.`);
      }
      offset = offset * this.shape[i] + index[i];
    }
    return this.data[offset];
  }

  /** The number of a tensor with one element. */
  item(): number {
    if (this.size !== 1)
      throw new ShapeError(`Tensor.item: shape ${show(this.shape)} holds ${this.size} numbers, not one.`);
    return this.data[0];
  }

  /** The same numbers under another shape (no copy). One dimension may be −1. */
  reshape(shape: Shape): Tensor {
    const known = shape.reduce((n, d) => (d === -1 ? n : n * d), 1);
    return new Tensor(
      this.data,
      shape.map((d) => (d === -1 ? this.size / known : d)),
    );
  }

  /** Nested arrays, as given to {@link Tensor.from}. */
  toArray(): Nested {
    const build = (depth: number, offset: number, size: number): Nested => {
      if (depth === this.shape.length) return this.data[offset];
      const inner = size / this.shape[depth];
      return Array.from({ length: this.shape[depth] }, (_, i) => build(depth + 1, offset + i * inner, inner));
    };
    return build(0, 0, this.size);
  }
}

function ragged(shape: Shape): ShapeError {
  return new ShapeError(`Tensor.from: the rows do not all have the lengths ${show(shape)} of the first ones.`);
}
