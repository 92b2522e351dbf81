/**
 * 3×3 convolution of stride 1, in either direction, by Winograd's algorithm (see transforms.ts): with F(4×4)
 * a quarter of the multiplications, with F(6×6) a fifth. (4×4 forward too, for what phases.wasm.ts makes of larger kernels.)
 * A work item takes a block of tiles through all three steps, in scratch that fits the second-level cache: transform their inputs; for each
 * of the planes multiply by the transformed weights (a matrix product over channels, by the register tile); transform
 * back and store.
 *
 * Weights are transformed once, by a stage of their own, unless few tiles would use them: then the item that needs them
 * does it, a stretch of channels at a time, and reads a quarter of the bytes (ResNet-18's last layers: 9 MB instead of 38).
 *
 * Tiles are numbered through all images, so that small images fill a block together. Planes lie 320 bytes further
 * apart than they need: at multiples of 4 KiB they would push each other out of the first-level cache.
 */
import { defineKernel } from "../../../backend/kernel.ts";
import type { Kernel } from "../../../backend/plan.ts";
import { type FunctionBuilder, type I32, type Local, f32x4, i32, v128 } from "../../../wasm/index.ts";
import { type Epilogue, type Store, epilogueKey, storeOf } from "../../matmul/epilogue.wasm.ts";
import { type TileHeight, tileHeights } from "../../matmul/tile-heights.ts";
import { type Flavour, type Step, type TilePool, flavourKey, mostRows, tilePool } from "../../matmul/tile.wasm.ts";
import {
  type FilterRows,
  type WinogradWeights,
  emitFilters,
  filterPlaneBytes,
  packedBlockBytes,
  partsOf,
} from "./filters.wasm.ts";
import { type Points, type TileArea, type Tiling, areasKey, pointsAlong, tilesPerImage } from "./tiling.ts";
import {
  emitInputRun,
  emitRuns,
  emitTileOrigin,
  emitTileScratch,
  planeGap,
  storeHalves,
  tileScratchBytes,
} from "./tiles.wasm.ts";
import {
  type VectorMath,
  type WinogradSize,
  algorithmOf,
  emitHalves,
  planesOf,
  sideOf,
  vectorMath,
} from "./transforms.ts";

export interface WinogradShape extends Tiling, WinogradWeights {
  readonly flavour: Flavour;
  /** Tiles of a work item. */
  readonly tilesPerItem: number;
  /** Whether a work item has all tiles of an image, which may then be of several sizes (`wholeTiling`). */
  readonly whole: boolean;
  /** Blocks of `lanes` channels made by a work item. */
  readonly blocksPerItem: number;
  /** Of which size the transformed weights are: of `size`, or 6 for 4. */
  readonly filters: WinogradSize;
  /**
   * Where given, the weights come packed, not transformed: the work item transforms those of so many channels at a time
   * (a divisor of `summed`). With few tiles to use them, 36 numbers take longer to come from memory than to be made of 9.
   */
  readonly transformAtOnce?: number;
  readonly epilogue?: Epilogue;
}

/** Bytes of a block of eight channels of one plane of transformed inputs, of a plane, and of all. */
function inputBytes({ size, summed, tilesPerItem }: WinogradShape): Record<"block" | "plane" | "all", number> {
  const block = 32 * tilesPerItem;
  const plane = Math.ceil(summed / 8) * block + planeGap;
  return { block, plane, all: planesOf(size) * plane };
}

function productBytes({ size, lanes, tilesPerItem }: WinogradShape): Record<"block" | "plane" | "all", number> {
  const block = 32 * tilesPerItem;
  const plane = (lanes / 8) * block + planeGap;
  return { block, plane, all: planesOf(size) * plane };
}

export function winogradScratch(shape: WinogradShape): number {
  const { size, lanes, transformAtOnce } = shape;
  const filters = transformAtOnce === undefined ? 0 : 2 * sideOf(size) * filterPlaneBytes(lanes, transformAtOnce);
  return inputBytes(shape).all + productBytes(shape).all + tileScratchBytes(shape) + filters;
}

