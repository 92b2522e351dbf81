/**
 * The kernel of spatialMap. One work item is one row of the result. In a first pass the rows of x that belong to it are
 * added up with their weights, vector by vector, into a scratch row; in a second one the columns of that row. Both read
 * their terms from a table, an operand made from the maps; rows or columns that are left as they are cost no pass.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel, Stage } from "../../backend/plan.ts";
import { type TensorType, sizeOf } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { type FunctionBuilder, type I32, type Local, type V128, f32, f32x4, i32, v128 } from "../../wasm/index.ts";
import type { BufferRef, LayoutChoice, Lowered, Site } from "../op.ts";
import { type AxisMap, type Tap, axisTaps, mapOutput } from "./axisMap.ts";
import { LANES, bitsOf, blocksOf, canBlock } from "./physical.ts";
import type { SpatialMapAttributes } from "./spatialMap.op.ts";

type Terms = readonly (readonly Tap[])[];

/** Up to so many terms, the same number for every cell, are written out in one loop. */
const MOST = 4;

/** The terms of whole rows (all mapped axes but the last), and of the columns within one. */
function termsOf(maps: readonly AxisMap[], transposed: boolean): { readonly rows: Terms; readonly columns: Terms } {
  const rows = maps.slice(0, -1).reduce<Terms>(
    (outer, map) => {
      const inner = axisTaps(map, transposed);
      const cells = transposed ? mapOutput(map) : map.input;
      return outer.flatMap((a) =>
        inner.map((b) =>
          a.flatMap((p) => b.map((q) => ({ index: p.index * cells + q.index, weight: p.weight * q.weight }))),
        ),
      );
    },
    [[{ index: 0, weight: 1 }]],
  );
  return { rows, columns: axisTaps(maps[maps.length - 1], transposed) };
}

/**
 * The operand from which the kernel reads terms, int32: for the rows, then for the columns, the running count of terms
 * before each cell, and for each term its index and the bits of its float32 weight.
 */
export function spatialTable(maps: readonly AxisMap[], transposed: boolean): Tensor {
  const { rows, columns } = termsOf(maps, transposed);
  const words: number[] = [];
  for (const terms of [rows, columns]) {
    let count = 0;
    for (const taps of terms) {
      words.push(count);
      count += taps.length;
    }
    words.push(count);
    for (const { index, weight } of terms.flat()) words.push(index, bitsOf(weight, "float32"));
  }
  return new Tensor(Int32Array.from(words), [words.length]);
}

export function spatialMapLayouts(
  [x]: readonly TensorType[],
  _output: TensorType,
  { maps }: SpatialMapAttributes,
): readonly LayoutChoice[] {
  const plain: LayoutChoice = { inputs: ["plain", "plain"], output: "plain" };
  return canBlock(x) && maps.length <= x.shape.length - 2
    ? [{ inputs: ["blocked", "plain"], output: "blocked" }, plain]
    : [plain];
}

/** What the code depends on, of one pass. */
interface Pass {
  /** Cells that it makes; they are numbered by the table. */
  readonly cells: number;
  /** Terms of each cell, if there are equally many and few; 0: read from the table. */
  readonly terms: number;
  /** Nothing to do: cell i is cell i. */
  readonly identity: boolean;
  /** Terms o·stride + t with one weight throughout. */
  readonly regular: { readonly stride: number; readonly weight: number } | null;
  /** Where the table's counts and terms begin, in bytes. */
  readonly counts: number;
  readonly list: number;
}

function passOf(terms: Terms, inputs: number, at: number): Pass & { readonly end: number } {
  const cells = terms.length;
  const first = terms[0] ?? [];
  const even = terms.every((t) => t.length === first.length) && first.length >= 1 && first.length <= MOST;
  const identity = cells === inputs && terms.every((t, i) => t.length === 1 && t[0].index === i && t[0].weight === 1);
  const stride = cells > 1 ? (terms[1][0]?.index ?? 0) : 0;
  const weight = first[0]?.weight ?? 0;
  const straight =
    even && stride > 0 && terms.every((t, o) => t.every((p, k) => p.index === o * stride + k && p.weight === weight));
  const counts = at;
  const list = counts + 4 * (cells + 1);
  const total = terms.reduce((n, t) => n + t.length, 0);
  return {
    cells,
    terms: even ? first.length : 0,
    identity,
    regular: straight ? { stride, weight } : null,
    counts,
    list,
    end: list + 8 * total,
  };
}

