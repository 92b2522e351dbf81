/**
 * Changes to training pictures by chance: shifts and mirror images. What happens to a picture depends on the seed, the
 * epoch and the picture alone, never on the order in which pictures are read, so a resumed run sees the same ones.
 */
import { checkWhole } from "../tensor/errors.ts";
import { counterBits, pcgHash } from "../tensor/random.ts";
import type { Shape } from "../tensor/shape.ts";

export interface Augmentation {
  /** Largest shift in pixels, in each direction and axis; uncovered pixels are zero. Default 0. */
  readonly shift?: number;
  /** Mirror left to right in half of the cases. Default false (digits and letters must not be mirrored). */
  readonly flip?: boolean;
}

/** Numbers drawn for one picture: at most three are used, so eight leave room to grow without moving the others. */
const DRAWS = 8;

/**
 * Writes a shifted and maybe mirrored copy of `from` into `into` (both planar bytes of `shape` `[C, H, W]`).
 *
 * @param key which draw of chance: a hash of seed and epoch, see {@link epochKey}
 * @param index number of the picture in its data set
 */
export function augmentInto(
  from: Uint8Array,
  into: Uint8Array,
  shape: Shape,
  augmentation: Augmentation,
  key: number,
  index: number,
): void {
  const [channels, height, width] = shape;
  const shift = augmentation.shift ?? 0;
  const draw = (i: number, below: number): number => counterBits(key, index * DRAWS + i) % below;
  const dy = draw(0, 2 * shift + 1) - shift;
  const dx = draw(1, 2 * shift + 1) - shift;
  const mirrored = augmentation.flip === true && draw(2, 2) === 1;
  into.fill(0);
  const rows = height - Math.abs(dy);
  const columns = width - Math.abs(dx);
  if (rows <= 0 || columns <= 0) return;
  const sourceX = Math.max(0, -dx);
  const targetX = Math.max(0, dx);
  for (let c = 0; c < channels; c++) {
    for (let r = 0; r < rows; r++) {
      const source = (c * height + r + Math.max(0, -dy)) * width + sourceX;
      const row = (c * height + r + Math.max(0, dy)) * width;
      if (mirrored) {
        for (let x = 0; x < columns; x++) into[row + width - 1 - targetX - x] = from[source + x];
      } else {
        for (let x = 0; x < columns; x++) into[row + targetX + x] = from[source + x];
      }
    }
  }
}

/** The key of one epoch's draws. */
export function epochKey(seed: number, epoch: number): number {
  return pcgHash(pcgHash(seed >>> 0) ^ pcgHash(Math.floor(seed / 2 ** 32) ^ epoch)) >>> 0;
}

/** @throws OptionError if the shift is not a whole number ≥ 0. */
export function checkAugmentation(augmentation: Augmentation): void {
  checkWhole("augment: shift", augmentation.shift ?? 0, 0);
}
