/** Files are read back: sizes, frames and times, and the same bytes for the same spec. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createRequire } from "node:module";
import { GALLERY } from "../gallery.ts";
import { fromQuery, open, toGif, toSvg } from "../index.ts";
import { type Run, type Scene, text } from "../scene.ts";
import { FORMATS, figureHelp, parseFigureArguments, rasterise, renderToFile, svgToPng } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "faltung-figure-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string): string => join(folder, name);

/** Frames and their times, by walking the blocks of a GIF89a. */
function readGif(bytes: Uint8Array): { width: number; height: number; delays: number[]; loops: boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  expect(String.fromCharCode(...bytes.subarray(0, 6))).toBe("GIF89a");
  const delays: number[] = [];
  let frames = 0;
  let loops = false;
  let at = 13 + (bytes[10] & 0x80 ? 3 * 2 ** ((bytes[10] & 7) + 1) : 0);
  const skipBlocks = (): void => {
    while (bytes[at] !== 0) at += bytes[at] + 1;
    at++;
  };
  while (bytes[at] !== 0x3b) {
    if (bytes[at] === 0x21) {
      if (bytes[at + 1] === 0xf9) delays.push(view.getUint16(at + 4, true) * 10);
      if (bytes[at + 1] === 0xff) loops = true;
      at += 2;
      skipBlocks();
    } else {
      expect(bytes[at]).toBe(0x2c);
      frames++;
      at += 10 + (bytes[at + 9] & 0x80 ? 3 * 2 ** ((bytes[at + 9] & 7) + 1) : 0) + 1;
      skipBlocks();
    }
  }
  expect(frames).toBe(delays.length);
  return { width: view.getUint16(6, true), height: view.getUint16(8, true), delays, loops };
}

const spec = { figure: "conv2d", input: 4, kernel: 3, width: 200, caption: false } as const;

describe("renderToFile", () => {
  it("writes a GIF with a frame for every step, twice the same", async () => {
    const picture = await renderToFile(spec, file("a.gif"));
    await renderToFile(spec, file("b.gif"));
    const bytes = readFileSync(file("a.gif"));
    expect(readGif(bytes)).toMatchObject({ width: 200, loops: true, delays: [700, 700, 700, 1400] });
    expect(picture.steps).toBe(4);
    expect(bytes.equals(readFileSync(file("b.gif")))).toBe(true);
  });
  it("writes PNG at the wanted width, of the wanted step", async () => {
    await renderToFile({ ...spec, width: 321, step: 0 }, file("a.png"));
    await renderToFile({ ...spec, width: 321, step: 3 }, file("b.png"));
    const bytes = readFileSync(file("a.png"));
    expect([...bytes.subarray(1, 4)].map((c) => String.fromCharCode(c)).join("")).toBe("PNG");
    expect(bytes.readUInt32BE(16)).toBe(321);
    expect(bytes.equals(readFileSync(file("b.png")))).toBe(false);
  });
  it("writes still and moving SVG, and TikZ", async () => {
    await renderToFile(spec, file("a.svg"));
    await renderToFile({ ...spec, animated: true }, file("b.svg"));
    await renderToFile(spec, file("a.tex"));
    expect(readFileSync(file("a.svg"), "utf8")).not.toContain("@keyframes");
    expect(readFileSync(file("b.svg"), "utf8")).toContain("@keyframes");
    expect(readFileSync(file("a.tex"), "utf8")).toContain("\\begin{tikzpicture}");
  });
  it("writes video where there is an ffmpeg, and says what is missing where there is none", async () => {
    const path = process.env.PATH;
    process.env.PATH = "";
    await expect(renderToFile(spec, file("none.mp4"))).rejects.toMatchObject({ code: "platform" });
    await expect(renderToFile(spec, file("none.webm"))).rejects.toThrow(/needs ffmpeg.*\.gif or \.svg/);
    process.env.PATH = path;
    for (const [name, magic, offset] of [
      ["a.webm", "\x1a\x45\xdf\xa3", 0],
      ["a.mp4", "ftyp", 4],
    ] as const) {
      try {
        await renderToFile(spec, file(name));
      } catch (error) {
        expect(error).toHaveProperty("code", "platform");
        continue;
      }
      const bytes = readFileSync(file(name));
      expect(bytes.subarray(offset, offset + 4).toString("latin1")).toBe(magic);
    }
  });
  it("refuses other endings, naming those that it knows", async () => {
    await expect(renderToFile(spec, file("a.giff"))).rejects.toThrow(/Did you mean ".gif"/);
  });
});

