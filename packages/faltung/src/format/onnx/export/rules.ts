/** How each of our operations is written as ONNX nodes (operator set 17). The counterpart of ../operators. */
import * as arithmetic from "../../../ops/elementwise/arithmetic.ts";
import * as activations from "../../../ops/elementwise/activations.ts";
import * as comparison from "../../../ops/elementwise/comparison.ts";
import * as functions from "../../../ops/elementwise/functions.ts";
import { promote } from "../../../ops/elementwise/row.ts";
import { broadcastOp, sumOp } from "../../../ops/broadcast/broadcast.op.ts";
import { argmaxOp, argminOp } from "../../../ops/reduce/arg.op.ts";
import { maxOp, minOp } from "../../../ops/reduce/extreme.op.ts";
import { convOp, convTransposeOp } from "../../../ops/conv/conv2d.op.ts";
import type { ConvAttributes } from "../../../ops/conv/attributes.ts";
import { kernelExtent } from "../../../ops/conv/geometry.ts";
import { matmulOp } from "../../../ops/matmul/matmul.op.ts";
import { logSoftmaxOp, softmaxOp } from "../../../ops/norm/softmax.op.ts";
import { type Operation, type Value, isConstant } from "../../../ops/op.ts";
import { avgPoolOp } from "../../../ops/pool/avgPool.op.ts";
import { maxPoolOp } from "../../../ops/pool/maxPool.op.ts";
import { type PoolWindow, pooledSize } from "../../../ops/pool/window.ts";
import { axisTaps, mapOutput } from "../../../ops/shape/axisMap.ts";
import { concatOp } from "../../../ops/shape/concat.op.ts";
import { flipOp } from "../../../ops/shape/flip.op.ts";
import { interpolateOp } from "../../../ops/shape/interpolate.op.ts";
import { padBorderOp, padOp } from "../../../ops/shape/pad.op.ts";
import { permuteOp } from "../../../ops/shape/permute.op.ts";
import { reshapeOp } from "../../../ops/shape/reshape.op.ts";
import { placeOp, sliceOp } from "../../../ops/shape/slice.op.ts";
import { spatialMapOp } from "../../../ops/shape/spatialMap.op.ts";
import { type DType, sameShape, sizeOf } from "../../../tensor/shape.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { onnxTypeCode } from "../dtype.ts";
import { type AttributeValue, type Emitter, TYPE_OF } from "./emitter.ts";

export type Emit<A> = (e: Emitter, value: Value<A>) => string | void;

/** Rules by operation name. */
export const RULES: Map<string, (e: Emitter, value: Value) => string | void> = new Map();

export function madeBy<A>(op: Operation<A>, value: Value): value is Value<A> {
  return value.op.name === op.name;
}

function rule<A>(op: Operation<A>, emit: Emit<A>): void {
  RULES.set(op.name, (e, value) => {
    if (madeBy(op, value)) return emit(e, value);
    return undefined;
  });
}

// Elementwise

/** Operands meet in the widest dtype among them; ONNX does not convert by itself. */
function met(e: Emitter, value: Value, dtype: DType = promote(value.inputs.map((x) => x.dtype))): string[] {
  return value.inputs.map((x) => e.tensor(x, dtype));
}

const RENAMED: readonly (readonly [Operation<null>, string])[] = [
  [arithmetic.addOp, "Add"],
  [arithmetic.subOp, "Sub"],
  [arithmetic.mulOp, "Mul"],
  [arithmetic.negOp, "Neg"],
  [functions.absOp, "Abs"],
  [functions.signOp, "Sign"],
  [functions.maximumOp, "Max"],
  [functions.minimumOp, "Min"],
  [activations.reluOp, "Relu"],
];
for (const [op, name] of RENAMED) {
  // Engines have few kernels for bytes: those are computed in int32 and wrapped.
  rule(op, (e, v) => (v.dtype === "uint8" ? lowByte(e, e.node(name, met(e, v, "int32"))) : e.node(name, met(e, v))));
}

