/** Folders of CIFAR-10 or CIFAR-100 in the binary version, as unpacked from the authors' archives. */
import { join } from "node:path";
import { CIFAR10_CLASSES, type Dataset, arrayDataset, readCifar } from "faltung";
import { UserError } from "../command/errors.ts";
import { readBytes } from "./read.ts";

type Variant = "cifar10" | "cifar100";

const CIFAR10_BATCHES = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`);

export interface CifarParts {
  readonly train: Dataset;
  readonly test?: Dataset;
  readonly name: string;
}

/** Which of the two a folder's listing is, if any. */
export function cifarVariant(names: readonly string[]): Variant | undefined {
  if (names.includes("data_batch_1.bin")) return "cifar10";
  return names.includes("train.bin") ? "cifar100" : undefined;
}

/**
 * @param onNote is told of files that a whole set has and this one lacks
 * @throws UserError or FormatError naming the file
 */
export async function readCifarFolder(
  folder: string,
  names: readonly string[],
  variant: Variant,
  onNote: (text: string) => void = () => {},
): Promise<CifarParts> {
  const [trainFiles, testFiles, labelFile] =
    variant === "cifar10"
      ? [names.filter((name) => /^data_batch_\d+\.bin$/.test(name)).sort(), ["test_batch.bin"], "batches.meta.txt"]
      : [["train.bin"], ["test.bin"], "fine_label_names.txt"];
  const count = variant === "cifar10" ? 10 : 100;
  const whole = [...(variant === "cifar10" ? CIFAR10_BATCHES : trainFiles), ...testFiles];
  const missing = whole.filter((name) => !names.includes(name));
  if (missing.length > 0) onNote(`${folder} lacks ${missing.join(", ")}; going on without.`);
  const classes = names.includes(labelFile) ? await readNames(join(folder, labelFile), count) : defaultNames(variant);
  const train = await readParts(folder, trainFiles, variant, classes);
  const hasTest = testFiles.every((name) => names.includes(name));
  return {
    train,
    name: variant === "cifar10" ? "CIFAR-10" : "CIFAR-100",
    ...(hasTest ? { test: await readParts(folder, testFiles, variant, classes) } : {}),
  };
}

function defaultNames(variant: Variant): readonly string[] {
  return variant === "cifar10" ? CIFAR10_CLASSES : Array.from({ length: 100 }, (_, i) => String(i));
}

async function readNames(path: string, count: number): Promise<string[]> {
  const names = (await readBytes(path))
    .toString("utf8")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (names.length !== count) throw new UserError(`${path}: it has ${names.length} names; ${count} are expected.`);
  return names;
}

async function readParts(
  folder: string,
  files: readonly string[],
  variant: Variant,
  classes: readonly string[],
): Promise<Dataset> {
  const parts = [];
  for (const file of files) parts.push(readCifar(await readBytes(join(folder, file)), variant, join(folder, file)));
  const images = new Uint8Array(parts.reduce((n, part) => n + part.images.size, 0));
  let at = 0;
  for (const part of parts) {
    images.set(part.images.data, at);
    at += part.images.size;
  }
  return arrayDataset({ images, labels: parts.flatMap((part) => [...part.labels.data]), shape: [3, 32, 32], classes });
}
