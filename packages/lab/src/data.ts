/** The data sets that come with the lab, as the library's own data sets. */
import { type Dataset, readIdx, tensorDataset } from "faltung";
import type { Words } from "@faltung/figure";

export type ShippedName = "digits" | "fashion";

export interface Shipped {
  readonly train: Dataset;
  readonly test: Dataset;
}

export const FASHION: readonly Words[] = [
  { en: "T-shirt", ko: "티셔츠" },
  { en: "trousers", ko: "바지" },
  { en: "pullover", ko: "스웨터" },
  { en: "dress", ko: "원피스" },
  { en: "coat", ko: "코트" },
  { en: "sandal", ko: "샌들" },
  { en: "shirt", ko: "셔츠" },
  { en: "sneaker", ko: "운동화" },
  { en: "bag", ko: "가방" },
  { en: "boot", ko: "부츠" },
];

/** The lab's own folder, from a page and from a worker in `assets/` alike. */
function dataUrl(file: string): string {
  const base =
    typeof document === "undefined" ? new URL(import.meta.env.DEV ? "/" : "../", location.href) : document.baseURI;
  return new URL(`data/${file}`, base).href;
}

/** A file of the lab's `data` folder. */
export async function readShipped(name: string): Promise<Uint8Array> {
  const response = await fetch(dataUrl(name));
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function part(name: ShippedName, which: "train" | "test"): Promise<Dataset> {
  const [images, labels] = await Promise.all(
    ["images", "labels"].map(async (what) => {
      const file = `${name}-${which}-${what}.idx`;
      return readIdx(await readShipped(file), file);
    }),
  );
  const classes = name === "digits" ? Array.from({ length: 10 }, (_, i) => String(i)) : FASHION.map((w) => w.en);
  return tensorDataset(images, labels, classes, name);
}

/** 5,000 + 1,000 digits of MNIST, or 3,000 + 600 pictures of Fashion-MNIST, 28 × 28. */
export async function loadDigits(name: ShippedName): Promise<Shipped> {
  const [train, test] = await Promise.all([part(name, "train"), part(name, "test")]);
  return { train, test };
}