/** The low eight bits of an int32; a cast alone would leave open what happens to the others. */
function lowByte(e: Emitter, name: string): string {
  const low = e.node("Mod", [name, e.scalar(256, "int32", "byte")]);
  return e.node("Cast", [low], { to: onnxTypeCode("uint8") });
}

const FLOAT: readonly (readonly [Operation<null>, string])[] = [
  [arithmetic.divOp, "Div"],
  [functions.expOp, "Exp"],
  [functions.logOp, "Log"],
  [functions.sqrtOp, "Sqrt"],
  [functions.sigmoidOp, "Sigmoid"],
  [functions.tanhOp, "Tanh"],
  [functions.erfOp, "Erf"],
  [functions.powOp, "Pow"],
];
for (const [op, name] of FLOAT) rule(op, (e, v) => e.node(name, met(e, v, "float32")));

const ROUNDING: readonly (readonly [Operation<null>, string])[] = [
  [functions.floorOp, "Floor"],
  [functions.ceilOp, "Ceil"],
  [functions.roundOp, "Round"],
];
for (const [op, name] of ROUNDING) {
  rule(op, (e, v) => (v.dtype === "float32" ? e.node(name, met(e, v)) : e.node("Identity", met(e, v))));
}

function one(e: Emitter): string {
  return e.scalar(1, "float32", "one");
}
rule(functions.expm1Op, (e, v) => e.node("Sub", [e.node("Exp", met(e, v, "float32")), one(e)]));
rule(functions.log1pOp, (e, v) => e.node("Log", [e.node("Add", [...met(e, v, "float32"), one(e)])]));

rule(functions.clampOp, (e, v) => {
  const { min, max } = v.attrs;
  const bound = (b: number): string => (Number.isFinite(b) ? e.scalar(b, v.dtype, "bound") : "");
  return e.node("Clip", [e.tensor(v.inputs[0]), bound(min), ...(Number.isFinite(max) ? [bound(max)] : [])]);
});
rule(activations.leakyReluOp, (e, v) =>
  e.node("LeakyRelu", met(e, v, "float32"), { alpha: { float: v.attrs.negativeSlope } }),
);
rule(activations.eluOp, (e, v) => e.node("Elu", met(e, v, "float32"), { alpha: { float: v.attrs.alpha } }));
rule(functions.castOp, (e, v) => {
  const [x] = v.inputs;
  if (v.attrs.dtype === "uint8") return lowByte(e, e.tensor(x, "int32"));
  return e.node("Cast", [e.tensor(x)], { to: onnxTypeCode(TYPE_OF[v.attrs.dtype]) });
});

// Truth: ours is uint8, ONNX's a type of its own. It becomes numbers only where something computes with it.

const COMPARISONS: readonly (readonly [Operation<null>, string, boolean])[] = [
  [comparison.eqOp, "Equal", false],
  [comparison.neOp, "Equal", true],
  [comparison.ltOp, "Less", false],
  [comparison.leOp, "LessOrEqual", false],
  [comparison.gtOp, "Greater", false],
  [comparison.geOp, "GreaterOrEqual", false],
];
for (const [op, name, negated] of COMPARISONS) {
  rule(op, (e, v) => {
    const dtype = promote(v.inputs.map((x) => x.dtype));
    const result = e.node(name, met(e, v, dtype === "uint8" ? "int32" : dtype));
    e.setTruth(v, negated ? e.node("Not", [result]) : result);
  });
}
const LOGIC: readonly (readonly [Operation<null>, string])[] = [
  [comparison.logicalAndOp, "And"],
  [comparison.logicalOrOp, "Or"],
  [comparison.logicalNotOp, "Not"],
];
for (const [op, name] of LOGIC)
  rule(op, (e, v) =>
    e.setTruth(
      v,
      e.node(
        name,
        v.inputs.map((x) => e.truth(x)),
      ),
    ),
  );
rule(comparison.whereOp, (e, v) => {
  const [condition, a, b] = v.inputs;
  return e.node("Where", [e.truth(condition), e.tensor(a, v.dtype), e.tensor(b, v.dtype)]);
});

