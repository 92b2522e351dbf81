/** Classic kernels, by name. All are applied as cross-correlation, as they are written. */
import type { Words } from "@faltung/figure";

export interface ClassicKernel {
  readonly words: Words;
  readonly weights: readonly (readonly number[])[];
  /** The sum is divided by it. */
  readonly divisor: number;
}

/** A wave under a bell: what cells in the first stage of seeing answer to (Gabor 1946; Daugman 1985). */
export function gabor(size: number, angle: number, wavelength: number, sigma: number): number[][] {
  const half = (size - 1) / 2;
  const raw = Array.from({ length: size }, (_, r) =>
    Array.from({ length: size }, (_, c) => {
      const [x, y] = [c - half, r - half];
      const along = x * Math.cos(angle) + y * Math.sin(angle);
      return Math.exp(-(x * x + y * y) / (2 * sigma * sigma)) * Math.cos((2 * Math.PI * along) / wavelength);
    }),
  );
  const mean = raw.flat().reduce((a, b) => a + b, 0) / size ** 2;
  return raw.map((row) => row.map((v) => Math.round((v - mean) * 100) / 100));
}

export const KERNELS: Readonly<Record<string, ClassicKernel>> = {
  identity: {
    words: { en: "identity", ko: "그대로" },
    weights: [
      [0, 0, 0],
      [0, 1, 0],
      [0, 0, 0],
    ],
    divisor: 1,
  },
  box: {
    words: { en: "box blur", ko: "상자 흐림" },
    weights: Array.from({ length: 5 }, () => [1, 1, 1, 1, 1]),
    divisor: 25,
  },
  gauss: {
    words: { en: "Gaussian blur", ko: "가우스 흐림" },
    weights: [
      [1, 4, 6, 4, 1],
      [4, 16, 24, 16, 4],
      [6, 24, 36, 24, 6],
      [4, 16, 24, 16, 4],
      [1, 4, 6, 4, 1],
    ],
    divisor: 256,
  },
  sharpen: {
    words: { en: "sharpen", ko: "선명하게" },
    weights: [
      [0, -1, 0],
      [-1, 5, -1],
      [0, -1, 0],
    ],
    divisor: 1,
  },
  sobelx: {
    words: { en: "Sobel: vertical edges", ko: "소벨: 세로 윤곽" },
    weights: [
      [-1, 0, 1],
      [-2, 0, 2],
      [-1, 0, 1],
    ],
    divisor: 4,
  },
  sobely: {
    words: { en: "Sobel: horizontal edges", ko: "소벨: 가로 윤곽" },
    weights: [
      [-1, -2, -1],
      [0, 0, 0],
      [1, 2, 1],
    ],
    divisor: 4,
  },
  laplacian: {
    words: { en: "Laplacian: all edges", ko: "라플라시안: 모든 윤곽" },
    weights: [
      [0, 1, 0],
      [1, -4, 1],
      [0, 1, 0],
    ],
    divisor: 1,
  },
  emboss: {
    words: { en: "emboss", ko: "엠보싱" },
    weights: [
      [-2, -1, 0],
      [-1, 1, 1],
      [0, 1, 2],
    ],
    divisor: 1,
  },
  motion: {
    words: { en: "motion blur", ko: "움직임 흐림" },
    weights: Array.from({ length: 7 }, (_, r) => Array.from({ length: 7 }, (_, c) => (r === c ? 1 : 0))),
    divisor: 7,
  },
  gabor0: { words: { en: "Gabor, upright", ko: "가보르, 세로 줄" }, weights: gabor(9, 0, 5, 2.2), divisor: 4 },
  gabor45: {
    words: { en: "Gabor, slanting", ko: "가보르, 비스듬한 줄" },
    weights: gabor(9, Math.PI / 4, 5, 2.2),
    divisor: 4,
  },
};
