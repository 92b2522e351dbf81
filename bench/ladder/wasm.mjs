/**
 * Rungs 3 and 4: WebAssembly SIMD, written at run time for this very shape. A tile of `pixels` × 8 output channels stays
 * in registers (two vectors a pixel) while all channels and taps are added to it.
 *
 * With one pixel there are two sums: each addition must wait for the one before it, four cycles, and every weight that is
 * loaded is used once. With four pixels eight independent sums are under way, and a weight is used four times.
 */
import { faltung } from "../lib/faltung.mjs";
import { packInput, packWeight, unpack } from "./pack.mjs";

const { f32x4, i32, ModuleBuilder, v128 } = await faltung("wasm/index.js");

/** @type {(pixels: number) => (problem: import("./run.mjs").Problem) => import("./run.mjs").Rung} */
const tiled = (pixels) => (problem) => {
  const { channels, outChannels, size } = problem;
  const wide = size + 2;
  const x = packInput(problem);
  const weight = packWeight(problem);
  const at = { x: 0, weight: x.byteLength, y: x.byteLength + weight.byteLength };
  const plane = wide * wide * 32; // bytes of eight input channels
  const m = new ModuleBuilder();
  m.memory({ initial: Math.ceil((at.y + 4 * outChannels * size * size) / 65536) + 1, exportAs: "memory" });
  m.func({ params: [], results: [], exportAs: "run" }, (/** @type {any} */ f) => {
    const [block, row, column, c, input, filter] = ["block", "row", "column", "c", "input", "filter"].map((n) =>
      f.local("i32", n),
    );
    const [output, place, row3, stop] = ["output", "place", "row3", "stop"].map((n) => f.local("i32", n));
    const sums = Array.from({ length: 2 * pixels }, () => f.local("v128"));
    const [low, high, value] = ["low", "high", "value"].map((n) => f.local("v128", n));
    f.set(output, at.y);
    f.for(block, 0, outChannels / 8, 1, () => {
      f.for(row, 0, size, 1, () => {
        f.for(column, 0, size, pixels, () => {
          for (const sum of sums) f.set(sum, f32x4.const(0));
          f.set(input, i32.mul(i32.add(i32.mul(row, wide), column), 32));
          f.set(filter, i32.add(i32.mul(block, channels * 9 * 32), at.weight));
          f.for(c, 0, channels, 1, () => {
            // A loop, not nine copies of its body: V8 before version 13 moves the loads of a long body to its top, where
            // sixteen registers cannot hold them.
            f.set(place, input);
            f.set(stop, i32.add(filter, 9 * 32));
            f.set(row3, i32.add(filter, 3 * 32));
            f.doWhile(
              () => {
                f.doWhile(
                  () => {
                    f.set(low, v128.load(filter, 0));
                    f.set(high, v128.load(filter, 16));
                    for (let p = 0; p < pixels; p++) {
                      f.set(value, v128.load32Splat(place, 32 * p));
                      f.set(sums[2 * p], f32x4.add(sums[2 * p], f32x4.mul(value, low)));
                      f.set(sums[2 * p + 1], f32x4.add(sums[2 * p + 1], f32x4.mul(value, high)));
                    }
                    f.set(place, i32.add(place, 32));
                    f.set(filter, i32.add(filter, 32));
                  },
                  i32.ltU(filter, row3),
                );
                f.set(place, i32.add(place, 32 * (wide - 3)));
                f.set(row3, i32.add(row3, 3 * 32));
              },
              i32.ltU(filter, stop),
            );
            // The next channel lies beside; after eight comes the next plane.
            f.set(input, i32.add(input, 4));
            f.if(i32.eqz(i32.and(i32.add(c, 1), 7)), () => f.set(input, i32.add(input, plane - 32)));
          });
          sums.forEach((sum, i) => f.do(v128.store(output, sum, 16 * i)));
          f.set(output, i32.add(output, 32 * pixels));
        });
      });
    });
  });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()));
  const exports = /** @type {{ run: () => void, memory: WebAssembly.Memory }} */ (
    /** @type {unknown} */ (instance.exports)
  );
  const { memory } = exports;
  new Float32Array(memory.buffer, at.x, x.length).set(x);
  new Float32Array(memory.buffer, at.weight, weight.length).set(weight);
  const y = new Float32Array(memory.buffer, at.y, outChannels * size * size);
  return { run: exports.run, output: () => unpack(y, problem) };
};

export const simd = { name: "SIMD", prepare: tiled(1) };
export const tiles = { name: "tiled", prepare: tiled(4) };
