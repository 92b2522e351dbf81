/** The networks that `model=` knows by name, and what each takes. */
import { type Module, cifarResnet, imagenetResnet, lenet5, manualSeed, mobilenetV2, small } from "faltung";
import { UsageError, UserError } from "./command/errors.ts";
import { didYouMean } from "./command/suggest.ts";
import type { Geometry } from "./data/bundle.ts";

interface NamedModel {
  readonly make: (geometry: Geometry, classes: number) => Module;
  /** Smallest side of a picture that it can take. */
  readonly smallest: number;
  /** Learning rate for SGD: networks with batch-norm bear more. */
  readonly lr: number;
  readonly help: string;
  /** Channels, side and classes of the pictures that it was made for. */
  readonly usual: readonly [channels: Geometry["channels"], side: number, classes: number];
}

const MODELS: Readonly<Record<string, NamedModel>> = {
  small: {
    make: ({ channels }, classes) => small(channels, classes),
    smallest: 8,
    lr: 0.1,
    help: "3×3 convolutions with batch-norm, 0.1 M parameters",
    usual: [1, 28, 10],
  },
  lenet5: { make: square(lenet5), smallest: 12, lr: 0.05, help: "LeNet-5, 0.06 M for 28×28", usual: [1, 28, 10] },
  resnet20: {
    make: ({ channels }, classes) => cifarResnet(20, channels, classes),
    smallest: 8,
    lr: 0.1,
    help: "0.27 M",
    usual: [3, 32, 10],
  },
  resnet32: {
    make: ({ channels }, classes) => cifarResnet(32, channels, classes),
    smallest: 8,
    lr: 0.1,
    help: "0.47 M",
    usual: [3, 32, 10],
  },
  resnet56: {
    make: ({ channels }, classes) => cifarResnet(56, channels, classes),
    smallest: 8,
    lr: 0.1,
    help: "0.86 M",
    usual: [3, 32, 10],
  },
  resnet18: {
    make: ({ channels }, classes) => imagenetResnet([2, 2, 2, 2], channels, classes),
    smallest: 32,
    lr: 0.1,
    help: "for photographs, 11 M",
    usual: [3, 224, 1000],
  },
  resnet34: {
    make: ({ channels }, classes) => imagenetResnet([3, 4, 6, 3], channels, classes),
    smallest: 32,
    lr: 0.1,
    help: "for photographs, 21 M",
    usual: [3, 224, 1000],
  },
  mobilenetv2: {
    make: ({ channels }, classes) => mobilenetV2(channels, classes),
    smallest: 32,
    lr: 0.05,
    help: "for photographs, depthwise, 2.2 M",
    usual: [3, 224, 1000],
  },
};

export const MODEL_NAMES: readonly string[] = Object.keys(MODELS);

/** An untrained network as it was published: for the pictures and classes that it was made for. */
export function usualModel(name: string): { readonly module: Module; readonly preprocessing: Geometry } {
  const [channels, side, classes] = MODELS[name].usual;
  const preprocessing = { channels, height: side, width: side };
  return { module: createModel(name, preprocessing, classes, 0), preprocessing };
}

/** "small (four convolutions …), lenet5 (…), …" for --help. */
export const MODEL_HELP: string = Object.entries(MODELS)
  .map(([name, { help }]) => `${name}: ${help}`)
  .join("; ");

function square(make: (channels: number, classes: number, size: number) => Module): NamedModel["make"] {
  return ({ channels, height, width }, classes) => {
    if (height !== width)
      throw new UserError(`lenet5 takes square pictures, not ${width}×${height}: set imgsz=${height}.`);
    return make(channels, classes, height);
  };
}

/** @throws UsageError if there is no such model */
export function checkModelName(name: string): void {
  if (!Object.hasOwn(MODELS, name)) {
    throw new UsageError(
      `model=${name}: there is no such network.${didYouMean(name, MODEL_NAMES)} Networks: ${MODEL_NAMES.join(", ")}; ` +
        `or a file (best.safetensors) to go on from.`,
    );
  }
}

/**
 * A network with fresh weights drawn by the seed.
 * @throws UsageError if there is no such model; UserError if the pictures are too small for it
 */
export function createModel(name: string, geometry: Geometry, classes: number, seed: number): Module {
  checkModelName(name);
  const { make, smallest } = MODELS[name];
  if (Math.min(geometry.height, geometry.width) < smallest) {
    throw new UserError(
      `model=${name} takes pictures from ${smallest}×${smallest} on; these are ${geometry.width}×${geometry.height}. ` +
        `Set imgsz=${smallest} or more, or choose another model.`,
    );
  }
  manualSeed(seed);
  return make(geometry, classes);
}

/** The learning rate that suits a network and an optimiser. */
export function defaultLearningRate(model: string, optimizer: string): number {
  if (optimizer === "SGD") return Object.hasOwn(MODELS, model) ? MODELS[model].lr : 0.01;
  return optimizer === "RMSprop" ? 0.001 : 0.003;
}
