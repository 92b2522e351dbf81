/** The convolution and the transposed one as stages: weights are packed (and transformed), then the kernel runs. */
import type { BufferRef, Lowered, Site } from "../op.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { epilogueOf } from "../matmul/epilogue.wasm.ts";
import type { Flavour } from "../matmul/tile.wasm.ts";
import { isIdentity, kernelTaps, sourceCells } from "./axis.ts";
import { type ConvAttributes, multiplyAdds } from "./attributes.ts";
import { depthwiseItems, depthwiseKernel } from "./depthwise.wasm.ts";
import { type DirectShape, directItems, directKernel } from "./direct.wasm.ts";
import { type Gather, describeWindow, familyOf, input, lowerChosen, output, temp, winogradSizes } from "./gather.ts";
import { generalKernel } from "./general.wasm.ts";
import { type PackShape, packItems, packStage, packedFloats, residentWeights } from "./pack.wasm.ts";
import { segments } from "./segments.ts";
import { lowerWinograd } from "./winograd/lowering.wasm.ts";
import { phasesOf, picturePhases, weightPhases } from "./winograd/phases.wasm.ts";
import type { WinogradSize } from "./winograd/transforms.ts";

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
    const weightsStay = weightsPassOnce(g, batch, packed, blocks, rowsPerItem);
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
    return lowerChosen(g, work, site, { sizes: [size], over: "channels", wino: phases, lower });
  }
  const lower = (size: WinogradSize | undefined): Lowered => (size === undefined ? direct() : winograd(g, size));
  return lowerChosen(g, work, site, { sizes: winogradSizes(g), over: "channels", lower });
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

/** Bytes of a source band that should stay in the second-level cache beside the weights. */
const bandBytes = 192 * 1024;

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

/**
 * Whether all of the source passes for each block of weights, not all weights for each band of the source: where they are
 * too large for the cache, and either the source is not, or to read it again for each block is less than they for each band.
 */
function weightsPassOnce(
  { axes, groups, summed }: Gather,
  batch: number,
  packed: number,
  blocks: number,
  rowsPerItem: number,
): boolean {
  if (packed <= residentWeights) return false;
  const source = 4 * groups * summed * sourceCells(axes);
  const bands = Math.ceil(Math.max(...axes[1].map((y) => y.count)) / rowsPerItem);
  return batch * source <= residentWeights || blocks * source <= bands * packed;
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
