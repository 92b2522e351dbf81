/** Modules made from their description: what a model file's metadata holds, and what the lab edits. */
import * as nn from "../nn/index.ts";
import type { Module, ModuleSpec, SpecArgument } from "../nn/index.ts";
import { FormatError, OptionError } from "../tensor/errors.ts";
import { lenet5 } from "./lenet.ts";
import { mobilenetV2 } from "./mobilenet.ts";
import { cifarResnet, imagenetResnet } from "./resnet.ts";
import { small } from "./small.ts";

/** Arguments were written by the module's own `spec()`; the constructor checks them. */
type Maker = (...args: never[]) => Module;

const layers: Readonly<Record<string, new (...args: never[]) => Module>> = {
  AdaptiveAvgPool1d: nn.AdaptiveAvgPool1d,
  AdaptiveAvgPool2d: nn.AdaptiveAvgPool2d,
  AdaptiveMaxPool1d: nn.AdaptiveMaxPool1d,
  AdaptiveMaxPool2d: nn.AdaptiveMaxPool2d,
  AvgPool1d: nn.AvgPool1d,
  AvgPool2d: nn.AvgPool2d,
  AvgPool3d: nn.AvgPool3d,
  BatchNorm1d: nn.BatchNorm1d,
  BatchNorm2d: nn.BatchNorm2d,
  BatchNorm3d: nn.BatchNorm3d,
  Conv1d: nn.Conv1d,
  Conv2d: nn.Conv2d,
  Conv3d: nn.Conv3d,
  ConvTranspose1d: nn.ConvTranspose1d,
  ConvTranspose2d: nn.ConvTranspose2d,
  ConvTranspose3d: nn.ConvTranspose3d,
  Dropout: nn.Dropout,
  Dropout2d: nn.Dropout2d,
  ELU: nn.ELU,
  Flatten: nn.Flatten,
  GELU: nn.GELU,
  GroupNorm: nn.GroupNorm,
  Hardsigmoid: nn.Hardsigmoid,
  Hardswish: nn.Hardswish,
  Identity: nn.Identity,
  InstanceNorm1d: nn.InstanceNorm1d,
  InstanceNorm2d: nn.InstanceNorm2d,
  LayerNorm: nn.LayerNorm,
  LeakyReLU: nn.LeakyReLU,
  Linear: nn.Linear,
  LocalResponseNorm: nn.LocalResponseNorm,
  LogSoftmax: nn.LogSoftmax,
  MaxPool1d: nn.MaxPool1d,
  MaxPool2d: nn.MaxPool2d,
  MaxPool3d: nn.MaxPool3d,
  PReLU: nn.PReLU,
  Pad: nn.Pad,
  PixelShuffle: nn.PixelShuffle,
  ReLU: nn.ReLU,
  ReLU6: nn.ReLU6,
  Residual: nn.Residual,
  SELU: nn.SELU,
  Sequential: nn.Sequential,
  SiLU: nn.SiLU,
  Sigmoid: nn.Sigmoid,
  Softmax: nn.Softmax,
  Softplus: nn.Softplus,
  Tanh: nn.Tanh,
  Upsample: nn.Upsample,
};

const makers = new Map<string, Maker>([
  ...Object.entries(layers).map(([type, Layer]): [string, Maker] => [type, (...args) => new Layer(...args)]),
  ...Object.entries({ cifarResnet, imagenetResnet, lenet5, mobilenetV2, small }),
]);

/**
 * Makes a type of your own known to {@link build}, so that its models can be loaded from a file alone.
 * @throws OptionError if the name is taken.
 */
export function registerModule<A extends unknown[]>(type: string, make: (...args: A) => Module): void {
  if (makers.has(type)) throw new OptionError(`registerModule: the type ${type} is taken.`);
  makers.set(type, (...args: unknown[]) => make(...(args as A)));
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
  return make(...(spec.args.map((arg) => (isSpec(arg) ? build(arg) : arg)) as never[]));
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
