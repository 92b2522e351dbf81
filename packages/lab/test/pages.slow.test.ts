/** Every page of the built lab, in both languages, in Chromium: accessibility, size, exercises, filters, the component. */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { open } from "../../figure/src/index.ts";
import { IDEAS } from "../src/learn/ideas.ts";
import { problem } from "../src/learn/problems.ts";
import { type Lab, dropOn, go, launch, openLab, seriousProblems, visit } from "./support.ts";

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
    await expect.poll(() => page.textContent(".transport output"), { interval: 10 }).toMatch(/^2\//);
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
    await page.waitForTimeout(900);
    expect(await page.textContent(".transport output")).toBe("1/25");
    expect(await page.locator("button[aria-label=Play]").count()).toBe(0);
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
  const pixels = (): Promise<string> =>
    page.evaluate(() => [...document.querySelectorAll("canvas")].map((c) => c.toDataURL()).join());
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

  it("show the sum of the pixel that is pointed at, or reached by keys", async () => {
    await go(page, `${lab.isolated}#/filters?lang=en&kernel=sobelx`);
    await page.waitForSelector("[data-output='256x256']");
    const canvas = page.locator("canvas[tabindex]");
    const sum = async (): Promise<[number, number]> => {
      const tables = await page.locator(".sum table").all();
      const numbers = await Promise.all(
        tables.map(async (table) => (await table.locator("td").allTextContents()).map(Number)),
      );
      const shown = Number(await page.getAttribute("[data-sum]", "data-sum"));
      return [shown, numbers[0].reduce((s, v, i) => s + v * numbers[1][i], 0) / 4];
    };
    await canvas.hover({ position: { x: 120, y: 160 } });
    expect((await sum())[0]).toBeCloseTo((await sum())[1], 1);
    const place = await page.textContent(".sum strong");
    await canvas.press("ArrowRight");
    await canvas.press("ArrowDown");
    expect(await page.textContent(".sum strong")).not.toBe(place);
    expect((await sum())[0]).toBeCloseTo((await sum())[1], 1);
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
    await page.setInputFiles(".drop input[type=file]", join(import.meta.dirname, "../public/post.html"));
    await page.waitForSelector(".drop [role=alert]");
    expect(await page.textContent(".drop [role=alert]")).toContain("post.html");
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
