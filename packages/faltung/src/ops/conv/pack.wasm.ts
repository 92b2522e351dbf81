/**
 * Weights as the kernels read them: `[A/8][B/8][tap][b of 8][a of 8]` (or `[A/8][B][tap][a of 8]`), where a numbers the
 * channels that are made (side by side in vectors, perhaps 16 of them) and b those that are summed over. Lanes beyond A are
 * zero. Fewer than eight b lie close together; else a last block that is not full has gaps, which are never read.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel, Stage } from "../../backend/plan.ts";
import { type FunctionBuilder, type I32, type Local, f32, i32, v128 } from "../../wasm/index.ts";
import type { BufferRef } from "../op.ts";
import { emitTranspose } from "../shape/words.wasm.ts";
import { input, temp } from "./gather.ts";

export interface PackShape {
  /** Blocks of eight of what is made, over all groups. */
  readonly groups: number;
  /** Channels per group: made, summed over. More than one group needs multiples of eight. */
  readonly made: number;
  readonly summed: number;
  readonly taps: number;
  /** Which of the weight's two first dimensions is made: O for the convolution, C for the transposed one. */
  readonly madeFirst: boolean;
  readonly lanes: 8 | 16;
  /** Channels summed over that lie together at a tap: 8 for tiles; 1 where one after the other is read with all its taps. */
  readonly block: 1 | 8;
}

/** Channels from one tap to the next. @param block channels (or units of some) in a block */
export function packedChannels(summed: number, block: number = 8): number {
  return Math.min(summed, block);
}

/** Channels in all blocks, gaps included. */
export function paddedChannels(summed: number, block: number = 8): number {
  return summed < block ? summed : Math.ceil(summed / block) * block;
}

export function packedFloats({ groups, made, summed, taps, lanes, block }: PackShape): number {
  return groups * Math.ceil(made / lanes) * lanes * paddedChannels(summed, block) * taps;
}

/** Work items: blocks of what is made. */
export function packItems({ groups, made, lanes }: PackShape): number {
  return groups * Math.ceil(made / lanes);
}

/** Weights up to this size stay in the second-level cache while images pass. */
export const residentWeights: number = 512 * 1024;

/** Packs input 1 into the first temporary buffer. */
export function packStage(pack: PackShape): Stage<BufferRef> {
  return {
    label: "pack weights",
    kernel: packKernel(pack),
    work: packItems(pack),
    pointers: [input(1), temp(0)],
    writes: [1],
    integers: [],
    scratch: 0,
    flops: 0,
    bytes: 8 * packedFloats(pack),
  };
}

/** Floats from one channel to the next in the weight, of what is made and of what is summed over. */
interface Strides {
  readonly madeStride: number;
  readonly summedStride: number;
}

/** Pointers: weight, packed. */
export function packKernel(shape: PackShape): Kernel {
  const { groups, made, summed, taps, madeFirst, lanes, block } = shape;
  const blocks = Math.ceil(made / lanes);
  const strides = madeFirst
    ? { madeStride: summed * taps, summedStride: taps }
    : { madeStride: taps, summedStride: made * taps };
  const { madeStride } = strides;
  return defineKernel(
    { key: `pack ${groups} ${made} ${summed} ${taps} ${madeFirst} ${lanes} ${block}`, pointers: 2, name: "pack" },
    (f, lo, hi, _scratch, weight, packed) => {
      const item = f.local("i32", "item");
      f.for(item, lo, hi, 1, () => {
        const group = f.let(i32.divU(item, blocks), "group");
        const first = f.let(i32.mul(i32.remU(item, blocks), lanes), "first");
        const from = f.let(
          i32.add(weight, i32.add(i32.mul(group, 4 * made * summed * taps), i32.mul(first, 4 * madeStride))),
          "from",
        );
        const to = f.let(i32.add(packed, i32.mul(item, 4 * lanes * paddedChannels(summed, block) * taps)), "to");
        const whole = i32.leS(i32.add(first, lanes), made);
        const slowly = (): void => emitNumbers(f, shape, strides, from, to, first);
        if (madeFirst && taps <= mostTaps) f.if(whole, () => emitBlocks(f, shape, from, to), slowly);
        else if (!madeFirst && (taps === 1 || (taps >= 4 && taps <= mostTaps))) {
          f.if(whole, () => emitRows(f, shape, from, to), slowly);
        } else slowly();
      });
    },
  );
}

/** Kernels of more taps than this are packed number by number: turning four vectors at a time would be long code. */
const mostTaps = 9;

