/**
 * Conversions between plain (row-major) and channel-blocked memory: transpositions of 8 channels × 4 positions in
 * registers for four-byte elements, 8 × 8 for bytes. One work item is a run of positions of one block of channels.
 */
import { type FunctionBuilder, type I32, type Local, type V128, i32, i32x4, i8x16, v128 } from "../../wasm/index.ts";
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel, Stage } from "../../backend/plan.ts";
import { BYTES, type DType, type TensorType, sizeOf } from "../../tensor/shape.ts";
import { IN_OUT } from "./physical.ts";
import { emitTranspose } from "./words.wasm.ts";
import type { BufferRef, Layout, Lowered } from "../op.ts";

const LANES = 8;
/** Positions of one work item: long enough to stream, short enough to divide one picture among threads. */
const RUN = 1024;

/** The kernel calls that bring a tensor of rank ≥ 2 from one layout into the other. */
export function lowerConversion(type: TensorType, from: Layout): Lowered {
  const [n, c, ...rest] = type.shape;
  const positions = sizeOf(rest);
  const runs = Math.max(1, Math.ceil(positions / RUN));
  const blocks = Math.ceil(c / LANES);
  const to = from === "plain" ? "blocked" : "plain";
  const stage: Stage<BufferRef> = {
    label: `${from} → ${to}`,
    kernel: conversion(type.dtype, from, c % LANES),
    work: positions === 0 ? 0 : n * blocks * runs,
    pointers: IN_OUT,
    writes: [1],
    integers: [c, positions, runs],
    scratch: 0,
    flops: 0,
    bytes: n * positions * (c + blocks * LANES) * BYTES[type.dtype],
  };
  return { stages: [stage], temps: [] };
}

/** @param rest channels of the last block, 0 if it is full. */
function conversion(dtype: DType, from: Layout, rest: number): Kernel {
  const bytes = BYTES[dtype];
  const key = `convert from ${from}, ${bytes} bytes, ${rest} channels left`;
  return defineKernel(
    { key, name: key, pointers: 2, integers: 3 },
    (f, lo, hi, _scratch, source, target, channels, positions, runs) => {
      const item = f.local("i32", "item");
      const count = f.local("i32", "count");
      const plain = f.local("i32", "plain");
      const blocked = f.local("i32", "blocked");
      const blocks = f.let(i32.divU(i32.add(channels, LANES - 1), LANES), "blocks");
      const row = f.let(i32.mul(positions, bytes), "row"); // from one channel to the next, in plain memory
      f.for(item, lo, hi, 1, () => {
        const block = f.let(i32.divU(item, runs), "block"); // of all pictures
        const start = f.let(i32.mul(i32.remU(item, runs), RUN), "start");
        const picture = f.let(i32.divU(block, blocks), "picture");
        const own = f.let(i32.remU(block, blocks), "own");
        f.set(count, i32.sub(positions, start));
        f.atMost(count, RUN);
        const channel = i32.add(i32.mul(picture, channels), i32.mul(own, LANES));
        f.set(plain, i32.mul(i32.add(i32.mul(channel, positions), start), bytes));
        f.set(blocked, i32.mul(i32.add(i32.mul(block, positions), start), LANES * bytes));
        f.advance(plain, from === "plain" ? source : target);
        f.advance(blocked, from === "plain" ? target : source);
        const run = (rows: number): void => emitRun(f, { from, bytes, rows, plain, blocked, row, count });
        if (rest === 0) run(LANES);
        else
          f.if(
            i32.eq(own, i32.sub(blocks, 1)),
            () => run(rest),
            () => run(LANES),
          );
      });
    },
  );
}

interface Run {
  readonly from: Layout;
  readonly bytes: number;
  /** Channels of this block that exist; the lanes of the others are written as zeros, and never read. */
  readonly rows: number;
  readonly plain: Local<"i32">;
  readonly blocked: Local<"i32">;
  readonly row: Local<"i32">;
  readonly count: Local<"i32">;
}

