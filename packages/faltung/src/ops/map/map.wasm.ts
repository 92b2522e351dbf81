/**
 * Map kernels: an expression evaluated for every element, at the speed of memory. One pass reads all operands and
 * writes all results; the code depends on the expression and on how operands are repeated, never on sizes.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel, Stage } from "../../backend/plan.ts";
import { BYTES, type DType, type Shape, sizeOf } from "../../tensor/shape.ts";
import { type I32, type V128, i32 } from "../../wasm/index.ts";
import type { BufferRef, Layout, Lowered, Target } from "../op.ts";
import { emitExpression, scalarEmitter } from "./emit.wasm.ts";
import { type MapExpression, dtypeAt, expressionCost, expressionKey } from "./expression.ts";
import { storeLanes, storeVectors, vectorBytes } from "./io.wasm.ts";
import { type Access, type Nest, blockedNest, plainNest } from "./nest.ts";
import { type Row, Walk, type WalkShape, walkIntegerCount, walkIntegers, walkKey, walkShape } from "./rows.wasm.ts";

export interface MapSite {
  readonly label: string;
  readonly expression: MapExpression;
  /** The domain: every result has this shape. */
  readonly shape: Shape;
  readonly layout: Layout;
  readonly operands: readonly Access[];
  readonly target: Target;
}

/** Elements of a work item, about. */
const GRAIN = 4096;

export function lowerMap(site: MapSite): Lowered {
  const stage = mapStage(
    site,
    site.operands.map((_, index) => ({ kind: "input", index })),
    (index) => ({ kind: "output", index }),
  );
  return { stages: stage === null ? [] : [stage], temps: [] };
}

/** The one stage of a map; null where there is no element. */
export function mapStage(
  site: MapSite,
  inputs: readonly BufferRef[],
  output: (index: number) => BufferRef,
): Stage<BufferRef> | null {
  const { expression, shape, layout, operands, target, label } = site;
  if (sizeOf(shape) === 0) return null;
  const nest = layout === "blocked" ? blockedNest(shape, operands) : plainNest(shape, operands);
  const rows = nest.outer.reduce((n, d) => n * d, 1);
  const cost = expressionCost(expression);
  const flat = nest.outer.length === 0 && !nest.operands.some((x) => x.along === "channel" || x.along === "pixel");
  // Few rows are cut into pieces so that there is work for every thread.
  const pieces = !flat && nest.run > 2 * GRAIN;
  const lanes = nest.operands.some((x) => x.along === "channel" || x.along === "pixel");
  const multiple = nest.run % 16 === 0 ? 16 : nest.run % 8 === 0 ? 8 : nest.run % 4 === 0 ? 4 : 1;
  const walk = walkShape(nest, pieces);
  const dtypes = expression.outputs.map((index) => dtypeAt(expression, index));
  const unroll = unrollOf(expression, cost, lanes);
  const grain = Math.max(256, Math.min(GRAIN, Math.ceil((GRAIN * 8) / (8 + cost)) & ~15));
  const perItem = flat ? grain : pieces ? 1 : Math.max(1, Math.floor(grain / nest.run));
  const total = flat
    ? Math.ceil(nest.run / grain)
    : Math.ceil((rows * (pieces ? Math.ceil(nest.run / GRAIN) : 1)) / perItem);
  const design: MapDesign = { expression, dtypes, walk, flat, lanes, unroll, multiple, fma: target.fma };
  const size = rows * nest.run;
  const bytes = [...dtypes.map((d) => BYTES[d] * size), ...nest.operands.map((x) => operandBytes(nest, x, size))];
  return {
    label,
    kernel: mapKernel(design),
    work: total,
    pointers: [...inputs, ...dtypes.map((_, i) => output(i))],
    writes: dtypes.map((_, i) => inputs.length + i),
    integers: [
      perItem,
      flat ? nest.run : rows * (pieces ? Math.ceil(nest.run / GRAIN) : 1),
      ...walkIntegers(nest, GRAIN),
    ],
    scratch: 0,
    flops: cost * size,
    bytes: bytes.reduce((a, b) => a + b, 0),
  };
}

function operandBytes(nest: Nest, operand: Nest["operands"][number], size: number): number {
  const walked = nest.outer.reduce((n, d, i) => (operand.steps[i] === 0 ? n : n * d), 1);
  const run =
    operand.along === "run" ? nest.run : operand.along === "pixel" ? nest.run / 8 : operand.along === "channel" ? 8 : 1;
  return Math.min(size, walked * run) * BYTES[operand.dtype];
}

