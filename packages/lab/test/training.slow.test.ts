/** The lab trains, in Chromium on the built folder: threads, pause, reload, looking back, forking, own pictures. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fits, formatNet, parseNet, shapesOf } from "../src/train/net.ts";
import { type Lab, type Visit, dropOn, go, launch, openLab, visit, watch } from "./support.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
}, 240_000);
afterAll(() => lab?.close());

const TRAINED = 300_000;

const until = (page: Page, status: string): Promise<unknown> =>
  page.waitForSelector(`[data-status=${status}]`, { timeout: TRAINED });
const fact = async (page: Page, name: string): Promise<number> =>
  Number.parseFloat(((await page.textContent(`[data-fact=${name}]`)) ?? "").replaceAll(",", ""));

/** Runs a page in which nothing must go wrong. */
async function quietly(path: string, work: (v: Visit) => Promise<void>): Promise<void> {
  const v = await visit(lab, { acceptDownloads: true });
  try {
    await go(v.page, `${lab.isolated}#/${path}`);
    await work(v);
    expect(v.complaints).toEqual([]);
  } finally {
    await v.context.close();
  }
}

/** A picture of one colour with some noise, as a 24-bit BMP: what a browser decodes and a test can write. */
function bmp(side: number, red: number, green: number, blue: number, seed: number): Uint8Array {
  const row = Math.ceil((3 * side) / 4) * 4;
  const bytes = new Uint8Array(54 + row * side);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, 54, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, side, true);
  view.setInt32(22, side, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const noise = (x * 7 + y * 13 + seed * 29) % 40;
      bytes.set([blue + noise, green + noise, red + noise], 54 + y * row + 3 * x);
    }
  }
  return bytes;
}

describe("the shipped digits", () => {
  it(
    "are learned to 97 % with threads; the run is paused, stepped, reloaded, gone on with, looked back at, forked",
    () =>
      quietly("train?lang=en&epochs=6", async ({ page }) => {
        await page.click("button.primary");
        await until(page, "running");
        expect(await fact(page, "threads")).toBeGreaterThanOrEqual(2);
        expect(await fact(page, "parameters")).toBeGreaterThan(10_000);
        await page.waitForFunction(() => Number(document.querySelector("[data-fact=loss]")?.textContent) > 0);

        // Paused, it stands still; one step is one step.
        await page.click("text=Pause");
        await until(page, "paused");
        const loss = await fact(page, "loss");
        await page.click("text=One step");
        await page.waitForFunction(
          (before) => Number(document.querySelector("[data-fact=loss]")?.textContent) !== before,
          loss,
        );
        await until(page, "paused");

        // The learning rate may change under way.
        await page.selectOption("#lr", "0.001");
        await page.click("text=Go on");
        await page.selectOption("#lr", "0.003");
        await page.waitForSelector("[data-confusion]", { timeout: TRAINED });
        await page.waitForSelector("[data-layer='0'] canvas", { timeout: TRAINED });
        // A run that ended before the reload could not be gone on with.
        await page.click("text=Pause");
        await until(page, "paused");

        // After a reload the run is still there, and goes on.
        const epochs = page.locator("[data-fact=epoch]");
        await page.reload();
        await page.click("text=Go on with the run", { timeout: 30_000 });
        await until(page, "running");
        expect(Number.parseInt((await epochs.textContent()) ?? "", 10)).toBeGreaterThanOrEqual(2);
        await until(page, "done");
        expect(await fact(page, "top1")).toBeGreaterThanOrEqual(97);
        const counted = await page.locator("[data-confusion] td").allTextContents();
        expect(counted.map(Number).reduce((a, b) => a + b, 0)).toBe(1000);

        // Back to the first epoch: another confusion matrix, and from there on again.
        await page.locator("#scrub").press("Home");
        await page.waitForFunction(() => document.querySelector("output[for=scrub]")?.textContent === "epoch 1");
        expect(await page.locator("[data-confusion] td").allTextContents()).not.toEqual(counted);
        await page.click("[data-fork]");
        await until(page, "running");
        await page.click("text=Pause");
        await until(page, "paused");
        expect(Number.parseInt((await epochs.textContent()) ?? "", 10)).toBeGreaterThanOrEqual(2);
      }),
    TRAINED * 2,
  );
});

