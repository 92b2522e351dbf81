/**
 * Weights in fewer bytes: float16, or int8 with a scale per output channel. They lie at the end of the very place that
 * they are unpacked to, so that unpacking from the front needs no memory besides.
 */
import { type Func, type ModuleBuilder, f32, i32 } from "../../wasm/index.ts";
import { NumericError } from "../../tensor/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { numberToFloat16 } from "../half.ts";

/** A packed tensor: `bytes` belong at the end of its place of 4 × `rows` × `perRow` bytes. */
export interface Packed {
  readonly format: "float16" | "int8";
  readonly rows: number;
  readonly perRow: number;
  readonly bytes: Uint8Array;
  /** int8 only: one a row. */
  readonly scales: Float32Array;
}

/** @param name for the message. @throws NumericError if a weight has no place in the format */
export function pack(tensor: Tensor, format: Packed["format"], name: string): Packed {
  const { data, shape } = tensor;
  const rows = shape[0];
  const perRow = data.length / rows;
  if (format === "float16") {
    const halves = Uint16Array.from(data, (value) => {
      const half = numberToFloat16(value);
      if ((half & 0x7c00) !== 0x7c00) return half;
      throw new NumericError(`${name} holds ${value}, which float16 cannot: its numbers end at ±65504. Keep float32.`);
    });
    return { format, rows, perRow, bytes: new Uint8Array(halves.buffer), scales: new Float32Array() };
  }
  const scales = new Float32Array(rows);
  const bytes = new Int8Array(data.length);
  for (let row = 0; row < rows; row++) {
    const weights = data.subarray(row * perRow, (row + 1) * perRow);
    let most = 0;
    for (const weight of weights) most = Math.max(most, Math.abs(weight));
    if (!Number.isFinite(most))
      throw new NumericError(`${name} holds numbers that are not finite; int8 has no place for them.`);
    scales[row] = most / 127;
    const scale = scales[row];
    if (scale > 0)
      weights.forEach((w, i) => (bytes[row * perRow + i] = Math.max(-127, Math.min(127, Math.round(w / scale)))));
  }
  return { format, rows, perRow, bytes: new Uint8Array(bytes.buffer), scales };
}

/** A packed tensor and the address that it is unpacked to. */
export type PlacedWeights = Packed & { readonly at: number };

/** Writes the packed bytes to the end of their place in an image of the memory, over what was there. */
export function putPacked(image: Uint8Array, { at, rows, perRow, bytes }: PlacedWeights): void {
  const size = 4 * rows * perRow;
  image.fill(0, at, at + size);
  image.set(bytes, at + size - bytes.length);
}

/** The function that unpacks the weights, if there are any. It needs no SIMD. */
export function emitUnpack(
  module: ModuleBuilder,
  weights: readonly (PlacedWeights & { readonly scalesAt: number })[],
): Func<readonly [], readonly []> | undefined {
  if (weights.length === 0) return undefined;
  const int8 = weights.some(({ format }) => format === "int8") ? emitInt8(module) : undefined;
  const float16 = weights.some(({ format }) => format === "float16") ? emitFloat16(module) : undefined;
  return module.func({ name: "unpack", params: [], results: [] }, (f) => {
    for (const { format, at, rows, perRow, scalesAt } of weights) {
      if (format === "int8" && int8 !== undefined) f.call(int8, at, rows, perRow, scalesAt);
      if (format === "float16" && float16 !== undefined) f.call(float16, at, rows * perRow);
    }
  });
}

/** (place, rows, numbers of a row, address of the scales) */
function emitInt8(module: ModuleBuilder): Func<readonly ["i32", "i32", "i32", "i32"], readonly []> {
  return module.func(
    { name: "unpack.int8", params: ["i32", "i32", "i32", "i32"], results: [] },
    (f, to, rows, perRow, scales) => {
      const count = f.let(i32.mul(rows, perRow), "count");
      const from = f.let(i32.add(to, i32.mul(count, 3)), "from");
      const end = f.let(i32.add(from, count), "end");
      const rowEnd = f.local("i32", "rowEnd");
      const scale = f.local("f32", "scale");
      f.while(i32.ltU(from, end), () => {
        f.set(rowEnd, i32.add(from, perRow));
        f.set(scale, f32.load(scales));
        f.doWhile(
          () => {
            f.do(f32.store(to, f32.mul(scale, f32.convertI32S(i32.load8S(from)))));
            f.advance(to, 4);
            f.advance(from, 1);
          },
          i32.ltU(from, rowEnd),
        );
        f.advance(scales, 4);
      });
    },
  );
}

/** (place, numbers) */
function emitFloat16(module: ModuleBuilder): Func<readonly ["i32", "i32"], readonly []> {
  return module.func({ name: "unpack.float16", params: ["i32", "i32"], results: [] }, (f, to, count) => {
    const from = f.let(i32.add(to, i32.shl(count, 1)), "from");
    const end = f.let(i32.add(from, i32.shl(count, 1)), "end");
    const half = f.local("i32", "half");
    f.while(i32.ltU(from, end), () => {
      f.set(half, i32.load16U(from));
      // Exponent and fraction, moved to where float32 has them, are 2^112 too small: so are subnormal numbers.
      const magnitude = f32.mul(f32.reinterpretI32(i32.shl(i32.and(half, 0x7fff), 13)), 2 ** 112);
      const sign = i32.shl(i32.and(half, 0x8000), 16);
      f.do(i32.store(to, i32.or(i32.reinterpretF32(magnitude), sign)));
      f.advance(to, 4);
      f.advance(from, 2);
    });
  });
}
