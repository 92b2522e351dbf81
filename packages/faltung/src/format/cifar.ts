/**
 * CIFAR-10 and CIFAR-100 in their binary version: records of label bytes and 32×32 planar RGB pixels.
 * Format: https://www.cs.toronto.edu/~kriz/cifar.html ("Binary version").
 */
import { FormatError } from "../tensor/errors.ts";
import { Tensor } from "../tensor/tensor.ts";

export const CIFAR10_CLASSES: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

const SHAPE = [3, 32, 32] as const;
const PIXELS = 3 * 32 * 32;

/** How the records of each variant begin: the number of label bytes, which one counts, and how many classes it has. */
const VARIANTS = {
  cifar10: { labels: 1, at: 0, classes: 10 },
  cifar100: { labels: 2, at: 1, classes: 100 },
  cifar100coarse: { labels: 2, at: 0, classes: 20 },
} as const;

export type CifarVariant = keyof typeof VARIANTS;

/**
 * Reads one binary batch.
 *
 * @param variant `cifar100` takes the fine labels, `cifar100coarse` the twenty superclasses
 * @param what how messages name the file
 * @returns `images` `[N, 3, 32, 32]` uint8 and `labels` `[N]` int32
 * @throws FormatError if the length is no multiple of a record, or a label is out of range
 *
 * @example
 * ```ts
 * readCifar(new Uint8Array(3073), "cifar10").images.shape; // [1, 3, 32, 32]
 * ```
 */
export function readCifar(
  bytes: Uint8Array,
  variant: CifarVariant,
  what = "CIFAR batch",
): { readonly images: Tensor; readonly labels: Tensor } {
  const { labels: labelBytes, at, classes } = VARIANTS[variant];
  const record = labelBytes + PIXELS;
  if (bytes.length === 0 || bytes.length % record !== 0) {
    throw new FormatError(
      `${what}: it has ${bytes.length} bytes; a ${variant} batch has a multiple of ${record}. ` +
        `Is it cut short, or not the binary version?`,
    );
  }
  const count = bytes.length / record;
  const images = new Uint8Array(count * PIXELS);
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    labels[i] = bytes[i * record + at];
    if (labels[i] >= classes) {
      throw new FormatError(`${what}: picture ${i} has label ${labels[i]}; ${variant} has labels 0 to ${classes - 1}.`);
    }
    images.set(bytes.subarray(i * record + labelBytes, (i + 1) * record), i * PIXELS);
  }
  return { images: new Tensor(images, [count, ...SHAPE]), labels: new Tensor(labels, [count]) };
}
