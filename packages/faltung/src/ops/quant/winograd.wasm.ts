/**
 * 3×3 convolution of bytes at stride 1 by Winograd's algorithm in whole numbers (see winograd-integers.ts), in the steps
 * of conv/winograd/winograd.wasm.ts: a work item transforms the inputs of a block of tiles to int16, multiplies plane by plane
 * (two int16 at a time), and transforms the int32 products back.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import type { DType } from "../../tensor/shape.ts";
import { BYTES } from "../../tensor/shape.ts";
import { type FunctionBuilder, type I32, type Local, i16x8, i32, i32x4, i64, v128 } from "../../wasm/index.ts";
import type { Axis } from "../conv/axis.ts";
import { type Tiling, tilesPerImage } from "../conv/winograd/tiling.ts";
import { emitTileOrigin } from "../conv/winograd/tiles.wasm.ts";
import { type Epilogue, type Store, epilogueKey, storeOf } from "../matmul/epilogue.wasm.ts";
import { tileHeights } from "../matmul/tile-heights.ts";
import { type Step, type TilePool, mostRows, tilePool } from "../matmul/tile.wasm.ts";
import { unitsOf } from "./pack.wasm.ts";
import { type IntegerWinograd, integerWinograd2, integerWinograd4 } from "./winograd-integers.ts";

export interface IntegerWinogradShape extends Tiling {
  readonly size: 2 | 4;
  readonly made: number;
  readonly summed: number;
  readonly y: Axis;
  readonly x: Axis;
  readonly zero: number;
  /** Tiles of a work item, and blocks of eight channels that it makes. */
  readonly tilesPerItem: number;
  readonly blocksPerItem: number;
  readonly stored: DType;
  readonly epilogue?: Epilogue;
}

const flavour = { fma: false, wide: false, unit: "i16" } as const;
/** Planes lie so much further apart than they need: at multiples of 4 KiB they would push each other out of the cache. */
const planeGap = 320;

function algorithmOf(size: 2 | 4): IntegerWinograd {
  return size === 4 ? integerWinograd4 : integerWinograd2;
}

function planesOf(size: 2 | 4): number {
  return (size + 2) ** 2;
}

type Sizes = Readonly<Record<"block" | "plane" | "all", number>>;

/** Bytes of a block of eight channels of one plane of transformed inputs, of a plane, and of all. */
function inputBytes({ size, summed, tilesPerItem }: IntegerWinogradShape): Sizes {
  const block = 16 * tilesPerItem;
  const plane = Math.ceil(summed / 8) * block + planeGap;
  return { block, plane, all: planesOf(size) * plane };
}

function productBytes({ size, tilesPerItem }: IntegerWinogradShape): Sizes {
  const block = 32 * tilesPerItem;
  return { block, plane: block + planeGap, all: planesOf(size) * (block + planeGap) };
}

function weightPlaneBytes(summed: number): number {
  return 32 * unitsOf(summed, "i16") + planeGap;
}

/** [made/8][plane][unit][8][2 of int16] */
export function integerWinogradWeightBytes(size: 2 | 4, made: number, summed: number): number {
  return planesOf(size) * Math.ceil(made / 8) * weightPlaneBytes(summed);
}

export function integerWinogradScratch(shape: IntegerWinogradShape): number {
  return inputBytes(shape).all + productBytes(shape).all + 64 * planesOf(shape.size);
}

export function integerWinogradItems(shape: IntegerWinogradShape, batch: number): number {
  const tiles = batch * tilesPerImage(shape);
  return Math.ceil(tiles / shape.tilesPerItem) * Math.ceil(Math.ceil(shape.made / 8) / shape.blocksPerItem);
}

/** Pointers: source (blocked bytes), transformed weights, result (blocked), the epilogue's operands. Integer: images. */
export function integerWinogradKernel(shape: IntegerWinogradShape): Kernel {
  const { size, made, summed, y, x, zero, tilesPerItem, blocksPerItem, stored, epilogue } = shape;
  const operands = epilogue?.operands.length ?? 0;
  const axes = [y, x].map((axis) => Object.values(axis).join()).join("|");
  return defineKernel(
    {
      key: `winogradInteger ${[size, made, summed, zero, tilesPerItem, blocksPerItem, stored].join(" ")} ${axes} ${epilogueKey(epilogue)}`,
      pointers: 3 + operands,
      integers: 1,
      name: "winogradInteger",
    },
    (f, lo, hi, scratch, ...rest) => {
      const [source, weights, result] = rest;
      const store = storeOf(f, epilogue, false, result, rest.slice(3, -1), stored);
      emitItems(f, shape, store, { lo, hi, scratch, source, weights, result, images: rest[rest.length - 1] });
    },
  );
}

