/**
 * Reductions as WebAssembly: an expression evaluated for every element of a domain and combined along some of its axes.
 * One or a few passes, each a row or a column reduction of the innermost axis that is left; the first one evaluates the
 * expression, the others combine partial results. Long reductions with few results are cut into fixed pieces, so that
 * all threads have work; the cuts depend on shapes alone, so the bits do not depend on threads.
 */
import type { Stage } from "../../backend/plan.ts";
import { BYTES, type DType, type Shape, sizeOf, stridesOf } from "../../tensor/shape.ts";
import type { BufferRef, Layout, Lowered, Target } from "../op.ts";
import { type MapExpression, dtypeAt, expressionCost } from "./expression.ts";
import { literal } from "./literal.ts";
import { mapStage } from "./map.wasm.ts";
import { type Access, type Nest, type NestOperand, blockedNest, collapse } from "./nest.ts";
import { type ColumnDesign, columnsKernel } from "./reduceColumns.wasm.ts";
import { type RowDesign, rowsKernel } from "./reduceRows.wasm.ts";
import { type ReductionKind, accumulatorOf, neutral } from "./reduction.ts";
import { walkIntegers, walkShape } from "./rows.wasm.ts";

export interface ReduceSite {
  readonly label: string;
  /** Its outputs are what is combined. */
  readonly expression: MapExpression;
  readonly kinds: readonly ReductionKind[];
  /** dtypes of the results. */
  readonly stored: readonly DType[];
  /** The domain, and the axes along which it is reduced. Results are plain. */
  readonly shape: Shape;
  readonly axes: readonly number[];
  readonly layout: Layout;
  readonly operands: readonly Access[];
  readonly target: Target;
}

/** Elements of a work item, about. */
const GRAIN = 4096;
/** Rows up to this number are cut into pieces of this many elements. */
const FEW = 16;
const PIECE = 4096;
/** Pixels of a piece of a channel-blocked row, at most. */
const PIXELS = 512;

/** Columns that are walked together, at most. */
const STRIP = 1024;

/** What is still to be reduced, in a domain whose operands are plain arrays. */
interface Work {
  readonly expression: MapExpression;
  readonly sources: readonly BufferRef[];
  readonly dims: readonly number[];
  readonly kept: readonly boolean[];
  readonly operands: readonly { readonly dtype: DType; readonly steps: readonly number[] }[];
}

/** One pass, and what is left to do after it; null if it wrote the results. */
interface Pass {
  readonly stage: Stage<BufferRef>;
  readonly rest: Work | null;
}

/** Whether a reduction over `axes` of this shape can read its operands channel-blocked: all pixels are reduced. */
export function reducesBlocked(shape: Shape, axes: readonly number[]): boolean {
  return shape.length >= 3 && shape.length <= 5 && shape.every((_, i) => i < 2 || axes.includes(i));
}

export function lowerReduce(site: ReduceSite): Lowered {
  const { shape, axes, kinds, operands } = site;
  const outShape = shape.filter((_, i) => !axes.includes(i));
  if (sizeOf(outShape) === 0) return { stages: [], temps: [] };
  if (sizeOf(shape) === 0) return { stages: kinds.flatMap((_, k) => fillStage(site, outShape, k) ?? []), temps: [] };
  const builder = new Passes(site);
  const sources = operands.map((_, index): BufferRef => ({ kind: "input", index }));
  const stages: Stage<BufferRef>[] = [];
  let work: Work | null;
  if (site.layout === "blocked") {
    const first = builder.blockedPass(sources);
    stages.push(first.stage);
    work = first.rest;
  } else {
    const kept = shape.map((_, i) => !axes.includes(i));
    work = { expression: site.expression, sources, dims: shape, kept, operands };
  }
  while (work !== null) {
    const next: Pass = builder.pass(merge(work));
    stages.push(next.stage);
    work = next.rest;
  }
  return { stages, temps: builder.temps };
}

function fillStage(site: ReduceSite, outShape: Shape, k: number): Stage<BufferRef> | null {
  const dtype = site.stored[k];
  const expression: MapExpression = {
    inputs: [],
    steps: [literal(neutral(site.kinds[k], dtype), dtype)],
    outputs: [0],
  };
  const map = {
    label: site.label,
    expression,
    shape: outShape,
    layout: "plain" as const,
    operands: [],
    target: site.target,
  };
  return mapStage(map, [], () => ({ kind: "output", index: k }));
}

/** Merges dimensions; kept ones never with reduced ones, as an imaginary result and its complement walk along. */
function merge(work: Work): Work {
  const { dims, kept, operands } = work;
  const only = (keep: boolean): number[] =>
    stridesOf(dims.map((d, i) => (kept[i] === keep ? d : 1))).map((s, i) => (kept[i] === keep ? s : 0));
  const all = collapse(dims, [only(true), only(false), ...operands.map((x) => x.steps)]);
  return {
    ...work,
    dims: all.dims,
    kept: all.steps[0].map((s) => s !== 0),
    operands: operands.map(({ dtype }, i) => ({ dtype, steps: all.steps[i + 2] })),
  };
}

