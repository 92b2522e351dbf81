/**
 * Where Winograd's tiles lie in an image.
 *
 * Many tiles: of one size everywhere, or of six by six as far as whole ones go, and of four by four in what is left at the
 * right and at the bottom, in a pass of their own. 28 cells are four tiles of six and one of four: 1,492 products for each
 * pair of channels, instead of 1,764 in seven by seven tiles of four, or 1,600 where a fifth tile of six would stick out.
 *
 * A small image, all of whose tiles are in one work item: each axis is cut by itself, so that tiles may be six by four.
 * 14 cells are 6 + 4 + 4: 20² products, instead of 24² in tiles of four. Tiles of four take some planes of those of six, and
 * of a tile that sticks out (7 cells are 4 + 3) the product at ∞ is left out, as only its last result takes that one.
 */
import type { Axis } from "../axis.ts";
import { type WinogradSize, infinityOf, planesOf, sideOf } from "./transforms.ts";

/** A rectangle of tiles. */
export interface TileArea {
  /** Its first result. */
  readonly row: number;
  readonly column: number;
  /** Tiles. */
  readonly down: number;
  readonly across: number;
  /** Results of a tile along y and along x. */
  readonly high: WinogradSize;
  readonly wide: WinogradSize;
}

/** @typeParam S the size of the largest tiles, whose points number the planes */
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
export function resultsIn({ areas }: Tiling, y: Axis, x: Axis): number {
  return areas.reduce(
    (sum, { row, column, down, across, high, wide }) =>
      sum + Math.min(down * high, y.count - row) * Math.min(across * wide, x.count - column),
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
      strips.push({ row, column, down: Math.ceil(height / 4), across: Math.ceil(width / 4), high: 4, wide: 4 });
  };
  strip(0, columns, y.count, x.count - columns);
  strip(rows, 0, y.count - rows, Math.min(columns, x.count));
  const area: TileArea = { row: 0, column: 0, down: rows / size, across: columns / size, high: size, wide: size };
  const main: Tiling<S> = { size, areas: [area] };
  return strips.length === 0 ? [main] : [main, { size: 4, areas: strips }];
}

/** Tiles side by side along an axis. */
interface Segment {
  readonly from: number;
  readonly tiles: number;
  readonly size: WinogradSize;
}

/** One segment or two; the second one's tiles have no point that the first one's lack. */
function segmentsOf(count: number, size: WinogradSize): Segment[] {
  const small = size === 6 ? 4 : size;
  const smallBehind = (six: number): number => Math.ceil(Math.max(0, count - 6 * six) / small);
  const products = (six: number): number => 8 * six + 6 * smallBehind(six);
  const sixes = Array.from({ length: size === 6 ? Math.ceil(count / 6) + 1 : 1 }, (_, six) => six);
  const six = sixes.reduce((best, n) => (products(n) < products(best) ? n : best));
  // Without tiles of six, one that sticks out is apart from the others.
  const first = six > 0 ? six : Math.floor(count / small);
  const firstSize = six > 0 ? 6 : small;
  const from = first * firstSize;
  return [
    { from: 0, tiles: first, size: firstSize },
    { from, tiles: Math.ceil(Math.max(0, count - from) / small), size: small },
  ].filter(({ tiles }) => tiles > 0) as Segment[];
}

/** Bytes of transformed inputs of a work item. */
const inputBytes = 600 * 1024;

/** Tiles of a work item: their transformed inputs should stay in the second-level cache, and weights be read seldom. */
export function mostTilesPerItem(size: WinogradSize, summed: number): number {
  return Math.max(4, Math.min(summed < 96 ? 24 : 48, Math.floor(inputBytes / (4 * planesOf(size) * summed))));
}

/** All tiles of a picture together, if one work item can have so many. */
export function wholeTiling(size: WinogradSize, y: Axis, x: Axis, batch: number, summed: number): Tiling | undefined {
  if (batch > 1) return undefined;
  const [[top, bottom], [left, right]] = [segmentsOf(y.count, size), segmentsOf(x.count, size)];
  // In this order, those that use a plane lie side by side.
  const pairs = [
    [bottom, left],
    [top, left],
    [top, right],
    [bottom, right],
  ].filter(([rows, columns]) => rows !== undefined && columns !== undefined);
  const areas = pairs.map(([rows, columns]): TileArea => ({
    row: rows.from,
    column: columns.from,
    down: rows.tiles,
    across: columns.tiles,
    high: rows.size,
    wide: columns.size,
  }));
  const tiling: Tiling = { size: Math.max(top.size, left.size) as WinogradSize, areas };
  return tilesPerImage(tiling) <= mostTilesPerItem(tiling.size, summed) ? tiling : undefined;
}

/** Products of an image's tiles that are all together, for each pair of channels. */
export function productsTogether(tiling: Tiling, y: Axis, x: Axis): number {
  const columns = pointsAlong(tiling, "x", x.count);
  return pointsAlong(tiling, "y", y.count).reduce(
    (sum, row) =>
      columns.reduce((inRow, column) => {
        const areas = row.users.filter((area) => column.users.includes(area));
        return inRow + row.count * column.count * tilesPerImage({ areas });
      }, sum),
    0,
  );
}

/** Neighbouring points of one dimension, used by the same areas' tiles. */
export interface Points {
  readonly count: number;
  readonly users: readonly TileArea[];
}

/** The points in order, along y or x, of an image's tiles that are all together. */
export function pointsAlong({ size, areas }: Tiling, axis: "y" | "x", cells: number): Points[] {
  const points: Points[] = [];
  for (let p = 0; p < sideOf(size); p++) {
    const users = areas.filter((area) => {
      const [from, tiles, m] = axis === "y" ? [area.row, area.down, area.high] : [area.column, area.across, area.wide];
      const sticksOut = tiles === 1 && from + m > cells;
      return p < sideOf(m) && !(sticksOut && p === infinityOf(m));
    });
    const last = points[points.length - 1];
    if (last !== undefined && users.length === last.users.length && users.every((user, i) => user === last.users[i]))
      points[points.length - 1] = { ...last, count: last.count + 1 };
    else points.push({ count: 1, users });
  }
  return points;
}

export function areasKey({ areas }: Tiling): string {
  return areas.map((area) => Object.values(area).join()).join("|");
}