// Convolution, products

rule(convOp, (e, v) =>
  convNode(
    e,
    v,
    v.inputs.map((x) => e.tensor(x)),
  ),
);
rule(convTransposeOp, (e, v) =>
  convNode(
    e,
    v,
    v.inputs.map((x) => e.tensor(x)),
  ),
);

/** The layer that a weight belongs to, by its key. */
function layerOf(weight: string): string | undefined {
  return /^(.+)\.weight(_\d+)?$/.exec(weight)?.[1];
}

/** A convolution's attributes in ONNX's words. */
export function convSettings(attrs: ConvAttributes): Readonly<Record<string, AttributeValue>> {
  const { groups, stride, dilation, begin, input, kernel, output } = attrs;
  const end = output.map((o, d) =>
    Math.max((o - 1) * stride[d] + kernelExtent(kernel[d], dilation[d]) - begin[d] - input[d], 0),
  );
  return { kernel_shape: kernel, strides: stride, dilations: dilation, pads: [...begin, ...end], group: groups };
}

/** Conv or ConvTranspose with operands that may have been folded. */
export function convNode(e: Emitter, v: Value, inputs: readonly string[]): string {
  const label = layerOf(inputs[1]);
  if (madeBy(convOp, v)) return e.node("Conv", inputs, convSettings(v.attrs), label);
  if (!madeBy(convTransposeOp, v)) return e.fail(v, "it is no convolution");
  const { groups, stride, dilation, begin, input, kernel, output } = v.attrs;
  // What the relation leaves over behind is cropped, or is output padding.
  const over = output.map((o, d) => (o - 1) * stride[d] + kernelExtent(kernel[d], dilation[d]) - begin[d] - input[d]);
  const pads = [...begin, ...over.map((n) => Math.max(n, 0))];
  const more = over.map((n) => Math.max(-n, 0));
  const attributes = { kernel_shape: kernel, strides: stride, dilations: dilation, pads, group: groups };
  if (more.every((n, d) => n < stride[d]))
    return e.node("ConvTranspose", inputs, { ...attributes, output_padding: more }, label);
  // Engines refuse so much output padding. It holds zeros and the bias.
  const [x, w, bias] = inputs;
  const y = e.node("Pad", [
    e.node("ConvTranspose", [x, w], attributes, label),
    e.ints([0, 0, ...more.map(() => 0), 0, 0, ...more]),
  ]);
  return bias === undefined ? y : e.node("Add", [y, e.node("Reshape", [bias, e.ints([-1, ...more.map(() => 1)])])]);
}

rule(matmulOp, (e, v) => {
  const [a, b] = v.inputs;
  const { transA, transB } = v.attrs;
  if (a.shape.length === 2 && b.shape.length === 2)
    return gemmNode(
      e,
      v,
      v.inputs.map((x) => e.tensor(x)),
    );
  const turned = (x: Value, turn: boolean): string => {
    if (!turn) return e.tensor(x);
    const perm = x.shape.map((_, d) => d);
    const last = perm.length - 1;
    [perm[last], perm[last - 1]] = [last - 1, last];
    return e.node("Transpose", [e.tensor(x)], { perm });
  };
  return e.node("MatMul", [turned(a, transA), turned(b, transB)]);
});

/** A product of matrices, with a bias if there is a third input. */
export function gemmNode(e: Emitter, v: Value, inputs: readonly string[]): string {
  if (!madeBy(matmulOp, v)) return e.fail(v, "it is no product");
  const attributes = { transA: v.attrs.transA ? 1 : 0, transB: v.attrs.transB ? 1 : 0 };
  return e.node("Gemm", inputs, attributes, layerOf(inputs[1]));
}

// Pooling

rule(maxPoolOp, (e, v) => maxPoolNode(e, v));

