/**
 * Convolution layers: https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html, and for the transposed ones
 * https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
 *
 * One class a direction, for one to three spatial dimensions; Conv1d, Conv2d, … only say how many.
 */
import { conv1d, conv2d, conv3d, convTranspose1d, convTranspose2d, convTranspose3d } from "../ops/conv/conv.ts";
import type { ConvOptions, TransposedConvOptions } from "../ops/conv/geometry.ts";
import type { State, Value } from "../ops/op.ts";
import { OptionError, checkWhole } from "../tensor/errors.ts";
import { type Shape } from "../tensor/shape.ts";
import { biasFor, kaimingUniform } from "./init.ts";
import { Module, type ModuleSpec, type SpecArgument, parameter } from "./module.ts";

/** PyTorch's keyword arguments: stride 1, padding 0, dilation 1, groups 1, bias true, paddingMode zeros. */
export interface ConvLayerOptions extends ConvOptions {
  readonly bias?: boolean;
}

/** ConvTranspose's keyword arguments: those of Conv (padding in numbers only), and outputPadding 0. */
export interface ConvTransposeLayerOptions extends TransposedConvOptions {
  readonly bias?: boolean;
}

/** [k, k] from k; checks that the channels divide into the groups. */
function kernelShape(
  layer: string,
  rank: number,
  inChannels: number,
  outChannels: number,
  kernelSize: number | readonly number[],
  groups: number,
): Shape {
  for (const [what, n] of [
    ["inChannels", inChannels],
    ["outChannels", outChannels],
  ] as const) {
    checkWhole(`${layer}: ${what}`, n);
    if (n % groups !== 0) throw new OptionError(`${layer}: ${what} ${n} is not divisible by groups ${groups}.`);
  }
  const kernel = typeof kernelSize === "number" ? new Array<number>(rank).fill(kernelSize) : kernelSize;
  if (kernel.length !== rank || !kernel.every((k) => Number.isInteger(k) && k >= 1)) {
    throw new OptionError(`${layer}: kernelSize is [${kernel.join(", ")}]; expected ${rank} whole numbers ≥ 1.`);
  }
  return kernel;
}

/** What the six layers share: weight, bias, and how to be made again. */
abstract class ConvBase<O extends ConvLayerOptions> extends Module {
  readonly weight: State;
  readonly bias: State | null;
  readonly options: O;
  readonly #spec: ModuleSpec;

  constructor(
    rank: number,
    inChannels: number,
    outChannels: number,
    kernelSize: number | readonly number[],
    options: O,
    transposed: boolean,
  ) {
    super();
    const { groups = 1, bias = true } = options;
    const layer = `Conv${transposed ? "Transpose" : ""}${rank}d`;
    const kernel = kernelShape(layer, rank, inChannels, outChannels, kernelSize, groups);
    const shape = transposed
      ? [inChannels, outChannels / groups, ...kernel]
      : [outChannels, inChannels / groups, ...kernel];
    this.options = options;
    this.#spec = { type: layer, args: [inChannels, outChannels, kernelSize, { ...options } as SpecArgument] };
    this.weight = parameter(kaimingUniform(shape), "weight");
    this.bias = bias ? parameter(biasFor(shape, outChannels), "bias") : null;
  }

  override spec(): ModuleSpec {
    return this.#spec;
  }
}

/**
 * Cross-correlation over [N, C, W] with learned filters, weight [outChannels, inChannels / groups, k].
 * @throws OptionError if channels do not divide into the groups.
 *
 * @example
 * ```ts
 * new Conv1d(2, 4, 3).weight.shape; // [4, 2, 3]
 * ```
 */
export class Conv1d extends ConvBase<ConvLayerOptions> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number | readonly number[],
    options: ConvLayerOptions = {},
  ) {
    super(1, inChannels, outChannels, kernelSize, options, false);
  }

  forward(x: Value): Value {
    return conv1d(x, this.weight, this.bias, this.options);
  }
}

/**
 * Cross-correlation over [N, C, H, W] with learned filters, weight [outChannels, inChannels / groups, k, k].
 * @throws OptionError if channels do not divide into the groups.
 *
 * @example
 * ```ts
 * new Conv2d(3, 8, 5, { stride: 2, padding: 2 }).weight.shape; // [8, 3, 5, 5]
 * ```
 */
export class Conv2d extends ConvBase<ConvLayerOptions> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number | readonly number[],
    options: ConvLayerOptions = {},
  ) {
    super(2, inChannels, outChannels, kernelSize, options, false);
  }

  forward(x: Value): Value {
    return conv2d(x, this.weight, this.bias, this.options);
  }
}

/**
 * Cross-correlation over [N, C, D, H, W] with learned filters, weight [outChannels, inChannels / groups, k, k, k].
 * @throws OptionError if channels do not divide into the groups.
 *
 * @example
 * ```ts
 * new Conv3d(1, 4, 3).weight.shape; // [4, 1, 3, 3, 3]
 * ```
 */
export class Conv3d extends ConvBase<ConvLayerOptions> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number | readonly number[],
    options: ConvLayerOptions = {},
  ) {
    super(3, inChannels, outChannels, kernelSize, options, false);
  }

  forward(x: Value): Value {
    return conv3d(x, this.weight, this.bias, this.options);
  }
}

/**
 * The adjoint of Conv1d: [N, C, W] grows by the stride. Weight [inChannels, outChannels / groups, k].
 * @throws OptionError if channels do not divide into the groups.
 *
 * @example
 * ```ts
 * new ConvTranspose1d(4, 2, 3, { stride: 2 }).weight.shape; // [4, 2, 3]
 * ```
 */
export class ConvTranspose1d extends ConvBase<ConvTransposeLayerOptions> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number | readonly number[],
    options: ConvTransposeLayerOptions = {},
  ) {
    super(1, inChannels, outChannels, kernelSize, options, true);
  }

  forward(x: Value): Value {
    return convTranspose1d(x, this.weight, this.bias, this.options);
  }
}

/**
 * The adjoint of Conv2d: [N, C, H, W] grows by the stride. Weight [inChannels, outChannels / groups, k, k].
 * @throws OptionError if channels do not divide into the groups.
 *
 * @example
 * ```ts
 * new ConvTranspose2d(8, 4, 2, { stride: 2 }).weight.shape; // [8, 4, 2, 2]
 * ```
 */
export class ConvTranspose2d extends ConvBase<ConvTransposeLayerOptions> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number | readonly number[],
    options: ConvTransposeLayerOptions = {},
  ) {
    super(2, inChannels, outChannels, kernelSize, options, true);
  }

  forward(x: Value): Value {
    return convTranspose2d(x, this.weight, this.bias, this.options);
  }
}

/**
 * The adjoint of Conv3d: [N, C, D, H, W] grows by the stride. Weight [inChannels, outChannels / groups, k, k, k].
 * @throws OptionError if channels do not divide into the groups.
 *
 * @example
 * ```ts
 * new ConvTranspose3d(4, 1, 2).weight.shape; // [4, 1, 2, 2, 2]
 * ```
 */
export class ConvTranspose3d extends ConvBase<ConvTransposeLayerOptions> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number | readonly number[],
    options: ConvTransposeLayerOptions = {},
  ) {
    super(3, inChannels, outChannels, kernelSize, options, true);
  }

  forward(x: Value): Value {
    return convTranspose3d(x, this.weight, this.bias, this.options);
  }
}