/** The largest divisor of n that is at most `most`. */
function divisor(n: number, most: number): number {
  for (let d = Math.min(n, most); d > 1; d--) if (n % d === 0) return d;
  return 1;
}

class Passes {
  readonly temps: number[] = [];
  readonly #site: ReduceSite;
  readonly #partial: readonly DType[];

  constructor(site: ReduceSite) {
    this.#site = site;
    this.#partial = site.expression.outputs.map((index) => accumulatorOf(dtypeAt(site.expression, index)));
  }

  /** Along the pixels of a channel-blocked domain, to [N][pieces][⌈C/8⌉ 8]. */
  blockedPass(sources: readonly BufferRef[]): Pass {
    const { shape, axes, expression, operands } = this.#site;
    const [n, c, ...spatial] = shape;
    const pixels = sizeOf(spatial);
    const blocks = Math.ceil(c / 8);
    const length = pixels <= PIXELS ? pixels : Math.max(64, divisor(pixels, PIXELS));
    const pieces = pixels % length === 0 ? pixels / length : 1;
    const run = (pixels / pieces) * 8;
    const nest: Nest = {
      outer: [n, pieces, blocks],
      run,
      operands: blockedNest(shape, operands, false).operands.map((x): NestOperand => {
        const along = x.along === "run" ? run : x.along === "pixel" ? run / 8 : 0;
        return { ...x, steps: [x.steps[0], along, x.steps[1]] };
      }),
    };
    const rest = [n, pieces, c].map((size, i) => ({
      size,
      kept: i === 0 ? !axes.includes(0) : i === 2 && !axes.includes(1),
    }));
    const last = c % 8 === 0 && rest.every((d) => d.kept || d.size === 1);
    const { stage, refs } = this.#rows(nest, sources, expression, last, 0, true);
    if (last) return { stage, rest: null };
    return {
      stage,
      rest: {
        ...this.#combining(refs),
        dims: rest.map((d) => d.size),
        kept: rest.map((d) => d.kept),
        operands: this.#partial.map((dtype) => ({ dtype, steps: [pieces * blocks * 8, blocks * 8, 1] })),
      },
    };
  }

