/**
 * The gradient by weight of a 3×3 convolution of stride 1, by Winograd's algorithm: the adjoint of its three steps. From
 * y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A follows, summed over all tiles,
 *
 *     dg = Gᵀ·[ Σ (A dy Aᵀ) ⊙ (Bᵀ d B) ]·G
 *
 * so per plane it is a matrix product of gradients and inputs over the tiles. A work item sums some images for some
 * output channels; a second stage adds those sums up in order and transforms them back.
 */
import { defineKernel } from "../../../backend/kernel.ts";
import type { Kernel } from "../../../backend/plan.ts";
import { type FunctionBuilder, type I32, type Local, f32x4, i32, v128 } from "../../../wasm/index.ts";
import { tileHeights } from "../../matmul/tile-heights.ts";
import { type Flavour, type Step, type TilePool, flavourKey, mostRows, tilePool } from "../../matmul/tile.wasm.ts";
import type { Axis } from "../axis.ts";
import { type Tiling, areasKey, tilesPerImage } from "./tiling.ts";
import {
  type TileTransform,
  emitInputRun,
  emitRun,
  emitRuns,
  emitTileScratch,
  planeGap,
  tileScratchBytes,
} from "./tiles.wasm.ts";
import { type VectorMath, type WinogradGradientSize, gradientOf, planesOf, sideOf, vectorMath } from "./transforms.ts";

export interface WinogradWeightGradShape extends Tiling {
  readonly size: WinogradGradientSize;
  readonly channels: number;
  readonly outChannels: number;
  /** The forward direction's. */
  readonly y: Axis;
  readonly x: Axis;
  readonly flavour: Flavour;
  /** Tiles that are transformed at a time. */
  readonly tilesPerBlock: number;
  /** Blocks of eight output channels of a work item. */
  readonly blocksPerItem: number;
}

/** Transformed inputs lie in [plane][group][tile][channel of the group], gradients in [plane][block][tile][8]. */
function layoutOf({ channels, outChannels, flavour, tilesPerBlock, blocksPerItem }: WinogradWeightGradShape): {
  /** Input channels side by side: where a register tile has room for six rows, sixteen are better than two times four. */
  readonly group: 8 | 16;
  readonly groups: number;
  readonly groupBytes: number;
  readonly outputBlocks: number;
  readonly outputBlock: number;
  readonly inputPlane: number;
  readonly outputPlane: number;
} {
  const group = flavour.fma && channels % 16 === 0 ? 16 : 8;
  const groups = Math.ceil(channels / group);
  const groupBytes = 4 * group * tilesPerBlock;
  const outputBlock = 32 * tilesPerBlock;
  return {
    group,
    groups,
    groupBytes,
    outputBlocks: Math.ceil(outChannels / 8),
    outputBlock,
    inputPlane: groups * groupBytes + planeGap,
    outputPlane: blocksPerItem * outputBlock + planeGap,
  };
}

export function winogradWeightGradScratch(shape: WinogradWeightGradShape): number {
  const { inputPlane, outputPlane } = layoutOf(shape);
  return planesOf(shape.size) * (inputPlane + outputPlane) + tileScratchBytes(shape);
}

/** Pairs of a group of input channels and a block of output channels. */
export function winogradWeightGradPairs(shape: WinogradWeightGradShape): number {
  const { groups, outputBlocks } = layoutOf(shape);
  return groups * outputBlocks;
}

/** Bytes of the sums: [chunk][output block][group][plane][channel of the group][8]. */
export function winogradSumBytes(shape: WinogradWeightGradShape, chunks: number): number {
  return chunks * winogradWeightGradPairs(shape) * pairBytes(shape);
}

/** Sums of one pair, and of one plane of it. */
function pairBytes(shape: WinogradWeightGradShape): number {
  return planesOf(shape.size) * pairPlaneBytes(shape);
}

function pairPlaneBytes(shape: WinogradWeightGradShape): number {
  return 32 * layoutOf(shape).group;
}

export function winogradWeightGradItems(shape: WinogradWeightGradShape, chunks: number): number {
  return chunks * Math.ceil(layoutOf(shape).outputBlocks / shape.blocksPerItem);
}

