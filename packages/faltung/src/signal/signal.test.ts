import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Curve,
  type IntegralKind,
  type OverlapMode,
  type Signal,
  autocorrelate,
  box,
  convolve,
  correlate,
  decay,
  fft,
  gaussian,
  integralAt,
  integralSupport,
  polyline,
  ramp,
  reverseConjugate,
  sawtooth,
  signal,
  sineBurst,
  toNested,
  triangle,
} from "./index.ts";

interface Stored {
  shape: number[];
  re: number[];
  im?: number[];
}
interface Fixture {
  discrete: { a: Stored; b: Stored; mode: OverlapMode; convolve: Stored; correlate: Stored }[];
  integrals: { f: string; g: string; t: number; convolution: number; correlation: number }[];
}
const path = new URL("../../../../fixtures/signal/signal.json", import.meta.url);
const fixture = JSON.parse(readFileSync(path, "utf8")) as Fixture;
const load = (s: Stored): Signal => ({
  shape: s.shape,
  re: Float64Array.from(s.re),
  ...(s.im && { im: Float64Array.from(s.im) }),
});

function close(a: Signal, b: Signal, tolerance: number): void {
  expect(a.shape).toEqual(b.shape);
  const worst = (p: Float64Array, q: Float64Array): number => p.reduce((m, v, i) => Math.max(m, Math.abs(v - q[i])), 0);
  expect(worst(a.re, b.re)).toBeLessThanOrEqual(tolerance);
  const none = new Float64Array(a.re.length);
  expect(worst(a.im ?? none, b.im ?? none)).toBeLessThanOrEqual(tolerance);
}

describe("convolve and correlate against SciPy", () => {
  it.each(
    fixture.discrete.map((c) => [`${c.mode} ${c.a.shape} with ${c.b.shape}${c.a.im ? ", complex" : ""}`, c] as const),
  )("%s", (_, c) => {
    for (const method of ["direct", "fft", "auto"] as const) {
      // Whole numbers: the direct sum is exact.
      const tolerance = method === "direct" ? 0 : 1e-12;
      close(convolve(load(c.a), load(c.b), { mode: c.mode, method }), load(c.convolve), tolerance);
      close(correlate(load(c.a), load(c.b), { mode: c.mode, method }), load(c.correlate), tolerance);
    }
  });
});

/** Random complex signals of one shared rank. */
const pair = fc.integer({ min: 1, max: 3 }).chain((rank) => {
  const one = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: rank, maxLength: rank }).chain((shape) => {
    const size = shape.reduce((n, d) => n * d, 1);
    const numbers = fc
      .array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: size, maxLength: size })
      .map((v) => Float64Array.from(v));
    return fc.record({ shape: fc.constant(shape), re: numbers, im: numbers });
  });
  return fc.tuple(one, one);
});

