/** What one core can do at most, by this engine: multiply-adds in registers and nothing else, 128 bits wide. */
import { faltung } from "./faltung.mjs";

const { f32x4, i32, ModuleBuilder, v128, wasmFeatures } = await faltung("wasm/index.js");

/**
 * Numbers that are new in each turn, and how many that stay in registers each is multiplied by. Eight sums leave room
 * for a product that is added later; with fused ones, more sums wait less for each other.
 */
const SHAPES = [
  [2, 4],
  [6, 2],
];

/**
 * GFLOP/s of one core in the better shape; the best of many runs of some milliseconds. Were nothing new, the engine
 * would multiply once, before the loop.
 */
const roof = (/** @type {boolean} */ fma) => Math.max(...SHAPES.map(([rows, columns]) => roofOf(fma, rows, columns)));

/** @param {boolean} fma @param {number} rows @param {number} columns */
function roofOf(fma, rows, columns) {
  const turns = 700_000;
  const m = new ModuleBuilder();
  m.memory({ initial: 1 });
  m.func({ params: ["i32"], results: [], exportAs: "run" }, (/** @type {any} */ f, /** @type {any} */ n) => {
    const sums = Array.from({ length: rows * columns }, (_, i) => f.let(f32x4.const(i)));
    const b = Array.from({ length: columns }, (_, i) => f.let(v128.load(0, 16 * i)));
    const a = f.local("v128", "a");
    const from = f.let(i32.const(1024), "from");
    f.countdown(n, () => {
      for (let r = 0; r < rows; r++) {
        f.set(a, v128.load(from, 16 * r));
        for (let c = 0; c < columns; c++) {
          const sum = sums[r * columns + c];
          f.set(sum, fma ? f32x4.relaxedMadd(a, b[c], sum) : f32x4.add(sum, f32x4.mul(a, b[c])));
        }
      }
      f.set(from, i32.xor(from, 512));
    });
    sums.forEach((sum, i) => f.do(v128.store(0, sum, 16 * i)));
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()));
  const run = /** @type {(n: number) => void} */ (exports["run"]);
  let best = 0;
  for (let i = 0; i < 40; i++) {
    const start = performance.now();
    run(turns);
    best = Math.max(best, (2 * 4 * rows * columns * turns) / (performance.now() - start) / 1e6);
  }
  return best;
}

/** By separate multiplication and addition, and by the fused one where this engine has it (else 0). */
export const roofs = () => ({ plain: roof(false), fma: wasmFeatures().relaxedSimd ? roof(true) : 0 });
