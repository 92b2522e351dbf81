/** Convolutions with PyTorch's names and defaults (torch.nn.functional), for one to three spatial dimensions. */
import { ShapeError } from "../../tensor/errors.ts";
import { show } from "../../tensor/shape.ts";
import { add } from "../elementwise/elementwise.ts";
import { type Value, type ValueLike, describe, toValue } from "../op.ts";
import { flip, pad, reshape } from "../shape/shape.ts";
import { attributesOf } from "./attributes.ts";
import { conv, convTranspose } from "./conv2d.op.ts";
import {
  type ConvGeometry,
  type ConvOptions,
  type TransposedConvOptions,
  convOutputShape,
  normaliseConv,
  normaliseTransposedConv,
} from "./geometry.ts";

/**
 * Convolution over one spatial dimension.
 *
 * @param x [N, C, L]
 * @param weight [O, C / groups, k]
 * @param bias [O], added to every place. None unless given.
 * @param options stride 1, padding 0, dilation 1, groups 1, paddingMode "zeros", flip false unless given.
 * @returns [N, O, L'] with L' = floor((L + padding − dilation·(k − 1) − 1) / stride) + 1
 * @throws ShapeError if the shapes do not fit together; OptionError for an option out of range.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv1d.html
 *
 * @example
 * ```ts
 * const x = Tensor.from([[[1, 2, 3, 4]]]);
 * const difference = Tensor.from([[[-1, 1]]]);
 * conv1d(x, difference).shape; // [1, 1, 3]
 * ```
 */
export function conv1d(x: ValueLike, weight: ValueLike, bias?: ValueLike | null, options: ConvOptions = {}): Value {
  return forward("conv1d", 1, x, weight, bias, options);
}

/**
 * Convolution over two spatial dimensions: y[n,o,p,q] = bias[o] + Σ weight[o,c,i,j] · x[n, c, p·stride − padding +
 * i·dilation, …]. As everywhere in deep learning this is a cross-correlation; `flip: true` turns the kernel round and
 * makes it the convolution of mathematics.
 *
 * @param x [N, C, H, W]
 * @param weight [O, C / groups, kH, kW]
 * @param bias [O]. None unless given.
 * @param options stride 1, padding 0, dilation 1, groups 1, paddingMode "zeros", flip false unless given.
 * @returns [N, O, H', W'] with H' = floor((H + padding − dilation·(kH − 1) − 1) / stride) + 1
 * @throws ShapeError if the shapes do not fit together; OptionError for an option out of range.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
 *
 * @example
 * ```ts
 * const x = Tensor.zeros([1, 3, 32, 32]);
 * const weight = Tensor.zeros([8, 3, 3, 3]);
 * conv2d(x, weight, null, { stride: 2, padding: 1 }).shape; // [1, 8, 16, 16]
 * ```
 */
export function conv2d(x: ValueLike, weight: ValueLike, bias?: ValueLike | null, options: ConvOptions = {}): Value {
  return forward("conv2d", 2, x, weight, bias, options);
}

/**
 * Convolution over three spatial dimensions: as {@link conv2d}, with x [N, C, D, H, W] and weight [O, C / groups, kD,
 * kH, kW].
 *
 * @throws ShapeError if the shapes do not fit together; OptionError for an option out of range.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv3d.html
 *
 * @example
 * ```ts
 * conv3d(Tensor.zeros([1, 2, 5, 5, 5]), Tensor.zeros([4, 2, 3, 3, 3])).shape; // [1, 4, 3, 3, 3]
 * ```
 */
export function conv3d(x: ValueLike, weight: ValueLike, bias?: ValueLike | null, options: ConvOptions = {}): Value {
  return forward("conv3d", 3, x, weight, bias, options);
}

/**
 * Transposed convolution over one spatial dimension: as {@link convTranspose2d}, with x [N, C, L] and weight
 * [C, O / groups, k].
 *
 * @throws ShapeError if the shapes do not fit together; OptionError for an option out of range.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose1d.html
 *
 * @example
 * ```ts
 * convTranspose1d(Tensor.zeros([1, 4, 5]), Tensor.zeros([4, 2, 3]), null, { stride: 2 }).shape; // [1, 2, 11]
 * ```
 */
export function convTranspose1d(
  x: ValueLike,
  weight: ValueLike,
  bias?: ValueLike | null,
  options: TransposedConvOptions = {},
): Value {
  return backward("convTranspose1d", 1, x, weight, bias, options);
}

