/** A convolution by Winograd's algorithm as stages: weights are packed and transformed, then tiles of one size or two. */
import type { Stage } from "../../../backend/plan.ts";
import type { Epilogue } from "../../matmul/epilogue.wasm.ts";
import type { BufferRef, Lowered, Target } from "../../op.ts";
import { type Gather, temp } from "../gather.ts";
import { type PackShape, packStage, packedFloats, residentWeights } from "../pack.wasm.ts";
import { winogradWeightBytes, winogradWeightKernel } from "./filters.wasm.ts";
import { mostTilesPerItem, resultsIn, tilesPerImage, tilingsOf, wholeTiling } from "./tiling.ts";
import type { WinogradSize } from "./transforms.ts";
import { type WinogradShape, winogradItems, winogradKernel, winogradScratch } from "./winograd.wasm.ts";

/** Weights beyond this size come from main memory each time, as other layers have filled the last cache meanwhile. */
const cachedWeights = 16 * 1024 * 1024;

/** @param stage the direct convolution's, without its kernel */
export function lowerWinograd(
  g: Gather,
  size: WinogradSize,
  batch: number,
  target: Target,
  pack: PackShape,
  stage: WinogradStage,
  epilogue: Epilogue | undefined,
): Lowered {
  const { made, summed } = g;
  const { lanes } = pack;
  const [, [y], [x]] = g.axes;
  const grid = { made, summed, lanes, y, x };
  const together = wholeTiling(size, y, x, batch, summed);
  const whole = together !== undefined;
  const tilings = whole ? [together] : tilingsOf(size, y, x);
  const [{ size: filters }] = tilings;
  // One or two items read all weights, or they lie in main memory: then an item transforms them itself.
  const transformed = winogradWeightBytes({ ...grid, size: filters });
  const seldom =
    transformed > cachedWeights || batch * tilesPerImage(tilings[0]) <= 2 * mostTilesPerItem(filters, summed);
  const within = seldom && transformed > residentWeights && summed % 8 === 0;
  const order: PackShape = within ? { ...pack, block: 1 } : pack;
  const packed = 4 * packedFloats(order);
  const [source, , ...rest] = stage.pointers;
  const pointers = [source, temp(within ? 0 : 1), ...rest];
  const passes = tilings.map((tiling) => {
    const shape = { ...grid, ...tiling, whole, filters: within ? tiling.size : filters, epilogue };
    return winogradStage(shape, within, batch, target, { ...stage, pointers });
  });
  if (within) return { temps: [packed], stages: [packStage(order), ...passes] };
  const transform = {
    label: "transform weights",
    kernel: winogradWeightKernel({ ...grid, size: filters }),
    work: Math.ceil(made / lanes),
    pointers: [temp(0), temp(1)],
    writes: [1],
    integers: [],
    scratch: 0,
    flops: 0,
    bytes: packed + transformed,
  };
  return { temps: [packed, transformed], stages: [packStage(order), transform, ...passes] };
}

/** A stage but for what depends on the tiles. */
export type WinogradStage = Omit<Stage<BufferRef>, "kernel" | "work" | "integers">;

/** The tiles of one size. @param within whether a work item transforms the weights that it needs */
function winogradStage(
  rest: Omit<WinogradShape, "flavour" | "tilesPerItem" | "blocksPerItem" | "transformAtOnce">,
  within: boolean,
  batch: number,
  target: Target,
  stage: WinogradStage,
): Stage<BufferRef> {
  const { size, made, summed, lanes, y, x } = rest;
  const tiles = batch * tilesPerImage(rest);
  const most = mostTilesPerItem(size, summed);
  // Every thread has the same number of blocks of tiles, and of equal size; a few tiles are shared by channels.
  const fair = (items: number): number => Math.ceil(items / target.threads) * target.threads;
  const tileBlocks =
    within || rest.whole
      ? Math.ceil(tiles / most)
      : fair(Math.max(Math.ceil(tiles / most), Math.min(4 * target.threads, Math.ceil(tiles / 12))));
  const tilesPerItem = rest.whole ? tiles : Math.max(Math.min(4, tiles), Math.ceil(tiles / tileBlocks));
  const blocks = Math.ceil(made / lanes);
  const shares = target.threads === 1 ? 1 : Math.ceil((2 * target.threads) / Math.ceil(tiles / tilesPerItem));
  const blocksPerItem = Math.ceil(blocks / Math.min(blocks, shares));
  const flavour = { fma: target.fma, wide: target.wide };
  const transformAtOnce = within ? channelsAtOnce(summed, (tilesPerItem <= 8 ? 128 : 256) / lanes) : undefined;
  const shape: WinogradShape = { ...rest, flavour, tilesPerItem, blocksPerItem, transformAtOnce };
  const share = resultsIn(rest, y, x) / (y.count * x.count);
  return {
    ...stage,
    label: stage.label.replace("direct", `winograd F(${size}×${size})`),
    kernel: winogradKernel(shape),
    work: winogradItems(shape, batch),
    integers: [batch],
    scratch: winogradScratch(shape),
    flops: share * stage.flops,
    bytes: share * stage.bytes,
  };
}

/**
 * A divisor of the channels, at most so many: the filters transformed at a time should stay in the first-level cache.
 * With more tiles, loading and storing the sums once for each weighs more, and the filters' place less.
 */
function channelsAtOnce(channels: number, most: number): number {
  let blocks = Math.min(channels, most) >> 3;
  while ((channels >> 3) % blocks !== 0) blocks--;
  return 8 * blocks;
}
