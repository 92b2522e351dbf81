/** Rung 1: the definition, seven loops over plain NCHW arrays. What everything else must agree with. */
export const name = "naive";

/** @param {import("./run.mjs").Problem} problem */
export function prepare({ channels, outChannels, size, x, weight }) {
  const y = new Float32Array(outChannels * size * size);
  const run = () => {
    for (let o = 0; o < outChannels; o++) {
      for (let row = 0; row < size; row++) {
        for (let column = 0; column < size; column++) {
          let sum = 0;
          for (let c = 0; c < channels; c++) {
            for (let i = 0; i < 3; i++) {
              for (let j = 0; j < 3; j++) {
                const [r, s] = [row + i - 1, column + j - 1];
                if (r < 0 || s < 0 || r >= size || s >= size) continue;
                sum += weight[((o * channels + c) * 3 + i) * 3 + j] * x[(c * size + r) * size + s];
              }
            }
          }
          y[(o * size + row) * size + column] = sum;
        }
      }
    }
  };
  return { run, output: () => y };
}
