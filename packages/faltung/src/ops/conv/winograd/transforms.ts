/**
 * Winograd's short convolutions: m neighbouring results of a filter of r taps from m + r − 1 inputs with as many
 * multiplications, instead of r·m. With d the inputs, g the filter and y the results, in one dimension
 *
 *     y = Aᵀ·[(G·g) ⊙ (Bᵀ·d)]
 *
 * and in two dimensions the same along both. F(2) uses the points 0, ±1 and ∞, F(4) ±2 too, F(6) also ±1/2: the more
 * points, the fewer multiplications (4, 2.25 and 1.78 a result in two dimensions, instead of 9), and the larger the
 * numbers that cancel (F(4) errs about ten times as much as F(2), F(6) twice as much as F(4)). F(4)'s points are the first
 * of F(6), so that its filters are those of F(6) but for a factor.
 * F(5) of 4 taps is for kernels of 7 and stride 2, taken apart (phases.wasm.ts).
 * The transforms below are those matrices written out, with shared sums.
 * Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016.
 */
import { type FunctionBuilder, type Local, type V128, f32x4 } from "../../../wasm/index.ts";

/** The arithmetic of one function, on vectors that are locals or constants. */
export interface VectorMath {
  /** Both halves of eight channels side by side, for V8 to make one operation of two. */
  readonly wide: boolean;
  let(x: V128): Local<"v128">;
  /** a·b + c with b a number. */
  fma(a: V128, b: number, c: V128): V128;
}

export function vectorMath(f: FunctionBuilder, fma: boolean, wide: boolean = false): VectorMath {
  const constants = new Map<number, Local<"v128">>();
  const constant = (x: number): V128 => constants.get(x) ?? f32x4.const(x);
  for (const x of [2, -2, 3, 4, -4, 5, -5, 8, 16, 32, -4.25, 5.25]) constants.set(x, f.let(f32x4.const(x), `c${x}`));
  return {
    wide,
    let: (x) => f.let(x),
    fma: (a, b, c) => (fma ? f32x4.relaxedMadd(a, constant(b), c) : f32x4.add(f32x4.mul(a, constant(b)), c)),
  };
}

export type Transform = (m: VectorMath, v: readonly V128[]) => V128[];

/**
 * A transform of eight channels: of four and then the others, or of both side by side. There a store must not stand
 * between two loads, nor anything between two stores, or V8 makes no 256-bit operations of them.
 *
 * @param count numbers that the transform takes
 * @param store gets result `i` of one half (`first` is 0 or 1), or of both
 */
export function emitHalves(
  m: VectorMath,
  transform: Transform,
  count: number,
  load: (i: number, half: number) => Local<"v128">,
  store: (i: number, halves: readonly V128[], first: number) => void,
): void {
  for (const halves of m.wide ? [[0, 1]] : [[0], [1]]) {
    const values = Array.from({ length: count }, (_, i) => halves.map((half) => load(i, half)));
    const results = halves.map((_, h) =>
      transform(
        m,
        values.map((pair) => pair[h]),
      ),
    );
    results[0].forEach((_, i) =>
      store(
        i,
        results.map((result) => (m.wide ? m.let(result[i]) : result[i])),
        halves[0],
      ),
    );
  }
}

const { add, sub, mul } = f32x4;

/** Some numbers of a transformed filter, side by side. */
export interface FilterPart {
  readonly count: 1 | 2;
  /** Those numbers, from the taps that it asks for. */
  transform(m: VectorMath, tap: (index: 0 | 1 | 2 | 3) => Local<"v128">): V128[];
}

/** Results side by side: F(2), F(4) and F(6) are of 3 taps, F(5) of 4. */
export type WinogradSize = 2 | 4 | 5 | 6;

/** Those that the gradient by weight knows. */
export type WinogradGradientSize = Exclude<WinogradSize, 5>;

