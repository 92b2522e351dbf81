/** Convolutions. ONNX's kernel, padding and auto_pad words are translated once, here. */
import { add } from "../../../ops/elementwise/elementwise.ts";
import { conv1d, conv2d, conv3d, convTranspose1d, convTranspose2d, convTranspose3d } from "../../../ops/conv/conv.ts";
import { type ConvOptions, type SidePadding, kernelExtent, samePaddingTF } from "../../../ops/conv/geometry.ts";
import { type Value, constant } from "../../../ops/op.ts";
import { reshape } from "../../../ops/shape/shape.ts";
import { show, sizeOf } from "../../../tensor/shape.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import type { Operator, OnnxNode, Operators } from "../node.ts";
import { perSpatial } from "./helpers.ts";
import { padAll } from "./shape.ts";

/** A sliding window in ONNX's attributes, made whole. */
export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly SidePadding[];
}

/** The window's attributes. @param spatial size of the input @param kernel where the weight tells it */
export function windowOf(node: OnnxNode, spatial: readonly number[], kernel?: readonly number[]): Window {
  const rank = spatial.length;
  const given = node.ints("kernel_shape") ?? kernel ?? node.fail("attribute kernel_shape is missing.");
  if (given.length !== rank || given.some((k) => k < 1) || (kernel !== undefined && show(kernel) !== show(given))) {
    node.fail(
      `kernel_shape ${show(given)} does not fit ${kernel === undefined ? `${rank} spatial axes` : `the weight's ${show(kernel)}`}.`,
    );
  }
  const stride = perSpatial(node, "strides", rank, 1, 1);
  const dilation = perSpatial(node, "dilations", rank, 1, 1);
  return { kernel: given, stride, dilation, padding: paddingOf(node, spatial, given, stride, dilation) };
}

function paddingOf(
  node: OnnxNode,
  spatial: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): SidePadding[] {
  const auto = node.text("auto_pad", "NOTSET");
  const pads = node.ints("pads");
  if (auto === "NOTSET") return sides(node, pads, spatial.length);
  if (pads !== undefined && pads.some((p) => p !== 0))
    node.fail(`it has both auto_pad ${auto} and pads ${show(pads)}.`);
  if (auto === "VALID") return spatial.map(() => [0, 0]);
  if (auto !== "SAME_UPPER" && auto !== "SAME_LOWER")
    node.fail(`auto_pad is "${auto}"; there are NOTSET, VALID, SAME_UPPER, SAME_LOWER.`);
  return spatial.map((n, d) => samePaddingTF(n, kernel[d], stride[d], dilation[d], auto === "SAME_LOWER"));
}

/** pads [b₀, b₁, …, e₀, e₁, …] as pairs. */
export function sides(node: OnnxNode, pads: readonly number[] | undefined, rank: number): SidePadding[] {
  const list = pads ?? Array.from({ length: 2 * rank }, () => 0);
  if (list.length !== 2 * rank || list.some((p) => p < 0)) {
    node.fail(`pads ${show(list)} must be ${2 * rank} whole numbers ≥ 0: all begins, then all ends.`);
  }
  return Array.from({ length: rank }, (_, d) => [list[d], list[d + rank]]);
}

/** x [N, C, …] as a number of spatial axes that we have kernels for. */
function spatialOf(node: OnnxNode, x: Value): number[] {
  const spatial = x.shape.slice(2);
  if (spatial.length < 1 || spatial.length > 3)
    node.unsupported(`x has the shape ${show(x.shape)}; 1 to 3 spatial axes are possible`);
  return spatial;
}

type Convolve = (x: Value, w: Value, bias: Value | null, options: ConvOptions) => Value;

/** A convolution as the node describes it, of operands that may have been prepared. */
export function convolve(node: OnnxNode, x: Value, w: Value, bias: Value | null): Value {
  const spatial = spatialOf(node, x);
  if (w.shape.length !== x.shape.length)
    node.fail(`the weight ${show(w.shape)} and x ${show(x.shape)} must have as many dimensions.`);
  const { stride, dilation, padding } = windowOf(node, spatial, w.shape.slice(2));
  const conv: Convolve = [conv1d, conv2d, conv3d][spatial.length - 1];
  return conv(x, w, bias, { stride, dilation, padding, groups: node.int("group", 1) });
}

const convOperator: Operator = {
  build: (node) => convolve(node, node.value(0), node.value(1), node.has(2) ? node.value(2) : null),
};

