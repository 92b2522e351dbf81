/**
 * Frames as a GIF: one palette for all, and only what changes from frame to frame. Quantising and packing are gifenc's,
 * which is handed in, since Node and browsers load it in different ways.
 */

/** Row-major RGBA. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** The part of gifenc 1.0.3 that is used (the package brings no types). */
export interface GifCodec {
  GIFEncoder(): GifEncoder;
  quantize(rgba: Uint8Array, maxColors: number, options: { format: "rgb565" }): number[][];
  applyPalette(rgba: Uint8Array, palette: number[][], format: "rgb565"): Uint8Array;
}

export interface GifEncoder {
  writeFrame(
    index: Uint8Array,
    width: number,
    height: number,
    options: {
      palette?: number[][];
      delay?: number;
      repeat?: number;
      transparent?: boolean;
      transparentIndex?: number;
      dispose?: number;
    },
  ): void;
  finish(): void;
  bytes(): Uint8Array;
}

/** The colours that most pixels have, exactly; the rest are blends at edges. */
function commonColours(data: Uint8Array, count: number): number[][] {
  const histogram = new Map<number, number>();
  for (let i = 0; i < data.length; i += 4) {
    const key = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
    histogram.set(key, (histogram.get(key) ?? 0) + 1);
  }
  return [...histogram]
    .toSorted((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, count)
    .map(([key]) => [key >> 16, (key >> 8) & 255, key & 255]);
}

/** At most 255 colours, the common ones without loss; the last place is kept for "as before". */
function paletteOf(gifenc: GifCodec, frames: readonly Pixels[]): number[][] {
  const picked = [0, Math.floor(frames.length / 2), frames.length - 1].map((i) => frames[i].data);
  const sample = new Uint8Array(picked.reduce((n, d) => n + d.length, 0));
  let at = 0;
  for (const d of picked) {
    sample.set(d, at);
    at += d.length;
  }
  const exact = commonColours(sample, 64);
  const rest = gifenc.quantize(sample, 255 - exact.length, { format: "rgb565" }).map((c) => c.slice(0, 3));
  return [...exact, ...rest].slice(0, 255);
}

/**
 * @param gifenc the module `gifenc`
 * @param frames pixels and milliseconds, all of one size; loops for ever
 */
export function toGif(
  gifenc: GifCodec,
  frames: readonly { readonly pixels: Pixels; readonly ms: number }[],
): Uint8Array {
  const { width, height } = frames[0].pixels;
  const palette = paletteOf(
    gifenc,
    frames.map((f) => f.pixels),
  );
  const same = palette.length; // index of the transparent colour
  const withSame = [...palette, [0, 0, 0]];
  const encoder = gifenc.GIFEncoder();
  let before: Uint8Array | undefined;
  for (const { pixels, ms } of frames) {
    const index = gifenc.applyPalette(pixels.data, palette, "rgb565");
    const delta = before === undefined ? index : index.map((v, i) => (v === before?.[i] ? same : v));
    encoder.writeFrame(delta, width, height, {
      delay: Math.max(20, ms),
      dispose: 1,
      ...(before === undefined ? { palette: withSame, repeat: 0 } : { transparent: true, transparentIndex: same }),
    });
    before = index;
  }
  encoder.finish();
  return encoder.bytes();
}
