/**
 * How an integer convolution becomes kernels. The products are those of the float kernels over other units (see `Unit`):
 * two int16 at a time everywhere, four bytes at a time where the engine's relaxed dot product is right and inputs have
 * seven bits and no zero point. Sums are exact either way.
 */
import type { Stage } from "../../backend/plan.ts";
import { sizeOf } from "../../tensor/shape.ts";
import { multiplyAdds } from "../conv/attributes.ts";
import { type Axis, kernelTaps, sourceCells } from "../conv/axis.ts";
import { type DepthwiseShape, depthwiseItems, depthwiseKernel } from "../conv/depthwise.wasm.ts";
import { type DirectShape, directItems, directKernel } from "../conv/direct.wasm.ts";
import { type Gather, describeWindow, familyOf, forwardGather, input, output, temp } from "../conv/gather.ts";
import { type Epilogue, epilogueOf } from "../matmul/epilogue.wasm.ts";
import type { Unit } from "../matmul/tile.wasm.ts";
import type { BufferRef, LayoutChoice, Lowered, Site, Target, WasmLowering } from "../op.ts";
import type { ConvIntegerAttributes } from "./convInteger.op.ts";
import { generalIntegerKernel } from "./general.wasm.ts";
import { type IntegerRange, boundOf } from "./integer.ts";
import {
  integerWinogradItems,
  integerWinogradKernel,
  integerWinogradScratch,
  integerWinogradWeightBytes,
  integerWinogradWeightKernel,
} from "./winograd.wasm.ts";
import { integerWinograd2, integerWinograd4 } from "./winograd-integers.ts";
import { residentWeights } from "../conv/pack.wasm.ts";
import { tilesPerImage, tilingsOf } from "../conv/winograd/tiling.ts";
import { packBytesItems, packBytesKernel, packedBytes, unitsOf, widenKernel, widenedBytes } from "./pack.wasm.ts";

export const convIntegerWasm: WasmLowering<ConvIntegerAttributes> = {
  layouts: ([, w], _y, a): readonly LayoutChoice[] =>
    familyOf(forwardGather(a, w.shape)) === "general"
      ? [{ inputs: ["plain", "plain"], output: "plain" }]
      : [{ inputs: ["blocked", "plain"], output: "blocked" }],
  fusesEpilogue: true,
  epilogueStores: ["float32", "int32", "uint8"],
  lower,
};

/** The unit in which inputs of this range are multiplied. */
export function unitFor({ zero, top }: IntegerRange, { dot = false }: Target): Unit {
  return dot && zero === 0 && top <= 127 ? "i8" : "i16";
}

type Pass = Omit<Stage<BufferRef>, "kernel" | "work" | "integers" | "pointers">;

function lower(site: Site<ConvIntegerAttributes>): Lowered {
  const { attrs, inputs, output: made } = site;
  const [source, weight] = inputs;
  if (sizeOf(made.type.shape) === 0) return { temps: [], stages: [] };
  const g = forwardGather(attrs, weight.type.shape);
  const family = familyOf(g);
  const { epilogue, buffers } = epilogueOf(site, 2);
  const pass: Pass = {
    label: `conv int8 ${family} ${g.groups * g.summed}→${g.groups * g.made} ${describeWindow(attrs)} to ${made.type.shape.slice(2).join("×")}`,
    flops: 2 * multiplyAdds(made.type.shape, weight.type.shape),
    bytes: sizeOf(source.type.shape) + sizeOf(weight.type.shape) + sizeOf(made.type.shape),
    scratch: 0,
    writes: [2],
  };
  const batch = source.type.shape[0];
  const common = { groups: g.groups, made: g.made, axes: g.axes, stored: made.type.dtype, epilogue };
  if (family === "general") {
    return {
      temps: [],
      stages: [
        {
          ...pass,
          kernel: generalIntegerKernel({ ...common, summed: g.summed, zero: attrs.zero }),
          work: batch * g.groups * g.made,
          pointers: [input(0), input(1), output, ...buffers],
          integers: [],
        },
      ],
    };
  }
  if (family === "depthwise") {
    const pack = { groups: 1, made: g.groups, summed: 1, taps: kernelTaps(g.axes), unit: "i16" } as const;
    const shape: DepthwiseShape = {
      channels: g.groups,
      axes: g.axes,
      flavour: { fma: false, wide: false, unit: "i16" },
      rowsPerItem: rowsFor({ ...g, summed: 8 }, batch * packBytesItems(pack), site.target.threads),
      stored: made.type.dtype,
      zero: attrs.zero,
      epilogue,
    };
    const work = batch * depthwiseItems(shape);
    const pointers = [input(0), temp(0), output, ...buffers];
    const stage = { ...pass, kernel: depthwiseKernel(shape), work, pointers, integers: [] };
    return { temps: [packedBytes(pack)], stages: [packStage(pack), stage] };
  }
  const size = integerWinogradSize(g, attrs, batch, site.target);
  return size === undefined
    ? lowerDirect(g, site, pass, epilogue, buffers)
    : lowerWinograd(g, size, site, pass, epilogue, buffers);
}