/** Pointers: x, y (both blocked), sums. Integers: images, images per chunk. Work items: chunks × shares of y's blocks. */
export function winogradWeightGradKernel(shape: WinogradWeightGradShape): Kernel {
  const { size, channels, outChannels, y, x, flavour, tilesPerBlock, blocksPerItem } = shape;
  const numbers = [size, channels, outChannels, tilesPerBlock, blocksPerItem].join(" ");
  const axes = [y, x].map((axis) => Object.values(axis).join()).join("|") + areasKey(shape);
  return defineKernel(
    {
      key: `winogradWeightGrad ${numbers} ${flavourKey(flavour)} ${axes}`,
      pointers: 3,
      integers: 2,
      name: `winogradWeightGrad${size}`,
    },
    (f, lo, hi, scratch, source, gradient, sums, images, perChunk) =>
      emitItems(f, shape, { lo, hi, scratch, source, gradient, sums, images, perChunk }),
  );
}

type Arguments = Readonly<
  Record<"lo" | "hi" | "scratch" | "source" | "gradient" | "sums" | "images" | "perChunk", I32>
>;

function emitItems(f: FunctionBuilder, shape: WinogradWeightGradShape, args: Arguments): void {
  const { size, areas, channels, y, x, flavour, tilesPerBlock, blocksPerItem } = shape;
  const { group, groups, groupBytes, outputBlocks, outputBlock, inputPlane, outputPlane } = layoutOf(shape);
  const math = vectorMath(f, flavour.fma, flavour.wide);
  const pool = tilePool(f, flavour);
  const shares = Math.ceil(outputBlocks / blocksPerItem);
  const side = sideOf(size);
  const along = { transform: gradientOf(size).outputGradient, takes: size, side, size };
  const gradients: TileTransform = {
    y: along,
    x: along,
    across: side,
    height: y.result,
    width: x.result,
  };
  const inputs = args.scratch;
  const outputs = f.let(i32.add(inputs, planesOf(size) * inputPlane), "outputs");
  const tileScratch = emitTileScratch(f, shape, i32.add(outputs, planesOf(size) * outputPlane));
  const [item, first] = ["item", "firstTile"].map((name) => f.local("i32", name));
  f.for(item, args.lo, args.hi, 1, () => {
    const chunk = f.let(i32.divU(item, shares), "chunk");
    const firstBlock = f.let(i32.mul(i32.remU(item, shares), blocksPerItem), "firstBlock");
    const blocks = f.let(i32.sub(outputBlocks, firstBlock), "blocks");
    f.atMost(blocks, blocksPerItem);
    const sums = f.let(
      i32.add(args.sums, i32.mul(i32.add(i32.mul(chunk, outputBlocks), firstBlock), groups * pairBytes(shape))),
      "sums",
    );
    const start = f.let(i32.mul(i32.mul(chunk, args.perChunk), tilesPerImage(shape)), "start");
    const end = f.let(i32.add(start, i32.mul(args.perChunk, tilesPerImage(shape))), "end");
    const all = f.let(i32.mul(args.images, tilesPerImage(shape)), "all");
    f.atMost(end, all);
    f.for(first, start, end, tilesPerBlock, () => {
      const tiles = f.let(i32.sub(end, first), "tiles");
      f.atMost(tiles, tilesPerBlock);
      emitRuns(f, shape, first, tiles, (run) => {
        emitInputRun(f, math, { size, areas, summed: channels, y, x }, run, {
          source: args.source,
          scratch: tileScratch,
          to: i32.add(inputs, i32.mul(run.before, 4 * group)),
          tileBytes: 4 * group,
          blockSteps: group === 8 ? [groupBytes] : [32, groupBytes - 32],
          planeBytes: inputPlane,
        });
        // A·dy·Aᵀ, of the item's channels.
        emitRun(f, math, gradients, run, {
          source: args.gradient,
          blocksOfImage: outputBlocks,
          firstBlock,
          blocks,
          top: run.origin.row,
          left: run.origin.column,
          scratch: tileScratch,
          to: i32.add(outputs, i32.mul(run.before, 32)),
          tileBytes: 32,
          blockSteps: [outputBlock],
          planeBytes: outputPlane,
        });
      });
      const fresh = f.let(i32.eq(first, start), "fresh");
      emitSums(f, pool, shape, { inputs, outputs, sums, tiles, blocks, fresh });
    });
  });
}