export function lowerSpatialMap({
  inputs: [x],
  output,
  attrs: { maps, transposed },
}: Site<SpatialMapAttributes>): Lowered {
  const blocked = output.layout === "blocked";
  const { shape } = x.type;
  const first = shape.length - maps.length;
  const lanes = blocked ? LANES : 1;
  const planes = blocked
    ? shape[0] * blocksOf(shape[1]) * sizeOf(shape.slice(2, first))
    : sizeOf(shape.slice(0, first));
  const { rows, columns } = termsOf(maps, transposed);
  const width = shape[shape.length - 1];
  const height = sizeOf(shape.slice(first, -1));
  const rowPass = passOf(rows, height, 0);
  const columnPass = passOf(columns, width, rowPass.end);
  const size = planes * lanes * 4;
  const flops = planes * lanes * 2 * (rows.flat().length * width + columns.flat().length * rows.length);
  const stage: Stage<BufferRef> = {
    label: `${maps.map((m) => m.kind).join("×")}${transposed ? " transposed" : ""} ${shape.join("×")} to ${output.type.shape.join("×")}`,
    kernel: spatialMapKernel(rowPass, columnPass, height, width, lanes),
    work: columns.length === 0 ? 0 : planes * rows.length,
    pointers: [
      { kind: "input", index: 0 },
      { kind: "input", index: 1 },
      { kind: "output", index: 0 },
    ],
    writes: [2],
    integers: [],
    scratch: rowPass.identity || columnPass.identity ? 0 : width * lanes * 4,
    flops,
    bytes: size * (height * width + rows.length * columns.length),
  };
  return { stages: [stage], temps: [] };
}

function spatialMapKernel(rows: Pass, columns: Pass, height: number, width: number, lanes: number): Kernel {
  return defineKernel(
    { key: `spatialMap ${JSON.stringify([rows, columns, height, width, lanes])}`, pointers: 3, name: "spatialMap" },
    (f, lo, hi, scratch, x, table, y) => {
      const item = f.local("i32", "item");
      const rowBytes = width * lanes * 4;
      const outBytes = columns.cells * lanes * 4;
      f.for(item, lo, hi, 1, () => {
        const row = f.let(i32.remU(item, rows.cells), "row");
        const plane = f.let(i32.add(x, i32.mul(i32.divU(item, rows.cells), height * rowBytes)), "plane");
        const target = f.let(i32.add(y, i32.mul(item, outBytes)), "target");
        if (rows.identity) {
          const source = f.let(i32.add(plane, i32.mul(row, rowBytes)));
          if (columns.identity) addRows(f, target, [source], [], width * lanes, false);
          else mapColumns(f, columns, table, target, source, lanes);
        } else {
          const sums = columns.identity ? target : scratch;
          mapRows(f, rows, table, row, sums, plane, rowBytes, width * lanes);
          if (!columns.identity) mapColumns(f, columns, table, target, scratch, lanes);
        }
      });
    },
  );
}

/** sums = Σ weight · row of the plane. */
function mapRows(
  f: FunctionBuilder,
  pass: Pass,
  table: I32,
  row: I32,
  sums: Local<"i32">,
  plane: I32,
  rowBytes: number,
  length: number,
): void {
  const source = (entry: I32): Local<"i32"> => f.let(i32.add(plane, i32.mul(i32.load(entry, pass.list), rowBytes)));
  const weight = (entry: I32): Local<"v128"> => f.let(v128.load32Splat(entry, pass.list + 4));
  if (pass.terms > 0) {
    const entry = f.let(i32.add(table, i32.mul(row, 8 * pass.terms)));
    const entries = Array.from({ length: pass.terms }, (_, t) => f.let(i32.add(entry, 8 * t)));
    addRows(f, sums, entries.map(source), entries.map(weight), length, false);
    return;
  }
  const counts = f.let(i32.add(table, i32.mul(row, 4)));
  const entry = f.let(i32.add(table, i32.mul(i32.load(counts, pass.counts), 8)), "entry");
  const end = f.let(i32.add(table, i32.mul(i32.load(counts, pass.counts + 4), 8)), "end");
  f.if(
    i32.ltU(entry, end),
    () => addRows(f, sums, [source(entry)], [weight(entry)], length, false),
    () => addRows(f, sums, [], [], length, false),
  );
  f.advance(entry, 8);
  f.while(i32.ltU(entry, end), () => {
    addRows(f, sums, [source(entry)], [weight(entry)], length, true);
    f.advance(entry, 8);
  });
}

