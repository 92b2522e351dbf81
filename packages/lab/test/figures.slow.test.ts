/** The figures of the built lab in Chromium: every control of each, the player, numbers as grids, curves by hand, files. */
import { readFileSync } from "node:fs";
import type { Download, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Picture, type Spec, open } from "../../figure/src/index.ts";
import { IDEAS } from "../src/learn/ideas.ts";
import { type Lab, go, openLab, visit } from "./support.ts";

// A machine with other work to do may be many times slower.
vi.setConfig({ testTimeout: 240_000 });
const PATIENT = { timeout: 20_000 };

let lab: Lab;
let page: Page;
let complaints: readonly string[];
beforeAll(async () => {
  lab = await openLab();
  const opened = await visit(lab, { acceptDownloads: true, permissions: ["clipboard-read", "clipboard-write"] });
  ({ page, complaints } = opened);
  await go(page, `${lab.isolated}#/none?lang=en&theme=light`, "header");
}, 180_000);
afterAll(() => lab?.close());

/** Goes to an address without loading the page again; everything on it is made anew. */
async function at(path: string): Promise<void> {
  await page.evaluate(() => {
    location.hash = "#/none";
  });
  await page.waitForSelector("main > p.notice");
  await page.evaluate(
    (hash) => {
      location.hash = hash;
    },
    `#/${path}${path.includes("?") ? "&" : "?"}lang=en&theme=light`,
  );
  await page.waitForSelector(".stage svg", { state: "attached" });
}

/** What the address says of the figure, as the page reads it. */
function specNow(): Spec {
  const [path, query] = new URL(page.url()).hash.slice(2).split("?");
  const {
    lang: _l,
    theme: _t,
    step: _s,
    palette: _p,
    size: _w,
    words: _c,
    ...options
  } = Object.fromEntries(new URLSearchParams(query));
  const idea = IDEAS.find((i) => path === `learn/${i.slug}`);
  const base = idea?.blocks.flatMap((b) => (b.kind === "figure" ? [b.base] : []))[0];
  if (!base) throw new Error(`${path} has no figure`);
  const figure = options["figure"] ?? base.figure;
  return { ...(figure === base.figure ? base : {}), ...options, figure };
}

const pictureNow = (): Picture => open({ ...specNow(), lang: "en" });

/** The page says what the figure package says of the address at the step that stands there. */
async function isShown(): Promise<void> {
  await expect
    .poll(async () => {
      const picture = pictureNow();
      const step = Number((await page.textContent(".transport output"))?.split("/")[0] ?? 1) - 1;
      return (await page.textContent(".sentence")) === picture.sentence(step);
    }, PATIENT)
    .toBe(true);
}

/** Every option's control knows what it may offer. */
const settled = (): Promise<unknown> =>
  page.waitForFunction(() => [...document.querySelectorAll(".panel")].every((p) => p.ariaBusy === "false"));

const RIGHT: Readonly<Record<string, string>> = {
  f: "triangle",
  g: "points:-1,0/0,1/1,0",
  net: "1x8x8/conv 2 3 p1/relu/maxpool 2/gap/linear 3",
  layers: "3,3s2",
};