describe("laws", () => {
  it("f * g = g * f", () => {
    fc.assert(fc.property(pair, ([a, b]) => close(convolve(a, b), convolve(b, a), 1e-10)));
  });
  it("f ⋆ g is g ⋆ f turned round and conjugated, and is not commutative", () => {
    fc.assert(fc.property(pair, ([a, b]) => close(correlate(a, b), reverseConjugate(correlate(b, a)), 1e-10)));
    expect(toNested(correlate([1, 2], [1, 3]))).not.toEqual(toNested(correlate([1, 3], [1, 2])));
  });
  it("correlation is convolution with the reversed conjugate", () => {
    fc.assert(fc.property(pair, ([a, b]) => close(correlate(a, b), convolve(a, reverseConjugate(b)), 0)));
  });
  it("the FFT gives the direct sum", () => {
    fc.assert(
      fc.property(pair, ([a, b]) =>
        close(convolve(a, b, { method: "fft" }), convolve(a, b, { method: "direct" }), 1e-10),
      ),
    );
  });
  it("an impulse stamps the kernel as it is under convolution, turned round under correlation", () => {
    const kernel = [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ];
    expect(toNested(convolve([[1]], kernel))).toEqual(kernel);
    expect(toNested(correlate([[1]], kernel))).toEqual([
      [9, 8, 7],
      [6, 5, 4],
      [3, 2, 1],
    ]);
  });
  it("autocorrelation is largest in the middle, where it is the energy", () => {
    fc.assert(
      fc.property(pair, ([a]) => {
        const r = autocorrelate(a);
        const middle = (r.re.length - 1) / 2;
        const energy = a.re.reduce((s, v, i) => s + v * v + a.im[i] * a.im[i], 0);
        expect(r.re[middle]).toBeCloseTo(energy, 8);
        expect(Math.max(...r.re)).toBeLessThanOrEqual(r.re[middle] + 1e-9);
      }),
    );
  });
  it("the transform and its inverse cancel", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 32, maxLength: 32 }), (v) => {
        const re = Float64Array.from(v);
        const im = re.toReversed();
        const [re0, im0] = [re.slice(), im.slice()];
        fft(re, im, [4, 8]);
        fft(re, im, [4, 8], true);
        close({ shape: [32], re, im }, { shape: [32], re: re0, im: im0 }, 1e-14);
      }),
    );
  });
  it("refuses what does not fit together", () => {
    expect(() => convolve([1, 2], [[1]])).toThrow(/same number of dimensions/);
    expect(() => convolve([], [1])).toThrow(/none empty/);
    expect(() => convolve([[1, 2, 3]], [[1], [2]], { mode: "valid" })).toThrow(/\[1, 3\] and \[2, 1\]/);
    expect(() => signal([[1, 2], [3]])).toThrow(/\[2, 2\]/);
  });
});

const gallery: Readonly<Record<string, Curve>> = {
  box: box(),
  triangle: triangle(),
  gaussian: gaussian(),
  decay: decay(),
  ramp: ramp(),
  sawtooth: sawtooth(),
  sine: sineBurst(),
};

describe("the integral", () => {
  it("agrees with scipy.integrate.quad on every pair of the gallery", () => {
    for (const row of fixture.integrals) {
      for (const kind of ["convolution", "correlation"] as const) {
        const value = integralAt(gallery[row.f], gallery[row.g], row.t, kind);
        expect(Math.abs(value - row[kind]), `${row.f} ${kind} ${row.g} at ${row.t}`).toBeLessThan(1e-11);
      }
    }
  });
  it("makes a triangle of two boxes, exactly", () => {
    for (const t of [-1.2, -0.5, 0, 0.25, 0.99]) {
      expect(integralAt(box(), box(), t, "convolution")).toBeCloseTo(Math.max(0, 1 - Math.abs(t)), 14);
    }
  });
  it("f * g = g * f, and (f ⋆ g)(t) = (g ⋆ f)(−t), for hand-drawn functions", () => {
    const drawn = fc
      .array(fc.tuple(fc.double({ min: -2, max: 2, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true })), {
        minLength: 2,
        maxLength: 6,
      })
      .map((points) => polyline(points.toSorted((a, b) => a[0] - b[0])));
    fc.assert(
      fc.property(drawn, drawn, fc.double({ min: -4, max: 4, noNaN: true }), (f, g, t) => {
        expect(integralAt(f, g, t, "convolution")).toBeCloseTo(integralAt(g, f, t, "convolution"), 10);
        expect(integralAt(f, g, t, "correlation")).toBeCloseTo(integralAt(g, f, -t, "correlation"), 10);
      }),
    );
  });
  it("is zero outside its support and not inside", () => {
    for (const kind of ["convolution", "correlation", "autocorrelation"] as IntegralKind[]) {
      const [low, high] = integralSupport(decay(), ramp(), kind);
      expect(integralAt(decay(), ramp(), low - 0.01, kind)).toBe(0);
      expect(integralAt(decay(), ramp(), high + 0.01, kind)).toBe(0);
      expect(integralAt(decay(), ramp(), (low + high) / 2, kind)).toBeGreaterThan(0);
    }
  });
});
