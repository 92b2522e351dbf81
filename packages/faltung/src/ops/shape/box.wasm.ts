/**
 * Moving boxes of elements between buffers, each with strides of its own: the kernel behind slice, place, concat, pad
 * and flip. A lowering lists the boxes; one function moves them all, so that threads meet once. Sizes and strides are
 * constants in the code: runs that are contiguous on both sides become vector loads and stores.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel, Stage } from "../../backend/plan.ts";
import { type FunctionBuilder, type I32, type Local, i32 } from "../../wasm/index.ts";
import type { DType } from "../../tensor/shape.ts";
import type { BufferRef } from "../op.ts";
import { advance, copyRun, everySecond, reversed, splat, storeElement, strided } from "./runs.wasm.ts";

/** An axis of a box. Strides are in elements and may be negative. */
export interface BoxAxis {
  readonly size: number;
  /** Step in the source; of no interest where the box is filled. */
  readonly from: number;
  readonly to: number;
}

/** Where elements come from: a place in a buffer, or one number for all. */
export type BoxSource =
  | { readonly kind: "buffer"; readonly pointer: number; readonly offset: number }
  /** Bits of the element, as an integer. */
  | { readonly kind: "fill"; readonly bits: number };

export interface Box {
  readonly axes: readonly BoxAxis[];
  readonly source: BoxSource;
  /** Index of the target's pointer, and the box's first element there. */
  readonly target: number;
  readonly offset: number;
}

/** Bytes that one work item moves at most, where a run is longer. */
const CHUNK = 1 << 14;

/** One stage that moves all boxes. They must not overlap in their targets. */
export function moveBoxes(
  label: string,
  boxes: readonly Box[],
  dtype: DType,
  pointers: readonly BufferRef[],
  writes: readonly number[],
): Stage<BufferRef> {
  const bytes = dtype === "uint8" ? 1 : 4;
  const merged = boxes.map(simplify).filter((box) => box.axes.every((a) => a.size > 0));
  const moves = merged.map((box) => arrange(box, bytes));
  const size = merged.reduce((n, box) => n + box.axes.reduce((k, a) => k * a.size, 1), 0);
  return {
    label,
    kernel: boxKernel(moves, bytes, pointers.length),
    work: moves.reduce((n, m) => n + m.items, 0),
    pointers,
    writes,
    integers: [],
    scratch: 0,
    flops: 0,
    bytes: 2 * size * bytes,
  };
}

/** Axes of size 1 left out, and neighbours that lie in memory like one axis merged. */
export function simplify(box: Box): Box {
  const axes: BoxAxis[] = [];
  for (const axis of box.axes) {
    const last = axes.at(-1);
    if (axis.size === 1) continue;
    const follows = last !== undefined && last.to === axis.to * axis.size;
    if (follows && (box.source.kind === "fill" || last.from === axis.from * axis.size)) {
      axes[axes.length - 1] = { size: last.size * axis.size, from: axis.from, to: axis.to };
    } else {
      axes.push(axis);
    }
  }
  return { ...box, axes };
}

/** A box with its axes divided between the numbering of work items and the loops within one. */
interface Move {
  readonly box: Box;
  readonly outer: readonly BoxAxis[];
  /** At most two. */
  readonly inner: readonly BoxAxis[];
  /** The last inner axis is cut into so many chunks of `CHUNK` bytes (1: not cut). */
  readonly chunks: number;
  readonly items: number;
}

function arrange(box: Box, bytes: number): Move {
  const { axes } = box;
  const run = axes.at(-1);
  const chunk = CHUNK / bytes;
  const contiguous = run === undefined || (run.to === 1 && (run.from === 1 || box.source.kind === "fill"));
  if (contiguous && run !== undefined && run.size > chunk) {
    const chunks = Math.ceil(run.size / chunk);
    const outer = axes.slice(0, -1);
    return { box, outer, inner: [run], chunks, items: chunks * product(outer) };
  }
  // Two loops inside where rows are short, unless that leaves too few items to divide among threads.
  const count = axes.length;
  const short = count >= 2 && axes[count - 1].size * bytes < 512;
  const enough = product(axes.slice(0, -2)) >= 8 || product(axes.slice(-2)) * bytes <= CHUNK;
  const rows = short && enough ? 2 : 1;
  const inner = axes.slice(Math.max(count - rows, 0));
  const outer = axes.slice(0, Math.max(count - rows, 0));
  return { box, outer, inner, chunks: 1, items: product(outer) };
}

function product(axes: readonly BoxAxis[]): number {
  return axes.reduce((n, a) => n * a.size, 1);
}

function boxKernel(moves: readonly Move[], bytes: 1 | 4, pointers: number): Kernel {
  const show = (a: BoxAxis): string => `${a.size}:${a.from}:${a.to}`;
  const key = `move ${bytes} ${moves
    .map(({ box: { source: s, target, offset }, outer, inner, chunks, items }) => {
      const from = s.kind === "fill" ? `fill ${s.bits}` : `${s.pointer}+${s.offset}`;
      return `${from}>${target}+${offset} ${outer.map(show).join()}/${inner.map(show).join()}/${chunks}/${items}`;
    })
    .join(" ")}`;
  return defineKernel({ key, pointers, name: "move" }, (f, ...params) => {
    const [lo, hi, , ...buffers] = params as Local<"i32">[];
    let first = 0;
    for (const move of moves) {
      emitMove(f, move, bytes, lo, hi, first, buffers);
      first += move.items;
    }
  });
}

