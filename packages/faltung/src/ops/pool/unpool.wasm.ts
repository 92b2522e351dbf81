/**
 * The kernel of maxUnpool. It makes one row of its result from the rows of windows that cover it, so that no two threads
 * write to one place and the order of additions is fixed. In the blocked layout it slides along the row with the columns
 * under the current window in registers; otherwise, and for large windows, it asks for each cell which windows chose it.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel, Stage } from "../../backend/plan.ts";
import type { TensorType } from "../../tensor/shape.ts";
import {
  type FunctionBuilder,
  type I32,
  type Local,
  type V128,
  f32,
  f32x4,
  i32,
  i32x4,
  v128,
} from "../../wasm/index.ts";
import { type Store, epilogueOf, storeOf } from "../matmul/epilogue.wasm.ts";
import type { BufferRef, Layout, LayoutChoice, Lowered, Site } from "../op.ts";
import { LANES, alike, canBlock } from "../shape/physical.ts";
import {
  type Frame,
  type PoolAxis,
  announceChannels,
  frameKey,
  frameOf,
  fusedKey,
  rowCount,
  splitRow,
} from "./frame.wasm.ts";
import type { UnpoolAttributes } from "./maxPool.op.ts";

export function unpoolLayouts(inputs: readonly TensorType[]): readonly LayoutChoice[] {
  return alike(2, canBlock(inputs[0]));
}

const POINTERS: readonly BufferRef[] = [
  { kind: "input", index: 0 },
  { kind: "input", index: 1 },
  { kind: "output", index: 0 },
];

/** Windows of this size at most slide along in registers; `rows`: rows of windows that may cover one row. */
const MOST = { columns: 5, rows: 4 };

/** How many windows along an axis can cover one cell. */
function covering({ kernel, stride }: PoolAxis): number {
  return Math.ceil(kernel / stride);
}

function slides({ rows, columns, lanes }: Frame): boolean {
  const most = rows.reduce((n, a) => n * covering(a), 1);
  return (
    lanes === LANES &&
    [...rows, columns].every((a) => a.dilation === 1) &&
    Math.max(columns.kernel, columns.stride) <= MOST.columns &&
    most <= MOST.rows
  );
}

export function unpoolFrame(
  window: UnpoolAttributes["window"],
  whole: TensorType,
  pooled: TensorType,
  layout: Layout,
): Frame & { readonly planes: number } {
  return frameOf(window, whole.shape, pooled.shape, layout);
}

export function unpoolStage(
  label: string,
  kernel: Kernel,
  work: number,
  frame: Frame & { readonly planes: number },
  index: TensorType,
): Stage<BufferRef> {
  const { rows, columns, lanes, planes } = frame;
  const cells = planes * lanes;
  const pooled = cells * rowCount(rows, "output") * columns.output;
  const whole = cells * rowCount(rows, "input") * columns.input;
  return {
    label,
    kernel,
    work,
    pointers: POINTERS,
    writes: [2],
    integers: [],
    scratch: 0,
    flops: pooled,
    bytes: 4 * whole + pooled * (index.dtype === "uint8" ? 5 : 8),
  };
}

export function lowerMaxUnpool(site: Site<UnpoolAttributes>): Lowered {
  const {
    inputs: [dy, index],
    output,
    attrs: { window },
  } = site;
  const { epilogue, buffers } = epilogueOf(site, 2);
  const operands = epilogue?.operands.length ?? 0;
  const frame = unpoolFrame(window, output.type, dy.type, output.layout);
  const bytes = index.type.dtype === "uint8" ? 1 : 4;
  const sliding = slides(frame);
  const kernel: Kernel = defineKernel(
    {
      key: `maxUnpool ${frameKey(frame)} index ${bytes}${sliding ? "" : ", cell by cell"}${fusedKey(epilogue, frame)}`,
      pointers: 3 + operands,
      name: "maxUnpool",
    },
    (f, ...params) => {
      const [lo, hi, , dy_, index_, dx, ...rest] = params as Local<"i32">[];
      const fused = storeOf(f, epilogue, false, dx, rest);
      const item = f.local("i32", "item");
      f.for(item, lo, hi, 1, () => {
        const target = f.let(i32.add(dx, i32.mul(item, frame.columns.input * frame.lanes * 4)), "target");
        if (sliding) slideRow(f, frame, bytes, fused, item, dy_, index_, target);
        else askRow(f, frame, bytes, fused, item, dy_, index_, target);
      });
    },
  );
  const label = `maxUnpool ${window.kernel.join("×")}/${window.stride.join("×")} ${output.type.shape.join("×")}`;
  const work = frame.columns.input === 0 ? 0 : frame.planes * rowCount(frame.rows, "input");
  const stage = unpoolStage(label, kernel, work, frame, index.type);
  return { stages: [{ ...stage, pointers: [...POINTERS, ...buffers] }], temps: [] };
}

