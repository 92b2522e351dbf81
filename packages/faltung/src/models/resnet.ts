/**
 * Residual networks (He et al. 2015): ResNet-20 … 110 for 32×32 pictures, and ResNet-18 and 34 for 224×224, with
 * torchvision's state-dict keys (https://pytorch.org/vision/stable/models/resnet.html).
 */
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  Linear,
  MaxPool2d,
  Module,
  type ModuleSpec,
  Sequential,
} from "../nn/index.ts";
import type { Value } from "../ops/op.ts";
import { add, relu } from "../ops/elementwise/elementwise.ts";
import { OptionError } from "../tensor/errors.ts";

/** Two 3×3 convolutions and a shortcut; a 1×1 convolution on the shortcut where the shape changes. */
class BasicBlock extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm2d;
  readonly downsample: Sequential | null;

  constructor(from: number, to: number, stride: number) {
    super();
    this.conv1 = new Conv2d(from, to, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(to);
    this.conv2 = new Conv2d(to, to, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(to);
    this.downsample =
      stride === 1 && from === to
        ? null
        : new Sequential(new Conv2d(from, to, 1, { stride, bias: false }), new BatchNorm2d(to));
  }

  forward(x: Value): Value {
    const inner = relu(this.bn1.forward(this.conv1.forward(x)));
    const shortcut = this.downsample === null ? x : this.downsample.forward(x);
    return relu(add(this.bn2.forward(this.conv2.forward(inner)), shortcut));
  }
}

function stage(from: number, to: number, blocks: number, stride: number): Sequential {
  const rest = Array.from({ length: blocks - 1 }, () => new BasicBlock(to, to, 1));
  return new Sequential(new BasicBlock(from, to, stride), ...rest);
}

/** ResNet for small pictures: 6n + 2 layers in three stages of 16, 32 and 64 channels. */
class CifarResNet extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly fc: Linear;
  readonly #args: readonly [depth: number, channels: number, classes: number];

  constructor(depth: number, channels: number, classes: number) {
    super();
    const n = (depth - 2) / 6;
    if (!Number.isInteger(n) || n < 1)
      throw new OptionError(`resnet: depth is ${depth}; expected 6n + 2: 20, 32, 44, 56, 110.`);
    this.#args = [depth, channels, classes];
    this.conv1 = new Conv2d(channels, 16, 3, { padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(16);
    this.layer1 = stage(16, 16, n, 1);
    this.layer2 = stage(16, 32, n, 2);
    this.layer3 = stage(32, 64, n, 2);
    this.fc = new Linear(64, classes);
  }

  forward(x: Value): Value {
    let y = relu(this.bn1.forward(this.conv1.forward(x)));
    for (const layer of [this.layer1, this.layer2, this.layer3]) y = layer.forward(y);
    return this.fc.forward(new Flatten().forward(new AdaptiveAvgPool2d(1).forward(y)));
  }

  override spec(): ModuleSpec {
    return { type: "cifarResnet", args: this.#args };
  }
}

/** ResNet for photographs: a 7×7 stem, then four stages of 64 to 512 channels. */
class ImageNetResNet extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly maxpool: MaxPool2d = new MaxPool2d(3, { stride: 2, padding: 1 });
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly fc: Linear;
  readonly #args: readonly [blocks: readonly number[], channels: number, classes: number];

  constructor(blocks: readonly number[], channels: number, classes: number) {
    super();
    this.#args = [blocks, channels, classes];
    this.conv1 = new Conv2d(channels, 64, 7, { stride: 2, padding: 3, bias: false });
    this.bn1 = new BatchNorm2d(64);
    this.layer1 = stage(64, 64, blocks[0], 1);
    this.layer2 = stage(64, 128, blocks[1], 2);
    this.layer3 = stage(128, 256, blocks[2], 2);
    this.layer4 = stage(256, 512, blocks[3], 2);
    this.fc = new Linear(512, classes);
  }

  forward(x: Value): Value {
    let y = this.maxpool.forward(relu(this.bn1.forward(this.conv1.forward(x))));
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) y = layer.forward(y);
    return this.fc.forward(new Flatten().forward(new AdaptiveAvgPool2d(1).forward(y)));
  }

  override spec(): ModuleSpec {
    return { type: "imagenetResnet", args: this.#args };
  }
}

/** A ResNet for small pictures (32×32) of any depth 6n + 2. */
export function cifarResnet(depth: number, channels: number = 3, classes: number = 10): Module {
  return new CifarResNet(depth, channels, classes);
}

/** A ResNet of basic blocks for photographs, by the blocks of its four stages. */
export function imagenetResnet(blocks: readonly number[], channels: number = 3, classes: number = 1000): Module {
  return new ImageNetResNet(blocks, channels, classes);
}

/**
 * ResNet-20 for 32×32 pictures: 272,474 parameters with 1×1 shortcuts.
 *
 * @example
 * ```ts
 * resnet20(3, 10).parameterCount; // 272474
 * ```
 */
export function resnet20(channels: number = 3, classes: number = 10): Module {
  return cifarResnet(20, channels, classes);
}

/**
 * ResNet-18 for 224×224 pictures: 11,689,512 parameters for 1000 classes.
 *
 * @example
 * ```ts
 * resnet18(3, 10).parameterCount; // 11181642
 * ```
 */
export function resnet18(channels: number = 3, classes: number = 1000): Module {
  return imagenetResnet([2, 2, 2, 2], channels, classes);
}
