/**
 * Kernels of maxPool and maxPoolIndex, and of both in one pass. In the middle of a row, where windows lie inside the
 * input, all taps are written out; rows of taps beyond the input are replaced by the nearest row inside, which changes
 * no maximum. Columns at the edges, and large windows, go tap by tap.
 *
 * The quick way is blind to NaN but notices it; such rows are done again, so what is fused must not work in place. Where
 * windows overlap, two rows of them are made at once, and the maxima of the taps that they share are computed once.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel, Stage } from "../../backend/plan.ts";
import { type TensorType, sizeOf } from "../../tensor/shape.ts";
import { type FunctionBuilder, type I32, type Local, i32 } from "../../wasm/index.ts";
import { type Epilogue, type Store, epilogueOf, storeOf } from "../matmul/epilogue.wasm.ts";
import type { BufferRef, Layout, LayoutChoice, Lowered, Site } from "../op.ts";
import { alike, canBlock } from "../shape/physical.ts";
import { type Best, type CarefulBest, type Wanted, carefulBest, quickBest } from "./best.wasm.ts";
import {
  type Frame,
  type PoolAxis,
  announceChannels,
  frameKey,
  frameOf,
  fusedKey,
  insideRange,
  neverClips,
  rowCount,
  splitRow,
  tapRange,
} from "./frame.wasm.ts";
import { type PoolWindow, tapCount } from "./window.ts";

/** Windows of more taps than this are walked by loops. */
const MOST_TAPS = 32;
/** So many taps are written out for the columns at the edges. */
const MOST_EDGE_TAPS = 64;

export function poolLayouts(inputs: readonly TensorType[]): readonly LayoutChoice[] {
  return alike(1, canBlock(inputs[0]));
}

const INPUT: BufferRef = { kind: "input", index: 0 };

export function lowerMaxPool(site: Site<PoolWindow>): Lowered {
  const { inputs, output, attrs } = site;
  const wanted: Wanted = { value: true, index: null };
  return lowerBest("maxPool", attrs, inputs[0].type, output.type, output.layout, wanted, epilogueOf(site, 1));
}

export function lowerMaxPoolIndex({ inputs: [x], output, attrs }: Site<PoolWindow>): Lowered {
  const wanted: Wanted = { value: false, index: indexBytes(attrs) };
  return lowerBest("maxPoolIndex", attrs, x.type, output.type, output.layout, wanted);
}

/** maxPool (output 0) and maxPoolIndex (output 1) of one x in one pass, all in one layout: for a fused task. */
export function lowerMaxPoolWithIndex(window: PoolWindow, x: TensorType, output: TensorType, layout: Layout): Lowered {
  return lowerBest("maxPool+index", window, x, output, layout, { value: true, index: indexBytes(window) });
}

function indexBytes(window: PoolWindow): "uint8" | "int32" {
  return tapCount(window) <= 256 ? "uint8" : "int32";
}

function lowerBest(
  what: string,
  window: PoolWindow,
  x: TensorType,
  y: TensorType,
  layout: Layout,
  wanted: Wanted,
  fused: ReturnType<typeof epilogueOf> = { buffers: [] },
): Lowered {
  const frame = frameOf(window, x.shape, y.shape, layout);
  const outputs = (wanted.value ? 1 : 0) + (wanted.index === null ? 0 : 1);
  const made = frame.planes * frame.lanes * sizeOf(y.shape.slice(2));
  const read = frame.planes * frame.lanes * sizeOf(x.shape.slice(2));
  const written = (wanted.value ? 4 : 0) + (wanted.index === "uint8" ? 1 : wanted.index === "int32" ? 4 : 0);
  const results = Array.from({ length: outputs }, (_, index): BufferRef => ({ kind: "output", index }));
  const stage: Stage<BufferRef> = {
    label: `${what} ${window.kernel.join("×")}/${window.stride.join("×")} ${x.shape.join("×")}`,
    kernel: bestKernel(frame, wanted, fused.epilogue),
    work: frame.columns.output === 0 ? 0 : frame.planes * rowCount(frame.rows, "output"),
    pointers: [INPUT, ...results, ...fused.buffers],
    writes: results.map((_, i) => i + 1),
    integers: [],
    scratch: 0,
    flops: made * tapCount(window),
    bytes: read * 4 + made * written,
  };
  return { stages: [stage], temps: [] };
}

function bestKernel(frame: Frame, wanted: Wanted, epilogue: Epilogue | undefined): Kernel {
  const { value, index } = wanted;
  const results = (value ? 1 : 0) + (index === null ? 0 : 1);
  const pointers = 1 + results + (epilogue?.operands.length ?? 0);
  return defineKernel(
    {
      key: `maxPool ${frameKey(frame)} ${value ? "value" : ""} ${index ?? ""}${fusedKey(epilogue, frame)}`,
      pointers,
      name: "maxPool",
    },
    (f, ...params) => {
      const [lo, hi, , x, ...rest] = params as Local<"i32">[];
      const fused = storeOf(f, epilogue, false, rest[0], rest.slice(results));
      emitBest(f, frame, wanted, fused, lo, hi, x, rest.slice(0, results));
    },
  );
}