/**
 * Transposed convolution, also called (wrongly) deconvolution: the adjoint of the convolution with the same options,
 * so that every input cell adds its multiple of the kernel to the output.
 *
 * @param x [N, C, H, W]
 * @param weight [C, O / groups, kH, kW]: note the order.
 * @param bias [O]. None unless given.
 * @param options stride 1, padding 0, outputPadding 0, dilation 1, groups 1 unless given. Padding crops the output.
 * @returns [N, O, H', W'] with H' = (H − 1)·stride − 2·padding + dilation·(kH − 1) + outputPadding + 1
 * @throws ShapeError if the shapes do not fit together; OptionError for an option out of range.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose2d.html
 *
 * @example
 * ```ts
 * const x = Tensor.zeros([1, 8, 16, 16]);
 * const weight = Tensor.zeros([8, 3, 4, 4]);
 * convTranspose2d(x, weight, null, { stride: 2, padding: 1 }).shape; // [1, 3, 32, 32]
 * ```
 */
export function convTranspose2d(
  x: ValueLike,
  weight: ValueLike,
  bias?: ValueLike | null,
  options: TransposedConvOptions = {},
): Value {
  return backward("convTranspose2d", 2, x, weight, bias, options);
}

/**
 * Transposed convolution over three spatial dimensions: as {@link convTranspose2d}, with x [N, C, D, H, W] and weight
 * [C, O / groups, kD, kH, kW].
 *
 * @throws ShapeError if the shapes do not fit together; OptionError for an option out of range.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose3d.html
 *
 * @example
 * ```ts
 * convTranspose3d(Tensor.zeros([1, 4, 3, 3, 3]), Tensor.zeros([4, 2, 2, 2, 2]), null, { stride: 2 }).shape; // [1, 2, 6, 6, 6]
 * ```
 */
export function convTranspose3d(
  x: ValueLike,
  weight: ValueLike,
  bias?: ValueLike | null,
  options: TransposedConvOptions = {},
): Value {
  return backward("convTranspose3d", 3, x, weight, bias, options);
}

function forward(
  what: string,
  rank: number,
  xLike: ValueLike,
  wLike: ValueLike,
  bias: ValueLike | null | undefined,
  options: ConvOptions,
): Value {
  const x = toValue(xLike);
  const weight = turned(toValue(wLike), options, rank, what);
  const g = normaliseConv(options, weight.shape.slice(2), what);
  convOutputShape(g, x.shape, weight.shape, what); // throws in the caller's words, before anything is padded
  const source = padded(x, g);
  const rest = g.paddingMode === "zeros" ? g : unpadded(g);
  return withBias(conv(source, weight, attributesOf(rest, source.shape, weight.shape, what)), bias, what);
}

/** Other modes than zeros copy cells into the border first; the gradient of `pad` brings theirs back. */
function padded(x: Value, { padding, paddingMode }: ConvGeometry): Value {
  return paddingMode === "zeros" ? x : pad(x, padding.toReversed().flat(), { mode: paddingMode });
}

function unpadded(g: ConvGeometry): ConvGeometry {
  return { ...g, paddingMode: "zeros", padding: g.padding.map(() => [0, 0]) };
}

function backward(
  what: string,
  rank: number,
  xLike: ValueLike,
  wLike: ValueLike,
  bias: ValueLike | null | undefined,
  options: TransposedConvOptions,
): Value {
  const x = toValue(xLike);
  const weight = turned(toValue(wLike), options, rank, what);
  const g = normaliseTransposedConv(options, weight.shape.slice(2), what);
  return withBias(convTranspose(x, weight, attributesOf(g, x.shape, weight.shape, what)), bias, what);
}

function turned(weight: Value, { flip: turn = false }: ConvOptions, rank: number, what: string): Value {
  if (weight.shape.length !== rank + 2) {
    throw new ShapeError(`${what}: weight is ${describe(weight)}; it must have ${rank + 2} dimensions.`);
  }
  return turn
    ? flip(
        weight,
        weight.shape.slice(2).map((_, d) => d + 2),
      )
    : weight;
}

function withBias(y: Value, biasLike: ValueLike | null | undefined, what: string): Value {
  if (biasLike === null || biasLike === undefined) return y;
  const bias = toValue(biasLike);
  const channels = y.shape[1];
  if (bias.shape.length !== 1 || bias.shape[0] !== channels) {
    throw new ShapeError(
      `${what}: bias is ${describe(bias)}; it must have shape ${show([channels])}, one per output channel.`,
    );
  }
  return add(y, reshape(bias, [channels, ...y.shape.slice(2).map(() => 1)]));
}
