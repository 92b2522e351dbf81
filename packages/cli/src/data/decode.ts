/**
 * Pictures from files to planar bytes of one size. libvips decodes and resizes in threads of its own, several pictures
 * at a time; this thread only hands them out and takes them in.
 */
import { open } from "node:fs/promises";
import sharp from "sharp";
import { reason } from "../command/errors.ts";
import type { Geometry } from "./bundle.ts";
import { diagnose } from "./diagnose.ts";
import { SUPPORTED_TEXT } from "./scan.ts";

/** More pixels than the largest camera has: a file that claims more is a bomb, or no training picture. */
const MAX_PIXELS = 120e6;
/** No picture worth training on is larger. */
const MAX_FILE_BYTES = 256e6;

// The formats of scan.ts and no others, whatever a file's name says: SVG, PDF and the like are never parsed.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: ["VipsForeignLoadPng", "VipsForeignLoadJpeg", "VipsForeignLoadWebp", "VipsForeignLoadNsgif"],
});
sharp.cache(false); // each picture is decoded once
sharp.concurrency(1); // many small pictures at a time are quicker than many threads on one

/** Marks a picture as unusable, with the reason in its message. */
export class PictureError extends Error {
  override readonly name = "PictureError";
}

export interface Decoded {
  /** `[3, height, width]`, planar. */
  readonly pixels: Uint8Array;
  /** Whether the three channels are the same, so that one is enough. */
  readonly gray: boolean;
}

/** Width and height as the picture is shown (after the camera's rotation mark). @throws PictureError */
export async function pictureSize(path: string): Promise<{ readonly width: number; readonly height: number }> {
  const bytes = await readPicture(path);
  try {
    const { autoOrient } = await sharp(bytes, OPTIONS).metadata();
    return autoOrient;
  } catch (error) {
    throw explain(error, bytes, MAX_PIXELS);
  }
}

/**
 * Decodes a picture: its first frame, turned upright, on white where it is transparent, as sRGB, covering the wanted
 * size (scaled by the smaller side, the rest cut off evenly).
 *
 * @throws PictureError saying what is wrong
 */
export async function decodePicture(path: string, size: Pick<Geometry, "height" | "width">): Promise<Decoded> {
  return decodeBytes(await readPicture(path), size);
}

/** As {@link decodePicture}, from memory. @param pixels how many the picture may have */
export async function decodeBytes(
  bytes: Uint8Array,
  { width, height }: Pick<Geometry, "height" | "width">,
  pixels: number = MAX_PIXELS,
): Promise<Decoded> {
  try {
    const { data, info } = await sharp(bytes, { ...OPTIONS, limitInputPixels: pixels })
      .autoOrient()
      .flatten({ background: "white" })
      .resize(width, height, { fit: "cover", kernel: "lanczos3" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return planar(data, info.channels, width * height);
  } catch (error) {
    throw explain(error, bytes, pixels);
  }
}

const OPTIONS = { failOn: "error", limitInputPixels: MAX_PIXELS, animated: false } as const;

/** @throws PictureError */
async function readPicture(path: string): Promise<Buffer> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      if (size === 0) throw new PictureError("the file is empty");
      if (size > MAX_FILE_BYTES)
        throw new PictureError(`the file has ${size} bytes; at most ${MAX_FILE_BYTES} are read`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof PictureError ? error : new PictureError(reason(error));
  }
}

/** From interleaved to planar; gray pictures are spread over three channels. */
function planar(data: Uint8Array, channels: number, plane: number): Decoded {
  const pixels = new Uint8Array(3 * plane);
  const [g, b] = channels >= 3 ? [1, 2] : [0, 0];
  let gray = true;
  for (let i = 0, at = 0; i < plane; i++, at += channels) {
    const red = data[at];
    const green = data[at + g];
    const blue = data[at + b];
    pixels[i] = red;
    pixels[plane + i] = green;
    pixels[2 * plane + i] = blue;
    if (red !== green || red !== blue) gray = false;
  }
  return { pixels, gray };
}

/** Sharp's own messages can be relied on; what it passes on from libvips cannot (see diagnose.ts). */
function explain(error: unknown, bytes: Uint8Array, pixels: number): PictureError {
  if (/pixel limit/.test(reason(error))) {
    return new PictureError(`it claims more than ${pixels / 1e6} million pixels`);
  }
  return new PictureError(diagnose(bytes) ?? `it is not a picture in a known format; ${SUPPORTED_TEXT}`);
}

/** Runs `work` over all items, a few at a time, in order of starting; stops handing out when the signal is aborted. */
export async function eachConcurrently<T>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      signal?.throwIfAborted();
      const index = next++;
      await work(items[index], index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
}