/** The smallest output whose window covers input i from behind, ⌈(i + begin − extent + 1) / stride⌉, but at least 0. */
function firstCovering(f: FunctionBuilder, a: PoolAxis, i: I32): Local<"i32"> {
  const extent = a.dilation * (a.kernel - 1) + 1;
  const past = f.let(i32.add(i, a.begin - extent + a.stride)); // + stride − 1 for rounding up, + 1
  f.atLeast(past, 0);
  return f.let(i32.divS(past, a.stride));
}

/** One more than the largest output whose window covers input i. */
function endCovering(f: FunctionBuilder, a: PoolAxis, i: I32): Local<"i32"> {
  const end = f.let(i32.add(i32.divS(i32.add(i, a.begin), a.stride), 1));
  f.atMost(end, a.output);
  return end;
}

/** For any window: each cell adds up the dy of those windows over it whose index names it. */
function askRow(
  f: FunctionBuilder,
  frame: Frame,
  bytes: 1 | 4,
  fused: Store,
  item: I32,
  dy: I32,
  index: I32,
  target: Local<"i32">,
): void {
  const { rows, columns, lanes } = frame;
  const { index: at, plane } = splitRow(f, item, rows, "input");
  announceChannels(fused, frame, plane);
  const axes = [...rows, columns];
  const i = f.local("i32", "column");
  const first = f.let(i32.mul(plane, rowCount(rows, "output") * columns.output));
  const sums = lanes === LANES ? [f.local("v128"), f.local("v128")] : [];
  const sum = f.local("f32");
  f.for(i, 0, columns.input, 1, () => {
    for (const s of sums) f.set(s, f32x4.const(0));
    f.set(sum, 0);
    const walk = (d: number, cell: I32, tap: I32): void => {
      if (d === axes.length) {
        const place = f.let(i32.add(first, cell));
        const here = f.let(i32.add(dy, i32.mul(place, lanes * 4)));
        const chosen = f.let(i32.add(index, i32.mul(place, lanes * bytes)));
        if (lanes === LANES) {
          const names = loadIndices(f, chosen, bytes);
          const wanted = f.let(i32x4.splat(tap));
          sums.forEach((s, h) => f.set(s, f32x4.add(s, v128.and(v128.load(here, 16 * h), i32x4.eq(names[h], wanted)))));
        } else {
          const name = bytes === 1 ? i32.load8U(chosen) : i32.load(chosen);
          f.if(i32.eq(name, tap), () => f.set(sum, f32.add(sum, f32.load(here))));
        }
        return;
      }
      const a = axes[d];
      const own = d === rows.length ? i : at[d];
      const o = f.local("i32");
      f.for(o, firstCovering(f, a, own), endCovering(f, a, own), 1, () => {
        const distance = f.let(i32.sub(i32.add(own, a.begin), i32.mul(o, a.stride)));
        const next = (): void => {
          const t = a.dilation === 1 ? distance : f.let(i32.divS(distance, a.dilation));
          walk(
            d + 1,
            d === 0 ? o : f.let(i32.add(i32.mul(cell, a.output), o)),
            d === 0 ? t : f.let(i32.add(i32.mul(tap, a.kernel), t)),
          );
        };
        if (a.dilation === 1) next();
        else f.if(i32.eqz(i32.remU(distance, a.dilation)), next);
      });
    };
    walk(0, i32.const(0), i32.const(0));
    fused.group();
    if (lanes === LANES) {
      sums.forEach((s, h) => f.do(v128.store(target, fused.finish(s, target, 16 * h, 4 * h), 16 * h)));
    } else {
      f.do(v128.store32Lane(target, f.let(fused.finish(f32x4.splat(sum), target, 0, 0, true)), 0));
    }
    f.advance(target, lanes * 4);
  });
}

/** The indices of eight channels as words. */
function loadIndices(f: FunctionBuilder, pointer: I32, bytes: 1 | 4): readonly Local<"v128">[] {
  if (bytes === 4) return [0, 16].map((o) => f.let(v128.load(pointer, o)));
  const words = f.let(v128.load8x8U(pointer));
  return [f.let(i32x4.extendLowI16x8U(words)), f.let(i32x4.extendHighI16x8U(words))];
}

/** A row of windows that may cover the current row of cells: its dy and indices, and the tap numbers of its row. */
interface Source {
  readonly dy: Local<"i32">;
  readonly index: Local<"i32">;
  /** For each tap of a row its number in every lane; no index equals those of a row that does not cover. */
  readonly taps: readonly Local<"v128">[];
  /** Null if it always does. */
  readonly exists: I32 | null;
}

/** Blocked layout, no dilation: windows from left to right, with the sums of the columns they cover in registers. */
function slideRow(
  f: FunctionBuilder,
  frame: Frame,
  bytes: 1 | 4,
  fused: Store,
  item: I32,
  dy: I32,
  index: I32,
  target: Local<"i32">,
): void {
  const { rows, columns } = frame;
  const { index: at, plane } = splitRow(f, item, rows, "input");
  announceChannels(fused, frame, plane);
  const sources = coveringRows(f, frame, bytes, at, plane, dy, index);
  const last = sources[sources.length - 1].exists;
  const slide = (from: readonly Source[]): void => slideOver(f, columns, bytes, fused, from, target);
  // Not all rows have as many sources: every other one of 3×3 windows two steps apart has one.
  if (sources.length === 1 || last === null) slide(sources);
  else
    f.if(
      last,
      () => slide(sources),
      () => slide(sources.slice(0, -1)),
    );
}

