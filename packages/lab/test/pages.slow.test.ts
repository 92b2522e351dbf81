/** Every page of the built lab, in both languages, in Chromium: accessibility, size, exercises, filters, the component. */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { open } from "../../figure/src/index.ts";
import { IDEAS } from "../src/learn/ideas.ts";
import { problem } from "../src/learn/problems.ts";
import { type Lab, dropOn, go, launch, openLab, painted, seriousProblems, visit } from "./support.ts";

const PAGES = [...IDEAS.map((idea) => `learn/${idea.slug}`), "filters", "train", "inside"];

// A machine with other work to do may be many times slower.
vi.setConfig({ testTimeout: 240_000 });
const PATIENT = { timeout: 20_000 };

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
}, 180_000);
afterAll(() => lab?.close());

describe.each([
  ["en", "light", 1280],
  ["ko", "dark", 360],
] as const)("in %s, %s, %i wide", (lang, theme, width) => {
  let page: Page;
  let complaints: readonly string[];
  let finish: () => Promise<void>;
  beforeAll(async () => {
    const opened = await visit(lab, { viewport: { width, height: 800 } });
    ({ page, complaints } = opened);
    finish = () => opened.context.close();
    await go(page, `${lab.isolated}#/none?lang=${lang}&theme=${theme}`, "header");
  }, 60_000);
  afterAll(() => finish?.());

  it.each(PAGES)("%s", async (path) => {
    const before = complaints.length;
    const idea = IDEAS.find((i) => path === `learn/${i.slug}`);
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `#/${path}?lang=${lang}&theme=${theme}`);
    await page.waitForFunction(
      (name) => name === "" || document.querySelector("h1")?.textContent === name,
      idea?.title[lang] ?? "",
    );
    await page.waitForSelector(idea?.blocks.some((b) => b.kind === "figure") ? ".stage svg" : "h1", {
      state: "attached",
    });
    expect(/[가-힣]/.test((await page.textContent("h1")) ?? "")).toBe(lang === "ko");
    expect(await page.getAttribute("html", "lang")).toBe(lang);
    expect(await seriousProblems(page)).toEqual([]);
    const overflow = await page.evaluate<number>(`document.scrollingElement.scrollWidth - innerWidth`);
    expect(overflow).toBeLessThanOrEqual(0);
    expect(complaints.slice(before)).toEqual([]);
  });
});

describe("the frame", () => {
  it("changes language and colours, and the address keeps both", async () => {
    const { context, page } = await visit(lab);
    await go(page, `${lab.isolated}#/learn/pooling?lang=en&theme=light`);
    await page.selectOption("header select", "ko");
    await page.click("header .settings button");
    expect(await page.textContent("h1")).toBe("풀링");
    expect(page.url()).toContain("lang=ko");
    expect(page.url()).toContain("theme=dark");
    const background = await page.evaluate<string>(`getComputedStyle(document.documentElement).backgroundColor`);
    expect(background).toBe("rgb(20, 23, 29)");
    await context.close();
  });

  it("can be used soon after it is asked for, nothing moves away under the finger", async () => {
    const { context, page } = await visit(lab);
    await page.goto(`${lab.isolated}#/learn/padding-stride?lang=en&step=0`);
    // The button does what it says: the scripts are there and have run.
    await page.getByRole("button", { name: "One step forth", exact: true }).click();
    await expect.poll(() => page.textContent(".transport output"), { ...PATIENT, interval: 10 }).toMatch(/^2\//);
    const ms = await page.evaluate<number>("performance.now()");
    const shift = await page.evaluate<number>(
      `new Promise((resolve) => new PerformanceObserver((list) =>
        resolve(list.getEntries().filter((e) => !e.hadRecentInput).reduce((sum, e) => sum + e.value, 0)),
      ).observe({ type: "layout-shift", buffered: true }) ?? setTimeout(() => resolve(0), 500))`,
    );
    console.log(`interactive after ${ms.toFixed(0)} ms (the goal is 2,000 on two quiet cores); layout shift ${shift}`);
    expect(ms).toBeLessThan(20_000); // a machine with other work may be many times slower
    expect(shift).toBeLessThan(0.1); // web.dev: good
    await context.close();
  });

  it("loads at most 200 kB of script, gzipped, for its first page, and asks nobody else for anything", async () => {
    const { context, page } = await visit(lab);
    let bytes = 0;
    const files: Promise<Buffer>[] = [];
    const strangers: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(lab.isolated) && !/^(blob|data|about):/.test(request.url()))
        strangers.push(request.url());
    });
    page.on("response", (response) => {
      if (!response.url().endsWith(".js")) return;
      files.push(response.body());
    });
    await go(page, lab.isolated);
    await page.waitForSelector(".stage svg");
    await page.waitForLoadState("networkidle");
    for (const body of await Promise.all(files)) bytes += gzipSync(body).length;
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(200_000);
    expect(strangers).toEqual([]);
    await context.close();
  });
});

