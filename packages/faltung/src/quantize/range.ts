/**
 * From what a value was seen to hold to the bytes that stand for it. `mse` chooses the range whose quantisation errs least
 * (in the mean square, over a histogram): it cuts off rare large numbers where the many small ones gain more.
 */
import { roundEven } from "../ops/map/special.ts";
import type { Quantization } from "../ops/quant/quantize.op.ts";

/** How the range of a value is found: all that was seen, all but one in ten thousand, or what errs least. */
export type RangeMethod = "minmax" | "percentile" | "mse";

/** Least, most, and a histogram between them. */
export interface Observation {
  least: number;
  most: number;
  readonly bins: Float64Array;
}

const BINS = 2048;
const CUT_OFF = 1e-4;
/** Ranges that are tried: so many shares of the whole. */
const TRIALS = 128;

export function observation(): Observation {
  return { least: 0, most: 0, bins: new Float64Array(BINS) };
}

/** Widens the range. Zero always belongs to it: padding has it, and must be exact. */
export function observeRange(o: Observation, data: ArrayLike<number>): void {
  for (let i = 0; i < data.length; i++) {
    if (data[i] < o.least) o.least = data[i];
    if (data[i] > o.most) o.most = data[i];
  }
}

/** Counts, once the range is known. */
export function observeCounts(o: Observation, data: ArrayLike<number>): void {
  const scale = BINS / (o.most - o.least || 1);
  for (let i = 0; i < data.length; i++) o.bins[Math.min(BINS - 1, Math.floor((data[i] - o.least) * scale))]++;
}

/** @param top the largest byte */
export function quantizationOf(o: Observation, top: number, method: RangeMethod): Quantization {
  if (method === "minmax") return between(o.least, o.most, top);
  if (method === "percentile") return between(...percentiles(o), top);
  let best = between(o.least, o.most, top);
  let least = Infinity;
  for (let i = 1; i <= TRIALS; i++) {
    const q = between((o.least * i) / TRIALS, (o.most * i) / TRIALS, top);
    const error = meanSquare(o, q);
    if (error < least) [best, least] = [q, error];
  }
  return best;
}

function between(least: number, most: number, top: number): Quantization {
  const scale = Math.fround((most - least) / top) || 1;
  return { scale, zero: Math.min(top, Math.round(-least / scale)), top };
}

function percentiles({ least, most, bins }: Observation): [number, number] {
  const cut = bins.reduce((a, b) => a + b, 0) * CUT_OFF;
  const edge = (order: Float64Array): number => {
    let sum = 0;
    return order.findIndex((n) => (sum += n) > cut);
  };
  const width = (most - least) / BINS;
  const low = least + edge(bins) * width;
  const high = most - edge(bins.toReversed()) * width;
  return [least === 0 ? 0 : Math.min(low, 0), Math.max(high, width)];
}

function meanSquare({ least, most, bins }: Observation, { scale, zero, top }: Quantization): number {
  const width = (most - least) / BINS;
  return bins.reduce((sum, n, i) => {
    if (n === 0) return sum;
    const x = least + (i + 0.5) * width;
    const q = Math.min(Math.max(roundEven(x / scale) + zero, 0), top);
    return sum + n * ((q - zero) * scale - x) ** 2;
  }, 0);
}