type Arguments = Readonly<Record<"lo" | "hi" | "scratch" | "source" | "weights" | "result" | "images", I32>>;

function emitItems(f: FunctionBuilder, shape: IntegerWinogradShape, store: Store, args: Arguments): void {
  const { size, made, summed, tilesPerItem, blocksPerItem } = shape;
  const pool = tilePool(f, flavour);
  const blocks = Math.ceil(made / 8);
  const shares = Math.ceil(blocks / blocksPerItem);
  const products = f.let(i32.add(args.scratch, inputBytes(shape).all), "products");
  const patch = f.let(i32.add(products, productBytes(shape).all), "patch");
  const [item, block, tile] = ["item", "block", "tile"].map((name) => f.local("i32", name));
  f.for(item, args.lo, args.hi, 1, () => {
    const firstTile = f.let(i32.mul(i32.divU(item, shares), tilesPerItem), "firstTile");
    const tiles = f.let(i32.sub(i32.mul(args.images, tilesPerImage(shape)), firstTile), "tiles");
    f.atMost(tiles, tilesPerItem);
    f.for(tile, 0, tiles, 1, () => {
      const to = i32.add(args.scratch, i32.mul(tile, 16));
      emitInputTile(f, shape, { source: args.source, tile: i32.add(firstTile, tile), patch, to });
    });
    const firstBlock = f.let(i32.mul(i32.remU(item, shares), blocksPerItem), "firstBlock");
    const endBlock = f.let(i32.add(firstBlock, blocksPerItem), "endBlock");
    f.atMost(endBlock, blocks);
    f.for(block, firstBlock, endBlock, 1, () => {
      const at = i32.add(args.weights, i32.mul(block, weightPlaneBytes(summed) * planesOf(size)));
      emitProducts(f, pool, shape, args.scratch, f.let(at, "weights"), products);
      store.channel(i32.mul(block, 8));
      f.for(tile, 0, tiles, 1, () => {
        const from = f.let(i32.add(products, i32.mul(tile, 32)), "product");
        emitOutputTile(f, store, shape, {
          products: from,
          tile: i32.add(firstTile, tile),
          patch,
          result: args.result,
          block,
        });
      });
    });
  });
}

interface InputPlace {
  readonly source: I32;
  readonly tile: I32;
  readonly patch: Local<"i32">;
  /** Where plane 0 of block 0 goes. */
  readonly to: I32;
}

/** Transforms the inputs of one tile, all channels. What sticks out of the source is the zero point. */
function emitInputTile(f: FunctionBuilder, shape: IntegerWinogradShape, place: InputPlace): void {
  const { size, summed, y, x, zero } = shape;
  const side = size + 2;
  const blocks = Math.ceil(summed / 8);
  const cells = y.source * x.source;
  const algorithm = algorithmOf(size);
  const origin = emitTileOrigin(f, shape, place.tile);
  const top = f.let(i32.add(origin.row, y.shift), "top");
  const left = f.let(i32.add(origin.column, x.shift), "left");
  const corner = i32.add(i32.mul(i32.mul(origin.image, blocks), cells), i32.add(i32.mul(top, x.source), left));
  const from = f.let(i32.add(place.source, i32.mul(corner, 8)), "from");
  const to = f.let(place.to, "to");
  const inside = f.let(
    i32.and(
      i32.and(i32.geS(top, 0), i32.leS(top, y.source - side)),
      i32.and(i32.geS(left, 0), i32.leS(left, x.source - side)),
    ),
    "inside",
  );
  const halfStart = i32.add(place.patch, 16 * side * side);
  const offset = zero === 0 ? null : f.let(i16x8.const(zero), "zero");
  const n = f.let(i32.const(blocks), "n");
  f.countdown(n, () => {
    const at = f.let(from, "at");
    const stride = f.let(i32.const(8 * x.source), "stride");
    f.if(i32.eqz(inside), () => {
      emitPatch(f, shape, from, place.patch, top, left);
      f.set(at, place.patch);
      f.set(stride, 8 * side);
    });
    // Along y into the patch, then along x into the planes.
    const rows = [at];
    for (let r = 1; r < side; r++) rows.push(f.let(i32.add(rows[r - 1], stride), `row${r}`));
    const half = f.let(halfStart, "half");
    const columns = f.let(i32.const(side), "columns");
    f.countdown(columns, () => {
      const column = rows.map((row) => {
        const bytes = v128.load8x8U(row);
        return f.let(offset === null ? bytes : i16x8.sub(bytes, offset));
      });
      algorithm.input(f, column).forEach((value, r) => f.do(v128.store(half, value, 16 * side * r)));
      for (const row of rows) f.advance(row, 8);
      f.advance(half, 16);
    });
    const line = f.let(halfStart, "line");
    const plane = f.let(to, "planeTo");
    const lines = f.let(i32.const(side), "lines");
    f.countdown(lines, () => {
      const values = Array.from({ length: side }, (_, c) => f.let(v128.load(line, 16 * c)));
      algorithm.input(f, values).forEach((value, c) => f.do(v128.store(plane, value, c * inputBytes(shape).plane)));
      f.advance(line, 16 * side);
      f.advance(plane, side * inputBytes(shape).plane);
    });
    f.advance(from, 8 * cells);
    f.advance(to, inputBytes(shape).block);
  });
}

