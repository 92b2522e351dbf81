/** Where Winograd's tiles lie, and their transform into planes: shared by the convolution and the weight gradient. */
import {
  type FunctionBuilder,
  type I32,
  type Local,
  type Operand,
  type V128,
  f32x4,
  i32,
  v128,
} from "../../../wasm/index.ts";
import type { Axis } from "../axis.ts";
import { emitClear } from "../clear.wasm.ts";
import { type TileArea, type Tiling, tilesPerImage } from "./tiling.ts";
import { type Transform, type VectorMath, type WinogradSize, algorithmOf, emitHalves, sideOf } from "./transforms.ts";

/** Bytes that planes lie further apart than they need: at multiples of 4 KiB they push each other out of the first-level cache. */
export const planeGap = 320;

export interface TileGrid extends Tiling {
  readonly summed: number;
  readonly y: Axis;
  readonly x: Axis;
}

export interface TileOrigin {
  readonly image: Local<"i32">;
  /** The tile's first result. */
  readonly row: Local<"i32">;
  readonly column: Local<"i32">;
  /** Tiles from there to the end of its row of tiles, itself included. */
  readonly left: Local<"i32">;
}

/** Takes a tile's number apart. */
export function emitTileOrigin(f: FunctionBuilder, { areas }: Pick<Tiling, "areas">, tile: I32): TileOrigin {
  const number = f.let(tile, "number");
  const image = f.let(i32.divU(number, tilesPerImage({ areas })), "image");
  const within = f.let(i32.remU(number, tilesPerImage({ areas })), "within");
  const [row, column, left] = ["tileRow", "tileColumn", "tilesLeft"].map((name) => f.local("i32", name));
  const locate = (remaining: readonly TileArea[]): void => {
    const [area, ...others] = remaining;
    const here = (): void => {
      f.set(row, i32.add(i32.mul(i32.divU(within, area.across), area.high), area.row));
      f.set(column, i32.remU(within, area.across));
      f.set(left, i32.sub(area.across, column));
      f.set(column, i32.add(i32.mul(column, area.wide), area.column));
    };
    if (others.length === 0) return here();
    f.if(i32.ltS(within, area.down * area.across), here, () => {
      f.set(within, i32.sub(within, area.down * area.across));
      locate(others);
    });
  };
  locate(areas);
  return { image, row, column, left };
}

/** Tiles side by side, of one row of tiles. */
export interface TileRun {
  /** Of the first one. */
  readonly origin: TileOrigin;
  readonly tiles: Local<"i32">;
  /** Tiles taken before it. */
  readonly before: Local<"i32">;
}

/**
 * Tiles of a run at most: its cells, transformed along y, should take little of the first-level cache. Together, tiles
 * transform the columns that they share once.
 */
function mostInRun({ size, areas }: Tiling): number {
  const side = sideOf(size);
  const fit = Math.floor((8192 / (32 * side) - (side - size)) / size);
  return Math.min(fit, Math.max(...areas.map(({ across }) => across)));
}

/** Cells along x of the longest run. */
function mostColumns(tiling: Tiling): number {
  return mostInRun(tiling) * tiling.size + sideOf(tiling.size) - tiling.size;
}

/** Takes `tiles` tiles from `first` on, run by run. */
export function emitRuns(
  f: FunctionBuilder,
  tiling: Tiling,
  first: I32,
  tiles: Local<"i32">,
  emit: (run: TileRun) => void,
): void {
  const before = f.let(i32.const(0), "before");
  f.while(i32.ltS(before, tiles), () => {
    const origin = emitTileOrigin(f, tiling, i32.add(first, before));
    const length = f.let(i32.sub(tiles, before), "length");
    f.atMost(length, origin.left);
    f.atMost(length, mostInRun(tiling));
    emit({ origin, tiles: length, before });
    f.advance(before, length);
  });
}

/**
 * Scratch of the transforms: zeros, read in place of rows beyond the image, and a run transformed along y only, [row]
 * [column][8].
 */
export interface TileScratch {
  readonly zeros: Local<"i32">;
  readonly half: Local<"i32">;
  readonly halfRowBytes: number;
}

