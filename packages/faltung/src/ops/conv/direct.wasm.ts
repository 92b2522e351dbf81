/**
 * The direct algorithm, for both directions of the relation (see axis.ts): a register tile of neighbouring results
 * along x times eight channels runs over source channels and taps, and is stored once.
 *
 * No border is stored anywhere. Along x, tiles at the edges are emitted on their own and leave out what falls on
 * padding; along y and z, a row's taps are a range computed at run time. So padding costs nothing, and small images
 * take even fewer multiplications than the formula counts.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { BYTES, type DType } from "../../tensor/shape.ts";
import { type FunctionBuilder, type I32, type Local, i32 } from "../../wasm/index.ts";
import { type Epilogue, type Store, epilogueKey, storeOf } from "../matmul/epilogue.wasm.ts";
import {
  type Flavour,
  PER_UNIT,
  type Place,
  type Step,
  type TilePool,
  flavourKey,
  tilePool,
} from "../matmul/tile.wasm.ts";
import type { Layout } from "../op.ts";
import { type Axes, type Axis, axesKey, cellOf, kernelTaps, resultsOf, sourceCells, tapsOf } from "./axis.ts";
import { type TapRange, emitTapLoop, emitTapRange, resultOf } from "./axis.wasm.ts";
import { packedChannels, paddedChannels } from "./pack.wasm.ts";
import { type Segment, segments } from "./segments.ts";

export interface DirectShape {
  readonly groups: number;
  /** Channels per group: made, and summed over. Of small whole numbers, the units summed over (`Flavour.unit`). */
  readonly made: number;
  readonly summed: number;
  readonly axes: Axes;
  readonly source: Layout;
  /** Of what is stored: float32 unless said. */
  readonly stored?: DType;
  readonly flavour: Flavour;
  /** Channels side by side in a tile: 8, or 16 for wide ones. The weights are packed so. */
  readonly lanes: 8 | 16;
  /** Rows of y (of each remainder) in one work item. */
  readonly rowsPerItem: number;
  /** Into how many parts, each a work item's, a row of x is cut. More than 1 only where it is the only row. */
  readonly parts: number;
  /** Order of the work items: all images for one block of weights, or all blocks of weights for one band of rows. */
  readonly weightsStay: boolean;
  readonly epilogue?: Epilogue;
}

/** Units of a cell: eight channels. */
function blockOf({ flavour: { unit = "f32" } }: DirectShape): number {
  return 8 / PER_UNIT[unit];
}

/** Bytes from a cell of the source to the next. */
function cellBytes(shape: DirectShape): number {
  return shape.source === "plain" ? 4 : 4 * blockOf(shape);
}

/** Bytes of a cell of results: eight channels. */
function resultCell({ stored = "float32" }: DirectShape): number {
  return 8 * BYTES[stored];
}

/** Work items for one image. */
export function directItems(shape: DirectShape): number {
  return bandsOf(shape) * shape.groups * Math.ceil(shape.made / shape.lanes);
}

/** Bands of rows, or parts of the only row. */
function bandsOf({ axes: [, ys], rowsPerItem, parts }: DirectShape): number {
  return parts > 1 ? parts : Math.ceil(Math.max(...ys.map((y) => y.count)) / rowsPerItem);
}

/** Pointers: source, packed weights, result (blocked), the epilogue's operands. Integer: the number of images. */
export function directKernel(shape: DirectShape): Kernel {
  const { groups, made, summed, source, flavour, lanes, rowsPerItem, parts, weightsStay, axes, epilogue } = shape;
  const numbers = [groups, made, summed, source, lanes, rowsPerItem, parts, weightsStay, shape.stored].join(" ");
  const operands = epilogue?.operands.length ?? 0;
  return defineKernel(
    {
      key: `direct ${numbers} ${flavourKey(flavour)} ${axesKey(axes)} ${epilogueKey(epilogue)}`,
      pointers: 3 + operands,
      integers: 1,
      name: "direct",
    },
    (f, lo, hi, _scratch, ...rest) => {
      const [from, weights, to] = rest;
      emitDirect(f, shape, { lo, hi, from, weights, to, operands: rest.slice(3, -1), images: rest[rest.length - 1] });
    },
  );
}

/** What is shared by all tiles of the function. */
interface Emission {
  readonly pool: TilePool;
  readonly store: Store;
}

interface Arguments {
  readonly lo: I32;
  readonly hi: I32;
  readonly from: I32;
  readonly weights: I32;
  readonly to: I32;
  readonly images: I32;
  readonly operands: readonly I32[];
}