/** Where the padding of a transposed convolution follows from the size that it shall have. */
function transposedPadding(
  node: OnnxNode,
  spatial: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
  outputPadding: readonly number[],
): SidePadding[] {
  const auto = node.text("auto_pad", "NOTSET");
  const shape = node.ints("output_shape");
  if (shape === undefined && auto === "NOTSET") {
    const pads = node.ints("pads") ?? spatial.flatMap(() => [0, 0]);
    if (pads.length !== 2 * spatial.length) node.fail(`pads ${show(pads)} must be ${2 * spatial.length} numbers.`);
    return spatial.map((_, d) => [pads[d], pads[d + spatial.length]]);
  }
  if (shape === undefined && auto === "VALID") return spatial.map(() => [0, 0]);
  const wanted = shape?.slice(-spatial.length) ?? spatial.map((n, d) => n * stride[d]);
  return spatial.map((n, d) => {
    const total = stride[d] * (n - 1) + outputPadding[d] + kernelExtent(kernel[d], dilation[d]) - wanted[d];
    if (total < 0) return [0, total]; // more is wanted than there is: cells are added at the end
    const small = Math.floor(total / 2);
    return auto === "SAME_UPPER" ? [small, total - small] : [total - small, small];
  });
}

const convTransposeOperator: Operator = {
  build(node) {
    const [x, w] = [node.value(0), node.value(1)];
    const spatial = spatialOf(node, x);
    const rank = spatial.length;
    if (w.shape.length !== rank + 2)
      node.fail(`the weight ${show(w.shape)} and x ${show(x.shape)} must have as many dimensions.`);
    const kernel = w.shape.slice(2);
    const stride = perSpatial(node, "strides", rank, 1, 1);
    const dilation = perSpatial(node, "dilations", rank, 1, 1);
    const outputPadding = perSpatial(node, "output_padding", rank, 0, 0);
    const padding = transposedPadding(node, spatial, kernel, stride, dilation, outputPadding);
    const conv = [convTranspose1d, convTranspose2d, convTranspose3d][rank - 1];
    const bias = node.has(2) ? node.value(2) : null;
    const groups = node.int("group", 1);
    const usual =
      padding.every(([b, e]) => b >= 0 && e >= 0) &&
      outputPadding.every((p, d) => p < Math.max(stride[d], dilation[d]));
    if (usual) return conv(x, w, bias, { stride, dilation, padding, outputPadding, groups });
    // Padding crops, so negative padding adds cells; and so does any outputPadding. They hold the bias only.
    const whole = conv(x, w, null, { stride, dilation, groups });
    const y = padAll(
      whole,
      [0, 0, ...padding.map(([b]) => -b)],
      [0, 0, ...padding.map(([, e], d) => outputPadding[d] - e)],
      {},
    );
    return bias === null ? y : add(y, reshape(bias, [sizeOf(bias.shape), ...spatial.map(() => 1)]));
  },
};

/** Columns [N, C·k, L] summed back into a picture: a transposed convolution whose kernels are unit vectors. */
const col2Im: Operator = {
  needs: [1, 2],
  build(node) {
    const x = node.value(0);
    const image = node.numbers(1);
    const block = node.numbers(2);
    const rank = image.length;
    if (rank < 1 || rank > 3 || block.length !== rank)
      node.unsupported(`image_shape ${show(image)} and block_shape ${show(block)}`);
    const stride = perSpatial(node, "strides", rank, 1, 1);
    const dilation = perSpatial(node, "dilations", rank, 1, 1);
    const padding = sides(node, node.ints("pads"), rank);
    const taps = sizeOf(block);
    const channels = x.shape[1] / taps;
    const grid = image.map(
      (n, d) => Math.floor((n + padding[d][0] + padding[d][1] - kernelExtent(block[d], dilation[d])) / stride[d]) + 1,
    );
    if (!Number.isInteger(channels) || sizeOf(grid) !== x.shape[2]) {
      node.fail(`x ${show(x.shape)} does not hold blocks ${show(block)} of the image ${show(image)}.`);
    }
    const unit = Tensor.zeros([channels * taps, 1, ...block]);
    for (let i = 0; i < channels * taps; i++) unit.data[i * taps + (i % taps)] = 1;
    const conv = [convTranspose1d, convTranspose2d, convTranspose3d][rank - 1];
    const columns = reshape(x, [x.shape[0], channels * taps, ...grid]);
    const whole = conv(columns, constant(unit), null, { stride, dilation, groups: channels });
    // What the stride leaves over at the end belongs to the picture, too.
    const after = image.map((n, d) => n + padding[d][0] - whole.shape[d + 2]);
    return padAll(whole, [0, 0, ...padding.map(([b]) => -b)], [0, 0, ...after], {});
  },
};

export const convOperators: Operators = { Conv: convOperator, ConvTranspose: convTransposeOperator, Col2Im: col2Im };