describe("pictures of one's own", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "faltung-own-"));
    const colours = { night: [20, 20, 90], grass: [40, 150, 40], brick: [170, 60, 40] } as const;
    for (const [name, [r, g, b]] of Object.entries(colours)) {
      mkdirSync(join(folder, name));
      for (let i = 0; i < 8; i++) writeFileSync(join(folder, name, `${i}.bmp`), bmp(40, r, g, b, i));
    }
    writeFileSync(join(folder, "night", "notes.txt"), "no picture");
    writeFileSync(join(folder, "grass", "cut.png"), bmp(40, 1, 2, 3, 4).subarray(0, 30));
    writeFileSync(join(folder, "brick", "empty.jpg"), "");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it(
    "from a folder with bad files among good ones: the bad are named, the good are learned",
    () =>
      quietly("train?lang=en&data=own&epochs=3&batch=8&shift=0", async ({ page }) => {
        expect(await page.locator("button.primary").isDisabled()).toBe(true);
        await page.setInputFiles("[data-file=own]", folder);
        await page.waitForSelector("[data-bad='3']");
        const bad = await page.textContent("[data-bad]");
        for (const name of ["night/notes.txt", "grass/cut.png", "brick/empty.jpg"]) expect(bad).toContain(name);
        expect(await page.locator(".counts li").allTextContents()).toEqual(
          ["brick", "grass", "night"].map((name) => `${name}: 8 pictures`),
        );
        // Kept before anything is trained; pictures without a folder need a name.
        await page.reload();
        await page.waitForSelector('.counts li:has-text("night: 8 pictures")');
        await dropOn(page, "[data-drop=own]", [join(folder, "night", "0.bmp")]);
        await page.waitForSelector("[data-unfiled='1']");
        await page.fill("[data-drop=own] input[type=text]", "night");
        await dropOn(page, "[data-drop=own]", [join(folder, "night", "0.bmp")]);
        await page.waitForSelector('.counts li:has-text("night: 9 pictures")');
        await page.click("button.primary");
        await until(page, "done");
        expect(await page.locator("[data-confusion] tbody tr").count()).toBe(3);
      }),
    TRAINED,
  );
});

describe("the network's editor", () => {
  it("takes as many layers as a network may have, and no more", () =>
    quietly(`train?lang=en&net=${Array(59).fill("relu").join("/")}`, async ({ page }) => {
      await page.selectOption("[data-add]", "relu");
      expect(await page.locator("[data-net] li").count()).toBe(62); // the input and the last linear layer with them
      expect(await page.locator("[data-add] option").count()).toBe(1);
    }));

  it("offers nothing that does not fit", () =>
    quietly("train?lang=en&net=conv+8+3/maxpool+4/conv+8+3/gap", async ({ page }) => {
      // 28 → 26 → 6 → 4: a second pooling of 4 would leave 1, and then a 3×3 does not fit.
      const shapes = await page.locator("[data-net] .shape").allTextContents();
      expect(shapes).toEqual(["1×28×28", "8×26×26", "8×6×6", "8×4×4", "8", "10"]);
      const kernels = await page
        .locator("[data-net] li")
        .nth(3)
        .locator("select")
        .nth(1)
        .locator("option")
        .allTextContents();
      expect(kernels).toEqual(["1", "3", "5"]);
      expect(await page.locator("button[aria-label='Move down: convolution']").last().isDisabled()).toBe(true);
      // The keyboard stays with the layer that it moves.
      const focused = (): Promise<string | null> =>
        page.evaluate(() => {
          const row = document.activeElement?.closest("li");
          return row
            ? `${[...(row.parentElement?.children ?? [])].indexOf(row)} ${row.querySelector("strong")?.textContent}`
            : null;
        });
      await page.focus("[data-net] li:nth-child(4) [data-do=up]");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => location.hash.endsWith("net=conv+8+3/conv+8+3/maxpool+4/gap"));
      await expect.poll(focused, { timeout: TRAINED }).toBe("2 convolution");
      await page.click("[data-net] li:nth-child(3) [data-do=down]");
      await page.click("button[aria-label='Remove: global average']");
      await page.waitForFunction(() => location.hash.endsWith("net=conv+8+3/maxpool+4/conv+8+3"));
      await expect.poll(focused, { timeout: TRAINED }).toBe("3 convolution");
    }));
});

