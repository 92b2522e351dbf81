/**
 * Bytes as the integer kernels read them. Inputs as int16 without their zero point, where the product is of int16; and
 * weights `[O/8][C/8][tap][unit][8][per unit]`: for each unit of inputs (see `Unit`) eight output channels side by side,
 * as `conv/pack.wasm.ts` has them for floats. Channels and lanes that do not exist are zero, so that whatever lies in
 * an input's unused lanes counts for nothing.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { type I32, i16x8, i32, v128 } from "../../wasm/index.ts";
import { packedChannels, paddedChannels } from "../conv/pack.wasm.ts";
import { PER_UNIT, type Unit } from "../matmul/tile.wasm.ts";

export interface PackBytesShape {
  readonly groups: number;
  /** Channels per group: made, and summed over. */
  readonly made: number;
  readonly summed: number;
  readonly taps: number;
  readonly unit: Unit;
}

/** Units that hold so many channels. */
export function unitsOf(channels: number, unit: Unit): number {
  return Math.ceil(channels / PER_UNIT[unit]);
}

function sizes({ summed, taps, unit }: PackBytesShape): { readonly block: number; readonly blockBytes: number } {
  const block = 8 / PER_UNIT[unit];
  return { block, blockBytes: 32 * taps * paddedChannels(unitsOf(summed, unit), block) };
}

export function packedBytes(shape: PackBytesShape): number {
  return packBytesItems(shape) * sizes(shape).blockBytes;
}

/** Work items: blocks of eight channels made. */
export function packBytesItems({ groups, made }: PackBytesShape): number {
  return groups * Math.ceil(made / 8);
}

/** Pointers: weight [O, C, …taps] in signed bytes, packed. */
export function packBytesKernel(shape: PackBytesShape): Kernel {
  const { made, summed, taps, unit } = shape;
  const { block, blockBytes } = sizes(shape);
  const per = PER_UNIT[unit];
  const units = unitsOf(summed, unit);
  const bytes = 4 / per;
  const blocks = Math.ceil(made / 8);
  const row = 32 * packedChannels(units, block);
  return defineKernel(
    { key: `packBytes ${Object.values(shape).join(" ")}`, pointers: 2, name: "packBytes" },
    (f, lo, hi, _scratch, weight, packed) => {
      const [item, lane, c, tap] = ["item", "lane", "c", "tap"].map((name) => f.local("i32", name));
      f.for(item, lo, hi, 1, () => {
        const to = f.let(i32.add(packed, i32.mul(item, blockBytes)), "to");
        const n = f.let(i32.const(blockBytes), "n");
        f.countdown(n, () => f.do(v128.store(i32.add(to, i32.sub(n, 16)), i16x8.const(0))), 16);
        const first = f.let(i32.mul(i32.remU(item, blocks), 8), "first");
        const channel = i32.add(i32.mul(i32.divU(item, blocks), made), i32.add(first, lane));
        f.for(lane, 0, 8, 1, () => {
          f.if(i32.ltS(i32.add(first, lane), made), () => {
            const from = f.let(i32.add(weight, i32.mul(channel, summed * taps)), "from");
            f.for(c, 0, summed, 1, () => {
              const at = f.let(i32.divU(c, per), "unit");
              const unitBlock = i32.mul(i32.divU(at, block), 32 * block * taps);
              const within = i32.add(
                i32.mul(i32.remU(at, block), 32),
                i32.add(i32.mul(lane, 4), i32.mul(i32.remU(c, per), bytes)),
              );
              const target = f.let(i32.add(to, i32.add(unitBlock, within)), "target");
              f.for(tap, 0, taps, 1, () => {
                const value = i32.load8S(from);
                f.do(bytes === 2 ? i32.store16(target, value) : i32.store8(target, value));
                f.advance(from, 1);
                f.advance(target, row);
              });
            });
          });
        });
      });
    },
  );
}

/** Bytes of a row to be widened, and of one that is: whole vectors. */
export function widenedBytes(row: number): number {
  return 2 * Math.ceil(row / 8) * 8;
}

/** Pointers: bytes [rows][row], int16 [rows][row rounded up to 8], the zero point taken off. Work items: rows. */
export function widenKernel(row: number, zero: number): Kernel {
  const steps = Math.ceil(row / 8);
  return defineKernel(
    { key: `widen ${row} ${zero}`, pointers: 2, name: "widen" },
    (f, lo, hi, _scratch, source, wide) => {
      const item = f.local("i32", "item");
      const offset = f.let(i16x8.const(zero), "zero");
      f.for(item, lo, hi, 1, () => {
        const from = f.let(i32.add(source, i32.mul(item, row)), "from");
        const to = f.let(i32.add(wide, i32.mul(item, 16 * steps)), "to");
        const once = (at: number): void => {
          const x = v128.load8x8U(from, 8 * at);
          f.do(v128.store(to, zero === 0 ? x : i16x8.sub(x, offset), 16 * at));
        };
        const move = (by: number): void => {
          f.advance(from, 8 * by);
          f.advance(to, 16 * by);
        };
        if (steps >= 4) {
          const n = f.let(i32.const(Math.floor(steps / 4)), "n");
          f.countdown(n, () => {
            for (let i = 0; i < 4; i++) once(i);
            move(4);
          });
        }
        for (let i = 0; i < steps % 4; i++) once(i);
      });
    },
  );
}

/** A byte at `ptr` without its zero point. */
export function loadCentred(ptr: I32, zero: number): I32 {
  return zero === 0 ? i32.load8U(ptr) : i32.sub(i32.load8U(ptr), zero);
}
