/**
 * The terms of ONNX's Resize along one axis, y[o] = Σ weight · x[index], for every mode it knows.
 * https://onnx.ai/onnx/operators/onnx__Resize.html and its reference implementation.
 */
import type { Tap } from "../../../ops/shape/axisMap.ts";

export interface AxisResize {
  readonly input: number;
  readonly output: number;
  readonly scale: number;
  readonly mode: "nearest" | "linear" | "cubic";
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubicA: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
  /** Part of the input that tf_crop_and_resize takes, from 0 to 1. */
  readonly roi: readonly [start: number, end: number];
}

/** Where output cell o lies in the input, in cells. Undefined for a mode that there is not. */
function position(o: number, r: AxisResize): number | undefined {
  const { input, output, scale, roi } = r;
  const width = scale * input;
  // In float32, as onnxruntime has it: which cell is the nearest to 3 / 0.6 depends on it.
  const scaledBack = (at: number): number => Math.fround(at / scale);
  switch (r.coordinates) {
    case "half_pixel":
      return scaledBack(o + 0.5) - 0.5;
    case "pytorch_half_pixel":
      return output > 1 ? scaledBack(o + 0.5) - 0.5 : 0;
    case "half_pixel_symmetric":
      return (input / 2) * (1 - output / width) + scaledBack(o + 0.5) - 0.5;
    case "align_corners":
      return width === 1 ? 0 : (o * (input - 1)) / (width - 1);
    case "asymmetric":
      return scaledBack(o);
    case "tf_half_pixel_for_nn":
      return scaledBack(o + 0.5);
    case "tf_crop_and_resize":
      return width === 1
        ? (roi[0] + (roi[1] - roi[0]) / 2) * (input - 1)
        : (o * (roi[1] - roi[0]) * (input - 1)) / (width - 1) + roi[0] * (input - 1);
    default:
      return undefined;
  }
}

function nearestIndex(at: number, mode: string): number | undefined {
  switch (mode) {
    case "round_prefer_floor":
      return Math.ceil(at - 0.5);
    case "round_prefer_ceil":
      return Math.floor(at + 0.5);
    case "floor":
      return Math.floor(at);
    case "ceil":
      return Math.ceil(at);
    default:
      return undefined;
  }
}

/** Keys' kernel: a cubic of −2…2. */
function cubic(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/** The terms of each output cell, those outside of the input not yet brought inside. */
function openTaps(at: number, r: AxisResize): Tap[] | undefined {
  if (r.mode === "nearest") {
    const index = nearestIndex(at, r.nearest);
    return index === undefined ? undefined : [{ index, weight: 1 }];
  }
  const reach = r.mode === "linear" ? 1 : 2;
  const kernel = (d: number): number => (r.mode === "linear" ? Math.max(1 - Math.abs(d), 0) : cubic(d, r.cubicA));
  // Antialiasing: when cells are merged, the kernel is as much wider.
  const squeeze = r.antialias ? Math.min(r.scale, 1) : 1;
  const low = Math.floor(at);
  const start = Math.floor(-reach / squeeze) + 1;
  const taps = Array.from({ length: 2 - 2 * start }, (_, i) => {
    const index = low + start + i;
    return { index, weight: kernel((index - at) * squeeze) };
  });
  return squeeze === 1 ? taps : normalised(taps);
}

function normalised(taps: readonly Tap[]): Tap[] {
  const total = taps.reduce((sum, tap) => sum + tap.weight, 0);
  return total === 0 ? [...taps] : taps.map(({ index, weight }) => ({ index, weight: weight / total }));
}

/** Terms of every output cell; an empty list where the cell is outside and takes the extrapolation value. */
export function resizeTaps(r: AxisResize): Tap[][] | undefined {
  const all: Tap[][] = [];
  for (let o = 0; o < r.output; o++) {
    const at = position(o, r);
    if (at === undefined) return undefined;
    if (r.coordinates === "tf_crop_and_resize" && (at < 0 || at > r.input - 1)) {
      all.push([]);
      continue;
    }
    const open = openTaps(at, r);
    if (open === undefined) return undefined;
    const inside = open.filter(({ index }) => index >= 0 && index < r.input);
    const kept = r.excludeOutside && inside.length > 0 ? normalised(inside) : open;
    const merged = new Map<number, number>();
    for (const { index, weight } of kept) {
      const i = Math.min(Math.max(index, 0), r.input - 1);
      if (weight !== 0) merged.set(i, (merged.get(i) ?? 0) + weight);
    }
    all.push([...merged].map(([index, weight]) => ({ index, weight })));
  }
  return all;
}

/** Whether two lists of terms are the same map. */
export function sameTaps(a: readonly (readonly Tap[])[], b: readonly (readonly Tap[])[]): boolean {
  const weights = (taps: readonly Tap[]): Map<number, number> => {
    const map = new Map<number, number>();
    for (const { index, weight } of taps) map.set(index, (map.get(index) ?? 0) + weight);
    return map;
  };
  return a.every((taps, o) => {
    const [x, y] = [weights(taps), weights(b[o])];
    return [...new Set([...x.keys(), ...y.keys()])].every((i) => Math.abs((x.get(i) ?? 0) - (y.get(i) ?? 0)) < 1e-6);
  });
}
