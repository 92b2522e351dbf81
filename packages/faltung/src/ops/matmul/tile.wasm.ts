/**
 * The heart of every product here: a register tile. `rows` numbers, each spread over a vector, times `vectors` vectors
 * of four columns, added into rows × vectors accumulators that stay in registers: acc[r][v] += a[r] · b[v].
 *
 * Convolutions, their gradients, Winograd's products and matrix products differ only in where a step's a and b lie:
 * pixels and weights, pixels and gradients, rows and columns.
 *
 * Fifteen vector registers are usable. A step needs one for a and `vectors` for b, so the tile has room for 12
 * accumulators, and for less where the product needs a register before it is added (no fused multiply-add).
 */
import {
  type FunctionBuilder,
  type I32,
  type Label,
  type Local,
  type V128,
  f32x4,
  i32,
  i32x4,
  v128,
} from "../../wasm/index.ts";

/**
 * What a step takes of each row: four bytes, which are one float, two int16 or four int8. Columns hold as many numbers
 * for each of their four lanes, and sums of whole numbers are int32, exact.
 */
export type Unit = "f32" | "i16" | "i8";

/** Numbers in a unit. */
export const PER_UNIT: Readonly<Record<Unit, 1 | 2 | 4>> = { f32: 1, i16: 2, i8: 4 };

/** How a tile computes. Part of every kernel's key. */
export interface Flavour {
  /** Floats unless said. `i8`: signed columns, rows of 0 to 127, by the relaxed dot product (`Target.dot`). */
  readonly unit?: Unit;
  /** Relaxed multiply-add: one instruction with one rounding, where the engine and the precision allow it. */
  readonly fma: boolean;
  /** Tiles of 16 columns, whose neighbouring vectors V8 fuses into 256-bit ones. */
  readonly wide: boolean;
}

export function flavourKey({ fma, wide, unit = "f32" }: Flavour): string {
  return (unit === "f32" ? (fma ? "fma" : "mul") : unit) + (wide ? "16" : "8");
}

/**
 * Most rows of a tile that stay in registers: with 12 accumulators, or 8 where products need room too. A wide tile of 8
 * columns has half as many registers' worth of columns, and more rows.
 */
export function mostRows({ fma, wide, unit = "f32" }: Flavour, columns: 8 | 16): number {
  if (unit !== "f32") return unit === "i8" ? 6 : 4;
  if (wide && columns === 8) return fma ? 10 : 8;
  return fma ? 6 : 4;
}

/** a·b + c. */
export function multiplyAdd(fma: boolean, a: V128, b: V128, c: V128): V128 {
  return fma ? f32x4.relaxedMadd(a, b, c) : f32x4.add(c, f32x4.mul(a, b));
}

/** a·b + c of the flavour's units; `a` is of the row, `b` of the columns. */
export function multiplyAddUnits(unit: Unit, fma: boolean, a: V128, b: V128, c: V128): V128 {
  switch (unit) {
    case "f32":
      return multiplyAdd(fma, a, b, c);
    case "i16":
      return i32x4.add(c, i32x4.dotI16x8S(a, b));
    case "i8":
      return i32x4.relaxedDotI8x16I7x16AddS(b, a, c);
  }
}

/** An address: a pointer and a constant number of bytes from there. */
export interface Place {
  readonly pointer: I32;
  readonly offset: number;
}

/** One step along the inner dimension. A row without a place takes no part (its number is padding). */
export interface Step {
  readonly rows: readonly (Place | null)[];
  /** The first of the step's vectors; the others follow it. */
  readonly columns: Place;
}

export interface Tile {
  readonly accumulators: readonly (readonly Local<"v128">[])[];
  zero(): void;
  /** Emits the steps one after the other. */
  run(steps: readonly Step[], guard: Guard): void;
}

/**
 * Where to leave a loop, never taken: `pointer` is a multiple of four and is compared with an odd number.
 *
 * V8 before version 13 moves all loads of a basic block above its arithmetic, far beyond what registers hold, and
 * spills: a quarter of the speed. A branch between two steps ends the block. It must leave the loop for where the
 * accumulators are used, its condition must vary, and the constants must differ, or V8 merges the branches.
 */
export interface Guard {
  readonly exit: Label;
  readonly pointer: I32;
}

export interface TilePool {
  /** @param fma whether to fuse; unless said, where the flavour does and the tile is large enough to gain. */
  tile(rows: number, vectors: number, fma?: boolean): Tile;
}

