/** Loops over one run of elements: copied or filled, reversed, thinned out, or with any step. */
import {
  type FunctionBuilder,
  type I32,
  type Local,
  type V128,
  i32,
  i32x4,
  i64,
  i8x16,
  v128,
} from "../../wasm/index.ts";
import { pickWords } from "./words.wasm.ts";

/** Copies of up to this many bytes are written out without a loop. */
const UNROLL = 128;

export function advance(f: FunctionBuilder, pointer: Local<"i32">, by: number): void {
  if (by !== 0) f.advance(pointer, by);
}

export function storeElement(f: FunctionBuilder, target: I32, bytes: 1 | 4, bits: number): void {
  f.do(bytes === 4 ? i32.store(target, bits | 0) : i32.store8(target, bits & 255));
}

export function splat(bits: number, bytes: 1 | 4): V128 {
  return bytes === 4 ? i32x4.splat(bits | 0) : i8x16.splat(bits & 255);
}

/** `each(k)` handles the element k steps on; `move(k)` moves the pointers by k elements. */
export function strided(
  f: FunctionBuilder,
  size: number,
  each: (k: number) => void,
  move: (k: number) => void,
  unroll = 1,
): void {
  const whole = Math.floor(size / unroll);
  const group = (count: number): void => {
    for (let k = 0; k < count; k++) each(k);
  };
  if (whole > 1) {
    const n = f.let(i32.const(whole));
    f.countdown(n, () => {
      group(unroll);
      move(unroll);
    });
  } else if (whole === 1) {
    group(unroll);
    move(unroll);
  }
  group(size - whole * unroll);
}

/** Copies (or fills) a run of a constant number of bytes; the pointers stay where they are. */
export function copyRun(
  f: FunctionBuilder,
  target: Local<"i32">,
  source: Local<"i32"> | Local<"v128">,
  length: number,
): void {
  const value = (offset: number): V128 =>
    source.type === "v128" ? (source as V128) : v128.load(source as I32, offset);
  const vector = (offset: number): void => f.do(v128.store(target, value(offset), offset));
  if (length >= 16) {
    let done = 0;
    let t = target;
    let s = source;
    if (length > UNROLL) {
      // 64 bytes a turn, all loads before the stores.
      t = f.let(target);
      if (source.type === "i32") s = f.let(source as Local<"i32">);
      const turns = f.let(i32.const(Math.floor(length / 64)));
      f.countdown(turns, () => {
        const loaded = [0, 16, 32, 48].map((o) => (s.type === "v128" ? (s as V128) : f.let(v128.load(s as I32, o))));
        loaded.forEach((x, i) => f.do(v128.store(t, x, 16 * i)));
        advance(f, t, 64);
        if (s.type === "i32") advance(f, s as Local<"i32">, 64);
      });
      done = length - (length % 64);
    }
    for (; done + 16 <= length; done += 16) vector(done);
    if (done < length) vector(length - 16); // overlaps what was written, with the same bytes
    return;
  }
  // Short runs: the largest power of two twice, overlapping.
  const filled = source.type === "v128";
  const s = source as Local<"i32">;
  const piece = (size: number, offset: number): void => {
    if (filled) {
      const v = source as V128;
      if (size === 8) f.do(v128.store64Lane(target, v, 0, offset));
      else if (size === 4) f.do(v128.store32Lane(target, v, 0, offset));
      else if (size === 2) f.do(v128.store16Lane(target, v, 0, offset));
      else f.do(v128.store8Lane(target, v, 0, offset));
    } else if (size === 8) f.do(i64.store(target, i64.load(s, offset), offset));
    else if (size === 4) f.do(i32.store(target, i32.load(s, offset), offset));
    else if (size === 2) f.do(i32.store16(target, i32.load16U(s, offset), offset));
    else f.do(i32.store8(target, i32.load8U(s, offset), offset));
  };
  const largest = length >= 8 ? 8 : length >= 4 ? 4 : length >= 2 ? 2 : 1;
  piece(largest, 0);
  if (length > largest) piece(largest, length - largest);
}

/** target[i] = source[−i], a vector at a time; the last one overlaps. */
export function reversed(
  f: FunctionBuilder,
  target: Local<"i32">,
  source: Local<"i32">,
  size: number,
  bytes: 1 | 4,
): void {
  const lanes = 16 / bytes;
  const order = Array.from({ length: 16 }, (_, i) => (bytes === 1 ? 15 - i : 12 - 4 * Math.floor(i / 4) + (i % 4)));
  const vector = (): void => {
    const x = f.let(v128.load(i32.sub(source, 16 - bytes)));
    f.do(v128.store(target, i8x16.shuffle(x, x, order)));
  };
  strided(f, Math.floor(size / lanes), vector, () => {
    advance(f, target, 16);
    advance(f, source, -16);
  });
  const rest = size % lanes;
  if (rest === 0) return;
  // The last vector ends where the run ends, and overlaps the one before.
  advance(f, target, rest * bytes - 16);
  advance(f, source, 16 - rest * bytes);
  vector();
}

/** target[i] = source[2i]: from each two vectors the even words. */
export function everySecond(f: FunctionBuilder, target: Local<"i32">, source: Local<"i32">, size: number): void {
  const vector = (): void => {
    // Elements 0…3 and 3…6: one later would be read for nothing, and may lie outside of memory.
    const a = v128.load(source);
    const b = v128.load(source, 12);
    f.do(v128.store(target, pickWords(a, b, [0, 2, 5, 7])));
  };
  const groups = Math.floor(size / 4);
  const n = f.let(i32.const(groups));
  f.countdown(n, () => {
    vector();
    advance(f, target, 16);
    advance(f, source, 32);
  });
  const rest = size % 4;
  if (rest === 0) return;
  advance(f, target, rest * 4 - 16);
  advance(f, source, rest * 8 - 32);
  vector();
}
