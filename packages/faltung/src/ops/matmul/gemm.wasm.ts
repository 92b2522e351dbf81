/**
 * Matrix product by register tiles. A work item makes a band of rows by a group of columns: it copies its part of b
 * into scratch, eight columns side by side, a stretch of the inner dimension at a time, and runs the tiles over it.
 * The copy makes every order of b the same and every access contiguous. a is read as it lies: one number at a time, so
 * its order does not matter.
 * Source of the scheme: Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { type FunctionBuilder, type I32, type Local, f32, f32x4, i32, v128 } from "../../wasm/index.ts";
import { type Epilogue, type Store, epilogueKey, storeOf } from "./epilogue.wasm.ts";
import { emitTranspose } from "../shape/words.wasm.ts";
import { loadLanes, storeLanes } from "./lanes.wasm.ts";
import { type Flavour, type Step, type TilePool, flavourKey, mostRows, tilePool } from "./tile.wasm.ts";
import { tileHeights } from "./tile-heights.ts";

export interface GemmShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA: boolean;
  readonly transB: boolean;
  /** Leading dimensions of the result, and those of the operands aligned with them (1 where they stretch). */
  readonly batch: readonly number[];
  readonly batchA: readonly number[];
  readonly batchB: readonly number[];
  readonly rowsPerItem: number;
  /** A multiple of 8. */
  readonly columnsPerItem: number;
  /** Inner dimension per item: less than k where the sum is split; a multiple of `stretch` then. */
  readonly innerPerItem: number;
  readonly flavour: Flavour;
  /** Not where the sum is split. */
  readonly epilogue?: Epilogue;
}

/** Inner dimension of one copy of b: short enough that a panel of eight columns stays in the first-level cache. */
export const stretch = 256;

export function gemmScratch({ columnsPerItem, k }: GemmShape): number {
  return 4 * columnsPerItem * Math.min(stretch, Math.ceil(k / 8) * 8);
}

function counts({
  m,
  n,
  k,
  rowsPerItem,
  columnsPerItem,
  innerPerItem,
}: GemmShape): Record<"bands" | "groups" | "splits", number> {
  return {
    bands: Math.ceil(m / rowsPerItem),
    groups: Math.ceil(n / columnsPerItem),
    splits: Math.ceil(k / innerPerItem),
  };
}

/** Work items. The result holds `splits` partial sums, one after the other. */
export function gemmItems(shape: GemmShape): number {
  const { bands, groups, splits } = counts(shape);
  return splits * shape.batch.reduce((n, d) => n * d, 1) * bands * groups;
}

/** Pointers: a, b, result, the epilogue's operands. */
export function gemmKernel(shape: GemmShape): Kernel {
  const {
    m,
    n,
    k,
    transA,
    transB,
    batch,
    batchA,
    batchB,
    rowsPerItem,
    columnsPerItem,
    innerPerItem,
    flavour,
    epilogue,
  } = shape;
  const operands = epilogue?.operands.length ?? 0;
  const numbers = [m, n, k, rowsPerItem, columnsPerItem, innerPerItem];
  const batches = [batch, batchA, batchB].map((list) => list.join("×")).join(" ");
  return defineKernel(
    {
      key: `gemm ${numbers.join(" ")} ${transA} ${transB} [${batches}] ${flavourKey(flavour)} ${epilogueKey(epilogue)}`,
      pointers: 3 + operands,
      name: "gemm",
    },
    (f, lo, hi, scratch, a, b, result, ...operandPointers) => {
      const e: Emission = {
        pool: tilePool(f, flavour),
        store: storeOf(f, epilogue, flavour.fma, result, operandPointers),
      };
      emitItems(f, e, shape, { lo, hi, scratch, a, b, result });
    },
  );
}

type Arguments = Readonly<Record<"lo" | "hi" | "scratch" | "a" | "b" | "result", I32>>;

/** What is shared by all tiles of the function. */
interface Emission {
  readonly pool: TilePool;
  readonly store: Store;
}

