/** A few pictures of a data set as files, so that there is something to try a trained network on at once. */
import { join } from "node:path";
import type { Dataset } from "faltung";
import sharp from "sharp";
import { makeFolder, writeAtomically } from "../checkpoint/atomic.ts";

const COUNT = 5;

/**
 * Writes the first picture of each of a few classes as PNG, named after its class.
 * @returns their paths
 */
export async function writeExamples(folder: string, dataset: Dataset): Promise<string[]> {
  const [channels, height, width] = dataset.shape;
  const paths: string[] = [];
  await makeFolder(folder);
  for (const [label, name] of dataset.classes.entries()) {
    const index = dataset.labels.indexOf(label);
    if (index < 0) continue;
    if (paths.length === COUNT) break;
    const path = join(folder, `${label}-${fileName(name)}.png`);
    await writeAtomically(path, [await toPng(await readPicture(dataset, index), channels, height, width)]);
    paths.push(path);
  }
  return paths;
}

/** What every file system takes, and every shell without quotes. */
function fileName(name: string): string {
  return name.replace(/[^\p{L}\p{N}]+/gu, "_").slice(0, 40);
}

async function readPicture(dataset: Dataset, index: number): Promise<Uint8Array> {
  const pixels = new Uint8Array(dataset.shape.reduce((a, b) => a * b));
  await dataset.read(index, pixels);
  return pixels;
}

/** From planes to interleaved pixels to PNG, without loss. */
async function toPng(planes: Uint8Array, channels: number, height: number, width: number): Promise<Buffer> {
  const plane = height * width;
  const pixels = Uint8Array.from(planes, (_, i) => planes[(i % channels) * plane + Math.floor(i / channels)]);
  return sharp(pixels, { raw: { width, height, channels: channels === 1 ? 1 : 3 } })
    .png()
    .toBuffer();
}
