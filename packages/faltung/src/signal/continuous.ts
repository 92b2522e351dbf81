/**
 * Convolution of functions on the real line, as an integral:
 *   convolution        (f * g)(t) = ∫ f(τ) · g(t − τ) dτ     g is turned round, then slid
 *   cross-correlation  (f ⋆ g)(t) = ∫ f(τ) · g(τ − t) dτ     g is slid as it is
 * Some books let t run the other way in ⋆; this direction is the one of scipy.signal and of deep learning.
 *
 * A function is smooth between its `breaks`, so Gauss–Legendre quadrature from break to break is exact (to rounding)
 * for piecewise polynomials, and close to machine precision for the exponentials and sines of the gallery.
 */
import { OptionError } from "../tensor/errors.ts";

/** A function that vanishes outside its first and last break, and is smooth between neighbouring breaks. */
export interface Curve {
  readonly name: string;
  /** Rising; at least two. At a jump the value is the one from the right, except at the last break. */
  readonly breaks: readonly number[];
  at(x: number): number;
}

/** What is integrated. "autocorrelation" ignores g and takes f twice. */
export type IntegralKind = "convolution" | "correlation" | "autocorrelation";

function curve(name: string, breaks: readonly number[], inside: (x: number) => number): Curve {
  const low = breaks[0];
  const high = breaks[breaks.length - 1];
  return { name, breaks, at: (x) => (x < low || x > high ? 0 : inside(x)) };
}

/** 1 on [−width/2, width/2]. */
export function box(width = 1): Curve {
  return curve("box", [-width / 2, width / 2], () => 1);
}

/** From 0 up to 1 in the middle and down again, over `width`. */
export function triangle(width = 2): Curve {
  return curve("triangle", [-width / 2, 0, width / 2], (x) => 1 - Math.abs((2 * x) / width));
}

/** exp(−x²/2σ²), cut at 5σ, where it has fallen to 4·10⁻⁶. */
export function gaussian(sigma = 0.4): Curve {
  return curve(
    "gaussian",
    [-5, -2.5, 0, 2.5, 5].map((k) => k * sigma),
    (x) => Math.exp((-x * x) / (2 * sigma * sigma)),
  );
}

/** exp(−rate·x) from 0 on, cut at `length`. */
export function decay(rate = 1.5, length = 3): Curve {
  return curve("decay", [0, length], (x) => Math.exp(-rate * x));
}

/** From 0 at the left end to 1 at the right end of [0, width], then a drop. */
export function ramp(width = 1): Curve {
  return curve("ramp", [0, width], (x) => x / width);
}

/** `teeth` ramps in a row. */
export function sawtooth(teeth = 2, width = 1): Curve {
  const breaks = Array.from({ length: teeth + 1 }, (_, i) => i * width);
  return curve("sawtooth", breaks, (x) => (x >= teeth * width ? 1 : (x / width) % 1));
}

/** `cycles` periods of a sine over `width`, inside a half-sine envelope. */
export function sineBurst(cycles = 3, width = 2): Curve {
  const breaks = Array.from({ length: 2 * cycles + 1 }, (_, i) => (i / (2 * cycles) - 0.5) * width);
  return curve("sine", breaks, (x) => {
    const u = x / width + 0.5;
    return Math.sin(2 * Math.PI * cycles * u) * Math.sin(Math.PI * u);
  });
}

/**
 * Straight lines through points drawn by hand, 0 outside of them. Two points at one x make a jump.
 * @throws OptionError for fewer than two points or an x that goes back
 */
export function polyline(points: readonly (readonly [x: number, y: number])[]): Curve {
  const xs = points.map((p) => p[0]);
  if (points.length < 2 || !points.flat().every(Number.isFinite) || xs.some((x, i) => i > 0 && x < xs[i - 1])) {
    throw new OptionError(
      `polyline: points ${JSON.stringify(points)}; give at least two, finite, with x never going back.`,
    );
  }
  return curve("points", [...new Set(xs)], (x) => {
    const right = points.findIndex((p) => p[0] > x);
    if (right < 0) return points[points.length - 1][1];
    const [x0, y0] = points[Math.max(right - 1, 0)];
    const [x1, y1] = points[right];
    return x1 === x0 ? y1 : y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
  });
}

/** The same function moved right by `dx` and multiplied by `scale`. */
export function placed(f: Curve, dx: number, scale = 1): Curve {
  return { name: f.name, breaks: f.breaks.map((b) => b + dx), at: (x) => scale * f.at(x - dx) };
}

/** What stands under the integral at shift t besides f: g(t − τ) for convolution, g(τ − t) for correlation. */
export function slid(g: Curve, t: number, kind: IntegralKind): Curve {
  if (kind !== "convolution") return placed(g, t);
  return { name: g.name, breaks: g.breaks.map((b) => t - b).toReversed(), at: (x) => g.at(t - x) };
}

/** Nodes and weights of n-point Gauss–Legendre quadrature on [−1, 1] (Newton's method on the Legendre polynomial). */
function gaussLegendre(n: number): readonly (readonly [node: number, weight: number])[] {
  return Array.from({ length: n }, (_, i) => {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let weight = 0;
    for (let step = 0; step < 8; step++) {
      let p = 1;
      let previous = 0;
      for (let k = 1; k <= n; k++) [p, previous] = [((2 * k - 1) * x * p - (k - 1) * previous) / k, p];
      const slope = (n * (x * p - previous)) / (x * x - 1);
      weight = 2 / ((1 - x * x) * slope * slope);
      x -= p / slope;
    }
    return [x, weight];
  });
}

const RULE = gaussLegendre(16);

/** ∫ f·g over the line. */
export function integrateProduct(f: Curve, g: Curve): number {
  const low = Math.max(f.breaks[0], g.breaks[0]);
  const high = Math.min(f.breaks[f.breaks.length - 1], g.breaks[g.breaks.length - 1]);
  if (!(low < high)) return 0;
  const cuts = [low, ...[...f.breaks, ...g.breaks].filter((b) => b > low && b < high).toSorted((a, b) => a - b), high];
  let sum = 0;
  for (let i = 1; i < cuts.length; i++) {
    const middle = (cuts[i] + cuts[i - 1]) / 2;
    const half = (cuts[i] - cuts[i - 1]) / 2;
    for (const [node, weight] of RULE) {
      const x = middle + half * node;
      sum += half * weight * f.at(x) * g.at(x);
    }
  }
  return sum;
}

/**
 * The convolution or correlation of two functions at shift t: the area under their product.
 *
 * @example
 * ```ts
 * integralAt(box(1), box(1), 0.25, "convolution"); // 0.75: two boxes make a triangle
 * ```
 */
export function integralAt(f: Curve, g: Curve, t: number, kind: IntegralKind): number {
  return integrateProduct(f, slid(kind === "autocorrelation" ? f : g, t, kind));
}

/** The shifts outside of which the result is zero. */
export function integralSupport(f: Curve, g: Curve, kind: IntegralKind): readonly [low: number, high: number] {
  const ends = (c: Curve): [number, number] => [c.breaks[0], c.breaks[c.breaks.length - 1]];
  const [f0, f1] = ends(f);
  const [g0, g1] = ends(kind === "autocorrelation" ? f : g);
  return kind === "convolution" ? [f0 + g0, f1 + g1] : [f0 - g1, f1 - g0];
}
