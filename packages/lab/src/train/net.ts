/**
 * A network as a list of layers, written as the architecture figure writes it: `conv 16 3 p1/norm/relu/maxpool 2/flatten`.
 * The last linear layer, one number a class, is not in the list: it follows from the data. Sizes are the library's.
 */
import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  Linear,
  MaxPool2d,
  type Module,
  ReLU,
  Sequential,
} from "faltung";
import { normaliseConv, poolOutputSize, spatialOutput } from "faltung/conv";

export type LayerKind =
  | "conv"
  | "dwconv"
  | "norm"
  | "relu"
  | "maxpool"
  | "avgpool"
  | "dropout"
  | "gap"
  | "flatten"
  | "linear";

export interface LabLayer {
  readonly kind: LayerKind;
  /** What the kind's {@link OPTIONS} name, in their order. */
  readonly values: readonly number[];
}

interface Option {
  readonly name: "filters" | "kernel" | "stride" | "padding" | "window" | "percent" | "features";
  readonly choices: readonly number[];
  readonly usual: number;
}

const FILTERS = [4, 8, 12, 16, 24, 32, 48, 64, 96, 128];
const kernel: Option = { name: "kernel", choices: [1, 3, 5, 7], usual: 3 };
const stride: Option = { name: "stride", choices: [1, 2], usual: 1 };
const padding: Option = { name: "padding", choices: [0, 1, 2, 3], usual: 1 };
const window: Option = { name: "window", choices: [2, 3, 4], usual: 2 };

export const OPTIONS: Readonly<Record<LayerKind, readonly Option[]>> = {
  conv: [{ name: "filters", choices: FILTERS, usual: 16 }, kernel, stride, padding],
  dwconv: [kernel, stride, padding],
  norm: [],
  relu: [],
  maxpool: [window],
  avgpool: [window],
  dropout: [{ name: "percent", choices: [10, 20, 25, 30, 40, 50], usual: 25 }],
  gap: [],
  flatten: [],
  linear: [{ name: "features", choices: [16, 32, 64, 84, 120, 128, 256], usual: 64 }],
};

export const KINDS: readonly LayerKind[] = Object.keys(OPTIONS) as LayerKind[];

export const DEFAULT_NET = "conv 12 3 p1/norm/relu/maxpool 2/conv 24 3 p1/norm/relu/maxpool 2/flatten/linear 64/relu";

/** A layer of a kind with its usual values. */
export const usualLayer = (kind: LayerKind): LabLayer => ({ kind, values: OPTIONS[kind].map((o) => o.usual) });

/** Letters before the numbers that may be left out. */
const LETTERS: Readonly<Partial<Record<Option["name"], string>>> = { stride: "s", padding: "p" };
const LEFT_OUT: Readonly<Partial<Record<Option["name"], number>>> = { stride: 1, padding: 0 };

export function formatNet(layers: readonly LabLayer[]): string {
  return layers
    .map(({ kind, values }) => {
      const words = OPTIONS[kind].flatMap(({ name }, i) =>
        values[i] === LEFT_OUT[name] ? [] : [`${LETTERS[name] ?? ""}${values[i]}`],
      );
      return [kind, ...words].join(" ");
    })
    .join("/");
}

/** Layers of a network at most. */
export const MOST_LAYERS = 60;

/** The smallest and the largest value of an option, whoever writes it. */
function isPossible(name: Option["name"], value: number): boolean {
  if (name === "padding") return value <= 64;
  return value >= 1 && value <= (name === "percent" ? 90 : name === "kernel" || name === "window" ? 65 : 4096);
}

/** Reads a network; undefined where the text is none. Numbers that no control offers are taken as they are. */
export function parseNet(text: string): readonly LabLayer[] | undefined {
  const layers: LabLayer[] = [];
  if (text === "") return layers; // nothing before the last linear layer: a linear classifier
  for (const part of text.split("/")) {
    const [word, ...args] = part.trim().split(/\s+/);
    const kind = KINDS.find((k) => k === word);
    if (kind === undefined) return undefined;
    const plain = args.filter((a) => /^\d+$/.test(a)).map(Number);
    const values = OPTIONS[kind].map(({ name, usual }) => {
      const letter = LETTERS[name];
      if (letter === undefined) return plain.shift() ?? usual;
      const found = args.find((a) => a.startsWith(letter) && /^\d+$/.test(a.slice(1)));
      return found === undefined ? (LEFT_OUT[name] ?? usual) : Number(found.slice(1));
    });
    if (!OPTIONS[kind].every(({ name }, i) => isPossible(name, values[i]))) return undefined;
    layers.push({ kind, values });
  }
  return layers.length <= MOST_LAYERS ? layers : undefined;
}

