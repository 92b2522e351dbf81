/** Layers that only move numbers: https://pytorch.org/docs/stable/nn.html */
import type { Value } from "../ops/op.ts";
import {
  type InterpolateOptions,
  type PadOptions,
  flatten,
  interpolate,
  pad,
  pixelShuffle,
} from "../ops/shape/shape.ts";
import { Module, type ModuleSpec } from "./module.ts";

/**
 * [N, C, H, W] to [N, C·H·W]: merges dimensions from `startAxis` (1) to `endAxis` (−1).
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [8, 16, 4, 4], dtype: "float32" });
 * new Flatten().forward(x).shape; // [8, 256]
 * ```
 */
export class Flatten extends Module {
  readonly startAxis: number;
  readonly endAxis: number;

  constructor(startAxis: number = 1, endAxis: number = -1) {
    super();
    this.startAxis = startAxis;
    this.endAxis = endAxis;
  }

  forward(x: Value): Value {
    return flatten(x, this.startAxis, this.endAxis);
  }

  override spec(): ModuleSpec {
    return { type: "Flatten", args: [this.startAxis, this.endAxis] };
  }
}

/**
 * Enlarges the spatial dimensions; see {@link interpolate}. `nearest` unless said.
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 8, 7, 7], dtype: "float32" });
 * new Upsample({ scaleFactor: 2, mode: "bilinear" }).forward(x).shape; // [1, 8, 14, 14]
 * ```
 */
export class Upsample extends Module {
  readonly options: InterpolateOptions;

  constructor(options: InterpolateOptions) {
    super();
    this.options = options;
  }

  forward(x: Value): Value {
    return interpolate(x, this.options);
  }

  override spec(): ModuleSpec {
    return { type: "Upsample", args: [{ ...this.options }] };
  }
}

/**
 * [N, C·r², H, W] to [N, C, H·r, W·r] (Shi et al. 2016).
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 12, 4, 4], dtype: "float32" });
 * new PixelShuffle(2).forward(x).shape; // [1, 3, 8, 8]
 * ```
 */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  constructor(upscaleFactor: number) {
    super();
    this.upscaleFactor = upscaleFactor;
  }

  forward(x: Value): Value {
    return pixelShuffle(x, this.upscaleFactor);
  }

  override spec(): ModuleSpec {
    return { type: "PixelShuffle", args: [this.upscaleFactor] };
  }
}

/**
 * Cells around x: [left, right, top, bottom], last dimension first. What PyTorch calls ZeroPad2d, ReflectionPad2d, …
 *
 * @example
 * ```ts
 * const x = input("x", { shape: [1, 3, 8, 8], dtype: "float32" });
 * new Pad([1, 1, 2, 2], { mode: "reflect" }).forward(x).shape; // [1, 3, 12, 10]
 * ```
 */
export class Pad extends Module {
  readonly padding: readonly number[];
  readonly options: PadOptions;

  constructor(padding: readonly number[], options: PadOptions = {}) {
    super();
    this.padding = padding;
    this.options = options;
  }

  forward(x: Value): Value {
    return pad(x, this.padding, this.options);
  }

  override spec(): ModuleSpec {
    return { type: "Pad", args: [this.padding, { ...this.options }] };
  }
}