/**
 * Rows between two guards. What V8 moves to the top of a block has to fit into the registers that the accumulators
 * leave free. On Zen 3, 4×8 with multiply + add runs at 84 % of the roof with four rows to a block and at 91 % with two;
 * 6×8 with fused multiply-add, on V8 12, at 50 % with two or more and at the roof with one. Wide tiles run on engines that move
 * nothing, and there a branch would stand between vectors that are to become one.
 */
function rowsPerBlock({ fma, wide, unit = "f32" }: Flavour): number {
  if (wide || unit !== "f32") return Infinity;
  return fma ? 1 : 2;
}

/**
 * V8 before version 13 keeps `memory + offset` in a register for every offset that two broadcasting loads of a function
 * share, and when these run out in memory: one more load for each. So an offset that was used is used again from a
 * pointer some bytes lower: nothing that is read lies among the first bytes of memory (`CONTROL_BYTES`).
 */
const SHIFTS: readonly number[] = [0, 256, 512].flatMap((far) => [0, 1, 2, 3].map((near) => far + near));

/** Makes the tiles of one function; all share the same variables. */
export function tilePool(f: FunctionBuilder, flavour: Flavour): TilePool {
  const allAccumulators: Local<"v128">[] = [];
  const allColumns: Local<"v128">[] = [];
  const a = f.local("v128", "a");
  const { unit = "f32" } = flavour;
  const usedOffsets = new Set<number>();
  let guards = 0;

  /** A step's pointer (its rows have one), lowered so that no step before has had its offsets, where that is possible. */
  const lowered = (step: Step, lower: Map<I32, Shifted>): Shifted | undefined => {
    const places = step.rows.filter((place) => place !== null);
    const [{ pointer }] = places;
    if (places.some((place) => place.pointer !== pointer)) return undefined;
    const free = (by: number): boolean => !places.some(({ offset }) => usedOffsets.has(offset + by));
    const known = lower.get(pointer);
    const by = known !== undefined && free(known.by) ? known.by : (SHIFTS.find(free) ?? 0);
    for (const { offset } of places) usedOffsets.add(offset + by);
    if (known?.by === by) return known;
    const made = { by, pointer: by === 0 ? pointer : f.let(i32.sub(pointer, by), "lower") };
    lower.set(pointer, made);
    return made;
  };

  return {
    tile(rows, vectors, fuse) {
      while (allAccumulators.length < rows * vectors) {
        allAccumulators.push(f.local("v128", `acc${allAccumulators.length}`));
      }
      while (allColumns.length < vectors) allColumns.push(f.local("v128", `b${allColumns.length}`));
      const columns = allColumns.slice(0, vectors);
      const accumulators = Array.from({ length: rows }, (_, r) =>
        allAccumulators.slice(r * vectors, (r + 1) * vectors),
      );
      // A small tile waits for its own sums; an addition alone is ready sooner than a fused multiply-add.
      const fma = fuse ?? (flavour.fma && rows * vectors >= 8);
      const most = rowsPerBlock({ ...flavour, fma });
      return {
        accumulators,
        zero() {
          for (const acc of accumulators.flat()) f.set(acc, f32x4.const(0));
        },
        run(steps, guard) {
          const lower = new Map<I32, Shifted>();
          let inBlock = 0;
          const endBlock = (): void => {
            if (inBlock > 0) f.brIf(guard.exit, i32.eq(guard.pointer, 2 * guards++ + 1));
            inBlock = 0;
          };
          for (const step of steps) {
            if (step.rows.every((place) => place === null)) continue;
            endBlock();
            const { rows: places, columns: from } = step;
            const shifted = lowered(step, lower);
            columns.forEach((column, v) => f.set(column, v128.load(from.pointer, from.offset + 16 * v)));
            places.forEach((place, r) => {
              if (place === null) return;
              if (inBlock === most) endBlock();
              inBlock++;
              f.set(a, v128.load32Splat(shifted?.pointer ?? place.pointer, place.offset + (shifted?.by ?? 0)));
              accumulators[r].forEach((acc, v) => f.set(acc, multiplyAddUnits(unit, fma, a, columns[v], acc)));
            });
          }
        },
      };
    },
  };
}

/** A pointer to `by` bytes below another. */
interface Shifted {
  readonly by: number;
  readonly pointer: I32;
}

/** Adds a tile's sums to those in memory. All loads come first: a store between two of them keeps V8 from pairing them. */
export function addTo(f: FunctionBuilder, tile: Tile, pointer: I32, offset: number): void {
  const sums = tile.accumulators.flat();
  sums.forEach((sum, i) => f.set(sum, f32x4.add(sum, v128.load(pointer, offset + 16 * i))));
  sums.forEach((sum, i) => f.do(v128.store(pointer, sum, offset + 16 * i)));
}
