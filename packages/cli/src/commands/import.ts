/** `faltung import`: a network that another program has trained, as a file that every command here takes. */
import { basename, dirname, extname, join, resolve } from "node:path";
import type { RawTensor } from "faltung";
import { makeFolder } from "../checkpoint/atomic.ts";
import { type ModelFile, type Preprocessing, readModel, writeModel } from "../checkpoint/model-file.ts";
import { type Command, defineCommand } from "../command/command.ts";
import { EXIT, UsageError, UserError } from "../command/errors.ts";
import { type Values, autoWhole, flag, text } from "../command/option.ts";
import { readBytes } from "../data/read.ts";
import { type Fit, findSource, loadWeights, readWeights, report } from "../import/weights.ts";
import { MODEL_NAMES, checkModelName, createModel } from "../models.ts";
import { count, thousands } from "../terminal/format.ts";
import { JSON_OPTION } from "./shared.ts";

const options = {
  source: text<string | undefined>({
    default: undefined,
    shown: "(needed)",
    help: "weights (.safetensors, .pt, .pth), a network (.onnx), or the folder of a PyTorch export or run",
  }),
  model: text<string | undefined>({
    default: undefined,
    help: `the network that the weights belong to: a file of faltung train, or ${MODEL_NAMES.join(", ")}; a complete file and .onnx say it themselves`,
  }),
  out: text<string | undefined>({ default: undefined, shown: "(beside the source)", help: "the file to write" }),
  strict: flag({ default: true, help: "every name must fit; false loads what does, and leaves the rest" }),
  classes: text<string | undefined>({
    default: undefined,
    help: "names of the classes, in order: cat,dog,… By default the model's, or their numbers",
  }),
  imgsz: autoWhole({
    min: 1,
    max: 8192,
    help: "side of the pictures; auto: the file's, or what is usual for the network",
  }),
  mean: text<string | undefined>({
    default: undefined,
    help: "of each channel, from 0 to 1: 0.485,0.456,0.406. By default the model's, else ImageNet's, or 0 for gray",
  }),
  std: text<string | undefined>({ default: undefined, help: "of each channel: 0.229,0.224,0.225; or 1 for gray" }),
  json: JSON_OPTION,
};
type ImportValues = Values<typeof options>;

export const importCommand: Command = defineCommand({
  description:
    "Takes weights back from PyTorch, or a network from ONNX, and writes a file with all that predict, val, train, " +
    "export, serve and figure need. A .pt file is read, never run. Names and shapes must be PyTorch's for the network.",
  examples: [
    ["import source=torch-folder", "what the scripts of export format=pytorch have trained"],
    ["import source=weights.pt model=runs/train/weights/best.safetensors", "a state dict for a network that you have"],
    ["import source=resnet18.pth model=resnet18", "torchvision's weights, with ImageNet's preprocessing"],
    ["import source=net.onnx classes=cat,dog", "a network as ONNX Runtime takes it"],
  ],
  options,
  run: async (values, { terminal }) => {
    if (values.source === undefined) {
      throw new UsageError("faltung import needs source=FILE: weights (.safetensors, .pt) or a network (.onnx).");
    }
    const path = await findSource(values.source);
    const out = values.out ?? join(dirname(path), `${basename(path, extname(path))}.model.safetensors`);
    if (resolve(out) === resolve(path)) throw new UsageError("out= is the source itself; choose another name.");
    const { file, notes, fit } = path.endsWith(".onnx")
      ? await fromOnnx(path, values)
      : await fromWeights(path, values);
    await makeFolder(dirname(out));
    await writeModel(out, file);
    for (const line of notes) terminal.note(line);
    for (const line of [...report("missing, left as they were", fit.missing), ...report("not used", fit.unexpected)]) {
      terminal.note(line);
    }
    const { preprocessing, classes, module } = file;
    terminal.say(`${path}: ${count(fit.loaded, "tensor")}, ${thousands(module.parameterCount)} parameters`);
    terminal.say(`Pictures: ${preprocessingText(preprocessing)}`);
    terminal.say(`Classes: ${classes.slice(0, 8).join(", ")}${classes.length > 8 ? `, … (${classes.length})` : ""}`);
    terminal.say(`Written: ${terminal.paint.bold(out)}`);
    terminal.say(`Use it: npx faltung predict model=${out} source=picture.png`);
    terminal.emit({ event: "import", source: path, out, ...fit, preprocessing, classes });
    return EXIT.fine;
  },
});

interface Imported {
  readonly file: ModelFile;
  readonly fit: Fit;
  readonly notes: readonly string[];
}

async function fromWeights(path: string, values: ImportValues): Promise<Imported> {
  const weights = await readWeights(path);
  const { model = weights.complete ? path : undefined } = values;
  if (model === undefined) {
    throw new UserError(
      `${path} holds weights without the network they belong to. Say which: model=resnet18 (or ` +
        `${MODEL_NAMES.filter((name) => name !== "resnet18").join(", ")}), or a file of faltung train's: model=runs/train/weights/best.safetensors`,
    );
  }
  const template = model.endsWith(".safetensors")
    ? await readModel(model)
    : namedNetwork(model, weights.tensors, values);
  const file = withOptions(template, values);
  const fit = loadWeights(file.module, weights, model === path ? "its own network" : model, values.strict);
  return { file, fit, notes: weights.notes };
}

