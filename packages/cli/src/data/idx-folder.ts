/** Folders of IDX files: MNIST, Fashion-MNIST and others of their kind, plain or gzip, under either usual spelling. */
import { basename, join, resolve, sep } from "node:path";
import { type Dataset, DataError, readIdx, tensorDataset } from "faltung";
import { UserError } from "../command/errors.ts";
import { readBytes } from "./read.ts";

/** `train-images-idx3-ubyte.gz`, `t10k-labels.idx1-ubyte`, `test-images-idx3-ubyte`. */
const NAME = /^(train|t10k|test|val|emnist-[a-z]+-(?:train|test))[-_](images|labels)[-.]idx[13]-ubyte(\.gz)?$/i;

const FASHION = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];
/** The first labels of Fashion-MNIST's training set, which tell it from the digits whatever the folder is called. */
const FASHION_LABELS = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9, 5, 5, 7, 9];

export interface IdxParts {
  readonly train: Dataset;
  readonly test?: Dataset;
  readonly name: string;
}

interface Pair {
  images?: string;
  labels?: string;
}

/** The IDX files in a folder's listing, by part; plain ones win over gzip. */
export function idxFiles(names: readonly string[]): Map<"train" | "test", Pair> {
  const parts = new Map<"train" | "test", Pair>();
  for (const name of [...names].sort().reverse()) {
    const match = NAME.exec(name);
    if (match === null) continue;
    const part = /train$/i.test(match[1]) ? "train" : "test";
    const pair = parts.get(part) ?? {};
    if (match[2].toLowerCase() === "images") pair.images = name;
    else pair.labels = name;
    parts.set(part, pair);
  }
  return parts;
}

/**
 * @param names what the folder holds
 * @throws UserError or FormatError naming the file
 */
export async function readIdxFolder(folder: string, names: readonly string[]): Promise<IdxParts> {
  const parts = idxFiles(names);
  const pair = parts.get("train");
  if (pair === undefined) {
    throw new UserError(
      `data=${folder}: there are IDX files for testing but none for training (train-images-idx3-ubyte).`,
    );
  }
  const [trainImages, trainLabels] = await readPair(folder, pair, "train");
  if (trainImages.size === 0) throw new DataError(`data=${folder}: ${pair.images} holds no pictures.`);
  const known = classesOf(folder, trainLabels.data);
  const train = tensorDataset(trainImages, trainLabels, known?.classes, `data=${folder}`);
  checkClasses(train, folder);
  const name = known?.name ?? basename(resolve(folder));
  const testPair = parts.get("test");
  if (testPair === undefined) return { train, name };
  const [testImages, testLabels] = await readPair(folder, testPair, "test");
  const test = tensorDataset(testImages, testLabels, train.classes, `data=${folder} (test part)`);
  if (test.shape.join() !== train.shape.join()) {
    throw new DataError(
      `data=${folder}: pictures for training are ${train.shape.slice(1).join("×")}, those for testing ` +
        `${test.shape.slice(1).join("×")}; they must be equal.`,
    );
  }
  return { train, test, name };
}

async function readPair(folder: string, { images, labels }: Pair, part: string): Promise<[Tensor, Tensor]> {
  if (images === undefined || labels === undefined) {
    throw new UserError(
      `data=${folder}: of the ${part} part there is ${images ?? labels}, but no file of its ` +
        `${images === undefined ? "images" : "labels"}.`,
    );
  }
  return [await readTensor(join(folder, images)), await readTensor(join(folder, labels))];
}

type Tensor = Awaited<ReturnType<typeof readIdx>>;

async function readTensor(path: string): Promise<Tensor> {
  return readIdx(await readBytes(path), path);
}

/** The names that belong to well-known labels, which IDX files do not carry. */
function classesOf(folder: string, labels: ArrayLike<number>): { name: string; classes: string[] } | undefined {
  if (FASHION_LABELS.every((label, i) => labels[i] === label)) return { name: "Fashion-MNIST", classes: FASHION };
  // "mnist/", or "MNIST/raw/" as torchvision has it: the ten digits, even where some do not occur.
  const mnist = /mnist/i.test(resolve(folder).split(sep).slice(-2).join());
  if (!mnist || Array.from(labels).some((label) => label >= 10)) return undefined;
  return { name: "MNIST", classes: Array.from({ length: 10 }, (_, i) => String(i)) };
}

function checkClasses({ labels, classes, size }: Dataset, folder: string): void {
  const used = new Set(labels).size;
  if (used < 2) {
    throw new DataError(`data=${folder}: all ${size} pictures have the same label; a classifier needs two classes.`);
  }
  // Some sets count from 1, and a few digits are still digits; but labels with wide gaps are no labels.
  if (classes.length > 10 && used * 2 < classes.length) {
    throw new DataError(
      `data=${folder}: labels go up to ${classes.length - 1}, but only ${used} different ones occur. ` +
        `Labels count classes, 0, 1, 2, …; is the file damaged?`,
    );
  }
}
