/** The gradient by weight as stages: partial sums over chunks of images, then their sum in order. */
import type { Kernel, Stage } from "../../backend/plan.ts";
import type { BufferRef, LayoutChoice, Lowered, Site, Target } from "../op.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { resultsOf, sourceCells } from "./axis.ts";
import { type ConvAttributes, multiplyAdds } from "./attributes.ts";
import { describeWindow, forwardAxes, input, lowerChosen, winogradSizes, mostTaps, output, temp } from "./gather.ts";
import { generalWeightGradKernel } from "./general-weight-grad.wasm.ts";
import {
  type FewChannelsShape,
  fewChannelsItems,
  fewChannelsKernel,
  fewChannelsScratch,
  fewChannelsSumBytes,
  fewChannelsSumKernel,
} from "./weight-grad-few.wasm.ts";
import {
  type WeightGradShape,
  partialBytes,
  weightGradKernel,
  weightGradPairs,
  weightGradSumKernel,
} from "./weight-grad.wasm.ts";
import { type Tiling, resultsIn, tilesPerImage, tilingsOf } from "./winograd/tiling.ts";
import { type WinogradGradientSize, planesOf } from "./winograd/transforms.ts";
import {
  winogradSumBytes,
  winogradWeightGradItems,
  winogradWeightGradKernel,
  winogradWeightGradPairs,
  winogradWeightGradScratch,
  winogradWeightGradSumKernel,
  winogradWeightGradSumScratch,
} from "./winograd/weight-grad.wasm.ts";

/** Sums of a band should fit into the first-level cache with what they are made of. */
const weightGradBand = 16 * 1024;
/** Work items that the gradient by weight is divided into at least, if there are images enough. */
const weightGradItems = 64;

/** `few`: input channels that fill no vector. `blocked`: direct, or Winograd's. */
type Family = "few" | "blocked" | "general";

/** A bordered copy of one image for the few-channel kernel may take this many cells. */
const mostBordered = 512 * 1024;

function familyOf({ groups, input: size, kernel }: ConvAttributes, x: Shape, y: Shape): Family {
  if (groups > 1) return (x[1] / groups) % 8 === 0 && (y[1] / groups) % 8 === 0 ? "blocked" : "general";
  const [width = 1] = kernel.slice(-1);
  if (x[1] < 8 && size.length <= 2 && width > 1 && width <= mostTaps && x[1] * sizeOf(size) < mostBordered)
    return "few";
  return x[1] >= 4 ? "blocked" : "general";
}

export function weightGradLayouts(a: ConvAttributes, x: Shape, y: Shape): LayoutChoice[] {
  const family = familyOf(a, x, y);
  const layoutX = family === "blocked" ? "blocked" : "plain";
  const layoutY = family === "general" ? "plain" : "blocked";
  return [{ inputs: [layoutX, layoutY], output: "plain" }];
}

export function lowerWeightGrad(site: Site<ConvAttributes>): Lowered {
  const { attrs, target } = site;
  const [{ type: x }, { type: y }] = site.inputs;
  if (sizeOf(site.output.type.shape) === 0) return { temps: [], stages: [] };
  const axes = forwardAxes(attrs);
  const common = {
    groups: attrs.groups,
    outChannels: y.shape[1] / attrs.groups,
    channels: x.shape[1] / attrs.groups,
    axes,
  };
  const batch = x.shape[0];
  const main = {
    flops: 2 * multiplyAdds(y.shape, site.output.type.shape),
    bytes: 4 * (sizeOf(x.shape) + sizeOf(y.shape) + sizeOf(site.output.type.shape)),
    scratch: 0,
  };
  const title = `${x.shape[1]}→${y.shape[1]} ${describeWindow(attrs)} of ${attrs.output.join("×")}`;
  const family = familyOf(attrs, x.shape, y.shape);
  if (family === "few") return lowerFewChannels(common, batch, target, { ...main, label: title });
  if (family === "general") {
    const kernel = generalWeightGradKernel(common);
    const work = y.shape[1] * common.channels;
    const pointers = [input(0), input(1), output];
    return {
      temps: [],
      stages: [
        { ...main, label: `convWeightGrad general ${title}`, kernel, work, pointers, writes: [2], integers: [batch] },
      ],
    };
  }
  const gather = { ...common, made: common.outChannels, summed: common.channels };
  const lower = (size: WinogradGradientSize | undefined): Lowered =>
    size === undefined
      ? lowerDirect(common, batch, target, { ...main, label: title })
      : lowerWinogradWeightGrad(size, common, batch, target, { ...main, label: title });
  return lowerChosen(gather, `convWeightGrad ${title}`, site, { sizes: winogradSizes(gather), over: "tiles", lower });
}

type Common = Pick<WeightGradShape, "groups" | "outChannels" | "channels" | "axes">;
type Main = Pick<Stage<BufferRef>, "label" | "flops" | "bytes" | "scratch">;

function lowerDirect(common: Common, batch: number, target: Target, main: Main): Lowered {
  const { axes } = common;
  const [, [rows]] = axes;
  const rowBytes = (32 * Math.max(sourceCells(axes), resultsOf(axes))) / Math.max(1, rows.count);
  const rowsPerBand = Math.max(1, Math.min(rows.count, Math.floor(weightGradBand / rowBytes)));
  const shape: WeightGradShape = { ...common, flavour: { fma: target.fma, wide: target.wide }, rowsPerBand };
  const pairs = weightGradPairs(shape);
  const wanted = Math.max(1, Math.min(batch, Math.ceil(weightGradItems / pairs)));
  const perChunk = Math.max(1, Math.ceil(batch / wanted));
  const chunks = Math.max(1, Math.ceil(batch / perChunk)); // an empty batch still writes zeros
  const sums = partialBytes(shape, chunks);
  return {
    temps: [sums],
    stages: [
      {
        ...main,
        label: `convWeightGrad direct ${main.label}`,
        kernel: weightGradKernel(shape),
        work: chunks * pairs,
        pointers: [input(0), input(1), temp(0)],
        writes: [2],
        integers: [batch, perChunk],
      },
      sumStage(weightGradSumKernel(shape), pairs, [chunks], sums, 0),
    ],
  };
}