/** One size of Winograd's algorithm along one dimension. Transforms take locals (each is used more than once). */
export interface Winograd {
  /** Results side by side. */
  readonly m: WinogradSize;
  readonly taps: 3 | 4;
  /** Bᵀ·d: m + taps − 1 inputs. */
  readonly input: Transform;
  /** G·g, but for a factor of each number: in parts, each of numbers side by side that share sums. */
  readonly filter: readonly FilterPart[];
  /** Those factors. They are multiplied into filters that are transformed once, and else into the products. */
  readonly filterFactors: readonly number[];
  /** Aᵀ·y: m + taps − 1 products to m results. */
  readonly output: Transform;
}

/** With its adjoint, for the gradient by weight. */
export interface WinogradGradient extends Winograd {
  readonly m: WinogradGradientSize;
  /** A·dy: the gradient of m results to m + taps − 1. */
  readonly outputGradient: Transform;
  /** Gᵀ·s: the gradient of the transformed filter to that of the filter. */
  readonly filterGradient: Transform;
}

/** At the points 0 and ∞ a filter is its first tap, or its last. */
const oneTap = (index: 0 | 2 | 3): FilterPart => ({ count: 1, transform: (_m, tap) => [tap(index)] });

/** A filter of three taps at the points 1 and −1. */
const aroundOne: FilterPart = {
  count: 2,
  transform(m, tap) {
    const middle = tap(1);
    const ends = m.let(add(tap(0), tap(2)));
    return [add(ends, middle), sub(ends, middle)];
  },
};

/** At 2 and −2 with `far` the last tap; with the first one instead at 1/2 and −1/2, four times as much. */
const aroundTwo = (far: 0 | 2): FilterPart => ({
  count: 2,
  transform(m, tap) {
    const ends = m.let(m.fma(tap(far), 4, tap(far === 0 ? 2 : 0)));
    const middle = tap(1);
    const middle2 = m.let(add(middle, middle));
    return [add(ends, middle2), sub(ends, middle2)];
  },
});

/** Of four taps at 2 and −2 with `first` 0, with the last one first at 1/2 and −1/2, eight times as much. */
const aroundTwoOfFour = (first: 0 | 3): FilterPart => ({
  count: 2,
  transform(m, tap) {
    const at = (i: 0 | 1 | 2 | 3): Local<"v128"> => tap((first === 0 ? i : 3 - i) as 0 | 1 | 2 | 3);
    const even = m.let(m.fma(at(2), 4, at(0)));
    const middle = at(1);
    const odd = m.let(m.fma(at(3), 8, add(middle, middle)));
    return first === 0 ? [add(even, odd), sub(even, odd)] : [add(odd, even), sub(odd, even)];
  },
});

const winograd4: WinogradGradient = {
  m: 4,
  taps: 3,
  input(m, [d0, d1, d2, d3, d4, d5]) {
    const even = m.let(m.fma(d2, -4, d4));
    const odd = m.let(m.fma(d1, -4, d3));
    const even2 = m.let(sub(d4, d2));
    const odd2 = m.let(sub(d3, d1));
    return [
      m.fma(d0, 4, m.fma(d2, -5, d4)),
      add(even, odd),
      sub(even, odd),
      m.fma(odd2, 2, even2),
      m.fma(odd2, -2, even2),
      m.fma(d1, 4, m.fma(d3, -5, d5)),
    ];
  },
  filter: [oneTap(0), aroundOne, aroundTwo(2), oneTap(2)],
  filterFactors: [1 / 4, -1 / 6, -1 / 6, 1 / 24, 1 / 24, 1],
  output(m, [y0, y1, y2, y3, y4, y5]) {
    const sum = m.let(add(y1, y2));
    const difference = m.let(sub(y1, y2));
    const sum2 = m.let(add(y3, y4));
    const difference2 = m.let(sub(y3, y4));
    return [
      add(add(y0, sum), sum2),
      m.fma(difference2, 2, difference),
      m.fma(sum2, 4, sum),
      m.fma(difference2, 8, add(difference, y5)),
    ];
  },
  outputGradient(m, [y0, y1, y2, y3]) {
    const even = m.let(add(y0, y2));
    const odd = m.let(add(y1, y3));
    const even2 = m.let(m.fma(y2, 4, y0));
    const odd2 = m.let(m.fma(y3, 8, add(y1, y1)));
    return [y0, add(even, odd), sub(even, odd), add(even2, odd2), sub(even2, odd2), y3];
  },
  filterGradient(m, [s0, s1, s2, s3, s4, s5]) {
    const sum = m.let(mul(add(s1, s2), f32x4.const(-1 / 6)));
    const difference = m.let(mul(sub(s2, s1), f32x4.const(1 / 6)));
    const sum2 = m.let(mul(add(s3, s4), f32x4.const(1 / 24)));
    const difference2 = m.let(mul(sub(s3, s4), f32x4.const(1 / 12)));
    return [
      add(mul(s0, f32x4.const(1 / 4)), add(sum, sum2)),
      add(difference, difference2),
      add(m.fma(sum2, 4, sum), s5),
    ];
  },
};

