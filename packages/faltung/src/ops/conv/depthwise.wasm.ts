/**
 * Depthwise convolution (each channel by itself), both directions: eight channels side by side in a vector pair, each
 * times its own weights. Nothing is summed over channels, so loads are what it costs: neighbouring results share the
 * cells they read, each loaded once a row of taps.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { BYTES, type DType } from "../../tensor/shape.ts";
import {
  type FunctionBuilder,
  type I32,
  type Label,
  type Local,
  type V128,
  f32x4,
  i16x8,
  i32,
  i32x4,
  v128,
} from "../../wasm/index.ts";
import { type Epilogue, type Store, epilogueKey, storeOf } from "../matmul/epilogue.wasm.ts";
import { type Flavour, flavourKey, multiplyAddUnits } from "../matmul/tile.wasm.ts";
import { type Axes, type Axis, axesKey, cellOf, kernelTaps, resultsOf, sourceCells, tapsOf } from "./axis.ts";
import { type TapRange, emitTapLoop, emitTapRange, resultOf } from "./axis.wasm.ts";
import { type Segment, segments } from "./segments.ts";

export interface DepthwiseShape {
  readonly channels: number;
  readonly axes: Axes;
  readonly flavour: Flavour;
  readonly rowsPerItem: number;
  /** Of what is stored: float32 unless said. */
  readonly stored?: DType;
  /** Of a source of bytes (the flavour's unit is i16 then): what stands for 0. */
  readonly zero?: number;
  readonly epilogue?: Epilogue;
}

/** Bytes from a cell of the source, eight channels, to the next. */
function sourceCell({ flavour: { unit = "f32" } }: DepthwiseShape): number {
  return unit === "f32" ? 32 : 8;
}

function resultCell({ stored = "float32" }: DepthwiseShape): number {
  return 8 * BYTES[stored];
}

function bandsOf({ axes: [, ys], rowsPerItem }: DepthwiseShape): number {
  return Math.ceil(Math.max(...ys.map((y) => y.count)) / rowsPerItem);
}

/** Work items for one image. */
export function depthwiseItems(shape: DepthwiseShape): number {
  return Math.ceil(shape.channels / 8) * bandsOf(shape);
}

/** Pointers: source (blocked), packed weights [C/8][tap][8], result (blocked), the epilogue's operands. */
export function depthwiseKernel(shape: DepthwiseShape): Kernel {
  const { channels, axes, flavour, rowsPerItem, stored, zero, epilogue } = shape;
  const operands = epilogue?.operands.length ?? 0;
  const [zs, ys] = axes;
  const blocks = Math.ceil(channels / 8);
  const bands = bandsOf(shape);
  return defineKernel(
    {
      key: `depthwise ${[channels, rowsPerItem, stored, zero].join(" ")} ${flavourKey(flavour)} ${axesKey(axes)} ${epilogueKey(epilogue)}`,
      pointers: 3 + operands,
      name: "depthwise",
    },
    (f, lo, hi, _scratch, source, packed, result, ...operandPointers) => {
      const store = storeOf(f, epilogue, flavour.fma, result, operandPointers, stored);
      const item = f.local("i32", "item");
      f.for(item, lo, hi, 1, () => {
        // All blocks of a band before the next band: neighbouring layers then give a thread the same rows.
        const block = f.let(i32.remU(item, blocks), "block");
        const rest = f.let(i32.divU(item, blocks), "rest");
        const firstRow = f.let(i32.mul(i32.remU(rest, bands), rowsPerItem), "firstRow");
        const plane = f.let(i32.add(i32.mul(i32.divU(rest, bands), blocks), block), "plane");
        const from = f.let(i32.add(source, i32.mul(plane, sourceCell(shape) * sourceCells(axes))), "from");
        const to = f.let(i32.add(result, i32.mul(plane, resultCell(shape) * resultsOf(axes))), "to");
        const weights = f.let(i32.add(packed, i32.mul(block, 32 * kernelTaps(axes))), "weights");
        store.channel(i32.mul(block, 8));
        for (const z of zs) for (const y of ys) emitRows(f, store, shape, z, y, { from, to, weights, firstRow });
      });
    },
  );
}

interface Row {
  readonly from: Local<"i32">;
  readonly to: Local<"i32">;
  readonly weights: Local<"i32">;
}

function emitRows(
  f: FunctionBuilder,
  store: Store,
  shape: DepthwiseShape,
  z: Axis,
  y: Axis,
  item: Row & { readonly firstRow: Local<"i32"> },
): void {
  const [, ys, xs] = shape.axes;
  const rowBytes = xs[0].source * sourceCell(shape);
  const weightRow = tapsOf(xs) * 32;
  const iz = f.local("i32", "z");
  const iy = f.local("i32", "y");
  const end = f.let(i32.add(item.firstRow, shape.rowsPerItem), "endRow");
  f.atMost(end, y.count);
  f.for(iz, 0, z.count, 1, () => {
    const zTaps = emitTapRange(f, z, iz, ys[0].source * rowBytes, tapsOf(ys) * weightRow);
    f.for(iy, item.firstRow, end, 1, () => {
      const yTaps = emitTapRange(f, y, iy, rowBytes, weightRow);
      const row = {
        from: f.let(i32.add(item.from, i32.add(zTaps.source, yTaps.source)), "rowFrom"),
        weights: f.let(i32.add(item.weights, i32.add(zTaps.weight, yTaps.weight)), "rowWeights"),
        to: f.let(
          i32.add(
            item.to,
            i32.mul(i32.add(i32.mul(resultOf(z, iz), ys[0].result), resultOf(y, iy)), xs[0].result * resultCell(shape)),
          ),
          "rowTo",
        ),
      };
      for (const x of xs) emitRow(f, store, shape, x, row, [zTaps, yTaps]);
    });
  });
}

