"""The networks of the bench in PyTorch, with torchvision's state-dict keys (torchvision itself need not be there)."""
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, a, b, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(a, b, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(b)
        self.conv2 = nn.Conv2d(b, b, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(b)
        self.downsample = None if stride == 1 and a == b else nn.Sequential(
            nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + (x if self.downsample is None else self.downsample(x)))


def stage(a, b, blocks, stride):
    return nn.Sequential(Block(a, b, stride), *(Block(b, b, 1) for _ in range(blocks - 1)))


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1, self.layer2, self.layer3 = stage(16, 16, 3, 1), stage(16, 32, 3, 2), stage(32, 64, 3, 2)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        y = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.fc(F.adaptive_avg_pool2d(y, 1).flatten(1))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1, self.layer2 = stage(64, 64, 2, 1), stage(64, 128, 2, 2)
        self.layer3, self.layer4 = stage(128, 256, 2, 2), stage(256, 512, 2, 2)
        self.fc = nn.Linear(512, 1000)

    def forward(self, x):
        y = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        y = self.layer4(self.layer3(self.layer2(self.layer1(y))))
        return self.fc(F.adaptive_avg_pool2d(y, 1).flatten(1))


def conv_norm(a, b, kernel, stride, groups):
    return nn.Sequential(
        nn.Conv2d(a, b, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False), nn.BatchNorm2d(b), nn.ReLU6())


class InvertedResidual(nn.Module):
    def __init__(self, a, b, stride, expand):
        super().__init__()
        hidden = a * expand
        self.shortcut = stride == 1 and a == b
        first = [] if expand == 1 else [conv_norm(a, hidden, 1, 1, 1)]
        self.conv = nn.Sequential(
            *first, conv_norm(hidden, hidden, 3, stride, hidden), nn.Conv2d(hidden, b, 1, bias=False), nn.BatchNorm2d(b))

    def forward(self, x):
        return x + self.conv(x) if self.shortcut else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        blocks, a = [conv_norm(3, 32, 3, 2, 1)], 32
        for expand, b, count, stride in (
                (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
            for i in range(count):
                blocks.append(InvertedResidual(a, b, stride if i == 0 else 1, expand))
                a = b
        self.features = nn.Sequential(*blocks, conv_norm(a, 1280, 1, 1, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000))

    def forward(self, x):
        return self.classifier(F.adaptive_avg_pool2d(self.features(x), 1).flatten(1))


def make(name):
    if name == "mnistCnn":
        return nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(64 * 14 * 14, 128), nn.ReLU(), nn.Linear(128, 10))
    return {"resnet18": ResNet18, "resnet20": ResNet20, "mobilenetV2": MobileNetV2}[name]()
