/**
 * Circular and hyperbolic functions, composed of ours: networks that are imported need them now and then, kernels of
 * their own would be a lot of code for that. Accurate to a few units of float32's last place for |x| < 1e4.
 */
import * as f from "../../../ops/elementwise/elementwise.ts";
import type { Value } from "../../../ops/op.ts";
import type { Operators } from "../node.ts";

/** Σ c[i]·x²ⁱ⁺¹ by Horner's rule. */
function oddPolynomial(x: Value, coefficients: readonly number[]): Value {
  const s = f.square(x);
  const [last, ...rest] = coefficients.toReversed();
  const series = rest.reduce<Value | number>((sum, c) => f.add(f.mul(s, sum), c), last);
  return f.mul(x, series);
}

const SINE = [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800, 1 / 6227020800];
/** π in three parts of few bits each, so that whole multiples of the first two are exact in float32. */
const PI_PARTS = [3.140625, 9.670257568359375e-4, Math.PI - 3.140625 - 9.670257568359375e-4];

/** sin x = ±sin(x − qπ), the rest lying within ±π/2. `quarter` adds π/2 to x: the cosine. */
function sine(x: Value, quarter: boolean): Value {
  const half = quarter ? 0.5 : 0;
  // x + π/2 − qπ = x − (q − ½)π
  const q = f.round(f.add(f.mul(x, 1 / Math.PI), half));
  const turns = f.sub(q, half);
  const rest = PI_PARTS.reduce((r, part) => f.sub(r, f.mul(turns, part)), x);
  const odd = f.sub(q, f.mul(f.floor(f.mul(q, 0.5)), 2));
  return f.mul(oddPolynomial(rest, SINE), f.sub(1, f.mul(odd, 2)));
}

const ARCTANGENT = Array.from({ length: 9 }, (_, i) => (i % 2 === 0 ? 1 : -1) / (2 * i + 1));

function arctangent(x: Value): Value {
  const a = f.abs(x);
  const inverted = f.gt(a, 1);
  const t = f.where(inverted, f.reciprocal(a), a);
  // atan t = 2 atan(t / (1 + √(1 + t²))): the series is taken below tan(π/8).
  const half = f.div(t, f.add(f.sqrt(f.add(f.square(t), 1)), 1));
  const y = f.mul(oddPolynomial(half, ARCTANGENT), 2);
  return f.mul(f.where(inverted, f.sub(Math.PI / 2, y), y), f.sign(x));
}

function arcsine(x: Value): Value {
  return arctangent(f.div(x, f.sqrt(f.mul(f.sub(1, x), f.add(x, 1)))));
}

function sinh(x: Value): Value {
  const m = f.expm1(f.abs(x));
  return f.mul(f.mul(f.add(m, f.div(m, f.add(m, 1))), 0.5), f.sign(x));
}

function arsinh(x: Value): Value {
  const a = f.abs(x);
  const s = f.square(a);
  return f.mul(f.log1p(f.add(a, f.div(s, f.add(f.sqrt(f.add(s, 1)), 1)))), f.sign(x));
}

const FUNCTIONS: Readonly<Record<string, (x: Value) => Value>> = {
  Sin: (x) => sine(x, false),
  Cos: (x) => sine(x, true),
  Tan: (x) => f.div(sine(x, false), sine(x, true)),
  Asin: arcsine,
  Acos: (x) => f.sub(Math.PI / 2, arcsine(x)),
  Atan: arctangent,
  Sinh: sinh,
  Cosh: (x) => f.mul(f.add(f.exp(x), f.exp(f.neg(x))), 0.5),
  Asinh: arsinh,
  Acosh: (x) => f.log(f.add(x, f.sqrt(f.mul(f.sub(x, 1), f.add(x, 1))))),
  Atanh: (x) => f.mul(f.log1p(f.div(f.mul(x, 2), f.sub(1, x))), 0.5),
};

export const trigonometryOperators: Operators = Object.fromEntries(
  Object.entries(FUNCTIONS).map(([name, fn]) => [name, { build: (node) => fn(node.value(0)) }]),
);
