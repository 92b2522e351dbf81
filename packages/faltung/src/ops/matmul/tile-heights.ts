/** How a number of rows is cut into tiles. */

/** A tile of few rows waits for its sums, and loads as many columns as a tall one. */
function cost(height: number): number {
  return Math.max(height, 3) + 0.4;
}

/** `repeat` tiles of `height` rows. */
export interface TileHeight {
  readonly height: number;
  readonly repeat: number;
}

/** Tiles of at most `most` rows: as equal as possible, tall ones first, of the height that costs least in all. */
export function tileHeights(count: number, most: number): TileHeight[] {
  let best: TileHeight[] = [];
  let bestCost = Infinity;
  for (let tiles = Math.ceil(count / most); tiles <= Math.max(1, Math.ceil(count / 3)); tiles++) {
    const low = Math.floor(count / tiles);
    const taller = count - low * tiles;
    const list = [
      { height: low + 1, repeat: taller },
      { height: low, repeat: tiles - taller },
    ].filter(({ height, repeat }) => height > 0 && repeat > 0);
    // Another height is another body of code.
    const total = list.reduce((sum, { height, repeat }) => sum + repeat * cost(height), 0) * (1 + 0.02 * list.length);
    if (total < bestCost) [best, bestCost] = [list, total];
  }
  return best;
}
