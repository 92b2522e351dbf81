/** What one unit of a layer can see of the input: Araujo, Norris & Sim 2019, by the arithmetic of `conv/geometry.ts`. */
import { type Module, layerFields } from "../nn/index.ts";
import type { ReceptiveField } from "../ops/conv/geometry.ts";
import { OptionError } from "../tensor/errors.ts";
import { type Shape, show } from "../tensor/shape.ts";

/** A box of the input, by spatial dimension: from `start` on, `size` cells; all of them inside the input. */
export interface SeenBox {
  readonly start: Shape;
  readonly size: Shape;
  /** Cells of the field that lie in the padding, outside of the input. */
  readonly outside: number;
}

/**
 * The cells of the network's input that one cell of a layer's output depends on: the smallest box around them. (Next to
 * a border it may be smaller still, where taps fall on a hidden layer's own padding.)
 *
 * @param layer its name: `0`, `layer1.0.conv1`
 * @param at the cell: its row and column (as many numbers as the layer has spatial dimensions)
 * @returns the whole input where a layer before has mixed all cells
 * @throws OptionError if there is no such layer or cell
 *
 * @example
 * ```ts
 * seenBy(lenet5(), [1, 1, 28, 28], "3", [0, 0]); // { start: [0, 0], size: [12, 12], outside: 52 }
 * ```
 */
export function seenBy(model: Module, inputShape: Shape, layer: string, at: readonly number[]): SeenBox {
  const fields = layerFields(model, inputShape);
  const found = fields.find(({ name }) => name === layer);
  if (found === undefined) {
    throw new OptionError(`seenBy: no layer is called ${layer}; there are ${fields.map((f) => f.name).join(", ")}.`);
  }
  const sides = inputShape.slice(2);
  if (found.fields === null) return { start: sides.map(() => 0), size: sides, outside: 0 };
  const places = found.shape.slice(2);
  if (at.length !== places.length || !at.every((u, d) => Number.isInteger(u) && u >= 0 && u < places[d])) {
    throw new OptionError(`seenBy: layer ${layer} is ${show(found.shape)}; it has no cell (${at.join(", ")}).`);
  }
  const boxes = found.fields.map((field, d) => clip(field, at[d], sides[d]));
  const volume = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
  const size = boxes.map((b) => b.size);
  const whole = volume(found.fields.map((f) => f.size));
  return { start: boxes.map((b) => b.start), size, outside: whole - volume(size) };
}

function clip({ size, jump, start }: ReceptiveField, unit: number, side: number): { start: number; size: number } {
  const from = start + unit * jump;
  const begin = Math.max(0, from);
  return { start: begin, size: Math.max(0, Math.min(side, from + size) - begin) };
}