/** A row of taps: where its cell 0 lies, and the number of its first tap as known in the code or at run time. */
interface TapRow {
  readonly pointer: Local<"i32">;
  readonly offset: number;
  readonly first: number | I32;
}

function emitBest(
  f: FunctionBuilder,
  frame: Frame,
  wanted: Wanted,
  fused: Store,
  lo: I32,
  hi: I32,
  x: I32,
  targets: readonly Local<"i32">[],
): void {
  const { rows, columns, lanes } = frame;
  const cell = lanes * 4;
  const rowBytes = columns.input * cell;
  const indexCell = wanted.index === "uint8" ? lanes : 4 * lanes;
  const item = f.local("i32", "item");
  const values = wanted.value ? f.local("i32", "values") : null;
  const indices = wanted.index === null ? null : f.local("i32", "indices");
  const taps = rows.reduce((n, a) => n * a.kernel, 1) * columns.kernel;
  // Rows of taps that a window shares with the one below it.
  const overlap = rows.length === 1 ? rows[0].kernel - rows[0].stride : 0;
  const careful = carefulBest(f, wanted, lanes, fused);
  const quick = quickBest(f, wanted, lanes, fused, columns.output * cell);
  const best = quick ?? careful;

  f.for(item, lo, hi, 1, () => {
    const { index, plane } = splitRow(f, item, rows, "output");
    const base = f.let(i32.add(x, i32.mul(plane, rowCount(rows, "input") * rowBytes)), "base");
    const atStart = (): void => {
      if (values !== null) f.set(values, i32.add(targets[0], i32.mul(item, columns.output * cell)));
      if (indices !== null) {
        f.set(indices, i32.add(targets[targets.length - 1], i32.mul(item, columns.output * indexCell)));
      }
    };
    const finish = (by: Best): void => {
      by.store(values, indices);
      if (values !== null) f.advance(values, cell);
      if (indices !== null) f.advance(indices, indexCell);
    };
    const walk = (first: number, end: number, at: readonly I32[] = index): void =>
      walkColumns(f, frame, base, at, careful, first, end, () => finish(careful));
    atStart();
    announceChannels(fused, frame, plane);
    if (taps > MOST_TAPS) return walk(0, columns.output);
    if (quick !== null) quick.forgetNaN();
    const { from, to: inside } = insideRange(columns);
    // Of overlapping windows the next one notices NaN in the columns that both take; the last one takes care of all of its.
    const to = columns.kernel > columns.stride ? Math.max(from, Math.min(inside, columns.output - 1)) : inside;
    const byLoops = (columns.output - (to - from)) * taps > MOST_EDGE_TAPS;
    /** One row of windows, or also the one below it. */
    const someRows = (...places: (readonly I32[])[]): void => {
      // Of the windows below only the taps that those above have not.
      const tapRows = places.map((at, below) =>
        rowsOfTaps(f, rows, at, base, rowBytes, columns.kernel).slice(below * overlap),
      );
      // Numbers of taps that are only known at run time are spread over the lanes once a row.
      const all = Array.from({ length: columns.kernel }, (_, t) => t);
      const numbers = tapRows.map((list) => list.map((row) => all.map((t) => best.number(tapNumber(row, t)))));
      const pointers = new Map<Local<"i32">, Local<"i32">>();
      /** Windows below each other: tap 0 of a row is `start` cells after its pointer. */
      const takeAll = (taken: readonly number[], start: number, noticed?: (t: number) => boolean): void => {
        tapRows.forEach((list, below) => {
          best.begin(overlap * taken.length);
          list.forEach((row, r) => {
            const p = (noticed && pointers.get(row.pointer)) ?? row.pointer;
            for (const t of taken) {
              const at = row.offset + (start + t * columns.dilation) * cell;
              best.take(p, at, numbers[below][r][t], noticed?.(t));
            }
          });
        });
        finish(best);
      };
      const atEdge = (first: number, end: number): void => {
        if (byLoops) return walk(first, end);
        for (let o = first; o < end; o++) {
          const start = o * columns.stride - columns.begin;
          const isInside = (c: number): boolean => c >= 0 && c < columns.input;
          takeAll(
            all.filter((t) => isInside(start + t * columns.dilation)),
            start,
          );
        }
      };
      atEdge(0, from);
      if (to > from) {
        const shift = (from * columns.stride - columns.begin) * cell;
        for (const row of tapRows.flat()) {
          if (!pointers.has(row.pointer)) pointers.set(row.pointer, f.let(i32.add(row.pointer, shift)));
        }
        const left = f.let(i32.const(to - from), "left");
        f.countdown(left, () => {
          takeAll(all, 0, (t) => !byLoops && columns.dilation === 1 && t >= columns.stride);
          for (const p of pointers.values()) f.advance(p, columns.stride * cell);
        });
      }
      atEdge(to, columns.output);
      if (quick !== null) {
        f.if(quick.sawNaN(), () => {
          atStart();
          for (const at of places) walk(0, columns.output, at);
        });
      }
    };
    if (quick === null || indices !== null || byLoops || rows.length !== 1 || overlap <= 0 || rows[0].dilation > 1)
      return someRows(index);
    const next = i32.add(index[0], 1);
    const two = i32.and(i32.ltS(i32.add(item, 1), hi), i32.ltS(next, rows[0].output));
    f.if(
      two,
      () => {
        someRows(index, [f.let(next)]);
        f.advance(item, 1);
      },
      () => someRows(index),
    );
  });
}

