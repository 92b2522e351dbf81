/** The product of bytes with signed bytes: tiles of a few rows and eight columns. Units as in convInteger.wasm.ts. */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel, Stage } from "../../backend/plan.ts";
import { BYTES, type DType, sizeOf } from "../../tensor/shape.ts";
import { type FunctionBuilder, type I32, type Local, i16x8, i32, i8x16, v128 } from "../../wasm/index.ts";
import { input, output, temp } from "../conv/gather.ts";
import { paddedChannels } from "../conv/pack.wasm.ts";
import { type Epilogue, type Store, epilogueKey, epilogueOf, storeOf } from "../matmul/epilogue.wasm.ts";
import { storeLanes } from "../matmul/lanes.wasm.ts";
import { PER_UNIT, type Step, type TilePool, type Unit, mostRows, tilePool } from "../matmul/tile.wasm.ts";
import type { BufferRef, Lowered, Site, WasmLowering } from "../op.ts";
import { packStage, unitFor, widenStage } from "./convInteger.wasm.ts";
import type { IntegerRange } from "./integer.ts";
import { packBytesItems, packedBytes, unitsOf, widenedBytes } from "./pack.wasm.ts";

export const matmulIntegerWasm: WasmLowering<IntegerRange> = {
  fusesEpilogue: true,
  epilogueStores: ["float32", "int32", "uint8"],
  lower,
};

function lower(site: Site<IntegerRange>): Lowered {
  const { attrs, target } = site;
  const [x, w] = site.inputs.map(({ type }) => type);
  const [rows, inner] = x.shape;
  const columns = w.shape[0];
  const { epilogue, buffers } = epilogueOf(site, 2);
  if (rows * columns === 0) return { temps: [], stages: [] };
  const unit = unitFor(attrs, target);
  const pack = { groups: 1, made: columns, summed: inner, taps: 1, unit };
  const temps = [packedBytes(pack)];
  const stages: Stage<BufferRef>[] = [packStage(pack)];
  if (unit === "i16") {
    temps.push(rows * widenedBytes(inner));
    stages.push(widenStage(inner, rows, attrs.zero));
  }
  const height = Math.min(rows, mostRows({ fma: false, wide: false, unit }, 8));
  const shape: ProductShape = {
    rows,
    columns,
    units: unitsOf(inner, unit),
    rowBytes: unit === "i16" ? widenedBytes(inner) : inner,
    unit,
    height,
    stored: site.output.type.dtype,
    epilogue,
  };
  stages.push({
    label: `product int8 ${rows}×${inner}×${columns}`,
    kernel: productKernel(shape),
    work: Math.ceil(rows / height) * packBytesItems(pack),
    pointers: [unit === "i16" ? temp(1) : input(0), temp(0), output, ...buffers],
    writes: [2],
    integers: [],
    scratch: 0,
    flops: 2 * rows * inner * columns,
    bytes: sizeOf(x.shape) + sizeOf(w.shape) + 4 * rows * columns,
  });
  return { temps, stages };
}

interface ProductShape {
  readonly rows: number;
  readonly columns: number;
  readonly units: number;
  readonly rowBytes: number;
  readonly unit: Unit;
  /** Rows of a tile. */
  readonly height: number;
  readonly stored: DType;
  readonly epilogue?: Epilogue;
}

/** Units of one turn of the inner loop. */
const unrolled = 8;

/** Pointers: x as units, packed weights, result, the epilogue's operands. */
function productKernel(shape: ProductShape): Kernel {
  const { rows, columns, units, rowBytes, unit, height, stored, epilogue } = shape;
  const operands = epilogue?.operands.length ?? 0;
  const blocks = Math.ceil(columns / 8);
  const blockUnits = paddedChannels(units, 8 / PER_UNIT[unit]);
  return defineKernel(
    {
      key: `productInteger ${[rows, columns, units, rowBytes, unit, height, stored].join(" ")} ${epilogueKey(epilogue)}`,
      pointers: 3 + operands,
      name: "productInteger",
    },
    (f, lo, hi, _scratch, ...rest) => {
      const [x, packed, result, ...pointers] = rest;
      const pool = tilePool(f, { fma: false, wide: false, unit });
      const store = storeOf(f, epilogue, false, result, pointers, stored);
      const item = f.local("i32", "item");
      f.for(item, lo, hi, 1, () => {
        const block = f.let(i32.remU(item, blocks), "block");
        const first = f.let(i32.mul(i32.divU(item, blocks), height), "firstRow");
        const from = f.let(i32.add(x, i32.mul(first, rowBytes)), "from");
        const weights = f.let(i32.add(packed, i32.mul(block, 32 * blockUnits)), "weights");
        const cell = i32.add(i32.mul(first, columns), i32.mul(block, 8));
        const to = f.let(i32.add(result, i32.mul(cell, BYTES[stored])), "to");
        store.channel(i32.mul(block, 8));
        const tile = (count: number): void => emitTile(f, pool, store, shape, count, { block, from, weights, to });
        if (rows % height === 0) tile(height);
        else
          f.if(
            i32.leS(first, rows - height),
            () => tile(height),
            () => tile(rows % height),
          );
      });
    },
  );
}

type Pointers = Readonly<Record<"block" | "from" | "weights" | "to", Local<"i32">>>;

function emitTile(
  f: FunctionBuilder,
  pool: TilePool,
  store: Store,
  { columns, units, rowBytes, stored }: ProductShape,
  height: number,
  { block, from, weights, to }: Pointers,
): void {
  const tile = pool.tile(height, 2);
  tile.zero();
  const a = f.let(from, "a");
  const b = f.let(weights, "b");
  f.block((exit) => {
    const turn = (count: number): void => {
      const steps = Array.from({ length: count }, (_, u): Step => ({
        rows: Array.from({ length: height }, (_unused, r) => ({ pointer: a, offset: r * rowBytes + 4 * u })),
        columns: { pointer: b, offset: 32 * u },
      }));
      tile.run(steps, { exit, pointer: b });
    };
    if (units >= unrolled) {
      const n = f.let(i32.const(Math.floor(units / unrolled)), "n");
      f.countdown(n, () => {
        turn(unrolled);
        f.advance(a, 4 * unrolled);
        f.advance(b, 32 * unrolled);
      });
    }
    turn(units % unrolled);
  });
  store.group();
  tile.accumulators.forEach(([low, high], r) => {
    const offset = r * columns * BYTES[stored];
    const whole = (): void => store.cell([low, high], to, offset, 0);
    if (columns % 8 === 0) return whole();
    const last = (): void => emitRest(f, store, [low, high], to, offset, columns % 8, stored);
    f.if(i32.eq(block, Math.floor(columns / 8)), last, () => {
      store.group();
      whole();
    });
    store.group();
  });
}

/** The first `count` of eight results. */
function emitRest(
  f: FunctionBuilder,
  store: Store,
  halves: readonly Local<"v128">[],
  to: I32,
  offset: number,
  count: number,
  stored: DType,
): void {
  halves.forEach((half, v) => {
    const lanes = Math.min(4, count - 4 * v);
    if (lanes <= 0) return;
    const at = offset + 4 * v * BYTES[stored];
    store.group();
    const y = f.let(store.finish(half, to, at, 4 * v));
    if (stored !== "uint8") return storeLanes(f, to, y, lanes, at);
    const words = f.let(i16x8.narrowI32x4U(y, y));
    const bytes = f.let(i8x16.narrowI16x8U(words, words));
    for (let lane = 0; lane < lanes; lane++) f.do(v128.store8Lane(to, bytes, lane, at + lane));
  });
}