/** A row of cells from the rows of windows that cover it. */
function slideOver(
  f: FunctionBuilder,
  { input, output, kernel, stride, begin }: PoolAxis,
  bytes: 1 | 4,
  fused: Store,
  sources: readonly Source[],
  target: Local<"i32">,
): void {
  // Sums of columns o·stride − begin + 0 … span − 1 while window o is at hand; `stride` of them are complete after it.
  const span = Math.max(kernel, stride);
  const sums = Array.from({ length: span }, () => [f.local("v128"), f.local("v128")]);
  for (const s of sums.flat()) f.set(s, f32x4.const(0));
  const add = (): void => {
    for (const { dy: here, index: chosen, taps } of sources) {
      const names = loadIndices(f, chosen, bytes);
      [0, 1].forEach((h) => {
        const d = f.let(v128.load(here, 16 * h));
        taps.forEach((tap, t) => f.set(sums[t][h], f32x4.add(sums[t][h], v128.and(d, i32x4.eq(names[h], tap)))));
      });
      f.advance(here, LANES * 4);
      f.advance(chosen, LANES * bytes);
    }
  };
  const shift = (): void => {
    for (let c = 0; c < span; c++) {
      [0, 1].forEach((h) => f.set(sums[c][h], c + stride < span ? (sums[c + stride][h] as V128) : f32x4.const(0)));
    }
  };
  /** Column c under the window, or zeros where no window is. */
  const store = (c: number, offset: number): void => {
    fused.group();
    [0, 1].forEach((h) => {
      const value = c < span ? sums[c][h] : f32x4.const(0);
      f.do(v128.store(target, fused.finish(value, target, offset + 16 * h, 4 * h), offset + 16 * h));
    });
  };
  // Windows whose `stride` first columns all lie inside go in a loop; those at the edges are written out.
  const from = Math.min(Math.ceil(begin / stride), output);
  const to = Math.max(Math.min(Math.floor((input + begin - stride) / stride) + 1, output), from);
  const atEdge = (o: number): void => {
    add();
    let stored = 0;
    for (let c = 0; c < stride; c++) {
      const column = o * stride - begin + c;
      if (column >= 0 && column < input) store(c, 32 * stored++);
    }
    if (stored > 0) f.advance(target, 32 * stored);
    shift();
  };
  for (let o = 0; o < from; o++) atEdge(o);
  if (to > from) {
    const left = f.let(i32.const(to - from), "left");
    f.countdown(left, () => {
      add();
      for (let c = 0; c < stride; c++) store(c, 32 * c);
      f.advance(target, 32 * stride);
      shift();
    });
  }
  for (let o = to; o < output; o++) atEdge(o);
  // What is left of the last windows, then zeros.
  const next = Math.max(output * stride - begin, 0);
  for (let column = next; column < input; column++) {
    store(column - (output * stride - begin), 32 * (column - next));
  }
}

function coveringRows(
  f: FunctionBuilder,
  { rows, columns }: Frame,
  bytes: 1 | 4,
  at: readonly I32[],
  plane: I32,
  dy: I32,
  index: I32,
): Source[] {
  // For each combination of covering windows along the leading axes: its row, its row of taps, and whether it exists.
  let list: { readonly row: I32; readonly taps: I32; readonly exists: I32 | null }[] = [
    { row: plane, taps: i32.const(0), exists: null },
  ];
  rows.forEach((a, d) => {
    const first = firstCovering(f, a, at[d]);
    const end = endCovering(f, a, at[d]);
    list = list.flatMap(({ row, taps, exists }) =>
      Array.from({ length: covering(a) }, (_, k) => {
        const o = f.let(i32.add(first, k));
        const there = f.let(i32.ltS(o, end));
        f.if(i32.eqz(there), () => f.set(o, 0)); // some row that may be read
        const tap = i32.sub(i32.add(at[d], a.begin), i32.mul(o, a.stride));
        return {
          row: f.let(i32.add(i32.mul(row, a.output), o)),
          taps: f.let(i32.add(i32.mul(taps, a.kernel), tap)),
          exists: exists === null ? there : f.let(i32.and(exists, there)),
        };
      }),
    );
  });
  return list.map(({ row, taps, exists }) => {
    const base = f.let(i32.mul(taps, columns.kernel));
    if (exists !== null) f.if(i32.eqz(exists), () => f.set(base, -1 - columns.kernel));
    const place = f.let(i32.mul(row, columns.output * LANES));
    return {
      exists,
      dy: f.let(i32.add(dy, i32.mul(place, 4))),
      index: f.let(i32.add(index, i32.mul(place, bytes))),
      taps: Array.from({ length: columns.kernel }, (_, t) => f.let(i32x4.splat(i32.add(base, t)))),
    };
  });
}