/** `count` results from products at the points 0, ±1, ±2, ∞ and ±1/2, where those are 1/32 of what they would be. */
const outputOfEight =
  (count: 5 | 6): Transform =>
  (m, [y0, y1, y2, y3, y4, y5, y6, y7]) => {
    const sum = m.let(add(y1, y2));
    const difference = m.let(sub(y1, y2));
    const sum2 = m.let(add(y3, y4));
    const difference2 = m.let(sub(y3, y4));
    const sumHalf = m.let(add(y6, y7));
    const differenceHalf = m.let(sub(y6, y7));
    const results = [
      m.fma(sumHalf, 32, add(add(y0, sum), sum2)),
      m.fma(differenceHalf, 16, m.fma(difference2, 2, difference)),
      m.fma(sumHalf, 8, m.fma(sum2, 4, sum)),
      m.fma(differenceHalf, 4, m.fma(difference2, 8, difference)),
      m.fma(sumHalf, 2, m.fma(sum2, 16, sum)),
      m.fma(difference2, 32, add(difference, differenceHalf)),
    ].slice(0, count);
    results[count - 1] = add(results[count - 1], y5); // the point ∞ is the last result's alone
    return results;
  };

/** Numbers are in the order 0, ±1, ±2, ∞, ±1/2. */
const winograd6: WinogradGradient = {
  m: 6,
  taps: 3,
  input(m, [d0, d1, d2, d3, d4, d5, d6, d7]) {
    // Of even inputs, or of odd ones: a − 4.25b + c, a − 5b + 4c, 4a − 5b + c.
    const combined = (a: V128, b: V128, c: V128): readonly Local<"v128">[] => {
      const ends = m.let(add(a, c));
      const less = m.let(m.fma(b, -5, ends));
      return [m.let(m.fma(b, -4.25, ends)), m.let(m.fma(c, 3, less)), m.let(m.fma(a, 3, less))];
    };
    const [even, even2, evenHalf] = combined(d2, d4, d6);
    const [odd, odd2, oddHalf] = combined(d1, d3, d5);
    return [
      m.fma(sub(d4, d2), 5.25, sub(d0, d6)),
      add(even, odd),
      sub(even, odd),
      m.fma(odd2, 2, even2),
      m.fma(odd2, -2, even2),
      m.fma(sub(d3, d5), 5.25, sub(d7, d1)),
      m.fma(evenHalf, 2, oddHalf),
      sub(add(evenHalf, evenHalf), oddHalf),
    ];
  },
  filter: [...winograd4.filter, aroundTwo(0)],
  filterFactors: [1, -2 / 9, -2 / 9, 1 / 360, 1 / 360, 1, 1 / 360, 1 / 360],
  output: outputOfEight(6),
  outputGradient(m, [y0, y1, y2, y3, y4, y5]) {
    const even = m.let(add(add(y0, y2), y4));
    const odd = m.let(add(add(y1, y3), y5));
    const even2 = m.let(m.fma(y4, 16, m.fma(y2, 4, y0)));
    const odd2 = m.let(m.fma(y5, 32, m.fma(y3, 8, add(y1, y1))));
    const evenHalf = m.let(m.fma(y0, 32, m.fma(y2, 8, add(y4, y4))));
    const oddHalf = m.let(m.fma(y1, 16, m.fma(y3, 4, y5)));
    return [
      y0,
      add(even, odd),
      sub(even, odd),
      add(even2, odd2),
      sub(even2, odd2),
      y5,
      add(evenHalf, oddHalf),
      sub(evenHalf, oddHalf),
    ];
  },
  filterGradient(m, [s0, s1, s2, s3, s4, s5, s6, s7]) {
    const times = (x: V128, factor: number): Local<"v128"> => m.let(mul(x, f32x4.const(factor)));
    const sum = times(add(s1, s2), -2 / 9);
    const sum2 = times(add(s3, s4), 1 / 360);
    const sumHalf = times(add(s6, s7), 1 / 360);
    return [
      m.fma(sumHalf, 4, add(s0, add(sum, sum2))),
      add(times(sub(s1, s2), -2 / 9), times(add(sub(s3, s4), sub(s6, s7)), 1 / 180)),
      m.fma(sum2, 4, add(sum, add(sumHalf, s5))),
    ];
  },
};