/** Work items of a batch. */
export function winogradItems(shape: WinogradShape, batch: number): number {
  const tiles = batch * tilesPerImage(shape);
  return Math.ceil(tiles / shape.tilesPerItem) * Math.ceil(Math.ceil(shape.made / shape.lanes) / shape.blocksPerItem);
}

/** Pointers: source (blocked), weights (transformed, or packed), result (blocked), the epilogue's operands. Integer: images. */
export function winogradKernel(shape: WinogradShape): Kernel {
  const { size, made, summed, y, x, flavour, tilesPerItem, whole, lanes, blocksPerItem, filters, transformAtOnce } =
    shape;
  const { epilogue } = shape;
  const operands = epilogue?.operands.length ?? 0;
  const numbers = [size, made, summed, tilesPerItem, whole, lanes, blocksPerItem, filters, transformAtOnce].join(" ");
  const axes = [y, x].map((axis) => Object.values(axis).join()).join("|") + areasKey(shape);
  return defineKernel(
    {
      key: `winograd ${numbers} ${flavourKey(flavour)} ${axes} ${epilogueKey(epilogue)}`,
      pointers: 3 + operands,
      integers: 1,
      name: `winograd${size}`,
    },
    (f, lo, hi, scratch, ...rest) => {
      const [source, weights, result] = rest;
      const images = rest[rest.length - 1];
      const store = storeOf(f, epilogue, flavour.fma, result, rest.slice(3, -1));
      emitItems(f, shape, store, { lo, hi, scratch, source, weights, result, images });
    },
  );
}

type Arguments = Readonly<Record<"lo" | "hi" | "scratch" | "source" | "weights" | "result" | "images", I32>>;

function emitItems(f: FunctionBuilder, shape: WinogradShape, store: Store, args: Arguments): void {
  const { made, summed, tilesPerItem, lanes, blocksPerItem, transformAtOnce, flavour } = shape;
  const math = vectorMath(f, flavour.fma, flavour.wide);
  const pool = tilePool(f, flavour);
  const blocks = Math.ceil(made / lanes);
  const shares = Math.ceil(blocks / blocksPerItem);
  const inputs = args.scratch;
  const products = f.let(i32.add(args.scratch, inputBytes(shape).all), "products");
  const tileScratch = emitTileScratch(f, shape, i32.add(products, productBytes(shape).all));
  const filters = f.let(i32.add(tileScratch.zeros, tileScratchBytes(shape)), "filters");
  const item = f.local("i32", "item");
  const block = f.local("i32", "block");
  f.for(item, args.lo, args.hi, 1, () => {
    const groups = groupsOf(shape).map(({ before, areas }) => {
      const perItem = shape.whole ? tilesPerImage({ areas }) : tilesPerItem;
      const first = f.let(i32.mul(i32.divU(item, shares), perItem), "firstTile");
      const tiles = f.let(i32.sub(i32.mul(args.images, tilesPerImage({ areas })), first), "tiles");
      f.atMost(tiles, perItem);
      return { grid: { ...shape, areas }, before: 32 * before, first, tiles };
    });
    const tile = f.local("i32", "tile");
    for (const { grid, before, first, tiles } of groups) {
      emitRuns(f, grid, first, tiles, (run) => {
        emitInputRun(f, math, grid, run, {
          source: args.source,
          scratch: tileScratch,
          to: i32.add(inputs, i32.add(i32.mul(run.before, 32), before)),
          tileBytes: 32,
          blockSteps: [inputBytes(shape).block],
          planeBytes: inputBytes(shape).plane,
        });
      });
    }
    const firstBlock = f.let(i32.mul(i32.remU(item, shares), blocksPerItem), "firstBlock");
    const endBlock = f.let(i32.add(firstBlock, blocksPerItem), "endBlock");
    f.atMost(endBlock, blocks);
    f.for(block, firstBlock, endBlock, 1, () => {
      const blockBytes =
        transformAtOnce === undefined
          ? filterPlaneBytes(lanes, summed) * planesOf(shape.filters)
          : packedBlockBytes(shape);
      const weights = f.let(i32.add(args.weights, i32.mul(block, blockBytes)), "weights");
      if (transformAtOnce === undefined) {
        emitProducts(f, pool, shape, { inputs, weights, products, channels: summed });
      } else {
        const channel = f.local("i32", "channel");
        f.for(channel, 0, summed, transformAtOnce, () => {
          const end = f.let(i32.add(channel, transformAtOnce), "endChannel");
          if (flavour.wide) {
            const channelBytes = packedBlockBytes(shape) / summed;
            emitTouch(f, i32.add(weights, i32.mul(channel, channelBytes)), transformAtOnce * channelBytes, filters);
          }
          const planeBytes = filterPlaneBytes(lanes, transformAtOnce);
          emitProducts(f, pool, shape, {
            inputs: i32.add(inputs, i32.mul(channel, 4 * tilesPerItem)),
            weights: filters,
            products,
            channels: transformAtOnce,
            before: channel,
            makeRows: (rows) => emitFilters(f, math, shape, [rows], 1, weights, filters, [channel, end], planeBytes),
          });
        });
      }
      for (let part = 0; part < lanes / 8; part++) {
        const eight = f.let(i32.add(i32.mul(block, lanes / 8), part), "eight");
        store.channel(i32.mul(eight, 8));
        for (const { grid, before, first, tiles } of groups) {
          f.for(tile, 0, tiles, 1, () => {
            const place = i32.add(i32.mul(tile, 32), before + part * productBytes(shape).block);
            emitOutputTile(f, math, store, grid, {
              products: f.let(i32.add(products, place), "product"),
              tile: i32.add(first, tile),
              half: tileScratch.half,
              result: args.result,
              block: eight,
            });
          });
        }
      }
    });
  });
}

