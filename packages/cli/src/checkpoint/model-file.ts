/**
 * A trained model in one file: weights under PyTorch's names, and in the metadata all that a prediction needs besides:
 * how to build the network, how to prepare a picture, what the classes are called.
 */
import { type ChannelStatistics, FormatError, type Module, build, parseSpec, toTensor } from "faltung";
import type { Geometry } from "../data/bundle.ts";
import { readSealed, writeSealed } from "./sealed.ts";

const VERSION = "1";
/** The type of a network that is described by an ONNX graph: see import/onnx-graph.ts. */
export const ONNX_GRAPH = "OnnxGraph";

/** How a picture becomes numbers: decoded, covered to this size, ÷ 255, − mean, ÷ std. */
export interface Preprocessing extends Geometry, ChannelStatistics {}

/** What one would want to know of a model that one finds in a folder. */
export interface ModelNotes {
  /** `model=` of the run. */
  readonly model: string;
  /** `data=` of the run. */
  readonly data: string;
  /** `val=` and `seed=` of the run, by which the pictures were divided. */
  readonly val: number;
  readonly seed: number;
  /** Epochs done, counted from 1. */
  readonly epoch: number;
  readonly top1?: number;
}

export interface ModelFile {
  readonly module: Module;
  readonly preprocessing: Preprocessing;
  readonly classes: readonly string[];
  readonly notes: ModelNotes;
}

/** Writes a model as one step. @throws UserError if it cannot be written */
export async function writeModel(path: string, file: ModelFile): Promise<void> {
  const { module, preprocessing, classes, notes } = file;
  const { channels, height, width, mean, std } = preprocessing;
  await writeSealed(path, module.stateDict(), {
    format: "pt", // the names and layouts are PyTorch's: what its readers look for
    "faltung.version": VERSION,
    "faltung.architecture": JSON.stringify(module.spec()),
    "faltung.preprocessing": JSON.stringify({ channels, height, width, resize: "cover", scale: 255, mean, std }),
    "faltung.classes": JSON.stringify(classes),
    "faltung.notes": JSON.stringify(notes),
  });
}

/**
 * Reads a model.
 * @throws UserError if the file cannot be read; FormatError if it is damaged, or weights alone without the rest
 */
export async function readModel(path: string): Promise<ModelFile> {
  const { metadata, tensors } = await readSealed(path);
  const field = (name: string): string => {
    const value = metadata.get(`faltung.${name}`);
    if (value !== undefined) return value;
    throw new FormatError(
      `${path}: its metadata has no faltung.${name}, so it holds weights without the network they belong to. ` +
        `Give a file that faltung train has written, such as runs/train/weights/best.safetensors.`,
    );
  };
  const version = field("version");
  if (version !== VERSION) {
    throw new FormatError(`${path}: it is of version ${version}; this release reads version ${VERSION}.`);
  }
  const classes = parseClasses(field("classes"), path);
  const preprocessing = parsePreprocessing(field("preprocessing"), path);
  const module = await makeModule(field("architecture"));
  module.loadStateDict(
    Object.fromEntries(Array.from(tensors, ([name, raw]) => [name, toTensor(raw, `${path}: ${name}`)])),
  );
  return { module, preprocessing, classes, notes: parseJson(field("notes"), path) as ModelNotes };
}

/** A network from its description. @throws FormatError or OptionError if it is none */
export async function makeModule(architecture: string): Promise<Module> {
  const spec = parseSpec(architecture);
  if (spec.type === ONNX_GRAPH) await import("../import/onnx-graph.ts"); // makes the type known
  return build(spec);
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`${path}: its metadata is not JSON.`, { cause });
  }
}

function parseClasses(text: string, path: string): readonly string[] {
  const value = parseJson(text, path);
  if (Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === "string")) return value;
  throw new FormatError(`${path}: faltung.classes is not a list of names.`);
}

function parsePreprocessing(text: string, path: string): Preprocessing {
  const value = parseJson(text, path);
  if (typeof value === "object" && value !== null && "channels" in value && "height" in value && "width" in value) {
    const { channels, height, width } = value;
    const mean = "mean" in value ? value.mean : undefined;
    const std = "std" in value ? value.std : undefined;
    const side = (n: unknown): n is number => Number.isInteger(n) && Number(n) >= 1 && Number(n) <= 8192;
    const perChannel = (list: unknown): list is number[] =>
      Array.isArray(list) && list.length === channels && list.every((n) => Number.isFinite(n));
    if ((channels === 1 || channels === 3) && side(height) && side(width) && perChannel(mean) && perChannel(std)) {
      return { channels, height, width, mean, std };
    }
  }
  throw new FormatError(`${path}: faltung.preprocessing does not say channels, height, width, mean and std.`);
}