function emitItems(f: FunctionBuilder, e: Emission, shape: GemmShape, args: Arguments): void {
  const { m, n, k, transA, batch, batchA, batchB, rowsPerItem, columnsPerItem, innerPerItem } = shape;
  const { bands, groups } = counts(shape);
  const matrices = batch.reduce((product, d) => product * d, 1);
  const item = f.local("i32", "item");
  const inner = f.local("i32", "inner");
  f.for(item, args.lo, args.hi, 1, () => {
    const column = f.let(i32.mul(i32.remU(item, groups), columnsPerItem), "column");
    const rest = f.let(i32.divU(item, groups), "rest");
    const row = f.let(i32.mul(i32.remU(rest, bands), rowsPerItem), "row");
    const matrix = f.let(i32.divU(rest, bands), "matrix");
    const index = f.let(i32.remU(matrix, matrices), "index");
    const aAt = f.let(i32.add(args.a, i32.mul(emitBatchIndex(index, batch, batchA), 4 * m * k)), "aAt");
    const bAt = f.let(i32.add(args.b, i32.mul(emitBatchIndex(index, batch, batchB), 4 * k * n)), "bAt");
    const cAt = f.let(
      i32.add(args.result, i32.mul(i32.add(i32.mul(i32.add(i32.mul(matrix, m), row), n), column), 4)),
      "cAt",
    );
    const firstInner = f.let(i32.mul(i32.divU(matrix, matrices), innerPerItem), "firstInner");
    const endInner = f.let(atMost(f, i32.add(firstInner, innerPerItem), k), "endInner");
    const columns = atMost(f, i32.sub(n, column), columnsPerItem);
    f.for(inner, firstInner, endInner, stretch, () => {
      const length = atMost(f, i32.sub(endInner, inner), stretch);
      emitCopy(f, shape, args.scratch, { b: bAt, inner, column, length, columns });
      const aRow = f.let(
        i32.add(aAt, i32.mul(transA ? i32.add(i32.mul(inner, m), row) : i32.add(i32.mul(row, k), inner), 4)),
        "aRow",
      );
      const first = f.let(i32.eq(inner, firstInner), "first");
      const last = f.let(i32.geS(i32.add(inner, stretch), endInner), "last");
      emitPanels(f, e, shape, { a: aRow, panel: args.scratch, c: cAt, length, columns, first, last, row, column });
    });
  });
}

function atMost(f: FunctionBuilder, value: I32, most: number | Local<"i32">): Local<"i32"> {
  const x = f.let(value, "most");
  f.atMost(x, most);
  return x;
}

/** Number of the operand's matrix for the index-th matrix of the result. */
function emitBatchIndex(index: I32, batch: readonly number[], own: readonly number[]): I32 {
  let sum: I32 = i32.const(0);
  let below = 1;
  let ownBelow = 1;
  for (let d = batch.length - 1; d >= 0; d--) {
    if (own[d] > 1) sum = i32.add(sum, i32.mul(i32.remU(i32.divU(index, below), batch[d]), ownBelow));
    below *= batch[d];
    ownBelow *= own[d];
  }
  return sum;
}

interface CopyPlace {
  readonly b: I32;
  readonly inner: I32;
  readonly column: I32;
  readonly length: I32;
  readonly columns: I32;
}

/** b's rows `inner` … and columns `column` … as panels [columns / 8][length][8]; missing columns become zeros. */
function emitCopy(f: FunctionBuilder, shape: GemmShape, scratch: I32, place: CopyPlace): void {
  const { n, k, transB } = shape;
  const panel = f.local("i32", "panel");
  const to = f.let(scratch, "copyTo");
  f.for(panel, 0, place.columns, 8, () => {
    const column = f.let(i32.add(place.column, panel), "first");
    const at = transB ? i32.add(i32.mul(column, k), place.inner) : i32.add(i32.mul(place.inner, n), column);
    const from = f.let(i32.add(place.b, i32.mul(at, 4)), "copyFrom");
    const width = f.let(i32.sub(place.columns, panel), "width");
    f.if(
      i32.geS(width, 8),
      () => (transB ? emitTransposedPanel(f, from, to, place.length, k) : emitPanel(f, from, to, place.length, n)),
      () => emitNarrowPanel(f, shape, from, to, place.length, width),
    );
  });
}

