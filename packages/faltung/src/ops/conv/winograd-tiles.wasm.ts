/** Where Winograd's tiles lie, and the transform of their inputs: shared by the convolution and the weight gradient. */
import { type FunctionBuilder, type I32, type Local, f32x4, i32, v128 } from "../../wasm/index.ts";
import type { Axis } from "./axis.ts";
import { type Winograd, type VectorMath, winograd2, winograd4 } from "./winograd-transforms.ts";

export interface TileGrid {
  readonly size: 2 | 4;
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
export function emitTileOrigin(f: FunctionBuilder, { size, y, x }: Omit<TileGrid, "summed">, tile: I32): TileOrigin {
  const across = Math.ceil(x.count / size);
  const down = Math.ceil(y.count / size);
  const number = f.let(tile, "number");
  const image = f.let(i32.divU(number, across * down), "image");
  const within = f.let(i32.remU(number, across * down), "within");
  return {
    image,
    row: f.let(i32.mul(i32.divU(within, across), size), "tileRow"),
    column: f.let(i32.mul(i32.remU(within, across), size), "tileColumn"),
  };
}

export interface InputPlace {
  /** The source, blocked, of all images. */
  readonly source: I32;
  readonly tile: I32;
  /** Room for two tiles with their borders, eight channels each. */
  readonly patch: Local<"i32">;
  /** Where plane 0 of block 0 goes. */
  readonly to: I32;
  readonly blockBytes: number;
  readonly planeBytes: number;
}

/** Transforms the inputs of one tile, all channels. What sticks out of the source is zero. */
export function emitInputTile(f: FunctionBuilder, math: VectorMath, grid: TileGrid, place: InputPlace): void {
  const { size, summed, y, x } = grid;
  const side = size + 2;
  const blocks = Math.ceil(summed / 8);
  const cells = y.source * x.source;
  const origin = emitTileOrigin(f, grid, place.tile);
  const top = f.let(i32.add(origin.row, y.shift), "top");
  const left = f.let(i32.add(origin.column, x.shift), "left");
  const corner = i32.add(i32.mul(i32.mul(origin.image, blocks), cells), i32.add(i32.mul(top, x.source), left));
  const from = f.let(i32.add(place.source, i32.mul(corner, 32)), "from");
  const to = f.let(place.to, "to");
  const inside = f.let(
    i32.and(
      i32.and(i32.geS(top, 0), i32.leS(top, y.source - side)),
      i32.and(i32.geS(left, 0), i32.leS(left, x.source - side)),
    ),
    "inside",
  );
  const n = f.let(i32.const(blocks), "n");
  f.countdown(n, () => {
    const at = f.let(from, "at");
    const stride = f.let(i32.const(32 * x.source), "stride");
    f.if(i32.eqz(inside), () => {
      emitPatch(f, grid, from, place.patch, top, left);
      f.set(at, place.patch);
      f.set(stride, 32 * side);
    });
    emitTransform(f, math, size === 4 ? winograd4 : winograd2, {
      at,
      stride,
      half: i32.add(place.patch, 32 * side * side),
      to,
      planeBytes: place.planeBytes,
    });
    f.set(from, i32.add(from, 32 * cells));
    f.set(to, i32.add(to, place.blockBytes));
  });
}

/** Copies a tile that sticks out; its cells beyond the source become zeros. */
function emitPatch(f: FunctionBuilder, { size, y, x }: TileGrid, from: I32, patch: I32, top: I32, left: I32): void {
  const side = size + 2;
  const r = f.local("i32", "r");
  const c = f.local("i32", "c");
  const row = f.let(from, "patchFrom");
  const to = f.let(patch, "patchTo");
  f.for(r, 0, side, 1, () => {
    const rowInside = f.let(i32.ltU(i32.add(top, r), y.source), "rowInside");
    const cell = f.let(row, "cell");
    f.for(c, 0, side, 1, () => {
      f.if(
        i32.and(rowInside, i32.ltU(i32.add(left, c), x.source)),
        () => f.do(v128.store(to, v128.load(cell)), v128.store(to, v128.load(cell, 16), 16)),
        () => f.do(v128.store(to, f32x4.const(0)), v128.store(to, f32x4.const(0), 16)),
      );
      f.set(cell, i32.add(cell, 32));
      f.set(to, i32.add(to, 32));
    });
    f.set(row, i32.add(row, 32 * x.source));
  });
}

interface TransformPlace {
  readonly at: Local<"i32">;
  readonly stride: I32;
  readonly half: I32;
  readonly to: I32;
  readonly planeBytes: number;
}

/** Bᵀ·d·B of eight channels: along y into `half`, then along x into the planes. */
function emitTransform(f: FunctionBuilder, math: VectorMath, algorithm: Winograd, place: TransformPlace): void {
  const side = algorithm.m + 2;
  const rows = [place.at];
  for (let r = 1; r < side; r++) rows.push(f.let(i32.add(rows[r - 1], place.stride), `row${r}`));
  const half = f.let(place.half, "half");
  const vectors = f.let(i32.const(2 * side), "vectors");
  f.countdown(vectors, () => {
    const column = rows.map((row) => f.let(v128.load(row)));
    algorithm.input(math, column).forEach((value, r) => f.do(v128.store(half, value, 32 * side * r)));
    for (const row of rows) f.set(row, i32.add(row, 16));
    f.set(half, i32.add(half, 16));
  });
  const from = f.let(place.half, "halfFrom");
  const to = f.let(place.to, "planeTo");
  const n = f.let(i32.const(side), "n");
  f.countdown(n, () => {
    for (let v = 0; v < 2; v++) {
      const line = Array.from({ length: side }, (_, c) => f.let(v128.load(from, 32 * c + 16 * v)));
      algorithm.input(math, line).forEach((value, c) => f.do(v128.store(to, value, c * place.planeBytes + 16 * v)));
    }
    f.set(from, i32.add(from, 32 * side));
    f.set(to, i32.add(to, side * place.planeBytes));
  });
}
