/**
 * Discrete convolution and cross-correlation in any number of dimensions, by the rules of scipy.signal:
 *   convolve   y[n] = Σ_m a[m] · b[n − m]
 *   correlate  y[n] = Σ_m a[m + n] · conj(b[m])   = convolve(a, b reversed and conjugated)
 */
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { type Shape, show, sizeOf } from "../tensor/shape.ts";
import { type Signal, type SignalLike, block, reverseConjugate, signal } from "./array.ts";
import { fft, powerOfTwo } from "./fft.ts";

/**
 * Which part is returned. "full": every overlap, n + k − 1 cells. "same": the middle of it, as large as the *first*
 * argument. "valid": only where one lies wholly inside the other.
 */
export type OverlapMode = "full" | "same" | "valid";

/** "direct" sums products; "fft" multiplies spectra (rounding errors even for integers); "auto" takes the cheaper. */
export type ConvolveMethod = "auto" | "direct" | "fft";

export interface ConvolveOptions {
  /** Default "full". */
  readonly mode?: OverlapMode;
  /** Default "auto". */
  readonly method?: ConvolveMethod;
}

/** target += factor · source, over whole rows of the last dimension. */
function addShifted(
  target: Float64Array,
  targetShape: Shape,
  source: Float64Array,
  sourceShape: Shape,
  offset: readonly number[],
  factor: number,
): void {
  const last = sourceShape.length - 1;
  const walk = (depth: number, from: number, to: number): void => {
    if (depth === last) {
      const start = to + offset[depth];
      for (let i = 0; i < sourceShape[depth]; i++) target[start + i] += factor * source[from + i];
      return;
    }
    for (let i = 0; i < sourceShape[depth]; i++) {
      walk(depth + 1, (from + i) * sourceShape[depth + 1], (to + offset[depth] + i) * targetShape[depth + 1]);
    }
  };
  walk(0, 0, 0);
}

function fullDirect(a: Signal, b: Signal, shape: Shape): Signal {
  const complex = a.im !== undefined || b.im !== undefined;
  const re = new Float64Array(sizeOf(shape));
  const im = complex ? new Float64Array(re.length) : undefined;
  const index = b.shape.map(() => 0);
  for (let k = 0; k < b.re.length; k++) {
    const add = (to: Float64Array, from: Float64Array | undefined, factor: number): void => {
      if (from) addShifted(to, shape, from, a.shape, index, factor);
    };
    const bIm = b.im?.[k] ?? 0;
    add(re, a.re, b.re[k]);
    if (im) {
      if (b.im) add(re, a.im, -bIm);
      add(im, a.im, b.re[k]);
      if (b.im) add(im, a.re, bIm);
    }
    for (let d = index.length - 1; d >= 0 && ++index[d] === b.shape[d]; d--) index[d] = 0;
  }
  return { shape, re, ...(im && { im }) };
}

function fullFft(a: Signal, b: Signal, shape: Shape): Signal {
  const padded = shape.map(powerOfTwo);
  const origin = shape.map(() => 0);
  const spectrum = (x: Signal): { re: Float64Array; im: Float64Array } => {
    const wide = block(x, origin, padded);
    const s = { re: wide.re, im: wide.im ?? new Float64Array(wide.re.length) };
    fft(s.re, s.im, padded);
    return s;
  };
  const p = spectrum(a);
  const q = spectrum(b);
  for (let i = 0; i < p.re.length; i++) {
    const r = p.re[i] * q.re[i] - p.im[i] * q.im[i];
    p.im[i] = p.re[i] * q.im[i] + p.im[i] * q.re[i];
    p.re[i] = r;
  }
  fft(p.re, p.im, padded, true);
  const complex = a.im !== undefined || b.im !== undefined;
  return block({ shape: padded, re: p.re, ...(complex && { im: p.im }) }, origin, shape);
}

/** Which method "auto" takes: counted multiplications, three transforms against the plain sum. */
function cheaper(a: Signal, b: Signal, shape: Shape): "direct" | "fft" {
  const n = sizeOf(shape.map(powerOfTwo));
  return a.re.length * b.re.length <= 3 * 4 * n * Math.log2(Math.max(n, 2)) ? "direct" : "fft";
}

/**
 * Convolution: b is turned round and slid over a.
 *
 * @param a, b nested lists or {@link Signal}s with equally many dimensions, none of them empty
 * @throws ShapeError for different ranks, empty input, or "valid" where neither fits into the other
 * @example
 * ```ts
 * toNested(convolve([1, 2, 3], [0, 1, 0.5])); // [0, 1, 2.5, 4, 1.5]
 * ```
 */
export function convolve(a: SignalLike, b: SignalLike, options: ConvolveOptions = {}): Signal {
  return run(signal(a), signal(b), options, "convolve");
}

/**
 * Cross-correlation: b is slid over a as it is, which is what deep learning calls a convolution.
 *
 * With "same" and an even b the middle is scipy.signal.correlate's; correlate2d and PyTorch's `padding="same"`
 * begin one cell later.
 *
 * @throws ShapeError as {@link convolve}
 * @example
 * ```ts
 * toNested(correlate([1, 2, 3], [0, 1, 0.5])); // [0.5, 2, 3.5, 3, 0]
 * ```
 */
export function correlate(a: SignalLike, b: SignalLike, options: ConvolveOptions = {}): Signal {
  return run(signal(a), reverseConjugate(signal(b)), options, "correlate");
}

/**
 * Correlation of a signal with itself, sized 2n − 1 (unless `mode` says otherwise): symmetric, largest in the middle.
 *
 * @example
 * ```ts
 * toNested(autocorrelate([1, 2, 3])); // [3, 8, 14, 8, 3]
 * ```
 */
export function autocorrelate(a: SignalLike, options: ConvolveOptions = {}): Signal {
  return correlate(a, a, options);
}

function run(a: Signal, b: Signal, { mode = "full", method = "auto" }: ConvolveOptions, what: string): Signal {
  if (a.shape.length !== b.shape.length || a.re.length === 0 || b.re.length === 0) {
    throw new ShapeError(
      `${what}: shapes ${show(a.shape)} and ${show(b.shape)} must have the same number of dimensions, none empty.`,
    );
  }
  const full = a.shape.map((n, d) => n + b.shape[d] - 1);
  let start: number[];
  let shape: number[];
  switch (mode) {
    case "full":
      start = full.map(() => 0);
      shape = full;
      break;
    case "same":
      start = b.shape.map((k) => Math.floor((k - 1) / 2));
      shape = [...a.shape];
      break;
    case "valid": {
      const aHolds = a.shape.every((n, d) => n >= b.shape[d]);
      if (!aHolds && !a.shape.every((n, d) => n <= b.shape[d])) {
        throw new ShapeError(
          `${what}: with mode "valid" one input must be at least as large as the other in every dimension; ` +
            `shapes are ${show(a.shape)} and ${show(b.shape)}.`,
        );
      }
      start = a.shape.map((n, d) => Math.min(n, b.shape[d]) - 1);
      shape = a.shape.map((n, d) => Math.abs(n - b.shape[d]) + 1);
      break;
    }
    default:
      throw new OptionError(`${what}: mode is ${JSON.stringify(mode)}; give "full", "same" or "valid".`);
  }
  const chosen = method === "auto" ? cheaper(a, b, full) : method;
  const whole = chosen === "fft" ? fullFft(a, b, full) : fullDirect(a, b, full);
  return mode === "full" ? whole : block(whole, start, shape);
}