/** F(5) of 4 taps uses the points of F(6) of 3, and so transforms inputs alike. */
const winograd5: Winograd = {
  m: 5,
  taps: 4,
  input: winograd6.input,
  filter: [
    oneTap(0),
    {
      count: 2,
      transform(m, tap) {
        const even = m.let(add(tap(0), tap(2)));
        const odd = m.let(add(tap(1), tap(3)));
        return [add(even, odd), sub(even, odd)];
      },
    },
    aroundTwoOfFour(0),
    oneTap(3),
    aroundTwoOfFour(3),
  ],
  filterFactors: [1, -2 / 9, -2 / 9, 1 / 360, 1 / 360, 1, 1 / 720, 1 / 720],
  output: outputOfEight(5),
};

const winograd2: WinogradGradient = {
  m: 2,
  taps: 3,
  input: (_m, [d0, d1, d2, d3]) => [sub(d0, d2), add(d1, d2), sub(d2, d1), sub(d1, d3)],
  filter: [oneTap(0), aroundOne, oneTap(2)],
  filterFactors: [1, 1 / 2, 1 / 2, 1],
  output: (_m, [y0, y1, y2, y3]) => [add(add(y0, y1), y2), sub(sub(y1, y2), y3)],
  outputGradient: (_m, [y0, y1]) => [y0, add(y0, y1), sub(y0, y1), sub(f32x4.const(0), y1)],
  filterGradient(m, [s0, s1, s2, s3]) {
    const half = f32x4.const(0.5);
    const sum = m.let(mul(add(s1, s2), half));
    return [add(s0, sum), mul(sub(s1, s2), half), add(sum, s3)];
  },
};

export function algorithmOf(size: WinogradSize): Winograd {
  return size === 5 ? winograd5 : gradientOf(size);
}

const gradients: Readonly<Record<WinogradGradientSize, WinogradGradient>> = {
  2: winograd2,
  4: winograd4,
  6: winograd6,
};

export function gradientOf(size: WinogradGradientSize): WinogradGradient {
  return gradients[size];
}

/** Cells of a tile along a dimension, border included. */
export function sideOf(size: WinogradSize): number {
  const { m, taps } = algorithmOf(size);
  return m + taps - 1;
}

/** The number of the point ∞, whose product only the last result takes. */
export function infinityOf(size: WinogradSize): number {
  return Math.min(sideOf(size) - 1, 5);
}

export function planesOf(size: WinogradSize): number {
  return sideOf(size) ** 2;
}
