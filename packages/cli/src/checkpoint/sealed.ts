/**
 * safetensors files with a seal: a digest of everything in them, kept in their own metadata, so that a file that was
 * damaged after it was written is told from a whole one. Any reader of safetensors can read them.
 */
import { createHash } from "node:crypto";
import { readFile, rename, rm, link, copyFile } from "node:fs/promises";
import {
  FormatError,
  type RawTensor,
  type Safetensors,
  type Tensor,
  readSafetensors,
  safetensorsChunks,
  toRaw,
} from "faltung";
import { codeOf, reason, UserError } from "../command/errors.ts";
import { removeLeftovers, writeAtomically } from "./atomic.ts";

const SEAL = "faltung.digest";

function digest(tensors: ReadonlyMap<string, RawTensor>, metadata: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256");
  const part = (text: string): void => void hash.update(`${Buffer.byteLength(text)}:${text}`);
  const byName = (a: readonly [string, unknown], b: readonly [string, unknown]): number => (a[0] < b[0] ? -1 : 1);
  for (const [key, value] of [...metadata].sort(byName)) {
    if (key !== SEAL) [key, value].forEach(part);
  }
  for (const [name, { dtype, shape, bytes }] of [...tensors].sort(byName)) {
    part(`${name} ${dtype} ${shape.join()}`);
    hash.update(bytes);
  }
  return `sha256:${hash.digest("hex")}`;
}

export interface SealedOptions {
  /** Keep the file that was there before under {@link previousName}. */
  readonly keepPrevious?: boolean;
}

/** Where the file before the last one is kept: `last.safetensors` → `last.previous.safetensors`. */
export function previousName(path: string): string {
  return path.replace(/(\.[^.]+)$/, ".previous$1");
}

/** Writes a sealed file as one step. @throws UserError if it cannot be written; what was there before is whole then */
export async function writeSealed(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>>,
  { keepPrevious = false }: SealedOptions = {},
): Promise<void> {
  const raw = new Map(Object.entries(tensors).map(([name, tensor]) => [name, toRaw(tensor)]));
  const seal = digest(raw, new Map(Object.entries(metadata)));
  const chunks = safetensorsChunks(raw, { ...metadata, [SEAL]: seal });
  if (keepPrevious) await keep(path);
  await writeAtomically(path, chunks);
}

/** A second name for the present file. At every moment one of the two names leads to a whole file. */
async function keep(path: string): Promise<void> {
  const previous = previousName(path);
  const temporary = `${previous}.${process.pid}-0.tmp`;
  try {
    await removeLeftovers(previous);
    await rm(temporary, { force: true });
    await link(path, temporary).catch(async (error: unknown) => {
      if (codeOf(error) === "ENOENT") throw error;
      await copyFile(path, temporary); // file systems without hard links
    });
    await rename(temporary, previous);
    // Two names of one file are not renamed (POSIX): a writer that was killed in between had kept it already.
    await rm(temporary, { force: true });
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw new UserError(`${previous} cannot be written: ${reason(error)}.`);
  }
}

/** Reads a sealed file, or one that others wrote, which has no seal. @throws UserError if it cannot be read, FormatError if it is damaged */
export async function readSealed(path: string): Promise<Safetensors> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${reason(error)}.`, { cause: error });
  }
  const file = readSafetensors(bytes, path);
  const ours = [...file.metadata.keys()].some((key) => key.startsWith("faltung."));
  if (ours && file.metadata.get(SEAL) !== digest(file.tensors, file.metadata)) {
    throw new FormatError(`${path}: its contents do not agree with the digest in it; the file is damaged.`);
  }
  return file;
}
