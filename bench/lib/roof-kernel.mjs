/** What one core can do at most, by this engine: multiply-adds in registers and nothing else, 128 bits wide. */
import { faltung } from "./faltung.mjs";

const { f32x4, ModuleBuilder, v128, wasmFeatures } = await faltung("wasm/index.js");

/** GFLOP/s of one core: twelve independent sums in registers, the best of many runs of 2 ms. */
function roof(/** @type {boolean} */ fma) {
  const chains = 12;
  const turns = 1_000_000;
  const m = new ModuleBuilder();
  m.memory({ initial: 1 });
  m.func({ params: ["i32"], results: [], exportAs: "run" }, (/** @type {any} */ f, /** @type {any} */ n) => {
    const sums = Array.from({ length: chains }, (_, i) => f.let(f32x4.const(i)));
    const a = f.let(f32x4.const(0.999));
    f.countdown(n, () => {
      for (const sum of sums) f.set(sum, fma ? f32x4.relaxedMadd(a, a, sum) : f32x4.add(sum, f32x4.mul(a, a)));
    });
    sums.forEach((sum, i) => f.do(v128.store(0, sum, 16 * i)));
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()));
  const run = /** @type {(n: number) => void} */ (exports["run"]);
  let best = 0;
  for (let i = 0; i < 60; i++) {
    const start = performance.now();
    run(turns);
    best = Math.max(best, (2 * 4 * chains * turns) / (performance.now() - start) / 1e6);
  }
  return best;
}

/** By separate multiplication and addition, and by the fused one where this engine has it (else 0). */
export const roofs = () => ({ plain: roof(false), fma: wasmFeatures().relaxedSimd ? roof(true) : 0 });