export function maxPoolNode(e: Emitter, v: Value<PoolWindow>): string {
  const { kernel, stride, padding, dilation } = v.attrs;
  const [x] = v.inputs;
  // As far as the last window reaches: the same without ceil_mode, on whose last window engines disagree.
  const end = v.shape.slice(2).map((o, d) => {
    const reach = (o - 1) * stride[d] + kernelExtent(kernel[d], dilation[d]);
    return Math.max(reach - padding[d][0] - x.shape[d + 2], 0);
  });
  const pads = [...padding.map(([b]) => b), ...end];
  return e.node("MaxPool", [e.tensor(x)], { kernel_shape: kernel, strides: stride, dilations: dilation, pads });
}
rule(avgPoolOp, (e, v) => {
  const { window: w, countIncludePad, divisorOverride } = v.attrs;
  const [x] = v.inputs;
  const input = x.shape.slice(2);
  const output = pooledSize(input, w, "avgPool");
  const fits = output.every(
    (o, d) => (o - 1) * w.stride[d] + w.kernel[d] <= input[d] + w.padding[d][0] + w.padding[d][1],
  );
  if (!fits) return matrixMaps(e, v); // where windows hang over, engines disagree on what they divide by
  const pads = [...w.padding.map(([b]) => b), ...w.padding.map(([, end]) => end)];
  const include = countIncludePad || divisorOverride !== null ? 1 : 0;
  const y = e.node("AveragePool", [e.tensor(x)], {
    kernel_shape: w.kernel,
    strides: w.stride,
    pads,
    count_include_pad: include,
  });
  if (divisorOverride === null) return y;
  const cells = w.kernel.reduce((a, b) => a * b, 1);
  return e.node("Mul", [y, e.scalar(cells / divisorOverride, "float32", "factor")]);
});

// Normalisation

rule(softmaxOp, (e, v) => e.node("Softmax", [e.tensor(v.inputs[0])], { axis: v.attrs.axis }));
rule(logSoftmaxOp, (e, v) => e.node("LogSoftmax", [e.tensor(v.inputs[0])], { axis: v.attrs.axis }));

// Reductions: ours take any shape that holds what is left.

/** What is left of x's shape, the axes themselves gone or kept as 1. */
function leftOf(x: Value, axes: readonly number[], keep: boolean): number[] {
  return x.shape.flatMap((n, d) => (axes.includes(d) ? (keep ? [1] : []) : [n]));
}

function reshapedTo(e: Emitter, v: Value, name: string, left: readonly number[]): string {
  return sameShape(left, v.shape) ? name : e.node("Reshape", [name, e.target(v)]);
}

/** A reduction of x along axes by `write`, which is told whether to keep them; in v's shape. */
function reduced(e: Emitter, v: Value, x: Value, axes: readonly number[], write: (keepdims: number) => string): string {
  const keep = sameShape(leftOf(x, axes, true), v.shape);
  return reshapedTo(e, v, write(keep ? 1 : 0), leftOf(x, axes, keep));
}

rule(sumOp, (e, v) => {
  const [x] = v.inputs;
  const { axes } = v.attrs;
  if (axes.length === 0) return reshapedTo(e, v, e.tensor(x, v.dtype), x.shape);
  return reduced(e, v, x, axes, (keepdims) => e.node("ReduceSum", [e.tensor(x, v.dtype), e.ints(axes)], { keepdims }));
});

/** A sum divided by the number of its terms. */
export function isMean(v: Value): boolean {
  if (v.op.name !== arithmetic.divOp.name) return false;
  const [total, count] = v.inputs;
  if (!madeBy(sumOp, total) || total.dtype !== "float32" || !sameShape(total.shape, v.shape)) return false;
  const { axes } = total.attrs;
  const terms = axes.reduce((n, d) => n * total.inputs[0].shape[d], 1);
  return axes.length > 0 && isConstant(count) && count.shape.length === 0 && count.attrs.tensor.data[0] === terms;
}

