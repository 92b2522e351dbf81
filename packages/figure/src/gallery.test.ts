/** The gallery as a test: every figure is drawn again and compared with its stored SVG, byte for byte. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { GALLERY } from "./gallery.ts";
import { fromQuery, open, toSvg } from "./index.ts";

const folder = new URL("../gallery/", import.meta.url);
const rewrite = process.env.MODE === "gallery";
const stored = (name: string): URL => new URL(`${name}.svg`, folder);
const changed = (name: string): URL => new URL(`${name}-changed.svg`, folder);

const draw = (query: string): string => {
  const picture = open(fromQuery(query));
  return toSvg(picture.scene(picture.still), { width: picture.width });
};

const page = (title: string, rows: readonly string[]): string =>
  `<!doctype html><meta charset="utf-8"><title>${title}</title>` +
  "<style>body{font:14px system-ui,sans-serif;margin:24px;background:#e9ebef}figure{display:inline-block;margin:8px;" +
  "vertical-align:top}img{display:block;max-width:100%;box-shadow:0 1px 4px #0003}.d{position:relative}" +
  `.d img+img{position:absolute;inset:0;mix-blend-mode:difference}</style>\n<h1>${title}</h1>\n${rows.join("\n")}\n`;

const shown = (src: string, words: string): string =>
  `<figure><figcaption>${words}</figcaption><img loading="lazy" src="${src}" alt="${words}"></figure>`;

const differing: string[] = [];

if (rewrite) mkdirSync(folder, { recursive: true });

describe("gallery", () => {
  it.each(Object.entries(GALLERY))("%s", (name, query) => {
    const svg = draw(query);
    if (rewrite) writeFileSync(stored(name), svg);
    rmSync(changed(name), { force: true });
    if (!existsSync(stored(name)) || readFileSync(stored(name), "utf8") !== svg) {
      writeFileSync(changed(name), svg);
      differing.push(name);
      expect.fail(
        `The figure ${name} (${query}) is not the stored one. See gallery/${name}-changed.svg and gallery/changed.html; ` +
          `if the change is meant, run: npm run gallery -w packages/figure`,
      );
    }
  });

  it("has no stored picture without a figure", () => {
    const names = readdirSync(folder)
      .filter((f) => f.endsWith(".svg") && !f.endsWith("-changed.svg"))
      .map((f) => f.slice(0, -4));
    expect(names.toSorted()).toEqual(Object.keys(GALLERY).toSorted());
  });
});

afterAll(() => {
  const report = new URL("changed.html", folder);
  rmSync(report, { force: true });
  if (differing.length > 0) {
    const rows = differing.map(
      (name) =>
        `<h2>${name}</h2>${shown(`${name}.svg`, "stored")}${shown(`${name}-changed.svg`, "changed")}` +
        `<figure><figcaption>difference</figcaption><div class="d"><img src="${name}.svg" alt="">` +
        `<img src="${name}-changed.svg" alt="difference"></div></figure>`,
    );
    writeFileSync(report, page("Changed figures", rows));
  }
  if (rewrite) {
    const rows = Object.entries(GALLERY).map(([name, query]) =>
      shown(`${name}.svg`, `${name}: ${query.replaceAll("&", "&amp;")}`),
    );
    writeFileSync(new URL("index.html", folder), page("Figures of convolution", rows));
  }
});
