/**
 * Walking rows: what map and row-reduction kernels share. A row index is taken apart into the outer dimensions, each
 * operand's place follows from its steps; constant parts are loaded before the run, the others advance with it.
 */
import { BYTES, type DType } from "../../tensor/shape.ts";
import { type FunctionBuilder, type I32, type Local, type V128, i32 } from "../../wasm/index.ts";
import { loadSplat, loadVectors, vectorBytes } from "./io.wasm.ts";
import type { Along, Nest } from "./nest.ts";

/** What the code of a walk depends on; sizes and steps are passed as integers. */
export interface WalkShape {
  readonly rank: number;
  readonly operands: readonly { readonly dtype: DType; readonly along: Along; readonly moves: boolean }[];
  /** Long runs are cut into pieces, which count as the innermost outer dimension. */
  readonly pieces: boolean;
}

export function walkShape(nest: Nest, pieces: boolean): WalkShape {
  return {
    rank: nest.outer.length,
    pieces,
    operands: nest.operands.map(({ dtype, along, steps }) => ({ dtype, along, moves: steps.some((s) => s !== 0) })),
  };
}

export function walkKey({ rank, operands, pieces }: WalkShape): string {
  return `${rank}${pieces ? "p" : ""}${operands.map((x) => x.dtype[0] + x.along.slice(0, 2) + (x.moves ? "m" : "")).join("")}`;
}

/** The integers that a walk takes: run, piece, number of pieces, then outer sizes, then each moving operand's steps. */
export function walkIntegers(nest: Nest, piece: number): number[] {
  const moving = nest.operands.filter(({ steps }) => steps.some((s) => s !== 0));
  return [nest.run, piece, Math.ceil(nest.run / piece), ...nest.outer, ...moving.flatMap((x) => x.steps)];
}

export function walkIntegerCount({ rank, operands }: WalkShape): number {
  return 3 + rank + rank * operands.filter((x) => x.moves).length;
}

/** Where a row (or a piece of one) is. */
export interface Row {
  /** Elements in it. */
  readonly length: Local<"i32">;
  /** Index of its first element in a contiguous tensor of the nest's shape. */
  readonly start: Local<"i32">;
  /** The operands' next `count` vectors: for each vector, one of each operand. They may be loads, to be used once. */
  load(count: number): V128[][];
  advance(count: number): void;
}

export class Walk {
  readonly #f: FunctionBuilder;
  readonly #shape: WalkShape;
  readonly #pointers: readonly Local<"i32">[];
  readonly #integers: readonly Local<"i32">[];
  /** Where each operand is read next. */
  get at(): readonly Local<"i32">[] {
    return this.#at;
  }

  readonly #at: readonly Local<"i32">[];
  readonly #still: (V128[] | null)[];
  readonly #length: Local<"i32">;
  readonly #start: Local<"i32">;