/** Items first ≤ i < first + move.items, as far as they lie in [lo, hi). */
function emitMove(
  f: FunctionBuilder,
  move: Move,
  bytes: 1 | 4,
  lo: I32,
  hi: I32,
  first: number,
  buffers: readonly Local<"i32">[],
): void {
  const { box, outer, inner, chunks, items } = move;
  const item = f.local("i32", "item");
  const from = f.let(i32.sub(lo, first), "from");
  f.atLeast(from, 0);
  const to = f.let(i32.sub(hi, first), "to");
  f.atMost(to, items);
  const source = f.local("i32", "source");
  const target = f.local("i32", "target");
  const filled = box.source.kind === "fill";
  const pattern = box.source.kind === "fill" ? f.let(splat(box.source.bits, bytes)) : null;
  const chunkSize = CHUNK / bytes;

  f.for(item, from, to, 1, () => {
    let rest: I32 = item;
    const cut = f.local("i32", "chunk");
    if (chunks > 1) {
      f.set(cut, i32.remU(rest, chunks));
      rest = f.let(i32.divU(rest, chunks));
    }
    // The item's index along each outer axis, innermost first.
    let sourceAt: I32 | null = null;
    let targetAt: I32 | null = null;
    for (let d = outer.length - 1; d >= 0; d--) {
      const { size, from: stepFrom, to: stepTo } = outer[d];
      const index = d === 0 ? f.let(rest) : f.let(i32.remU(rest, size));
      if (d > 0) rest = f.let(i32.divU(rest, size));
      const there: I32 = i32.mul(index, stepTo * bytes);
      targetAt = targetAt === null ? there : i32.add(targetAt, there);
      const here: I32 = i32.mul(index, stepFrom * bytes);
      sourceAt = sourceAt === null ? here : i32.add(sourceAt, here);
    }
    const at = (buffer: I32, offset: number, more: I32 | null): I32 => {
      let p: I32 = offset === 0 ? buffer : i32.add(buffer, offset * bytes);
      if (more !== null) p = i32.add(p, more);
      return chunks > 1 ? i32.add(p, i32.mul(cut, CHUNK)) : p;
    };
    f.set(target, at(buffers[box.target], box.offset, targetAt));
    if (box.source.kind === "buffer") f.set(source, at(buffers[box.source.pointer], box.source.offset, sourceAt));
    if (inner.length === 0) {
      copyRun(f, target, pattern ?? source, bytes);
      return;
    }
    const run = inner[inner.length - 1];
    const row = (): void => {
      if (run.to === 1 && (filled || run.from === 1)) {
        if (chunks === 1) copyRun(f, target, pattern ?? source, run.size * bytes);
        else {
          const last = run.size - (chunks - 1) * chunkSize;
          f.if(
            i32.ltU(cut, chunks - 1),
            () => copyRun(f, target, pattern ?? source, CHUNK),
            () => copyRun(f, target, pattern ?? source, last * bytes),
          );
        }
      } else if (pattern !== null) {
        strided(
          f,
          run.size,
          () => storeElement(f, target, bytes, bitsOf(box.source)),
          () => advance(f, target, run.to * bytes),
        );
      } else if (run.to === 1 && run.from === -1 && run.size * bytes >= 16) {
        reversed(f, target, source, run.size, bytes);
      } else if (run.to === 1 && run.from === 2 && bytes === 4 && run.size >= 4) {
        everySecond(f, target, source, run.size);
      } else {
        strided(
          f,
          run.size,
          (k) => {
            // Constant offsets save the additions, but must not be negative.
            const [a, b] = [k * run.to * bytes, k * run.from * bytes];
            const there = a >= 0 ? target : i32.add(target, a);
            const here = b >= 0 ? source : i32.add(source, b);
            const [ao, bo] = [Math.max(a, 0), Math.max(b, 0)];
            f.do(bytes === 4 ? i32.store(there, i32.load(here, bo), ao) : i32.store8(there, i32.load8U(here, bo), ao));
          },
          (k) => {
            advance(f, target, k * run.to * bytes);
            advance(f, source, k * run.from * bytes);
          },
          4,
        );
      }
    };
    if (inner.length === 1) return row();
    // Rows may move the pointers along, so each starts from its own.
    const [{ size, from: rowFrom, to: rowTo }] = inner;
    const rowTarget = f.let(target);
    const rowSource = f.let(source);
    const left = f.let(i32.const(size));
    f.countdown(left, () => {
      f.set(target, rowTarget);
      if (!filled) f.set(source, rowSource);
      row();
      advance(f, rowTarget, rowTo * bytes);
      if (!filled) advance(f, rowSource, rowFrom * bytes);
    });
  });
}

function bitsOf(source: BoxSource): number {
  return source.kind === "fill" ? source.bits : 0;
}
