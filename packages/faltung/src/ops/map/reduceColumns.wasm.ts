/**
 * Column reductions: results lie side by side along the run, and the values combined for each lie one step of another
 * dimension apart. {@link BLOCK} steps at a time, and within them up to 16 results at a time, so that memory is read in
 * runs as long as a piece; each block's sums are joined with those in the results.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { BYTES, type DType } from "../../tensor/shape.ts";
import { type Local, type V128, i32 } from "../../wasm/index.ts";
import { emitExpression, scalarEmitter } from "./emit.wasm.ts";
import { type MapExpression, dtypeAt, expressionKey } from "./expression.ts";
import { constantVector, loadVectors, storeLanes, storeVectors, vectorBytes } from "./io.wasm.ts";
import { type ReductionKind, accumulatorOf, combine, neutral } from "./reduction.ts";
import { type Row, Walk, type WalkShape, walkIntegerCount, walkKey } from "./rows.wasm.ts";

/** Rows walked side by side: as many streams as the hardware prefetches, and few enough for short chains of sums. */
const BLOCK = 16;

export interface ColumnDesign {
  readonly expression: MapExpression;
  readonly kinds: readonly ReductionKind[];
  readonly stored: readonly DType[];
  /** Its pieces are columns: as many as `vectors` hold. */
  readonly walk: WalkShape;
  /** Vectors of results at a time. */
  readonly vectors: 1 | 2 | 4;
  readonly fma: boolean;
}

function columnKey(d: ColumnDesign): string {
  const kinds = d.kinds.map((k, i) => k + d.stored[i][0]).join();
  const shape = `${walkKey(d.walk)} ${d.vectors}${d.fma ? " fma" : ""}`;
  return `columns ${kinds} ${expressionKey(d.expression)} ${shape}`;
}

/** Integers: column pieces in all, pieces of a work item, steps to combine, each operand's stride, then the walk's. */
export function columnsKernel(design: ColumnDesign): Kernel {
  const { expression, kinds, stored, walk: shape, vectors: count } = design;
  const inputs = shape.operands.length;
  const pointers = inputs + kinds.length;
  const accumulators = kinds.map((_, k) => accumulatorOf(dtypeAt(expression, expression.outputs[k])));
  const integers = 3 + inputs + walkIntegerCount(shape);
  const spec = { key: columnKey(design), name: `reduce_columns_${kinds[0]}`, pointers, integers };
  return defineKernel(spec, (f, lo, hi, _scratch, ...given) => {
    const ptrs = given.slice(0, pointers);
    const [pieces, perItem, steps, ...rest] = given.slice(pointers);
    const strides = rest.slice(0, inputs);
    const e = scalarEmitter(f, design.fma);
    const locals = (name: string): Local<"v128">[][] =>
      kinds.map(() => Array.from({ length: count }, () => f.local("v128", name)));
    const sums = locals("sum");
    const keep = (x: V128): V128 => e.let(x);
    const [left, block, turn, columns] = ["left", "block", "turn", "columns"].map((name) => f.local("i32", name));
    const walk = new Walk(f, shape, ptrs.slice(0, inputs), rest.slice(inputs));
    // The strides in bytes.
    const bytes = shape.operands.map(({ dtype }, i) => f.let(i32.mul(strides[i], BYTES[dtype])));
    const forward = (list: readonly Local<"i32">[], by: readonly Local<"i32">[]): void =>
      list.forEach((x, i) => f.advance(x, by[i]));

    /** The next columns of a block of rows, joined with what earlier blocks left in the results. */
    const someColumns = (row: Row, places: readonly Local<"i32">[]): void => {
      sums.forEach((xs, k) =>
        xs.forEach((x) => f.set(x, constantVector(accumulators[k], neutral(kinds[k], accumulators[k])))),
      );
      f.set(turn, block);
      f.countdown(turn, () => {
        row.load(count).forEach((vectors, v) => {
          emitExpression(e, expression, vectors).forEach((x, k) => {
            f.set(sums[k][v], combine(kinds[k], accumulators[k], sums[k][v], x, keep));
          });
        });
        forward(walk.at, bytes);
      });
      f.if(i32.ne(left, steps), () =>
        sums.forEach((xs, k) =>
          loadVectors(f, stored[k], places[k], count).forEach((old, v) =>
            f.set(xs[v], combine(kinds[k], accumulators[k], old, xs[v], keep)),
          ),
        ),
      );
      sums.forEach((list, k) => {
        const one = vectorBytes(stored[k]);
        f.if(
          i32.geS(columns, count * 4),
          () => storeVectors(f, stored[k], places[k], list, 0),
          () =>
            list.forEach((x, v) => {
              const at = f.let(i32.add(places[k], v * one));
              const have = f.let(i32.sub(columns, v * 4));
              f.if(
                i32.geS(have, 4),
                () => storeVectors(f, stored[k], at, [x], 0),
                () => f.if(i32.gtS(have, 0), () => storeLanes(f, stored[k], at, x, have)),
              );
            }),
        );
        f.set(places[k], i32.add(places[k], count * one));
      });
    };
    const onePiece = (row: Row): void => {
      const top = walk.at.map((at) => f.let(at, "top"));
      f.set(left, steps);
      f.doWhile(
        () => {
          f.set(block, left);
          f.atMost(block, BLOCK);
          const spans = bytes.map((stride) => f.let(i32.mul(stride, block), "span"));
          const places = stored.map((d, k) => f.let(i32.add(ptrs[inputs + k], i32.mul(row.start, BYTES[d])), "place"));
          walk.at.forEach((at, i) => f.set(at, top[i]));
          f.set(columns, row.length);
          f.doWhile(
            () => {
              someColumns(row, places);
              walk.at.forEach((at, i) => f.set(at, i32.sub(at, spans[i])));
              row.advance(count);
            },
            i32.gtS(f.tee(columns, i32.sub(columns, count * 4)), 0),
          );
          forward(top, spans);
        },
        f.tee(left, i32.sub(left, block)),
      );
    };
    walk.each([lo, hi], perItem, pieces, onePiece);
  });
}
