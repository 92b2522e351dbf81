/** The networks of fixtures/make_training.py, with the same state-dict keys. */
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  Hardswish,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  ReLU6,
  Sequential,
  type Value,
  add,
  relu,
} from "../src/index.ts";

export function lenet(): Module {
  return new Sequential(
    new Conv2d(1, 4, 5, { padding: 2 }),
    new ReLU(),
    new MaxPool2d(2),
    new Conv2d(4, 8, 5),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(32, 24),
    new ReLU(),
    new Linear(24, 10),
  );
}

class Block extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  downsample: Sequential | null;

  constructor(a: number, b: number, stride: number) {
    super();
    this.conv1 = new Conv2d(a, b, 3, { stride, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(b);
    this.conv2 = new Conv2d(b, b, 3, { padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(b);
    this.downsample =
      stride === 1 && a === b ? null : new Sequential(new Conv2d(a, b, 1, { stride, bias: false }), new BatchNorm2d(b));
  }

  forward(x: Value): Value {
    const y = this.bn2.forward(this.conv2.forward(relu(this.bn1.forward(this.conv1.forward(x)))));
    return relu(add(y, this.downsample === null ? x : this.downsample.forward(x)));
  }
}

class ResidualNet extends Module {
  conv1 = new Conv2d(3, 8, 3, { padding: 1, bias: false });
  bn1 = new BatchNorm2d(8);
  layer1 = new Sequential(new Block(8, 8, 1));
  layer2 = new Sequential(new Block(8, 16, 2));
  fc = new Linear(16, 10);

  forward(x: Value): Value {
    const y = this.layer2.forward(this.layer1.forward(relu(this.bn1.forward(this.conv1.forward(x)))));
    return this.fc.forward(new Flatten().forward(new AdaptiveAvgPool2d(1).forward(y)));
  }
}

export function residual(): Module {
  return new ResidualNet();
}

export function depthwise(): Module {
  return new Sequential(
    new Conv2d(3, 8, 3, { stride: 2, padding: 1, bias: false }),
    new BatchNorm2d(8),
    new Hardswish(),
    new Conv2d(8, 8, 3, { padding: 1, groups: 8, bias: false }),
    new BatchNorm2d(8),
    new ReLU6(),
    new Conv2d(8, 16, 1, { bias: false }),
    new BatchNorm2d(16),
    new Conv2d(16, 16, 3, { stride: 2, padding: 1, groups: 16, bias: false }),
    new BatchNorm2d(16),
    new ReLU6(),
    new AdaptiveAvgPool2d(1),
    new Flatten(),
    new Linear(16, 10),
  );
}
