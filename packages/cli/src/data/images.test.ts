import { mkdirSync, readFileSync, readdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError, type Dataset } from "faltung";
import sharp, { type Sharp } from "sharp";
import { type Color, paint, temporaryFolder } from "../../test/support.ts";
import { UserError } from "../command/errors.ts";
import type { DataOptions } from "./bundle.ts";
import { cachePath, readCache } from "./cache.ts";
import { decodePicture, pictureSize } from "./decode.ts";
import { readPicture } from "./image-folder.ts";
import { loadData } from "./load.ts";

const cache = temporaryFolder();
const before = process.env["FALTUNG_CACHE"];
beforeAll(() => void (process.env["FALTUNG_CACHE"] = cache));
afterAll(() => {
  if (before === undefined) delete process.env["FALTUNG_CACHE"];
  else process.env["FALTUNG_CACHE"] = before;
});

const options = (data: string, more: Partial<DataOptions> = {}): DataOptions => ({
  data,
  imgsz: 0,
  val: 0,
  seed: 0,
  skipBad: false,
  cache: false,
  ...more,
});

type Format = "png" | "jpeg" | "webp" | "gif";
const RED: Color = [250, 10, 20];
const BLUE: Color = [10, 20, 250];

/** Makes files from a list of paths and contents. */
function makeFolder(files: Readonly<Record<string, Buffer | string>>): string {
  const root = temporaryFolder();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

async function twoClasses(n = 5, width = 12, height = 12): Promise<Record<string, Buffer>> {
  const formats: readonly Format[] = ["png", "jpeg", "webp", "gif"];
  const files: Record<string, Buffer> = {};
  for (let i = 0; i < n; i++) {
    const format = formats[i % formats.length];
    files[`red/${i}.${format}`] = await paint(RED, width, height, format);
    files[`blue/${i}.${format}`] = await paint(BLUE, width, height, format);
  }
  return files;
}

function pixels(dataset: Dataset, index: number): Uint8Array {
  const into = new Uint8Array(dataset.shape.reduce((a, b) => a * b));
  void dataset.read(index, into);
  return into;
}

describe("image folders", () => {
  it("become data sets: classes by name, planar pixels, a stratified share for validation", async () => {
    const bundle = await loadData(options(makeFolder(await twoClasses(10)), { val: 0.3, seed: 4 }));
    expect(bundle.classes).toEqual(["blue", "red"]);
    expect(bundle.geometry).toEqual({ channels: 3, height: 12, width: 12 });
    expect([bundle.train.size, bundle.validation.size]).toEqual([14, 6]);
    expect(bundle.validation.labels.filter((l) => l === 0).length).toBe(3);
    for (let i = 0; i < bundle.train.size; i++) {
      const [r, g, b] = bundle.train.labels[i] === 1 ? RED : BLUE;
      const p = pixels(bundle.train, i);
      for (const [at, value] of [
        [0, r],
        [144, g],
        [288, b],
      ])
        expect(Math.abs(p[at] - value)).toBeLessThan(6); // JPEG, GIF
    }
  });

  it("take train, val and test folders as they are", async () => {
    const picture = await paint(RED, 8, 8);
    const root = makeFolder({
      "Train/a/1.png": picture,
      "Train/b/1.png": picture,
      "valid/a/1.png": picture,
      "test/b/x/1.png": picture,
      "notes/x.txt": "",
    });
    const bundle = await loadData(options(root));
    expect(bundle.classes).toEqual(["a", "b"]);
    expect([bundle.train.size, bundle.validation.size, bundle.test?.size]).toEqual([2, 1, 1]);
    expect(bundle.validationSource).toBe("the validation part");
    expect([...(bundle.test?.labels ?? [])]).toEqual([1]);
  });

  it("use the test part where there is no other", async () => {
    const picture = await paint(RED, 8, 8);
    const root = makeFolder({ "train/a/1.png": picture, "train/b/1.png": picture, "test/a/1.png": picture });
    expect((await loadData(options(root))).validationSource).toBe("the test part");
  });

  it("read names in any script, composed or decomposed", async () => {
    const picture = await paint(RED, 8, 8);
    const [nfc, nfd] = ["한글é".normalize("NFC"), "한글é".normalize("NFD")];
    const root = makeFolder({
      [`train/${nfc}/가.png`]: picture,
      "train/ß/1.png": picture,
      [`val/${nfd}/1.png`]: picture,
    });
    const bundle = await loadData(options(root));
    expect(bundle.classes).toEqual(["ß", nfc]);
    expect([...bundle.validation.labels]).toEqual([1]);
  });

  it("are gray where all pictures are", async () => {
    const root = makeFolder({
      "a/1.png": await paint([9, 9, 9], 8, 8),
      "a/2.png": await paint([7, 7, 7], 8, 8),
      "b/1.jpg": await paint([99, 99, 99], 8, 8, "jpeg"),
      "b/2.jpg": await paint([9, 9, 9], 8, 8, "jpeg"),
    });
    const bundle = await loadData(options(root));
    expect(bundle.geometry.channels).toBe(1);
    expect([...pixels(bundle.train, 0)]).toEqual(new Array(64).fill(pixels(bundle.train, 0)[0]));
    expect(bundle.mirrorable).toBe(false);
  });

  it("decide the size: their own where small and alike, else the median side up to 64, else as told", async () => {
    const wide = makeFolder({ "a/1.png": await paint(RED, 40, 30), "b/1.png": await paint(RED, 40, 30) });
    const mixed = makeFolder({
      "a/1.png": await paint(RED, 40, 30),
      "b/1.png": await paint(RED, 20, 90),
      "b/2.png": await paint(RED, 50, 50),
    });
    const large = makeFolder({ "a/1.png": await paint(RED, 400, 300), "b/1.png": await paint(RED, 400, 300) });
    const size = async (root: string, imgsz = 0): Promise<number[]> => {
      const { height, width } = (await loadData(options(root, { imgsz, val: 0.5 }))).geometry;
      return [height, width];
    };
    await expect(loadData(options(wide))).rejects.toThrow("none can be kept apart for validation");
    const more = async (root: string): Promise<string> => {
      const picture = readFileSync(join(root, "a/1.png"));
      writeFileSync(join(root, "a/2.png"), picture);
      return root;
    };
    expect(await size(await more(wide))).toEqual([30, 40]);
    expect(await size(await more(mixed))).toEqual([30, 30]);
    expect(await size(await more(large))).toEqual([64, 64]);
    expect(await size(large, 32)).toEqual([32, 32]);
  });
});

describe("folders that are no data set", () => {
  it.each<[string, Record<string, string>, string]>([
    ["an empty folder", {}, "has no sub-folders. Expected one sub-folder a class"],
    ["pictures without class folders", { "1.png": "", "2.jpg": "" }, "holds 2 pictures but no sub-folders"],
    [
      "class folders without pictures",
      { "a/readme.txt": "", "b/x.csv": "" },
      "the class folders (a, b) hold no pictures",
    ],
    ["one class", { "a/1.png": "" }, "there is only one class, a; a classifier needs at least two"],
    [
      "an empty class",
      { "a/1.png": "", "b/1.png": "", "c/x.txt": "" },
      "the class c has no pictures. Add some, or remove the folder",
    ],
    [
      "a class in val only",
      { "train/a/1.png": "", "train/b/1.png": "", "val/c/1.png": "" },
      "the class c has no pictures in the train part",
    ],
  ])("%s", async (_, files, message) => {
    const error: unknown = await loadData(options(makeFolder(files))).catch((e: unknown) => e);
    expect(error instanceof DataError || error instanceof UserError).toBe(true);
    expect((error as Error).message).toContain(message);
  });

  it("a folder that is not there, or a file", async () => {
    await expect(loadData(options("/nowhere/at/all"))).rejects.toThrow(
      "data=/nowhere/at/all: there is no such file or folder",
    );
    await expect(loadData(options("mnsit"))).rejects.toThrow('Did you mean "mnist"?');
    const root = makeFolder({ "a.txt": "" });
    await expect(loadData(options(join(root, "a.txt")))).rejects.toThrow("is a file; give the folder");
  });
});

describe("bad pictures", () => {
  let good: Buffer;
  let png: Buffer;
  beforeAll(async () => {
    png = await sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: "red",
        noise: { type: "gaussian", mean: 120, sigma: 40 },
      },
    })
      .png()
      .toBuffer();
    good = await paint(RED, 64, 64);
  });
  const patched = (at: number, bytes: number[]): Buffer => {
    const copy = Buffer.from(png);
    copy.set(bytes, at);
    return copy;
  };

  it("are listed with their reasons, or left out when asked", async () => {
    const jpeg = await sharp(png).jpeg().toBuffer();
    const webp = await sharp(png).webp().toBuffer();
    const gif = await sharp(png).gif().toBuffer();
    const bad: Record<string, [Buffer | string, RegExp]> = {
      "empty.png": ["", /the file is empty/],
      "text.png": ["this is not a picture", /not a picture in a known format/],
      "vector.png": [
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        /not a picture in a known format/,
      ],
      "page.jpg": ["<!doctype html><html></html>", /not a picture in a known format/],
      "cut.png": [png.subarray(0, png.length / 2), /^it is cut short$/],
      "cut.jpg": [jpeg.subarray(0, jpeg.length / 2), /^it is cut short$/],
      "cut.webp": [webp.subarray(0, webp.length / 2), /^it is cut short$/],
      "cut.gif": [gif.subarray(0, gif.length / 2), /^it is cut short$/],
      "signature.png": [png.subarray(0, 8), /^it is cut short$/],
      "crc.png": [
        patched(100, [png[100] ^ 255, png[101] ^ 255]),
        /^it is damaged: the check sum of its IDAT chunk is wrong$/,
      ],
      "zero.png": [patched(16, [0, 0, 0, 0, 0, 0, 0, 0]), /^it is damaged: the check sum of its IHDR chunk is wrong$/],
      "bomb.png": [patched(16, [0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]), /./],
      "old.bmp": ["BM", /BMP is not supported; PNG, JPEG, WebP and GIF/],
      "scan.tiff": ["II", /TIFF is not supported/],
    };
    const files = { "a/1.png": good, "a/2.png": good, "b/1.png": good, "b/2.png": good };
    const root = makeFolder({
      ...files,
      ...Object.fromEntries(Object.entries(bad).map(([name, [content]]) => [`b/${name}`, content])),
    });
    symlinkSync(join(root, "nowhere.png"), join(root, "b", "link.png"));
    execFileSync("mkfifo", [join(root, "b", "pipe.png")]);
    symlinkSync(root, join(root, "b", "circle"));
    const all: Record<string, RegExp> = {
      ...Object.fromEntries(Object.entries(bad).map(([name, [, why]]) => [name, why])),
      "link.png": /leads nowhere/,
      "pipe.png": /not an ordinary file/,
    };

    const error: unknown = await loadData(options(root)).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataError);
    const { message } = error as DataError;
    expect(message).toContain("16 of 20 pictures cannot be used");
    expect(message).toContain("pass skip_bad=true to leave them out");

    const bundle = await loadData(options(root, { skipBad: true }));
    expect(bundle.train.size + bundle.validation.size).toBe(4);
    expect(bundle.skipped.length).toBe(Object.keys(all).length);
    for (const { path, reason } of bundle.skipped)
      expect([path, reason]).toEqual([path, expect.stringMatching(all[path.split("/").at(-1) ?? ""])]);
  });

  it("must leave something of every class", async () => {
    const root = makeFolder({ "a/1.png": good, "a/2.png": good, "b/1.png": "no" });
    await expect(loadData(options(root, { skipBad: true }))).rejects.toThrow("the class b would be empty");
  });

  it("never take the memory that they claim", async () => {
    const root = makeFolder({ "bomb.png": patched(16, [0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]) });
    const before = process.memoryUsage.rss();
    await expect(decodePicture(join(root, "bomb.png"), { height: 8, width: 8 })).rejects.toThrow(
      "more than 120 million pixels",
    );
    await expect(pictureSize(join(root, "bomb.png"))).rejects.toThrow("more than 120 million pixels");
    expect(process.memoryUsage.rss() - before).toBeLessThan(64e6);
  });

  it("are told from whole ones at every cut", async () => {
    const small = await sharp(png).resize(16, 16).jpeg().toBuffer();
    const root = makeFolder({ "x.jpg": small });
    const path = join(root, "x.jpg");
    for (let length = small.length - 1; length > 0; length -= 23) {
      truncateSync(path, length);
      const outcome = await decodePicture(path, { height: 8, width: 8 }).then(
        () => "decoded",
        (e: unknown) => (e instanceof Error ? e.name : "?"),
      );
      expect([length, outcome]).toEqual([length, length === small.length - 1 ? outcome : "PictureError"]);
      expect(["decoded", "PictureError"]).toContain(outcome);
    }
  });
});

