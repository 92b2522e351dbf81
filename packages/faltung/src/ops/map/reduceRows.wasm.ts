/**
 * Row reductions: for each row of a nest, an expression's values combined along the run; in channel-blocked runs, along
 * the pixels, for each of the eight lanes. Accumulators are emptied into a total every {@link BLOCK} elements, so that
 * rounding errors of sums stay those of short sums.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { BYTES, type DType } from "../../tensor/shape.ts";
import { type I32, type Local, type V128, i32, i32x4, v128 } from "../../wasm/index.ts";
import { emitExpression, scalarEmitter } from "./emit.wasm.ts";
import { type MapExpression, dtypeAt, expressionCost, expressionKey } from "./expression.ts";
import { constantVector, storeLanes, storeVectors } from "./io.wasm.ts";
import { type ReductionKind, accumulatorOf, acrossLanes, combine, neutral } from "./reduction.ts";
import { type Row, Walk, type WalkShape, walkIntegerCount, walkKey } from "./rows.wasm.ts";

export const BLOCK = 1024;

export interface RowDesign {
  readonly expression: MapExpression;
  /** How each of the expression's results is combined, and the dtype that it is stored in. */
  readonly kinds: readonly ReductionKind[];
  readonly stored: readonly DType[];
  readonly walk: WalkShape;
  /** Lanes are channels. */
  readonly lanes: boolean;
  readonly multiple: 1 | 4 | 8 | 16 | 32;
  readonly fma: boolean;
}

function rowKey(d: RowDesign): string {
  const kinds = d.kinds.map((k, i) => k + d.stored[i][0]).join();
  return `rows ${kinds} ${expressionKey(d.expression)} ${walkKey(d.walk)} ${d.lanes ? "l" : ""}${d.multiple}${d.fma ? " fma" : ""}`;
}

/**
 * An addition takes four cycles: eight chains keep two adders busy. But engines may load all operands of a turn before
 * they compute with the first, and what does not fit into 15 vector registers is spilt.
 */
function unrollOf(expression: MapExpression, results: number): 2 | 4 | 8 {
  const cost = expressionCost(expression);
  if (results === 1 && cost === 0 && !expression.inputs.includes("uint8")) return 8;
  return results * 4 + expression.inputs.length * 4 <= 12 && cost <= 12 ? 4 : 2;
}

/** Integers: rows in all, rows of a work item, then those of the walk. One result (or eight) for each row. */
export function rowsKernel(design: RowDesign): Kernel {
  const { expression, kinds, stored, walk: shape, lanes, multiple } = design;
  const inputs = shape.operands.length;
  const pointers = inputs + kinds.length;
  const accumulators = kinds.map((_, k) => accumulatorOf(dtypeAt(expression, expression.outputs[k])));
  const unroll = unrollOf(expression, kinds.length);
  const width = lanes ? 2 : 1; // vectors that the total of one result takes
  const spec = {
    key: rowKey(design),
    name: `reduce_rows_${kinds[0]}`,
    pointers,
    integers: 2 + walkIntegerCount(shape),
  };
  return defineKernel(spec, (f, lo, hi, _scratch, ...rest) => {
    const ptrs = rest.slice(0, pointers);
    const [rows, perItem, ...integers] = rest.slice(pointers);
    const e = scalarEmitter(f, design.fma);
    const keep = (x: V128): V128 => e.let(x);
    const totals = kinds.map(() => Array.from({ length: width }, () => f.local("v128", "total")));
    const sums = kinds.map(() => Array.from({ length: unroll }, () => f.local("v128", "sum")));
    const left = f.local("i32", "left");
    const block = f.local("i32", "block");
    const walk = new Walk(f, shape, ptrs.slice(0, inputs), integers);
    const reset = (locals: readonly (readonly Local<"v128">[])[]): void =>
      locals.forEach((list, k) =>
        list.forEach((x) => f.set(x, constantVector(accumulators[k], neutral(kinds[k], accumulators[k])))),
      );
    const join = (k: number, into: Local<"v128">, x: Local<"v128">): void =>
      f.set(into, combine(kinds[k], accumulators[k], into, x, keep));

    const step = (row: Row, count: number): void => {
      row.load(count).forEach((vectors, v) => {
        emitExpression(e, expression, vectors).forEach((x, k) => {
          f.set(sums[k][v], combine(kinds[k], accumulators[k], sums[k][v], x, keep));
        });
      });
      row.advance(count);
    };
    const flush = (): void => {
      // Neighbours first: a small tree.
      for (let gap = width; gap < unroll; gap *= 2) {
        sums.forEach((list, k) =>
          list.forEach((x, i) => i % (2 * gap) < gap && i + gap < unroll && join(k, x, list[i + gap])),
        );
      }
      totals.forEach((list, k) => list.forEach((total, i) => join(k, total, sums[k][i])));
    };
    const oneRow = (row: Row, index: I32): void => {
      reset(totals);
      f.set(left, row.length);
      f.while(i32.geS(left, unroll * 4), () => {
        reset(sums);
        f.set(block, i32.and(left, -unroll * 4));
        f.atMost(block, BLOCK);
        f.set(left, i32.sub(left, block));
        f.countdown(block, () => step(row, unroll), unroll * 4);
        flush();
      });
      const least = lanes ? 2 : 1;
      if (multiple % (unroll * 4) !== 0) {
        reset(sums);
        f.while(i32.geS(left, least * 4), () => {
          step(row, least);
          f.set(left, i32.sub(left, least * 4));
        });
        if (!lanes && multiple % 4 !== 0) {
          // The last vector's lanes beyond the run hold no meaning: they are made neutral.
          f.if(left, () => {
            const [vectors] = row.load(1);
            const mask = f.let(i32x4.gtS(i32x4.splat(left), i32x4.const(0, 1, 2, 3)));
            emitExpression(e, expression, vectors).forEach((x, k) => {
              const padded = v128.bitselect(
                x,
                constantVector(accumulators[k], neutral(kinds[k], accumulators[k])),
                mask,
              );
              f.set(sums[k][0], combine(kinds[k], accumulators[k], sums[k][0], padded, keep));
            });
          });
        }
        totals.forEach((list, k) => list.forEach((total, i) => join(k, total, sums[k][i])));
      }
      totals.forEach((list, k) => {
        const place = i32.add(ptrs[inputs + k], i32.mul(index, BYTES[stored[k]] * (lanes ? 8 : 1)));
        if (lanes) storeVectors(f, stored[k], f.let(place), list, 0);
        else
          storeLanes(f, stored[k], f.let(place), acrossLanes(kinds[k], accumulators[k], list[0], keep), i32.const(1));
      });
    };
    walk.each([lo, hi], perItem, rows, oneRow);
  });
}