function emitRow(
  f: FunctionBuilder,
  store: Store,
  shape: DepthwiseShape,
  x: Axis,
  row: Row,
  taps: readonly [TapRange, TapRange],
): void {
  for (const segment of segments(x, shape.flavour, 8)) {
    if (segment.repeat === 1) {
      emitTile(f, store, shape, x, segment, row, taps);
      continue;
    }
    const from = f.let(i32.add(row.from, (segment.first * x.step + x.shift) * sourceCell(shape)), "tileFrom");
    const to = f.let(i32.add(row.to, (x.start + segment.first * x.stride) * resultCell(shape)), "tileTo");
    const n = f.let(i32.const(segment.repeat), "tiles");
    f.countdown(n, () => {
      emitTile(f, store, shape, x, segment, { ...row, from, to }, taps);
      f.advance(from, segment.width * x.step * sourceCell(shape));
      f.advance(to, segment.width * x.stride * resultCell(shape));
    });
  }
}

/** A tile of results: its two halves together where they make one register, else one after the other to save some. */
function emitTile(
  f: FunctionBuilder,
  store: Store,
  shape: DepthwiseShape,
  x: Axis,
  segment: Segment,
  row: Row,
  [zTaps, yTaps]: readonly [TapRange, TapRange],
): void {
  const moving = segment.repeat > 1;
  store.group();
  const all = Array.from({ length: segment.width }, (_, p) => [0, 1].map((v) => f.local("v128", `sum${p}.${v}`)));
  const offsetOf = (p: number): number =>
    (moving ? p * x.stride : x.start + (segment.first + p) * x.stride) * resultCell(shape);
  for (const halves of shape.flavour.wide ? [[0, 1]] : [[0], [1]]) {
    const sums = all.map((pair) => halves.map((v) => pair[v]));
    for (const sum of sums.flat()) f.set(sum, f32x4.const(0));
    f.block((exit) => {
      emitTapLoop(f, zTaps, row.from, row.weights, (zFrom, zWeights) => {
        emitTapLoop(f, yTaps, zFrom, zWeights, (source, weights) => {
          emitRowOfTaps(f, shape, { x, segment, moving, source, weights, halves, exit }, sums);
        });
      });
    });
    if (shape.stored === "uint8") continue; // both halves of a cell are stored at once
    sums.forEach((pair, p) => {
      pair.forEach((sum, i) => {
        const offset = offsetOf(p) + 16 * halves[i];
        f.do(v128.store(row.to, store.finish(sum, row.to, offset, 4 * halves[i]), offset));
      });
    });
  }
  if (shape.stored === "uint8") all.forEach(([low, high], p) => store.cell([low, high], row.to, offsetOf(p), 0));
}

interface TapRow {
  readonly x: Axis;
  readonly segment: Segment;
  readonly moving: boolean;
  readonly source: I32;
  readonly weights: I32;
  /** Which halves of the eight channels. */
  readonly halves: readonly number[];
  readonly exit: Label;
}

/** Cell by cell: each is loaded once and given to every result that it is a tap of. */
function emitRowOfTaps(
  f: FunctionBuilder,
  shape: DepthwiseShape,
  { x, segment, moving, source, weights, halves, exit }: TapRow,
  sums: readonly (readonly Local<"v128">[])[],
): void {
  const { fma, unit = "f32" } = shape.flavour;
  const taps = Array.from({ length: x.taps }, (_, j) =>
    halves.map((v) => f.let(v128.load(weights, (x.tap + j * x.tapHop) * 32 + 16 * v), "w")),
  );
  const users = new Map<number, { readonly p: number; readonly j: number }[]>();
  for (let p = 0; p < segment.width; p++) {
    for (let j = 0; j < x.taps; j++) {
      const cell = cellOf(x, segment.first + p, j);
      if (cell >= 0 && cell < x.source) users.set(cell, [...(users.get(cell) ?? []), { p, j }]);
    }
  }
  const first = moving ? cellOf(x, segment.first, 0) : 0;
  const values = halves.map(() => f.local("v128", "x"));
  let done = 0;
  for (const cell of [...users.keys()].sort((a, b) => a - b)) {
    if (done > 0 && done % 2 === 0) f.brIf(exit, i32.eq(weights, 2 * done + 1)); // see Guard in tile.wasm.ts
    done++;
    halves.forEach((v, i) => f.set(values[i], loadHalf(shape, source, cell - first, v)));
    for (const { p, j } of users.get(cell) ?? []) {
      sums[p].forEach((sum, i) => f.set(sum, multiplyAddUnits(unit, fma, values[i], taps[j][i], sum)));
    }
  }
}

/** Four channels of a cell: floats, or bytes as one whole number in each lane (its upper int16 meets a weight of 0). */
function loadHalf(shape: DepthwiseShape, source: I32, cell: number, half: number): V128 {
  if (sourceCell(shape) === 32) return v128.load(source, cell * 32 + 16 * half);
  const words = i16x8.extendLowI8x16U(v128.load32Zero(source, cell * 8 + 4 * half));
  const { zero = 0 } = shape;
  return zero === 0 ? i32x4.extendLowI16x8U(words) : i32x4.sub(i32x4.extendLowI16x8U(words), i32x4.const(zero));
}
