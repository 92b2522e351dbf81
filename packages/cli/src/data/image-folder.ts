/** Image folders as data sets: scan, decide size and colour, decode or take from the cache, divide. */
import { stat } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { relative, resolve } from "node:path";
import { DataError, type Dataset, arrayDataset, subset } from "faltung";
import { UserError, reason } from "../command/errors.ts";
import { bytes as showBytes, count, thousands } from "../terminal/format.ts";
import { printable } from "../terminal/width.ts";
import type { BadPicture, DataOptions, Geometry } from "./bundle.ts";
import { type PictureCache, type Stamp, cachePath, readCache, writeCache } from "./cache.ts";
import { type Decoded, PictureError, decodePicture, eachConcurrently, pictureSize } from "./decode.ts";
import { type Part, type Picture, scanFolder } from "./scan.ts";

export interface ImageParts {
  readonly classes: readonly string[];
  readonly train: Dataset;
  readonly val?: Dataset;
  readonly test?: Dataset;
  readonly geometry: Geometry;
  readonly skipped: readonly BadPicture[];
}

/** As many pictures are looked at to decide the size; more would not change a median. */
const SAMPLE = 1000;
const SMALLEST = 8;
const LARGEST = 64;
/** Node keeps no longer typed array everywhere. */
const MOST_BYTES = 4e9;

/** @throws DataError or UserError listing what is wrong with the folder */
export async function readImageFolder(root: string, options: DataOptions): Promise<ImageParts> {
  const scan = await scanFolder(root);
  const classes = options.expected?.classes ?? scan.classes;
  const pictures = relabel(scan.pictures, scan.classes, classes, root);
  const size = options.expected?.geometry ?? (await decideSize(pictures, options.imgsz));
  const { decoded, bad } = await decodeAll(root, pictures, size, options);
  const skipped = [...scan.bad, ...bad];
  if (skipped.length > 0 && !options.skipBad)
    throw new DataError(badMessage(root, skipped, scan.bad.length + pictures.length));
  if (scan.others > 0) options.onNote?.(`${count(scan.others, "other file")} in ${root} left alone.`);
  const usable = pictures.map((picture, i) => ({ picture, decoded: decoded[i] })).filter(isDecoded);
  checkStillThere(root, classes, usable, skipped.length, options.expected?.classes !== undefined);
  const channels = options.expected?.geometry.channels ?? (usable.every(({ decoded }) => decoded.gray) ? 1 : 3);
  const geometry: Geometry = { channels, height: size.height, width: size.width };
  const all = toDataset(usable, classes, geometry);
  const part = (wanted: Part): Dataset | undefined => {
    const indices = usable.flatMap(({ picture }, i) => (picture.part === wanted ? [i] : []));
    return indices.length === 0 ? undefined : subset(all, indices);
  };
  const [val, test] = [part("val"), part("test")];
  return {
    classes,
    train: part("train") ?? subset(all, []),
    ...(val === undefined ? {} : { val }),
    ...(test === undefined ? {} : { test }),
    geometry,
    skipped,
  };
}

interface Usable {
  readonly picture: Picture;
  readonly decoded: Decoded;
}

function isDecoded(item: { readonly picture: Picture; readonly decoded: Decoded | undefined }): item is Usable {
  return item.decoded !== undefined;
}

/** Labels by the classes of a trained model instead of the folder's own. */
function relabel(
  pictures: readonly Picture[],
  from: readonly string[],
  to: readonly string[],
  root: string,
): readonly Picture[] {
  if (from === to) return pictures;
  const unknown = from.filter((name) => !to.includes(name));
  if (unknown.length > 0) {
    throw new DataError(
      `data=${root}: the model does not know the class${unknown.length === 1 ? "" : "es"} ${unknown.join(", ")}; ` +
        `it knows ${to.join(", ")}.`,
    );
  }
  return pictures.map((picture) => ({ ...picture, label: to.indexOf(from[picture.label]) }));
}

/**
 * The size for training: as asked for; or the pictures' own if they are small and all alike; or else a square with the
 * median of their smaller sides, at most 64.
 */
async function decideSize(
  pictures: readonly Picture[],
  imgsz: number,
): Promise<{ readonly height: number; readonly width: number }> {
  if (imgsz > 0) return { height: imgsz, width: imgsz };
  const step = Math.max(1, pictures.length / SAMPLE);
  const sample = Array.from({ length: Math.min(SAMPLE, pictures.length) }, (_, i) => pictures[Math.floor(i * step)]);
  const sizes: { width: number; height: number }[] = [];
  await eachConcurrently(sample, lanes(), async ({ path }) => {
    const size = await pictureSize(path).catch(() => undefined); // decoding will report it
    if (size !== undefined) sizes.push(size);
  });
  if (sizes.length === 0) return { height: 32, width: 32 };
  const [first] = sizes;
  const alike = sizes.every(({ width, height }) => width === first.width && height === first.height);
  const fits = (side: number): boolean => side >= SMALLEST && side <= LARGEST;
  if (alike && fits(first.width) && fits(first.height)) return first;
  const sides = sizes.map(({ width, height }) => Math.min(width, height)).sort((a, b) => a - b);
  const median = sides[sides.length >> 1];
  const side = Math.min(LARGEST, Math.max(SMALLEST, median));
  return { height: side, width: side };
}