/** ReduceMean; GlobalAveragePool where it is one. */
export function meanNode(e: Emitter, v: Value): string {
  const [total] = v.inputs;
  if (!madeBy(sumOp, total)) return e.fail(v, "it is no mean");
  const [x] = total.inputs;
  const { axes } = total.attrs;
  const spatial = x.shape.length >= 3 && axes.length === x.shape.length - 2 && axes.every((d) => d >= 2);
  if (spatial) return reshapedTo(e, v, e.node("GlobalAveragePool", [e.tensor(x)]), leftOf(x, axes, true));
  return reduced(e, v, x, axes, (keepdims) => e.node("ReduceMean", [e.tensor(x)], { axes, keepdims }));
}

for (const [op, name] of [
  [maxOp, "ReduceMax"],
  [minOp, "ReduceMin"],
] as const) {
  rule(op, (e, v) => {
    const [x] = v.inputs;
    const { axes } = v.attrs;
    if (axes.length === 0) return reshapedTo(e, v, e.tensor(x), x.shape);
    return reduced(e, v, x, axes, (keepdims) => e.node(name, [e.tensor(x)], { axes, keepdims }));
  });
}
for (const [op, name] of [
  [argmaxOp, "ArgMax"],
  [argminOp, "ArgMin"],
] as const) {
  rule(op, (e, v) => {
    const [x] = v.inputs;
    const { axes } = v.attrs;
    const kept = x.shape.flatMap((_, d) => (axes.includes(d) ? [] : [d]));
    const left = kept.map((d) => x.shape[d]);
    let index: string;
    if (axes.length === 1) index = e.node(name, [e.tensor(x)], { axis: axes[0], keepdims: 0 });
    else {
      // Several axes are brought to the end and made one; what is kept keeps its size, written as 0.
      const turned = e.node("Transpose", [e.tensor(x)], { perm: [...kept, ...axes] });
      index = e.node(name, [e.node("Reshape", [turned, e.ints([...kept.map(() => 0), -1])])], {
        axis: kept.length,
        keepdims: 0,
      });
    }
    return reshapedTo(e, v, e.node("Cast", [index], { to: onnxTypeCode("int32") }), left);
  });
}
rule(broadcastOp, (e, v) => {
  const [x] = v.inputs;
  const { axes } = v.attrs;
  const small = v.shape.map((d, i) => (axes.includes(i) ? 1 : d));
  if (axes.some((d) => v.shape[d] !== e.twin(v).shape[d])) return e.fail(v, "it repeats along the batch");
  const open = v.shape.map((d, i) => d !== e.twin(v).shape[i]);
  const y = e.node("Reshape", [e.tensor(x), e.ints(small.map((d, i) => (open[i] ? -1 : d)))]);
  // A 1 in Expand's shape takes what is there.
  return small.every((d, i) => d === v.shape[i])
    ? y
    : e.node("Expand", [y, e.ints(v.shape.map((d, i) => (axes.includes(i) ? d : 1)))]);
});

// Shape

