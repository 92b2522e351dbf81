/**
 * Quantised operators, computed in float32 so that the result is the same: whole numbers up to 2²⁴ are exact there,
 * and longer sums of products are cut into parts that are.
 */
import {
  add,
  cast,
  clamp,
  div,
  maximum,
  minimum,
  mul,
  round,
  sub,
  where,
  eq,
} from "../../../ops/elementwise/elementwise.ts";
import { matmul } from "../../../ops/matmul/matmul.ts";
import type { Value } from "../../../ops/op.ts";
import { broadcastTo, max, min } from "../../../ops/reduce/reduce.ts";
import { type Range, reshape, slice } from "../../../ops/shape/shape.ts";
import { sizeOf } from "../../../tensor/shape.ts";
import { CARRIED, type OnnxType } from "../dtype.ts";
import type { Built, Operator, OnnxNode, Operators } from "../node.ts";
import { convolve } from "./conv.ts";
import { typeOfCode } from "./elementwise.ts";
import { alongAxis, axisOf, carrier } from "./helpers.ts";

/** Scale or zero point against x: one number, one for each slice along the axis, or one for each block of it. */
function against(node: OnnxNode, i: number, x: Value): Value {
  const v = cast(node.value(i), "float32");
  const rank = x.shape.length;
  if (sizeOf(v.shape) === 1) return reshape(v, []);
  const axis = axisOf(node, node.int("axis", 1), rank);
  const block = node.int("block_size", 0);
  if (block === 0) {
    if (v.shape.length !== 1 || v.shape[0] !== x.shape[axis])
      node.fail(`input ${i} must have one number for each of the ${x.shape[axis]} slices of axis ${axis}.`);
    return alongAxis(v, axis, rank);
  }
  // Each number of v along the axis stands for `block` slices of x.
  const wide = v.shape.flatMap((n, d) => (d === axis ? [n, block] : [n]));
  const split = v.shape.flatMap((n, d) => (d === axis ? [n, 1] : [n]));
  const repeated = reshape(
    broadcastTo(reshape(v, split), wide),
    v.shape.map((n, d) => (d === axis ? n * block : n)),
  );
  const ranges: Range[] = x.shape.map((n, d) => (d === axis ? [0, n] : []));
  return slice(repeated, ranges);
}

/** A quantised type, by its range. */
function rangeOf(node: OnnxNode, type: OnnxType): readonly [number, number] {
  return CARRIED[type].range ?? node.unsupported(`quantised type ${type}`);
}

/** Numbers brought into a quantised type: saturated. */
export function quantized(node: OnnxNode, y: Value, type: OnnxType): Built {
  const [least, most] = rangeOf(node, type);
  return { type, value: cast(clamp(y, least, most), carrier(type)) };
}

const quantizeLinear: Operator = {
  settings: [1, 2],
  build(node) {
    const x = cast(node.value(0), "float32");
    const code = node.int("output_dtype", 0);
    const type = node.has(2) ? node.type(2) : code === 0 ? "uint8" : typeOfCode(node, code);
    const y = round(div(x, against(node, 1, x)));
    return quantized(node, node.has(2) ? add(y, against(node, 2, x)) : y, type);
  },
};

const dequantizeLinear: Operator = {
  settings: [0, 1, 2],
  build(node) {
    rangeOf(node, node.type());
    const x = cast(node.value(0), "float32");
    const centred = node.has(2) ? sub(x, against(node, 2, x)) : x;
    return { type: "float", value: mul(centred, against(node, 1, x)) };
  },
};

/** uint8 with the scale that x needs, zero kept exact. */
const dynamicQuantizeLinear: Operator = {
  build(node): readonly Built[] {
    const x = node.value(0);
    const top = maximum(max(x), 0);
    const bottom = minimum(min(x), 0);
    const scale = div(sub(top, bottom), 255);
    const safe = where(eq(scale, 0), 1, scale);
    const zero = clamp(round(div(sub(0, bottom), safe)), 0, 255);
    const y = clamp(add(round(div(x, safe)), zero), 0, 255);
    return [
      { type: "uint8", value: cast(y, "uint8") },
      { type: "float", value: scale },
      { type: "uint8", value: cast(zero, "uint8") },
    ];
  },
};

const EXACT = 2 ** 24;
const NIBBLE = 16;

