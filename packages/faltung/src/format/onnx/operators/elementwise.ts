/** Elementwise operators: https://onnx.ai/onnx/operators/ */
import * as f from "../../../ops/elementwise/elementwise.ts";
import { drawRandom } from "../../../compile/trace.ts";
import { type Value, constant } from "../../../ops/op.ts";
import { dropout as randomDropout } from "../../../ops/random/random.ts";
import { reshape } from "../../../ops/shape/shape.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { type OnnxType, isFloat, onnxType } from "../dtype.ts";
import type { Operator, OnnxNode, Operators, Typed } from "../node.ts";
import { asWhole, axisOf, carrier, wrapped } from "./helpers.ts";

/** Float functions of one input, by name: exact renamings of ours. */
const UNARY: Readonly<Record<string, (x: Value) => Value>> = {
  Exp: f.exp,
  Log: f.log,
  Sqrt: f.sqrt,
  Reciprocal: f.reciprocal,
  Tanh: f.tanh,
  Sigmoid: f.sigmoid,
  Erf: f.erf,
  Floor: f.floor,
  Ceil: f.ceil,
  Round: f.round,
  Abs: f.abs,
  Neg: f.neg,
  Sign: f.sign,
  Relu: f.relu,
  HardSwish: (x) => f.mul(x, f.clamp(f.add(f.mul(x, 1 / 6), 0.5), 0, 1)),
  Softsign: (x) => f.div(x, f.add(f.abs(x), 1)),
  Softplus: (x) => f.softplus(x, 1, Infinity),
  Mish: (x) => f.mul(x, f.tanh(f.softplus(x, 1, Infinity))),
};

/** Before opset 7 shapes were aligned by attributes instead of NumPy's rule. */
function legacyAligned(node: OnnxNode, a: Value, b: Value): Value {
  if (node.opset >= 7 || node.int("broadcast", 0) === 0 || node.proto.attributes.get("axis") === undefined) return b;
  const axis = axisOf(node, node.int("axis"), a.shape.length);
  const behind = a.shape.length - axis - b.shape.length;
  return behind > 0 ? reshape(b, [...b.shape, ...Array.from({ length: behind }, () => 1)]) : b;
}

function binary(build: (a: Value, b: Value, node: OnnxNode) => Value, type?: OnnxType): Operator {
  return {
    build(node) {
      const [a, b] = [node.value(0), node.value(1)];
      const result = build(a, legacyAligned(node, a, b), node);
      return type === undefined ? wrapped(node.type(), result) : { type, value: result };
    },
  };
}

const compare = (build: (a: Value, b: Value) => Value): Operator => binary(build, "bool");

/**
 * Whole a / b towards zero, exactly: a quotient of float32 is wrong in its last bits, what it leaves is divided again,
 * and the last unit is put right by the remainder's sign.
 */
function wholeQuotient(a: Value, b: Value): Value {
  const part = (n: Value): Value => f.cast(f.div(f.cast(n, "float32"), f.cast(b, "float32")), "int32");
  const first = part(a);
  const second = f.add(first, part(f.sub(a, f.mul(first, b))));
  const rest = f.sub(a, f.mul(second, b));
  const sign = f.mul(f.sign(a), f.sign(b));
  // The remainder must have a's sign (or be 0) and be smaller than b.
  const low = f.where(f.ge(f.mul(f.sign(a), rest), f.abs(b)), sign, 0);
  const high = f.where(f.lt(f.mul(f.sign(a), rest), 0), sign, 0);
  return f.sub(f.add(second, low), high);
}

function quotient(node: OnnxNode, a: Value, b: Value): Value {
  if (isFloat(node.type())) return f.div(a, b);
  return f.cast(wholeQuotient(f.cast(a, "int32"), f.cast(b, "int32")), a.dtype);
}

