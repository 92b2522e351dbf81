/** Normalisation layers: https://pytorch.org/docs/stable/nn.html#normalization-layers */
import { assign } from "../compile/trace.ts";
import { add, cast, div } from "../ops/elementwise/elementwise.ts";
import {
  type LocalResponseNormOptions,
  batchNorm,
  batchStatistics,
  groupNorm,
  instanceNorm,
  layerNorm,
  localResponseNorm,
  runningAverage,
} from "../ops/norm/norm.ts";
import { type State, type Value, constant } from "../ops/op.ts";
import { ShapeError } from "../tensor/errors.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Module, type ModuleSpec, buffer, expectRank, parameter } from "./module.ts";

export interface BatchNormLayerOptions {
  /** Added to the variance (1e-5). */
  readonly eps?: number;
  /** new = (1 − momentum)·old + momentum·batch (0.1); null: the mean over all batches so far. */
  readonly momentum?: number | null;
  /** Learned scale and shift (true). */
  readonly affine?: boolean;
  /** Keep running statistics, and use them in evaluation (true). */
  readonly trackRunningStats?: boolean;
}

function checkChannels(x: Value, numFeatures: number, layer: string): void {
  if (x.shape[1] !== numFeatures) {
    throw new ShapeError(
      `${layer}: x has ${x.shape[1]} channels, the layer ${numFeatures}. x [${x.shape.join(", ")}].`,
    );
  }
}

abstract class BatchNorm extends Module {
  readonly weight: State | null;
  readonly bias: State | null;
  readonly runningMean: State | null;
  /** Of unbiased variances, as in PyTorch, though each batch is normalised by its biased one. */
  readonly runningVar: State | null;
  readonly numBatchesTracked: State | null;
  readonly numFeatures: number;
  readonly options: Required<BatchNormLayerOptions>;

  constructor(numFeatures: number, options: BatchNormLayerOptions) {
    super();
    const { affine, trackRunningStats } = (this.options = {
      eps: 1e-5,
      momentum: 0.1,
      affine: true,
      trackRunningStats: true,
      ...options,
    });
    this.numFeatures = numFeatures;
    this.weight = affine ? parameter(Tensor.full([numFeatures], 1), "weight") : null;
    this.bias = affine ? parameter(Tensor.zeros([numFeatures]), "bias") : null;
    this.runningMean = trackRunningStats ? buffer(Tensor.zeros([numFeatures]), "running_mean") : null;
    this.runningVar = trackRunningStats ? buffer(Tensor.full([numFeatures], 1), "running_var") : null;
    this.numBatchesTracked = trackRunningStats ? buffer(Tensor.scalar(0, "int32"), "num_batches_tracked") : null;
  }

  /** Its name, said here because minifiers rename classes. */
  protected abstract readonly type: string;
  protected abstract readonly ranks: readonly number[];

  forward(x: Value): Value {
    expectRank(x, this.ranks, this.type, "N, C and spatial dimensions");
    checkChannels(x, this.numFeatures, this.type);
    const { weight, bias, runningMean, runningVar, training } = this;
    const { eps } = this.options;
    const own = training || runningMean === null;
    if (training) this.#track(x);
    return batchNorm(x, { weight, bias, runningMean, runningVar, training: own, eps });
  }

  #track(x: Value): void {
    const { runningMean, runningVar, numBatchesTracked } = this;
    if (runningMean === null || runningVar === null || numBatchesTracked === null) return;
    const batch = batchStatistics(x);
    const count = add(numBatchesTracked, constant(Tensor.scalar(1, "int32")));
    const momentum = this.options.momentum ?? div(1, cast(count, "float32"));
    assign(numBatchesTracked, count);
    if (sizeOf(x.shape) === 0) return; // an empty batch is counted, as in PyTorch, but has no statistics
    assign(runningMean, runningAverage(runningMean, batch.mean, momentum));
    assign(runningVar, runningAverage(runningVar, batch.unbiased, momentum));
  }

  override spec(): ModuleSpec {
    return { type: this.type, args: [this.numFeatures, { ...this.options }] };
  }
}

/**
 * Batch-norm over [N, C] or [N, C, W]; see {@link BatchNorm2d}.
 *
 * @example
 * ```ts
 * new BatchNorm1d(16).parameterCount; // 32: a scale and a shift for each feature
 * ```
 */
export class BatchNorm1d extends BatchNorm {
  protected readonly type = "BatchNorm1d";
  protected readonly ranks: readonly number[] = [2, 3];
  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super(numFeatures, options);
  }
}

/**
 * Each channel of [N, C, H, W] to mean 0 and deviation 1 over batch and space, then a learned scale and shift (Ioffe &
 * Szegedy 2015). In evaluation mode the running statistics are used.
 * https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html
 *
 * @throws ShapeError when training with one value a channel.
 *
 * @example
 * ```ts
 * Object.keys(new BatchNorm2d(8).stateDict()); // ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
 * ```
 */
export class BatchNorm2d extends BatchNorm {
  protected readonly type = "BatchNorm2d";
  protected readonly ranks: readonly number[] = [4];
  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super(numFeatures, options);
  }
}

/**
 * Batch-norm over [N, C, D, H, W]; see {@link BatchNorm2d}.
 *
 * @example
 * ```ts
 * new BatchNorm3d(4, { affine: false }).parameterCount; // 0
 * ```
 */
