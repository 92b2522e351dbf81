/**
 * The gradient by weight where x has few channels (a network's first layer), which fill no vector: the rows of the
 * register tile are the taps of one row of the kernel, its columns eight output channels. x stays planar; a copy of one
 * image with its border in scratch makes every tap an offset.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { type FunctionBuilder, type I32, type Local, f32, i32 } from "../../wasm/index.ts";
import { tileHeights } from "../matmul/tile-heights.ts";
import { type Flavour, type Step, type TilePool, addTo, flavourKey, mostRows, tilePool } from "../matmul/tile.wasm.ts";
import type { Axis } from "./axis.ts";
import { emitClear } from "./clear.wasm.ts";
import { emitChunkSum } from "./weight-grad.wasm.ts";

export interface FewChannelsShape {
  readonly channels: number;
  readonly outChannels: number;
  /** The forward direction's. */
  readonly y: Axis;
  readonly x: Axis;
  readonly flavour: Flavour;
  readonly rowsPerBand: number;
  /** Blocks of eight output channels of a work item. */
  readonly blocksPerItem: number;
}

/** Cells that the taps reach, along one dimension. */
function reach({ count, step, taps, shiftHop }: Axis): number {
  return (count - 1) * step + (taps - 1) * shiftHop + 1;
}

function tapsOf({ channels, y, x }: FewChannelsShape): number {
  return channels * y.taps * x.taps;
}

export function fewChannelsScratch({ channels, y, x }: FewChannelsShape): number {
  return 4 * channels * reach(y) * reach(x) + 16;
}

/** Bytes of the sums: [chunk][output block][tap][8]. */
export function fewChannelsSumBytes(shape: FewChannelsShape, chunks: number): number {
  return chunks * Math.ceil(shape.outChannels / 8) * 32 * tapsOf(shape);
}

export function fewChannelsItems({ outChannels, blocksPerItem }: FewChannelsShape, chunks: number): number {
  return chunks * Math.ceil(Math.ceil(outChannels / 8) / blocksPerItem);
}

/** Pointers: x (plain), y (blocked), sums. Integers: images, images per chunk. Work items: chunks × shares of y's blocks. */
export function fewChannelsKernel(shape: FewChannelsShape): Kernel {
  const { channels, outChannels, y, x, flavour, rowsPerBand, blocksPerItem } = shape;
  const axes = [y, x].map((axis) => Object.values(axis).join()).join("|");
  const blocks = Math.ceil(outChannels / 8);
  const shares = Math.ceil(blocks / blocksPerItem);
  const blockSums = 32 * tapsOf(shape);
  return defineKernel(
    {
      key: `weightGradFew ${channels} ${outChannels} ${rowsPerBand} ${blocksPerItem} ${flavourKey(flavour)} ${axes}`,
      pointers: 3,
      integers: 2,
      name: "weightGradFew",
    },
    (f, lo, hi, scratch, source, gradient, sums, images, perChunk) => {
      const pool = tilePool(f, flavour);
      const [item, image, block, band] = ["item", "image", "block", "band"].map((name) => f.local("i32", name));
      f.for(item, lo, hi, 1, () => {
        const chunk = f.let(i32.divU(item, shares), "chunk");
        const firstBlock = f.let(i32.mul(i32.remU(item, shares), blocksPerItem), "firstBlock");
        const endBlock = f.let(i32.add(firstBlock, blocksPerItem), "endBlock");
        f.atMost(endBlock, blocks);
        const first = f.let(i32.mul(chunk, perChunk), "firstImage");
        const end = f.let(i32.add(first, perChunk), "endImage");
        f.atMost(end, images);
        const itemSums = f.let(i32.add(sums, i32.mul(i32.mul(chunk, blocks), blockSums)), "itemSums");
        f.for(block, firstBlock, endBlock, 1, () => {
          emitClear(f, i32.add(itemSums, i32.mul(block, blockSums)), blockSums);
        });
        f.for(image, first, end, 1, () => {
          emitBorderedCopy(f, shape, i32.add(source, i32.mul(image, 4 * channels * y.source * x.source)), scratch);
          f.for(band, 0, y.count, rowsPerBand, () => {
            const endRow = f.let(i32.add(band, rowsPerBand), "endRow");
            f.atMost(endRow, y.count);
            f.for(block, firstBlock, endBlock, 1, () => {
              const plane = i32.add(i32.mul(image, blocks), block);
              const from = f.let(i32.add(gradient, i32.mul(plane, 32 * y.count * x.count)), "plane");
              const to = f.let(i32.add(itemSums, i32.mul(block, blockSums)), "to");
              emitBand(f, pool, shape, { scratch, gradient: from, sums: to, firstRow: band, endRow });
            });
          });
        });
      });
    },
  );
}