/** Moves one control as a hand would; gives back whether it could be moved. */
async function move(control: Locator): Promise<boolean> {
  if (await control.isDisabled()) return false;
  const kind = (await control.getAttribute("type")) ?? (await control.evaluate((e) => e.tagName.toLowerCase()));
  if (kind === "checkbox") await control.click();
  else if (kind === "range") {
    const [less, more] = await control.locator("xpath=..").locator("button").all();
    const can = (await more.isEnabled()) ? more : (await less.isEnabled()) ? less : undefined;
    if (!can) return false;
    await can.click();
  } else if (kind === "select") {
    const next = await control.evaluate((e: HTMLSelectElement) => {
      const free = [...e.options].filter((o) => !o.disabled && o.value !== e.value);
      return free.at(-1)?.value;
    });
    if (next === undefined) return false;
    await control.selectOption(next);
  } else {
    const before = page.url();
    await control.fill("nonsense!");
    await control.blur();
    const alert = control.locator("xpath=..").locator("[role=alert]");
    await alert.waitFor();
    expect(await control.getAttribute("aria-invalid")).toBe("true");
    expect(page.url()).toBe(before);
    const option = Object.keys(RIGHT).find((o) => o in open(specNow()).options || String(specNow()[o] ?? "") !== "");
    const label = await control.evaluate((e: HTMLInputElement) => e.labels?.[0]?.textContent ?? "");
    const name =
      label === "f" || label === "g" ? label : (option ?? (specNow().figure === "receptive" ? "layers" : "net"));
    await control.fill(RIGHT[name]);
    await control.blur();
    await alert.waitFor({ state: "detached" });
  }
  return true;
}

describe("every control of the figure", () => {
  it.each([
    ["convolution", "", 5],
    ["convolution", "figure=discrete", 3],
    ["deep-learning", "", 11],
    ["deep-learning", "figure=note", 4],
    ["channels", "", 8],
    ["padding-stride", "figure=same", 5],
    ["transposed", "", 8],
    ["pooling", "", 8],
    ["receptive-field", "", 4],
    ["backward", "", 8],
    ["cnn", "", 3],
  ])("learn/%s %s", async (slug, query, atLeast) => {
    const before = complaints.length;
    await at(`learn/${slug}?${query === "" ? "" : `${query}&`}step=1`); // as the page itself writes it
    await page.click(".tabpanel > details > summary");
    const count = await page.locator(".panel :is(select, input, textarea)").count();
    let moved = 0;
    for (let i = 0; i < count; i++) {
      await settled();
      const was = page.url();
      if (!(await move(page.locator(".panel :is(select, input, textarea)").nth(i)))) continue;
      moved++;
      await page.waitForURL((url) => url.href !== was);
      expect(await page.locator(".figure .problem").count()).toBe(0);
      await isShown();
    }
    expect(moved).toBeGreaterThanOrEqual(atLeast);
    expect(complaints.slice(before)).toEqual([]);
  });

  it("rows and columns, and the four sides of the padding, each for itself", async () => {
    await at("learn/padding-stride?step=0");
    for (const name of ["input size", "kernel size", "stride"]) {
      await page.getByRole("button", { name: `${name}: each for itself` }).click();
      await settled();
      await page.getByRole("button", { name: `${name}, columns +` }).click();
      await isShown();
    }
    await page.getByRole("button", { name: "padding: each side" }).click();
    await settled();
    await page.getByRole("button", { name: "padding, left +" }).click();
    await isShown();
    await page.waitForURL(/padding=1,2:1/);
    expect(specNow()).toMatchObject({ input: "5x6", kernel: "3x4", stride: "1,2", padding: "1,2:1" });
  });

  it("on every page the address brings figures back as they were", async () => {
    for (const idea of IDEAS) {
      const figures = idea.blocks.flatMap((b) => (b.kind === "figure" ? [b] : []));
      if (figures.length === 0) continue;
      await at(`learn/${idea.slug}?step=2`);
      for (const { words } of (figures[0].tries ?? []).slice(-1)) {
        await page.getByRole("button", { name: words.en, exact: true }).click();
        await isShown();
        const steps = Number((await page.textContent(".transport output"))?.split("/")[1]);
        await page.focus(".stage");
        await page.keyboard.press("End");
        await page.keyboard.press("ArrowLeft");
        await expect.poll(() => page.textContent(".transport output"), PATIENT).toBe(`${steps - 1}/${steps}`);
        await page.waitForURL((url) => url.hash.split(/[?&]/).includes(`step=${steps - 2}`));
        await isShown();
        const [hash, picture] = [new URL(page.url()).hash, await page.innerHTML(".stage")];
        await at(hash.slice(2));
        // It is drawn once more when it has measured the room that it has.
        await expect.poll(() => page.innerHTML(".stage"), PATIENT).toBe(picture);
      }
    }
  });
});

