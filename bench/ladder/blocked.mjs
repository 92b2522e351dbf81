/**
 * Rung 2: the same sums, still JavaScript, in another order. Eight channels lie side by side and a border of zeros is
 * stored, so that the inner loop has no test, walks memory in order and uses each input number eight times.
 */
import { packInput, packWeight, unpack } from "./pack.mjs";

export const name = "blocked";

/** @param {import("./run.mjs").Problem} problem */
export function prepare(problem) {
  const { channels, outChannels, size } = problem;
  const x = packInput(problem);
  const weight = packWeight(problem);
  const y = new Float32Array(outChannels * size * size);
  const wide = size + 2;
  const run = () => {
    for (let block = 0; block < outChannels / 8; block++) {
      for (let row = 0; row < size; row++) {
        for (let column = 0; column < size; column++) {
          let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
          let w = block * channels * 72;
          for (let k = 0; k < channels; k++) {
            for (let i = 0; i < 3; i++) {
              for (let j = 0; j < 3; j++) {
                const v = x[(((k >> 3) * wide + row + i) * wide + column + j) * 8 + (k & 7)];
                a += v * weight[w];
                b += v * weight[w + 1];
                c += v * weight[w + 2];
                d += v * weight[w + 3];
                e += v * weight[w + 4];
                f += v * weight[w + 5];
                g += v * weight[w + 6];
                h += v * weight[w + 7];
                w += 8;
              }
            }
          }
          y.set([a, b, c, d, e, f, g, h], ((block * size + row) * size + column) * 8);
        }
      }
    }
  };
  return { run, output: () => unpack(y, problem) };
}
