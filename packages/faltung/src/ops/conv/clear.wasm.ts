import { type FunctionBuilder, type I32, f32x4, i32, v128 } from "../../wasm/index.ts";

/** Fills memory with zeros. @param bytes a multiple of 32, not 0 */
export function emitClear(f: FunctionBuilder, start: I32, bytes: number): void {
  const at = f.let(start, "clear");
  const n = f.let(i32.const(bytes), "left");
  f.countdown(
    n,
    () => {
      f.do(v128.store(at, f32x4.const(0)), v128.store(at, f32x4.const(0), 16));
      f.advance(at, 32);
    },
    32,
  );
}
