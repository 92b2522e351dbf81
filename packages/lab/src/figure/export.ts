/** A figure as a file, made in the browser: the same scenes and the same writers as the command uses. */
import { type Picture, type Pixels, framesOf, toAnimatedSvg, toGif, toSvg, toTikz } from "@faltung/figure";

export const EXPORTS = ["svg", "animated", "gif", "png", "tex", "webm", "mp4"] as const;
export type ExportKind = (typeof EXPORTS)[number];

export interface Exported {
  readonly name: string;
  readonly blob: Blob;
}

/** Draws SVG documents to pixels, one after the other, on one canvas. */
async function* rasterise(svgs: readonly string[], width: number, height: number): AsyncGenerator<OffscreenCanvas> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser draws no canvas");
  for (const svg of svgs) {
    const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    try {
      const image = new Image(width, height);
      image.src = url;
      await image.decode();
      context.drawImage(image, 0, 0, width, height);
    } finally {
      URL.revokeObjectURL(url);
    }
    yield canvas;
  }
}

function pixelsOf(canvas: OffscreenCanvas): Pixels {
  const { width, height } = canvas;
  const data = canvas.getContext("2d")?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray();
  return { width, height, data: new Uint8Array(data.buffer) };
}

/** Thrown where the browser has no encoder for a video format. */
export class NoEncoderError extends Error {}

async function video(picture: Picture, kind: "webm" | "mp4", progress: (share: number) => void): Promise<Blob> {
  const { BufferTarget, CanvasSource, Mp4OutputFormat, Output, QUALITY_HIGH, WebMOutputFormat, canEncodeVideo } =
    await import("mediabunny");
  const frames = framesOf(picture);
  const even = (n: number): number => 2 * Math.round(n / 2);
  const width = even(picture.width);
  const height = even((picture.width * frames[0].scene.height) / frames[0].scene.width);
  const codecs = kind === "webm" ? (["vp9", "vp8"] as const) : (["avc", "vp9", "av1"] as const);
  const can = await Promise.all(codecs.map((codec) => canEncodeVideo(codec, { width, height })));
  const codec = codecs.find((_, i) => can[i]);
  if (codec === undefined) throw new NoEncoderError(kind);
  const output = new Output({
    format: kind === "webm" ? new WebMOutputFormat() : new Mp4OutputFormat(),
    target: new BufferTarget(),
  });
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const source = new CanvasSource(canvas, { codec, bitrate: QUALITY_HIGH });
  output.addVideoTrack(source, { frameRate: picture.fps });
  await output.start();
  let time = 0;
  let i = 0;
  for await (const drawn of rasterise(
    frames.map((f) => toSvg(f.scene, { width })),
    width,
    height,
  )) {
    context?.drawImage(drawn, 0, 0);
    // Each step stands for its time; players want frames at an even pace.
    const seconds = frames[i].ms / 1000;
    const count = Math.max(1, Math.round(seconds * picture.fps));
    for (let k = 0; k < count; k++) await source.add(time + (k * seconds) / count, seconds / count);
    time += seconds;
    progress(++i / frames.length);
  }
  await output.finalize();
  const { buffer } = output.target;
  if (buffer === null) throw new NoEncoderError(kind);
  return new Blob([buffer], { type: `video/${kind}` });
}

/**
 * Writes a figure.
 *
 * @param step the moment that a still shows
 * @param progress called with 0 to 1
 * @throws NoEncoderError where the browser cannot write that video format
 */
export async function exportFigure(
  picture: Picture,
  kind: ExportKind,
  step: number,
  progress: (share: number) => void = () => {},
): Promise<Exported> {
  const file = (extension: string, type: string, content: BlobPart): Exported => ({
    name: `${picture.figure}.${extension}`,
    blob: new Blob([content], { type }),
  });
  const { width } = picture;
  const scene = picture.scene(step);
  const height = Math.round((width * scene.height) / scene.width);
  switch (kind) {
    case "svg":
      return file("svg", "image/svg+xml", toSvg(scene, { width }));
    case "animated":
      return file("animated.svg", "image/svg+xml", toAnimatedSvg(framesOf(picture), { width }));
    case "tex":
      return file("tex", "text/x-tex", toTikz(scene));
    case "png": {
      // Twice the pixels, for sharp screens.
      for await (const canvas of rasterise([toSvg(scene, { width: 2 * width })], 2 * width, 2 * height)) {
        return { name: `${picture.figure}.png`, blob: await canvas.convertToBlob({ type: "image/png" }) };
      }
      throw new Error("nothing was drawn");
    }
    case "gif": {
      const gifenc = await import("gifenc");
      const frames = framesOf(picture);
      const drawn: { pixels: Pixels; ms: number }[] = [];
      const svgs = frames.map((f) => toSvg(f.scene, { width }));
      for await (const canvas of rasterise(svgs, width, height)) {
        drawn.push({ pixels: pixelsOf(canvas), ms: frames[drawn.length].ms });
        progress(drawn.length / frames.length);
      }
      return file("gif", "image/gif", Uint8Array.from(toGif(gifenc, drawn)));
    }
    case "webm":
    case "mp4":
      return { name: `${picture.figure}.${kind}`, blob: await video(picture, kind, progress) };
  }
}

/** Hands a file to the browser's downloads. */
export function download({ name, blob }: Exported): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
