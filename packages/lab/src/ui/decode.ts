/** Pictures that a user gives, as pixels: whatever the browser can show, upright as the camera's note says. */

/** The longer side of an SVG that says no size of its own, in pixels. */
const UNSIZED = 320;

/**
 * Decodes a file. Whoever asks closes the bitmap: of a photograph it holds a hundred megabytes.
 * @throws Error if it is no picture that the browser can read
 */
export async function decodePicture(file: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file);
  } catch (error) {
    if (file.type !== "image/svg+xml") throw error;
    return drawing(file); // createImageBitmap takes no file of vectors
  }
}

async function drawing(file: Blob): Promise<ImageBitmap> {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const [width, height] = [image.naturalWidth || UNSIZED, image.naturalHeight || UNSIZED];
    const share = UNSIZED / Math.max(width, height);
    const canvas = new OffscreenCanvas(Math.ceil(width * share), Math.ceil(height * share));
    contextOf(canvas).drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas.transferToImageBitmap();
  } finally {
    URL.revokeObjectURL(url);
  }
}

export function contextOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser draws no canvas");
  return context;
}

/**
 * A part of a picture, drawn small on white: transparent pixels are paper.
 * @param from x, y, width and height in the source
 * @returns RGBA
 */
export function pixelsAt(
  source: CanvasImageSource,
  from: readonly [x: number, y: number, width: number, height: number],
  cols: number,
  rows: number,
): Uint8ClampedArray {
  const context = contextOf(new OffscreenCanvas(cols, rows));
  context.fillStyle = "#fff";
  context.fillRect(0, 0, cols, rows);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, ...from, 0, 0, cols, rows);
  return context.getImageData(0, 0, cols, rows).data;
}

/** Luma of Rec. 601, as the data sets were made gray. */
export const luma = (r: number, g: number, b: number): number => 0.299 * r + 0.587 * g + 0.114 * b;

/**
 * A picture as a network takes it: the middle of it, as large as the shape allows, made small; planar bytes.
 * @param channels 1: gray, 3: red, green, blue
 */
export function coverPixels(picture: ImageBitmap, rows: number, cols: number, channels: number): Uint8Array {
  const { width, height } = picture;
  const share = Math.min(width / cols, height / rows);
  const [w, h] = [cols * share, rows * share];
  const pixels = pixelsAt(picture, [(width - w) / 2, (height - h) / 2, w, h], cols, rows);
  const n = rows * cols;
  const out = new Uint8Array(channels * n);
  for (let i = 0; i < n; i++) {
    const [r, g, b] = pixels.subarray(4 * i);
    if (channels === 1) out[i] = Math.round(luma(r, g, b));
    else [out[i], out[n + i], out[2 * n + i]] = [r, g, b];
  }
  return out;
}