describe("the player", () => {
  const position = (): Promise<string | null> => page.textContent(".transport output");
  const press = (name: string): Promise<void> => page.getByRole("button", { name, exact: true }).click();

  it("goes by buttons and by the slider, and its moment belongs to the address", async () => {
    await at("learn/padding-stride?stride=2&step=3");
    expect(await position()).toBe("4/9");
    await press("One step forth");
    await press("One step forth");
    await press("One step back");
    expect(await position()).toBe("5/9");
    await press("Back to the start");
    expect(await position()).toBe("1/9");
    await page.getByRole("slider", { name: "Step" }).fill("7");
    expect(await position()).toBe("8/9");
    await page.waitForURL(/step=7/);
    await page.focus(".stage");
    for (const [key, place] of [
      ["Home", "1/9"],
      ["ArrowRight", "2/9"],
      ["End", "9/9"],
    ]) {
      await page.keyboard.press(key);
      expect(await position()).toBe(place);
    }
  });

  it("plays, pauses, plays faster, and stops at the end if it shall not loop", async () => {
    await at("learn/pooling?input=4&ms=150&step=0");
    await page.getByLabel("Speed").selectOption("4");
    await page.getByLabel("Loop").uncheck();
    const start = Date.now();
    await press("Play");
    await page.getByRole("button", { name: "Play", exact: true }).waitFor();
    expect(await position()).toBe("4/4");
    // 150 ms a step, the last of the round twice: at a quarter of the time.
    expect(Date.now() - start).toBeGreaterThan(150);
    await page.getByLabel("Loop").check();
    await press("Play"); // from the start again
    await page.waitForFunction(() => document.querySelector(".transport output")?.textContent === "3/4");
    await page.waitForFunction(() => document.querySelector(".transport output")?.textContent === "1/4");
    await press("Pause");
  });

  it("shows the library's own numbers, in words, where one points, and goes back after", async () => {
    await at("learn/padding-stride?stride=2&step=0");
    const picture = pictureNow();
    for (const step of [4, 8]) {
      await page.locator(`.stage [data-step="${step}"]`).last().hover();
      await expect.poll(() => page.textContent(".sentence"), PATIENT).toBe(picture.sentence(step));
    }
    await page.hover("h1");
    await expect.poll(() => page.textContent(".sentence"), PATIENT).toBe(picture.sentence(0));
  });
});