/** Bytes before the numbers of channel b at tap 0. */
function packedRow(b: Local<"i32">, { taps, lanes, block }: PackShape): I32 {
  return i32.add(i32.mul(i32.and(b, -block), 4 * lanes * taps), i32.mul(i32.and(b, block - 1), 4 * lanes));
}

/** Any shape, number by number; lanes beyond what is made become zeros. */
function emitNumbers(
  f: FunctionBuilder,
  shape: PackShape,
  { madeStride, summedStride }: Strides,
  from: I32,
  to: I32,
  first: I32,
): void {
  const { made, summed, taps, lanes, block } = shape;
  const [lane, b, tap, source, target] = ["lane", "b", "tap", "source", "target"].map((name) => f.local("i32", name));
  f.for(lane, 0, lanes, 1, () => {
    const within = f.let(i32.ltS(i32.add(first, lane), made), "within");
    f.for(b, 0, summed, 1, () => {
      f.set(source, i32.add(from, i32.add(i32.mul(lane, 4 * madeStride), i32.mul(b, 4 * summedStride))));
      f.set(target, i32.add(to, i32.add(i32.mul(lane, 4), packedRow(b, shape))));
      f.for(tap, 0, taps, 1, () => {
        f.if(
          within,
          () => f.do(f32.store(target, f32.load(source))),
          () => f.do(f32.store(target, 0)),
        );
        f.advance(source, 4);
        f.advance(target, 4 * lanes * packedChannels(summed, block));
      });
    });
  });
}

/** A whole block made, O first: along each lane lie all its channels and taps, which are turned four at a time. */
function emitBlocks(
  f: FunctionBuilder,
  { summed, taps, lanes, block }: PackShape,
  from: Local<"i32">,
  to: Local<"i32">,
): void {
  const stride = 4 * summed * taps;
  const place = (j: number): number => {
    const [channel, tap] = [Math.floor(j / taps), j % taps];
    const before = channel - (channel % block);
    return (before * taps + tap * packedChannels(summed, block) + (channel % block)) * lanes * 4;
  };
  const channels = (count: number): void => {
    const numbers = count * taps;
    const rows = f.let(from, "rows");
    const lane = f.let(to, "lane");
    const left = f.let(i32.const(lanes / 4), "left");
    f.countdown(left, () => {
      let j = 0;
      for (; j + 4 <= numbers; j += 4) {
        const vectors = [0, 1, 2, 3].map((r) => f.let(v128.load(rows, r * stride + 4 * j)));
        emitTranspose(f, vectors).forEach((v, i) => f.do(v128.store(lane, v, place(j + i))));
      }
      for (; j < numbers; j++) {
        for (let r = 0; r < 4; r++) f.do(f32.store(lane, f32.load(rows, r * stride + 4 * j), place(j) + 4 * r));
      }
      f.advance(rows, 4 * stride);
      f.advance(lane, 16);
    });
  };
  if (summed >= 8) {
    const n = f.let(i32.const(Math.floor(summed / 8)), "n");
    f.countdown(n, () => {
      channels(8);
      f.advance(from, 32 * taps);
      f.advance(to, 32 * lanes * taps);
    });
  }
  if (summed % 8 > 0) channels(summed % 8);
}

/** A whole block made, C second: for each channel summed over, lanes lie side by side, and the taps of each in it. */
function emitRows(f: FunctionBuilder, shape: PackShape, from: Local<"i32">, to: Local<"i32">): void {
  const { made, summed, taps, lanes, block } = shape;
  const b = f.local("i32", "b");
  const tapBytes = 4 * lanes * packedChannels(summed, block);
  f.for(b, 0, summed, 1, () => {
    const row = f.let(i32.add(to, packedRow(b, shape)), "row");
    for (let lane = 0; lane < lanes; lane += 4) {
      if (taps === 1) {
        f.do(v128.store(row, v128.load(from, 4 * lane), 4 * lane));
        continue;
      }
      for (let t = 0; t < taps; t += 4) {
        const first = Math.min(t, taps - 4); // the last four overlap the ones before
        const vectors = [0, 1, 2, 3].map((r) => f.let(v128.load(from, 4 * ((lane + r) * taps + first))));
        emitTranspose(f, vectors).forEach((v, i) => f.do(v128.store(row, v, (first + i) * tapBytes + 4 * lane)));
      }
    }
    f.advance(from, 4 * made * taps);
  });
}
