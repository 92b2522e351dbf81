/** Figures as files, in Node: SVG (still or moving), PNG, GIF, WebM, MP4, TikZ. The body of `faltung figure`. */
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, extname } from "node:path";
import { toAnimatedSvg } from "../animate.ts";
import { OptionError } from "faltung/errors";
import { COMMON, type Picture } from "../figure.ts";
import { type GifCodec, type Pixels, toGif } from "../gif.ts";
import { FIGURES, type Spec, framesOf, fromArguments, fromQuery, open } from "../registry.ts";
import { type Field, type Lang, suggest } from "../spec.ts";
import { toSvg } from "../svg.ts";
import { toTikz } from "../tikz.ts";
import { rasterise, svgToPng } from "./raster.ts";
import { writeVideo } from "./video.ts";

export { rasterise, svgToPng } from "./raster.ts";
export { writeVideo } from "./video.ts";

// gifenc is CommonJS to Node and an ES module to bundlers, with different exports; this way it is always the former.
const gifenc: GifCodec = createRequire(import.meta.url)("gifenc");

/** File endings that can be written. */
export const FORMATS: readonly string[] = ["svg", "png", "gif", "webm", "mp4", "tex"];

/** A still as PNG bytes. */
export function toPng(picture: Picture, step: number = picture.still): Uint8Array {
  return svgToPng(toSvg(picture.scene(step), { width: picture.width }));
}

function* pixelFrames(picture: Picture): Generator<{ pixels: Pixels; ms: number }> {
  const frames = framesOf(picture);
  let i = 0;
  for (const pixels of rasterise(
    frames.map((f) => f.scene),
    picture.width,
  ))
    yield { pixels, ms: frames[i++].ms };
}

/**
 * Writes a figure; the ending of the path decides the format: .svg (still, or moving with `animated=1`), .png (still),
 * .gif, .webm, .mp4, .tex (TikZ, still).
 *
 * @throws OptionError for an unknown option or ending, PlatformError where a video needs an ffmpeg that is not there
 * @example
 * ```ts
 * await renderToFile({ figure: "conv2d", input: "5x5", stride: 2, padding: 1 }, "out.gif");
 * ```
 */
export async function renderToFile(spec: Spec | Picture, path: string): Promise<Picture> {
  const picture = isPicture(spec) ? spec : open(spec);
  const format = extname(path).slice(1).toLowerCase();
  if (!FORMATS.includes(format)) {
    throw new OptionError(
      `"${path}" does not end in a format that can be written. ${suggest(
        format,
        FORMATS.map((f) => `.${f}`),
      )}`,
    );
  }
  await mkdir(dirname(path), { recursive: true });
  switch (format) {
    case "svg": {
      const options = { width: picture.width };
      await writeFile(
        path,
        picture.animated ? toAnimatedSvg(framesOf(picture), options) : toSvg(picture.scene(picture.still), options),
      );
      break;
    }
    case "png":
      await writeFile(path, toPng(picture));
      break;
    case "tex":
      await writeFile(path, toTikz(picture.scene(picture.still)));
      break;
    case "gif":
      await writeFile(path, toGif(gifenc, [...pixelFrames(picture)]));
      break;
    case "webm":
    case "mp4":
      await writeVideo(pixelFrames(picture), format, picture.fps, path);
      break;
  }
  return picture;
}

const isPicture = (x: Spec | Picture): x is Picture => typeof x.scene === "function";

/** What `faltung figure` was asked for. */
export interface FigureRequest {
  readonly spec: Spec;
  readonly path: string;
}

/**
 * The command line of `faltung figure`: `conv2d input=5x5 stride=2 -o out.gif`, or `--from-url '…' -o out.svg`.
 * Without -o the file is named after the figure. @throws OptionError
 */
export function parseFigureArguments(args: readonly string[]): FigureRequest {
  const rest: string[] = [];
  let path: string | undefined;
  let url: string | undefined;
  for (let i = 0; i < args.length; i++) {
    const [key, inline] = args[i].startsWith("--") ? splitOnce(args[i]) : [args[i], undefined];
    const isOut = key === "-o" || key === "--out" || key === "--output";
    if (isOut || key === "--from-url") {
      const value = inline ?? args[++i];
      if (value === undefined) throw new OptionError(`${key} needs a value.`);
      if (isOut) path = value;
      else url = value;
    } else {
      rest.push(args[i]);
    }
  }
  const spec = url === undefined ? fromArguments(rest) : { ...fromQuery(url), ...overrides(rest) };
  return { spec, path: path ?? `${spec.figure}.svg` };
}

/** Options that stand beside --from-url and go before the address's own. */
function overrides(rest: readonly string[]): Record<string, string> {
  if (rest.length === 0) return {};
  const { figure: _, ...options } = fromArguments(["any", ...rest]);
  return Object.fromEntries(Object.entries(options).map(([k, v]) => [k, String(v)]));
}

function splitOnce(word: string): [string, string | undefined] {
  const at = word.indexOf("=");
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

/** Help for `faltung figure`: every figure with its own options and defaults, then those that all have. */
export function figureHelp(lang: Lang = "en"): string {
  const line = ([key, { about, control, fallback, show }]: [string, Field<unknown>]): string => {
    const values = {
      int: () => (control.kind === "int" ? `${control.min}…${control.max}` : ""),
      choice: () => (control.kind === "choice" ? control.choices.join("|") : ""),
      flag: () => "0|1",
      text: () => (control.kind === "text" ? control.example : ""),
      numbers: () => (control.kind === "numbers" ? control.example : ""),
    }[control.kind]();
    return `    ${`${key}=`.padEnd(15)}${about[lang]} (${values}; ${show(fallback) || "—"})`;
  };
  const isCommon = ([key]: [string, unknown]): boolean => key in COMMON;
  const own = FIGURES.map((f) => {
    const options = Object.entries(f.fields).filter((entry) => !isCommon(entry));
    return [`${f.name}: ${f.about[lang]}`, ...options.map(line)].join("\n");
  });
  const common = Object.entries(FIGURES[0].fields).filter(isCommon).map(line);
  return [...own, [{ en: "every figure:", ko: "모든 그림:" }[lang], ...common].join("\n")].join("\n\n");
}
