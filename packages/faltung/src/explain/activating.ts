/** The pictures that a layer's channels answer to most: the plainest way to learn what a filter looks for. */
import type { Module } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type InspectOptions, inspect } from "./inspect.ts";

/** A channel's strongest answer to one picture. */
export interface Activation {
  /** Number of the picture. */
  readonly picture: number;
  readonly value: number;
  /** The cell of the map where it is: row and column; nothing for a layer of single numbers. */
  readonly at: readonly number[];
}

export interface ActivatingOptions extends InspectOptions {
  /** The layer's name. */
  readonly layer: string;
  /** Pictures for each channel (9). */
  readonly count?: number;
  /** Pictures computed at a time (64). */
  readonly batch?: number;
}

/**
 * For every channel of a layer, the pictures with the largest value anywhere in its map, the largest first. A layer of
 * single numbers (Linear) has as many channels as numbers.
 *
 * @param pictures `[N, C, H, W]`, normalised as the model was trained
 * @throws OptionError if there is no such layer
 *
 * @example
 * ```ts
 * const best = await mostActivating(lenet5(), Tensor.zeros([4, 1, 28, 28]), { layer: "0", count: 2 });
 * best.length; // 6: one list for each channel
 * ```
 */
export async function mostActivating(
  model: Module,
  pictures: Tensor,
  options: ActivatingOptions,
): Promise<readonly (readonly Activation[])[]> {
  const { layer, count = 9, ...compiling } = options;
  const total = pictures.shape[0];
  const batch = Math.max(1, Math.min(compiling.batch ?? 64, total));
  const one = sizeOf(pictures.shape.slice(1));
  const inspector = await inspect(model, [batch, ...pictures.shape.slice(1)], compiling);
  try {
    const index = inspector.layers.findIndex(({ name }) => name === layer);
    if (index < 0) {
      const names = inspector.layers.map(({ name }) => name).join(", ");
      throw new OptionError(`mostActivating: no layer is called ${layer}; there are ${names}.`);
    }
    const [, channels, ...places] = inspector.layers[index].shape;
    const best: Activation[][] = Array.from({ length: channels }, () => []);
    const input = Tensor.zeros([batch, ...pictures.shape.slice(1)]);
    for (let from = 0; from < total; from += batch) {
      input.data.fill(0);
      input.data.set(pictures.data.subarray(from * one, (from + batch) * one));
      const { data } = inspector.look(input).maps[index];
      for (let n = 0; n < Math.min(batch, total - from); n++) {
        best.forEach((list, c) => {
          const cells = sizeOf(places);
          const { value, cell } = largest(data, (n * channels + c) * cells, cells);
          insert(list, { picture: from + n, value, at: unravel(cell, places) }, count);
        });
      }
    }
    return best;
  } finally {
    inspector.close();
  }
}

function largest(data: ArrayLike<number>, from: number, count: number): { value: number; cell: number } {
  let cell = 0;
  for (let i = 1; i < count; i++) if (data[from + i] > data[from + cell]) cell = i;
  return { value: data[from + cell], cell };
}

/** Keeps the list sorted and short; of equal ones the earlier picture comes first. */
function insert(list: Activation[], item: Activation, count: number): void {
  const at = list.findIndex((other) => other.value < item.value);
  if (at >= 0) list.splice(at, 0, item);
  else list.push(item);
  list.length = Math.min(list.length, count);
}

function unravel(cell: number, shape: readonly number[]): number[] {
  const at: number[] = [];
  for (const side of shape.toReversed()) {
    at.unshift(cell % side);
    cell = Math.floor(cell / side);
  }
  return at;
}