describe("numbers", () => {
  const field = (name: string): Locator => page.getByLabel(name, { exact: true });
  const paste = async (text: string): Promise<void> => {
    await page.evaluate((t) => navigator.clipboard.writeText(t), text);
    await page.keyboard.press("Control+V");
  };

  it("are edited where they stand: a click on a cell, keys from cell to cell", async () => {
    await at("learn/deep-learning?step=0");
    await page.locator('.stage [data-cell="weights/0/1/1"]').last().click();
    await page.waitForFunction(() => document.activeElement?.ariaLabel === "Kernel, row 2, column 2");
    await page.keyboard.type("7");
    await page.keyboard.press("ArrowRight");
    await page.waitForURL(/weights=2,2,-1\/1,7,2\/0,-1,0/);
    await isShown();
    await page.keyboard.type("-0.5");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowLeft");
    await page.waitForFunction(() => document.activeElement?.ariaLabel === "Kernel, row 1, column 2");
    await page.waitForURL(/weights=2,2,-1\/1,7,-0.5\/0,-1,0/);
    await field("Input, row 1, column 1").fill("9");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.ariaLabel === "Input, row 2, column 1");
    await page.waitForURL(/values=9,3,1/);
    await isShown();
    expect(await page.locator(".figure .problem").count()).toBe(0);
  });

  it("refuse what is no number, with a word why", async () => {
    await at("learn/deep-learning?step=0");
    await page.locator('.stage [data-cell="weights/0/0/0"]').last().click();
    const cell = field("Kernel, row 1, column 1");
    const before = page.url();
    await cell.fill("abc");
    await page.keyboard.press("ArrowDown");
    await expect.poll(() => page.locator(".number-grid [role=alert]").textContent(), PATIENT).toContain("“abc”");
    expect(await cell.getAttribute("aria-invalid")).toBe("true");
    expect(page.url()).toBe(before);
    await cell.press("Escape");
    expect(await cell.inputValue()).toBe("2");
    expect(await page.locator(".number-grid [role=alert]").count()).toBe(0);
  });

  it("take a whole matrix, whose size the figure follows, and refuse a ragged one", async () => {
    await at("learn/deep-learning?step=0");
    await page.locator('.stage [data-cell="weights/0/0/0"]').last().click();
    await paste("1\t0\n0\t-1\n");
    await page.waitForURL(/weights=1,0\/0,-1/);
    expect(specNow()).toMatchObject({ kernel: "2" });
    await isShown();
    await paste("[[1, 2], [3]]");
    await expect.poll(() => page.locator(".number-grid [role=alert]").textContent(), PATIENT).toContain("matrix");
    await field("Input, row 5, column 5").focus();
    await paste("1 2; 3 4");
    await expect.poll(() => page.locator(".number-grid [role=alert]").first().textContent(), PATIENT).toContain("2×2");
    // A size changed by its control keeps the numbers that still fit.
    await settled();
    await page.getByRole("button", { name: "kernel size +", exact: true }).click();
    await page.waitForURL(/kernel=3/);
    expect(specNow()["weights"]).toMatch(/^1,0,-?\d\/0,-1,/);
    await isShown();
  });

  it("of three channels, and rows that grow", async () => {
    await at("learn/channels?step=0");
    await page.click(".numbers summary");
    await field("Filter 1, B, row 3, column 3").fill("5");
    await page.keyboard.press("Enter");
    await page.waitForURL(/weights=/);
    expect(String(specNow()["weights"]).endsWith(",5")).toBe(true);
    await isShown();
    await at("learn/convolution?figure=discrete&a=1,2&b=3&step=0");
    await page.click(".numbers summary");
    await page.getByRole("button", { name: "Kernel b: one cell more" }).click();
    await page.waitForURL(/b=3,0/);
    await page.getByRole("button", { name: "Signal a: one cell less" }).click();
    await page.waitForURL(/a=1&/);
    await isShown();
  });
});

describe("curves by hand", () => {
  it("are drawn by the pointer, and mended by keys", async () => {
    await at("learn/convolution?step=20");
    await page.getByRole("button", { name: "Draw it (f)" }).click();
    const pad = page.locator(".draw-curve .pad");
    await pad.scrollIntoViewIfNeeded();
    const box = await pad.boundingBox();
    if (!box) throw new Error("no pad");
    const place = (x: number, y: number): [number, number] => [box.x + x * box.width, box.y + y * box.height];
    await page.mouse.move(...place(0.1, 0.8));
    await page.mouse.down();
    for (let i = 1; i <= 8; i++) await page.mouse.move(...place(0.1 + i * 0.1, 0.8 - 0.08 * i));
    await page.mouse.up();
    await page.waitForURL(/f=points:/);
    const points = (): number[] =>
      String(specNow()["f"])
        .slice("points:".length)
        .split("/")
        .map((p) => Number(p.split(",")[1]));
    const drawn = points();
    expect(drawn.length).toBe(17);
    for (let i = 3; i < 14; i++) expect(drawn[i]).toBeGreaterThan(drawn[i - 1]);
    await isShown();
    await page.getByRole("button", { name: "Draw it (g)" }).click();
    const other = page.locator(".draw-curve .pad").last();
    await other.focus();
    await other.press("ArrowLeft");
    for (let i = 0; i < 3; i++) await other.press("ArrowUp");
    await page.waitForURL(/g=points:/);
    expect(String(specNow()["g"])).toContain("/-0.125,0.30/");
    await isShown();
  });
});

