/**
 * Winograd's filters: G·g·Gᵀ of packed weights, by a stage of their own for all tiles to read, or by the work item that
 * needs them (see winograd.wasm.ts).
 */
import { defineKernel } from "../../../backend/kernel.ts";
import type { Kernel } from "../../../backend/plan.ts";
import { type FunctionBuilder, type I32, f32x4, i32, v128 } from "../../../wasm/index.ts";
import type { Axis } from "../axis.ts";
import { type PackShape, packedChannels, paddedChannels } from "../pack.wasm.ts";
import { planeGap, storeHalves } from "./tiles.wasm.ts";
import {
  type FilterPart,
  type VectorMath,
  type WinogradSize,
  algorithmOf,
  planesOf,
  sideOf,
  vectorMath,
} from "./transforms.ts";

/** What the transformed weights depend on. */
export interface WinogradWeights {
  readonly size: WinogradSize;
  readonly made: number;
  readonly summed: number;
  /** Channels made side by side, as the weights are packed. */
  readonly lanes: 8 | 16;
  readonly y: Axis;
  readonly x: Axis;
}

/** Bytes from plane to plane of transformed weights, [made/lanes][plane][channels][lanes]. */
export function filterPlaneBytes(lanes: number, channels: number): number {
  return 4 * lanes * channels + planeGap;
}

export function winogradWeightBytes({ size, made, summed, lanes }: WinogradWeights): number {
  return planesOf(size) * Math.ceil(made / lanes) * filterPlaneBytes(lanes, summed);
}

/** Bytes of the packed weights of `lanes` channels made. */
export function packedBlockBytes({ size, summed, lanes }: WinogradWeights): number {
  return algorithmOf(size).taps ** 2 * 4 * lanes * paddedChannels(summed);
}

/**
 * The transformed weights from the packed ones. Pointers: packed [made/lanes][summed/8][tap][c of 8][lanes] (see pack.wasm.ts),
 * transformed [made/lanes][plane][summed][lanes]. Work items: blocks made.
 */
export function winogradWeightKernel(shape: WinogradWeights): Kernel {
  const { size, summed, lanes, y, x } = shape;
  const plane = filterPlaneBytes(lanes, summed);
  const { filterFactors } = algorithmOf(size);
  return defineKernel(
    {
      key: `winogradWeights ${size} ${summed} ${lanes} ${y.tap} ${y.tapHop} ${x.tap} ${x.tapHop}`,
      pointers: 2,
      name: "winogradWeights",
    },
    (f, lo, hi, _scratch, packed, transformed) => {
      const math = vectorMath(f, false);
      const item = f.local("i32", "item");
      f.for(item, lo, hi, 1, () => {
        const from = f.let(i32.add(packed, i32.mul(item, packedBlockBytes(shape))), "from");
        const to = i32.add(transformed, i32.mul(item, planesOf(size) * plane));
        const parts = partsOf(size);
        emitFilters(f, math, shape, parts, 8, from, to, [i32.const(0), i32.const(summed)], plane, filterFactors);
      });
    },
  );
}

/** Rows of a transformed filter that share sums: a part of the transform along y. */
export interface FilterRows {
  readonly part: FilterPart;
  readonly first: number;
}

export function partsOf(size: WinogradSize): FilterRows[] {
  let first = 0;
  return algorithmOf(size).filter.map((part) => ({ part, first: (first += part.count) - part.count }));
}

/** Transforms the packed weights of some channels, `lanes` channels made, to [plane of those rows][channel][lanes]. */
export function emitFilters(
  f: FunctionBuilder,
  math: VectorMath,
  { size, summed, lanes, y, x }: WinogradWeights,
  parts: readonly FilterRows[],
  packing: PackShape["block"],
  packed: I32,
  to: I32,
  [first, end]: readonly [I32, I32],
  planeBytes: number,
  factors?: readonly number[],
): void {
  const { filter, taps } = algorithmOf(size);
  const side = sideOf(size);
  const perTap = 4 * lanes * packedChannels(summed, packing);
  const c = f.local("i32", "c");
  const transformed = f.let(to, "transformed");
  f.for(c, first, end, 1, () => {
    const from = f.let(
      i32.add(
        packed,
        i32.add(i32.mul(i32.and(c, -packing), taps * taps * 4 * lanes), i32.mul(i32.and(c, packing - 1), 4 * lanes)),
      ),
      "taps",
    );
    // Four channels made at a time, or eight.
    const at = f.local("i32", "at");
    const halves = math.wide ? [0, 16] : [0];
    f.for(at, 0, 4 * lanes, 16 * halves.length, () => {
      const weights = f.let(i32.add(from, at), "weights");
      const target = f.let(i32.add(transformed, at), "target");
      f.block((exit) => {
        for (const { part, first: firstRow } of parts) {
          // Along y, then along x. Taps are loaded for each part anew: 18 numbers between would not fit into registers.
          if (firstRow > parts[0].first && !math.wide) f.brIf(exit, i32.eq(weights, 2 * firstRow + 1)); // see Guard in tile.wasm.ts
          const columns = Array.from({ length: taps }, (_, i) =>
            halves.map((offset) =>
              part
                .transform(math, (j) => {
                  const tap = (y.tap + j * y.tapHop) * taps + x.tap + i * x.tapHop;
                  return f.let(v128.load(weights, tap * perTap + offset));
                })
                .map((value) => f.let(value)),
            ),
          );
          for (let k = 0; k < part.count; k++) {
            const r = firstRow + k;
            const rows = halves.map((_, h) =>
              filter.flatMap((along) => along.transform(math, (i) => columns[i][h][k])),
            );
            rows[0].forEach((_, i) => {
              const factor = factors === undefined ? 1 : factors[r] * factors[i];
              const filtered = rows.map((row) => f.let(factor === 1 ? row[i] : f32x4.mul(row[i], f32x4.const(factor))));
              storeHalves(f, target, filtered, ((r - parts[0].first) * side + i) * planeBytes, 0);
            });
          }
        }
      });
    });
    f.advance(transformed, 4 * lanes);
  });
}