/** Tiles as high and as wide as each other, and how many places of an item are before theirs. */
function groupsOf({ whole, areas }: WinogradShape): { readonly before: number; readonly areas: readonly TileArea[] }[] {
  if (!whole) return [{ before: 0, areas }];
  const groups: { readonly before: number; readonly areas: TileArea[] }[] = [];
  let before = 0;
  for (const area of areas) {
    const last = groups[groups.length - 1]?.areas;
    if (last !== undefined && last[0].high === area.high && last[0].wide === area.wide) last.push(area);
    else groups.push({ before, areas: [area] });
    before += tilesPerImage({ areas: [area] });
  }
  return groups;
}

/**
 * Loads a word of each line, one after the other, so that as many as possible come from main memory at the same time: a
 * transform needs so few at once that in a network it waits for each. In ResNet-18 with wide vectors 512→512 takes 1.7
 * instead of 2.1 ms on Zen 5; narrow ones compute longer and gain nothing.
 */
function emitTouch(f: FunctionBuilder, start: I32, bytes: number, scratch: I32): void {
  const at = f.let(start, "touched");
  const all = f.let(i32.const(0), "words");
  const left = f.let(i32.const(bytes / 64), "lines");
  f.countdown(left, () => {
    f.set(all, i32.or(all, i32.load(at)));
    f.advance(at, 64);
  });
  f.do(i32.store(scratch, all)); // else the loads could be left out
}

interface ProductPlace {
  readonly inputs: I32;
  readonly weights: I32;
  readonly products: I32;
  /** How many are summed. */
  readonly channels: number;
  /** How many were summed before: unless 0, these sums are added to those. */
  readonly before?: I32;
  /** Emits the transform of some rows of filters to `weights`, where all are not there. */
  readonly makeRows?: (rows: FilterRows) => void;
}

