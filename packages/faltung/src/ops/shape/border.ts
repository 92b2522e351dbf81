/** What lies beyond the border of a padded axis. */

/** How the border is continued: with zeros, mirrored (edge not repeated), with the edge value, or periodically. */
export type PaddingMode = "zeros" | "reflect" | "replicate" | "circular";

/** An index outside [0, size), continued by the padding mode; −1 where the padding is zero. */
export function borderIndex(index: number, size: number, mode: PaddingMode): number {
  if (index >= 0 && index < size) return index;
  switch (mode) {
    case "zeros":
      return -1;
    case "replicate":
      return index < 0 ? 0 : size - 1;
    case "circular":
      return ((index % size) + size) % size;
    case "reflect": {
      const period = 2 * (size - 1);
      if (period === 0) return 0;
      const folded = ((index % period) + period) % period;
      return folded < size ? folded : period - folded;
    }
  }
}