function lanes(): number {
  return 2 * availableParallelism();
}

async function decodeAll(
  root: string,
  pictures: readonly Picture[],
  size: Pick<Geometry, "height" | "width">,
  { cache, signal, onProgress, onNote }: DataOptions,
): Promise<{ readonly decoded: readonly (Decoded | undefined)[]; readonly bad: readonly BadPicture[] }> {
  const pictureBytes = 3 * size.height * size.width;
  const needed = pictures.length * pictureBytes;
  if (needed > Math.min(MOST_BYTES, totalmem() / 2)) {
    throw new UserError(
      `data=${root}: ${count(pictures.length, "picture")} of ${size.width}×${size.height} need ${showBytes(needed)} of memory, ` +
        `more than there is to spare. Choose a smaller imgsz.`,
    );
  }
  const file = cachePath(root, size);
  const known: PictureCache | undefined = cache ? await readCache(file, pictureBytes) : undefined;
  const decoded = new Array<Decoded | undefined>(pictures.length);
  const stamps = new Array<Stamp>(pictures.length);
  const reasons = new Map<number, string>();
  let fresh = 0;
  let done = 0;
  await eachConcurrently(
    pictures,
    lanes(),
    async ({ path }, i) => {
      try {
        const { size: bytes, mtimeMs } = await stat(path);
        stamps[i] = { path: relative(root, path), bytes, modifiedMs: mtimeMs };
        decoded[i] = known?.get(stamps[i]);
        if (decoded[i] === undefined) {
          decoded[i] = await decodePicture(path, size);
          fresh++;
        }
      } catch (error) {
        reasons.set(i, error instanceof PictureError ? error.message : reason(error));
      }
      onProgress?.(++done, pictures.length);
    },
    signal,
  );
  const bad = pictures.flatMap(({ path }, i) => {
    const why = reasons.get(i);
    return why === undefined ? [] : [{ path, reason: why }];
  });
  const stale = known !== undefined && (fresh > 0 || known.size > pictures.length - bad.length);
  if (stale) {
    const rows = decoded.flatMap((d, i) => (d === undefined ? [] : [{ stamp: stamps[i], decoded: d }]));
    await writeCache(file, rows).catch((error: unknown) =>
      onNote?.(`Decoded pictures are not kept for the next run: ${reason(error)}`),
    );
  }
  return { decoded, bad };
}

/** With skip_bad, too: what is left must still be a data set. */
function checkStillThere(
  root: string,
  classes: readonly string[],
  usable: readonly Usable[],
  skipped: number,
  judging: boolean,
): void {
  if (judging) {
    if (usable.length === 0) throw new DataError(`data=${root}: none of the pictures can be read.`);
    return;
  }
  const counts = classes.map(() => 0);
  for (const { picture } of usable) if (picture.part === "train") counts[picture.label]++;
  const empty = classes.filter((_, label) => counts[label] === 0);
  if (empty.length > 0) {
    throw new DataError(
      `data=${root}: without the ${count(skipped, "picture")} that cannot be read, ` +
        `${empty.length === 1 ? "the class" : "the classes"} ${empty.join(", ")} would be empty.`,
    );
  }
}

const LISTED = 20;

function badMessage(root: string, bad: readonly BadPicture[], pictures: number): string {
  const rows = bad.slice(0, LISTED).map(({ path, reason }) => `  ${printable(path)}: ${reason}`);
  const more = bad.length > LISTED ? [`  … and ${count(bad.length - LISTED, "more", "more")}`] : [];
  return [
    `data=${root}: ${thousands(bad.length)} of ${count(pictures, "picture")} cannot be used:`,
    ...rows,
    ...more,
    "Mend or remove them, or pass skip_bad=true to leave them out.",
  ].join("\n");
}

function toDataset(
  usable: readonly Usable[],
  classes: readonly string[],
  { channels, height, width }: Geometry,
): Dataset {
  const plane = height * width;
  const images = new Uint8Array(usable.length * channels * plane);
  usable.forEach(({ decoded }, i) => {
    const into = images.subarray(i * channels * plane, (i + 1) * channels * plane);
    if (channels === 3) into.set(decoded.pixels);
    else toGray(decoded.pixels, into);
  });
  const labels = usable.map(({ picture }) => picture.label);
  return arrayDataset({ images, labels, shape: [channels, height, width], classes });
}

/** Luma of ITU-R BT.601, which is also what Pillow's "L" and OpenCV give. Equal channels stay what they are. */
export function toGray(rgb: Uint8Array, into: Uint8Array): void {
  const plane = into.length;
  for (let i = 0; i < plane; i++) {
    into[i] = (rgb[i] * 19595 + rgb[plane + i] * 38470 + rgb[2 * plane + i] * 7471 + 0x8000) >> 16;
  }
}

/** One picture as a network takes it. @throws PictureError */
export async function readPicture(path: string, geometry: Geometry): Promise<Uint8Array> {
  const { pixels } = await decodePicture(resolve(path), geometry);
  if (geometry.channels === 3) return pixels;
  const gray = new Uint8Array(geometry.height * geometry.width);
  toGray(pixels, gray);
  return gray;
}
