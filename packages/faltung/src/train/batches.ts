/**
 * From a data set to batches: order by seed and epoch, assembly into one array, the next one made while this one is
 * used. Nothing here has a memory of its own: batch `b` of epoch `e` follows from (seed, e, b), which is what lets a
 * run be resumed in the middle of an epoch.
 */
import { DataError, checkWhole } from "../tensor/errors.ts";
import { Random } from "../tensor/random.ts";
import { sizeOf } from "../tensor/shape.ts";
import { type Augmentation, augmentInto, checkAugmentation, epochKey } from "./augment.ts";
import { createBreather } from "./breathe.ts";
import type { Dataset } from "./dataset.ts";

/** Label of the empty places of an unfull batch: what cross-entropy ignores by default, as in PyTorch. */
export const IGNORE_LABEL = -100;

/** Pictures on their way to the network. The arrays are used again: valid until the batch after next is asked for. */
export interface Batch {
  /** Position in the epoch, from 0. */
  readonly step: number;
  /** How many pictures it really holds; the last one of an epoch may be less full than the others. */
  readonly count: number;
  /** Pixels, `[batch, channels, height, width]` bytes; places from `count` on are zero. */
  readonly images: Uint8Array;
  /** Labels, `batch` of them; places from `count` on are {@link IGNORE_LABEL}. */
  readonly labels: Int32Array;
  /** Numbers of the pictures in the data set, `count` of them. */
  readonly indices: Uint32Array;
}

export interface BatchOptions {
  /** Pictures in a batch. */
  readonly batch: number;
  /** Order by chance (true for training) or as they stand. Default false. */
  readonly shuffle?: boolean;
  /** Default 0. */
  readonly seed?: number;
  /** Which epoch; it changes the order and the augmentation. Default 0. */
  readonly epoch?: number;
  /** Leave out a last batch that is not full. Default false. */
  readonly dropLast?: boolean;
  /** First batch to give: where an interrupted epoch goes on. Default 0. */
  readonly from?: number;
  /** Default: none. */
  readonly augment?: Augmentation;
}

/** The order of an epoch: a permutation of 0 … size − 1 that depends on seed and epoch only. */
export function epochOrder(size: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length: size }, (_, i) => i);
  return new Random(epochKey(seed, epoch)).shuffle(order);
}

/** Number of batches in an epoch. */
export function stepsPerEpoch(size: number, batch: number, dropLast = false): number {
  return dropLast ? Math.floor(size / batch) : Math.ceil(size / batch);
}

/**
 * The batches of one epoch. While the caller works on one, the next is being made: with asynchronous data sets in
 * parallel, with data in memory as soon as the caller waits for something.
 *
 * @throws DataError if there is nothing to give; OptionError for a batch size that is no whole number ≥ 1
 *
 * @example
 * ```ts
 * const data = arrayDataset({ images: new Uint8Array(5 * 4), labels: [0, 1, 0, 1, 1], shape: [1, 2, 2] });
 * for await (const { count, images, labels } of batches(data, { batch: 2, shuffle: true, seed: 1 })) {
 *   // three batches: 2, 2 and 1 pictures
 * }
 * ```
 */
export async function* batches(dataset: Dataset, options: BatchOptions): AsyncGenerator<Batch, void, undefined> {
  const { batch, seed = 0, epoch = 0 } = options;
  checkWhole("batches: batch", batch);
  if (dataset.size === 0) throw new DataError("batches: the data set has no pictures.");
  const steps = stepsPerEpoch(dataset.size, batch, options.dropLast);
  if (steps === 0) {
    throw new DataError(`batches: ${dataset.size} pictures do not fill one batch of ${batch}, and dropLast is set.`);
  }
  const order = options.shuffle ? epochOrder(dataset.size, seed, epoch) : undefined;
  const fill = assembler(dataset, options, order);
  const buffers = [allocateBatch(dataset, batch), allocateBatch(dataset, batch)];
  const breathe = createBreather();
  const first = options.from ?? 0;
  let next = later(() => fill(first, buffers[first % 2]));
  try {
    for (let step = first; step < steps; step++) {
      const ready = await next.value();
      await breathe();
      if (step + 1 < steps) next = later(() => fill(step + 1, buffers[(step + 1) % 2]));
      yield ready;
    }
  } finally {
    next.cancel();
  }
}

interface Buffers {
  readonly images: Uint8Array;
  readonly labels: Int32Array;
  readonly indices: Uint32Array;
}

function allocateBatch(dataset: Dataset, batch: number): Buffers {
  return {
    images: new Uint8Array(batch * sizeOf(dataset.shape)),
    labels: new Int32Array(batch),
    indices: new Uint32Array(batch),
  };
}

/** Returns the function that makes batch number `step` in a pair of arrays. */
function assembler(
  dataset: Dataset,
  options: BatchOptions,
  order: Uint32Array | undefined,
): (step: number, buffers: Buffers) => Promise<Batch> {
  const { batch, augment } = options;
  const bytes = sizeOf(dataset.shape);
  const key = epochKey(options.seed ?? 0, options.epoch ?? 0);
  if (augment !== undefined) checkAugmentation(augment);
  return async (step, { images, labels, indices }) => {
    const start = step * batch;
    const count = Math.min(batch, dataset.size - start);
    const place = async (slot: number): Promise<void> => {
      const index = order === undefined ? start + slot : order[start + slot];
      const into = images.subarray(slot * bytes, (slot + 1) * bytes);
      indices[slot] = index;
      labels[slot] = dataset.labels[index];
      if (augment === undefined) {
        await dataset.read(index, into);
      } else {
        const plain = new Uint8Array(bytes);
        await dataset.read(index, plain);
        augmentInto(plain, into, dataset.shape, augment, key, index);
      }
    };
    await Promise.all(Array.from({ length: count }, (_, slot) => place(slot)));
    images.fill(0, count * bytes);
    labels.fill(IGNORE_LABEL, count);
    return { step, count, images, labels, indices: indices.subarray(0, count) };
  };
}

/**
 * Work that starts by itself as soon as the thread is idle, or at once when its value is asked for. So the caller's
 * own work (handing the current batch to the workers) comes first, and the next batch is made while they compute.
 */
function later<T>(work: () => Promise<T>): { value(): Promise<T>; cancel(): void } {
  let started: Promise<T> | undefined;
  const start = (): Promise<T> => {
    started ??= work();
    started.catch(() => {}); // reported where the value is asked for, not as an unhandled rejection
    return started;
  };
  const timer = setTimeout(start, 0);
  return {
    value: () => {
      clearTimeout(timer);
      return start();
    },
    cancel: () => clearTimeout(timer),
  };
}