/** Sides of the pictures that a network is usually trained on. */
const USUAL_SIZE: Readonly<Record<string, number>> = {
  small: 28,
  lenet5: 28,
  resnet20: 32,
  resnet32: 32,
  resnet56: 32,
};

/** A network by name, for as many channels and classes as the weights are. */
function namedNetwork(name: string, tensors: ReadonlyMap<string, RawTensor>, values: ImportValues): ModelFile {
  checkModelName(name);
  const shapes = Array.from(tensors.values(), ({ shape }) => shape);
  const channels = shapes.find((shape) => shape.length === 4)?.[1] === 1 ? 1 : 3;
  const outputs = shapes.findLast((shape) => shape.length === 2)?.[0] ?? 10;
  const size = values.imgsz ?? USUAL_SIZE[name] ?? 224;
  const geometry = { channels, height: size, width: size } as const;
  return {
    module: createModel(name, geometry, outputs, 0),
    preprocessing: { ...geometry, ...usualStatistics(channels) },
    classes: numbered(outputs),
    notes: { model: name, data: "", val: 0, seed: 0, epoch: 0 },
  };
}

/** ImageNet's, which torchvision's networks are trained with; gray pictures as bytes / 255. */
function usualStatistics(channels: 1 | 3): Pick<Preprocessing, "mean" | "std"> {
  if (channels === 1) return { mean: [0], std: [1] };
  return { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
}

function numbered(classes: number): string[] {
  return Array.from({ length: classes }, (_, i) => String(i));
}

async function fromOnnx(path: string, values: ImportValues): Promise<Imported> {
  if (values.model !== undefined) throw new UsageError("model= cannot be given with .onnx: the file has its network.");
  const { readOnnx } = await import("faltung/onnx");
  const { storable } = await import("../import/onnx-graph.ts");
  const what = basename(path);
  const whole = await readOnnx(path);
  const stored = storable(await readBytes(path), whole, values.imgsz, what);
  const [channels, height, width] = stored.picture;
  if ((channels !== 1 && channels !== 3) || height === null || width === null) {
    throw new UserError(`${path} takes pictures of ${channels} channels; 1 (gray) or 3 (RGB) are supported.`);
  }
  const template: ModelFile = {
    module: stored.module,
    preprocessing: { channels, height, width, ...(described(stored.metadata, channels) ?? usualStatistics(channels)) },
    classes: namesIn(stored.metadata, stored.classes) ?? numbered(stored.classes),
    notes: { model: what, data: "", val: 0, seed: 0, epoch: 0 },
  };
  const notes = [
    ...(stored.cutSoftmax ? ["Its last softmax is left out: the commands here have their own."] : []),
    ...(stored.batch === undefined
      ? []
      : [`It takes exactly ${count(stored.batch, "picture")} at a time: val and train need batch=${stored.batch}.`]),
  ];
  const loaded = Array.from(stored.module.namedStates()).length;
  return { file: withOptions(template, values), fit: { loaded, missing: [], unexpected: [] }, notes };
}

/** Mean and deviation that export format=onnx has written into the file. */
function described(
  metadata: ReadonlyMap<string, string>,
  channels: number,
): Pick<Preprocessing, "mean" | "std"> | undefined {
  const value = json(metadata.get("preprocessing"));
  const list = (key: "mean" | "std"): number[] | undefined => {
    const found = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
    return Array.isArray(found) && found.length === channels && found.every(Number.isFinite) ? found : undefined;
  };
  const [mean, std] = [list("mean"), list("std")];
  return mean === undefined || std === undefined ? undefined : { mean, std };
}

function namesIn(metadata: ReadonlyMap<string, string>, classes: number): string[] | undefined {
  const value = json(metadata.get("classes"));
  const names = Array.isArray(value) && value.every((name) => typeof name === "string");
  return names && value.length === classes ? value : undefined;
}

function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return undefined;
  }
}

/** With classes, mean and std as the command line says them. */
function withOptions(file: ModelFile, { classes, mean, std, imgsz }: ImportValues): ModelFile {
  const { preprocessing } = file;
  const { channels, height } = preprocessing;
  if (imgsz !== undefined && imgsz !== height) {
    throw new UserError(`imgsz=${imgsz}: the model's pictures are ${height} pixels high, and that stays so.`);
  }
  const numbers = (name: string, value: string | undefined, otherwise: readonly number[]): readonly number[] => {
    if (value === undefined) return otherwise;
    const list = value.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
    if (list.length === channels && list.every((n) => Number.isFinite(n) && (name === "mean" || n > 0))) return list;
    throw new UsageError(
      `${name}=${value}: expected ${count(channels, "number")}${channels > 1 ? ", with commas between" : ""}.`,
    );
  };
  const names = classes?.split(",").map((name) => name.trim());
  if (names !== undefined && names.length !== file.classes.length) {
    throw new UsageError(
      `classes= has ${count(names.length, "name")}; the network has ${file.classes.length} outputs.`,
    );
  }
  return {
    ...file,
    classes: names ?? file.classes,
    preprocessing: {
      ...preprocessing,
      mean: numbers("mean", mean, preprocessing.mean),
      std: numbers("std", std, preprocessing.std),
    },
  };
}

function preprocessingText({ channels, height, width, mean, std }: Preprocessing): string {
  const list = (values: readonly number[]): string => values.map((n) => Number(n.toPrecision(4))).join(", ");
  return `${width}×${height}, ${channels === 1 ? "gray" : "RGB"}, mean ${list(mean)}, std ${list(std)}`;
}