rule(reshapeOp, (e, v) => {
  const [x] = v.inputs;
  const flat = v.shape.length === 2 && x.shape.length > 2 && v.shape[0] === x.shape[0];
  if (flat && sizeOf(v.shape) > 0) return e.node("Flatten", [e.tensor(x)], { axis: 1 });
  return e.node("Reshape", [e.tensor(x), e.target(v)]);
});
rule(permuteOp, (e, v) => e.node("Transpose", [e.tensor(v.inputs[0])], { perm: v.attrs.axes }));
rule(concatOp, (e, v) =>
  e.node(
    "Concat",
    v.inputs.map((x) => e.tensor(x)),
    { axis: v.attrs.axis },
  ),
);
rule(sliceOp, (e, v) => {
  const { start, step, part, whole } = v.attrs;
  const axes = whole.flatMap((n, d) => (start[d] === 0 && step[d] === 1 && part[d] === n ? [] : [d]));
  if (axes.some((d) => v.inputs[0].shape[d] !== e.twin(v).inputs[0].shape[d])) return e.fail(v, "it cuts the batch");
  const list = (of: (d: number) => number): string => e.ints(axes.map(of));
  const end = (d: number): number => start[d] + (part[d] - 1) * step[d] + 1;
  return e.node("Slice", [e.tensor(v.inputs[0]), list((d) => start[d]), list(end), e.ints(axes), list((d) => step[d])]);
});
rule(placeOp, (e, v) => {
  const { start, step, part, whole } = v.attrs;
  if (step.some((s, d) => s !== 1 && part[d] > 1)) return e.fail(v, "it spreads elements apart");
  return e.node("Pad", [e.tensor(v.inputs[0]), e.ints([...start, ...whole.map((n, d) => n - start[d] - part[d])])]);
});
rule(flipOp, (e, v) => {
  const { axes } = v.attrs;
  const all = (n: number): string => e.ints(axes.map(() => n));
  return e.node("Slice", [e.tensor(v.inputs[0]), all(-1), all(-(2 ** 31)), e.ints(axes), all(-1)]);
});
rule(padOp, (e, v) => {
  const { before, after, value } = v.attrs;
  return e.node("Pad", [e.tensor(v.inputs[0]), e.ints([...before, ...after]), e.scalar(value, v.dtype, "border")]);
});
rule(padBorderOp, (e, v) => {
  const { padding, mode } = v.attrs;
  const name = { reflect: "reflect", replicate: "edge", circular: undefined }[mode];
  if (name === undefined) return matrixMaps(e, v);
  const rank = v.shape.length;
  const at = (side: 0 | 1): number[] =>
    v.shape.map((_, d) => (d < rank - padding.length ? 0 : padding[d - rank + padding.length][side]));
  return e.node("Pad", [e.tensor(v.inputs[0]), e.ints([...at(0), ...at(1)])], { mode: name });
});
rule(interpolateOp, (e, v) => {
  const { size, scale, mode, alignCorners } = v.attrs;
  const [x] = v.inputs;
  // Scales where they give the size back exactly; sizes otherwise, where the scale is theirs anyhow.
  const input = x.shape.slice(2);
  const coordinates = mode === "nearest" ? "asymmetric" : alignCorners ? "align_corners" : "half_pixel";
  const natural = size.every((n, d) => Math.abs(scale[d] * n - input[d]) < 1e-9 || alignCorners);
  const factors = natural ? size.map((n, d) => n / input[d]) : scale.map((s) => 1 / s);
  if (factors.some((f, d) => Math.floor(Math.fround(f) * input[d]) !== size[d])) return matrixMaps(e, v);
  const scales = e.constant(new Tensor(Float32Array.of(1, 1, ...factors), [factors.length + 2]), "scales");
  const nearest = mode === "nearest" ? "floor" : "round_prefer_ceil";
  return e.node("Resize", [e.tensor(x), "", scales], {
    mode: mode === "linear" ? "linear" : "nearest",
    coordinate_transformation_mode: coordinates,
    nearest_mode: nearest,
  });
});
rule(spatialMapOp, (e, v) => matrixMaps(e, v));

/** Any linear map of single axes: one product with a matrix for each. */
function matrixMaps(e: Emitter, v: Value): string {
  const map = madeBy(spatialMapOp, v) ? v : v.op.decompose?.(v.inputs, v.attrs);
  if (map === undefined || !madeBy(spatialMapOp, map)) return e.fail(v, "it is no map of single axes");
  const { maps, transposed } = map.attrs;
  const rank = v.shape.length;
  let name = e.tensor(v.inputs[0]);
  maps.forEach((axis, i) => {
    if (axis.kind === "identity") return;
    const taps = axisTaps(axis, transposed);
    const inputs = transposed ? mapOutput(axis) : axis.input;
    const matrix = Tensor.zeros([inputs, taps.length]);
    taps.forEach((list, o) => {
      for (const { index, weight } of list) matrix.data[index * taps.length + o] += weight;
    });
    const d = rank - maps.length + i;
    const perm = Array.from({ length: rank }, (_, k) => k);
    [perm[d], perm[rank - 1]] = [rank - 1, d];
    const turned = d === rank - 1 ? name : e.node("Transpose", [name], { perm });
    const y = e.node("MatMul", [turned, e.constant(matrix, "map")]);
    name = d === rank - 1 ? y : e.node("Transpose", [y], { perm });
  });
  return name;
}