describe("rasterise", () => {
  it("gives the pixels of the still, frame by frame, up to rounding", () => {
    const picture = open({ ...spec, flip: true });
    const scenes = [0, 2, 6].map((s) => picture.scene(s));
    const frames = [...rasterise(scenes, 200)];
    for (const [i, scene] of scenes.entries()) {
      const [alone] = rasterise([scene], 200);
      expect(frames[i].width * frames[i].height * 4).toBe(alone.data.length);
      const worst = alone.data.reduce((m, v, k) => Math.max(m, Math.abs(v - frames[i].data[k])), 0);
      expect(worst).toBeLessThanOrEqual(8);
    }
    expect(svgToPng(toSvg(scenes[0], { width: 200 })).length).toBeGreaterThan(500);
  });
  it("keeps flat colours exactly in a GIF", () => {
    const data = new Uint8Array(4 * 4 * 4).fill(255);
    data.set([11, 107, 176, 255], 0);
    const pixels = { width: 4, height: 4, data };
    const bytes = toGif(createRequire(import.meta.url)("gifenc"), [{ pixels, ms: 100 }]);
    const table = Array.from({ length: 256 }, (_, i) => bytes.subarray(13 + 3 * i, 16 + 3 * i).join());
    expect(table).toContain("11,107,176");
    expect(table).toContain("255,255,255");
  });
});

describe("the fonts", () => {
  const cell = 40;
  /** The pixels of each text, drawn on its own; `math` sets them as variables. */
  const drawn = (texts: readonly (readonly Run[])[]): string[] => {
    const nodes = texts.map((runs, i) => text(4, i * cell + 30, 24, runs, { fill: "#000000", anchor: "start" }));
    const scene: Scene = {
      width: 8 * cell,
      height: texts.length * cell,
      background: "#ffffff",
      title: "",
      description: "",
      lang: "en",
      layers: [{ key: "all", nodes }],
    };
    const [{ data, width }] = rasterise([scene], scene.width);
    const bytes = 4 * width * cell;
    return texts.map((_, i) => Buffer.from(data.subarray(i * bytes, (i + 1) * bytes)).toString("base64"));
  };
  const written = (style: "plain" | "math"): string[] => {
    const found = new Set<string>();
    for (const query of Object.values(GALLERY)) {
      for (const lang of ["en", "ko"]) {
        const picture = open({ ...fromQuery(query), lang });
        for (const [, attributes, words] of toSvg(picture.scene(picture.still)).matchAll(
          /<(?:text|tspan)([^>]*)>([^<]*)/g,
        )) {
          if (attributes.includes('class="m"') !== (style === "math")) continue;
          for (const c of words.replaceAll(/&(amp|lt|gt|quot);/g, "")) if (c.trim() !== "") found.add(c);
        }
      }
    }
    return [...found];
  };
  it.each(["plain", "math"] as const)("have every %s character that figures write", (style) => {
    const characters = written(style);
    expect(characters.length).toBeGreaterThan(style === "math" ? 10 : 100);
    const [nothing, unknown, ...all] = drawn(
      [" ", "\ue000", ...characters].map((c) => [{ text: c, math: style === "math" }]),
    );
    expect(characters.filter((_, i) => all[i] === nothing || all[i] === unknown)).toEqual([]);
  });
  it("keep a variable's italics beside Korean, and beside signs that few fonts have", () => {
    const beside = ["", "가", " − 1", " ⋆ ", " ∗ ", "\u2003가 ⋆"];
    const [alone, ...others] = drawn(
      beside.map((rest) => [
        { text: "w", math: true },
        { text: rest, fill: "#ffffff" },
      ]),
    );
    for (const other of others) expect(other).toBe(alone);
  });
});

describe("the command", () => {
  it("takes figure, options and file in any order", () => {
    expect(parseFigureArguments(["conv2d", "input=5x5", "kernel=3", "stride=2", "padding=1", "-o", "out.gif"])).toEqual(
      {
        spec: { figure: "conv2d", input: "5x5", kernel: "3", stride: "2", padding: "1" },
        path: "out.gif",
      },
    );
    expect(parseFigureArguments(["-o", "x.png", "pool", "--op", "average"])).toEqual({
      spec: { figure: "pool", op: "average" },
      path: "x.png",
    });
    expect(parseFigureArguments(["note"]).path).toBe("note.svg");
  });
  it("takes an address, and options that go before it", () => {
    const url = "https://example.org/lab/?figure=conv2d&stride=2&lang=ko";
    expect(parseFigureArguments(["--from-url", url, "lang=en", "--out=a.svg"])).toEqual({
      spec: { figure: "conv2d", stride: "2", lang: "en" },
      path: "a.svg",
    });
    expect(() => parseFigureArguments(["--from-url"])).toThrow(/needs a value/);
  });
  it("has help that names every figure", () => {
    for (const lang of ["en", "ko"] as const) expect(figureHelp(lang)).toContain("conv2d: ");
    expect(FORMATS).toContain("gif");
  });
});