function emitDirect(f: FunctionBuilder, shape: DirectShape, args: Arguments): void {
  const { groups, made, summed, lanes, rowsPerItem, weightsStay, axes } = shape;
  const [zs, ys] = axes;
  const blocks = Math.ceil(made / lanes);
  const bands = bandsOf(shape);
  const taps = kernelTaps(axes);
  const cells = sourceCells(axes);
  const results = resultsOf(axes);
  const e: Emission = {
    pool: tilePool(f, shape.flavour),
    store: storeOf(f, shape.epilogue, shape.flavour.fma, args.to, args.operands, shape.stored),
  };
  const item = f.local("i32", "item");
  f.for(item, args.lo, args.hi, 1, () => {
    const [image, band, block] = weightsStay
      ? split(f, item, [args.images, bands], ["block", "image", "band"], [1, 2, 0])
      : split(f, item, [bands, groups * blocks], ["image", "band", "block"], [0, 1, 2]);
    const group = i32.divU(block, blocks);
    const from = f.let(
      i32.add(
        args.from,
        i32.add(i32.mul(image, 4 * cells * sourceChannels(shape)), i32.mul(group, 4 * cells * summed)),
      ),
      "from",
    );
    const to = f.let(
      i32.add(
        args.to,
        i32.add(
          i32.mul(image, resultCell(shape) * results * groups * Math.ceil(made / 8)),
          i32.mul(block, (resultCell(shape) / 8) * lanes * results),
        ),
      ),
      "to",
    );
    const weights = f.let(
      i32.add(args.weights, i32.mul(block, 4 * lanes * paddedChannels(summed, blockOf(shape)) * taps)),
      "weights",
    );
    e.store.channel(i32.mul(block, lanes));
    const first = shape.parts > 1 ? i32.const(0) : i32.mul(band, rowsPerItem);
    const rows = { first: f.let(first, "firstRow"), count: rowsPerItem, part: band };
    for (const z of zs) for (const y of ys) emitRows(f, e, shape, z, y, { from, to, weights, rows });
  });
}

function sourceChannels(shape: DirectShape): number {
  const { groups, summed, source } = shape;
  return source === "plain" ? groups * summed : Math.ceil((groups * summed) / blockOf(shape)) * blockOf(shape);
}

/** item = (a·sizes[0] + b)·sizes[1] + c, taken apart; returned in the given order. */
function split(
  f: FunctionBuilder,
  item: I32,
  [second, third]: readonly [I32 | number, I32 | number],
  names: readonly string[],
  order: readonly [number, number, number],
): readonly [Local<"i32">, Local<"i32">, Local<"i32">] {
  const c = f.let(i32.remU(item, third), names[2]);
  const rest = f.let(i32.divU(item, third), "rest");
  const b = f.let(i32.remU(rest, second), names[1]);
  const parts = [f.let(i32.divU(rest, second), names[0]), b, c];
  return [parts[order[0]], parts[order[1]], parts[order[2]]];
}

interface ItemPointers {
  readonly from: Local<"i32">;
  readonly to: Local<"i32">;
  readonly weights: Local<"i32">;
  readonly rows: { readonly first: Local<"i32">; readonly count: number; readonly part: Local<"i32"> };
}

/** Everything that a tile needs of its row. */
interface Row {
  /** The source's row of the first valid tap, and the weights of that tap. */
  readonly from: Local<"i32">;
  readonly weights: Local<"i32">;
  readonly to: Local<"i32">;
  readonly z: TapRange;
  readonly y: TapRange;
  /** Which part of the row, where it is cut. */
  readonly part: Local<"i32">;
}

function emitRows(f: FunctionBuilder, e: Emission, shape: DirectShape, z: Axis, y: Axis, item: ItemPointers): void {
  const { lanes, axes } = shape;
  const [, ys, xs] = axes;
  const rowBytes = xs[0].source * cellBytes(shape);
  const weightRow = tapsOf(xs) * 4 * lanes * packedChannels(shape.summed, blockOf(shape));
  const iz = f.local("i32", "z");
  const iy = f.local("i32", "y");
  const end = f.let(i32.add(item.rows.first, item.rows.count), "endRow");
  f.atMost(end, y.count);
  f.for(iz, 0, z.count, 1, () => {
    const zTaps = emitTapRange(f, z, iz, ys[0].source * rowBytes, tapsOf(ys) * weightRow);
    f.for(iy, item.rows.first, end, 1, () => {
      const yTaps = emitTapRange(f, y, iy, rowBytes, weightRow);
      const from = f.let(i32.add(item.from, i32.add(zTaps.source, yTaps.source)), "rowFrom");
      const weights = f.let(i32.add(item.weights, i32.add(zTaps.weight, yTaps.weight)), "rowWeights");
      const place = i32.add(
        i32.mul(resultOf(z, iz), ys[0].result * xs[0].result * resultCell(shape)),
        i32.mul(resultOf(y, iy), xs[0].result * resultCell(shape)),
      );
      const to = f.let(i32.add(item.to, place), "rowTo");
      for (const x of xs) emitRow(f, e, shape, x, { from, weights, to, z: zTaps, y: yTaps, part: item.rows.part });
    });
  });
}

