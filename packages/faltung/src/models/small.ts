/**
 * The command's default: small, quick to train, good on small pictures. Blocks of 3×3 convolution, batch-norm and
 * ReLU; two poolings, and a global mean, so that any picture size from 8 pixels will do.
 */
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  Linear,
  MaxPool2d,
  type Module,
  ReLU,
  Sequential,
} from "../nn/index.ts";

function block(from: number, to: number): Module[] {
  return [new Conv2d(from, to, 3, { padding: 1, bias: false }), new BatchNorm2d(to), new ReLU()];
}

/**
 * @param channels of the pictures: 1 for gray, 3 for RGB
 * @param width channels of the first block; the others have 2, 4 and 8 times as many
 *
 * @example
 * ```ts
 * small(1, 10).parameterCount; // 107962
 * ```
 */
export function small(channels: number = 1, classes: number = 10, width: number = 16): Sequential {
  return new Sequential(
    ...block(channels, width),
    new MaxPool2d(2),
    ...block(width, 2 * width),
    ...block(2 * width, 2 * width),
    new MaxPool2d(2),
    ...block(2 * width, 4 * width),
    ...block(4 * width, 8 * width),
    new AdaptiveAvgPool2d(1),
    new Flatten(),
    new Linear(8 * width, classes),
  );
}
