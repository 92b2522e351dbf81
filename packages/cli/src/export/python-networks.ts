/** The networks that are more than layers in a row, as one would write them in PyTorch; the names are torchvision's. */
import type { ModuleSpec } from "faltung";
import { python, pythonLayer } from "./python-layers.ts";

const RESIDUAL = `class Residual(nn.Module):
    """relu(body(x) + shortcut(x)); the shortcut is the identity unless given."""

    def __init__(self, body, shortcut=None, activation=True):
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.activation = activation

    def forward(self, x):
        y = self.body(x) + (x if self.shortcut is None else self.shortcut(x))
        return torch.relu(y) if self.activation else y
`;

const BASIC_BLOCK = `class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, a 1x1 convolution where the shape changes (He et al. 2015)."""

    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.downsample = None
        if stride != 1 or cin != cout:
            self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride=stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


def stage(cin, cout, blocks, stride):
    return nn.Sequential(BasicBlock(cin, cout, stride), *[BasicBlock(cout, cout) for _ in range(blocks - 1)])
`;

const CIFAR_RESNET = `class CifarResNet(nn.Module):
    """A ResNet of 6n + 2 layers for small pictures."""

    def __init__(self, depth, channels, classes):
        super().__init__()
        n = (depth - 2) // 6
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = stage(16, 16, n, 1)
        self.layer2 = stage(16, 32, n, 2)
        self.layer3 = stage(32, 64, n, 2)
        self.fc = nn.Linear(64, classes)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))
`;

const IMAGENET_RESNET = `class ResNet(nn.Module):
    """A ResNet of basic blocks for photographs: its keys are those of torchvision's resnet18 and resnet34."""

    def __init__(self, blocks, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(64, 64, blocks[0], 1)
        self.layer2 = stage(64, 128, blocks[1], 2)
        self.layer3 = stage(128, 256, blocks[2], 2)
        self.layer4 = stage(256, 512, blocks[3], 2)
        self.fc = nn.Linear(512, classes)

    def forward(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))
`;

const MOBILENET_V2 = `def conv_norm(cin, cout, kernel, stride=1, groups=1):
    return nn.Sequential(
        nn.Conv2d(cin, cout, kernel, stride=stride, padding=(kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(cout),
        nn.ReLU6(),
    )


class InvertedResidual(nn.Module):
    """1x1 up, 3x3 depthwise, 1x1 down without an activation (Sandler et al. 2018)."""

    def __init__(self, cin, cout, stride, expand):
        super().__init__()
        hidden = cin * expand
        self.shortcut = stride == 1 and cin == cout
        self.conv = nn.Sequential(
            *([] if expand == 1 else [conv_norm(cin, hidden, 1)]),
            conv_norm(hidden, hidden, 3, stride, hidden),
            nn.Conv2d(hidden, cout, 1, bias=False),
            nn.BatchNorm2d(cout),
        )

    def forward(self, x):
        y = self.conv(x)
        return x + y if self.shortcut else y


class MobileNetV2(nn.Module):
    # expansion, channels, blocks, first stride
    STAGES = [
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ]

    def __init__(self, channels, classes):
        super().__init__()
        blocks, cin = [conv_norm(channels, 32, 3, 2)], 32
        for expand, cout, count, stride in self.STAGES:
            for i in range(count):
                blocks.append(InvertedResidual(cin, cout, stride if i == 0 else 1, expand))
                cin = cout
        self.features = nn.Sequential(*blocks, conv_norm(cin, 1280, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))
`;

interface PythonNetwork {
  /** Classes and functions that come before. */
  readonly definitions: string;
  /** What makes the network. */
  readonly expression: string;
}

const NETWORKS: Readonly<Record<string, { readonly name: string; readonly definitions: readonly string[] }>> = {
  cifarResnet: { name: "CifarResNet", definitions: [BASIC_BLOCK, CIFAR_RESNET] },
  imagenetResnet: { name: "ResNet", definitions: [BASIC_BLOCK, IMAGENET_RESNET] },
  mobilenetV2: { name: "MobileNetV2", definitions: [MOBILENET_V2] },
};

/** @throws UserError for what torch.nn has no layer for */
export function pythonNetwork(spec: ModuleSpec): PythonNetwork {
  if (Object.hasOwn(NETWORKS, spec.type)) {
    const { name, definitions } = NETWORKS[spec.type];
    return { definitions: definitions.join("\n\n"), expression: `${name}(${spec.args.map(python).join(", ")})` };
  }
  const { code, residual } = pythonLayer(spec, "    ");
  return { definitions: residual ? RESIDUAL : "", expression: code };
}
