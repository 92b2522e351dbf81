/**
 * Matrix product of few rows with a transposed b: dot products of rows that lie along memory. Four numbers of the
 * inner dimension side by side, nothing copied: for few rows, reading b once is all that it takes.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { type FunctionBuilder, type I32, type Local, type V128, f32, f32x4, i32, v128 } from "../../wasm/index.ts";
import { type Epilogue, type Store, epilogueKey, storeOf } from "./epilogue.wasm.ts";
import { storeLanes } from "./lanes.wasm.ts";
import { type Flavour, flavourKey, multiplyAdd } from "./tile.wasm.ts";

export interface DotShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly flavour: Flavour;
  readonly epilogue?: Epilogue;
}

/** Columns of a work item. */
const columns = 4;

export function dotItems({ n }: DotShape): number {
  return Math.ceil(n / columns);
}

/** Pointers: a [m, k], b [n, k], result [m, n], the epilogue's operands. */
export function dotKernel(shape: DotShape): Kernel {
  const { m, n, k, flavour, epilogue } = shape;
  const operands = epilogue?.operands.length ?? 0;
  return defineKernel(
    { key: `dot ${m} ${n} ${k} ${flavourKey(flavour)} ${epilogueKey(epilogue)}`, pointers: 3 + operands, name: "dot" },
    (f, lo, hi, _scratch, a, b, result, ...operandPointers) => {
      const store = storeOf(f, epilogue, flavour.fma, result, operandPointers);
      const item = f.local("i32", "item");
      f.for(item, lo, hi, 1, () => {
        const bRow = f.let(i32.add(b, i32.mul(item, 4 * columns * k)), "bRow");
        const to = f.let(i32.add(result, i32.mul(item, 4 * columns)), "to");
        store.channel(i32.mul(item, columns));
        const last = n % columns;
        if (last === 0) emitColumns(f, store, shape, columns, a, bRow, to);
        else {
          f.if(
            i32.eq(item, Math.floor(n / columns)),
            () => emitColumns(f, store, shape, last, a, bRow, to),
            () => emitColumns(f, store, shape, columns, a, bRow, to),
          );
        }
      });
    },
  );
}

/** All rows, two at a time, by `width` columns. */
function emitColumns(f: FunctionBuilder, store: Store, shape: DotShape, width: number, a: I32, b: I32, to: I32): void {
  const { m, n, k } = shape;
  const aRow = f.let(a, "aRow");
  const target = f.let(to, "target");
  const pair = (rows: number): void => {
    emitDots(f, store, shape, rows, width, aRow, b, target);
    f.advance(aRow, 4 * k * rows);
    f.advance(target, 4 * n * rows);
  };
  if (m >= 2) {
    const turns = f.let(i32.const(m >> 1), "turns");
    f.countdown(turns, () => pair(2));
  }
  if (m % 2 === 1) pair(1);
}

function emitDots(
  f: FunctionBuilder,
  store: Store,
  { n, k, flavour }: DotShape,
  rows: number,
  width: number,
  aRow: I32,
  bRow: I32,
  to: I32,
): void {
  const a = f.let(aRow, "a");
  const b = f.let(bRow, "b");
  // One row has few sums: two sets of them, for even and odd vectors, so that none waits for itself.
  const sets = rows === 1 ? 2 : 1;
  const sums = Array.from({ length: sets }, () =>
    Array.from({ length: rows }, () => Array.from({ length: width }, () => f.local("v128", "sum"))),
  );
  for (const sum of sums.flat(2)) f.set(sum, f32x4.const(0));
  const turn = (set: number, offset: number): void => {
    const left = Array.from({ length: rows }, (_, r) => f.let(v128.load(a, 4 * k * r + offset)));
    for (let c = 0; c < width; c++) {
      const right = f.let(v128.load(b, 4 * k * c + offset));
      left.forEach((row, r) => f.set(sums[set][r][c], multiplyAdd(flavour.fma, row, right, sums[set][r][c])));
    }
  };
  const step = 4 * sets;
  if (k >= step) {
    const turns = f.let(i32.const(Math.floor(k / step)), "turns");
    f.countdown(turns, () => {
      for (let set = 0; set < sets; set++) turn(set, 16 * set);
      f.advance(a, 4 * step);
      f.advance(b, 4 * step);
    });
  }
  const rest = k % step;
  if (rest >= 4) turn(0, 0);
  const tail = rest % 4;
  const tailAt = rest - tail;
  store.group();
  for (let r = 0; r < rows; r++) {
    const totals = Array.from({ length: width }, (_, c) => {
      const sum = sums[0][r][c];
      if (sets === 2) f.set(sum, f32x4.add(sum, sums[1][r][c]));
      return emitTotal(f, sum, a, b, 4 * (k * r + tailAt), 4 * (k * c + tailAt), tail);
    });
    const row = totals.slice(1).reduce((v: V128, x, c) => f32x4.replaceLane(v, c + 1, x), f32x4.splat(totals[0]));
    storeLanes(f, to, f.let(store.finish(f.let(row), to, 4 * n * r, 0)), width, 4 * n * r);
  }
}

/** The lanes' sum, and the products of the last numbers that fill no vector. */
function emitTotal(
  f: FunctionBuilder,
  sum: Local<"v128">,
  a: I32,
  b: I32,
  aOffset: number,
  bOffset: number,
  tail: number,
): Local<"f32"> {
  const lane = (i: number): ReturnType<typeof f32x4.extractLane> => f32x4.extractLane(sum, i);
  const total = f.let(f32.add(f32.add(lane(0), lane(1)), f32.add(lane(2), lane(3))), "total");
  for (let i = 0; i < tail; i++) {
    f.set(total, f32.add(total, f32.mul(f32.load(a, aOffset + 4 * i), f32.load(b, bOffset + 4 * i))));
  }
  return total;
}