/** Copies `length` rows of eight numbers. Moves `to` behind them. */
function emitPanel(f: FunctionBuilder, from: Local<"i32">, to: Local<"i32">, length: I32, n: number): void {
  const left = f.let(length, "left");
  f.countdown(left, () => {
    f.do(v128.store(to, v128.load(from)), v128.store(to, v128.load(from, 16), 16));
    f.advance(from, 4 * n);
    f.advance(to, 32);
  });
}

/** The same from eight columns that lie along memory: 4 × 4 numbers are turned at a time. */
function emitTransposedPanel(f: FunctionBuilder, from: Local<"i32">, to: Local<"i32">, length: I32, k: number): void {
  const left = f.let(length, "left");
  f.while(i32.geS(left, 4), () => {
    for (let half = 0; half < 2; half++) {
      const columns = [0, 1, 2, 3].map((c) => f.let(v128.load(from, 4 * k * (4 * half + c)), "column"));
      emitTranspose(f, columns).forEach((row, r) => f.do(v128.store(to, row, 32 * r + 16 * half)));
    }
    f.advance(from, 16);
    f.advance(to, 128);
    f.set(left, i32.sub(left, 4));
  });
  f.while(i32.gtS(left, 0), () => {
    for (let c = 0; c < 8; c++) f.do(f32.store(to, f32.load(from, 4 * k * c), 4 * c));
    f.advance(from, 4);
    f.advance(to, 32);
    f.set(left, i32.sub(left, 1));
  });
}

function emitNarrowPanel(
  f: FunctionBuilder,
  { n, k, transB }: GemmShape,
  from: Local<"i32">,
  to: Local<"i32">,
  length: I32,
  width: I32,
): void {
  const left = f.let(length, "left");
  const c = f.local("i32", "c");
  f.countdown(left, () => {
    f.do(v128.store(to, f32x4.const(0)), v128.store(to, f32x4.const(0), 16));
    f.for(c, 0, width, 1, () => {
      f.do(f32.store(i32.add(to, i32.mul(c, 4)), f32.load(i32.add(from, i32.mul(c, transB ? 4 * k : 4)))));
    });
    f.advance(from, transB ? 4 : 4 * n);
    f.advance(to, 32);
  });
}

interface PanelPlace {
  readonly a: Local<"i32">;
  readonly panel: I32;
  readonly c: Local<"i32">;
  readonly length: I32;
  readonly columns: I32;
  /** Whether this is the sum's first stretch; later ones add to what is there. */
  readonly first: I32;
  readonly last: I32;
  readonly row: I32;
  readonly column: I32;
}

/**
 * All tiles of the item: for some panels of eight columns that fit into the first-level cache, all rows. Where the inner
 * dimension is short, these are many: then a row of the result is written in long runs, not in halves of a cache line
 * that lie as far apart as its rows (a gradient of 128 by 12,544 over a batch of 64: three quarters of the time).
 */