export class BatchNorm3d extends BatchNorm {
  protected readonly type = "BatchNorm3d";
  protected readonly ranks: readonly number[] = [5];
  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super(numFeatures, options);
  }
}

/**
 * Normalises over the last dimensions, which must be `normalizedShape` (Ba et al. 2016).
 *
 * @example
 * ```ts
 * new LayerNorm([8, 4, 4]).parameterCount; // 256
 * ```
 */
export class LayerNorm extends Module {
  readonly weight: State | null;
  readonly bias: State | null;
  readonly normalizedShape: Shape;
  readonly eps: number;

  constructor(
    normalizedShape: number | Shape,
    { eps = 1e-5, elementwiseAffine = true }: { readonly eps?: number; readonly elementwiseAffine?: boolean } = {},
  ) {
    super();
    const shape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
    this.normalizedShape = shape;
    this.eps = eps;
    this.weight = elementwiseAffine ? parameter(Tensor.full(shape, 1), "weight") : null;
    this.bias = elementwiseAffine ? parameter(Tensor.zeros(shape), "bias") : null;
  }

  forward(x: Value): Value {
    const { weight, bias, eps } = this;
    return layerNorm(x, this.normalizedShape, { weight, bias, eps });
  }

  override spec(): ModuleSpec {
    const elementwiseAffine = this.weight !== null;
    return { type: "LayerNorm", args: [[...this.normalizedShape], { eps: this.eps, elementwiseAffine }] };
  }
}

/**
 * Normalises groups of channels, each picture by itself (Wu & He 2018).
 *
 * @example
 * ```ts
 * new GroupNorm(4, 16).parameterCount; // 32
 * ```
 */
export class GroupNorm extends Module {
  readonly weight: State | null;
  readonly bias: State | null;
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;

  constructor(
    numGroups: number,
    numChannels: number,
    { eps = 1e-5, affine = true }: { readonly eps?: number; readonly affine?: boolean } = {},
  ) {
    super();
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.eps = eps;
    this.weight = affine ? parameter(Tensor.full([numChannels], 1), "weight") : null;
    this.bias = affine ? parameter(Tensor.zeros([numChannels]), "bias") : null;
  }

  forward(x: Value): Value {
    checkChannels(x, this.numChannels, "GroupNorm");
    const { weight, bias, eps } = this;
    return groupNorm(x, this.numGroups, { weight, bias, eps });
  }

  override spec(): ModuleSpec {
    return {
      type: "GroupNorm",
      args: [this.numGroups, this.numChannels, { eps: this.eps, affine: this.weight !== null }],
    };
  }
}

export interface InstanceNormLayerOptions {
  readonly eps?: number;
  /** Learned scale and shift: false unless said, as in PyTorch. */
  readonly affine?: boolean;
}

abstract class InstanceNorm extends Module {
  readonly weight: State | null;
  readonly bias: State | null;
  readonly numFeatures: number;
  readonly eps: number;
  protected abstract readonly type: string;
  protected abstract readonly rank: number;

  constructor(numFeatures: number, { eps = 1e-5, affine = false }: InstanceNormLayerOptions) {
    super();
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.weight = affine ? parameter(Tensor.full([numFeatures], 1), "weight") : null;
    this.bias = affine ? parameter(Tensor.zeros([numFeatures]), "bias") : null;
  }

  forward(x: Value): Value {
    expectRank(x, [this.rank], this.type, "N, C and spatial dimensions");
    checkChannels(x, this.numFeatures, this.type);
    const { weight, bias, eps } = this;
    return instanceNorm(x, { weight, bias, eps });
  }

  override spec(): ModuleSpec {
    return { type: this.type, args: [this.numFeatures, { eps: this.eps, affine: this.weight !== null }] };
  }
}

/**
 * Each channel of each signal [N, C, W] normalised by itself (Ulyanov et al. 2016).
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [2, 4, 9], dtype: "float32" });
 * new InstanceNorm1d(4).forward(x).shape; // [2, 4, 9]
 * ```
 */
export class InstanceNorm1d extends InstanceNorm {
  protected readonly type = "InstanceNorm1d";
  protected readonly rank = 3;
  constructor(numFeatures: number, options: InstanceNormLayerOptions = {}) {
    super(numFeatures, options);
  }
}

/**
 * Each channel of each picture [N, C, H, W] normalised by itself (Ulyanov et al. 2016).
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [2, 4, 9, 9], dtype: "float32" });
 * new InstanceNorm2d(4, { affine: true }).forward(x).shape; // [2, 4, 9, 9]
 * ```
 */
export class InstanceNorm2d extends InstanceNorm {
  protected readonly type = "InstanceNorm2d";
  protected readonly rank = 4;
  constructor(numFeatures: number, options: InstanceNormLayerOptions = {}) {
    super(numFeatures, options);
  }
}

/**
 * Normalises across neighbouring channels (Krizhevsky et al. 2012): `size` of them, alpha divided by size.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [2, 16, 9, 9], dtype: "float32" });
 * new LocalResponseNorm(5, { k: 2 }).forward(x).shape; // [2, 16, 9, 9]
 * ```
 */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly options: LocalResponseNormOptions;

  constructor(size: number, options: LocalResponseNormOptions = {}) {
    super();
    this.size = size;
    this.options = options;
  }

  forward(x: Value): Value {
    return localResponseNorm(x, this.size, this.options);
  }

  override spec(): ModuleSpec {
    return { type: "LocalResponseNorm", args: [this.size, { ...this.options }] };
  }
}
