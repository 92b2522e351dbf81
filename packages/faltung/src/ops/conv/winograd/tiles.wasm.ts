/** Where Winograd's tiles lie, and the transform of their inputs: shared by the convolution and the weight gradient. */
import { type FunctionBuilder, type I32, type Local, type V128, f32x4, i32, v128 } from "../../../wasm/index.ts";
import type { Axis } from "../axis.ts";
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
}

/** Takes a tile's number apart. */
export function emitTileOrigin(f: FunctionBuilder, { size, areas }: Tiling, tile: I32): TileOrigin {
  const number = f.let(tile, "number");
  const image = f.let(i32.divU(number, tilesPerImage({ areas })), "image");
  const within = f.let(i32.remU(number, tilesPerImage({ areas })), "within");
  const [row, column] = [f.local("i32", "tileRow"), f.local("i32", "tileColumn")];
  const locate = (left: readonly TileArea[]): void => {
    const [area, ...others] = left;
    const here = (): void => {
      f.set(row, i32.add(i32.mul(i32.divU(within, area.across), size), area.row));
      f.set(column, i32.add(i32.mul(i32.remU(within, area.across), size), area.column));
    };
    if (others.length === 0) return here();
    f.if(i32.ltS(within, area.down * area.across), here, () => {
      f.set(within, i32.sub(within, area.down * area.across));
      locate(others);
    });
  };
  locate(areas);
  return { image, row, column };
}

/**
 * Scratch of the transforms: zeros, read in place of rows beyond the image, and a tile transformed along y only, [row]
 * [column][8].
 */
export interface TileScratch {
  readonly zeros: Local<"i32">;
  readonly half: Local<"i32">;
}

export function tileScratchBytes(size: WinogradSize): number {
  const side = sideOf(size);
  return 32 * side + 32 * side * side;
}

/** Once in a kernel: what lies in scratch is of others. */
export function emitTileScratch(f: FunctionBuilder, size: WinogradSize, at: I32): TileScratch {
  const side = sideOf(size);
  const zeros = f.let(at, "zeros");
  for (let v = 0; v < 2 * side; v++) f.do(v128.store(zeros, f32x4.const(0), 16 * v));
  return { zeros, half: f.let(i32.add(zeros, 32 * side), "half") };
}

/** Cells `from` … `end` of a tile's row or column of `side` lie in the image, the others beyond. */
export interface Inside {
  readonly from: Local<"i32">;
  readonly end: Local<"i32">;
}

/** Which cells of a tile that begins at `first` (perhaps before 0) lie in an image of `cells`. */
export function emitInside(f: FunctionBuilder, first: I32, cells: number, side: number): Inside {
  const from = f.let(i32.sub(0, first), "from");
  f.atLeast(from, 0);
  const end = f.let(i32.sub(cells, first), "end");
  f.atMost(end, side);
  return { from, end };
}

/** Pointers to the rows of a tile at column `columns.from`; to zeros for rows that lie beyond the image. */
export function emitRowPointers(
  f: FunctionBuilder,
  scratch: TileScratch,
  place: { readonly from: I32; readonly rowBytes: number; readonly side: number },
  rows: Inside,
  columns: Inside,
): readonly Local<"i32">[] {
  const from = f.let(i32.add(place.from, i32.mul(columns.from, 32)), "rowFrom");
  return Array.from({ length: place.side }, (_, r) => {
    const inside = i32.and(i32.leS(rows.from, r), i32.gtS(rows.end, r));
    return f.let(i32.select(i32.add(from, r * place.rowBytes), scratch.zeros, inside), `row${r}`);
  });
}

/** Zeros for the columns beyond the image, which no transform along y fills, in `rows` rows of `side` columns. */
export function emitZeroColumns(
  f: FunctionBuilder,
  { half }: TileScratch,
  { from, end }: Inside,
  rows: number,
  side: number,
): void {
  const c = f.local("i32", "zeroColumn");
  const at = f.let(half, "zeroAt");
  f.for(c, 0, side, 1, () => {
    f.if(i32.or(i32.ltS(c, from), i32.geS(c, end)), () => {
      for (let r = 0; r < rows; r++) {
        for (let v = 0; v < 2; v++) f.do(v128.store(at, f32x4.const(0), 32 * side * r + 16 * v));
      }
    });
    f.advance(at, 32);
  });
}

