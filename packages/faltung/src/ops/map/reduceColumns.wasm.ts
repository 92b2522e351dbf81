/**
 * Column reductions: results lie side by side along the run, and the values combined for each lie one step of another
 * dimension apart. Up to 16 results at a time; accumulators are emptied into totals every {@link BLOCK} steps.
 */
import { BYTES, type DType } from "../../tensor/shape.ts";
import { type Func, type I32, type Local, type ModuleBuilder, i32 } from "../../wasm/index.ts";
import { emitExpression, scalarEmitter } from "./emit.wasm.ts";
import { type MapExpression, dtypeAt, expressionKey } from "./expression.ts";
import { constantVector, storeLanes, storeVectors, vectorBytes } from "./io.wasm.ts";
import { type ReductionKind, accumulatorOf, combine, neutral } from "./reduction.ts";
import { Walk, type WalkShape, walkIntegerCount, walkKey } from "./rows.wasm.ts";

const BLOCK = 64;

export interface ColumnDesign {
  readonly expression: MapExpression;
  readonly kinds: readonly ReductionKind[];
  readonly stored: readonly DType[];
  /** Its pieces are columns: as many as `vectors` hold. */
  readonly walk: WalkShape;
  /** Vectors of results at a time. */
  readonly vectors: 1 | 2 | 4;
  /** The columns fill whole vectors: no result is stored lane by lane. */
  readonly whole: boolean;
  readonly fma: boolean;
}

export function columnKey(d: ColumnDesign): string {
  const kinds = d.kinds.map((k, i) => k + d.stored[i][0]).join();
  const shape = `${walkKey(d.walk)} ${d.vectors}${d.whole ? "w" : ""}${d.fma ? " fma" : ""}`;
  return `columns ${kinds} ${expressionKey(d.expression)} ${shape}`;
}

/** Integers: column pieces in all, pieces of a work item, steps to combine, each operand's stride, then the walk's. */
export function columnIntegerCount(d: ColumnDesign): number {
  return 3 + d.walk.operands.length + walkIntegerCount(d.walk);
}

export function buildColumns(module: ModuleBuilder, design: ColumnDesign): Func {
  const { expression, kinds, stored, walk: shape, vectors: count } = design;
  const inputs = shape.operands.length;
  const pointers = inputs + kinds.length;
  const params = Array.from({ length: 3 + pointers + columnIntegerCount(design) }, () => "i32" as const);
  const accumulators = kinds.map((_, k) => accumulatorOf(dtypeAt(expression, expression.outputs[k])));
  return module.func({ name: `reduce_columns_${kinds[0]}`, params, results: [] }, (f, ...all) => {
    const [lo, hi] = all;
    const ptrs = all.slice(3, 3 + pointers);
    const [pieces, perItem, steps, ...rest] = all.slice(3 + pointers);
    const strides = rest.slice(0, inputs);
    const e = scalarEmitter(f, design.fma);
    const locals = (name: string): Local<"v128">[][] =>
      kinds.map(() => Array.from({ length: count }, () => f.local("v128", name)));
    const totals = locals("total");
    const sums = locals("sum");
    const reset = (list: readonly (readonly Local<"v128">[])[]): void =>
      list.forEach((xs, k) =>
        xs.forEach((x) => f.set(x, constantVector(accumulators[k], neutral(kinds[k], accumulators[k])))),
      );
    const left = f.local("i32", "left");
    const block = f.local("i32", "block");
    const walk = new Walk(f, shape, ptrs.slice(0, inputs), rest.slice(inputs));
    // The strides in bytes.
    const bytes = shape.operands.map(({ dtype }, i) => f.let(i32.mul(strides[i], BYTES[dtype])));

    const onePiece = (index: I32): void => {
      const row = walk.enter(index);
      reset(totals);
      f.set(left, steps);
      f.while(i32.gtS(left, 0), () => {
        reset(sums);
        f.set(block, left);
        f.if(i32.gtS(block, BLOCK), () => f.set(block, BLOCK));
        f.set(left, i32.sub(left, block));
        f.countdown(block, () => {
          row.load(count).forEach((vectors, v) => {
            emitExpression(e, expression, vectors).forEach((x, k) => {
              f.set(sums[k][v], combine(kinds[k], accumulators[k], sums[k][v], x));
            });
          });
          bytes.forEach((stride, i) => f.set(walk.at[i], i32.add(walk.at[i], stride)));
        });
        totals.forEach((list, k) =>
          list.forEach((x, v) => f.set(x, combine(kinds[k], accumulators[k], x, sums[k][v]))),
        );
      });
      totals.forEach((list, k) => {
        const place = f.let(i32.add(ptrs[inputs + k], i32.mul(row.start, BYTES[stored[k]])), "place");
        const store = (v: number): void => {
          if (v === count) return;
          const at = i32.add(place, v * vectorBytes(stored[k]));
          const have = (n: number): I32 => i32.geS(row.length, v * 4 + n);
          const full = (): void => {
            storeVectors(f, stored[k], f.let(at), [list[v]], 0);
            store(v + 1);
          };
          const some = (): void => storeLanes(f, stored[k], f.let(at), list[v], f.let(i32.sub(row.length, v * 4)));
          if (design.whole) f.if(have(4), full);
          else f.if(have(1), () => f.if(have(4), full, some));
        };
        store(0);
      });
    };
    const from = f.let(i32.mul(lo, perItem), "from");
    const to = f.let(i32.mul(hi, perItem), "to");
    f.if(i32.gtS(to, pieces), () => f.set(to, pieces));
    const piece = f.local("i32", "piece");
    f.for(piece, from, to, 1, () => onePiece(piece));
  });
}