interface SumPlace {
  readonly inputs: I32;
  readonly outputs: Local<"i32">;
  readonly sums: Local<"i32">;
  readonly tiles: Local<"i32">;
  readonly blocks: Local<"i32">;
  /** The first tiles of the item set the sums, the others add to them. */
  readonly fresh: Local<"i32">;
}

/** sums[out][group][plane][c][o] += Σ_tile inputs[plane][group][tile][c] · outputs[plane][out][tile][o] */
function emitSums(f: FunctionBuilder, pool: TilePool, shape: WinogradWeightGradShape, place: SumPlace): void {
  const { size, flavour } = shape;
  const { group, groups, groupBytes, outputBlock, inputPlane, outputPlane } = layoutOf(shape);
  const [plane, out, input] = ["plane", "out", "in"].map((name) => f.local("i32", name));
  f.for(plane, 0, planesOf(size), 1, () => {
    const outputRow = f.let(i32.add(place.outputs, i32.mul(plane, outputPlane)), "outputRow");
    const sumRow = f.let(i32.add(place.sums, i32.mul(plane, pairPlaneBytes(shape))), "sumRow");
    f.for(out, 0, place.blocks, 1, () => {
      const inputRow = f.let(i32.add(place.inputs, i32.mul(plane, inputPlane)), "inputRow");
      f.for(input, 0, groups, 1, () => {
        const from = f.let(inputRow, "from");
        const to = f.let(sumRow, "to");
        for (const { height, repeat } of tileHeights(group, mostRows(flavour, 8))) {
          const turns = f.let(i32.const(repeat), "turns");
          f.countdown(turns, () => {
            const tile = pool.tile(height, 2, flavour.fma);
            const a = f.let(from, "a");
            const b = f.let(outputRow, "b");
            const n = f.let(place.tiles, "n");
            tile.zero();
            f.block((exit) => {
              const turn = (count: number): void => {
                const steps = Array.from({ length: count }, (_, i): Step => ({
                  rows: Array.from({ length: height }, (_unused, r) => ({ pointer: a, offset: 4 * (group * i + r) })),
                  columns: { pointer: b, offset: 32 * i },
                }));
                f.while(i32.geS(n, count), () => {
                  tile.run(steps, { exit, pointer: a });
                  f.advance(a, 4 * group * count);
                  f.advance(b, 32 * count);
                  f.set(n, i32.sub(n, count));
                });
              };
              turn(4);
              turn(1);
            });
            const sums = tile.accumulators.flat();
            f.if(i32.eqz(place.fresh), () => {
              sums.forEach((sum, i) => f.set(sum, f32x4.add(sum, v128.load(to, 16 * i))));
            });
            sums.forEach((sum, i) => f.do(v128.store(to, sum, 16 * i)));
            f.advance(from, 4 * height);
            f.advance(to, 32 * height);
          });
        }
        f.advance(inputRow, groupBytes);
        f.advance(sumRow, pairBytes(shape));
      });
      f.advance(outputRow, outputBlock);
    });
  });
}

/**
 * Adds up the chunks and transforms back. Pointers: sums of each shape, weight gradient (plain). Integers: chunks of each.
 * Work items: pairs. Scratch: the gradient of one input channel and eight output channels.
 *
 * @param shapes of the same channels: the tiles of one size, and of another
 */
