/** Pooling layers: https://pytorch.org/docs/stable/nn.html#pooling-layers */
import type { Value } from "../ops/op.ts";
import {
  type AvgPoolOptions,
  type MaxPoolOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
} from "../ops/pool/pool.ts";
import { Module, type ModuleSpec, type SpecArgument } from "./module.ts";

type Size = number | readonly number[];
type AdaptiveSize = number | readonly (number | null)[];

/** What the six window layers share: the window, and how to be made again. */
abstract class WindowPool<O extends MaxPoolOptions | AvgPoolOptions> extends Module {
  readonly kernelSize: Size;
  readonly options: O | undefined;
  /** Its name, said here because minifiers rename classes. */
  protected abstract readonly type: string;

  constructor(kernelSize: Size, options?: O) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  override spec(): ModuleSpec {
    return { type: this.type, args: [this.kernelSize, { ...this.options } as SpecArgument] };
  }
}

/**
 * The largest of each window of [N, C, W]; stride = kernelSize, padding 0, dilation 1, ceilMode false.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 8, 9], dtype: "float32" });
 * new MaxPool1d(3, { stride: 2 }).forward(x).shape; // [1, 8, 4]
 * ```
 */
export class MaxPool1d extends WindowPool<MaxPoolOptions> {
  protected readonly type = "MaxPool1d";

  forward(x: Value): Value {
    return maxPool1d(x, this.kernelSize, this.options);
  }
}

/**
 * The largest of each window of [N, C, H, W]; stride = kernelSize, padding 0, dilation 1, ceilMode false.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 8, 28, 28], dtype: "float32" });
 * new MaxPool2d(2).forward(x).shape; // [1, 8, 14, 14]
 * ```
 */
export class MaxPool2d extends WindowPool<MaxPoolOptions> {
  protected readonly type = "MaxPool2d";

  forward(x: Value): Value {
    return maxPool2d(x, this.kernelSize, this.options);
  }
}

/**
 * The largest of each window of [N, C, D, H, W]; stride = kernelSize, padding 0, dilation 1, ceilMode false.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 8, 4, 8, 8], dtype: "float32" });
 * new MaxPool3d([1, 2, 2]).forward(x).shape; // [1, 8, 4, 4, 4]
 * ```
 */
export class MaxPool3d extends WindowPool<MaxPoolOptions> {
  protected readonly type = "MaxPool3d";

  forward(x: Value): Value {
    return maxPool3d(x, this.kernelSize, this.options);
  }
}

/**
 * The mean of each window of [N, C, W]; stride = kernelSize, padding 0, ceilMode false, countIncludePad true.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 8, 9], dtype: "float32" });
 * new AvgPool1d(3, { stride: 2 }).forward(x).shape; // [1, 8, 4]
 * ```
 */
export class AvgPool1d extends WindowPool<AvgPoolOptions> {
  protected readonly type = "AvgPool1d";

  forward(x: Value): Value {
    return avgPool1d(x, this.kernelSize, this.options);
  }
}

/**
 * The mean of each window of [N, C, H, W]; stride = kernelSize, padding 0, ceilMode false, countIncludePad true.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 8, 28, 28], dtype: "float32" });
 * new AvgPool2d(3, { stride: 2, padding: 1 }).forward(x).shape; // [1, 8, 14, 14]
 * ```
 */
export class AvgPool2d extends WindowPool<AvgPoolOptions> {
  protected readonly type = "AvgPool2d";

  forward(x: Value): Value {
    return avgPool2d(x, this.kernelSize, this.options);
  }
}

/**
 * The mean of each window of [N, C, D, H, W]; stride = kernelSize, padding 0, ceilMode false, countIncludePad true.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 8, 4, 8, 8], dtype: "float32" });
 * new AvgPool3d(2).forward(x).shape; // [1, 8, 2, 4, 4]
 * ```
 */
export class AvgPool3d extends WindowPool<AvgPoolOptions> {
  protected readonly type = "AvgPool3d";

  forward(x: Value): Value {
    return avgPool3d(x, this.kernelSize, this.options);
  }
}

/** What the adaptive layers share: the size of their output, and how to be made again. */
abstract class AdaptivePool extends Module {
  readonly outputSize: AdaptiveSize;
  protected abstract readonly type: string;

  constructor(outputSize: AdaptiveSize) {
    super();
    this.outputSize = outputSize;
  }

  override spec(): ModuleSpec {
    return { type: this.type, args: [this.outputSize] };
  }
}

/**
 * The mean over windows chosen so that the output has `outputSize`; 1 is global average pooling.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 8, 10], dtype: "float32" });
 * new AdaptiveAvgPool1d(4).forward(x).shape; // [1, 8, 4]
 * ```
 */
export class AdaptiveAvgPool1d extends AdaptivePool {
  protected readonly type = "AdaptiveAvgPool1d";

  forward(x: Value): Value {
    return adaptiveAvgPool1d(x, this.outputSize);
  }
}

/**
 * The mean over windows chosen so that the output has `outputSize`; 1 is global average pooling, null keeps an axis.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 512, 7, 7], dtype: "float32" });
 * new AdaptiveAvgPool2d(1).forward(x).shape; // [1, 512, 1, 1]
 * ```
 */
export class AdaptiveAvgPool2d extends AdaptivePool {
  protected readonly type = "AdaptiveAvgPool2d";

  forward(x: Value): Value {
    return adaptiveAvgPool2d(x, this.outputSize);
  }
}

/**
 * The largest over windows chosen so that the output has `outputSize`; 1 is global max pooling.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 8, 10], dtype: "float32" });
 * new AdaptiveMaxPool1d(4).forward(x).shape; // [1, 8, 4]
 * ```
 */
export class AdaptiveMaxPool1d extends AdaptivePool {
  protected readonly type = "AdaptiveMaxPool1d";

  forward(x: Value): Value {
    return adaptiveMaxPool1d(x, this.outputSize);
  }
}

/**
 * The largest over windows chosen so that the output has `outputSize`; 1 is global max pooling, null keeps an axis.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 8, 7, 7], dtype: "float32" });
 * new AdaptiveMaxPool2d([3, null]).forward(x).shape; // [1, 8, 3, 7]
 * ```
 */
export class AdaptiveMaxPool2d extends AdaptivePool {
  protected readonly type = "AdaptiveMaxPool2d";

  forward(x: Value): Value {
    return adaptiveMaxPool2d(x, this.outputSize);
  }
}
