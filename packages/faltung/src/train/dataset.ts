/**
 * What training reads: labelled pictures of one size, as bytes. Where they live (memory, a file, a cache on disk) is
 * the affair of whoever implements {@link Dataset}; the loop only asks for one picture at a time.
 */
import { DataError } from "../tensor/errors.ts";
import { Random } from "../tensor/random.ts";
import { type Shape, checkShape, show, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Labelled pictures of one shape. Pixels are bytes (0 to 255), planar: all of one channel, then the next. */
export interface Dataset {
  /** Number of pictures. */
  readonly size: number;
  /** `[channels, height, width]` of every picture. */
  readonly shape: Shape;
  /** Names of the classes; label `i` means `classes[i]`. */
  readonly classes: readonly string[];
  /** Label of every picture, `size` of them, each from 0 to `classes.length − 1`. */
  readonly labels: Int32Array;
  /** Writes the pixels of picture `index` into `into`, whose length is channels × height × width. */
  read(index: number, into: Uint8Array): void | Promise<void>;
}

/** Mean and standard deviation of every channel, in units of 0 to 1 (pixel / 255). */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Pictures in memory.
 *
 * @param options.images all pixels, picture after picture: `size × channels × height × width` bytes
 * @param options.labels one class number for each picture
 * @param options.shape `[channels, height, width]`
 * @param options.classes names of the classes; by default "0", "1", … up to the largest label
 * @throws DataError if lengths do not fit, or a label is out of range
 *
 * @example
 * ```ts
 * const two = arrayDataset({ images: new Uint8Array(2 * 28 * 28), labels: [0, 1], shape: [1, 28, 28] });
 * two.size; // 2
 * ```
 */
export function arrayDataset(options: ArrayDatasetOptions): Dataset {
  return ofArrays(options, "arrayDataset");
}

/** Pictures in memory, as {@link arrayDataset} takes them. */
export interface ArrayDatasetOptions {
  readonly images: Uint8Array;
  readonly labels: ArrayLike<number>;
  readonly shape: Shape;
  readonly classes?: readonly string[];
}

function ofArrays(options: ArrayDatasetOptions, what: string): Dataset {
  const { images, shape } = options;
  checkShape(shape, what);
  if (shape.length !== 3) {
    throw new DataError(`${what}: shape ${show(shape)} was given; pictures are [channels, height, width].`);
  }
  const bytes = sizeOf(shape);
  const size = options.labels.length;
  if (images.length !== size * bytes) {
    throw new DataError(
      `${what}: ${images.length} bytes of pixels were given for ${size} labels; ` +
        `${size} pictures of ${show(shape)} are ${size * bytes} bytes.`,
    );
  }
  const labels = Int32Array.from(options.labels);
  const classes = options.classes ?? numbered(labels);
  checkLabels(labels, classes, what);
  return {
    size,
    shape: [...shape],
    classes: [...classes],
    labels,
    read: (index, into) => into.set(images.subarray(index * bytes, (index + 1) * bytes)),
  };
}

/**
 * Pictures and labels in tensors, as {@link readIdx} and {@link readCifar} give them.
 *
 * @param images uint8 `[N, H, W]` (gray) or `[N, C, H, W]`
 * @param labels whole numbers `[N]`
 * @param classes names of the classes; by default "0", "1", … up to the largest label
 * @param what how messages name the data
 * @throws DataError if the tensors are no pictures and labels, or do not belong together
 *
 * @example
 * ```ts
 * const data = tensorDataset(Tensor.zeros([2, 28, 28], "uint8"), Tensor.from([3, 1], "int32"));
 * data.shape; // [1, 28, 28]
 * ```
 */
export function tensorDataset(
  images: Tensor,
  labels: Tensor,
  classes?: readonly string[],
  what: string = "tensorDataset",
): Dataset {
  const [size, ...picture] = images.shape;
  const shape = picture.length === 2 ? [1, ...picture] : picture;
  if (!(images.data instanceof Uint8Array) || shape.length !== 3) {
    throw new DataError(
      `${what}: the pictures are ${images.dtype} ${show(images.shape)}; expected uint8 [N, H, W] or [N, C, H, W].`,
    );
  }
  if (labels.dtype === "float32" || labels.shape.length !== 1) {
    throw new DataError(`${what}: the labels are ${labels.dtype} ${show(labels.shape)}; expected whole numbers [N].`);
  }
  if (labels.size !== size) {
    throw new DataError(`${what}: there are ${size} pictures but ${labels.size} labels; do the files belong together?`);
  }
  return ofArrays({ images: images.data, labels: labels.data, shape, classes }, what);
}

function numbered(labels: Int32Array): string[] {
  const highest = labels.reduce((a, b) => Math.max(a, b), -1);
  return Array.from({ length: highest + 1 }, (_, i) => String(i));
}

/** @throws DataError naming the first picture whose label is not a class. */
export function checkLabels(labels: Int32Array, classes: readonly string[], what: string): void {
  const wrong = labels.findIndex((label) => label < 0 || label >= classes.length);
  if (wrong >= 0) {
    throw new DataError(
      `${what}: picture ${wrong} has label ${labels[wrong]}, but there are ${classes.length} classes ` +
        `(labels 0 to ${classes.length - 1}).`,
    );
  }
}

/**
 * The pictures of a data set at these indices, in this order; nothing is copied.
 *
 * @example
 * ```ts
 * const data = arrayDataset({ images: new Uint8Array(6 * 4), labels: [0, 1, 0, 1, 0, 1], shape: [1, 2, 2] });
 * subset(data, [0, 2]).size; // 2
 * ```
 */
export function subset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const from = Uint32Array.from(indices);
  const wrong = Array.prototype.findIndex.call(indices, (i: number) => !(i >= 0 && i < dataset.size));
  if (wrong >= 0) {
    throw new DataError(`subset: index ${indices[wrong]} is outside a data set of ${dataset.size} pictures.`);
  }
  return {
    size: from.length,
    shape: dataset.shape,
    classes: dataset.classes,
    labels: Int32Array.from(from, (i) => dataset.labels[i]),
    read: (index, into) => dataset.read(from[index], into),
  };
}

