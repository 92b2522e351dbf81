"""Networks of torchvision, U-Nets and an SSD-like head: ONNX files and what PyTorch makes of an input.

    /usr/bin/python3 torchvision_export.py FOLDER

Writes for each network NAME.onnx, NAME.x (float32) and one NAME.0, NAME.1, ... an output, and manifest.json with
the shapes. Weights are random from a fixed seed; running statistics are those of a batch of noise, so that batch
normalisation is neither the identity nor lets the numbers vanish with depth.
"""

import json
import os
import sys
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision.models as models
from torchvision.models.detection.ssd import SSDHead

warnings.filterwarnings("ignore")
torch.set_num_threads(2)


def block(i, o):
    return nn.Sequential(
        nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
        nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
    )


class Up(nn.Module):
    """Twice as large, padded to the size of the features that it is joined with (sizes need not be even)."""

    def __init__(self, i, o, mode):
        super().__init__()
        self.up = nn.ConvTranspose2d(i, i // 2, 2, stride=2) if mode == "transposed" else nn.Sequential(
            nn.Upsample(scale_factor=2, mode=mode, align_corners=False if mode == "bilinear" else None),
            nn.Conv2d(i, i // 2, 1),
        )
        self.conv = block(i, o)

    def forward(self, x, skip):
        x = self.up(x)
        dy, dx = skip.size(2) - x.size(2), skip.size(3) - x.size(3)
        x = F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.conv(torch.cat([skip, x], 1))


class UNet(nn.Module):
    """Ronneberger et al. 2015, half as wide and one level shallower; the last level asks for a size by numbers."""

    def __init__(self, mode):
        super().__init__()
        self.inc, self.d1, self.d2, self.d3 = block(3, 16), block(16, 32), block(32, 64), block(64, 128)
        self.u3, self.u2, self.u1 = Up(128, 64, mode), Up(64, 32, mode), Up(32, 16, mode)
        self.out = nn.Conv2d(16, 4, 1)

    def forward(self, x):
        a = self.inc(x)
        b = self.d1(F.max_pool2d(a, 2))
        c = self.d2(F.max_pool2d(b, 2))
        d = self.d3(F.max_pool2d(c, 2))
        return torch.log_softmax(self.out(self.u1(self.u2(self.u3(d, c), b), a)), 1)


class SSD(nn.Module):
    """Liu et al. 2016 in small: three feature maps, the first with its norm rescaled, torchvision's head, boxes decoded."""

    def __init__(self):
        super().__init__()
        self.stem = models.vgg.make_layers([32, 32, "M", 64, 64, "M", 96], batch_norm=True)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.dilated = nn.Sequential(nn.Conv2d(96, 128, 3, padding=3, dilation=3), nn.ReLU(), nn.Conv2d(128, 128, 1), nn.ReLU())
        self.extra = nn.Sequential(nn.Conv2d(128, 64, 1), nn.ReLU(), nn.Conv2d(64, 96, 3, stride=2, padding=1), nn.ReLU())
        self.scale = nn.Parameter(torch.ones(96) * 20)
        self.head = SSDHead([96, 128, 96], [4, 6, 4], 5)
        sizes = [18, 10, 5]
        anchors = [
            torch.tensor([(x + 0.5) / n, (y + 0.5) / n, 0.2 * (k + 1) / n ** 0.5, 0.3 / (k + 1)])
            for n, a in zip(sizes, [4, 6, 4]) for y in range(n) for x in range(n) for k in range(a)
        ]
        self.register_buffer("anchors", torch.stack(anchors))

    def forward(self, x):
        a = self.stem(x)
        b = self.dilated(self.pool(a))
        c = self.extra(b)
        out = self.head([self.scale.view(1, -1, 1, 1) * F.normalize(a), b, c])
        boxes, logits = out["bbox_regression"], out["cls_logits"]
        centre = boxes[..., :2] * 0.1 * self.anchors[:, 2:] + self.anchors[:, :2]
        size = torch.exp(torch.clamp(boxes[..., 2:] * 0.2, max=4)) * self.anchors[:, 2:]
        corners = torch.cat([centre - size / 2, centre + size / 2], -1).clamp(0, 1)
        return corners, torch.softmax(logits, -1)


def vgg11_bn():
    net = models.vgg11_bn()
    # The true one's first product alone has 411 MB of weights.
    net.classifier = nn.Sequential(nn.Linear(512 * 49, 128), nn.ReLU(True), nn.Dropout(), nn.Linear(128, 1000))
    return net


BATCH = {"x": {0: "batch"}}
FREE = {"x": {0: "batch", 2: "height", 3: "width"}}

# name, network, operator set, shape when exported, free axes, shape when run
NETWORKS = [
    ("resnet18", models.resnet18, 7, [1, 3, 96, 96], None, [1, 3, 96, 96]),
    ("squeezenet1_1", models.squeezenet1_1, 8, [2, 3, 96, 96], None, [2, 3, 96, 96]),
    ("mobilenet_v2", models.mobilenet_v2, 9, [1, 3, 96, 96], BATCH, [2, 3, 96, 96]),
    ("vgg11_bn", vgg11_bn, 10, [1, 3, 224, 224], None, [1, 3, 224, 224]),
    ("shufflenet_v2_x1_0", models.shufflenet_v2_x1_0, 11, [1, 3, 96, 96], BATCH, [3, 3, 96, 96]),
    ("densenet121", models.densenet121, 12, [1, 3, 64, 64], None, [1, 3, 64, 64]),
    ("efficientnet_b0", models.efficientnet_b0, 13, [1, 3, 64, 64], FREE, [2, 3, 96, 64]),
    ("mobilenet_v3_small", models.mobilenet_v3_small, 15, [1, 3, 64, 64], FREE, [1, 3, 80, 96]),
    ("unet_transposed", lambda: UNet("transposed"), 10, [1, 3, 44, 52], None, [1, 3, 44, 52]),
    ("unet_nearest", lambda: UNet("nearest"), 9, [1, 3, 44, 52], None, [1, 3, 44, 52]),
    ("unet_bilinear_9", lambda: UNet("bilinear"), 9, [1, 3, 44, 52], None, [1, 3, 44, 52]),
    ("unet_bilinear", lambda: UNet("bilinear"), 16, [1, 3, 64, 64], FREE, [2, 3, 44, 53]),
    ("ssd", SSD, 17, [1, 3, 72, 72], BATCH, [2, 3, 72, 72]),
]

KEEP_NORM = {"resnet18", "efficientnet_b0", "unet_nearest"}


def lived(net):
    """Moves a network away from how it begins: biases, scales, and the statistics of a batch of noise."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)) and module.bias is not None:
            nn.init.uniform_(module.bias, -0.1, 0.1)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.uniform_(module.bias, -0.2, 0.2)
            module.momentum = 1.0
    size = 72 if isinstance(net, SSD) else 48
    with torch.no_grad():
        net.train()(torch.rand(4, 3, size, size) * 2 - 0.5)
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):  # what hardly varies in four pictures would vary wildly in others
                module.running_var.clamp_(min=module.running_var.mean().item())
    return net.eval()


def main(folder):
    manifest = []
    for i, (name, make, opset, traced, free, shape) in enumerate(NETWORKS):
        torch.manual_seed(i)
        net = make()
        lived(net)
        # By default the export folds batch normalisation into convolutions; some networks keep theirs.
        kept = torch.onnx.TrainingMode.PRESERVE if name in KEEP_NORM else torch.onnx.TrainingMode.EVAL
        torch.onnx.export(
            net, torch.rand(traced), os.path.join(folder, name + ".onnx"), opset_version=opset, input_names=["x"],
            dynamic_axes=free, training=kept,
        )
        x = torch.rand(shape) * 2 - 0.5
        with torch.no_grad():
            outputs = net(x)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        x.numpy().tofile(os.path.join(folder, name + ".x"))
        for k, y in enumerate(outputs):
            y.contiguous().numpy().tofile(os.path.join(folder, f"{name}.{k}"))
        manifest.append({"name": name, "opset": opset, "shape": shape, "outputs": [list(y.shape) for y in outputs]})
    with open(os.path.join(folder, "manifest.json"), "w") as file:
        json.dump(manifest, file)


main(sys.argv[1])
