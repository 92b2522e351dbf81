/** Which pictures a folder holds, of which classes and parts. Looks at names only; nothing is decoded here. */
import type { Dirent } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { DataError } from "faltung";
import { UserError } from "../command/errors.ts";
import type { BadPicture } from "./bundle.ts";
import { compareNames, listFolder } from "./read.ts";
import { count } from "../terminal/format.ts";

export type Part = "train" | "val" | "test";

export interface Picture {
  readonly path: string;
  readonly part: Part;
  /** Index into {@link Scan.classes}. */
  readonly label: number;
}

export interface Scan {
  readonly classes: readonly string[];
  readonly pictures: readonly Picture[];
  /** Whether the folder has `train/ val/ test/` parts. */
  readonly parts: ReadonlySet<Part>;
  /** Files that look like pictures but cannot be used. */
  readonly bad: readonly BadPicture[];
  /** Files that do not look like pictures. */
  readonly others: number;
}

/** Decoded by libvips as shipped with sharp. */
const READABLE = new Set([".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif"]);
/** Pictures all the same, but not for us: silently leaving them out would shrink a data set unnoticed. */
const UNSUPPORTED = new Set([
  ".bmp",
  ".tif",
  ".tiff",
  ".avif",
  ".heic",
  ".heif",
  ".svg",
  ".jp2",
  ".jxl",
  ".ico",
  ".ppm",
  ".pgm",
  ".psd",
  ".raw",
  ".dng",
]);
export const SUPPORTED_TEXT = "PNG, JPEG, WebP and GIF (its first frame) are supported";

const PART_NAMES: Readonly<Record<string, Part>> = {
  train: "train",
  training: "train",
  val: "val",
  valid: "val",
  validation: "val",
  test: "test",
  testing: "test",
};

/** Whether a path looks like a picture that can be decoded. */
export function isReadablePicture(path: string): boolean {
  return READABLE.has(extname(path).toLowerCase());
}

/** Whether a path looks like a picture at all. */
export function looksLikePicture(path: string): boolean {
  return isReadablePicture(path) || UNSUPPORTED.has(extname(path).toLowerCase());
}

/**
 * Scans a folder with one sub-folder a class, or with `train/`, `val/`, `test/` that have them.
 * @throws DataError if that is not what it is: no classes, one class, a class without pictures, a class of `val/`
 *   that `train/` lacks
 */
export async function scanFolder(root: string): Promise<Scan> {
  const folders = await subFolders(root);
  const parts = folders.filter(({ name }) => name.toLowerCase() in PART_NAMES);
  const divided = parts.some(({ name }) => PART_NAMES[name.toLowerCase()] === "train");
  const collector = createCollector();
  if (divided) {
    for (const { name, path } of parts) {
      const part = PART_NAMES[name.toLowerCase()];
      for (const folder of await subFolders(path)) await collector.walk(folder.path, part, folder.name);
    }
  } else {
    for (const folder of folders) await collector.walk(folder.path, "train", folder.name);
  }
  const { found, bad, others } = collector;
  if (found.size === 0) throw await noClasses(root, divided ? join(root, "train") : root);
  const classes = [...found.keys()].sort(compareNames);
  checkClasses(root, classes, found, divided);
  const pictures = classes.flatMap((name, label) => (found.get(name) ?? []).map((p) => ({ ...p, label })));
  return { classes, pictures, parts: new Set(pictures.map(({ part }) => part)), bad, others };
}

interface Found {
  readonly path: string;
  readonly part: Part;
}

interface Collector {
  /** By class name (composed form). */
  readonly found: Map<string, Found[]>;
  readonly bad: BadPicture[];
  others: number;
  walk(folder: string, part: Part, className: string): Promise<void>;
}

function createCollector(): Collector {
  const seen = new Set<string>(); // folders already walked: symbolic links may go round in a circle
  const found = new Map<string, Found[]>();
  const bad: BadPicture[] = [];
  const collector: Collector = { found, bad, others: 0, walk };

  async function walk(folder: string, part: Part, className: string): Promise<void> {
    const key = className.normalize("NFC");
    const pictures = found.get(key) ?? [];
    found.set(key, pictures);
    const real = await realpath(folder);
    if (seen.has(real)) return;
    seen.add(real);
    for (const entry of await listFolder(folder)) {
      const path = join(folder, entry.name);
      if (hidden(entry.name)) continue;
      const kind = await kindOf(entry, path);
      if (kind === "folder") await walk(path, part, className);
      else if (!looksLikePicture(path)) collector.others++;
      else if (kind === "broken") bad.push({ path, reason: "it is a link that leads nowhere" });
      else if (kind === "special") bad.push({ path, reason: "it is not an ordinary file" });
      else if (isReadablePicture(path)) pictures.push({ path, part });
      else bad.push({ path, reason: `${extname(path).slice(1).toUpperCase()} is not supported; ${SUPPORTED_TEXT}` });
    }
  }
  return collector;
}

function hidden(name: string): boolean {
  return name.startsWith(".") || name === "__MACOSX" || name === "Thumbs.db";
}

async function kindOf(entry: Dirent, path: string): Promise<"file" | "folder" | "special" | "broken"> {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  if (!entry.isSymbolicLink()) return "special"; // a pipe would wait for ever when opened
  try {
    const target = await stat(path);
    return target.isFile() ? "file" : target.isDirectory() ? "folder" : "special";
  } catch {
    return "broken";
  }
}

async function subFolders(root: string): Promise<{ name: string; path: string }[]> {
  const folders = [];
  for (const entry of await listFolder(root)) {
    const path = join(root, entry.name);
    if (!hidden(entry.name) && (await kindOf(entry, path)) === "folder") folders.push({ name: entry.name, path });
  }
  return folders;
}

async function noClasses(root: string, where: string): Promise<Error> {
  const loose = (await listFolder(where)).filter(({ name }) => looksLikePicture(name)).length;
  return new UserError(
    `data=${root}: ${loose > 0 ? `${where} holds ${count(loose, "picture")} but no sub-folders` : `${where} has no sub-folders`}. ` +
      `Expected one sub-folder a class, named like it: ${join(where, "cat", "1.png")}, ${join(where, "dog", "1.png")}, …; ` +
      `or IDX files (train-images-idx3-ubyte, …).`,
  );
}

function checkClasses(
  root: string,
  classes: readonly string[],
  found: ReadonlyMap<string, readonly Found[]>,
  divided: boolean,
): void {
  const inPart = (name: string, part: Part): number => (found.get(name) ?? []).filter((p) => p.part === part).length;
  const empty = classes.filter((name) => inPart(name, "train") === 0);
  if (empty.length === classes.length) {
    throw new DataError(`data=${root}: the class folders (${list(classes)}) hold no pictures; ${SUPPORTED_TEXT}.`);
  }
  if (empty.length > 0) {
    const where = divided ? " in the train part" : "";
    throw new DataError(
      `data=${root}: ${empty.length === 1 ? "the class" : "the classes"} ${list(empty)} ` +
        `${empty.length === 1 ? "has" : "have"} no pictures${where}. Add some, or remove the folder.`,
    );
  }
  if (classes.length < 2) {
    throw new DataError(
      `data=${root}: there is only one class, ${classes[0]}; a classifier needs at least two sub-folders with pictures.`,
    );
  }
}

function list(names: readonly string[]): string {
  return names.length <= 10 ? names.join(", ") : `${names.slice(0, 10).join(", ")} and ${names.length - 10} more`;
}
