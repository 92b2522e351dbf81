/**
 * Where Winograd's tiles lie in an image: of one size everywhere, or of six by six as far as whole ones go, and of four
 * by four in what is left at the right and at the bottom. 28 cells are four tiles of six and one of four: 1,492 products
 * for each pair of channels, instead of 1,764 in seven by seven tiles of four, or 1,600 where a fifth tile of six would
 * stick out.
 */
import type { Axis } from "../axis.ts";
import type { WinogradSize } from "./transforms.ts";

/** A rectangle of tiles. */
export interface TileArea {
  /** Its first result. */
  readonly row: number;
  readonly column: number;
  /** Tiles. */
  readonly down: number;
  readonly across: number;
}

export interface Tiling<S extends WinogradSize = WinogradSize> {
  readonly size: S;
  /** Tiles are numbered through them. */
  readonly areas: readonly TileArea[];
}

/** Tiles of one image. */
export function tilesPerImage({ areas }: Pick<Tiling, "areas">): number {
  return areas.reduce((sum, { down, across }) => sum + down * across, 0);
}

/** Results that the tiles of one image make. */
export function resultsIn({ size, areas }: Tiling, y: Axis, x: Axis): number {
  const inside = (first: number, tiles: number, count: number): number => Math.min(tiles * size, count - first);
  return areas.reduce(
    (sum, { row, column, down, across }) => sum + inside(row, down, y.count) * inside(column, across, x.count),
    0,
  );
}

/**
 * Cells along an axis for tiles of six: all of them, or a multiple of twelve, which is whole tiles of four for the strip
 * beside them; 0 if tiles of four need no more multiplications.
 */
function cellsForSix(count: number): number {
  const products = (six: number): number => (8 * six) / 6 + 6 * Math.ceil(Math.max(0, count - six) / 4);
  const candidates = [0, count - (count % 12), 6 * Math.ceil(count / 6)];
  return candidates.reduce((best, cells) => (products(cells) < products(best) ? cells : best));
}

/** Whether there is a place for tiles of six. */
export function sixFits(y: Axis, x: Axis): boolean {
  return cellsForSix(y.count) > 0 && cellsForSix(x.count) > 0;
}

/** Tiles of a size, of which some may stick out; and of four for the rest, where those of six leave one. */
export function tilingsOf<S extends WinogradSize>(size: S, y: Axis, x: Axis): readonly [Tiling<S>, ...Tiling<4>[]] {
  const [rows, columns] = [y, x].map(({ count }) => (size === 6 ? cellsForSix(count) : size * Math.ceil(count / size)));
  const strips: TileArea[] = [];
  const strip = (row: number, column: number, height: number, width: number): void => {
    if (height > 0 && width > 0)
      strips.push({ row, column, down: Math.ceil(height / 4), across: Math.ceil(width / 4) });
  };
  strip(0, columns, y.count, x.count - columns);
  strip(rows, 0, y.count - rows, Math.min(columns, x.count));
  const main: Tiling<S> = { size, areas: [{ row: 0, column: 0, down: rows / size, across: columns / size }] };
  return strips.length === 0 ? [main] : [main, { size: 4, areas: strips }];
}

export function areasKey({ areas }: Tiling): string {
  return areas.map((area) => Object.values(area).join()).join("|");
}