describe("decoding", () => {
  const decode = async (picture: Buffer, width = 2, height = 2): Promise<number[]> => {
    const root = makeFolder({ "x.png": picture });
    return [...(await decodePicture(join(root, "x.png"), { width, height })).pixels];
  };
  const raw = (data: number[], width: number, height: number, channels: 1 | 2 | 3 | 4): Sharp =>
    sharp(Uint8Array.from(data), { raw: { width, height, channels } });

  it("gives red, green and blue planes", async () => {
    const rgb = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30];
    expect(await decode(await raw(rgb, 2, 2, 3).png().toBuffer())).toEqual([
      255, 0, 0, 10, 0, 255, 0, 20, 0, 0, 255, 30,
    ]);
  });

  it("puts transparent pictures on white", async () => {
    expect(
      await decode(await raw([0, 0, 0, 0, 9, 9, 9, 255, 0, 0, 0, 255, 0, 0, 0, 255], 2, 2, 4).png().toBuffer()),
    ).toEqual([255, 9, 0, 0, 255, 9, 0, 0, 255, 9, 0, 0]);
    expect((await decode(await raw([0, 0, 7, 255, 0, 255, 0, 255], 2, 2, 2).png().toBuffer())).slice(0, 4)).toEqual([
      255, 7, 0, 0,
    ]);
  });

  it("reads palettes, 16 bits, one bit, interlacing and progressive JPEG", async () => {
    const rgb = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];
    const planes = [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255];
    expect(await decode(await raw(rgb, 2, 2, 3).png({ palette: true }).toBuffer())).toEqual(planes);
    expect(await decode(await raw(rgb, 2, 2, 3).png({ progressive: true }).toBuffer())).toEqual(planes);
    expect(await decode(await raw(rgb, 2, 2, 3).toColourspace("rgb16").png().toBuffer())).toEqual(planes);
    expect(
      await decode(await raw([0, 255, 255, 0], 2, 2, 1).toColourspace("b-w").png({ colours: 2 }).toBuffer()),
    ).toEqual([0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255, 0]);
    const gray = await sharp({ create: { width: 16, height: 16, channels: 3, background: "#808080" } })
      .jpeg({ progressive: true })
      .toBuffer();
    for (const v of await decode(gray)) expect(Math.abs(v - 128)).toBeLessThan(3);
  });

  it("reads CMYK", async () => {
    const cmyk = await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
      .toColourspace("cmyk")
      .jpeg()
      .toBuffer();
    const [r, , , , g] = await decode(cmyk);
    expect(r).toBeGreaterThan(200);
    expect(g).toBeLessThan(80);
  });

  it("turns pictures upright by the camera's mark, all eight of them", async () => {
    // A picture that is dark at the top left as it is shown; EXIF says how its rows and columns are stored.
    const upright = await raw([0, 255, 255, 255, 255, 255], 3, 2, 1).png().toBuffer();
    const store: Record<number, (s: Sharp) => Sharp> = {
      1: (s) => s,
      2: (s) => s.flop(),
      3: (s) => s.rotate(180),
      4: (s) => s.flip(),
    };
    for (const [orientation, how] of Object.entries(store)) {
      const stored = await how(sharp(upright))
        .png()
        .withMetadata({ orientation: Number(orientation) })
        .toBuffer();
      expect((await decode(stored, 3, 2)).slice(0, 6)).toEqual([0, 255, 255, 255, 255, 255]);
    }
    for (const [orientation, angle, mirror] of [
      [6, 270, false],
      [8, 90, false],
      [5, 270, true],
      [7, 90, true],
    ] as const) {
      const turned = sharp(await sharp(upright).rotate(angle).png().toBuffer());
      const stored = await (mirror ? turned.flip() : turned).png().withMetadata({ orientation }).toBuffer();
      expect([orientation, ...(await decode(stored, 3, 2)).slice(0, 6)]).toEqual([
        orientation,
        0,
        255,
        255,
        255,
        255,
        255,
      ]);
      expect([orientation, await pictureSize(join(makeFolder({ "x.png": stored }), "x.png"))]).toEqual([
        orientation,
        { width: 3, height: 2 },
      ]);
    }
  });

  it("covers the wanted size and cuts the rest off evenly", async () => {
    const stripes = [10, 10, 200, 200, 10, 10];
    expect((await decode(await raw(stripes, 6, 1, 1).png().toBuffer(), 2, 1)).slice(0, 2)).toEqual([200, 200]);
  });

  it("makes gray of colour by luma, and leaves gray as it is", async () => {
    const root = makeFolder({
      "x.png": await raw([255, 0, 0, 0, 255, 0, 0, 0, 255, 77, 77, 77], 4, 1, 3).png().toBuffer(),
    });
    // Pillow: Image.fromarray(…).convert("L")
    expect([...(await readPicture(join(root, "x.png"), { channels: 1, height: 1, width: 4 }))]).toEqual([
      76, 150, 29, 77,
    ]);
  });
});