function tapNumber({ first }: TapRow, t: number): number | I32 {
  return typeof first === "number" ? first + t : t === 0 ? first : i32.add(first, t);
}

/** All rows of a window's taps, those outside of the input replaced by the nearest one inside. */
function rowsOfTaps(
  f: FunctionBuilder,
  axes: readonly PoolAxis[],
  index: readonly I32[],
  base: Local<"i32">,
  rowBytes: number,
  kernelWidth: number,
): TapRow[] {
  // Of each row: what varies of its number, what is constant, and the number of its first tap, counted in rows.
  let list: { readonly cell: Local<"i32"> | null; readonly offset: number; readonly first: number | I32 }[] = [
    { cell: null, offset: 0, first: 0 },
  ];
  axes.forEach((a, d) => {
    const inside = neverClips(a);
    const range = tapRange(f, a, index[d]);
    const tapsInside = Array.from({ length: inside ? 0 : a.kernel }, (_, t) => {
      const tap = f.let(i32.const(t));
      f.atLeast(tap, range.low);
      f.if(i32.geS(tap, range.high), () => f.set(tap, i32.sub(range.high, 1)));
      return { tap, at: f.let(i32.add(range.first, a.dilation === 1 ? tap : i32.mul(tap, a.dilation))) };
    });
    const within = (outer: I32 | null, at: I32): Local<"i32"> =>
      f.let(outer === null ? at : i32.add(i32.mul(outer, a.input), at));
    // Rows that differ by a constant share what varies, and so a pointer.
    const starts = new Map<I32 | null, Local<"i32">>();
    list = list.flatMap((row) =>
      Array.from({ length: a.kernel }, (_, t) => {
        const { first } = row;
        if (inside) {
          const cell = starts.get(row.cell) ?? within(row.cell, range.first);
          starts.set(row.cell, cell);
          const number = typeof first === "number" ? first * a.kernel + t : f.let(i32.add(i32.mul(first, a.kernel), t));
          return { cell, offset: row.offset * a.input + t * a.dilation, first: number };
        }
        const { tap, at } = tapsInside[t];
        const number = i32.add(typeof first === "number" ? first * a.kernel : i32.mul(first, a.kernel), tap);
        return { cell: within(row.cell, at), offset: row.offset * a.input, first: f.let(number) };
      }),
    );
  });
  const pointers = new Map<I32 | null, Local<"i32">>([[null, base]]);
  return list.map(({ cell, offset, first }) => {
    const pointer = pointers.get(cell) ?? f.let(i32.add(base, i32.mul(cell ?? 0, rowBytes)));
    pointers.set(cell, pointer);
    const number = typeof first === "number" ? first * kernelWidth : f.let(i32.mul(first, kernelWidth));
    return { pointer, offset: offset * rowBytes, first: number };
  });
}

/** Columns first ≤ o < end, tap by tap. */
function walkColumns(
  f: FunctionBuilder,
  { rows, columns, lanes }: Frame,
  base: I32,
  index: readonly I32[],
  best: CarefulBest,
  first: number,
  end: number,
  finish: () => void,
): void {
  const o = f.local("i32", "column");
  f.for(o, first, end, 1, () => {
    best.reset();
    const axes = [...rows, columns];
    // `cell`: row-major number of the input cell so far; `tap`: of the tap.
    const walk = (d: number, cell: I32, tap: I32): void => {
      if (d === axes.length) {
        best.take(f.let(i32.add(base, i32.mul(cell, lanes * 4))), 0, best.number(tap));
        return;
      }
      const a = axes[d];
      const range = tapRange(f, a, d === rows.length ? o : index[d]);
      const t = f.local("i32");
      f.for(t, range.low, range.high, 1, () => {
        const at = i32.add(range.first, a.dilation === 1 ? t : i32.mul(t, a.dilation));
        const next = f.let(d === 0 ? at : i32.add(i32.mul(cell, a.input), at));
        walk(d + 1, next, f.let(d === 0 ? t : i32.add(i32.mul(tap, a.kernel), t)));
      });
    };
    walk(0, i32.const(0), i32.const(0));
    finish();
  });
}
