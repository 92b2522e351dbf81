/**
 * The gradient by weight, direct: for each tap, a register tile of input channels × 8 output channels runs over all
 * places that the tap joins: the same tile as the convolution's, with gradients in the place of weights.
 *
 * Sums run within an image (or a band of its rows) in registers and are then added up in memory, image by image in
 * order. Where there are few weights and many images, images are summed in chunks, and the chunks in a second stage;
 * their number depends on the shape alone, so neither threads nor their number can change a bit.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { type FunctionBuilder, type I32, type Local, f32, i32 } from "../../wasm/index.ts";
import { type Flavour, type TilePool, addTo, flavourKey, tilePool } from "../matmul/tile.wasm.ts";
import { type Axes, type Axis, axesKey, kernelTaps, resultsOf, sourceCells } from "./axis.ts";
import { emitPlaceRange } from "./axis.wasm.ts";
import { emitClear } from "./clear.wasm.ts";

export interface WeightGradShape {
  readonly groups: number;
  /** Channels per group: of y, side by side in vectors, and of x. */
  readonly outChannels: number;
  readonly channels: number;
  /** The forward direction's. */
  readonly axes: Axes;
  readonly flavour: Flavour;
  /** Rows of y that are summed at a time, so that they and their cells of x stay in the first-level cache. */
  readonly rowsPerBand: number;
}

function blocksOf({ outChannels, channels }: WeightGradShape): readonly [outputs: number, inputs: number] {
  return [Math.ceil(outChannels / 8), Math.ceil(channels / 8)];
}

/** Pairs of blocks: work items of a chunk, and of the second stage. */
export function weightGradPairs(shape: WeightGradShape): number {
  const [outputs, inputs] = blocksOf(shape);
  return shape.groups * outputs * inputs;
}

/** Bytes of the sums of one pair: [tap][8 input channels][8 output channels]. */
function pairBytes({ axes }: WeightGradShape): number {
  return kernelTaps(axes) * 64 * 4;
}

export function partialBytes(shape: WeightGradShape, chunks: number): number {
  return chunks * weightGradPairs(shape) * pairBytes(shape);
}

/** Pointers: x, y (both blocked), sums. Integers: images in all, images per chunk. Work items: chunks × pairs. */
export function weightGradKernel(shape: WeightGradShape): Kernel {
  const { groups, outChannels, channels, axes, flavour, rowsPerBand } = shape;
  const [outputs, inputs] = blocksOf(shape);
  const pairs = weightGradPairs(shape);
  return defineKernel(
    {
      key: `weightGrad ${groups} ${outChannels} ${channels} ${rowsPerBand} ${flavourKey(flavour)} ${axesKey(axes)}`,
      pointers: 3,
      integers: 2,
      name: "weightGrad",
    },
    (f, lo, hi, _scratch, x, y, sums, images, perChunk) => {
      const pool = tilePool(f, flavour);
      const item = f.local("i32", "item");
      const image = f.local("i32", "image");
      f.for(item, lo, hi, 1, () => {
        const pair = f.let(i32.remU(item, pairs), "pair");
        const outBlock = f.let(i32.divU(pair, inputs), "outBlock");
        const inBlock = i32.add(i32.mul(i32.divU(outBlock, outputs), inputs), i32.remU(pair, inputs));
        const xBlock = f.let(i32.add(x, i32.mul(inBlock, 32 * sourceCells(axes))), "xBlock");
        const yBlock = f.let(i32.add(y, i32.mul(outBlock, 32 * resultsOf(axes))), "yBlock");
        const out = f.let(i32.add(sums, i32.mul(item, pairBytes(shape))), "out");
        emitClear(f, out, pairBytes(shape));
        const first = f.let(i32.mul(i32.divU(item, pairs), perChunk), "firstImage");
        const end = f.let(i32.add(first, perChunk), "endImage");
        f.atMost(end, images);
        f.for(image, first, end, 1, () => {
          const imageX = f.let(i32.add(xBlock, i32.mul(image, 32 * sourceCells(axes) * groups * inputs)), "imageX");
          const imageY = f.let(i32.add(yBlock, i32.mul(image, 32 * resultsOf(axes) * groups * outputs)), "imageY");
          emitImage(f, pool, shape, imageX, imageY, out);
        });
      });
    },
  );
}

/** Input channels at a time: half a block, or all of it where a vector pair is one register. */
export function rowsOf({ wide }: Flavour): 4 | 8 {
  return wide ? 8 : 4;
}