/**
 * Which of Winograd's sizes is worth it, if any, by the cycles of a tile's eight products that each algorithm takes;
 * fitted to measurements on Zen 5. Sums are the same either way.
 */
function integerWinogradSize(
  g: Gather,
  attrs: ConvIntegerAttributes,
  batch: number,
  target: Target,
): 2 | 4 | undefined {
  const { groups, made, summed, axes } = g;
  const [[z], [y], [x]] = axes;
  const fits = (axis: Axis): boolean => axis.taps === 3 && axis.step === 1 && axis.shiftHop === 1;
  if (groups > 1 || summed < 8 || z.source * z.taps * z.result !== 1 || !fits(y) || !fits(x)) return undefined;
  const bound = boundOf(attrs, 9 * summed);
  const [inputs, outputs] = [Math.ceil(summed / 8), Math.ceil(made / 8)];
  const direct = batch * y.count * x.count * 9 * unitsOf(summed, unitFor(attrs, target)) * outputs * 1.1;
  const cycles = (size: 2 | 4): number => {
    const tiles = batch * Math.ceil(y.count / size) * Math.ceil(x.count / size);
    return tiles * (size + 2) ** 2 * (unitsOf(summed, "i16") * outputs * 1.2 + 4 * inputs + 6 * outputs);
  };
  const size = bound < integerWinograd4.bound && cycles(4) < cycles(2) ? 4 : 2;
  return bound < integerWinograd2.bound && cycles(size) < direct ? size : undefined;
}

/** Bytes of transformed inputs of a work item. */
const winogradInputs = 300 * 1024;

function lowerWinograd(
  { made, summed, axes: [, [y], [x]] }: Gather,
  size: 2 | 4,
  { attrs, inputs, output: result, target: { threads } }: Site<ConvIntegerAttributes>,
  pass: Pass,
  epilogue: Epilogue | undefined,
  buffers: readonly BufferRef[],
): Lowered {
  const batch = inputs[0].type.shape[0];
  const [{ areas }] = tilingsOf(size, y, x);
  const tiles = batch * tilesPerImage({ areas });
  const blocks = Math.ceil(made / 8);
  // As in conv/gather-lowering.wasm.ts: inputs stay in the cache, and threads have equal shares.
  const most = Math.max(
    4,
    Math.min(summed < 96 ? 24 : 48, Math.floor(winogradInputs / (2 * (size + 2) ** 2 * summed))),
  );
  const wanted = Math.max(Math.ceil(tiles / most), Math.min(4 * threads, Math.ceil(tiles / 12)));
  const tilesPerItem = Math.max(Math.min(4, tiles), Math.ceil(tiles / (Math.ceil(wanted / threads) * threads)));
  const shares = threads === 1 ? 1 : Math.ceil((2 * threads) / Math.ceil(tiles / tilesPerItem));
  const blocksPerItem = Math.ceil(blocks / Math.min(blocks, shares));
  const stored = result.type.dtype;
  const shape = { size, areas, made, summed, y, x, zero: attrs.zero, tilesPerItem, blocksPerItem, stored, epilogue };
  const transformed = integerWinogradWeightBytes(size, made, summed);
  return {
    temps: [transformed],
    stages: [
      {
        label: "transform weights",
        kernel: integerWinogradWeightKernel(size, made, summed),
        work: blocks,
        pointers: [input(1), temp(0)],
        writes: [1],
        integers: [],
        scratch: 0,
        flops: 0,
        bytes: 9 * made * summed + transformed,
      },
      {
        ...pass,
        label: pass.label.replace("direct", `winograd F(${size}×${size})`),
        kernel: integerWinogradKernel(shape),
        work: integerWinogradItems(shape, batch),
        pointers: [input(0), temp(0), output, ...buffers],
        integers: [batch],
        scratch: integerWinogradScratch(shape),
      },
    ],
  };
}

