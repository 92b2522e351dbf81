/** The convolution and the transposed one as stages: weights are packed (and transformed), then the kernel runs. */
import type { Stage } from "../../backend/plan.ts";
import type { BufferRef, Lowered, Site, Target } from "../op.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { type Epilogue, epilogueOf } from "../matmul/epilogue.wasm.ts";
import type { Flavour } from "../matmul/tile.wasm.ts";
import { isIdentity, kernelTaps, sourceCells } from "./axis.ts";
import { type ConvAttributes, multiplyAdds } from "./attributes.ts";
import { depthwiseItems, depthwiseKernel } from "./depthwise.wasm.ts";
import { type DirectShape, directItems, directKernel } from "./direct.wasm.ts";
import { type Gather, describeWindow, familyOf, input, lowerChosen, output, temp, winogradSizes } from "./gather.ts";
import { generalKernel } from "./general.wasm.ts";
import { type PackShape, packItems, packKernel, packedFloats } from "./pack.wasm.ts";
import { phasesOf, picturePhases, weightPhases } from "./phases.wasm.ts";
import { segments } from "./segments.ts";
import { resultsIn, tilesPerImage, tilingsOf } from "./winograd-areas.ts";
import { type WinogradSize, planesOf } from "./winograd-transforms.ts";
import {
  type WinogradShape,
  winogradItems,
  winogradKernel,
  winogradScratch,
  winogradWeightBytes,
  winogradWeightKernel,
} from "./winograd.wasm.ts";

export function lowerGather(g: Gather, site: Site<ConvAttributes>): Lowered {
  const family = familyOf(g);
  const [source, weight] = site.inputs;
  if (sizeOf(site.output.type.shape) === 0) return { temps: [], stages: [] };
  const { epilogue, buffers } = epilogueOf(site, 2);
  const batch = source.type.shape[0];
  const y = g.direction === "forward" ? site.output.type.shape : source.type.shape;
  const operation = g.direction === "forward" ? "conv" : "convTranspose";
  const main = {
    label: `${operation} ${family} ${describe(g, site)}`,
    flops: 2 * multiplyAdds(y, weight.type.shape),
    bytes: 4 * (sizeOf(source.type.shape) + sizeOf(weight.type.shape) + sizeOf(site.output.type.shape)),
    scratch: 0,
  };
  if (family === "general") {
    return {
      temps: [],
      stages: [
        {
          ...main,
          kernel: generalKernel({ ...g, madeFirst: g.direction === "forward", epilogue }),
          work: batch * g.groups * g.made,
          pointers: [input(0), input(1), output, ...buffers],
          writes: [2],
          integers: [],
        },
      ],
    };
  }
  const { target } = site;
  // Tiles of sixteen channels where two blocks of eight belong together.
  const lanes = target.wide && family === "direct" && Math.ceil(g.made / 8) % 2 === 0 ? 16 : 8;
  const pack: PackShape = {
    groups: family === "depthwise" ? 1 : g.groups,
    made: family === "depthwise" ? g.groups : g.made,
    summed: g.summed,
    taps: kernelTaps(g.axes),
    madeFirst: family === "depthwise" || g.direction === "forward",
    lanes,
    block: 8,
  };
  const packed = 4 * packedFloats(pack);
  const flavour = { fma: target.fma, wide: target.wide };
  const blocks = packItems(pack);
  const rowsPerItem = rowsFor(g, family === "depthwise" ? 0 : g.summed, batch, blocks, target.threads);
  const stage = { ...main, pointers: [input(0), temp(0), output, ...buffers], writes: [2] };
  if (family === "depthwise") {
    const shape = { channels: g.groups, axes: g.axes, flavour, rowsPerItem, epilogue };
    const pass = { ...stage, kernel: depthwiseKernel(shape), work: batch * depthwiseItems(shape), integers: [] };
    return { temps: [packed], stages: [packStage(pack), pass] };
  }
  const direct = (): Lowered => {
    const weightsStay = packed > residentWeights;
    const shape: DirectShape = {
      groups: g.groups,
      made: g.made,
      summed: g.summed,
      axes: g.axes,
      source: source.layout,
      flavour,
      lanes,
      rowsPerItem,
      parts: weightsStay || batch >= target.threads ? 1 : partsFor(g, flavour, lanes, target.threads),
      weightsStay,
      epilogue,
    };
    const pass = { ...stage, kernel: directKernel(shape), work: batch * directItems(shape), integers: [batch] };
    return { temps: [packed], stages: [packStage(pack), pass] };
  };
  const work = `${operation} ${describe(g, site)}`;
  const winograd = (of: Gather, size: WinogradSize): Lowered =>
    lowerWinograd(of, size, batch, target, { ...pack, summed: of.summed, taps: kernelTaps(of.axes) }, stage, epilogue);
  // Winograd's tiles are of blocked inputs; a first layer's few plain channels are as fast by the direct way, unless
  // they make more channels as phases.
  if (source.layout === "plain") {
    const phases = phasesOf(g);
    if (phases === undefined) return direct();
    const size: WinogradSize = phases.axes[1][0].taps === 4 ? 5 : 4;
    const lower = (by: WinogradSize | undefined): Lowered =>
      by === undefined ? direct() : withPhases(g, batch, winograd(phases, by));
    return lowerChosen(g, work, site, { sizes: [size], wino: phases, lower });
  }
  const lower = (size: WinogradSize | undefined): Lowered => (size === undefined ? direct() : winograd(g, size));
  return lowerChosen(g, work, site, { sizes: winogradSizes(g), lower });
}

