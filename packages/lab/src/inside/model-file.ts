/**
 * A trained model as one safetensors file, the same that the `faltung` command writes and reads: weights under PyTorch's
 * names, and in the metadata the architecture, the preparation of pictures, the classes, and a digest of it all.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { FormatError, type RawTensor, parseSpec, readSafetensors, toRaw, toTensor, writeSafetensors } from "faltung";
import type { PlainModel } from "../train/messages.ts";
import { plainTensors, richModel, richTensors } from "../train/plain.ts";

const VERSION = "1";
const SEAL = "faltung.digest";

/** As the command computes it: every part with its length before it, in order of names. */
function digest(tensors: ReadonlyMap<string, RawTensor>, metadata: ReadonlyMap<string, string>): string {
  const encoder = new TextEncoder();
  const hash = sha256.create(); // the browser's own is missing over plain http
  const part = (text: string): void => {
    const bytes = encoder.encode(text);
    hash.update(encoder.encode(`${bytes.length}:`)).update(bytes);
  };
  const byName = (a: readonly [string, unknown], b: readonly [string, unknown]): number => (a[0] < b[0] ? -1 : 1);
  for (const [key, value] of [...metadata].sort(byName)) {
    if (key !== SEAL) [key, value].forEach(part);
  }
  for (const [name, { dtype, shape, bytes }] of [...tensors].sort(byName)) {
    part(`${name} ${dtype} ${shape.join()}`);
    hash.update(bytes);
  }
  return `sha256:${bytesToHex(hash.digest())}`;
}

/** The bytes of a model file. */
export function writeModelFile(model: PlainModel): Uint8Array {
  const [channels, height, width] = model.shape;
  const metadata: Record<string, string> = {
    format: "pt",
    "faltung.version": VERSION,
    "faltung.architecture": JSON.stringify(model.spec),
    "faltung.preprocessing": JSON.stringify({
      channels,
      height,
      width,
      resize: "cover",
      scale: 255,
      ...model.statistics,
    }),
    "faltung.classes": JSON.stringify(model.classes),
    "faltung.notes": JSON.stringify(model.notes),
  };
  const tensors = Object.entries(richTensors(model.tensors));
  const raw = new Map(tensors.map(([name, tensor]) => [name, toRaw(tensor)]));
  return writeSafetensors(tensors, { ...metadata, [SEAL]: digest(raw, new Map(Object.entries(metadata))) });
}

type Json = Readonly<Record<string, unknown>>;

const isNumbers = (list: unknown, length: number): list is number[] =>
  Array.isArray(list) && list.length === length && list.every((v) => typeof v === "number" && Number.isFinite(v));

const isSide = (n: number): boolean => Number.isInteger(n) && n >= 1 && n <= 8192;

/** @throws FormatError if the file is damaged, or holds weights without their network */
export function readModelFile(bytes: Uint8Array, name: string): PlainModel {
  const { metadata, tensors } = readSafetensors(bytes, name);
  const field = (key: string): string => {
    const value = metadata.get(`faltung.${key}`);
    if (value !== undefined) return value;
    throw new FormatError(
      `${name}: it holds weights without the network they belong to (no faltung.${key}). ` +
        "Give a file that this lab or `faltung train` has written, such as weights/best.safetensors.",
    );
  };
  const json = (key: string): unknown => {
    try {
      return JSON.parse(field(key));
    } catch (cause) {
      if (cause instanceof FormatError) throw cause;
      throw new FormatError(`${name}: faltung.${key} in its metadata is not JSON.`, { cause });
    }
  };
  const object = (value: unknown): Json => (typeof value === "object" && value !== null ? { ...value } : {});
  const architecture = field("architecture");
  const version = field("version");
  if (version !== VERSION) {
    throw new FormatError(`${name}: it is of version ${version}; this lab reads version ${VERSION}.`);
  }
  if (metadata.get(SEAL) !== digest(tensors, metadata)) {
    throw new FormatError(`${name}: its contents do not agree with the digest in it; the file is damaged.`);
  }
  const { channels, height, width, mean, std } = object(json("preprocessing"));
  const classes = json("classes");
  const shape = [channels, height, width];
  const isPicture = isNumbers(shape, 3) && [1, 3].includes(shape[0]) && isSide(shape[1]) && isSide(shape[2]);
  if (!isPicture || !isNumbers(mean, shape[0]) || !isNumbers(std, shape[0])) {
    throw new FormatError(`${name}: its metadata does not say how pictures are prepared.`);
  }
  if (!Array.isArray(classes) || classes.length === 0) {
    throw new FormatError(`${name}: its metadata does not name the classes.`);
  }
  const rich = Object.fromEntries([...tensors].map(([key, raw]) => [key, toTensor(raw, `${name}: ${key}`)]));
  const model: PlainModel = {
    spec: parseSpec(architecture),
    tensors: plainTensors(rich),
    classes: classes.map(String),
    statistics: { mean, std },
    shape,
    notes: object(json("notes")),
  };
  richModel(model); // builds it once, so that what does not fit is said now
  return model;
}
