/** Layers as PyTorch writes them: `nn.Conv2d(1, 16, 3, padding=1, bias=False)`. */
import type { ModuleSpec, SpecArgument } from "faltung";
import { UserError } from "../command/errors.ts";

type Options = { readonly [key: string]: SpecArgument };

/** Layers whose arguments are PyTorch's in order, then its keywords in camelCase; with the defaults not to be said. */
const ALIKE: Readonly<Record<string, Options>> = {
  AdaptiveAvgPool1d: {},
  AdaptiveAvgPool2d: {},
  AdaptiveMaxPool1d: {},
  AdaptiveMaxPool2d: {},
  AvgPool1d: { padding: 0, ceilMode: false, countIncludePad: true },
  AvgPool2d: { padding: 0, ceilMode: false, countIncludePad: true },
  AvgPool3d: { padding: 0, ceilMode: false, countIncludePad: true },
  BatchNorm1d: { eps: 1e-5, momentum: 0.1, affine: true, trackRunningStats: true },
  BatchNorm2d: { eps: 1e-5, momentum: 0.1, affine: true, trackRunningStats: true },
  BatchNorm3d: { eps: 1e-5, momentum: 0.1, affine: true, trackRunningStats: true },
  Conv1d: { stride: 1, padding: 0, dilation: 1, groups: 1, bias: true, paddingMode: "zeros", flip: false },
  Conv2d: { stride: 1, padding: 0, dilation: 1, groups: 1, bias: true, paddingMode: "zeros", flip: false },
  Conv3d: { stride: 1, padding: 0, dilation: 1, groups: 1, bias: true, paddingMode: "zeros", flip: false },
  ConvTranspose1d: { stride: 1, padding: 0, dilation: 1, groups: 1, bias: true, paddingMode: "zeros", flip: false },
  ConvTranspose2d: { stride: 1, padding: 0, dilation: 1, groups: 1, bias: true, paddingMode: "zeros", flip: false },
  ConvTranspose3d: { stride: 1, padding: 0, dilation: 1, groups: 1, bias: true, paddingMode: "zeros", flip: false },
  Dropout: {},
  Dropout2d: {},
  ELU: {},
  GroupNorm: { eps: 1e-5, affine: true },
  Hardsigmoid: {},
  Hardswish: {},
  Identity: {},
  InstanceNorm1d: { eps: 1e-5, affine: false },
  InstanceNorm2d: { eps: 1e-5, affine: false },
  LayerNorm: { eps: 1e-5, elementwiseAffine: true },
  LeakyReLU: {},
  Linear: { bias: true },
  LocalResponseNorm: { alpha: 1e-4, beta: 0.75, k: 1 },
  MaxPool1d: { padding: 0, dilation: 1, ceilMode: false },
  MaxPool2d: { padding: 0, dilation: 1, ceilMode: false },
  MaxPool3d: { padding: 0, dilation: 1, ceilMode: false },
  PReLU: {},
  PixelShuffle: {},
  ReLU: {},
  ReLU6: {},
  SELU: {},
  SiLU: {},
  Sigmoid: {},
  Softplus: {},
  Tanh: {},
  Upsample: { mode: "nearest" },
};

/** Layers whose one argument PyTorch wants by its name. */
const BY_NAME: Readonly<Record<string, string>> = { Softmax: "dim", LogSoftmax: "dim", GELU: "approximate" };

const PAD: Readonly<Record<string, string>> = {
  constant: "Constant",
  reflect: "Reflection",
  replicate: "Replication",
  circular: "Circular",
};

export interface PythonLayer {
  readonly code: string;
  /** Whether it needs the class `Residual` of the script. */
  readonly residual: boolean;
}

/**
 * A layer, or layers within a Sequential, as an expression.
 * @param indent of the line that it stands on
 * @throws UserError for what torch.nn has no layer for
 */
export function pythonLayer(spec: ModuleSpec, indent: string = ""): PythonLayer {
  const { type, args } = spec;
  const deeper = `${indent}    `;
  if (type === "Sequential" || type === "Residual") {
    const residual = type === "Residual";
    const parts = args.flatMap((arg): PythonLayer[] => {
      if (isSpec(arg)) return [pythonLayer(arg, deeper)];
      if (arg === null || arg === undefined) return [{ code: "None", residual: false }];
      return [{ code: keywords(arg as Options, { activation: true }), residual: false }];
    });
    const lines = parts.filter(({ code }) => code !== "").map(({ code }) => `${deeper}${code},\n`);
    const name = residual ? "Residual" : "nn.Sequential";
    return {
      code: lines.length === 0 ? `${name}()` : `${name}(\n${lines.join("")}${indent})`,
      residual: residual || parts.some((part) => part.residual),
    };
  }
  return { code: leaf(type, args), residual: false };
}

function leaf(type: string, args: readonly SpecArgument[]): string {
  if (type === "Flatten") {
    const [start, end] = args;
    return start === 1 && end === -1 ? "nn.Flatten()" : `nn.Flatten(${python(start)}, ${python(end)})`;
  }
  if (type === "Pad") {
    const [padding, options] = args as readonly [readonly number[], Options];
    const { mode = "constant", value = 0 } = options;
    const name = `${PAD[String(mode)]}Pad${padding.length / 2}d`;
    return `nn.${name}(${python(padding)}${mode === "constant" ? `, ${python(value)}` : ""})`;
  }
  if (type in BY_NAME) return `nn.${type}(${BY_NAME[type]}=${python(args[0])})`;
  if (!Object.hasOwn(ALIKE, type)) {
    throw new UserError(`format=pytorch: torch.nn has no layer for ${type}. format=onnx or format=wasm can take it.`);
  }
  const rest = args.map((arg) => (isOptions(arg) ? keywords(arg, ALIKE[type], type) : python(arg)));
  return `nn.${type}(${rest.filter((part) => part !== "").join(", ")})`;
}

function keywords(options: Options, defaults: Options, type = ""): string {
  if (options["flip"] === true) {
    throw new UserError(
      "format=pytorch: torch.nn has no layer for a true convolution (flip). Use format=onnx or wasm.",
    );
  }
  const { padding } = options;
  if (type.startsWith("Conv") && Array.isArray(padding) && padding.some((side) => Array.isArray(side))) {
    throw new UserError(
      "format=pytorch: nn.Conv pads both sides alike. Put a Pad layer before it, or use format=onnx.",
    );
  }
  return Object.entries(options)
    .filter(([key, value]) => value !== undefined && value !== defaults[key])
    .map(([key, value]) => `${key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)}=${python(value)}`)
    .join(", ");
}

/** A value as Python writes it. */
export function python(value: SpecArgument): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `(${value.map(python).join(", ")}${value.length === 1 ? "," : ""})`;
  return JSON.stringify(value);
}

function isOptions(arg: SpecArgument): arg is Options {
  return typeof arg === "object" && arg !== null && !Array.isArray(arg) && !isSpec(arg);
}

function isSpec(arg: SpecArgument): arg is ModuleSpec {
  return typeof arg === "object" && arg !== null && "type" in arg && "args" in arg;
}