describe("where motion is not wanted", () => {
  it("figures move step by step", async () => {
    const { context, page } = await visit(lab, { reducedMotion: "reduce" });
    await go(page, `${lab.isolated}#/learn/padding-stride?lang=en`);
    expect(await page.locator("button[aria-label=Play]").count()).toBe(0);
    expect(await page.textContent(".transport output")).toBe("1/25");
    await page.focus(".stage");
    await page.keyboard.press(" ");
    expect(await page.textContent(".transport output")).toBe("2/25");
    await context.close();
  });
});

describe("learning", () => {
  it("every exercise refuses a wrong answer with a hint, and takes the right one", async () => {
    const { context, page } = await visit(lab);
    await go(page, `${lab.isolated}#/none?lang=en`, "header");
    for (const idea of IDEAS) {
      for (const block of idea.blocks) {
        if (block.kind !== "exercise") continue;
        await page.evaluate((hash) => {
          location.hash = hash;
        }, `#/learn/${idea.slug}?lang=en&step=0`);
        await page.waitForFunction((name) => document.querySelector("h1")?.textContent === name, idea.title.en);
        const check = page.getByRole("button", { name: "Check" });
        for (const seed of [1, 2]) {
          const { answer, hint } = problem(block.exercise, seed);
          const fields = await page.locator(".exercise input").all();
          expect(fields.length).toBe(answer.flat().length);
          await fields[0].fill("-99");
          await check.click();
          expect(await page.textContent(".verdict.wrong")).toContain(hint.en);
          for (const [i, value] of answer.flat().entries()) await fields[i].fill(String(value));
          await check.click();
          expect(await page.textContent(".verdict.right")).toBe("Right!");
          await page.getByRole("button", { name: "Another one" }).click();
        }
        await page.getByRole("button", { name: "Show the answer" }).click();
        await check.click();
        expect(await page.textContent(".verdict.right")).toBe("Right!");
      }
    }
    await context.close();
  });

  it("the experiment: losses coincide to the last bit, filters come out turned round, an impulse tells them apart", async () => {
    const { context, page, complaints } = await visit(lab);
    await go(page, `${lab.isolated}#/learn/experiment?lang=en`);
    await page.click("text=Train both");
    await page.waitForSelector("[data-experiment=done]", { timeout: 60_000 });
    expect(await page.textContent("[data-difference]")).toBe("0.0e+0");
    expect(await page.textContent("[data-turned]")).toBe("0.0e+0");
    expect(await page.locator("figure canvas").count()).toBe(4);
    expect(complaints).toEqual([]);
    await context.close();
  });
});

