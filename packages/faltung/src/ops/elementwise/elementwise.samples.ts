/** Samples of elementwise functions: each row of the table, the compositions, broadcasting and dtypes. */
import type { DType, Shape } from "../../tensor/shape.ts";
import type { Value } from "../op.ts";
import type { Fill, Sample, SampleInput } from "../samples.ts";
import * as f from "./elementwise.ts";

const shape: Shape = [2, 3, 5];
const positive: Fill = { kind: "uniform", low: 0.1, high: 4 };
const normal: Fill = { kind: "normal" };
// Off the kinks at −3, −1, 0, 1, 3 and 6 by more than 0.05.
const kinked: Fill = { kind: "values", values: [-7.5, -2.25, -0.7, -0.125, 0.3, 0.875, 2.5, 4.75, 8] };

function unary(name: string, build: (x: Value) => Value, fill: Fill = normal, differentiable = true): Sample {
  return { name, inputs: [{ shape, fill }], build, differentiable, tolerance: 1e-5 };
}

function binary(name: string, build: (a: Value, b: Value) => Value, a: SampleInput, b: SampleInput): Sample {
  return { name, inputs: [a, b], build, tolerance: 1e-5 };
}

const broadcasts: readonly (readonly [string, Shape, Shape])[] = [
  ["same shape", [2, 3, 5], [2, 3, 5]],
  ["scalar", [3, 7], []],
  ["trailing vector", [4, 10], [10]],
  ["per channel", [2, 9, 4, 3], [1, 9, 1, 1]],
  ["outer", [6, 1], [1, 7]],
  ["leading 1s", [1, 5], [3, 1, 5]],
  ["middle", [2, 1, 3, 4], [2, 5, 1, 4]],
  ["size 0", [0, 3], [3]],
];

const distinct: Fill = { kind: "distinct" };

export const samples: readonly Sample[] = [
  ...broadcasts.map(([name, a, b]) => binary(`add, ${name}`, f.add, { shape: a }, { shape: b })),
  ...broadcasts.map(([name, a, b]) => binary(`mul, ${name}`, f.mul, { shape: a }, { shape: b })),
  binary("sub", f.sub, { shape }, { shape: [3, 1] }),
  binary("div", f.div, { shape }, { shape: [5], fill: positive }),
  binary("pow", f.pow, { shape, fill: positive }, { shape: [3, 1] }),
  binary("maximum", f.maximum, { shape, fill: distinct }, { shape: [1], fill: { kind: "values", values: [0.123] } }),
  binary("minimum", f.minimum, { shape, fill: kinked }, { shape: [3, 5], fill: { kind: "values", values: [1.5] } }),
  unary("neg", f.neg),
  unary("square, reciprocal", (x) => f.reciprocal(f.add(f.square(x), 1))),
  unary("exp", f.exp),
  unary("expm1", f.expm1),
  unary("log", f.log, positive),
  unary("log1p", f.log1p, positive),
  unary("sqrt", f.sqrt, positive),
  unary("rsqrt", f.rsqrt, positive),
  unary("sigmoid", f.sigmoid),
  unary("tanh", f.tanh),
  unary("erf", f.erf),
  unary("abs", f.abs, kinked),
  unary("clamp", (x) => f.clamp(x, -1, 2), kinked),
  unary("clamp, one side", (x) => f.add(f.clamp(x, -1), f.clamp(x, undefined, 3)), kinked),
  unary("relu", f.relu, kinked),
  unary("relu6", f.relu6, kinked),
  unary("leakyRelu", f.leakyRelu, kinked),
  unary("leakyRelu, negative slope below 0", (x) => f.leakyRelu(x, -0.5), kinked),
  unary("elu", (x) => f.elu(x, 1.5), kinked),
  unary("selu", f.selu, kinked),
  unary("gelu", f.gelu),
  unary("gelu, tanh", (x) => f.gelu(x, "tanh")),
  unary("silu", f.silu),
  unary("hardsigmoid", f.hardsigmoid, kinked),
  unary("hardswish", f.hardswish, kinked),
  unary("hardtanh", f.hardtanh, kinked),
  unary("softplus", f.softplus, kinked),
  unary("softplus, beta 2", (x) => f.softplus(x, 2, 5.3), kinked),
  unary("pow, whole and half exponents", (x) => f.add(f.pow(x, 3), f.mul(f.pow(x, 0.5), f.pow(x, -2))), positive),
  unary("sign", f.sign, kinked, false),
  unary("floor, ceil, round", (x) => f.add(f.floor(x), f.mul(f.ceil(x), f.round(x))), kinked, false),
  unary("relu of a convex mixture", (x) => f.relu(f.sub(f.mul(x, 2), f.mul(f.abs(x), 1.25))), kinked),
  {
    name: "prelu",
    inputs: [{ shape: [2, 9, 3], fill: kinked }, { shape: [9] }],
    build: f.prelu,
  },
  {
    name: "prelu, one weight",
    inputs: [{ shape: [2, 9, 3], fill: kinked }, { shape: [1] }],
    build: f.prelu,
  },
  {
    name: "where of comparisons",
    inputs: [
      { shape, fill: kinked },
      { shape: [5], fill: { kind: "values", values: [0.5] } },
    ],
    build: (a, b) => f.where(f.logicalOr(f.lt(a, b), f.logicalNot(f.le(a, 3))), f.mul(a, 2), f.mul(a, b)),
  },
  {
    name: "where, stored condition",
    inputs: [
      { shape: [2, 9], dtype: "uint8", fill: { kind: "integers", below: 2 } },
      { shape: [2, 9] },
      { shape: [9] },
    ],
    build: f.where,
  },
  {
    name: "comparisons",
    inputs: [
      { shape: [33], fill: kinked },
      { shape: [1], fill: { kind: "values", values: [0.3] } },
    ],
    build: (a, b) =>
      f.logicalAnd(f.logicalOr(f.gt(a, b), f.eq(a, b)), f.logicalOr(f.ne(a, 8), f.logicalOr(f.ge(a, 8), f.lt(b, a)))),
    differentiable: false,
  },
  ...(["int32", "uint8"] as const).map((dtype): Sample => integers(dtype)),
  ...castPairs().map(([from, to]): Sample => ({
    name: `cast, ${from} to ${to}`,
    inputs: [{ shape: [37], dtype: from, fill: from === "float32" ? kinked : { kind: "integers", below: 256 } }],
    build: (x) => f.cast(x, to),
    differentiable: false,
  })),
];

function integers(dtype: DType): Sample {
  const input: SampleInput = { shape: [3, 19], dtype, fill: { kind: "integers", below: 200 } };
  return {
    name: `arithmetic, ${dtype}`,
    inputs: [input, { ...input, shape: [19] }],
    build: (a, b) =>
      f.where(
        f.lt(a, b),
        f.add(f.mul(a, b), f.abs(f.neg(a))),
        f.sub(f.maximum(a, b), f.minimum(f.clamp(a, 3, 90), f.relu(b))),
      ),
    differentiable: false,
  };
}

function castPairs(): (readonly [DType, DType])[] {
  const dtypes = ["float32", "int32", "uint8"] as const;
  return dtypes.flatMap((from) => dtypes.filter((to) => to !== from).map((to) => [from, to] as const));
}