export function tileScratchBytes(tiling: Tiling): number {
  return 32 * mostColumns(tiling) * (1 + sideOf(tiling.size));
}

/** Once in a kernel: what lies in scratch is of others. */
export function emitTileScratch(f: FunctionBuilder, tiling: Tiling, at: I32): TileScratch {
  const halfRowBytes = 32 * mostColumns(tiling);
  const zeros = f.let(at, "zeros");
  emitClear(f, zeros, halfRowBytes);
  return { zeros, half: f.let(i32.add(zeros, halfRowBytes), "half"), halfRowBytes };
}

/** Cells `from` … `end` of `count` along an axis lie in the image, the others beyond. */
interface Inside {
  readonly from: Local<"i32">;
  readonly end: Local<"i32">;
}

/** Which of `count` cells from `first` on (perhaps before 0) lie in an image of `cells`. */
function emitInside(f: FunctionBuilder, first: I32, cells: number, count: Operand<"i32">): Inside {
  const from = f.let(i32.sub(0, first), "from");
  f.atLeast(from, 0);
  f.atMost(from, count);
  const end = f.let(i32.sub(cells, first), "end");
  f.atMost(end, count);
  f.atLeast(end, from);
  return { from, end };
}

/** Pointers to `count` rows at column `columns.from`; to zeros for rows that lie beyond the image. */
function emitRowPointers(
  f: FunctionBuilder,
  { zeros }: TileScratch,
  place: { readonly from: I32; readonly rowBytes: number; readonly count: number },
  rows: Inside,
  columns: Inside,
): readonly Local<"i32">[] {
  const from = f.let(i32.add(place.from, i32.mul(columns.from, 32)), "rowFrom");
  return Array.from({ length: place.count }, (_, r) => {
    const inside = i32.and(i32.leS(rows.from, r), i32.gtS(rows.end, r));
    return f.let(i32.select(i32.add(from, r * place.rowBytes), zeros, inside), `row${r}`);
  });
}

/** Zeros for columns beyond the image, which no transform along y fills, in `rows` rows. */
function emitZeroColumns(
  f: FunctionBuilder,
  { half, halfRowBytes }: TileScratch,
  from: Operand<"i32">,
  end: I32,
  rows: number,
): void {
  const c = f.local("i32", "zeroColumn");
  f.for(c, from, end, 1, () => {
    const at = f.let(i32.add(half, i32.mul(c, 32)), "zeroAt");
    const n = f.let(i32.const(rows), "zeroRows");
    f.countdown(n, () => {
      for (let v = 0; v < 2; v++) f.do(v128.store(at, f32x4.const(0), 16 * v));
      f.advance(at, halfRowBytes);
    });
  });
}

/** Stores one half of eight channels, the `first`, or both. */
export function storeHalves(
  f: FunctionBuilder,
  pointer: I32,
  halves: readonly V128[],
  offset: number,
  first: number,
): void {
  halves.forEach((value, h) => f.do(v128.store(pointer, value, offset + 16 * (first + h))));
}

/** What is transformed along one axis: of each tile `takes` cells, `size` apart, become `side`. */
export interface AxisTransform {
  readonly transform: Transform;
  readonly takes: number;
  readonly side: number;
  readonly size: number;
}

/** What is transformed; each number that it becomes is of a plane, of which there are `across` along x. */
export interface TileTransform {
  readonly y: AxisTransform;
  readonly x: AxisTransform;
  readonly across: number;
  /** Cells of a channel block's image. */
  readonly height: number;
  readonly width: number;
}

export interface RunPlace {
  /** Eight channels of the first image. */
  readonly source: I32;
  /** Blocks of eight channels of an image. */
  readonly blocksOfImage: number;
  /** The first one to transform, and how many. */
  readonly firstBlock: Operand<"i32">;
  readonly blocks: I32;
  /** The run's first cell; may lie beyond the image. */
  readonly top: I32;
  readonly left: I32;
  readonly scratch: TileScratch;
  /** Where plane 0 of the first block goes, of the first tile. */
  readonly to: I32;
  readonly tileBytes: number;
  /** Bytes from a block's place to the next one's: the same each time, or two in turn. */
  readonly blockSteps: readonly [number] | readonly [number, number];
  readonly planeBytes: number;
}