describe("the cache of decoded pictures", () => {
  it("is used while the files stay, renewed where they change, and never trusted blindly", async () => {
    const root = makeFolder(await twoClasses(4));
    const cached = options(root, { cache: true });
    const first = await loadData(cached);
    const file = cachePath(root, { height: 12, width: 12 });
    const whole = readFileSync(file);
    const { size } = await readCache(file, 3 * 144);
    expect(size).toBe(8);

    // Same size and time, other content: what comes is the cached picture, so the cache was used.
    const path = join(root, "red", "0.png");
    const stamp = new Date(1_700_000_000_000);
    utimesSync(path, stamp, stamp);
    await loadData(cached);
    const original = readFileSync(path);
    const forged = Buffer.alloc(original.length);
    writeFileSync(path, forged);
    utimesSync(path, stamp, stamp);
    const again = await loadData(cached);
    expect(pixels(again.train, 0)).toEqual(pixels(first.train, 0));

    // Another time: decoded anew, and found bad.
    utimesSync(path, stamp, new Date(1_700_000_001_000));
    await expect(loadData(cached)).rejects.toThrow("0.png: it is not a picture");
    writeFileSync(path, original);

    // Damaged in any place: made again, with the same pictures.
    for (const broken of [
      whole.subarray(0, whole.length - 1),
      whole.subarray(0, 50),
      Buffer.alloc(0),
      Buffer.concat([whole, Buffer.from("x")]),
      whole.map((b, i) => (i === 100 ? b ^ 1 : b)),
    ]) {
      writeFileSync(file, broken);
      const restored = await loadData(cached);
      for (let i = 0; i < first.train.size; i++) expect(pixels(restored.train, i)).toEqual(pixels(first.train, i));
    }
    expect(readdirSync(cache).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("that cannot be written is noted, and nothing else", async () => {
    const root = makeFolder(await twoClasses(2));
    const blocked = join(temporaryFolder(), "file");
    writeFileSync(blocked, "");
    process.env["FALTUNG_CACHE"] = join(blocked, "cache");
    try {
      const notes: string[] = [];
      const bundle = await loadData(options(root, { cache: true, onNote: (text) => notes.push(text) }));
      expect(bundle.train.size).toBe(2);
      expect(notes.join()).toContain("are not kept for the next run: ");
    } finally {
      process.env["FALTUNG_CACHE"] = cache;
    }
  });
});