/** Adds up the partial sums of the chunks, in order. @param chunks of each place with sums */
function sumStage(
  kernel: Kernel,
  work: number,
  chunks: readonly number[],
  bytes: number,
  scratch: number,
): Stage<BufferRef> {
  return {
    label: "sum weight gradients",
    kernel,
    work,
    pointers: [...chunks.map((_, i) => temp(i)), output],
    writes: [chunks.length],
    integers: chunks,
    scratch,
    flops: 0,
    bytes,
  };
}

/** Bytes of transformed tiles, and of sums, that should stay in the second-level cache. */
const winogradTiles = 320 * 1024;
const winogradSums = 320 * 1024;

function lowerWinogradWeightGrad(
  size: WinogradGradientSize,
  { outChannels, channels, axes }: Pick<WeightGradShape, "outChannels" | "channels" | "axes">,
  batch: number,
  target: Target,
  main: Pick<Stage<BufferRef>, "label" | "flops" | "bytes">,
): Lowered {
  const [, [y], [x]] = axes;
  const outputBlocks = Math.ceil(outChannels / 8);
  const tilings = tilingsOf(size, y, x);
  const productsOf = (tiling: Tiling): number => planesOf(tiling.size) * tilesPerImage(tiling);
  const passes = tilings.map((tiling, index) => {
    const planes = planesOf(tiling.size);
    const sumsPerBlock = planes * 256 * Math.ceil(channels / 8);
    const blocksPerItem = Math.max(1, Math.min(outputBlocks, Math.floor(winogradSums / sumsPerBlock)));
    const shares = Math.ceil(outputBlocks / blocksPerItem);
    // As many chunks of images as make 16 work items, whatever the number of threads; fewer for strips, of the same size.
    const items = Math.ceil((16 * productsOf(tiling)) / productsOf(tilings[0]));
    const perChunk = Math.max(1, Math.ceil(batch / Math.ceil(items / shares)));
    const chunks = Math.ceil(batch / perChunk);
    const tiles = perChunk * tilesPerImage(tiling);
    const most = Math.max(8, Math.floor(winogradTiles / (4 * planes * (channels + 8 * blocksPerItem))));
    const tilesPerBlock = Math.ceil(tiles / Math.ceil(tiles / most));
    const flavour = { fma: target.fma, wide: target.wide };
    const shape = { ...tiling, channels, outChannels, y, x, flavour, tilesPerBlock, blocksPerItem };
    const share = resultsIn(tiling, y, x) / (y.count * x.count);
    const stage: Stage<BufferRef> = {
      label: `convWeightGrad winograd F(${tiling.size}×${tiling.size}) ${main.label}`,
      kernel: winogradWeightGradKernel(shape),
      work: winogradWeightGradItems(shape, chunks),
      pointers: [input(0), input(1), temp(index)],
      writes: [2],
      integers: [batch, perChunk],
      scratch: winogradWeightGradScratch(shape),
      flops: share * main.flops,
      bytes: share * main.bytes,
    };
    return { shape, chunks, stage, sums: winogradSumBytes(shape, chunks) };
  });
  const sum = sumStage(
    winogradWeightGradSumKernel(passes.map(({ shape }) => shape)),
    winogradWeightGradPairs(passes[0].shape),
    passes.map(({ chunks }) => chunks),
    passes.reduce((bytes, { sums }) => bytes + sums, 0),
    winogradWeightGradSumScratch,
  );
  return { temps: passes.map(({ sums }) => sums), stages: [...passes.map(({ stage }) => stage), sum] };
}

function lowerFewChannels(
  { outChannels, channels, axes }: Pick<WeightGradShape, "outChannels" | "channels" | "axes">,
  batch: number,
  target: Target,
  main: Pick<Stage<BufferRef>, "label" | "flops" | "bytes">,
): Lowered {
  const [, [y], [x]] = axes;
  const blocks = Math.ceil(outChannels / 8);
  const perChunk = Math.max(1, Math.ceil(batch / 16));
  const chunks = Math.max(1, Math.ceil(batch / perChunk)); // an empty batch still writes zeros
  const blocksPerItem = Math.ceil(blocks / Math.ceil(16 / chunks));
  const rowsPerBand = Math.max(1, Math.min(y.count, Math.floor(weightGradBand / (32 * x.count))));
  const flavour = { fma: target.fma, wide: target.wide };
  const shape: FewChannelsShape = { channels, outChannels, y, x, flavour, rowsPerBand, blocksPerItem };
  const sums = fewChannelsSumBytes(shape, chunks);
  return {
    temps: [sums],
    stages: [
      {
        ...main,
        label: `convWeightGrad few ${main.label}`,
        kernel: fewChannelsKernel(shape),
        work: fewChannelsItems(shape, chunks),
        pointers: [input(0), input(1), temp(0)],
        writes: [2],
        integers: [batch, perChunk],
        scratch: fewChannelsScratch(shape),
      },
      sumStage(fewChannelsSumKernel(shape), outChannels, [chunks], sums, 0),
    ],
  };
}
