/** How a row of results is cut into tiles: some at the edges, where taps fall on padding, and runs of equal ones. */
import { tileHeights } from "../matmul/tile-heights.ts";
import { type Flavour, mostRows } from "../matmul/tile.wasm.ts";
import { type Axis, interior } from "./axis.ts";

/** `repeat` tiles of `width` results, from result `first` on. Repeated ones have all their taps inside. */
export interface Segment {
  readonly first: number;
  readonly width: number;
  readonly repeat: number;
}

export function segments(axis: Axis, flavour: Flavour, columns: 8 | 16): Segment[] {
  const [from, to] = interior(axis);
  const result: Segment[] = [];
  let first = 0;
  const widths = tileHeights(axis.count, mostRows(flavour, columns)).flatMap(({ height, repeat }) =>
    Array.from({ length: repeat }, () => height),
  );
  for (const width of widths) {
    const inside = first >= from && first + width <= to;
    const last = result.at(-1);
    if (inside && last !== undefined && last.width === width && last.first >= from) {
      result[result.length - 1] = { ...last, repeat: last.repeat + 1 };
    } else {
      result.push({ first, width, repeat: 1 });
    }
    first += width;
  }
  return result;
}