  constructor(
    f: FunctionBuilder,
    shape: WalkShape,
    pointers: readonly Local<"i32">[],
    integers: readonly Local<"i32">[],
  ) {
    this.#f = f;
    this.#shape = shape;
    this.#pointers = pointers;
    this.#integers = integers;
    this.#at = shape.operands.map((_, i) => f.local("i32", `at${i}`));
    this.#length = f.local("i32", "length");
    this.#start = f.local("i32", "start");
    // What never moves is loaded once for the whole call.
    this.#still = shape.operands.map(({ along, moves, dtype }, i) => {
      f.set(this.#at[i], pointers[i]);
      if (moves || (along !== "splat" && along !== "channel")) return null;
      return this.#loadStill(i, dtype, along);
    });
  }

  #loadStill(i: number, dtype: DType, along: Along): V128[] {
    const ptr = this.#at[i];
    if (along === "splat") return [this.#f.let(loadSplat(dtype, ptr))];
    return loadVectors(this.#f, dtype, ptr, 2).map((x) => this.#f.let(x));
  }

  /** Goes to row `row`. The integers: see {@link walkIntegers}. */
  enter(row: I32): Row {
    const { rank, operands, pieces } = this.#shape;
    const f = this.#f;
    const [run, piece, count] = this.#integers;
    const offset = operands.map(({ moves }) => (moves ? f.local("i32", "offset") : null));
    offset.forEach((x) => x && f.set(x, 0));
    const rest = f.let(row, "rest");
    let within: Local<"i32"> | null = null;
    if (pieces) {
      within = f.let(i32.mul(i32.remU(rest, count), piece), "within");
      f.set(rest, i32.divU(rest, count));
      f.set(this.#start, i32.add(i32.mul(rest, run), within));
      f.set(this.#length, i32.sub(run, within));
      f.if(i32.gtS(this.#length, piece), () => f.set(this.#length, piece));
    } else {
      f.set(this.#length, run);
      f.set(this.#start, i32.mul(rest, run));
    }
    let moving = 0;
    const stepAt = operands.map(({ moves }) => (moves ? 3 + rank + rank * moving++ : 0));
    for (let d = rank - 1; d >= 0; d--) {
      const index = d === 0 ? rest : f.let(i32.remU(rest, this.#integers[3 + d]), "index");
      if (d > 0) f.set(rest, i32.divU(rest, this.#integers[3 + d]));
      offset.forEach((x, i) => x && f.advance(x, i32.mul(index, this.#integers[stepAt[i] + d])));
    }
    const scaled = (x: I32, dtype: DType): I32 => (BYTES[dtype] === 1 ? x : i32.shl(x, 2));
    const loaded = operands.map(({ along, dtype }, i): readonly V128[] | null => {
      if (this.#still[i]) return this.#still[i];
      const elements = offset[i];
      let place: I32 = this.#pointers[i];
      if (elements) place = i32.add(place, scaled(elements, dtype));
      if (within && along === "run") place = i32.add(place, scaled(within, dtype));
      if (within && along === "pixel") place = i32.add(place, scaled(i32.shrU(within, 3), dtype));
      f.set(this.#at[i], place);
      return along === "splat" || along === "channel" ? this.#loadStill(i, dtype, along) : null;
    });
    return this.#row(loaded);
  }

  /**
   * Runs `body` for the rows of work items lo ≤ item < hi, each of which has `perItem` of all `rows`. `flat`: a nest without
   * outer dimensions, whose elements count as rows; they are one row then.
   */
  each(
    [lo, hi]: readonly I32[],
    perItem: I32,
    rows: I32,
    body: (row: Row, index: Local<"i32">) => void,
    flat = false,
  ): void {
    const f = this.#f;
    const index = f.let(i32.mul(lo, perItem), "row");
    const to = f.let(i32.mul(hi, perItem), "to");
    f.atMost(to, rows);
    if (!flat) return f.for(index, index, to, 1, () => body(this.enter(index), index));
    f.set(this.#start, index);
    f.set(this.#length, i32.sub(to, index));
    this.#shape.operands.forEach(({ along, dtype }, i) => {
      if (along === "run") f.set(this.#at[i], i32.add(this.#pointers[i], i32.mul(index, BYTES[dtype])));
    });
    f.if(i32.gtS(this.#length, 0), () => body(this.#row(this.#still), index));
  }

  #row(loaded: readonly (readonly V128[] | null)[]): Row {
    const f = this.#f;
    const { operands } = this.#shape;
    return {
      length: this.#length,
      start: this.#start,
      load: (n) => {
        const vectors = operands.map(({ along, dtype }, i): readonly V128[] => {
          const still = loaded[i];
          if (still) return Array.from({ length: n }, (_, k) => still[k % still.length]);
          if (along === "run") return loadVectors(f, dtype, this.#at[i], n);
          if (along === "step") {
            const x = f.let(loadSplat(dtype, this.#at[i]));
            return Array.from({ length: n }, () => x);
          }
          // One pixel for each group of eight lanes.
          const pixels = Array.from({ length: Math.ceil(n / 2) }, (_, k) =>
            f.let(loadSplat(dtype, k === 0 ? this.#at[i] : i32.add(this.#at[i], k * BYTES[dtype]))),
          );
          return Array.from({ length: n }, (_, k) => pixels[k >> 1]);
        });
        return Array.from({ length: n }, (_, k) => vectors.map((x) => x[k]));
      },
      advance: (n) => {
        operands.forEach(({ along, dtype }, i) => {
          const bytes = along === "run" ? n * vectorBytes(dtype) : along === "pixel" ? (n / 2) * BYTES[dtype] : 0;
          if (bytes > 0) f.set(this.#at[i], i32.add(this.#at[i], bytes));
        });
      },
    };
  }
}