describe("the network's editor, driven at random", () => {
  it("is at a network after every step, and shows its shapes", () =>
    quietly("train?lang=en", async ({ page }) => {
      const states = await page.evaluate<readonly { readonly net: string; readonly shapes: readonly string[] }[]>(`
        (async () => {
          let seed = 7;
          const below = (n) => (seed = (seed * 48271) % 2147483647) % n;
          const states = [];
          for (let i = 0; i < 150; i++) {
            const controls = [...document.querySelectorAll("[data-net] select, [data-net] button, [data-add], [data-place]")]
              .filter((e) => !e.disabled);
            const one = controls[below(controls.length)];
            // More is added than taken away, so that networks grow.
            if (one.tagName === "BUTTON" && below(2) === 0) continue;
            if (one.tagName === "BUTTON") one.click();
            else {
              one.selectedIndex = below(one.options.length);
              one.dispatchEvent(new Event("change", { bubbles: true }));
            }
            await new Promise((r) => setTimeout(r)); // the page is drawn anew before any timer
            states.push({
              net: new URLSearchParams(location.hash.split("?")[1]).get("net"),
              shapes: [...document.querySelectorAll("[data-net] .shape")].map((e) => e.textContent),
            });
          }
          return states;
        })()`);
      const nets = states.filter(({ net }) => net !== null);
      expect(new Set(nets.map(({ net }) => net)).size).toBeGreaterThan(10);
      for (const { net, shapes } of nets) {
        const layers = parseNet(net);
        if (layers === undefined) throw new Error(`"${net}" is no network`);
        expect(fits(layers, [1, 28, 28]), formatNet(layers)).toBe(true);
        const made = shapesOf(layers, [1, 28, 28])?.map((shape) => shape.join("×"));
        expect(shapes).toEqual(["1×28×28", ...(made ?? []), "10"]);
      }
      expect(await page.locator("button.primary").isEnabled()).toBe(true);
    }));
});

describe("a run", () => {
  it(
    "on clothes learns, and the page goes on living",
    () =>
      quietly("train?lang=en&data=fashion&epochs=2&net=conv+8+3/relu/maxpool+2/flatten", async ({ page }) => {
        await page.evaluate(`
          globalThis.long = [];
          new PerformanceObserver((l) => long.push(...l.getEntries().map((e) => e.duration))).observe({ type: "longtask" });
          globalThis.begun = performance.now();
          globalThis.turns = new Set();
          setInterval(() => turns.add(document.querySelector("[data-fact=loss]").textContent), 20);`);
        await page.click("button.primary");
        await until(page, "done");
        expect(await fact(page, "top1")).toBeGreaterThan(70);
        // The page's own clock went on, and saw many losses: nothing of the training is done by the page.
        const { worst, share, seen } = await page.evaluate<Record<"worst" | "share" | "seen", number>>(`({
          worst: Math.max(0, ...long),
          share: long.reduce((a, b) => a + b, 0) / (performance.now() - begun),
          seen: turns.size,
        })`);
        console.log(
          `tasks of the page over 50 ms while training: ${(100 * share).toFixed(0)} % of the time, at most ${worst} ms`,
        );
        expect(seen).toBeGreaterThan(5);
      }),
    TRAINED,
  );

  it(
    "whose loss is no number any more says so, and another can begin",
    () =>
      quietly(
        "train?lang=en&lr=1&optimizer=sgd&cosine=0&net=conv+16+3/conv+16+3/flatten/linear+64",
        async ({ page }) => {
          await page.click("button.primary");
          await until(page, "failed");
          expect(await page.textContent("[data-diverged=true]")).toContain("Choose a smaller learning rate");
          expect(await page.locator("button.primary").textContent()).toBe("Start again");
        },
      ),
    TRAINED,
  );
});

/** What the page has kept of its run. */
function kept(page: Page, key: string): Promise<unknown> {
  return page.evaluate(
    (name) =>
      new Promise((resolve) => {
        const request = indexedDB.open("faltung-lab");
        request.addEventListener("success", () => {
          const got = request.result.transaction("kept").objectStore("kept").get(name);
          got.addEventListener("success", () => {
            request.result.close();
            resolve(got.result);
          });
        });
      }),
    key,
  );
}

/** Small, but of many steps: a hand must be able to pause it, also where the page is slow and the kernels are not. */
const BATCH = 8;
const SMALL = `net=conv+4+3/relu/maxpool+4&batch=${BATCH}&data=fashion`;