/** products[plane][tile][8] = Σ_c inputs[plane][c][tile] · weights[plane][c][8] */
function emitProducts(f: FunctionBuilder, pool: TilePool, shape: WinogradShape, place: ProductPlace): void {
  const { size, areas, whole, lanes, y, x } = shape;
  const planeFrom = f.let(place.inputs, "planeFrom");
  const planeTo = f.let(place.products, "planeTo");
  const weights = f.let(place.weights, "planeWeights");
  const weightBytes = filterPlaneBytes(lanes, place.channels);
  const all = [{ count: sideOf(size), users: areas }];
  const [rows, columns] = whole ? [pointsAlong(shape, "y", y.count), pointsAlong(shape, "x", x.count)] : [all, all];
  const each = (points: readonly Points[], emit: (p: Local<"i32">, points: Points, first: number) => void): void => {
    let first = 0;
    for (const some of points) {
      const point = f.local("i32", "point");
      const from = first;
      first += some.count;
      f.for(point, from, first, 1, () => emit(point, some, from));
    }
  };
  each(rows, (row, { count, users: inRow }, from) => {
    for (const made of place.makeRows === undefined ? [] : partsOf(size)) {
      if (made.first < from || made.first >= from + count) continue;
      f.if(i32.eq(row, made.first), () => {
        place.makeRows?.(made);
        f.set(weights, place.weights);
      });
    }
    each(columns, (_column, { users: inColumn }) => {
      const tiles = tilesOf(shape, (area) => inRow.includes(area) && inColumn.includes(area));
      emitPlane(f, pool, shape, place, { weights, from: planeFrom, to: planeTo, tiles });
      f.advance(weights, weightBytes);
      f.advance(planeFrom, inputBytes(shape).plane);
      f.advance(planeTo, productBytes(shape).plane);
    });
    f.advance(weights, weightBytes * (sideOf(shape.filters) - sideOf(size)));
  });
}

/** Places of an item, side by side. */
interface Tiles {
  readonly first: number;
  readonly count: number;
}

/** Those of some areas of a whole image; else all. */
function tilesOf({ whole, areas, tilesPerItem }: WinogradShape, chosen: (area: TileArea) => boolean): Tiles {
  if (!whole) return { first: 0, count: tilesPerItem };
  const before = areas.slice(0, areas.findIndex(chosen));
  return { first: tilesPerImage({ areas: before }), count: tilesPerImage({ areas: areas.filter(chosen) }) };
}

/** Register tiles: the tallest ones and one of the rest, if that is not too low, which is faster than equal ones. */
function heightsOf(count: number, most: number): readonly TileHeight[] {
  const rest = count % most;
  if (rest < 3) return tileHeights(count, most);
  return [
    { height: most, repeat: (count - rest) / most },
    { height: rest, repeat: 1 },
  ].filter(({ repeat }) => repeat > 0);
}

interface PlanePlace {
  readonly weights: I32;
  readonly from: I32;
  readonly to: I32;
  readonly tiles: Tiles;
}

function emitPlane(
  f: FunctionBuilder,
  pool: TilePool,
  shape: WinogradShape,
  { channels, before }: ProductPlace,
  plane: PlanePlace,
): void {
  const { lanes, flavour, whole } = shape;
  const { first, count } = plane.tiles;
  const { block } = inputBytes(shape);
  const from = f.let(i32.add(plane.from, 32 * first), "from");
  const to = f.let(i32.add(plane.to, 32 * first), "to");
  const most = mostRows(flavour, lanes);
  for (const { height, repeat } of heightsOf(count, most)) {
    // A small tile would wait for its sums: it has several of each, for channels in turn. Only where the number of threads
    // has no say in the tiles of an item, as results would depend on it.
    const parts = (whole && [4, 2].find((sums) => sums * height <= most)) || 1;
    const turns = f.let(i32.const(repeat), "turns");
    f.countdown(turns, () => {
      const tile = pool.tile(parts * height, lanes / 4, flavour.fma);
      tile.zero();
      const a = f.let(from, "a");
      const b = f.let(plane.weights, "b");
      f.block((exit) => {
        const sum = (count: number): void => {
          const steps = Array.from({ length: count }, (_, c): Step => ({
            rows: Array.from({ length: parts * height }, (_unused, r) =>
              Math.floor(r / height) === c % parts ? { pointer: a, offset: 32 * (r % height) + 4 * c } : null,
            ),
            columns: { pointer: b, offset: 4 * lanes * c },
          }));
          tile.run(steps, { exit, pointer: b });
        };
        if (channels >= 8) {
          const n = f.let(i32.const(Math.floor(channels / 8)), "blocks");
          f.countdown(n, () => {
            sum(8);
            f.advance(a, block);
            f.advance(b, 32 * lanes);
          });
        }
        sum(channels % 8);
      });
      const sums = tile.accumulators.slice(0, height);
      tile.accumulators.slice(height).forEach((row, r) => {
        row.forEach((acc, v) => f.set(sums[r % height][v], f32x4.add(sums[r % height][v], acc)));
      });
      const eachSum = (use: (acc: Local<"v128">, offset: number) => void): void =>
        sums.forEach((row, r) => {
          row.forEach((acc, v) => use(acc, (v >> 1) * productBytes(shape).block + 32 * r + 16 * (v & 1)));
        });
      if (before !== undefined) {
        f.if(before, () => eachSum((acc, offset) => f.set(acc, f32x4.add(acc, v128.load(to, offset)))));
      }
      eachSum((acc, offset) => f.do(v128.store(to, acc, offset)));
      f.advance(from, 32 * height);
      f.advance(to, 32 * height);
    });
  }
}