describe("a pasted layer", () => {
  it("sets the figure, or says what is wrong", async () => {
    await at("learn/padding-stride?step=0");
    await page.fill("textarea", "nn.Conv2d(1, 8, kernel_size=(3, 2), stride=2, padding='valid', bias=False)");
    await page.click(".paste button");
    await page.waitForURL(/kernel=3x2/);
    expect(specNow()).toMatchObject({ figure: "channels", padding: "valid", stride: "2", filters: "6" });
    for (const [layer, word] of [
      ["nn.LSTM(3, 4)", "nn.Conv2d"],
      ["nn.Conv2d(3, 4)", "kernel_size"],
      ["nn.Conv2d(1, 1, 3, stride=x)", "stride"],
      ["nn.Conv2d(1, 1, 99)", "99"],
    ]) {
      await page.fill("textarea", layer);
      await page.click(".paste button");
      await expect.poll(() => page.textContent(".paste [role=alert]"), PATIENT).toContain(word);
    }
    await page.fill("textarea", "nn.MaxPool2d(3, stride=1, padding=1)");
    await page.click(".paste button");
    await page.waitForURL(/figure=pool/);
    expect(await page.locator(".paste [role=alert]").count()).toBe(0);
    await isShown();
  });

  it("is written in code, and everything written can be copied", async () => {
    await at("learn/padding-stride?stride=2&step=4");
    await page.getByText("As a command").first().click();
    const blocks = await page.locator("figure.code").all();
    const texts: string[] = [];
    for (const block of blocks) {
      await block.locator("button").click();
      await expect.poll(() => block.locator("button").textContent(), PATIENT).toBe("Copied");
      const text = (await block.locator("code").textContent()) ?? "";
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(text);
      texts.push(text);
    }
    expect(texts).toEqual([
      "nn.Conv2d(1, 1, 3, stride=2, padding=1, bias=False)",
      "new Conv2d(1, 1, 3, { stride: 2, padding: 1, bias: false })",
      expect.stringMatching(/^faltung figure conv2d .*stride=2.* -o conv2d\.gif$/),
      page.url(),
      expect.stringMatching(/^<faltung-figure spec="figure=conv2d&stride=2&padding=1"><\/faltung-figure>$/),
    ]);
  });
});