describe("a run that was interrupted", () => {
  it(
    "ends as one that was not: the same losses, the same matrices, the same curve",
    () =>
      quietly(`train?lang=en&epochs=3&${SMALL}`, async ({ page }) => {
        await page.click("button.primary");
        await until(page, "done");
        const whole = await kept(page, "run/history");
        const history = whole as {
          readonly points: readonly unknown[];
          readonly epochs: { imagesPerSecond: number }[];
        };
        expect(history.points.length).toBe(3 * Math.ceil(3000 / BATCH));

        await page.click("text=Start again");
        await page.click("text=Pause");
        await until(page, "paused");
        // Paused within an epoch, by and by.
        for (let i = 0; i < 3; i++) {
          const step = await page.textContent("[data-fact=loss]");
          await page.click("text=One step");
          await page.waitForFunction((s) => document.querySelector("[data-fact=loss]")?.textContent !== s, step);
          await until(page, "paused");
        }
        await page.reload();
        await page.click("text=Go on with the run");
        await until(page, "done");
        const again = (await kept(page, "run/history")) as typeof history;
        const timeless = ({ points, epochs }: typeof history): unknown => ({
          points,
          epochs: epochs.map((e) => ({ ...e, imagesPerSecond: 0 })),
        });
        expect(timeless(again)).toEqual(timeless(history));
      }),
    TRAINED,
  );

  it(
    "is gone on with in its own settings, also from another address, and with the rate it was set to",
    () =>
      quietly(`train?lang=en&epochs=2&${SMALL}`, async ({ page }) => {
        await page.click("button.primary");
        await page.click("text=Pause");
        await until(page, "paused");
        await page.selectOption("#lr", "0.01");
        await page.click("text=One step");
        await expect
          .poll(async () => ((await kept(page, "run/config")) as { lr: number }).lr, { timeout: TRAINED })
          .toBe(0.01);
        await page.click("nav >> text=Learn");
        await page.click("nav >> text=Train");
        await page.click("text=Go on with the run");
        await until(page, "done");
        expect(await page.inputValue("#data")).toBe("fashion");
        expect(await page.inputValue("#lr")).toBe("0.01");
        expect(await page.textContent("[data-fact=epoch]")).toBe("2/2");
        await page.click("text=Two more epochs");
        await page.waitForFunction(() => document.querySelector("[data-fact=epoch]")?.textContent?.endsWith("/4"));
        await until(page, "done");
        expect(await page.textContent("[data-fact=epoch]")).toBe("4/4");
        expect(await page.locator("[data-confusion] tbody tr").count()).toBe(10);
      }),
    TRAINED,
  );
});

describe("where a run can't be kept", () => {
  it(
    "a second tab says so, trains beside, and leaves the first one's run alone",
    () =>
      quietly(`train?lang=en&epochs=2&${SMALL}`, async ({ page, context }) => {
        await page.click("button.primary");
        await until(page, "done"); // the run is still this page's: it may go on
        const mine = await kept(page, "run/config");

        const { page: second, complaints } = await watch(context);
        await go(second, `${lab.isolated}#/train?lang=en&epochs=1&data=digits&net=flatten`);
        await second.click("text=Start again");
        await second.waitForSelector("[data-unkept=tab]");
        await until(second, "done");
        await second.locator("#scrub").press("Home");
        await second.waitForSelector("text=The weights of that epoch were not kept");
        expect(await second.locator("text=Two more epochs").count()).toBe(0);
        expect(await kept(page, "run/config")).toEqual(mine);
        expect(complaints).toEqual([]);
      }),
    TRAINED,
  );

  it(
    "a full disk is told of, and the run ends all the same",
    () =>
      quietly(`train?lang=en&epochs=2&${SMALL}`, async ({ page, context }) => {
        const session = await context.newCDPSession(page);
        await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(lab.isolated).origin, quotaSize: 1 });
        await page.click("button.primary");
        await page.waitForSelector("[data-unkept=storage]", { timeout: TRAINED });
        await until(page, "done");
        expect(await fact(page, "top1")).toBeGreaterThan(50);
      }),
    TRAINED,
  );
});

describe("the webcam", () => {
  it(
    "makes classes, which are learned and are still there after a reload",
    async () => {
      const browser = await launch(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);
      try {
        const context = await browser.newContext({ permissions: ["camera"], serviceWorkers: "block", locale: "en-US" });
        const { page, complaints } = await watch(context);
        await go(page, `${lab.isolated}#/train?lang=en&data=own&epochs=1&batch=8&net=conv+4+3/relu/maxpool+4`);
        await page.click("summary:has-text('webcam')");
        for (const name of ["left", "right"]) {
          await page.fill("[data-drop=own] input[type=text]", name);
          await page.waitForFunction(() => (document.querySelector("video")?.videoWidth ?? 0) > 0);
          for (let i = 1; i <= 5; i++) {
            await page.click("text=Add a picture");
            await page.waitForSelector(`.counts li:has-text("${name}: ${i} picture")`);
          }
        }
        await page.click("button.primary");
        await until(page, "done");
        expect(await page.locator("[data-confusion] tbody tr").count()).toBe(2);
        await page.reload();
        await page.waitForSelector('.counts li:has-text("right: 5 pictures")');
        expect(complaints).toEqual([]);
      } finally {
        await browser.close();
      }
    },
    TRAINED,
  );
});