/** One image, all channels, with as much border (zeros) as the taps reach. */
function emitBorderedCopy(f: FunctionBuilder, { channels, y, x }: FewChannelsShape, image: I32, scratch: I32): void {
  const [c, row, cell] = ["c", "row", "cell"].map((name) => f.local("i32", name));
  const from = f.let(image, "copyFrom");
  const to = f.let(scratch, "copyTo");
  f.for(c, 0, channels, 1, () => {
    f.for(row, 0, reach(y), 1, () => {
      const sourceRow = f.let(i32.add(row, y.shift), "sourceRow");
      const rowInside = f.let(i32.ltU(sourceRow, y.source), "rowInside");
      const at = f.let(i32.add(from, i32.mul(i32.add(i32.mul(sourceRow, x.source), x.shift), 4)), "at");
      f.for(cell, 0, reach(x), 1, () => {
        f.if(
          i32.and(rowInside, i32.ltU(i32.add(cell, x.shift), x.source)),
          () => f.do(f32.store(to, f32.load(at))),
          () => f.do(f32.store(to, 0)),
        );
        f.advance(at, 4);
        f.advance(to, 4);
      });
    });
    f.advance(from, 4 * y.source * x.source);
  });
}

interface BandPlace {
  readonly scratch: I32;
  readonly gradient: Local<"i32">;
  readonly sums: Local<"i32">;
  readonly firstRow: Local<"i32">;
  readonly endRow: Local<"i32">;
}

/** Adds a band of rows to the sums of one block: for each channel and row of the kernel, all its taps at once. */
function emitBand(f: FunctionBuilder, pool: TilePool, shape: FewChannelsShape, place: BandPlace): void {
  const { channels, y, x, flavour } = shape;
  const rowBytes = 4 * reach(x);
  const [c, ty, row] = ["c", "ty", "row"].map((name) => f.local("i32", name));
  const sums = f.let(place.sums, "sums");
  f.for(c, 0, channels, 1, () => {
    f.for(ty, 0, y.taps, 1, () => {
      const kernelRow = i32.add(i32.mul(c, rowBytes * reach(y)), i32.mul(ty, rowBytes * y.shiftHop));
      const source = f.let(i32.add(place.scratch, kernelRow), "kernelRow");
      let firstTap = 0;
      for (const { height, repeat } of tileHeights(x.taps, mostRows(flavour, 8))) {
        for (let turn = 0; turn < repeat; turn++) {
          const tile = pool.tile(height, 2);
          tile.zero();
          f.for(row, place.firstRow, place.endRow, 1, () => {
            const px = f.let(i32.add(source, i32.mul(row, rowBytes * y.step)), "px");
            const py = f.let(i32.add(place.gradient, i32.mul(row, 32 * x.count)), "py");
            emitRun(f, pool, x, { px, py, firstTap, height });
          });
          addTo(f, tile, sums, 32 * firstTap);
          firstTap += height;
        }
      }
      f.advance(sums, 32 * x.taps);
    });
  });
}

interface Run {
  readonly px: Local<"i32">;
  readonly py: Local<"i32">;
  readonly firstTap: number;
  readonly height: number;
}

function emitRun(f: FunctionBuilder, pool: TilePool, x: Axis, { px, py, firstTap, height }: Run): void {
  const tile = pool.tile(height, 2);
  const steps = (count: number): Step[] =>
    Array.from({ length: count }, (_, u) => ({
      rows: Array.from({ length: height }, (_unused, r) => ({
        pointer: px,
        offset: 4 * (u * x.step + (firstTap + r) * x.shiftHop),
      })),
      columns: { pointer: py, offset: 32 * u },
    }));
  const unroll = 4;
  f.block((exit) => {
    const turns = Math.floor(x.count / unroll);
    if (turns > 0) {
      const n = f.let(i32.const(turns), "n");
      f.countdown(n, () => {
        tile.run(steps(unroll), { exit, pointer: px });
        f.advance(px, 4 * unroll * x.step);
        f.advance(py, 32 * unroll);
      });
    }
    tile.run(steps(x.count % unroll), { exit, pointer: px });
  });
}

/** Adds up the chunks. Pointers: sums, weight gradient (plain). Integer: chunks. Work items: output channels. */
export function fewChannelsSumKernel(shape: FewChannelsShape): Kernel {
  const taps = tapsOf(shape);
  const chunkBytes = Math.ceil(shape.outChannels / 8) * 32 * taps;
  return defineKernel(
    { key: `weightGradFewSum ${taps} ${chunkBytes}`, pointers: 2, integers: 1, name: "weightGradFewSum" },
    (f, lo, hi, _scratch, sums, weight, chunks) => {
      const [item, tap] = ["item", "tap"].map((name) => f.local("i32", name));
      f.for(item, lo, hi, 1, () => {
        const lane = i32.add(i32.mul(i32.shrU(item, 3), 32 * taps), i32.mul(i32.and(item, 7), 4));
        const from = f.let(i32.add(sums, lane), "from");
        const to = f.let(i32.add(weight, i32.mul(item, 4 * taps)), "to");
        f.for(tap, 0, taps, 1, () => {
          f.do(f32.store(to, emitChunkSum(f, from, chunks, chunkBytes)));
          f.advance(from, 32);
          f.advance(to, 4);
        });
      });
    },
  );
}
