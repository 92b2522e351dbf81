/**
 * The rows of the bench, as data. Sizes are those of well-known networks: ResNet-18's four stages, its stem and a
 * bottleneck's 1×1; MobileNet's depthwise; and the two layers of the MNIST network with their gradients.
 */

/**
 * @typedef {object} ConvShape
 * @property {number} batch
 * @property {number} channels
 * @property {number} outChannels
 * @property {number} size height and width of the input
 * @property {number} kernel
 * @property {number} stride
 * @property {number} padding
 * @property {number} groups
 *
 * @typedef {{ name: string, title: string } & (
 *   | { kind: "conv" | "gradInput" | "gradWeight", shape: ConvShape }
 *   | { kind: "infer", model: "resnet18" | "mobilenetV2", input: readonly number[] }
 *   | { kind: "train", model: "mnistCnn" | "resnet20", input: readonly number[] }
 * )} Work
 */

/** @type {(name: string, kind: "conv" | "gradInput" | "gradWeight", title: string, shape: Partial<ConvShape> & Pick<ConvShape, "channels" | "outChannels" | "size" | "kernel">) => Work} */
const conv = (name, kind, title, shape) => ({
  name,
  title,
  kind,
  shape: { batch: 1, stride: 1, padding: shape.kernel >> 1, groups: 1, ...shape },
});

/** @type {readonly Work[]} */
export const WORKS = [
  conv("conv3x3-56", "conv", "64→64, 3×3, 56×56", { channels: 64, outChannels: 64, size: 56, kernel: 3 }),
  conv("conv3x3-28", "conv", "128→128, 3×3, 28×28", { channels: 128, outChannels: 128, size: 28, kernel: 3 }),
  conv("conv3x3-14", "conv", "256→256, 3×3, 14×14", { channels: 256, outChannels: 256, size: 14, kernel: 3 }),
  conv("conv3x3-7", "conv", "512→512, 3×3, 7×7", { channels: 512, outChannels: 512, size: 7, kernel: 3 }),
  conv("conv7x7-224", "conv", "3→64, 7×7, stride 2, 224×224", {
    channels: 3,
    outChannels: 64,
    size: 224,
    kernel: 7,
    stride: 2,
  }),
  conv("conv1x1-56", "conv", "256→64, 1×1, 56×56", { channels: 256, outChannels: 64, size: 56, kernel: 1 }),
  conv("conv3x3-s2-56", "conv", "128→128, 3×3, stride 2, 56×56", {
    channels: 128,
    outChannels: 128,
    size: 56,
    kernel: 3,
    stride: 2,
  }),
  conv("depthwise-112", "conv", "depthwise 3×3, 32 channels, 112×112", {
    channels: 32,
    outChannels: 32,
    size: 112,
    kernel: 3,
    groups: 32,
  }),
  conv("conv3x3-b64", "conv", "32→64, 3×3, 28×28, batch 64", {
    channels: 32,
    outChannels: 64,
    size: 28,
    kernel: 3,
    batch: 64,
  }),
  conv("conv3x3-first", "conv", "1→32, 3×3, 28×28, batch 64", {
    channels: 1,
    outChannels: 32,
    size: 28,
    kernel: 3,
    batch: 64,
  }),
  conv("grad-input", "gradInput", "gradient by input, 32→64, 28×28, batch 64", {
    channels: 32,
    outChannels: 64,
    size: 28,
    kernel: 3,
    batch: 64,
  }),
  conv("grad-weight", "gradWeight", "gradient by weight, 32→64, 28×28, batch 64", {
    channels: 32,
    outChannels: 64,
    size: 28,
    kernel: 3,
    batch: 64,
  }),
  { name: "resnet18", kind: "infer", title: "ResNet-18, 224×224, batch 1", model: "resnet18", input: [1, 3, 224, 224] },
  {
    name: "mobilenetV2",
    kind: "infer",
    title: "MobileNetV2, 224×224, batch 1",
    model: "mobilenetV2",
    input: [1, 3, 224, 224],
  },
  {
    name: "train-mnist",
    kind: "train",
    title: "training step, MNIST-CNN, batch 64",
    model: "mnistCnn",
    input: [64, 1, 28, 28],
  },
  {
    name: "train-resnet20",
    kind: "train",
    title: "training step, ResNet-20, 32×32, batch 128",
    model: "resnet20",
    input: [128, 3, 32, 32],
  },
];

/** Settings of SGD in the training rows; the same in every peer. */
export const SGD = { lr: 0.01, momentum: 0.9 };

/** Steps whose losses are compared before a training row is timed. */
export const CHECKED_STEPS = 3;

/** @param {ConvShape} s */
export const outputSize = (s) => Math.floor((s.size + 2 * s.padding - s.kernel) / s.stride) + 1;

/** Shapes of a relation's three tensors. @param {ConvShape} s */
export function shapesOf(s) {
  const out = outputSize(s);
  return {
    x: [s.batch, s.channels, s.size, s.size],
    weight: [s.outChannels, s.channels / s.groups, s.kernel, s.kernel],
    y: [s.batch, s.outChannels, out, out],
  };
}

/** 2 × multiply-adds of the direct algorithm. @param {ConvShape} s */
export function convFlops(s) {
  const out = outputSize(s);
  return 2 * s.batch * s.outChannels * out * out * (s.channels / s.groups) * s.kernel * s.kernel;
}

/**
 * The rows that a user asked for: all, or those whose names are given or begin with what is given.
 * @param {readonly string[]} names
 */
export function chosen(names) {
  if (names.length === 0) return WORKS;
  for (const name of names) {
    if (!WORKS.some((w) => w.name.startsWith(name))) {
      throw new Error(`no row is called ${name}; there are: ${WORKS.map((w) => w.name).join(", ")}`);
    }
  }
  return WORKS.filter((w) => names.some((name) => w.name === name || w.name.startsWith(name)));
}