/** fmod: the remainder with the dividend's sign; else Python's %, with the divisor's. */
function modulo(node: OnnxNode, a: Value, b: Value): Value {
  if (node.int("fmod", 0) === 0) {
    if (isFloat(node.type())) node.fail("fmod must be 1 for float numbers.");
    const rest = wholeRest(f.cast(a, "int32"), f.cast(b, "int32"));
    const other = f.logicalAnd(f.ne(rest, 0), f.lt(f.mul(f.sign(rest), f.sign(f.cast(b, "int32"))), 0));
    return f.cast(f.where(other, f.add(rest, f.cast(b, "int32")), rest), a.dtype);
  }
  if (!isFloat(node.type())) return f.cast(wholeRest(f.cast(a, "int32"), f.cast(b, "int32")), a.dtype);
  const q = f.div(a, b);
  return f.sub(a, f.mul(f.mul(f.sign(q), f.floor(f.abs(q))), b));
}

function wholeRest(a: Value, b: Value): Value {
  return f.sub(a, f.mul(wholeQuotient(a, b), b));
}

function power(node: OnnxNode, a: Value, b: Value): Value {
  const known = node.item(1);
  const single = known.known && known.host().data.length === 1 && known.shape.length <= a.shape.length;
  const y = f.pow(isFloat(node.type()) ? a : f.cast(a, "float32"), single ? known.host().data[0] : b);
  if (isFloat(node.type())) return y;
  // A whole power is whole but for rounding; a broken one is cut off, as C does.
  const near = f.round(y);
  const close = f.le(f.abs(f.sub(y, near)), f.mul(f.abs(y), 2 ** -20));
  return f.cast(f.where(close, near, y), carrier(node.type()));
}

function variadic(
  combine: (a: Value, b: Value) => Value,
  finish: (sum: Value, count: number) => Value = (x) => x,
): Operator {
  return {
    build(node) {
      const values = node.values();
      if (values.length === 0) node.fail("it has no inputs.");
      return finish(values.reduce(combine), values.length);
    },
  };
}

/** A bound that is given as a number becomes an attribute; one that is computed, an operand. */
function bound(node: OnnxNode, i: number, attribute: string, fallback: number): number | Value {
  if (node.opset < 11) return node.float(attribute, fallback);
  if (!node.has(i)) return fallback;
  return node.known(i) ? node.numbers(i)[0] : node.value(i);
}

const clip: Operator = {
  settings: [1, 2],
  build(node) {
    const x = node.value(0);
    const low = bound(node, 1, "min", -Infinity);
    const high = bound(node, 2, "max", Infinity);
    if (typeof low === "number" && typeof high === "number") {
      // min > max gives max, as numpy.clip does.
      return f.clamp(x, Math.min(low, high), high);
    }
    return f.minimum(f.maximum(x, low), high);
  },
};

const cast = (to: (node: OnnxNode) => OnnxType): Operator => ({
  build(node) {
    const type = to(node);
    const from = node.type();
    const x = node.value(0);
    if (type === "bool") return { type, value: from === "bool" ? x : f.ne(x, 0) };
    return { type, value: wrapped(type, f.cast(x, carrier(type))) };
  },
});

/** Element type of that number. */
export function typeOfCode(node: OnnxNode, code: number): OnnxType {
  return onnxType(code) ?? node.fail(`the data type ${code} is none that ONNX knows.`);
}

const dropout: Operator = {
  needs: [1, 2],
  build(node) {
    const x = node.value(0);
    const training = node.opset >= 12 && node.has(2) ? node.numbers(2)[0] !== 0 : false;
    const ratio = node.opset >= 12 ? (node.has(1) ? node.numbers(1)[0] : 0.5) : node.float("ratio", 0.5);
    const drops = (training || node.training) && ratio > 0;
    if (drops && node.wants(1)) node.unsupported("its mask is used while it drops at random");
    const value = drops ? drop(x, ratio) : x;
    const all = node.wants(1) ? constant(Tensor.full(x.shape, 1, "uint8")) : undefined;
    return [value, all && { type: "bool", value: all }];
  },
};

function drop(x: Value, ratio: number): Value {
  const { seed, stream } = drawRandom();
  return randomDropout(x, ratio, seed, stream);
}

const prelu: Operator = {
  build(node) {
    const x = node.value(0);
    const slope = node.value(1);
    // Before opset 7 a slope was a list with one number for each channel.
    const perChannel = node.opset < 7 && slope.shape.length === 1 && slope.shape[0] > 1;
    const s = perChannel ? reshape(slope, [slope.shape[0], ...x.shape.slice(2).map(() => 1)]) : slope;
    return f.where(f.lt(x, 0), f.mul(s, x), x);
  },
};

