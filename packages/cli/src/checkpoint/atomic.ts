/**
 * Files that are whole or not there: written under another name in the same folder, synced to disk, renamed over the
 * old one, and the folder synced. A kill or a power cut at any moment leaves the old file or the new one.
 */
import { readFileSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UserError, codeOf, reason } from "../command/errors.ts";

/** Ends the names of files that are being written; one that is left over belongs to a process that was killed. */
const TEMPORARY = ".tmp";
let counter = 0;

/**
 * Writes a file as one step.
 * @param chunks its bytes, in order
 * @throws UserError if the disk is full or the folder cannot be written; the old file is whole then
 */
export async function writeAtomically(path: string, chunks: readonly Uint8Array[] | string): Promise<void> {
  const temporary = `${path}.${process.pid}-${counter++}${TEMPORARY}`;
  await removeLeftovers(path);
  try {
    const file = await open(temporary, "wx");
    try {
      if (typeof chunks === "string") await file.writeFile(chunks);
      else for (const chunk of chunks) await writeAll(file, chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw await writeError(path, error);
  }
  await syncFolder(dirname(path));
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at);
    at += bytesWritten;
  }
}

/** Makes the rename itself last. Some systems (Windows) cannot open a folder; there the rename has to do. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (!["EISDIR", "EPERM", "EACCES", "EINVAL", "ENOTSUP"].includes(codeOf(error) ?? "")) {
      throw new UserError(`${path} cannot be synced to disk: ${reason(error)}.`);
    }
  }
}

async function writeError(path: string, error: unknown): Promise<UserError> {
  const old = await stat(path).then(
    (s) => (s.isFile() ? " The file that was there before is untouched." : ""),
    () => "",
  );
  return new UserError(`${path} cannot be written: ${reason(error)}.${old}`, { cause: error });
}

/** Makes a folder and those above it. @throws UserError if that cannot be */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makePath(path);
  } catch (error) {
    throw new UserError(`The folder ${path} cannot be made: ${reason(error)}.`, { cause: error });
  }
}

/** Node's `recursive` never returns where a folder that exists takes no others, as in /proc. */
async function makePath(path: string): Promise<void> {
  if (await isFolder(path)) return;
  if (dirname(path) !== path) await makePath(dirname(path));
  await mkdir(path).catch(async (error: unknown) => {
    if (!(await isFolder(path))) throw error; // else another process was quicker
  });
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (s) => s.isDirectory(),
    () => false,
  );
}

/** Removes what killed writers of this file left behind. */
export async function removeLeftovers(path: string): Promise<void> {
  const names = await readdir(dirname(path)).catch(() => []);
  for (const name of names) {
    const match =
      name.startsWith(`${basename(path)}.`) && name.endsWith(TEMPORARY) ? /\.(\d+)-\d+\.tmp$/.exec(name) : null;
    if (match !== null && !isAlive(Number(match[1]))) await rm(join(dirname(path), name), { force: true });
  }
}

/** Whether a process is there and not merely waiting to be buried by the one that started it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
  return !isZombie(pid);
}

function isZombie(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false; // no Linux, or gone by now
  }
}
