/**
 * A network as PyTorch code: `model.py`, which makes and loads it, and `train.py`, which goes on training it. Both are
 * plain torch.nn and carry their own reader and writer of safetensors.
 */
import type { ModelFile } from "../checkpoint/model-file.ts";
import { python } from "./python-layers.ts";
import { pythonNetwork } from "./python-networks.ts";

/** Name of the weights beside the scripts. */
export const WEIGHTS = "weights.safetensors";

/** @throws UserError for layers that torch.nn has not */
export function modelScript({ module, preprocessing, classes, notes }: ModelFile): string {
  const { definitions, expression } = pythonNetwork(module.spec());
  const { channels, height, width, mean, std } = preprocessing;
  return `"""${notes.model.replaceAll(/[^\w .-]/g, "_")}, a network trained by Faltung, in plain PyTorch.

    python3 model.py picture.png        says what is in it
    from model import load_model        the network with its weights
"""
import ctypes
import hashlib
import json
import os
import struct
import sys

import torch
from torch import nn

CLASSES = ${python(classes)}
CHANNELS, HEIGHT, WIDTH = ${channels}, ${height}, ${width}
# Per channel, of bytes divided by 255.
MEAN = ${python(mean)}
STD = ${python(std)}
WEIGHTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "${WEIGHTS}")

${definitions === "" ? "" : `\n${definitions}\n`}
def make_model():
    """The network with fresh weights: [N, ${channels}, ${height}, ${width}] to [N, ${classes.length}] logits."""
    return ${expression}


def load_model(path=WEIGHTS):
    """The network with the weights of a file, ready to be used."""
    model = make_model()
    tensors, _ = read_safetensors(path)
    model.load_state_dict(tensors)
    return model.eval()


def prepare(image):
    """A picture of PIL's as the network takes it, [1, ${channels}, ${height}, ${width}]: covered, the rest cut off
    evenly, white where it is transparent."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = ImageOps.fit(image.convert("RGB" if CHANNELS == 3 else "L"), (WIDTH, HEIGHT), Image.LANCZOS)
    pixels = torch.tensor(list(image.tobytes()), dtype=torch.float32).view(1, HEIGHT, WIDTH, CHANNELS)
    return normalise(pixels.permute(0, 3, 1, 2))


def normalise(pixels):
    """Bytes [N, C, H, W] to what the network takes."""
    shape = (1, CHANNELS, 1, 1)
    mean, std = (torch.tensor(values, device=pixels.device).view(shape) for values in (MEAN, STD))
    return (pixels.float() - mean * 255) / (std * 255)


# The safetensors format: a length, a JSON header, the numbers.
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
}


def read_safetensors(path):
    """Tensors by name, and the metadata."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = bytearray(data[8 + length + begin : 8 + length + end])
        tensors[name] = torch.frombuffer(raw, dtype=DTYPES[entry["dtype"]]).view(entry["shape"])
    return tensors, metadata


def write_safetensors(path, tensors, metadata):
    """Writes a file that Faltung reads: the metadata says how to build the network, a digest that the file is whole."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    header, parts, offset = {}, {}, 0
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        parts[name] = ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size())
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(parts[name])],
        }
        offset += len(parts[name])
    seal = hashlib.sha256()

    def add(text):
        text = text.encode()
        seal.update(str(len(text)).encode() + b":" + text)

    for key in sorted(metadata):
        if key != "faltung.digest":
            add(key)
            add(metadata[key])
    for name in sorted(header):
        add("%s %s %s" % (name, header[name]["dtype"], ",".join(map(str, header[name]["shape"]))))
        seal.update(parts[name])
    metadata = {**metadata, "faltung.digest": "sha256:" + seal.hexdigest()}
    text = json.dumps({"__metadata__": metadata, **header}).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".tmp", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts.values()))
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".tmp", path)


if __name__ == "__main__":
    from PIL import Image

    if len(sys.argv) == 1:
        sys.exit(__doc__.strip())
    network = load_model()
    for name in sys.argv[1:]:
        with torch.no_grad():
            probabilities = network(prepare(Image.open(name))).softmax(1)[0]
        best = zip(*(part.tolist() for part in probabilities.topk(min(5, len(CLASSES)))))
        print(name + ":", ", ".join("%s %.1f %%" % (CLASSES[i], 100 * p) for p, i in best))
`;
}

/** Training that goes on from the weights, or starts anew. */
export function trainScript(): string {
  return `"""Trains the network of model.py in PyTorch, on a folder with a folder of pictures for each class.

    python3 train.py DATA [--epochs 10] [--batch 64] [--lr 0.01] [--seed 0] [--fresh] [--out trained.safetensors]

The result is a file for Faltung too: faltung val model=trained.safetensors
"""
import argparse
import os

import torch
from PIL import Image
from torch import nn

from model import CLASSES, WEIGHTS, load_model, make_model, prepare, read_safetensors, write_safetensors


def read_folder(root):
    pictures, labels = [], []
    for label, name in enumerate(CLASSES):
        folder = os.path.join(root, name)
        for file in sorted(os.listdir(folder)):
            pictures.append(prepare(Image.open(os.path.join(folder, file))))
            labels.append(label)
    return torch.cat(pictures), torch.tensor(labels)


def main():
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("data", help="a folder with a folder of pictures for each class")
    parser.add_argument("--epochs", type=int, default=10, help="how often all pictures are seen")
    parser.add_argument("--batch", type=int, default=64, help="pictures a step")
    parser.add_argument("--lr", type=float, default=0.01, help="learning rate at its peak")
    parser.add_argument("--seed", type=int, default=0, help="fixes fresh weights and the order")
    parser.add_argument("--fresh", action="store_true", help="start from fresh weights")
    parser.add_argument("--out", default="trained.safetensors", help="the file to write")
    args = parser.parse_args()
    missing = [name for name in CLASSES if not os.path.isdir(os.path.join(args.data, name))]
    if missing:
        parser.error("%s has no folder for: %s" % (args.data, ", ".join(missing)))

    torch.manual_seed(args.seed)
    images, labels = read_folder(args.data)
    model = make_model() if args.fresh else load_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, nesterov=True, weight_decay=5e-4)
    steps = args.epochs * -(-len(images) // args.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=max(1, steps))
    criterion = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        model.train()
        total, right, seen = 0.0, 0, 0
        for index in torch.randperm(len(images)).split(args.batch):
            if len(index) == 1 < len(images):
                continue  # batch-norm has no statistics of one picture
            logits = model(images[index])
            loss = criterion(logits, labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(index)
            right += (logits.argmax(1) == labels[index]).sum().item()
            seen += len(index)
        numbers = (epoch + 1, args.epochs, total / seen, 100 * right / seen)
        print("epoch %d/%d  loss %.4f  accuracy %.2f %%" % numbers)

    # With the same metadata, Faltung knows how to build the network and to prepare pictures.
    _, metadata = read_safetensors(WEIGHTS)
    write_safetensors(args.out, model.state_dict(), metadata)
    print("written:", args.out)


if __name__ == "__main__":
    main()
`;
}