describe("filters on pictures", () => {
  let page: Page;
  let complaints: readonly string[];
  let finish: () => Promise<void>;
  beforeAll(async () => {
    // A webcam that shows a test picture, and nobody to ask.
    const browser = await launch(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);
    const opened = await visit({ ...lab, browser });
    ({ page, complaints } = opened);
    finish = () => browser.close();
  }, 60_000);
  afterAll(() => finish?.());

  /** Both pictures, as one text. */
  const pixels = async (): Promise<string> => {
    await painted(page);
    return page.evaluate(() => [...document.querySelectorAll("canvas")].map((c) => c.toDataURL()).join());
  };
  /** Waits until the pictures differ from what they were. */
  async function changed(before: string): Promise<string> {
    await expect.poll(pixels, PATIENT).not.toBe(before);
    return pixels();
  }

  it("compute every classic kernel, each in its own way", async () => {
    await go(page, `${lab.isolated}#/filters?lang=en&kernel=identity`);
    await page.waitForSelector("[data-output='256x256']");
    let seen = await pixels();
    const kernels = await page.$$eval("#kernel option", (options) =>
      options.map((o) => (o as HTMLOptionElement).value),
    );
    expect(kernels.length).toBeGreaterThanOrEqual(10);
    for (const kernel of kernels.filter((k) => k !== "identity")) {
      await page.selectOption("#kernel", kernel);
      seen = await changed(seen);
      expect(page.url()).toContain(`kernel=${kernel}`);
    }
    expect(complaints).toEqual([]);
  });

  /** The sum that is shown, and what the numbers beside it add up to. */
  async function sums(): Promise<readonly [shown: number, added: number]> {
    return page.evaluate(() => {
      const [input, kernel] = [...document.querySelectorAll(".sum table")].map((table) =>
        [...table.querySelectorAll("td")].map((cell) => Number(cell.textContent)),
      );
      const divisor = /÷ (.+)$/.exec(document.querySelector(".sum caption.role-filter")?.textContent ?? "")?.[1] ?? "1";
      const shown = document.querySelector("[data-sum]")?.getAttribute("data-sum");
      return [Number(shown), input.reduce((sum, v, i) => sum + v * kernel[i], 0) / Number(divisor)] as const;
    });
  }

  it("show the sum of the pixel that is pointed at, or reached by keys; the address keeps it", async () => {
    await go(page, `${lab.isolated}#/filters?lang=en&kernel=sobelx`);
    await page.waitForSelector("[data-output='256x256']");
    const canvas = page.locator("canvas[tabindex]");
    await canvas.hover({ position: { x: 120, y: 160 } });
    await page.waitForSelector("[data-sum]");
    const [first, added] = await sums();
    expect(first).toBeCloseTo(added, 1);
    const place = await page.textContent(".sum strong");
    await canvas.press("ArrowRight");
    await canvas.press("ArrowDown");
    const moved = await page.textContent(".sum strong");
    expect(moved).not.toBe(place);
    const [next, addedNext] = await sums();
    expect(next).toBeCloseTo(addedNext, 1);
    const [row, col] = moved?.match(/\d+/g) ?? [];
    await page.waitForURL(new RegExp(`at=${row},${col}$`));
    await page.mouse.move(0, 0);
    await go(page, page.url(), "[data-sum]");
    expect(await page.textContent(".sum strong")).toBe(moved);
  });

  // Corners, where the padding stands; with the number of cells that lie in it.
  it.each([
    ["kernel=gauss&mode=zeros&stride=3&at=0,0&channel=0", 16],
    ["kernel=gabor45&mode=reflect&stride=2&at=0,127&channel=2", 36 + 3 * 5],
    ["kernel=motion&mode=replicate&at=255,0&channel=0", 33],
    ["kernel=emboss&mode=zeros&at=255,255&gray=1", 5],
    ["weights=1,2,3/4,5,6/7,8,9.5&divisor=0.25&mode=circular&at=0,255", 5],
    ["kernel=sobely&mode=circular&stride=4&at=31,40", 0],
  ])("sum up at the borders too: %s", async (query, outside) => {
    await go(page, `${lab.isolated}#/filters?lang=en&${query}`, "[data-sum]");
    const [shown, added] = await sums();
    expect(Math.abs(shown - added)).toBeLessThan(0.05); // grays are shown with two decimals
    expect(await page.locator(".sum td.padding").count()).toBe(outside);
  });

  it("are at a filter whatever stands in the address", async () => {
    for (const query of [
      "kernel=toString",
      "weights=",
      "weights=1e300,0,0/0,1,0/0,0,0",
      "view=x&stride=0&at=999,999",
    ]) {
      await go(page, `${lab.isolated}#/filters?lang=en&${query}`);
      await page.waitForSelector("[data-output='256x256']");
      expect(await page.inputValue("#kernel")).toBe("sobelx");
    }
    expect(complaints).toEqual([]);
  });

  it("follow every control, and the address brings all of it back", async () => {
    await go(page, `${lab.isolated}#/filters?lang=en&kernel=sobelx`);
    await page.waitForSelector("[data-output='256x256']");
    let seen = await pixels();
    for (const mode of ["zeros", "reflect", "circular"]) {
      await page.selectOption("#mode", mode);
      seen = await changed(seen);
    }
    for (const view of ["absolute", "clip"]) {
      await page.selectOption("#view", view);
      seen = await changed(seen);
    }
    await page.getByLabel("in shades of gray").check();
    seen = await changed(seen);
    await page.getByLabel("Size").selectOption("5");
    await page.getByLabel("Kernel, row 1, column 1", { exact: true }).fill("3");
    await page.keyboard.press("Enter");
    seen = await changed(seen);
    await page.getByRole("button", { name: "Turn round" }).click();
    await page.waitForURL(/weights=0,0,0,0,0\/.*\/0,0,0,0,3/);
    await page.getByLabel("divided by").fill("2");
    await page.getByLabel("divided by").blur();
    await page.waitForURL(/divisor=2/);
    await page.getByLabel("Kernel, row 2, column 1", { exact: true }).fill("x");
    await page.keyboard.press("Enter");
    expect(await page.textContent(".number-grid [role=alert]")).toContain("“x”");
    await page.keyboard.press("Escape");
    await page.selectOption("#stride", "2");
    await page.waitForSelector("[data-output='128x128']");
    seen = await pixels();
    await go(page, page.url());
    await page.waitForSelector("[data-output='128x128']");
    await expect.poll(pixels, PATIENT).toBe(seen);
    expect(await page.inputValue("#view")).toBe("clip");
    expect(complaints).toEqual([]);
  });

  it("take pictures that are chosen, dropped, pasted or filmed, and the built-in one again", async () => {
    await go(page, `${lab.isolated}#/filters?lang=en`);
    await page.waitForSelector("[data-output='256x256']");
    const icon = join(import.meta.dirname, "../public/icon-192.png");
    const builtIn = await pixels();
    const again = async (): Promise<void> => {
      await page.getByRole("button", { name: "The built-in picture" }).click();
      await page.waitForSelector("[data-output='256x256']");
      await expect.poll(pixels, PATIENT).toBe(builtIn);
    };
    await page.setInputFiles(".drop input[type=file]", icon);
    await page.waitForSelector("[data-output='192x192']");
    await again();
    await dropOn(page, ".drop", [icon]);
    await page.waitForSelector("[data-output='192x192']");
    for (const name of ["post.html", "empty.png"]) {
      const mimeType = name.endsWith("html") ? "text/html" : "image/png";
      await page.setInputFiles(".drop input[type=file]", { name, mimeType, buffer: Buffer.from("") });
      await page.waitForSelector(`.drop [role=alert]:has-text("${name}")`);
    }
    // A photograph that is held upright, a drawing of vectors, a transparent picture: on white.
    const upright = sharp({ create: { width: 60, height: 30, channels: 3, background: "red" } });
    const vectors = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><path d="M0 0h20v20H0z"/></svg>';
    const clear = sharp({ create: { width: 9, height: 12, channels: 4, background: "#0000" } });
    for (const [name, mimeType, buffer, size, colour] of [
      [
        "turned.jpg",
        "image/jpeg",
        await upright.withMetadata({ orientation: 6 }).jpeg().toBuffer(),
        "60x30",
        "254,0,0",
      ],
      ["drawn.svg", "image/svg+xml", Buffer.from(vectors), "160x320", "0,0,0"],
      ["clear.png", "image/png", await clear.png().toBuffer(), "12x9", "255,255,255"],
    ] as const) {
      await page.setInputFiles("[data-file=picture]", { name, mimeType, buffer });
      await page.waitForSelector(`[data-output='${size}']`);
      await painted(page);
      const at = await page.evaluate(() => {
        // Beside the page's own canvas: Chromium warns of one that is read again and again.
        const canvas = document.querySelector("canvas");
        const copy = new OffscreenCanvas(3, 3).getContext("2d");
        if (canvas) copy?.drawImage(canvas, 0, 0);
        return copy?.getImageData(2, 2, 1, 1).data.join();
      });
      expect(at, name).toBe(`${colour},255`);
    }
    await again();
    await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(40, 30);
      canvas.getContext("2d")?.fillRect(0, 0, 20, 30);
      const transfer = new DataTransfer();
      transfer.items.add(new File([await canvas.convertToBlob()], "pasted.png", { type: "image/png" }));
      dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer }));
    });
    await page.waitForSelector("[data-output='30x40']");
    await again();
    await page.getByRole("button", { name: "Webcam" }).click();
    await page.waitForFunction(() => (document.querySelector("video")?.videoWidth ?? 0) > 0);
    await page.getByRole("button", { name: "Take the picture" }).click();
    await changed(builtIn);
    await page.getByRole("button", { name: "Webcam" }).click();
    expect(await page.locator("video").count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});

describe("the web component", () => {
  it("shows figures in a plain page, in the page's languages", async () => {
    const { context, page, complaints } = await visit(lab);
    await page.goto(`${lab.isolated}post.html`);
    await page.waitForFunction(
      () =>
        [...document.querySelectorAll("faltung-figure")].filter((f) => f.shadowRoot?.querySelector("svg")).length === 3,
    );
    const conv = page.locator("faltung-figure").nth(1);
    const picture = open({ figure: "conv2d", padding: 1, stride: 2, lang: "ko" });
    await conv.locator("[data-do=forth]").click();
    const at = Math.min(picture.still + 1, picture.steps - 1);
    expect(await conv.locator(".sentence").textContent()).toBe(picture.sentence(at));
    expect(await seriousProblems(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