/** [C, H, W] of a map, or [features]. */
export type LabShape = readonly number[];

/** The shape behind a layer, or undefined where it cannot stand there. */
export function shapeBehind(shape: LabShape, { kind, values }: LabLayer): LabShape | undefined {
  const isMap = shape.length === 3;
  switch (kind) {
    case "relu":
    case "dropout":
      return shape;
    case "linear":
      return isMap ? undefined : [values[0]];
    case "flatten":
      return isMap ? [product(shape)] : undefined;
    case "gap":
      return isMap ? [shape[0]] : undefined;
    case "norm":
      return isMap ? shape : undefined;
    case "conv":
    case "dwconv": {
      if (!isMap) return undefined;
      const [k, s, p] = kind === "conv" ? values.slice(1) : values;
      return sizes(() => [
        kind === "conv" ? values[0] : shape[0],
        ...spatialOutput(normaliseConv({ stride: s, padding: p }, [k, k], "conv"), shape.slice(1), "conv"),
      ]);
    }
    case "maxpool":
    case "avgpool": {
      if (!isMap) return undefined;
      const one = (n: number): number => poolOutputSize(n, values[0], values[0], [0, 0], 1, false, kind);
      return sizes(() => [shape[0], one(shape[1]), one(shape[2])]);
    }
  }
}

function sizes(compute: () => LabShape): LabShape | undefined {
  try {
    return compute();
  } catch {
    return undefined; // the library's own check: the kernel does not fit
  }
}

/** What a browser can train: weights in all, and numbers in all the maps of one picture. */
const [MOST_WEIGHTS, MOST_CELLS] = [20e6, 2e6];

function weightsOf({ kind, values }: LabLayer, before: LabShape): number {
  switch (kind) {
    case "conv":
      return before[0] * values[0] * values[1] ** 2;
    case "linear":
      return before[0] * values[0];
    default:
      return 0; // or so few that they do not count
  }
}

const product = (shape: LabShape): number => shape.reduce((a, b) => a * b, 1);

/** Shapes behind every layer, or undefined where the list does not hold together, or is more than a browser can train. */
export function shapesOf(layers: readonly LabLayer[], input: LabShape): readonly LabShape[] | undefined {
  const shapes: LabShape[] = [];
  let shape: LabShape = input;
  let [weights, cells] = [0, 0];
  for (const layer of layers) {
    const next = shapeBehind(shape, layer);
    if (next === undefined) return undefined;
    weights += weightsOf(layer, shape);
    cells += product(next);
    if (weights > MOST_WEIGHTS || cells > MOST_CELLS) return undefined;
    shapes.push(next);
    shape = next;
  }
  return shapes;
}

export const fits = (layers: readonly LabLayer[], input: LabShape): boolean => shapesOf(layers, input) !== undefined;

/** The network, with fresh weights: see `manualSeed`. */
export function buildNet(layers: readonly LabLayer[], input: LabShape, classes: number): Module {
  let shape = input;
  const modules: Module[] = [];
  for (const layer of layers) {
    modules.push(moduleOf(layer, shape));
    shape = shapeBehind(shape, layer) ?? shape;
  }
  if (shape.length === 3) modules.push(new Flatten());
  modules.push(new Linear(product(shape), classes));
  return new Sequential(...modules);
}

function moduleOf({ kind, values }: LabLayer, shape: LabShape): Module {
  switch (kind) {
    case "conv":
      return new Conv2d(shape[0], values[0], values[1], { stride: values[2], padding: values[3] });
    case "dwconv":
      return new Conv2d(shape[0], shape[0], values[0], { stride: values[1], padding: values[2], groups: shape[0] });
    case "norm":
      return new BatchNorm2d(shape[0]);
    case "relu":
      return new ReLU();
    case "maxpool":
      return new MaxPool2d(values[0]);
    case "avgpool":
      return new AvgPool2d(values[0]);
    case "dropout":
      return new Dropout(values[0] / 100);
    case "gap":
      return new Sequential(new AdaptiveAvgPool2d(1), new Flatten());
    case "flatten":
      return new Flatten();
    case "linear":
      return new Linear(shape[0], values[0]);
  }
}