/** Elementwise operators with attributes. */
const ACTIVATIONS: Readonly<Record<string, (x: Value, node: OnnxNode) => Value>> = {
  LeakyRelu: (x, n) => f.leakyRelu(x, n.float("alpha", 0.01)),
  Elu: (x, n) => f.elu(x, n.float("alpha", 1)),
  Selu: (x, n) => f.mul(f.elu(x, n.float("alpha", 1.6732632423543772)), n.float("gamma", 1.0507009873554805)),
  Celu(x, n) {
    const alpha = n.float("alpha", 1);
    return f.add(f.maximum(x, 0), f.minimum(f.mul(f.expm1(f.div(x, alpha)), alpha), 0));
  },
  ThresholdedRelu: (x, n) => f.where(f.gt(x, n.float("alpha", 1)), x, 0),
  HardSigmoid: (x, n) => f.clamp(f.add(f.mul(x, n.float("alpha", 0.2)), n.float("beta", 0.5)), 0, 1),
  Gelu: (x, n) => f.gelu(x, n.text("approximate", "none") === "tanh" ? "tanh" : "none"),
  Swish: (x, n) => f.mul(x, f.sigmoid(f.mul(x, n.float("alpha", 1)))),
  Shrink(x, n) {
    const lambd = n.float("lambd", 0.5);
    const bias = n.float("bias", 0);
    return f.where(f.lt(x, -lambd), f.add(x, bias), f.where(f.gt(x, lambd), f.sub(x, bias), 0));
  },
};

function asBuilt(type: OnnxType, y: Value): Typed {
  return { type, value: y.dtype === carrier(type) ? y : asWhole(type, y) };
}

function fromTable(table: Readonly<Record<string, (x: Value, node: OnnxNode) => Value>>): Operators {
  const row = (fn: (x: Value, node: OnnxNode) => Value): Operator => ({
    build: (node) => asBuilt(node.type(), fn(node.value(0), node)),
  });
  return Object.fromEntries(Object.entries(table).map(([name, fn]) => [name, row(fn)]));
}

export const elementwiseOperators: Operators = {
  ...fromTable(UNARY),
  ...fromTable(ACTIVATIONS),
  Add: binary(f.add),
  Sub: binary(f.sub),
  Mul: binary(f.mul),
  Div: binary((a, b, node) => quotient(node, a, b)),
  Mod: binary((a, b, node) => modulo(node, a, b)),
  Pow: {
    settings: [1],
    build: (node) => power(node, node.value(0), legacyAligned(node, node.value(0), node.value(1))),
  },
  Sum: variadic(f.add),
  Mean: variadic(f.add, (sum, count) => f.div(sum, count)),
  Max: variadic(f.maximum),
  Min: variadic(f.minimum),
  Equal: compare(f.eq),
  Less: compare(f.lt),
  LessOrEqual: compare(f.le),
  Greater: compare(f.gt),
  GreaterOrEqual: compare(f.ge),
  And: compare(f.logicalAnd),
  Or: compare(f.logicalOr),
  Xor: compare((a, b) => f.ne(f.ne(a, 0), f.ne(b, 0))),
  Not: { build: (node) => ({ type: "bool", value: f.logicalNot(node.value(0)) }) },
  IsNaN: { build: (node) => ({ type: "bool", value: f.ne(node.value(0), node.value(0)) }) },
  IsInf: {
    build(node) {
      const x = node.value(0);
      const [up, down] = [node.int("detect_positive", 1) !== 0, node.int("detect_negative", 1) !== 0];
      const is = (bound: number): Value => f.eq(x, bound);
      const value =
        up && down
          ? f.eq(f.abs(x), Infinity)
          : up
            ? is(Infinity)
            : down
              ? is(-Infinity)
              : f.ne(f.mul(f.eq(x, x), 0), 0);
      return { type: "bool", value };
    },
  },
  Where: {
    build: (node) => ({ type: node.type(1), value: f.where(node.value(0), node.value(1), node.value(2)) }),
  },
  Clip: clip,
  PRelu: prelu,
  Identity: { build: (node) => node.item(0) },
  Dropout: dropout,
  Cast: cast((node) => typeOfCode(node, node.int("to"))),
  CastLike: cast((node) => node.type(1)),
};
