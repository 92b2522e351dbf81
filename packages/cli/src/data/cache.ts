/**
 * Decoded pictures on disk, so that the second run begins at once. One file for a data folder and a picture size; a
 * picture's pixels are taken from it as long as the file it came from has the same size and time.
 *
 * Form: magic, pixels of all pictures, the index as JSON, its length and check sum, magic. Whatever is wrong with a
 * cache (cut short, damaged, of another version) makes it useless, never harmful: it is made again.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { crc32 } from "node:zlib";
import { makeFolder, writeAtomically } from "../checkpoint/atomic.ts";
import type { Geometry } from "./bundle.ts";
import type { Decoded } from "./decode.ts";

/** To be raised whenever pixels come out differently. */
const VERSION = "faltung1";
const FOOTER = 8 + VERSION.length;

/** What a picture's file looked like when it was decoded. */
export interface Stamp {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

interface Entry extends Stamp {
  readonly gray: boolean;
  readonly crc: number;
}

export interface PictureCache {
  /** The decoded picture, if the cache has it for this very file. */
  get(stamp: Stamp): Decoded | undefined;
  readonly size: number;
}

/** The folder for caches: `FALTUNG_CACHE`, or where the system keeps such things. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (env["FALTUNG_CACHE"]) return env["FALTUNG_CACHE"];
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "faltung");
  if (process.platform === "win32" && env["LOCALAPPDATA"]) return join(env["LOCALAPPDATA"], "faltung", "cache");
  return join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "faltung");
}

/** Where the cache of a data folder lies for one picture size. */
export function cachePath(root: string, { height, width }: Pick<Geometry, "height" | "width">): string {
  const key = createHash("sha256")
    .update(`${resolve(root)}\n${height}x${width}\n${VERSION}`)
    .digest("hex");
  return join(cacheFolder(), `${key.slice(0, 24)}.pictures`);
}

const EMPTY: PictureCache = { get: () => undefined, size: 0 };

/** Reads a cache; an empty one if there is none, or none that is whole. */
export async function readCache(path: string, pictureBytes: number): Promise<PictureCache> {
  const bytes = await readFile(path).catch(() => undefined);
  const entries = bytes === undefined ? undefined : readIndex(bytes, pictureBytes);
  if (bytes === undefined || entries === undefined) return EMPTY;
  const byPath = new Map(entries.map((entry, i) => [entry.path, { entry, at: VERSION.length + i * pictureBytes }]));
  return {
    size: entries.length,
    get(stamp) {
      const found = byPath.get(stamp.path);
      if (found === undefined) return undefined;
      const { entry, at } = found;
      if (entry.bytes !== stamp.bytes || entry.modifiedMs !== stamp.modifiedMs) return undefined;
      const pixels = bytes.subarray(at, at + pictureBytes);
      return crc32(pixels) === entry.crc ? { pixels, gray: entry.gray } : undefined;
    },
  };
}

function readIndex(bytes: Buffer, pictureBytes: number): Entry[] | undefined {
  const magic = Buffer.from(VERSION);
  const end = bytes.length - FOOTER;
  if (end < magic.length || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  if (!bytes.subarray(end + 8).equals(magic)) return undefined;
  const length = bytes.readUInt32LE(end);
  if (length > end - magic.length) return undefined;
  const json = bytes.subarray(end - length, end);
  if (crc32(json) !== bytes.readUInt32LE(end + 4)) return undefined;
  const entries = JSON.parse(json.toString("utf8")) as Entry[]; // as we wrote it: the check sum says so
  return magic.length + entries.length * pictureBytes + length === end ? entries : undefined;
}

/** Writes a cache as one step. @throws UserError if that cannot be; the caller decides whether it matters */
export async function writeCache(
  path: string,
  pictures: readonly { readonly stamp: Stamp; readonly decoded: Decoded }[],
): Promise<void> {
  const entries = pictures.map(({ stamp, decoded }): Entry => ({
    ...stamp,
    gray: decoded.gray,
    crc: crc32(decoded.pixels),
  }));
  const json = Buffer.from(JSON.stringify(entries));
  const footer = Buffer.alloc(8);
  footer.writeUInt32LE(json.length, 0);
  footer.writeUInt32LE(crc32(json), 4);
  const magic = Buffer.from(VERSION);
  await makeFolder(dirname(path));
  await writeAtomically(path, [magic, ...pictures.map(({ decoded }) => decoded.pixels), json, footer, magic]);
}
