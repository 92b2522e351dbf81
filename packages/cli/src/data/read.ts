/** Reading files and folders, with errors that a user can act on. */
import type { Dirent } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { UserError, reason } from "../command/errors.ts";

export async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${reason(error)}.`);
  }
}

/** The entries of a folder, by name in an order that is the same on every machine. */
export async function listFolder(path: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.sort((a, b) => compareNames(a.name, b.name));
  } catch (error) {
    throw new UserError(`The folder ${path} cannot be read: ${reason(error)}.`);
  }
}

/** By code unit of the composed form, so that NFC and NFD spellings of a name sort alike. */
export function compareNames(a: string, b: string): number {
  const x = a.normalize("NFC");
  const y = b.normalize("NFC");
  return x < y ? -1 : x > y ? 1 : 0;
}