/** Copies a tile that sticks out; its cells beyond the source hold the zero point. */
function emitPatch(
  f: FunctionBuilder,
  { size, y, x, zero }: IntegerWinogradShape,
  from: I32,
  patch: I32,
  top: I32,
  left: I32,
): void {
  const side = size + 2;
  const [r, c] = ["r", "c"].map((name) => f.local("i32", name));
  const row = f.let(from, "patchFrom");
  const to = f.let(patch, "patchTo");
  const outside = BigInt(zero) * 0x0101010101010101n;
  f.for(r, 0, side, 1, () => {
    const rowInside = f.let(i32.ltU(i32.add(top, r), y.source), "rowInside");
    const cell = f.let(row, "cell");
    f.for(c, 0, side, 1, () => {
      f.if(
        i32.and(rowInside, i32.ltU(i32.add(left, c), x.source)),
        () => f.do(i64.store(to, i64.load(cell))),
        () => f.do(i64.store(to, i64.const(outside))),
      );
      f.advance(cell, 8);
      f.advance(to, 8);
    });
    f.advance(row, 8 * x.source);
  });
}

/** products[plane][tile][8] = Σ_c inputs[plane][c][tile] · weights[plane][c][8] */
function emitProducts(
  f: FunctionBuilder,
  pool: TilePool,
  shape: IntegerWinogradShape,
  inputs: I32,
  weights: Local<"i32">,
  products: I32,
): void {
  const { size, summed, tilesPerItem } = shape;
  const units = unitsOf(summed, "i16");
  const planes = f.let(i32.const(planesOf(size)), "planes");
  const planeFrom = f.let(inputs, "planeFrom");
  const planeTo = f.let(products, "planeTo");
  f.countdown(planes, () => {
    const from = f.let(planeFrom, "from");
    const to = f.let(planeTo, "to");
    for (const { height, repeat } of tileHeights(tilesPerItem, mostRows(flavour, 8))) {
      const turns = f.let(i32.const(repeat), "turns");
      f.countdown(turns, () => {
        const tile = pool.tile(height, 2);
        tile.zero();
        const a = f.let(from, "a");
        const b = f.let(weights, "b");
        f.block((exit) => {
          const channels = (count: number): void => {
            const steps = Array.from({ length: count }, (_, u): Step => ({
              rows: Array.from({ length: height }, (_unused, r) => ({ pointer: a, offset: 16 * r + 4 * u })),
              columns: { pointer: b, offset: 32 * u },
            }));
            tile.run(steps, { exit, pointer: b });
          };
          if (units >= 4) {
            const n = f.let(i32.const(Math.floor(units / 4)), "blocks");
            f.countdown(n, () => {
              channels(4);
              f.advance(a, inputBytes(shape).block);
              f.advance(b, 128);
            });
          }
          channels(units % 4);
        });
        tile.accumulators.forEach((row, r) => row.forEach((acc, v) => f.do(v128.store(to, acc, 32 * r + 16 * v))));
        f.advance(from, 16 * height);
        f.advance(to, 32 * height);
      });
    }
    f.advance(weights, weightPlaneBytes(summed));
    f.advance(planeFrom, inputBytes(shape).plane);
    f.advance(planeTo, productBytes(shape).plane);
  });
}

interface OutputPlace {
  readonly products: Local<"i32">;
  readonly tile: I32;
  readonly patch: Local<"i32">;
  readonly result: I32;
  readonly block: I32;
}