interface OutputPlace {
  readonly products: Local<"i32">;
  readonly tile: I32;
  /** Of the scratch of tiles. */
  readonly half: Local<"i32">;
  readonly result: I32;
  readonly block: I32;
}

/** Transforms one tile's products back, along y first (into scratch), and stores what lies inside the result. */
function emitOutputTile(
  f: FunctionBuilder,
  math: VectorMath,
  store: Store,
  shape: WinogradShape,
  { products, tile, half, result, block }: OutputPlace,
): void {
  const { size, areas, made, y, x, filters, transformAtOnce } = shape;
  const [{ column: firstColumn, high, wide }] = areas;
  const across = sideOf(wide);
  const { plane } = productBytes(shape);
  /** A product along one dimension, with the factor that a filter transformed within, or for another size, does not have. */
  const loadProduct = (m: WinogradSize, i: number, pointer: I32, offset: number): Local<"v128"> => {
    const product = v128.load(pointer, offset);
    const factor =
      algorithmOf(m).filterFactors[i] / (transformAtOnce === undefined ? algorithmOf(filters).filterFactors[i] : 1);
    return f.let(factor === 1 ? product : f32x4.mul(product, f32x4.const(factor)));
  };
  const from = f.let(products, "from");
  const to = f.let(half, "halfTo");
  const n = f.let(i32.const(across), "n");
  // Along y: plane (r, c) is r·sideOf(size) + c; each turn takes one column c of planes, both halves of the channels.
  f.countdown(n, () => {
    emitHalves(
      math,
      algorithmOf(high).output,
      sideOf(high),
      (r, v) => loadProduct(high, r, from, r * sideOf(size) * plane + 16 * v),
      (r, halves, v) => storeHalves(f, to, halves, r * across * 32, v),
    );
    f.advance(from, plane);
    f.advance(to, 32);
  });
  const origin = emitTileOrigin(f, shape, tile);
  const cells = y.result * x.result;
  const at = i32.add(
    i32.mul(i32.add(i32.mul(origin.image, Math.ceil(made / 8)), block), 32 * cells),
    i32.add(i32.mul(origin.row, 32 * x.result), i32.mul(origin.column, 32)),
  );
  const row = f.let(i32.add(result, at), "row");
  const line = f.let(half, "line");
  const rows = f.let(i32.sub(y.result, origin.row), "rows");
  f.atMost(rows, high);
  const columns = f.let(i32.sub(x.result, origin.column), "columns");
  const emitRowOf = (most: number): void => {
    store.group();
    emitHalves(
      math,
      algorithmOf(wide).output,
      across,
      (c, v) => loadProduct(wide, c, line, 32 * c + 16 * v),
      (c, [low, high], v) => {
        if (c >= most) return;
        const offset = 32 * c + 16 * v;
        if (high === undefined) f.do(v128.store(row, store.finish(f.let(low), row, offset, 4 * v), offset));
        else store.cell([low, high], row, offset, 0);
      },
    );
  };
  f.countdown(rows, () => {
    if (areas.every((area) => area.column + area.across * wide <= x.result)) emitRowOf(wide);
    else
      f.if(
        i32.geS(columns, wide),
        () => emitRowOf(wide),
        () => emitRowOf((x.result - firstColumn) % wide),
      );
    f.advance(row, 32 * x.result);
    f.advance(line, 32 * across);
  });
}
