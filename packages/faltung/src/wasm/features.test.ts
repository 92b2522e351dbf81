import { expect, test } from "vitest";
import loadWabt from "wabt";
import { wasmFeatures } from "./index.ts";

const sources = {
  simd: "(module (func (result v128) (i32x4.splat (i32.const 1))))",
  relaxedSimd:
    "(module (func (param v128) (result v128) (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0))))",
  threads: "(module (memory 1 1 shared) (func (result i32) (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))",
};

test("the features are those that the engine accepts in modules by wabt", async () => {
  const wabt = await loadWabt();
  const accepted = Object.entries(sources).map(([name, text]) => {
    const module = wabt.parseWat(`${name}.wat`, text, { simd: true, relaxed_simd: true, threads: true });
    return [name, WebAssembly.validate(Uint8Array.from(module.toBinary({}).buffer))];
  });
  const { relaxedDot, ...features } = wasmFeatures();
  expect(features).toEqual(Object.fromEntries(accepted));
  expect(relaxedDot && !features.relaxedSimd).toBe(false);
  expect(wasmFeatures()).toBe(wasmFeatures());
});