  /** Along the innermost dimension that is reduced; `work` is merged. */
  pass(work: Work): Pass {
    const { dims, kept, operands } = work;
    const p = kept.lastIndexOf(false);
    const contiguous = operands.every((x) => (x.steps.at(-1) ?? 0) <= 1);
    if (p >= 0 && p === dims.length - 1 && contiguous) return this.#rowPass(work);
    // A column pass walks a run of kept elements: perhaps of one.
    const flat = p === dims.length - 1 || !contiguous;
    const widened: Work = flat
      ? {
          ...work,
          dims: [...dims, 1],
          kept: [...kept, true],
          operands: operands.map((x) => ({ ...x, steps: [...x.steps, 0] })),
        }
      : work;
    if (p >= 0) return this.#columnPass(widened, p);
    // Nothing is reduced but axes of size 1.
    const one = { dims: [1, ...widened.dims], kept: [false, ...widened.kept] };
    return this.#columnPass(
      { ...widened, ...one, operands: widened.operands.map((x) => ({ ...x, steps: [0, ...x.steps] })) },
      0,
    );
  }

  #rowPass(work: Work): Pass {
    const { dims, kept, operands, sources, expression } = work;
    const outer = dims.slice(0, -1);
    const run = dims[dims.length - 1];
    const cut = sizeOf(outer) < FEW && run > 2 * PIECE;
    const last = !cut && !kept.slice(0, -1).includes(false);
    const nest: Nest = {
      outer,
      run,
      operands: operands.map(({ dtype, steps }) => ({
        dtype,
        along: steps[steps.length - 1] === 1 ? "run" : "splat",
        steps: steps.slice(0, -1),
      })),
    };
    const { stage, refs } = this.#rows(nest, sources, expression, last, cut ? PIECE : 0, false);
    if (last) return { stage, rest: null };
    const left = cut ? [...outer, Math.ceil(run / PIECE)] : outer;
    const leftKept = cut ? [...kept.slice(0, -1), false] : kept.slice(0, -1);
    return { stage, rest: this.#contiguous(refs, left, leftKept) };
  }

  #columnPass(work: Work, p: number): Pass {
    let { dims, kept, operands } = work;
    const run = dims[dims.length - 1];
    const results = sizeOf(dims.filter((_, i) => i !== p));
    if (results <= 4096 && dims[p] > 1024) {
      // Few results of many: cut into equal pieces, as one more dimension that is reduced later.
      const length = divisor(dims[p], 512);
      if (length >= 16) {
        const at = p;
        dims = [...dims.slice(0, at), dims[at] / length, length, ...dims.slice(at + 1)];
        kept = [...kept.slice(0, at), false, false, ...kept.slice(at + 1)];
        operands = operands.map(({ dtype, steps }) => ({
          dtype,
          steps: [...steps.slice(0, at), steps[at] * length, steps[at], ...steps.slice(at + 1)],
        }));
        p++;
      }
    }
    const without = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== p);
    const left = without(dims);
    const leftKept = without(kept);
    const last = !leftKept.includes(false);
    const nest: Nest = {
      outer: left.slice(0, -1),
      run,
      operands: operands.map(({ dtype, steps }) => ({
        dtype,
        along: steps[steps.length - 1] === 1 ? "run" : steps[p] === 0 ? "splat" : "step",
        steps: without(steps).slice(0, -1),
      })),
    };
    const { stage, refs } = this.#columns(
      nest,
      work,
      dims[p],
      operands.map((x) => x.steps[p]),
      last,
    );
    return { stage, rest: last ? null : this.#contiguous(refs, left, leftKept) };
  }

  /** Partial results, row-major. */
  #contiguous(refs: readonly BufferRef[], dims: readonly number[], kept: readonly boolean[]): Work {
    const steps = stridesOf(dims);
    return { ...this.#combining(refs), dims, kept, operands: this.#partial.map((dtype) => ({ dtype, steps })) };
  }

  #combining(refs: readonly BufferRef[]): Pick<Work, "expression" | "sources"> {
    return { sources: refs, expression: { inputs: this.#partial, steps: [], outputs: this.#partial.map((_, i) => i) } };
  }

  /** Where a pass writes: the results if it is the last one, else new temporaries of `size` elements. */
  #targets(last: boolean, size: number): { refs: BufferRef[]; stored: readonly DType[] } {
    if (last) return { refs: this.#partial.map((_, index) => ({ kind: "output", index })), stored: this.#site.stored };
    const refs = this.#partial.map((d): BufferRef => ({ kind: "temp", index: this.temps.push(size * BYTES[d]) - 1 }));
    return { refs, stored: this.#partial };
  }

  #rows(
    nest: Nest,
    sources: readonly BufferRef[],
    expression: MapExpression,
    last: boolean,
    piece: number,
    lanes: boolean,
  ): { stage: Stage<BufferRef>; refs: readonly BufferRef[] } {
    const { kinds, target, label } = this.#site;
    const pieces = piece > 0 ? Math.ceil(nest.run / piece) : 1;
    const rows = sizeOf(nest.outer) * pieces;
    const { refs, stored } = this.#targets(last, rows * (lanes ? 8 : 1));
    const multiple = ([32, 16, 8, 4] as const).find((m) => nest.run % m === 0) ?? 1;
    const design: RowDesign = {
      expression,
      kinds,
      stored,
      walk: walkShape(nest, piece > 0),
      lanes,
      multiple,
      fma: target.fma,
    };
    const perItem = Math.max(1, Math.floor(GRAIN / Math.min(nest.run, piece || nest.run)));
    const stage: Stage<BufferRef> = {
      label: `${label}, rows`,
      kernel: rowsKernel(design),
      work: Math.ceil(rows / perItem),
      pointers: [...sources, ...refs],
      writes: refs.map((_, i) => sources.length + i),
      integers: [rows, perItem, ...walkIntegers(nest, piece || nest.run)],
      scratch: 0,
      ...costs(nest, 1, expression, stored, rows * (lanes ? 8 : 1)),
    };
    return { stage, refs };
  }

  #columns(
    nest: Nest,
    work: Work,
    steps: number,
    strides: readonly number[],
    last: boolean,
  ): { stage: Stage<BufferRef>; refs: readonly BufferRef[] } {
    const { kinds, target, label } = this.#site;
    const { sources, expression } = work;
    const vectors = nest.run <= 4 ? 1 : nest.run <= 8 || kinds.length > 2 ? 2 : 4;
    const outer = sizeOf(nest.outer);
    // Long pieces, but several of them, so that all threads have work.
    const piece = Math.max(256, Math.min(STRIP, Math.ceil((outer * nest.run) / 128) * 16));
    const pieces = outer * Math.ceil(nest.run / piece);
    const { refs, stored } = this.#targets(last, outer * nest.run);
    const design: ColumnDesign = {
      expression,
      kinds,
      stored,
      walk: walkShape(nest, true),
      vectors,
      fma: target.fma,
    };
    const perItem = Math.max(1, Math.floor(GRAIN / (steps * Math.min(piece, nest.run))));
    const stage: Stage<BufferRef> = {
      label: `${label}, columns`,
      kernel: columnsKernel(design),
      work: Math.ceil(pieces / perItem),
      pointers: [...sources, ...refs],
      writes: refs.map((_, i) => sources.length + i),
      integers: [pieces, perItem, steps, ...strides, ...walkIntegers(nest, piece)],
      scratch: 0,
      ...costs(nest, steps, expression, stored, outer * nest.run),
    };
    return { stage, refs };
  }
}

function costs(
  nest: Nest,
  steps: number,
  expression: MapExpression,
  stored: readonly DType[],
  results: number,
): { flops: number; bytes: number } {
  const size = sizeOf(nest.outer) * nest.run * steps;
  const read = nest.operands.reduce((sum, x) => sum + (x.along === "run" ? size * BYTES[x.dtype] : 0), 0);
  const written = stored.reduce((sum, d) => sum + results * BYTES[d], 0);
  return { flops: size * (expressionCost(expression) + stored.length), bytes: read + written };
}