/** Walks `count` positions, a group at a time, then one by one. Moves the pointers. */
function emitRun(f: FunctionBuilder, run: Run): void {
  const { bytes, plain, blocked, count } = run;
  const group = bytes === 4 ? 4 : 8;
  const step = (positions: number): void => {
    f.advance(plain, positions * bytes);
    f.advance(blocked, positions * LANES * bytes);
    f.set(count, i32.sub(count, positions));
  };
  f.while(i32.geS(count, group), () => {
    const rows = rowPointers(f, run);
    if (bytes === 4) emitWords(f, run, rows);
    else emitBytes(f, run, rows);
    step(group);
  });
  f.while(i32.gtS(count, 0), () => {
    const rows = rowPointers(f, run);
    for (let c = 0; c < (run.from === "plain" ? LANES : run.rows); c++) {
      const there = rows[c];
      if (run.from === "blocked") {
        const value = bytes === 4 ? i32.load(blocked, c * 4) : i32.load8U(blocked, c);
        f.do(bytes === 4 ? i32.store(there, value) : i32.store8(there, value));
      } else {
        const value = c >= run.rows ? i32.const(0) : bytes === 4 ? i32.load(there) : i32.load8U(there);
        f.do(bytes === 4 ? i32.store(blocked, value, c * 4) : i32.store8(blocked, value, c));
      }
    }
    step(1);
  });
}

function rowPointers(f: FunctionBuilder, { rows, plain, row }: Run): I32[] {
  const pointers: I32[] = [plain];
  for (let c = 1; c < rows; c++) pointers.push(f.let(i32.add(pointers[c - 1], row)));
  return pointers;
}

/** Four positions of up to eight channels, 4 bytes each. */
function emitWords(f: FunctionBuilder, { from, rows, blocked }: Run, pointers: readonly I32[]): void {
  for (let half = 0; half < 2; half++) {
    const at = (k: number): number => 16 * half + 32 * k; // the half's vector of position k
    const own = [0, 1, 2, 3].map((k) => 4 * half + k);
    if (from === "plain") {
      const zero = i32x4.const(0);
      const loaded = own.map((c) => (c < rows ? f.let(v128.load(pointers[c])) : zero));
      const turned = own[0] < rows ? emitTranspose(f, loaded) : loaded;
      turned.forEach((vector, k) => f.do(v128.store(blocked, vector, at(k))));
    } else if (own[0] < rows) {
      const loaded = [0, 1, 2, 3].map((k) => f.let(v128.load(blocked, at(k))));
      emitTranspose(f, loaded).forEach((vector, k) => {
        if (own[k] < rows) f.do(v128.store(pointers[own[k]], vector));
      });
    }
  }
}

/** Eight positions of up to eight channels, a byte each: an 8 × 8 transposition, which is its own inverse. */
function emitBytes(f: FunctionBuilder, { from, rows, blocked }: Run, pointers: readonly I32[]): void {
  const zero = i32x4.const(0);
  const eight = [0, 1, 2, 3, 4, 5, 6, 7];
  const loaded = eight.map((k) => {
    if (from === "blocked") return f.let(v128.load64Zero(blocked, 8 * k));
    return k < rows ? f.let(v128.load64Zero(pointers[k])) : zero;
  });
  const zip = (a: V128, b: V128, size: number, start: number): V128 => {
    const lanes: number[] = [];
    for (let i = start; lanes.length < 16; i += size) {
      for (const side of [0, 16]) for (let b8 = 0; b8 < size; b8++) lanes.push(side + i + b8);
    }
    return f.let(i8x16.shuffle(a, b, lanes));
  };
  const [ab, cd, ef, gh] = [0, 2, 4, 6].map((k) => zip(loaded[k], loaded[k + 1], 1, 0));
  const left = [zip(ab, cd, 2, 0), zip(ab, cd, 2, 8)];
  const right = [zip(ef, gh, 2, 0), zip(ef, gh, 2, 8)];
  const pairs = [0, 1].flatMap((k) => [zip(left[k], right[k], 4, 0), zip(left[k], right[k], 4, 8)]);
  pairs.forEach((vector, k) => {
    if (from === "plain") {
      f.do(v128.store(blocked, vector, 16 * k));
    } else {
      if (2 * k < rows) f.do(v128.store64Lane(pointers[2 * k], vector, 0));
      if (2 * k + 1 < rows) f.do(v128.store64Lane(pointers[2 * k + 1], vector, 1));
    }
  });
}