/** Adds one image's part to the sums of a pair, tap by tap. */
function emitImage(
  f: FunctionBuilder,
  pool: TilePool,
  shape: WeightGradShape,
  imageX: Local<"i32">,
  imageY: Local<"i32">,
  sums: I32,
): void {
  const { axes, rowsPerBand, flavour } = shape;
  const rows = rowsOf(flavour);
  const [[z], [y], [x]] = axes;
  const band = f.local("i32", "band");
  const [tz, ty, tx] = ["tz", "ty", "tx"].map((name) => f.local("i32", name));
  const half = f.local("i32", "half");
  const [iz, iy] = ["z", "y"].map((name) => f.local("i32", name));
  const xRow = 32 * x.source;
  const yRow = 32 * x.result;
  f.for(band, 0, y.count, rowsPerBand, () => {
    const out = f.let(sums, "sums");
    const bandEnd = f.let(i32.add(band, rowsPerBand), "bandEnd");
    f.for(tz, 0, z.taps, 1, () => {
      const [zFrom, zTo] = emitPlaceRange(f, z, tz);
      f.for(ty, 0, y.taps, 1, () => {
        const [yFrom, yTo] = emitPlaceRange(f, y, ty);
        f.atLeast(yFrom, band);
        f.atMost(yTo, bandEnd);
        f.for(tx, 0, x.taps, 1, () => {
          const [xFrom, xTo] = emitPlaceRange(f, x, tx);
          const firstX = f.let(i32.add(imageX, i32.mul(emitCell(x, xFrom, tx), 32)), "firstX");
          const firstY = f.let(i32.add(imageY, i32.mul(xFrom, 32)), "firstY");
          const length = f.let(i32.sub(xTo, xFrom), "length");
          f.for(half, 0, 8 / rows, 1, () => {
            const tile = pool.tile(rows, 2);
            tile.zero();
            f.for(iz, zFrom, zTo, 1, () => {
              f.for(iy, yFrom, yTo, 1, () => {
                const px = f.let(
                  i32.add(
                    firstX,
                    i32.add(
                      i32.mul(i32.add(i32.mul(emitCell(z, iz, tz), y.source), emitCell(y, iy, ty)), xRow),
                      i32.mul(half, 4 * rows),
                    ),
                  ),
                  "px",
                );
                const py = f.let(i32.add(firstY, i32.mul(i32.add(i32.mul(iz, y.result), iy), yRow)), "py");
                emitRun(f, pool, x, rows, px, py, length);
              });
            });
            addTo(f, tile, out, 0);
            f.advance(out, 32 * rows);
          });
        });
      });
    });
  });
}

function emitCell(axis: Axis, place: I32, tap: I32): I32 {
  return i32.add(i32.mul(place, axis.step), i32.add(i32.mul(tap, axis.shiftHop), axis.shift));
}

/** Places joined by one tap along a row: four at a time, then one at a time. */
function emitRun(
  f: FunctionBuilder,
  pool: TilePool,
  x: Axis,
  rows: number,
  px: Local<"i32">,
  py: Local<"i32">,
  length: I32,
): void {
  const tile = pool.tile(rows, 2);
  const n = f.let(length, "n");
  const turn = (places: number): void => {
    f.block((exit) => {
      const steps = Array.from({ length: places }, (_, u) => ({
        rows: Array.from({ length: rows }, (_unused, r) => ({ pointer: px, offset: u * x.step * 32 + 4 * r })),
        columns: { pointer: py, offset: 32 * u },
      }));
      f.while(i32.geS(n, places), () => {
        tile.run(steps, { exit, pointer: px });
        f.advance(px, places * x.step * 32);
        f.advance(py, places * 32);
        f.set(n, i32.sub(n, places));
      });
    });
  };
  turn(4);
  turn(1);
}

/** The sum of a number's places in all chunks, `bytes` apart, in order. */
export function emitChunkSum(f: FunctionBuilder, from: I32, chunks: I32, bytes: number): Local<"f32"> {
  const at = f.let(from, "at");
  const sum = f.let(f32.const(0), "sum");
  const left = f.let(chunks, "chunks");
  f.countdown(left, () => {
    f.set(sum, f32.add(sum, f32.load(at)));
    f.advance(at, bytes);
  });
  return sum;
}

/** Adds up the chunks in order. Pointers: sums, weight gradient (plain). Integer: chunks. Work items: pairs. */
export function weightGradSumKernel(shape: WeightGradShape): Kernel {
  const { outChannels, channels, axes } = shape;
  const [outputs, inputs] = blocksOf(shape);
  const pairs = weightGradPairs(shape);
  const taps = kernelTaps(axes);
  return defineKernel(
    {
      key: `weightGradSum ${shape.groups} ${outChannels} ${channels} ${taps}`,
      pointers: 2,
      integers: 1,
      name: "weightGradSum",
    },
    (f, lo, hi, _scratch, sums, weight, chunks) => {
      const item = f.local("i32", "item");
      const lane = f.local("i32", "lane");
      const c = f.local("i32", "c");
      const tap = f.local("i32", "tap");
      f.for(item, lo, hi, 1, () => {
        const outBlock = f.let(i32.divU(item, inputs), "outBlock");
        const group = i32.divU(outBlock, outputs);
        const firstOut = f.let(i32.mul(i32.remU(outBlock, outputs), 8), "firstOut");
        const lanes = f.let(i32.sub(outChannels, firstOut), "lanes");
        f.atMost(lanes, 8);
        const firstIn = f.let(i32.mul(i32.remU(item, inputs), 8), "firstIn");
        const rows = f.let(i32.sub(channels, firstIn), "rows");
        f.atMost(rows, 8);
        const row = i32.add(i32.mul(group, outChannels), firstOut);
        const to = f.let(i32.add(weight, i32.mul(i32.add(i32.mul(row, channels), firstIn), 4 * taps)), "to");
        f.for(lane, 0, lanes, 1, () => {
          f.for(c, 0, rows, 1, () => {
            f.for(tap, 0, taps, 1, () => {
              const from = i32.add(
                i32.add(sums, i32.mul(item, pairBytes(shape))),
                i32.add(i32.mul(i32.add(i32.mul(tap, 8), c), 32), i32.mul(lane, 4)),
              );
              const sum = emitChunkSum(f, from, chunks, pairs * pairBytes(shape));
              const place = i32.add(i32.mul(i32.add(i32.mul(lane, channels), c), taps), tap);
              f.do(f32.store(i32.add(to, i32.mul(place, 4)), sum));
            });
          });
        });
      });
    },
  );
}