/** Transforms the tiles of a run, block by block: along y all columns, then along x tile by tile. What sticks out is zero. */
export function emitRun(
  f: FunctionBuilder,
  math: VectorMath,
  { y, x, across, height, width }: TileTransform,
  { origin, tiles }: TileRun,
  place: RunPlace,
): void {
  const { scratch, planeBytes } = place;
  const { half, halfRowBytes } = scratch;
  const cells = height * width;
  const [top, left] = [f.let(place.top, "top"), f.let(place.left, "left")];
  const block = i32.add(i32.mul(origin.image, place.blocksOfImage), place.firstBlock);
  const corner = i32.add(i32.mul(block, cells), i32.add(i32.mul(top, width), left));
  const from = f.let(i32.add(place.source, i32.mul(corner, 32)), "from");
  const to = f.let(place.to, "to");
  const columns = f.let(i32.add(i32.mul(tiles, x.size), x.takes - x.size), "columns");
  const insideY = emitInside(f, top, height, y.takes);
  const insideX = emitInside(f, left, width, columns);
  emitZeroColumns(f, scratch, 0, insideX.from, y.side);
  emitZeroColumns(f, scratch, insideX.end, columns, y.side);
  const [first, second = first] = place.blockSteps;
  const step = f.let(i32.const(first), "step");
  const n = f.let(place.blocks, "n");
  f.countdown(n, () => {
    const rows = emitRowPointers(f, scratch, { from, rowBytes: 32 * width, count: y.takes }, insideY, insideX);
    const column = f.let(i32.add(half, i32.mul(insideX.from, 32)), "column");
    const count = f.let(i32.sub(insideX.end, insideX.from), "count");
    f.while(i32.gtS(count, 0), () => {
      emitHalves(
        math,
        y.transform,
        y.takes,
        (r, v) => f.let(v128.load(rows[r], 16 * v)),
        (r, halves, v) => storeHalves(f, column, halves, halfRowBytes * r, v),
      );
      for (const row of rows) f.advance(row, 32);
      f.advance(column, 32);
      f.advance(count, -1);
    });
    const [tileFrom, tileTo, tile] = [f.let(half, "tileFrom"), f.let(to, "tileTo"), f.let(tiles, "tile")];
    f.countdown(tile, () => {
      const [line, plane, lines] = [f.let(tileFrom, "line"), f.let(tileTo, "plane"), f.let(i32.const(y.side), "lines")];
      f.countdown(lines, () => {
        emitHalves(
          math,
          x.transform,
          x.takes,
          (c, v) => f.let(v128.load(line, 32 * c + 16 * v)),
          (c, halves, v) => storeHalves(f, plane, halves, c * planeBytes, v),
        );
        f.advance(line, halfRowBytes);
        f.advance(plane, across * planeBytes);
      });
      f.advance(tileFrom, 32 * x.size);
      f.advance(tileTo, place.tileBytes);
    });
    f.advance(from, 32 * cells);
    f.advance(to, step);
    f.set(step, i32.sub(first + second, step));
  });
}

/** Bᵀ·d·B of the inputs of a run, all channels. The grid's tiles are all as high and as wide as each other. */
export function emitInputRun(
  f: FunctionBuilder,
  math: VectorMath,
  { size, areas: [{ high, wide }], summed, y, x }: TileGrid,
  run: TileRun,
  place: Pick<RunPlace, "source" | "scratch" | "to" | "tileBytes" | "blockSteps" | "planeBytes">,
): void {
  const along = (m: WinogradSize): AxisTransform => {
    const side = sideOf(m);
    return { transform: algorithmOf(m).input, takes: side, side, size: m };
  };
  const tiles = { y: along(high), x: along(wide), across: sideOf(size), height: y.source, width: x.source };
  const blocks = Math.ceil(summed / 8);
  const { row, column } = run.origin;
  const [top, left] = [i32.add(row, y.shift), i32.add(column, x.shift)];
  const all = { blocksOfImage: blocks, firstBlock: 0, blocks: i32.const(blocks) };
  emitRun(f, math, tiles, run, { ...place, ...all, top, left });
}
