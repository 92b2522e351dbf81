/** Between plain arrays and the ladder's layouts: x [C/8][H+2][W+2][8], weight [O/8][C][3][3][8], y [O/8][H][W][8]. */

/** @param {import("./run.mjs").Problem} problem */
export function packInput({ channels, size, x }) {
  const wide = size + 2;
  const packed = new Float32Array(channels * wide * wide);
  for (let c = 0; c < channels; c++) {
    for (let r = 0; r < size; r++) {
      for (let s = 0; s < size; s++) {
        packed[(((c >> 3) * wide + r + 1) * wide + s + 1) * 8 + (c & 7)] = x[(c * size + r) * size + s];
      }
    }
  }
  return packed;
}

/** @param {import("./run.mjs").Problem} problem */
export function packWeight({ channels, outChannels, weight }) {
  const packed = new Float32Array(weight.length);
  for (let o = 0; o < outChannels; o++) {
    for (let k = 0; k < channels * 9; k++) {
      packed[((o >> 3) * channels * 9 + k) * 8 + (o & 7)] = weight[o * channels * 9 + k];
    }
  }
  return packed;
}

/** @param {Float32Array} y @param {import("./run.mjs").Problem} problem */
export function unpack(y, { outChannels, size }) {
  const cells = size * size;
  return Float32Array.from({ length: y.length }, (_, i) => {
    const [o, p] = [Math.floor(i / cells), i % cells];
    return y[((o >> 3) * cells + p) * 8 + (o & 7)];
  }).subarray(0, outChannels * cells);
}