function lowerDirect(
  g: Gather,
  { attrs, inputs, output: made, target }: Site<ConvIntegerAttributes>,
  pass: Pass,
  epilogue: Epilogue | undefined,
  buffers: readonly BufferRef[],
): Lowered {
  const unit = unitFor(attrs, target);
  const { groups, axes } = g;
  const [batch, channels] = inputs[0].type.shape;
  const pack = { groups, made: g.made, summed: g.summed, taps: kernelTaps(axes), unit };
  const blocks = packBytesItems(pack);
  const shape: DirectShape = {
    groups,
    made: g.made,
    summed: unitsOf(g.summed, unit),
    axes,
    source: "blocked",
    stored: made.type.dtype,
    flavour: { fma: false, wide: false, unit },
    lanes: 8,
    rowsPerItem: rowsFor(g, batch * blocks, target.threads),
    parts: 1,
    weightsStay: packedBytes(pack) > residentWeights,
    epilogue,
  };
  const stages: Stage<BufferRef>[] = [packStage(pack)];
  const temps = [packedBytes(pack)];
  if (unit === "i16") {
    // A block of channels is a row.
    const row = 8 * sourceCells(axes);
    const rows = batch * Math.ceil(channels / 8);
    temps.push(rows * widenedBytes(row));
    stages.push(widenStage(row, rows, attrs.zero));
  }
  stages.push({
    ...pass,
    kernel: directKernel(shape),
    work: batch * directItems(shape),
    pointers: [unit === "i16" ? temp(1) : input(0), temp(0), output, ...buffers],
    integers: [batch],
  });
  return { temps, stages };
}

/** Bytes of int16 rows of the source that should stay in the second-level cache beside the weights. */
const bandBytes = 192 * 1024;

/** Rows of a work item: few enough for the cache, and for all threads to have some. */
function rowsFor({ axes, summed }: Gather, blocks: number, threads: number): number {
  const rows = axes[1][0].count;
  const rowBytes = (2 * summed * sourceCells(axes)) / Math.max(1, axes[1][0].source);
  let perItem = Math.max(1, rows);
  while (perItem > 4 && perItem * rowBytes > bandBytes) perItem = Math.ceil(perItem / 2);
  while (perItem > 1 && blocks * Math.ceil(rows / perItem) < 8 * threads) perItem = Math.ceil(perItem / 2);
  return perItem;
}

/** Weights (input 1) packed into temporary 0. */
export function packStage(pack: Parameters<typeof packBytesKernel>[0]): Stage<BufferRef> {
  return {
    label: "pack weights",
    kernel: packBytesKernel(pack),
    work: packBytesItems(pack),
    pointers: [input(1), temp(0)],
    writes: [1],
    integers: [],
    scratch: 0,
    flops: 0,
    bytes: 2 * packedBytes(pack),
  };
}

/** Input 0 as int16 in temporary 1. */
export function widenStage(row: number, rows: number, zero: number): Stage<BufferRef> {
  return {
    label: "widen",
    kernel: widenKernel(row, zero),
    work: rows,
    pointers: [input(0), temp(1)],
    writes: [1],
    integers: [],
    scratch: 0,
    flops: 0,
    bytes: rows * (row + widenedBytes(row)),
  };
}
