/**
 * MobileNetV2 (Sandler et al. 2018): inverted residuals with depthwise convolutions, with torchvision's state-dict keys
 * (https://pytorch.org/vision/stable/models/mobilenetv2.html).
 */
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  Linear,
  Module,
  type ModuleSpec,
  ReLU6,
  Sequential,
} from "../nn/index.ts";
import { add } from "../ops/elementwise/elementwise.ts";
import type { Value } from "../ops/op.ts";

function convNorm(from: number, to: number, kernel: number, stride: number, groups: number): Sequential {
  return new Sequential(
    new Conv2d(from, to, kernel, { stride, padding: (kernel - 1) / 2, groups, bias: false }),
    new BatchNorm2d(to),
    new ReLU6(),
  );
}

/** 1×1 up to `expand` times as many channels, 3×3 depthwise, 1×1 down without an activation. */
class InvertedResidual extends Module {
  readonly conv: Sequential;
  readonly #shortcut: boolean;

  constructor(from: number, to: number, stride: number, expand: number) {
    super();
    const hidden = from * expand;
    this.#shortcut = stride === 1 && from === to;
    this.conv = new Sequential(
      ...(expand === 1 ? [] : [convNorm(from, hidden, 1, 1, 1)]),
      convNorm(hidden, hidden, 3, stride, hidden),
      new Conv2d(hidden, to, 1, { bias: false }),
      new BatchNorm2d(to),
    );
  }

  forward(x: Value): Value {
    const y = this.conv.forward(x);
    return this.#shortcut ? add(x, y) : y;
  }
}

/** Expansion, channels, blocks and first stride of each stage: table 2 of the paper. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

class MobileNetV2 extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;
  readonly #args: readonly [channels: number, classes: number];

  constructor(channels: number, classes: number) {
    super();
    this.#args = [channels, classes];
    const blocks: Module[] = [convNorm(channels, 32, 3, 2, 1)];
    let from = 32;
    for (const [expand, to, count, stride] of STAGES) {
      for (let i = 0; i < count; i++) {
        blocks.push(new InvertedResidual(from, to, i === 0 ? stride : 1, expand));
        from = to;
      }
    }
    this.features = new Sequential(...blocks, convNorm(from, 1280, 1, 1, 1));
    this.classifier = new Sequential(new Dropout(0.2), new Linear(1280, classes));
  }

  forward(x: Value): Value {
    const pooled = new AdaptiveAvgPool2d(1).forward(this.features.forward(x));
    return this.classifier.forward(new Flatten().forward(pooled));
  }

  override spec(): ModuleSpec {
    return { type: "mobilenetV2", args: this.#args };
  }
}

/**
 * MobileNetV2 for 224×224 pictures.
 *
 * @example
 * ```ts
 * mobilenetV2().parameterCount; // 3504872
 * ```
 */
export function mobilenetV2(channels: number = 3, classes: number = 1000): Module {
  return new MobileNetV2(channels, classes);
}