/** Stages that read a picture and a weight, to read their phases instead, which are made before. */
function withPhases(g: Gather, batch: number, { temps, stages }: Lowered): Lowered {
  const [picture, weight] = [temp(temps.length), temp(temps.length + 1)];
  const made = [picturePhases(g, batch, input(0), picture), weightPhases(g, input(1), weight)];
  const instead = (ref: BufferRef): BufferRef =>
    ref.kind === "input" && ref.index < 2 ? [picture, weight][ref.index] : ref;
  return {
    temps: [...temps, ...made.map(({ bytes }) => bytes)],
    stages: [
      ...made.flatMap((phases) => phases.stages),
      ...stages.map((stage) => ({ ...stage, pointers: stage.pointers.map(instead) })),
    ],
  };
}

function lowerWinograd(
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
  const tilings = tilingsOf(size, y, x);
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
    const shape = { ...grid, ...tiling, filters: within ? tiling.size : filters, epilogue };
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

type WinogradStage = Omit<Stage<BufferRef>, "kernel" | "work" | "integers">;

/** The tiles of one size. @param within whether a work item transforms the weights that it needs */
function winogradStage(
  whole: Omit<WinogradShape, "flavour" | "tilesPerItem" | "blocksPerItem" | "transformAtOnce">,
  within: boolean,
  batch: number,
  target: Target,
  stage: WinogradStage,
): Stage<BufferRef> {
  const { size, made, summed, lanes, y, x } = whole;
  const tiles = batch * tilesPerImage(whole);
  const most = mostTilesPerItem(size, summed);
  // Every thread has the same number of blocks of tiles, and of equal size; a few tiles are shared by channels.
  const fair = (items: number): number => Math.ceil(items / target.threads) * target.threads;
  const tileBlocks = within
    ? Math.ceil(tiles / most)
    : fair(Math.max(Math.ceil(tiles / most), Math.min(4 * target.threads, Math.ceil(tiles / 12))));
  const tilesPerItem = Math.max(Math.min(4, tiles), Math.ceil(tiles / tileBlocks));
  const blocks = Math.ceil(made / lanes);
  const shares = target.threads === 1 ? 1 : Math.ceil((2 * target.threads) / Math.ceil(tiles / tilesPerItem));
  const blocksPerItem = Math.ceil(blocks / Math.min(blocks, shares));
  const flavour = { fma: target.fma, wide: target.wide };
  const transformAtOnce = within ? channelsAtOnce(summed, (tilesPerItem <= 8 ? 128 : 256) / lanes) : undefined;
  const shape: WinogradShape = { ...whole, flavour, tilesPerItem, blocksPerItem, transformAtOnce };
  const share = resultsIn(whole, y, x) / (y.count * x.count);
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

/** Tiles of a work item: their transformed inputs should stay in the second-level cache, and weights be read seldom. */
function mostTilesPerItem(size: WinogradSize, summed: number): number {
  return Math.max(4, Math.min(summed < 96 ? 24 : 48, Math.floor(winogradInputs / (4 * planesOf(size) * summed))));
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

/** Bytes of transformed inputs of a work item. */
const winogradInputs = 600 * 1024;

function packStage(pack: PackShape): Stage<BufferRef> {
  return {
    label: "pack weights",
    kernel: packKernel(pack),
    work: packItems(pack),
    pointers: [input(1), temp(0)],
    writes: [1],
    integers: [],
    scratch: 0,
    flops: 0,
    bytes: 8 * packedFloats(pack),
  };
}

/** Bytes of a source band that should stay in the second-level cache beside the weights. */
const bandBytes = 192 * 1024;
/** Weights up to this size stay in the second-level cache while images pass. */
const residentWeights = 512 * 1024;
/** Weights beyond this size come from main memory each time, as other layers have filled the last cache meanwhile. */
const cachedWeights = 16 * 1024 * 1024;

/**
 * Rows of a work item: few enough for the cache (which a depthwise convolution does not need: it reads no row again for
 * other channels), and for all threads to have some. Where there are fewer images than
 * threads, each thread has rows of its own: what it made of them in one layer it finds in its own cache in the next,
 * and to fetch it from the other core's would take longer than the arithmetic (1×1 layers behind depthwise ones).
 */
function rowsFor({ axes }: Gather, channels: number, batch: number, blocks: number, threads: number): number {
  const rows = Math.max(1, ...axes[1].map((y) => y.count));
  const rowBytes = (4 * channels * sourceCells(axes)) / rows;
  let perItem = Math.ceil(rows / Math.ceil(threads / Math.max(1, batch)));
  while (perItem > 4 && perItem * rowBytes > bandBytes) perItem = Math.ceil(perItem / 2);
  const enough = threads === 1 ? 1 : 8 * threads;
  while (perItem > 1 && batch * blocks * Math.ceil(rows / perItem) < enough) perItem = Math.ceil(perItem / 2);
  return perItem;
}

/** Parts of the only row of a flattened image, for the same reason: four tiles each, or more. */
function partsFor({ axes: [[z], [y], [x]] }: Gather, flavour: Flavour, lanes: 8 | 16, threads: number): number {
  if (z.count * y.count > 1 || !isIdentity(x)) return 1;
  const most = Math.max(...segments(x, flavour, lanes).map(({ repeat }) => repeat));
  return Math.max(1, Math.min(threads, most >> 2));
}

/** `64→64 3×3 to 56×56`. */
function describe(g: Gather, { attrs, output: { type } }: Site<ConvAttributes>): string {
  return `${g.groups * g.summed}→${g.groups * g.made} ${describeWindow(attrs)} to ${type.shape.slice(2).join("×")}`;
}