export function winogradWeightGradSumKernel(shapes: readonly WinogradWeightGradShape[]): Kernel {
  const [{ channels, outChannels }] = shapes;
  const { group, groups } = layoutOf(shapes[0]);
  const count = shapes.length;
  return defineKernel(
    {
      key: `winogradWeightGradSum ${shapes.map(({ size }) => size).join()} ${channels} ${outChannels}`,
      pointers: count + 1,
      integers: count,
      name: "winogradWeightGradSum",
    },
    (f, lo, hi, scratch, ...rest) => {
      const weight = rest[count];
      const math = vectorMath(f, false);
      const [item, c, lane] = ["item", "c", "lane"].map((name) => f.local("i32", name));
      f.for(item, lo, hi, 1, () => {
        const firstOut = f.let(i32.mul(i32.divU(item, groups), 8), "firstOut");
        const lanes = f.let(i32.sub(outChannels, firstOut), "lanes");
        f.atMost(lanes, 8);
        const firstIn = f.let(i32.mul(i32.remU(item, groups), group), "firstIn");
        const rows = f.let(i32.sub(channels, firstIn), "rows");
        f.atMost(rows, group);
        const to = f.let(i32.add(weight, i32.mul(i32.add(i32.mul(firstOut, channels), firstIn), 36)), "to");
        f.for(c, 0, rows, 1, () => {
          shapes.forEach((shape, s) => {
            const pair = i32.add(rest[s], i32.mul(item, pairBytes(shape)));
            const from = f.let(i32.add(pair, i32.mul(c, 32)), "pair");
            emitFilterGradient(f, math, shape, from, rest[count + 1 + s], scratch, s > 0);
          });
          f.for(lane, 0, lanes, 1, () => {
            const row = f.let(i32.add(to, i32.mul(i32.add(i32.mul(lane, channels), c), 36)), "row");
            const from = f.let(i32.add(scratch, i32.mul(lane, 4)), "from");
            for (let tap = 0; tap < 9; tap++) f.do(i32.store(row, i32.load(from, 32 * tap), 4 * tap));
          });
        });
      });
    },
  );
}

/** Gᵀ·s·G of the sums of all chunks, eight output channels of one input channel, to [tap][8], or added to what is there. */
function emitFilterGradient(
  f: FunctionBuilder,
  math: VectorMath,
  shape: WinogradWeightGradShape,
  from: Local<"i32">,
  chunks: I32,
  to: I32,
  add: boolean,
): void {
  const { filterGradient } = gradientOf(shape.size);
  const side = sideOf(shape.size);
  const between = i32.add(to, GRADIENT_BYTES);
  const at = f.local("i32", "at");
  f.for(at, 0, 32, 16, () => {
    // Along y for each column of planes, then along x.
    const column = f.let(i32.add(from, at), "column");
    const half = f.let(between, "between");
    const columns = f.let(i32.const(side), "columns");
    f.countdown(columns, () => {
      const totals = Array.from({ length: side }, () => f.let(f32x4.const(0), "total"));
      const chunk = f.let(column, "chunk");
      const n = f.let(chunks, "chunks");
      f.countdown(n, () => {
        totals.forEach((total, r) =>
          f.set(total, f32x4.add(total, v128.load(chunk, r * side * pairPlaneBytes(shape)))),
        );
        f.advance(chunk, winogradSumBytes(shape, 1));
      });
      filterGradient(math, totals).forEach((value, r) => f.do(v128.store(half, value, 16 * side * r)));
      f.advance(column, pairPlaneBytes(shape));
      f.advance(half, 16);
    });
    const line = f.let(between, "line");
    const row = f.let(i32.add(to, at), "gradientRow");
    const lines = f.let(i32.const(3), "lines");
    f.countdown(lines, () => {
      const values = Array.from({ length: side }, (_, i) => f.let(v128.load(line, 16 * i)));
      filterGradient(math, values).forEach((value, i) => {
        f.do(v128.store(row, add ? f32x4.add(value, v128.load(row, 32 * i)) : value, 32 * i));
      });
      f.advance(line, 16 * side);
      f.advance(row, 96);
    });
  });
}

/** Bytes of the gradient of one input channel and eight output channels. */
const GRADIENT_BYTES = 9 * 32;

/** That, and three rows of planes between the two dimensions. */
export const winogradWeightGradSumScratch: number = GRADIENT_BYTES + 3 * 16 * sideOf(6);