/** Transforms one tile's products back, along y into the patch, then along x, and stores what lies inside the result. */
function emitOutputTile(
  f: FunctionBuilder,
  store: Store,
  shape: IntegerWinogradShape,
  { products, tile, patch, result, block }: OutputPlace,
): void {
  const { size, made, y, x, stored } = shape;
  const algorithm = algorithmOf(size);
  const side = size + 2;
  const cell = 8 * BYTES[stored];
  const { plane } = productBytes(shape);
  const from = f.let(products, "from");
  const to = f.let(patch, "half");
  const n = f.let(i32.const(side), "n");
  f.countdown(n, () => {
    for (let v = 0; v < 2; v++) {
      const column = Array.from({ length: side }, (_, r) => f.let(v128.load(from, r * side * plane + 16 * v)));
      algorithm.output(f, column).forEach((value, r) => f.do(v128.store(to, value, r * side * 32 + 16 * v)));
    }
    f.advance(from, plane);
    f.advance(to, 32);
  });
  const origin = emitTileOrigin(f, shape, tile);
  const at = i32.add(
    i32.mul(i32.add(i32.mul(origin.image, Math.ceil(made / 8)), block), cell * y.result * x.result),
    i32.add(i32.mul(origin.row, cell * x.result), i32.mul(origin.column, cell)),
  );
  const row = f.let(i32.add(result, at), "row");
  const rows = f.let(i32.sub(y.result, origin.row), "rows");
  const columns = f.let(i32.sub(x.result, origin.column), "columns");
  const emitRowOf = (r: number, most: number): void => {
    store.group();
    const halves = [0, 1].map((v) => {
      const line = Array.from({ length: side }, (_, c) => f.let(v128.load(patch, 32 * (r * side + c) + 16 * v)));
      return algorithm.output(f, line).map((value, c) => f.let(whole(algorithm, value, r, c)));
    });
    for (let c = 0; c < most; c++) store.cell([halves[0][c], halves[1][c]], row, cell * (r * x.result + c), 0);
  };
  const emitTile = (most: number): void => {
    for (let r = 0; r < size; r++) {
      if (r === 0 || y.result % size === 0) emitRowOf(r, most);
      else f.if(i32.gtS(rows, r), () => emitRowOf(r, most));
    }
  };
  if (x.result % size === 0) emitTile(size);
  else
    f.if(
      i32.geS(columns, size),
      () => emitTile(size),
      () => emitTile(x.result % size),
    );
  store.group();
}

/** The sum that a transformed product stands for. */
function whole(
  { shifts, inverse }: IntegerWinograd,
  value: ReturnType<typeof i32x4.add>,
  r: number,
  c: number,
): typeof value {
  const even = inverse === 1 ? value : i32x4.mul(value, i32x4.const(inverse));
  return i32x4.shrS(even, shifts[r] + shifts[c]);
}

/** Transforms weights. Pointers: weight [O, C, 3, 3] in signed bytes, transformed. Work items: blocks made. */
export function integerWinogradWeightKernel(size: 2 | 4, made: number, summed: number): Kernel {
  const { filter } = algorithmOf(size);
  const planeBytes = weightPlaneBytes(summed);
  const blockBytes = planesOf(size) * planeBytes;
  return defineKernel(
    { key: `winogradIntegerWeights ${size} ${made} ${summed}`, pointers: 2, name: "winogradIntegerWeights" },
    (f, lo, hi, _scratch, weight, transformed) => {
      const [item, lane, c] = ["item", "lane", "c"].map((name) => f.local("i32", name));
      /** Σ row[i]·g[i] */
      const combine = (row: readonly number[], g: readonly Local<"i32">[]): I32 =>
        row.reduce<I32>((sum, k, i) => (k === 0 ? sum : i32.add(sum, i32.mul(g[i], k))), i32.const(0));
      f.for(item, lo, hi, 1, () => {
        const to = f.let(i32.add(transformed, i32.mul(item, blockBytes)), "to");
        const n = f.let(i32.const(blockBytes), "n");
        f.countdown(n, () => f.do(v128.store(i32.add(to, i32.sub(n, 16)), i16x8.const(0))), 16);
        f.for(lane, 0, 8, 1, () => {
          const channel = f.let(i32.add(i32.mul(item, 8), lane), "channel");
          f.if(i32.ltS(channel, made), () => {
            const from = f.let(i32.add(weight, i32.mul(channel, 9 * summed)), "from");
            f.for(c, 0, summed, 1, () => {
              const within = i32.add(i32.mul(i32.shrU(c, 1), 32), i32.add(i32.mul(lane, 4), i32.mul(i32.and(c, 1), 2)));
              const target = f.let(i32.add(to, within), "target");
              // Along y, then along x.
              const columns = [0, 1, 2].map((i) => {
                const taps = [0, 1, 2].map((j) => f.let(i32.load8S(from, 3 * j + i)));
                return filter.map((row) => f.let(combine(row, taps)));
              });
              filter.forEach((_, r) => {
                const line = columns.map((column) => column[r]);
                filter.forEach((row, i) => {
                  const plane = (r * filter.length + i) * planeBytes;
                  f.do(i32.store16(target, combine(row, line), plane));
                });
              });
              f.advance(from, 9);
            });
          });
        });
      });
    },
  );
}