/** Transforms `columns` columns of eight channels along y, from pointers to their rows to `half`, in rows of `side`. */
export function emitColumns(
  f: FunctionBuilder,
  math: VectorMath,
  transform: Transform,
  rows: readonly Local<"i32">[],
  half: Local<"i32">,
  columns: I32,
  side: number,
): void {
  const left = f.let(columns, "columns");
  f.while(i32.gtS(left, 0), () => {
    emitHalves(
      math,
      transform,
      rows.length,
      (r, v) => f.let(v128.load(rows[r], 16 * v)),
      (r, halves, v) => storeHalves(f, half, halves, 32 * side * r, v),
    );
    for (const row of rows) f.advance(row, 32);
    f.advance(half, 32);
    f.set(left, i32.sub(left, 1));
  });
}

/** Transforms `side` lines of `columns` columns of eight channels along x, from `from`, each number to a plane of its own. */
export function emitLines(
  f: FunctionBuilder,
  math: VectorMath,
  transform: Transform,
  from: I32,
  to: I32,
  { side, columns, planeBytes }: { readonly side: number; readonly columns: number; readonly planeBytes: number },
): void {
  const line = f.let(from, "line");
  const plane = f.let(to, "plane");
  const lines = f.let(i32.const(side), "lines");
  f.countdown(lines, () => {
    emitHalves(
      math,
      transform,
      columns,
      (c, v) => f.let(v128.load(line, 32 * c + 16 * v)),
      (c, halves, v) => storeHalves(f, plane, halves, c * planeBytes, v),
    );
    f.advance(line, 32 * columns);
    f.advance(plane, side * planeBytes);
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

export interface InputPlace {
  /** The source, blocked, of all images. */
  readonly source: I32;
  readonly tile: I32;
  readonly scratch: TileScratch;
  /** Where plane 0 of block 0 goes. */
  readonly to: I32;
  /** Bytes from a block's place to the next one's: the same each time, or two in turn. */
  readonly blockSteps: readonly [number] | readonly [number, number];
  readonly planeBytes: number;
}

/** Bᵀ·d·B of the inputs of one tile, all channels. What sticks out of the source is zero. */
export function emitInputTile(f: FunctionBuilder, math: VectorMath, grid: TileGrid, place: InputPlace): void {
  const { size, summed, y, x } = grid;
  const { scratch, planeBytes } = place;
  const { input } = algorithmOf(size);
  const side = sideOf(size);
  const blocks = Math.ceil(summed / 8);
  const cells = y.source * x.source;
  const origin = emitTileOrigin(f, grid, place.tile);
  const top = f.let(i32.add(origin.row, y.shift), "top");
  const left = f.let(i32.add(origin.column, x.shift), "left");
  const corner = i32.add(i32.mul(i32.mul(origin.image, blocks), cells), i32.add(i32.mul(top, x.source), left));
  const from = f.let(i32.add(place.source, i32.mul(corner, 32)), "from");
  const to = f.let(place.to, "to");
  const insideY = emitInside(f, top, y.source, side);
  const insideX = emitInside(f, left, x.source, side);
  emitZeroColumns(f, scratch, insideX, side, side);
  const [first, second = first] = place.blockSteps;
  const step = f.let(i32.const(first), "step");
  const n = f.let(i32.const(blocks), "n");
  f.countdown(n, () => {
    // Along y, column by column.
    const rows = emitRowPointers(f, scratch, { from, rowBytes: 32 * x.source, side }, insideY, insideX);
    const half = f.let(i32.add(scratch.half, i32.mul(insideX.from, 32)), "half");
    emitColumns(f, math, input, rows, half, i32.sub(insideX.end, insideX.from), side);
    emitLines(f, math, input, scratch.half, to, { side, columns: side, planeBytes });
    f.advance(from, 32 * cells);
    f.advance(to, step);
    f.set(step, i32.sub(first + second, step));
  });
}
