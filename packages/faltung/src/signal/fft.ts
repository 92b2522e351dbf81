/** The fast Fourier transform, radix 2, in place, in any number of dimensions (Cooley & Tukey 1965). */
import { type Shape, sizeOf } from "../tensor/shape.ts";

/** The least power of two ≥ n. */
export function powerOfTwo(n: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(n, 1)));
}

/** One transform of length n (a power of two) over elements at base + i·step. */
function transform(re: Float64Array, im: Float64Array, base: number, step: number, n: number, sign: 1 | -1): void {
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      const a = base + i * step;
      const b = base + j * step;
      [re[a], re[b]] = [re[b], re[a]];
      [im[a], im[b]] = [im[b], im[a]];
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2;
    for (let k = 0; k < half; k++) {
      // Each factor by itself, not by repeated products: that keeps the error at O(log n) roundings.
      const angle = (sign * -2 * Math.PI * k) / size;
      const c = Math.cos(angle);
      const s = Math.sin(angle);
      for (let at = k; at < n; at += size) {
        const a = base + at * step;
        const b = base + (at + half) * step;
        const tr = re[b] * c - im[b] * s;
        const ti = re[b] * s + im[b] * c;
        re[b] = re[a] - tr;
        im[b] = im[a] - ti;
        re[a] += tr;
        im[a] += ti;
      }
    }
  }
}

/**
 * Transforms `re`, `im` in place along every dimension of `shape`, whose entries must be powers of two.
 * `inverse` also divides by the number of elements.
 */
export function fft(re: Float64Array, im: Float64Array, shape: Shape, inverse = false): void {
  const size = sizeOf(shape);
  let step = size;
  for (const n of shape) {
    const block = step;
    step /= n;
    for (let outer = 0; outer < size; outer += block) {
      for (let inner = 0; inner < step; inner++) transform(re, im, outer + inner, step, n, inverse ? -1 : 1);
    }
  }
  if (!inverse) return;
  for (let i = 0; i < size; i++) {
    re[i] /= size;
    im[i] /= size;
  }
}