/**
 * Divides a data set in two by chance, class by class (stratified), so that both parts have the same mixture.
 * A class of at least two pictures has at least one in each part; a class of one stays in `train`.
 *
 * @param fraction share of the pictures that goes to `validation`, between 0 and 1
 * @throws DataError if the fraction is not between 0 and 1
 *
 * @example
 * ```ts
 * const data = arrayDataset({ images: new Uint8Array(6 * 4), labels: [0, 1, 0, 1, 0, 1], shape: [1, 2, 2] });
 * const { train, validation } = splitDataset(data, 0.34, 1);
 * [train.size, validation.size]; // [4, 2]: one of each class
 * ```
 */
export function split(
  dataset: Dataset,
  fraction: number,
  seed: number,
): { readonly train: Dataset; readonly validation: Dataset } {
  const { train, validation } = stratified(dataset.labels, dataset.classes.length, fraction, seed);
  return { train: subset(dataset, train), validation: subset(dataset, validation) };
}

/** The indices behind {@link split}: each part in ascending order. */
export function stratified(
  labels: Int32Array,
  classes: number,
  fraction: number,
  seed: number,
): { readonly train: number[]; readonly validation: number[] } {
  if (!(fraction > 0 && fraction < 1)) {
    throw new DataError(`split: the fraction for validation is ${fraction}; it must lie between 0 and 1, say 0.2.`);
  }
  const members: number[][] = Array.from({ length: classes }, () => []);
  labels.forEach((label, i) => members[label].push(i));
  const random = new Random(seed);
  const train: number[] = [];
  const validation: number[] = [];
  for (const indices of members) {
    random.shuffle(indices);
    const n = indices.length < 2 ? 0 : Math.min(indices.length - 1, Math.max(1, Math.round(indices.length * fraction)));
    validation.push(...indices.slice(0, n));
    train.push(...indices.slice(n));
  }
  const ascending = (a: number, b: number): number => a - b;
  return { train: train.sort(ascending), validation: validation.sort(ascending) };
}

/**
 * Mean and standard deviation of every channel over all pictures, in one pass. The sums are whole numbers and so
 * exact: the result does not depend on the order. A channel that never varies gets a deviation of 1, not 0.
 *
 * @throws DataError if there are no pictures
 *
 * @example
 * ```ts
 * const images = Uint8Array.from([0, 0, 255, 255]);
 * const data = arrayDataset({ images, labels: [0], shape: [1, 2, 2] });
 * await channelStatistics(data); // { mean: [0.5], std: [0.5] }
 * ```
 */
export async function channelStatistics(dataset: Dataset): Promise<ChannelStatistics> {
  if (dataset.size === 0) throw new DataError("channelStatistics: the data set has no pictures.");
  const [channels, height, width] = dataset.shape;
  const plane = height * width;
  const pixels = new Uint8Array(channels * plane);
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let i = 0; i < dataset.size; i++) {
    await dataset.read(i, pixels);
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      let square = 0;
      for (let p = c * plane; p < (c + 1) * plane; p++) {
        sum += pixels[p];
        square += pixels[p] * pixels[p];
      }
      sums[c] += sum;
      squares[c] += square;
    }
  }
  const n = dataset.size * plane;
  const mean = Array.from(sums, (s) => s / n);
  const std = mean.map((m, c) => Math.sqrt(Math.max(0, squares[c] / n - m * m)));
  return { mean: mean.map((m) => m / 255), std: std.map((s) => (s > 0 ? s / 255 : 1)) };
}
