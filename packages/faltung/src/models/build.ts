/** Modules made from their description: what a model file's metadata holds, and what the lab edits. */
import * as nn from "../nn/index.ts";
import type { Module, ModuleSpec, SpecArgument } from "../nn/index.ts";
import { FormatError, OptionError } from "../tensor/errors.ts";
import { lenet5 } from "./lenet.ts";
import { mobilenetV2 } from "./mobilenet.ts";
import { cifarResnet, imagenetResnet } from "./resnet.ts";
import { small } from "./small.ts";

type Maker = (args: readonly unknown[]) => Module;

/** A constructor as a maker. Its arguments were written by the module's own `spec()`; the constructor checks them. */
function layer<A extends unknown[]>(type: new (...args: A) => Module): Maker {
  return (args) => new type(...(args as A));
}

function model<A extends unknown[]>(make: (...args: A) => Module): Maker {
  return (args) => make(...(args as A));
}

const makers = new Map<string, Maker>(
  Object.entries({
    AdaptiveAvgPool1d: layer(nn.AdaptiveAvgPool1d),
    AdaptiveAvgPool2d: layer(nn.AdaptiveAvgPool2d),
    AvgPool1d: layer(nn.AvgPool1d),
    AvgPool2d: layer(nn.AvgPool2d),
    AvgPool3d: layer(nn.AvgPool3d),
    BatchNorm1d: layer(nn.BatchNorm1d),
    BatchNorm2d: layer(nn.BatchNorm2d),
    BatchNorm3d: layer(nn.BatchNorm3d),
    Conv1d: layer(nn.Conv1d),
    Conv2d: layer(nn.Conv2d),
    Conv3d: layer(nn.Conv3d),
    ConvTranspose1d: layer(nn.ConvTranspose1d),
    ConvTranspose2d: layer(nn.ConvTranspose2d),
    ConvTranspose3d: layer(nn.ConvTranspose3d),
    Dropout: layer(nn.Dropout),
    Dropout2d: layer(nn.Dropout2d),
    ELU: layer(nn.ELU),
    Flatten: layer(nn.Flatten),
    GELU: layer(nn.GELU),
    GroupNorm: layer(nn.GroupNorm),
    Hardsigmoid: layer(nn.Hardsigmoid),
    Hardswish: layer(nn.Hardswish),
    Identity: layer(nn.Identity),
    InstanceNorm1d: layer(nn.InstanceNorm1d),
    InstanceNorm2d: layer(nn.InstanceNorm2d),
    LayerNorm: layer(nn.LayerNorm),
    LeakyReLU: layer(nn.LeakyReLU),
    Linear: layer(nn.Linear),
    LocalResponseNorm: layer(nn.LocalResponseNorm),
    LogSoftmax: layer(nn.LogSoftmax),
    MaxPool1d: layer(nn.MaxPool1d),
    MaxPool2d: layer(nn.MaxPool2d),
    MaxPool3d: layer(nn.MaxPool3d),
    PReLU: layer(nn.PReLU),
    ReLU: layer(nn.ReLU),
    ReLU6: layer(nn.ReLU6),
    Pad: layer(nn.Pad),
    PixelShuffle: layer(nn.PixelShuffle),
    Residual: layer(nn.Residual),
    SELU: layer(nn.SELU),
    Sequential: model((...layers: Module[]) => new nn.Sequential(...layers)),
    SiLU: layer(nn.SiLU),
    Sigmoid: layer(nn.Sigmoid),
    Softmax: layer(nn.Softmax),
    Softplus: layer(nn.Softplus),
    Tanh: layer(nn.Tanh),
    Upsample: layer(nn.Upsample),
    cifarResnet: model(cifarResnet),
    imagenetResnet: model(imagenetResnet),
    lenet5: model(lenet5),
    mobilenetV2: model(mobilenetV2),
    small: model(small),
  }),
);

/**
 * Makes a type of your own known to {@link build}, so that its models can be loaded from a file alone.
 * @throws OptionError if the name is taken.
 */
export function registerModule<A extends unknown[]>(type: string, make: (...args: A) => Module): void {
  if (makers.has(type)) throw new OptionError(`registerModule: the type ${type} is taken.`);
  makers.set(type, model(make));
}

/**
 * A module from its description, freshly initialised.
 *
 * @throws FormatError for a type that is not known, or a description that is none.
 *
 * @example
 * ```ts
 * build({ type: "Sequential", args: [{ type: "Flatten", args: [] }, { type: "Linear", args: [784, 10] }] }).parameterCount; // 7850
 * ```
 */
export function build(spec: ModuleSpec): Module {
  const make = makers.get(spec.type);
  if (make === undefined) {
    const known = [...makers.keys()].join(", ");
    throw new FormatError(
      `build: no module type ${JSON.stringify(spec.type)} is known. Known are ${known}; registerModule adds one.`,
    );
  }
  return make(spec.args.map((arg) => (isSpec(arg) ? build(arg) : arg)));
}

function isSpec(arg: SpecArgument): arg is ModuleSpec {
  return typeof arg === "object" && arg !== null && "type" in arg && "args" in arg && Array.isArray(arg.args);
}

/** Reads a description out of JSON text. @throws FormatError if it is none. */
export function parseSpec(json: string): ModuleSpec {
  let value: SpecArgument;
  try {
    value = JSON.parse(json) as SpecArgument;
  } catch (error) {
    throw new FormatError("parseSpec: the architecture is not JSON.", { cause: error });
  }
  if (!isSpec(value)) throw new FormatError("parseSpec: the architecture is not of the form { type, args }.");
  return value;
}