function emitPanels(f: FunctionBuilder, e: Emission, shape: GemmShape, place: PanelPlace): void {
  const { m, n, k, rowsPerItem } = shape;
  const panelBytes = f.let(i32.mul(place.length, 32), "panelBytes");
  const together = 8 * Math.max(1, Math.floor(cachedPanels / (32 * Math.min(stretch, k))));
  const column = f.local("i32", "tileColumn");
  /** Tiles of `width` columns, in panels from `column` on, before `end`. */
  const rows = (count: number, width: number, end: I32): void => {
    const a = f.let(place.a, "a");
    const line = f.let(place.c, "line");
    const first = f.let(column, "firstColumn");
    for (const { height, repeat } of tileHeights(count, mostRows(shape.flavour, 8))) {
      const turns = f.let(i32.const(repeat), "turns");
      f.countdown(turns, () => {
        const panel = f.let(i32.add(place.panel, i32.mul(i32.shrU(first, 3), panelBytes)), "tilePanel");
        const c = f.let(i32.add(line, i32.mul(first, 4)), "c");
        f.for(column, first, end, 8, () => {
          emitTile(f, e, shape, { ...place, a, panel, c, column: i32.add(place.column, column) }, height, width);
          f.advance(panel, panelBytes);
          f.advance(c, 32);
        });
        f.advance(a, height * rowBytes(shape));
        f.advance(line, height * 4 * n);
      });
    }
  };
  const band = (width: number, end: I32): void => {
    const last = m % rowsPerItem;
    if (last === 0) rows(rowsPerItem, width, end);
    else if (m < rowsPerItem) rows(m, width, end);
    else
      f.if(
        i32.eq(place.row, m - last),
        () => rows(last, width, end),
        () => rows(rowsPerItem, width, end),
      );
  };
  const whole = f.let(i32.and(place.columns, -8), "whole");
  if (n >= 8) {
    f.set(column, 0);
    f.while(i32.ltS(column, whole), () => {
      const end = atMost(f, i32.add(column, together), whole);
      band(8, end);
      f.set(column, end);
    });
  }
  if (n % 8 > 0) {
    f.set(column, whole);
    f.if(i32.ltS(whole, place.columns), () => band(n % 8, i32.add(whole, 8)));
  }
}

/** Bytes of panels that stay in the first-level cache beside the numbers of a. */
const cachedPanels = 16 * 1024;

function rowBytes({ k, transA }: GemmShape): number {
  return transA ? 4 : 4 * k;
}

/** Steps of the inner dimension in one turn of the loop. */
const unroll = 8;

function emitTile(
  f: FunctionBuilder,
  e: Emission,
  shape: GemmShape,
  place: PanelPlace,
  height: number,
  width: number,
): void {
  const { m, n, k, transA } = shape;
  const vectors = width > 4 ? 2 : 1;
  const tile = e.pool.tile(height, vectors);
  const innerBytes = transA ? 4 * m : 4;
  const a = f.let(place.a, "aInner");
  const b = f.let(place.panel, "bInner");
  const left = f.let(place.length, "inner");
  tile.zero();
  f.block((exit) => {
    const turn = (steps: number): void => {
      const list = Array.from({ length: steps }, (_, i): Step => ({
        rows: Array.from({ length: height }, (_unused, r) => ({
          pointer: a,
          offset: r * rowBytes(shape) + i * innerBytes,
        })),
        columns: { pointer: b, offset: 32 * i },
      }));
      f.while(i32.geS(left, steps), () => {
        tile.run(list, { exit, pointer: b });
        f.advance(a, steps * innerBytes);
        f.advance(b, 32 * steps);
        f.set(left, i32.sub(left, steps));
      });
    };
    if (k >= unroll) turn(unroll);
    if (k % unroll !== 0) turn(1);
  });
  if (k > stretch) {
    f.if(i32.eqz(place.first), () => {
      tile.accumulators.forEach((row, r) => {
        row.forEach((acc, v) => {
          const before = loadLanes(place.c, Math.min(4, width - 4 * v), 4 * n * r + 16 * v);
          f.set(acc, f32x4.add(acc, before));
        });
      });
    });
  }
  const finish = (): void => {
    e.store.group();
    tile.accumulators.forEach((row, r) => {
      row.forEach((acc, v) => f.set(acc, e.store.finish(acc, place.c, 4 * n * r + 16 * v, 4 * v)));
    });
  };
  if (shape.epilogue !== undefined) {
    e.store.channel(place.column);
    if (k > stretch) f.if(place.last, finish);
    else finish();
  }
  tile.accumulators.forEach((row, r) => {
    row.forEach((acc, v) => storeLanes(f, place.c, acc, Math.min(4, width - 4 * v), 4 * n * r + 16 * v));
  });
}