describe("files", () => {
  const spec = { figure: "conv2d", padding: 1, stride: 2, lang: "en" };
  const picture = open(spec);

  async function exported(kind: string): Promise<{ name: string; bytes: Uint8Array }> {
    const [download] = await Promise.all<Download | void>([
      page.waitForEvent("download", { timeout: 60_000 }),
      page.click(`[data-export=${kind}]`),
    ]).then(([first]) => [first as Download]);
    return { name: download.suggestedFilename(), bytes: new Uint8Array(readFileSync(await download.path())) };
  }
  const parsed = (svg: string): Promise<{ root: string; width: string | null; texts: string[]; frames: number }> =>
    page.evaluate((source) => {
      const root = new DOMParser().parseFromString(source, "image/svg+xml").documentElement;
      return {
        root: root.nodeName,
        width: root.getAttribute("width"),
        texts: [...root.querySelectorAll("text")].map((t) => t.textContent ?? ""),
        frames: (source.match(/@keyframes/g) ?? []).length,
      };
    }, svg);
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const inPage = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

  it("SVG, still and moving; in other colours, at another width, with its title", async () => {
    await at("learn/padding-stride?stride=2&step=4");
    const still = await exported("svg");
    expect(still.name).toBe("conv2d.svg");
    expect(await parsed(text(still.bytes))).toMatchObject({ root: "svg", frames: 0 });
    const moving = await parsed(text((await exported("animated")).bytes));
    expect(moving.root).toBe("svg");
    expect(moving.frames).toBeGreaterThanOrEqual(picture.steps - 1);
    await page.getByText("Colours, width, title").click();
    await page.getByLabel("Width in pixels").fill("500");
    await page.getByLabel("Width in pixels").blur();
    await page.getByLabel("Colours", { exact: true }).selectOption("print");
    await page.getByLabel("with title and caption").check();
    await page.waitForURL(/palette=print.*words=1|words=1.*palette=print/);
    const print = text((await exported("svg")).bytes);
    const dressed = open({ ...spec, theme: "print", width: 500 });
    const found = await parsed(print);
    expect(found.width).toBe("500");
    expect(found.texts).toContain(dressed.title);
    expect(print).toContain("#bdbdbd"); // the print palette's faint lines
  });

  it("GIF, decoded, with a frame for each step", async () => {
    await at("learn/padding-stride?stride=2&step=4&ms=300");
    const { bytes } = await exported("gif");
    const gif = await page.evaluate(async (data) => {
      const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      const decoder = new ImageDecoder({ data: bytes, type: "image/gif" });
      await decoder.tracks.ready;
      await decoder.completed;
      const frames = decoder.tracks.selectedTrack?.frameCount ?? 0;
      const { image } = await decoder.decode({ frameIndex: frames - 1 });
      return { frames, width: image.displayWidth, ms: (image.duration ?? 0) / 1000 };
    }, inPage(bytes));
    const shown = await page.evaluate<number>(`Number(document.querySelector(".stage svg").getAttribute("width"))`);
    expect(gif).toEqual({ frames: picture.steps, width: shown, ms: open({ ...spec, ms: 300 }).ms(picture.steps - 1) });
  });

  it("PNG, twice as large for sharp screens", async () => {
    const { bytes } = await exported("png");
    expect([...bytes.subarray(1, 4)]).toEqual([0x50, 0x4e, 0x47]);
    const shown = await page.evaluate<number>(`Number(document.querySelector(".stage svg").getAttribute("width"))`);
    expect(new DataView(bytes.buffer).getUint32(16)).toBe(2 * shown);
  });

  it("TikZ", async () => {
    expect(text((await exported("tex")).bytes)).toContain("\\begin{tikzpicture}");
  });

  it.each(["webm", "mp4"])("%s, as long as its steps, at the frame rate that was asked for", async (kind) => {
    await at("learn/padding-stride?stride=2&step=4&ms=300&fps=10");
    const { bytes } = await exported(kind);
    const probe = await page.evaluate(
      async ([data, type]) => {
        const video = document.createElement("video");
        video.src = `data:video/${type};base64,${data}`;
        await new Promise<void>((resolve, reject) => {
          video.addEventListener("loadeddata", () => resolve());
          video.addEventListener("error", () => reject(new Error(video.error?.message)));
        });
        return { seconds: video.duration, width: video.videoWidth };
      },
      [inPage(bytes), kind],
    );
    const asked = open({ ...spec, ms: 300 });
    const seconds = Array.from({ length: asked.steps }, (_, i) => asked.ms(i) / 1000).reduce((a, b) => a + b, 0);
    expect(Math.abs(probe.seconds - seconds)).toBeLessThan(0.3);
    expect(probe.width).toBeGreaterThan(200);
    const { ALL_FORMATS, BufferSource, Input } = await import("mediabunny");
    const track = await new Input({ formats: ALL_FORMATS, source: new BufferSource(bytes) }).getPrimaryVideoTrack();
    const { packetCount } = (await track?.computePacketStats()) ?? { packetCount: 0 };
    expect(packetCount).toBe(Math.round(seconds * 10));
  });
});