/** target = (or +=) Σ weight · source, `length` numbers; no weights: 1. */
function addRows(
  f: FunctionBuilder,
  target: Local<"i32">,
  sources: readonly Local<"i32">[],
  weights: readonly Local<"v128">[],
  length: number,
  accumulate: boolean,
): void {
  const t = f.let(target);
  const s = sources.map((p) => f.let(p));
  const vector = (offset: number): void => {
    let sum: V128 | null = accumulate ? v128.load(t, offset) : null;
    s.forEach((p, i) => {
      const x = v128.load(p, offset);
      const term = weights.length === 0 ? x : f32x4.mul(x, weights[i]);
      sum = sum === null ? term : f32x4.add(sum, term);
    });
    f.do(v128.store(t, sum ?? f32x4.const(0), offset));
  };
  const move = (bytes: number): void => [t, ...s].forEach((p) => f.advance(p, bytes));
  const fours = Math.floor(length / 16);
  if (fours > 0) {
    const n = f.let(i32.const(fours));
    f.countdown(n, () => {
      for (let k = 0; k < 4; k++) vector(16 * k);
      move(64);
    });
  }
  let rest = length % 16;
  let offset = 0;
  for (; rest >= 4; rest -= 4, offset += 16) vector(offset);
  for (; rest > 0; rest--, offset += 4) {
    let sum = accumulate ? f32.load(t, offset) : null;
    s.forEach((p, i) => {
      const x = f32.load(p, offset);
      const term = weights.length === 0 ? x : f32.mul(x, f32x4.extractLane(weights[i], 0));
      sum = sum === null ? term : f32.add(sum, term);
    });
    f.do(f32.store(t, sum ?? 0, offset));
  }
}

/** target[o] = Σ weight · row[index], for all cells of a row: two vectors of channels, or single numbers. */
function mapColumns(
  f: FunctionBuilder,
  pass: Pass,
  table: I32,
  target: Local<"i32">,
  row: Local<"i32">,
  lanes: number,
): void {
  if (pass.cells === 0) return;
  const cell = lanes * 4;
  const t = f.let(target);
  const left = f.let(i32.const(pass.cells), "left");
  if (pass.regular !== null) {
    regularColumns(f, pass.regular, pass.terms, t, row, left, lanes);
    return;
  }
  const entry = f.let(table, "entry");
  const at = (): Local<"i32"> => f.let(i32.add(row, i32.mul(i32.load(entry, pass.list), cell)));
  const counts = f.let(table, "counts");
  const end = f.local("i32", "end");
  f.countdown(left, () => {
    if (lanes === LANES) {
      const sums = [f.local("v128"), f.local("v128")];
      const term = (first: boolean): void => {
        const p = at();
        const w = f.let(v128.load32Splat(entry, pass.list + 4));
        sums.forEach((sum, h) => {
          const x = f32x4.mul(v128.load(p, 16 * h), w);
          f.set(sum, first ? x : f32x4.add(sum, x));
        });
        f.advance(entry, 8);
      };
      if (pass.terms > 0) for (let k = 0; k < pass.terms; k++) term(k === 0);
      else {
        for (const sum of sums) f.set(sum, f32x4.const(0));
        f.set(end, i32.add(table, i32.mul(i32.load(counts, pass.counts + 4), 8)));
        f.while(i32.ltU(entry, end), () => term(false));
      }
      sums.forEach((sum, h) => f.do(v128.store(t, sum, 16 * h)));
    } else {
      const sum = f.local("f32");
      const term = (first: boolean): void => {
        const x = f32.mul(f32.load(at()), f32.load(entry, pass.list + 4));
        f.set(sum, first ? x : f32.add(sum, x));
        f.advance(entry, 8);
      };
      if (pass.terms > 0) for (let k = 0; k < pass.terms; k++) term(k === 0);
      else {
        f.set(sum, 0);
        f.set(end, i32.add(table, i32.mul(i32.load(counts, pass.counts + 4), 8)));
        f.while(i32.ltU(entry, end), () => term(false));
      }
      f.do(f32.store(t, sum));
    }
    f.advance(t, cell);
    f.advance(counts, 4);
  });
}

/** Terms o·stride + t with one weight: no table is read. */
function regularColumns(
  f: FunctionBuilder,
  { stride, weight }: NonNullable<Pass["regular"]>,
  terms: number,
  target: Local<"i32">,
  row: Local<"i32">,
  left: Local<"i32">,
  lanes: number,
): void {
  const s = f.let(row);
  f.countdown(left, () => {
    for (let h = 0; h < Math.max(lanes / 4, 1); h++) {
      if (lanes === LANES) {
        let sum: V128 = v128.load(s, 16 * h);
        for (let k = 1; k < terms; k++) sum = f32x4.add(sum, v128.load(s, k * lanes * 4 + 16 * h));
        f.do(v128.store(target, weight === 1 ? sum : f32x4.mul(sum, f32x4.const(weight)), 16 * h));
      } else {
        let sum = f32.load(s);
        for (let k = 1; k < terms; k++) sum = f32.add(sum, f32.load(s, k * 4));
        f.do(f32.store(target, weight === 1 ? sum : f32.mul(sum, weight)));
      }
    }
    f.advance(s, stride * lanes * 4);
    f.advance(target, lanes * 4);
  });
}
