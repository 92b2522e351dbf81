/** `source=` of `faltung import`: weights by name, out of what others wrote. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { FormatError, type Module, type RawTensor, type Tensor, readSafetensors, toTensor } from "faltung";
import { UserError, reason } from "../command/errors.ts";
import { readBytes } from "../data/read.ts";
import { isTorchFile, readTorchFile } from "../torch/state-dict.ts";

export interface Weights {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, RawTensor>;
  /** Whether the file also says what network it belongs to. */
  readonly complete: boolean;
  /** What the user should know of how they were found. */
  readonly notes: readonly string[];
}

/** What a folder may hold, the first of these that is there. */
const IN_FOLDER = [
  "trained.safetensors",
  "weights/best.safetensors",
  "torch/trained.safetensors",
  "weights.safetensors",
  "trained.pt",
  "weights.pt",
];

/** A file as it is given, or the one in a folder that is meant. @throws UserError if there is none */
export async function findSource(source: string): Promise<string> {
  const stats = await stat(source).catch((error: unknown) => {
    throw new UserError(`source=${source}: ${reason(error)}.`);
  });
  if (!stats.isDirectory()) return source;
  for (const name of IN_FOLDER) {
    const path = join(source, name);
    if ((await stat(path).catch(() => undefined))?.isFile() === true) return path;
  }
  const names = (await readdir(source)).filter((name) => /\.(safetensors|pth?|onnx)$/.test(name));
  if (names.length === 1) return join(source, names[0]);
  throw new UserError(
    `source=${source}: the folder has none of ${IN_FOLDER.join(", ")}` +
      `${names.length > 1 ? `; give one of its files: ${names.join(", ")}` : ""}.`,
  );
}

/** @throws UserError if it cannot be read, FormatError if it is no file of weights */
export async function readWeights(path: string): Promise<Weights> {
  const bytes = await readBytes(path);
  const what = basename(path);
  if (isTorchFile(bytes)) {
    const { tensors, within } = readTorchFile(bytes, what);
    const notes = within === undefined ? [] : [`The state dict is the checkpoint's ${JSON.stringify(within)}.`];
    return { path, ...withoutWrapper(tensors, notes), complete: false };
  }
  if (!looksLikeSafetensors(bytes)) {
    throw new FormatError(
      `${path}: it is neither a safetensors file, nor a zip as torch.save writes it, nor does its name end in .onnx.`,
    );
  }
  const { tensors, metadata } = readSafetensors(bytes, what);
  return { path, ...withoutWrapper(tensors, []), complete: metadata.has("faltung.architecture") };
}

function looksLikeSafetensors(bytes: Uint8Array): boolean {
  return bytes.length >= 9 && bytes[8] === 0x7b; // a length, then "{"
}

/** Models that were saved wrapped have a word before every name. */
const WRAPPERS = ["module.", "_orig_mod.", "model."];

function withoutWrapper(
  tensors: ReadonlyMap<string, RawTensor>,
  notes: readonly string[],
): Pick<Weights, "tensors" | "notes"> {
  const wrapper = WRAPPERS.find((word) => tensors.size > 0 && [...tensors.keys()].every((key) => key.startsWith(word)));
  if (wrapper === undefined) return { tensors, notes };
  const bare = new Map(Array.from(tensors, ([key, raw]) => [key.slice(wrapper.length), raw]));
  const inner = withoutWrapper(bare, notes);
  return { ...inner, notes: [`All names begin with "${wrapper}", which is left out.`, ...inner.notes] };
}

/** What loading found, as PyTorch's load_state_dict reports it. */
export interface Fit {
  readonly loaded: number;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

/**
 * Puts weights into a network, by name.
 * @param strict every name must be there, and no other; else what fits is loaded. A shape that differs is an error in
 *   any case, as in PyTorch.
 * @throws UserError with lists of what does not fit; nothing is loaded then
 */
export function loadWeights(module: Module, { tensors, path }: Weights, network: string, strict: boolean): Fit {
  const own = new Map(module.namedStates());
  const inFile = (key: string): boolean => tensors.has(key);
  // Files from before PyTorch 0.4.1 do not count batches; there, too, the count begins at 0.
  const missing = [...own.keys()].filter((key) => !inFile(key) && !key.endsWith("num_batches_tracked"));
  const unexpected = [...tensors.keys()].filter((key) => !own.has(key));
  const fitting: [string, Tensor][] = [];
  const mismatched: string[] = [];
  for (const [key, { shape }] of own) {
    const raw = tensors.get(key);
    if (raw === undefined) continue;
    if (sameNumbers(raw.shape, shape)) fitting.push([key, toTensor(raw, `${path}: ${key}`)]);
    else mismatched.push(`${key}: [${raw.shape.join(", ")}] in the file, [${shape.join(", ")}] in the network`);
  }
  if (mismatched.length > 0 || fitting.length === 0 || (strict && missing.length + unexpected.length > 0)) {
    const advice =
      fitting.length === 0
        ? "Nothing in it fits: it is another network's file."
        : mismatched.length > 0
          ? "Shapes that differ mean another network, other pictures (imgsz=), or another number of classes."
          : "strict=false loads what fits, and leaves the rest.";
    throw new UserError(
      [
        `${path} does not fit ${network}:`,
        ...report("missing in the file", missing),
        ...report("not in the network", unexpected),
        ...report("of another shape", mismatched),
        advice,
      ].join("\n"),
    );
  }
  module.loadStateDict(Object.fromEntries(fitting.map(([key, t]) => [key, t])), { strict: false });
  return { loaded: fitting.length, missing, unexpected };
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

const SHOWN = 10;

/** Names, indented, under a heading; not all of very many. */
export function report(title: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > SHOWN ? [`    … and ${names.length - SHOWN} more`] : [];
  return [`  ${title} (${names.length}):`, ...names.slice(0, SHOWN).map((name) => `    ${name}`), ...more];
}