/** More than one vector a turn hides latency; more than 15 vectors alive would be spilt. */
function unrollOf(expression: MapExpression, cost: number, lanes: boolean): 1 | 2 | 4 {
  const bytes = [...expression.inputs, ...expression.outputs.map((i) => dtypeAt(expression, i))].includes("uint8");
  if (cost <= 8 && expression.inputs.length <= 3) return 4;
  if (bytes && cost <= 16) return 4;
  return cost <= 20 || lanes ? 2 : 1;
}

interface MapDesign {
  readonly expression: MapExpression;
  readonly dtypes: readonly DType[];
  readonly walk: WalkShape;
  /** One run over everything: items are cuts of it. */
  readonly flat: boolean;
  /** Lanes are channels: whole groups of eight only. */
  readonly lanes: boolean;
  readonly unroll: 1 | 2 | 4;
  /** What run lengths are multiples of. */
  readonly multiple: 1 | 4 | 8 | 16;
  readonly fma: boolean;
}

function mapKey({ expression, walk, flat, unroll, multiple, fma }: MapDesign): string {
  return `map ${expressionKey(expression)} ${walkKey(walk)} ${flat ? "f" : ""}${unroll}/${multiple}${fma ? " fma" : ""}`;
}

function mapKernel(design: MapDesign): Kernel {
  const { expression, dtypes, walk: shape, flat } = design;
  const inputs = shape.operands.length;
  const pointers = inputs + dtypes.length;
  const name = `map_${expression.steps.at(-1)?.fn.name ?? "copy"}`;
  return defineKernel(
    { key: mapKey(design), name, pointers, integers: 2 + walkIntegerCount(shape) },
    (f, lo, hi, _scratch, ...rest) => {
      const ptrs = rest.slice(0, pointers);
      const [perItem, total, ...integers] = rest.slice(pointers);
      const e = scalarEmitter(f, design.fma);
      const out = dtypes.map((_, i) => f.local("i32", `out${i}`));
      const left = f.local("i32", "left");
      const walk = new Walk(f, shape, ptrs.slice(0, inputs), integers);

      const store = (
        row: Row,
        count: number,
        keep: (dtype: DType, ptr: I32, vectors: readonly V128[], offset: number) => void,
      ): void => {
        // With several results all are ready before the first is stored: it may lie where another's operand is.
        const bytes: V128[][] = dtypes.map(() => []);
        row.load(count).forEach((vectors, v) => {
          const results = emitExpression(e, expression, vectors).map((x) => (dtypes.length > 1 ? e.let(x) : x));
          results.forEach((x, k) => {
            if (dtypes[k] === "uint8") bytes[k].push(x);
            else keep(dtypes[k], out[k], [x], v * 16);
          });
        });
        dtypes.forEach((dtype, k) => dtype === "uint8" && keep(dtype, out[k], bytes[k], 0));
      };
      const step = (row: Row, count: number): void => {
        store(row, count, (dtype, ptr, vectors, offset) => storeVectors(f, dtype, ptr, vectors, offset));
        row.advance(count);
        dtypes.forEach((dtype, k) => f.set(out[k], i32.add(out[k], count * vectorBytes(dtype))));
        f.set(left, i32.sub(left, count * 4));
      };
      const run = (row: Row): void => {
        const { unroll, multiple } = design;
        dtypes.forEach((dtype, k) => f.set(out[k], i32.add(ptrs[inputs + k], i32.mul(row.start, BYTES[dtype]))));
        f.set(left, row.length);
        const least = design.lanes ? 2 : 1;
        for (const count of unroll > least ? [unroll, least] : [unroll]) {
          const enough = i32.geS(left, count * 4);
          if (multiple % (count * 4) === 0 && count === unroll) {
            f.doWhile(() => step(row, count), enough);
            return;
          }
          f.while(enough, () => step(row, count));
          if (multiple % (count * 4) === 0) return;
        }
        f.if(left, () => store(row, 1, (dtype, ptr, [x]) => storeLanes(f, dtype, ptr, x, left)));
      };
      walk.each([lo, hi], perItem, total, run, flat);
    },
  );
}