/**
 * Σ a·b of whole numbers with |a|, |b| ≤ 255 as int32, exactly. A sum of `terms` products is exact in float32 below 2²⁴; if it may
 * be larger, b (and a, if need be) is written as 16·high + low, and the parts are put together in int32.
 */
export function exactProduct(product: (a: Value, b: Value) => Value, a: Value, b: Value, terms: number): Value {
  const whole = (x: Value, y: Value): Value => cast(product(x, y), "int32");
  if (terms * 255 * 255 < EXACT) return whole(a, b);
  const [bHigh, bLow] = nibbles(b);
  const halves =
    terms * 255 * NIBBLE < EXACT ? whole : (x: Value, y: Value) => joined(nibbles(x).map((part) => whole(part, y)));
  return joined([halves(a, bHigh), halves(a, bLow)]);
}

function nibbles(x: Value): [high: Value, low: Value] {
  const high = round(mul(x, 1 / NIBBLE));
  return [high, sub(x, mul(high, NIBBLE))];
}

function joined([high, low]: readonly Value[]): Value {
  return add(mul(high, NIBBLE), low);
}

/** A quantised operand without its zero point. `axis`: of its slices, if they have zero points of their own. */
function centred(node: OnnxNode, i: number, zero: number, axis: number): Value {
  const x = cast(node.value(i), "float32");
  if (!node.has(zero)) return x;
  const z = cast(node.value(zero), "float32");
  return sub(x, z.shape.length > 1 ? z : alongAxis(z, axis, x.shape.length));
}

const convInteger: Operator = {
  settings: [0, 1, 2, 3],
  build(node) {
    const w = centred(node, 1, 3, 0);
    const terms = sizeOf(w.shape.slice(1));
    return {
      type: "int32",
      value: exactProduct((x, k) => convolve(node, x, k, null), centred(node, 0, 2, 1), w, terms),
    };
  },
};

const matMulInteger: Operator = {
  settings: [0, 1, 2, 3],
  build(node) {
    const rank = node.shape(0).length;
    const a = centred(node, 0, 2, Math.max(rank - 2, 0));
    const b = centred(node, 1, 3, node.shape(1).length - 1);
    return { type: "int32", value: exactProduct(matmul, a, b, a.shape[rank - 1]) };
  },
};

/** A whole sum, brought to another scale: round(sum · a·b/y) + zero, saturated. */
function requantized(node: OnnxNode, sums: Value, factor: Value, scale: Value, zero: Value, type: OnnxType): Built {
  return quantized(node, add(round(div(mul(cast(sums, "float32"), factor), scale)), zero), type);
}

const qLinearConv: Operator = {
  settings: [0, 1, 2, 3, 4, 5, 6, 7, 8],
  build(node) {
    const x = centred(node, 0, 2, 1);
    const w = centred(node, 3, 5, 0);
    const rank = x.shape.length;
    const sums = exactProduct((a, b) => convolve(node, a, b, null), x, w, sizeOf(w.shape.slice(1)));
    const biased = node.has(8) ? add(sums, alongAxis(node.value(8), 1, rank)) : sums;
    const factor = mul(reshape(node.value(1), []), alongAxis(node.value(4), 1, rank));
    return requantized(
      node,
      biased,
      factor,
      reshape(node.value(6), []),
      cast(reshape(node.value(7), []), "float32"),
      node.type(7),
    );
  },
};

const qLinearMatMul: Operator = {
  settings: [0, 1, 2, 3, 4, 5, 6, 7],
  build(node) {
    const [rankA, rankB] = [node.shape(0).length, node.shape(3).length];
    const a = centred(node, 0, 2, Math.max(rankA - 2, 0));
    const b = centred(node, 3, 5, rankB - 1);
    const sums = exactProduct(matmul, a, b, a.shape[rankA - 1]);
    const side = (i: number, axis: number): Value => {
      const v = node.value(i);
      return v.shape.length > 1 ? v : alongAxis(v, axis, sums.shape.length);
    };
    const factor = mul(side(1, sums.shape.length - 2), side(4, sums.shape.length - 1));
    const zero = cast(side(7, sums.shape.length - 2), "float32");
    return requantized(node, sums, factor, side(6, sums.shape.length - 2), zero, node.type(7));
  },
};

export const quantizeOperators: Operators = {
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  ConvInteger: convInteger,
  MatMulInteger: matMulInteger,
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
};
