/**
 * `pictures.py` beside train.py: the order of an epoch, augmentation and the decoded pictures, as the library has them
 * (train/batches.ts, train/augment.ts, tensor/random.ts). So both engines see the same batches, to the byte.
 */
export const PICTURES_SCRIPT: string = `"""Pictures in the order, shifted and mirrored as Faltung's own engine does it by the same seed."""
import os

import torch
import torch.nn.functional as F

from model import CHANNELS, HEIGHT, WIDTH

# Chance: hashes and a generator of 32 bits. They take ints, or tensors of them.
MASK = 0xFFFFFFFF


def mix(x):
    """PCG's RXS-M-XS output permutation over one step (O'Neill 2014)."""
    state = (x * 747796405 + 2891336453) & MASK
    word = ((state >> ((state >> 28) + 4)) ^ state) * 277803737 & MASK
    return (word >> 22) ^ word


def bits(seed, index):
    """32 random bits for element \`index\` of stream \`seed\`."""
    return mix((mix(index ^ mix(seed)) + seed) & MASK)


def epoch_key(seed, epoch):
    return mix(mix(seed & MASK) ^ mix(((seed >> 32) ^ epoch) & MASK))


def epoch_order(size, seed, epoch):
    """The order of an epoch: Fisher-Yates with xoshiro128** (Blackman & Vigna 2018)."""
    key = mix(0) ^ epoch_key(seed, epoch)
    a, b, c, d = bits(key, 0), bits(key, 1), bits(key, 2), bits(key, 3) | 1
    order = list(range(size))
    for i in range(size - 1, 0, -1):
        limit = 2**32 - 2**32 % (i + 1)
        while True:
            x = b * 5 & MASK
            x = ((x << 7 | x >> 25) & MASK) * 9 & MASK
            t = b << 9 & MASK
            c ^= a
            d ^= b
            b ^= c
            a ^= d
            c ^= t
            d = (d << 11 | d >> 21) & MASK
            if x < limit:
                break
        j = x % (i + 1)
        order[i], order[j] = order[j], order[i]
    return torch.tensor(order)


def augment(pixels, index, key, shift, flip):
    """Bytes [N, C, H, W] shifted (the uncovered is 0) and mirrored; what happens to a picture follows from its number."""
    if shift == 0 and not flip:
        return pixels
    n, channels, height, width = pixels.shape
    dy = bits(key, index * 8) % (2 * shift + 1) - shift
    dx = bits(key, index * 8 + 1) % (2 * shift + 1) - shift
    rows = torch.arange(height) - dy[:, None] + shift
    columns = torch.arange(width).expand(n, width)
    if flip:
        mirrored = bits(key, index * 8 + 2) % 2 == 1
        columns = torch.where(mirrored[:, None], width - 1 - columns, columns)
    columns = columns - dx[:, None] + shift
    padded = F.pad(pixels, (shift, shift, shift, shift))
    batch, channel = torch.arange(n)[:, None, None, None], torch.arange(channels)[None, :, None, None]
    return padded[batch, channel, rows[:, None, :, None], columns[:, None, None, :]]


class Data:
    """Decoded pictures and labels, mapped from their files: only what is read comes into memory."""

    def __init__(self, folder, name, size):
        self.size = size
        picture = CHANNELS * HEIGHT * WIDTH
        path = os.path.join(folder, "data", name)
        pixels = torch.from_file(path + ".images", size=self.size * picture, dtype=torch.uint8)
        self.images = pixels.view(self.size, CHANNELS, HEIGHT, WIDTH)
        self.labels = torch.from_file(path + ".labels", size=self.size, dtype=torch.int32)
`;
