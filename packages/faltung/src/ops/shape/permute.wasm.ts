/**
 * permute: a plain move where the last axis stays last; else the axis that was last and the one that becomes last are
 * exchanged in tiles of 4 × 4 words, so that both sides are read and written by vectors.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel, Stage } from "../../backend/plan.ts";
import { BYTES, sizeOf, stridesOf } from "../../tensor/shape.ts";
import { type FunctionBuilder, type I32, type Local, i32, v128 } from "../../wasm/index.ts";
import { emitTranspose } from "./words.wasm.ts";
import type { BufferRef, Lowered, Site } from "../op.ts";
import { type Box, type BoxAxis, moveBoxes, simplify } from "./box.wasm.ts";
import type { PermuteAttributes } from "./permute.op.ts";
import { IN_OUT } from "./physical.ts";

/** Columns of the source that one work item brings over: a cache line of 64 bytes from each row. */
const STRIP = 16;

export function lowerPermute({ inputs: [x], output, attrs: { axes } }: Site<PermuteAttributes>): Lowered {
  const { shape, dtype } = output.type;
  const from = stridesOf(x.type.shape);
  const to = stridesOf(shape);
  const box: Box = {
    axes: shape.map((size, d) => ({ size, from: from[axes[d]], to: to[d] })),
    source: { kind: "buffer", pointer: 0, offset: 0 },
    target: 1,
    offset: 0,
  };
  const label = `permute ${x.type.shape.join("×")} by ${axes.join()}`;
  const merged = simplify(box).axes;
  const last = merged.at(-1);
  const other = merged.findIndex((a) => a.from === 1);
  const tiled =
    last !== undefined && other >= 0 && other < merged.length - 1 && last.size >= 4 && merged[other].size >= 4;
  if (BYTES[dtype] === 4 && tiled && sizeOf(shape) > 0) {
    const outer = merged.filter((_, d) => d !== other && d !== merged.length - 1);
    return { stages: [transposeStage(label, outer, merged[other], last)], temps: [] };
  }
  return { stages: [moveBoxes(label, [box], dtype, IN_OUT, [1])], temps: [] };
}

/** `column`: contiguous in the source; `row`: contiguous in the target. */
function transposeStage(label: string, outer: readonly BoxAxis[], column: BoxAxis, row: BoxAxis): Stage<BufferRef> {
  const strips = Math.max(Math.floor(column.size / STRIP), 1);
  const count = outer.reduce((n, a) => n * a.size, 1);
  const show = (a: BoxAxis): string => `${a.size}:${a.from}:${a.to}`;
  const kernel: Kernel = defineKernel(
    {
      // The outermost axis is only stepped along; how long it is does not show in the code.
      key: `transpose ${outer.map((a, d) => (d === 0 ? `${a.from}:${a.to}` : show(a))).join()} ${show(column)} ${show(row)}`,
      pointers: 2,
      name: "transpose",
    },
    (f, lo, hi, _scratch, source, target) => {
      const item = f.local("i32", "item");
      f.for(item, lo, hi, 1, () => {
        const strip = f.let(i32.remU(item, strips));
        let rest: I32 = f.let(i32.divU(item, strips));
        let here: I32 = i32.add(source, i32.mul(strip, STRIP * column.from * 4));
        let there: I32 = i32.add(target, i32.mul(strip, STRIP * column.to * 4));
        for (let d = outer.length - 1; d >= 0; d--) {
          const index = d === 0 ? rest : f.let(i32.remU(rest, outer[d].size));
          if (d > 0) rest = f.let(i32.divU(rest, outer[d].size));
          here = i32.add(here, i32.mul(index, outer[d].from * 4));
          there = i32.add(there, i32.mul(index, outer[d].to * 4));
        }
        const s = f.let(here);
        const t = f.let(there);
        // The last strip takes what is left over.
        const wide = column.size - (strips - 1) * STRIP;
        if (strips === 1) emitStrip(f, s, t, wide, column, row);
        else if (wide === STRIP) emitStrip(f, s, t, STRIP, column, row);
        else {
          f.if(
            i32.eq(strip, strips - 1),
            () => emitStrip(f, s, t, wide, column, row),
            () => emitStrip(f, s, t, STRIP, column, row),
          );
        }
      });
    },
  );
  const size = count * column.size * row.size;
  return {
    label,
    kernel,
    work: count * strips,
    pointers: IN_OUT,
    writes: [1],
    integers: [],
    scratch: 0,
    flops: 0,
    bytes: 8 * size,
  };
}

/** `width` columns of all rows, four rows at a time; the last four rows and columns overlap those before. */
function emitStrip(
  f: FunctionBuilder,
  source: Local<"i32">,
  target: Local<"i32">,
  width: number,
  column: BoxAxis,
  row: BoxAxis,
): void {
  const band = (): void => {
    for (let c = 0; c < width; c += 4) tile(f, source, target, Math.min(c, width - 4), column.to, row.from);
  };
  const bands = Math.floor(row.size / 4);
  const move = (rows: number): void => {
    f.advance(source, rows * row.from * 4);
    f.advance(target, rows * 4);
  };
  const left = f.let(i32.const(bands));
  f.countdown(left, () => {
    band();
    move(4);
  });
  const rest = row.size % 4;
  if (rest > 0) {
    move(rest - 4);
    band();
  }
}

/** Four rows of the source from column c become four columns of the target. */
function tile(f: FunctionBuilder, source: I32, target: I32, c: number, toColumn: number, fromRow: number): void {
  const rows = [0, 1, 2, 3].map((r) => f.let(v128.load(source, (r * fromRow + c) * 4)));
  emitTranspose(f, rows).forEach((x, k) => f.do(v128.store(target, x, (c + k) * toColumn * 4)));
}
