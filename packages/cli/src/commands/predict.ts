/** `faltung predict`: what is in these pictures? */
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { topK } from "faltung";
import { escapePath, glob, isDynamicPattern } from "tinyglobby";
import { readModel } from "../checkpoint/model-file.ts";
import { type Command, defineCommand } from "../command/command.ts";
import { EXIT, UsageError, UserError, reason } from "../command/errors.ts";
import { flag, text, whole } from "../command/option.ts";
import { PictureError, eachConcurrently } from "../data/decode.ts";
import { readPicture } from "../data/image-folder.ts";
import { compareNames } from "../data/read.ts";
import { newestModel } from "../run/folder.ts";
import { SUPPORTED_TEXT, isReadablePicture } from "../data/scan.ts";
import { count, percent, thousands } from "../terminal/format.ts";
import { printable } from "../terminal/width.ts";
import { JSON_OPTION, MODEL_OPTION } from "./shared.ts";

const BATCH = 64;

export const predict: Command = defineCommand({
  description: "Prints the most likely classes of each picture. Everything it needs is in the model file.",
  examples: [
    ["predict model=runs/train/weights/best.safetensors source=a.png", "one picture"],
    ["predict source=holiday/", "all pictures in a folder and below, by the newest run's best weights"],
    ["predict source='scans/*.png' top=1 json=true", "a pattern (in quotes), one JSON object a picture"],
  ],
  options: {
    source: text<string | undefined>({ default: undefined, help: "a picture, a folder, or a pattern" }),
    model: MODEL_OPTION,
    top: whole({ default: 5, min: 1, help: "how many classes to print for each" }),
    threads: whole({ default: 0, min: 0, max: 64, help: "0: all cores" }),
    skip_bad: flag({ default: false, help: "go on where a picture cannot be read" }),
    json: JSON_OPTION,
  },
  run: async (values, { terminal, engine, signal }) => {
    if (values.source === undefined) {
      throw new UsageError(
        "faltung predict needs source=: a picture, a folder, or a pattern. See: faltung predict --help",
      );
    }
    const { module, preprocessing, classes } = await readModel(values.model ?? (await newestModel()));
    const paths = await findPictures(values.source);
    const { channels, height, width, mean, std } = preprocessing;
    const bytes = channels * height * width;
    const batch = Math.min(BATCH, paths.length);
    const predictor = await engine.predictor(module, {
      picture: [channels, height, width],
      statistics: { mean, std },
      batch,
      ...(values.threads > 0 ? { threads: values.threads } : {}),
    });
    const bad: string[] = [];
    try {
      for (let start = 0; start < paths.length && !signal.aborted; start += batch) {
        const chunk = paths.slice(start, start + batch);
        const images = new Uint8Array(chunk.length * bytes);
        const failures = new Map<number, string>();
        await eachConcurrently(chunk, 8, async (path, i) => {
          try {
            images.set(await readPicture(path, preprocessing), i * bytes);
          } catch (error) {
            failures.set(i, error instanceof PictureError ? error.message : reason(error));
          }
        });
        const probabilities = predictor.run(images);
        chunk.forEach((path, i) => {
          const failure = failures.get(i);
          if (failure !== undefined) {
            bad.push(path);
            terminal.note(`${printable(path)}: ${failure}`);
            terminal.emit({ path, error: failure });
            return;
          }
          const row = probabilities.subarray(i * classes.length, (i + 1) * classes.length);
          const best = topK(row, values.top).map((c) => ({ class: classes[c], probability: row[c] }));
          const shown = best.map(({ class: name, probability }, rank) => {
            const words = `${printable(name)} ${percent(probability, 1)}`;
            return rank === 0 ? terminal.paint.bold(words) : words;
          });
          terminal.say(`${printable(path)}: ${shown.join(", ")}`);
          terminal.emit({ path, predictions: best });
        });
      }
    } finally {
      predictor.close();
    }
    if (signal.aborted) return EXIT.interrupted;
    if (bad.length > 0 && !values.skip_bad) {
      throw new UserError(
        `${thousands(bad.length)} of ${count(paths.length, "picture")} could not be read; skip_bad=true goes on without an error.`,
      );
    }
    return EXIT.fine;
  },
});

/** The pictures that a source means: itself, those below a folder, or those that match a pattern. */
async function findPictures(source: string): Promise<string[]> {
  const kind = await stat(source).then(
    (s) => (s.isDirectory() ? "folder" : s.isFile() ? "file" : "special"),
    () => "missing",
  );
  if (kind === "file") return [source];
  if (kind === "special") throw new UserError(`source=${source}: it is not an ordinary file.`); // a pipe would wait for ever
  if (kind === "missing" && !isDynamicPattern(source)) {
    throw new UserError(`source=${source}: there is no such file or folder.`);
  }
  const pattern = kind === "folder" ? `${escapePath(source).replace(/\/+$/, "")}/**/*` : source;
  const found = (await glob(pattern, { onlyFiles: true, expandDirectories: false })).filter(isReadablePicture);
  if (found.length === 0) {
    const where = kind === "folder" ? "there are no pictures in it" : "no picture matches";
    throw new UserError(`source=${source}: ${where}; ${SUPPORTED_TEXT}.`);
  }
  return (await withoutRepeats(found.map((path) => join(path)))).sort(compareNames);
}

/** Each picture by its shortest path: a link to a folder that lies around it, or beside it, shows all of it again. */
async function withoutRepeats(paths: readonly string[]): Promise<string[]> {
  const folders = [...new Set(paths.map((path) => dirname(path)))];
  const real = new Map(await Promise.all(folders.map(async (folder) => [folder, await realpath(folder)] as const)));
  const pictures = new Map<string, string>();
  for (const path of paths.toSorted((a, b) => a.length - b.length)) {
    const place = join(real.get(dirname(path)) ?? "", basename(path));
    if (!pictures.has(place)) pictures.set(place, path);
  }
  return [...pictures.values()];
}