function emitRow(f: FunctionBuilder, e: Emission, shape: DirectShape, x: Axis, row: Row): void {
  const cell = cellBytes(shape);
  const emitAt = (segment: Segment, from: I32, to: I32): void => emitTile(f, e, shape, x, row, segment, from, to);
  for (const segment of segments(x, shape.flavour, shape.lanes)) {
    if (segment.repeat === 1) {
      const emit = (): void => emitAt(segment, row.from, row.to);
      if (shape.parts > 1) f.if(i32.eq(row.part, shape.parts - 1), emit);
      else emit();
      continue;
    }
    const fromStep = segment.width * x.step * cell;
    const toStep = segment.width * x.stride * resultCell(shape);
    const from = f.let(i32.add(row.from, (segment.first * x.step + x.shift) * cell), "tileFrom");
    const to = f.let(i32.add(row.to, (x.start + segment.first * x.stride) * resultCell(shape)), "tileTo");
    const n = f.let(i32.const(segment.repeat), "tiles");
    const tiles = (): void =>
      f.countdown(n, () => {
        emitAt(segment, from, to);
        f.advance(from, fromStep);
        f.advance(to, toStep);
      });
    if (shape.parts > 1) {
      const each = Math.ceil(segment.repeat / shape.parts);
      const before = f.let(i32.mul(row.part, each), "before");
      f.advance(from, i32.mul(before, fromStep));
      f.advance(to, i32.mul(before, toStep));
      f.set(n, i32.sub(n, before));
      f.atMost(n, each);
      f.if(i32.gtS(n, 0), tiles);
    } else tiles();
  }
}

/**
 * One tile: zero, run over blocks of channels and taps, store. In a repeated segment the pointers move with the tile;
 * else they are those of the row, and the tile's place is in the offsets.
 */
function emitTile(
  f: FunctionBuilder,
  e: Emission,
  shape: DirectShape,
  x: Axis,
  row: Row,
  segment: Segment,
  from: I32,
  to: I32,
): void {
  const { summed, lanes, axes } = shape;
  const moving = segment.repeat > 1;
  const tile = e.pool.tile(segment.width, lanes / 4);
  tile.zero();
  const blockFrom = f.let(from, "blockFrom");
  const blockWeights = f.let(row.weights, "blockWeights");
  f.block((exit) => {
    const channelBlock = (channels: number): void => {
      emitTapLoop(f, row.z, blockFrom, blockWeights, (zFrom, zWeights) => {
        emitTapLoop(f, row.y, zFrom, zWeights, (source, weights) => {
          const steps = stepsOf(shape, x, segment, moving, channels, source, weights);
          tile.run(steps, { exit, pointer: weights });
        });
      });
    };
    const block = blockOf(shape);
    const full = Math.floor(summed / block);
    const n = f.local("i32", "blocks");
    const advance = (): void => {
      f.advance(blockFrom, 4 * block * sourceCells(axes));
      f.advance(blockWeights, 4 * lanes * block * kernelTaps(axes));
    };
    if (full > 1) {
      f.set(n, full);
      f.countdown(n, () => {
        channelBlock(block);
        advance();
      });
    } else if (full === 1) {
      channelBlock(block);
      if (summed > block) advance();
    }
    if (summed % block > 0) channelBlock(summed % block);
  });
  e.store.group();
  tile.accumulators.forEach((vectors, p) => {
    const place = (moving ? p * x.stride : x.start + (segment.first + p) * x.stride) * resultCell(shape);
    for (let v = 0; v < vectors.length; v += 2) {
      const offset = place + (v >> 1) * resultCell(shape) * resultsOf(axes);
      e.store.cell([vectors[v], vectors[v + 1]], to, offset, 4 * v);
    }
  });
}

/** The steps of one row of taps: all taps along x, all channels of the block. */
function stepsOf(
  shape: DirectShape,
  x: Axis,
  segment: Segment,
  moving: boolean,
  channels: number,
  source: I32,
  weights: I32,
): Step[] {
  const { lanes, axes } = shape;
  const plain = shape.source === "plain";
  const channelBytes = plain ? 4 * sourceCells(axes) : 4;
  const steps: Step[] = [];
  for (let j = 0; j < x.taps; j++) {
    for (let c = 0; c < channels; c++) {
      const rows = Array.from({ length: segment.width }, (_, p): Place | null => {
        const cell = cellOf(x, segment.first + p, j);
        if (cell < 0 || cell >= x.source) return null;
        const offset = moving ? p * x.step + j * x.shiftHop : cell;
        return { pointer: source, offset: offset * cellBytes(shape) + c * channelBytes };
      });
      const tap = x.tap + j * x.tapHop;
      steps.push({
        rows,
        columns: { pointer: weights, offset: (tap * packedChannels(shape.summed, blockOf(shape)) + c) * lanes * 4 },
      });
    }
  }
  return steps;
}
