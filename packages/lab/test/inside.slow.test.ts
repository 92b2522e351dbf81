/** Looking inside, in Chromium on the built folder: what is shown is what the library computes in Node. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tensor, inspect, manualSeed, mostActivating, readIdx, resnet20, seenBy } from "faltung";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ModelFile, readModel, writeModel } from "../../cli/src/checkpoint/model-file.ts";
import { bundle, start } from "../../cli/test/support.ts";
import { type Lab, type Visit, dropOn, go, openLab, seriousProblems, visit } from "./support.ts";

const SLOW = 300_000;
const SIDE = 28;
const SIZE = SIDE * SIDE;

let lab: Lab;
let seen: Visit;
let page: Page;
let folder = "";
/** The model that the page has trained, as the command reads it. */
let path = "";
let model: ModelFile;
let digits: Uint8Array;

beforeAll(async () => {
  lab = await openLab();
  folder = mkdtempSync(join(tmpdir(), "faltung-inside-"));
  digits = Uint8Array.from(
    (await readIdx(readFileSync(join(import.meta.dirname, "../data/digits-test-images.idx")), "digits")).data,
  );
  seen = await visit(lab, { acceptDownloads: true });
  ({ page } = seen);
  await go(page, `${lab.isolated}#/train?lang=en&epochs=3&lr=0.003`);
  await page.click("button.primary");
  await page.waitForSelector("[data-status=done]", { timeout: SLOW });
  await page.click("text=Look inside this model");
  await page.waitForSelector("[data-prediction]", { timeout: SLOW });
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("[data-download]")]);
  path = join(folder, "model.safetensors");
  await download.saveAs(path);
  model = await readModel(path);
}, SLOW * 2);
afterAll(async () => {
  await lab?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Pictures of the test part, as the network gets them. */
function input(first: number, count: number): Tensor {
  const { mean, std } = model.preprocessing;
  const bytes = digits.subarray(first * SIZE, (first + count) * SIZE);
  return new Tensor(
    Float32Array.from(bytes, (v) => (v / 255 - mean[0]) / std[0]),
    [count, 1, SIDE, SIDE],
  );
}

/** A picture as a file. */
function png(index: number): Promise<Buffer> {
  const raw = { width: SIDE, height: SIDE, channels: 1 } as const;
  return sharp(digits.slice(index * SIZE, (index + 1) * SIZE), { raw })
    .png()
    .toBuffer();
}

const answer = (): Promise<string | null> => page.getAttribute("[data-answer]", "data-answer");
const answers = (name: string): Promise<unknown> => page.waitForSelector(`[data-answer="${name}"]`, { timeout: SLOW });

type Point = readonly [x: number, y: number];

/** Draws with the pointer; the pad is 1 × 1. */
async function draw(strokes: readonly (readonly Point[])[]): Promise<void> {
  await page.click("text=Clear");
  await page.locator("[data-pad]").scrollIntoViewIfNeeded();
  const box = await page.locator("[data-pad]").boundingBox();
  if (box === null) throw new Error("the pad is not there");
  for (const [[x, y], ...rest] of strokes) {
    await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
    await page.mouse.down();
    for (const [toX, toY] of rest) {
      await page.mouse.move(box.x + toX * box.width, box.y + toY * box.height, { steps: 4 });
    }
    await page.mouse.up();
  }
}

const arc = (x: number, y: number, rx: number, ry: number, from: number, to: number): Point[] =>
  Array.from({ length: 13 }, (_, i) => {
    const turn = 2 * Math.PI * (from + ((to - from) * i) / 12);
    return [x + rx * Math.sin(turn), y - ry * Math.cos(turn)];
  });

/** Digits as a hand might draw them, in whatever place and size. */
const DRAWN: Readonly<Record<string, readonly (readonly Point[])[]>> = {
  "0": [arc(0.4, 0.45, 0.22, 0.35, 0, 1)],
  "1": [
    [
      [0.7, 0.15],
      [0.68, 0.8],
    ],
  ],
  "3": [[...arc(0.45, 0.32, 0.2, 0.17, -0.2, 0.5), ...arc(0.45, 0.68, 0.22, 0.19, 0, 0.7)]],
  "7": [
    [
      [0.25, 0.25],
      [0.75, 0.25],
      [0.45, 0.9],
    ],
  ],
};

describe("what is drawn by hand", () => {
  it.each(Object.keys(DRAWN))(
    "is recognised: %s",
    async (name) => {
      await draw(DRAWN[name]);
      await expect.poll(answer, { timeout: SLOW }).toBe(name);
    },
    SLOW,
  );

  it(
    "with the keys alone",
    async () => {
      await page.locator("[data-sample]").nth(1).click();
      await answers("2");
      await draw([]);
      await page.focus("[data-pad]");
      // A seven: along the top, then down.
      for (const key of ["ArrowLeft", "ArrowUp"]) for (let i = 0; i < 5; i++) await page.keyboard.press(key);
      await page.keyboard.press("Space");
      for (let i = 0; i < 9; i++) await page.keyboard.press("ArrowRight");
      for (let i = 0; i < 5; i++) {
        await page.keyboard.press("ArrowLeft");
        for (let k = 0; k < 3; k++) await page.keyboard.press("ArrowDown");
      }
      await page.keyboard.press("Space");
      await expect.poll(answer, { timeout: SLOW }).toBe("7");
      await page.keyboard.press("Delete");
    },
    SLOW,
  );

  it("is gone with one press", async () => {
    await draw([]);
    const lit = await page.evaluate<number>(`(() => {
      const pad = document.querySelector("[data-pad]");
      return pad.getContext("2d").getImageData(0, 0, pad.width, pad.height).data.filter((v, i) => i % 4 < 3 && v > 0).length;
    })()`);
    expect(lit).toBe(0);
  });
});

describe("what is shown", () => {
  beforeAll(async () => {
    await page.locator("[data-sample]").first().click();
    await answers("7");
  }, SLOW);

  it(
    "are the library's probabilities, maps, receptive fields and most activating pictures",
    async () => {
      const inspector = await inspect(model.module, [1, 1, SIDE, SIDE]);
      const { output, maps } = inspector.look(input(0, 1));
      const powers = Array.from(output.data, Math.exp);
      const sum = powers.reduce((a, b) => a + b, 0);
      const shares = powers.map((p) => `${((100 * p) / sum).toFixed(1)} %`);
      expect(await page.locator(".bars .number").allTextContents()).toEqual(
        shares.toSorted((a, b) => Number.parseFloat(b) - Number.parseFloat(a)).slice(0, 5),
      );

      // Every layer with maps is there, every channel of it.
      expect(await page.locator("[data-layer]").count()).toBe(inspector.layers.length);

      // One map, one cell: the value, the products that make it, and what it sees.
      await page.locator("[data-layer='4'] button").nth(2).click();
      await page.waitForSelector("[data-total]");
      const place = inspector.layers.findIndex((l) => l.name === "4");
      const [, , rows, cols] = inspector.layers[place].shape;
      const [row, col] = [rows / 2, cols / 2];
      const value = maps[place].data[(2 * rows + row) * cols + col];
      expect(await page.textContent("[data-cell] strong")).toBe(`Cell (${row}, ${col}) = ${value.toFixed(4)}`);
      expect(Number(await page.getAttribute("[data-total]", "data-total"))).toBeCloseTo(value, 4);
      const { start: from, size } = seenBy(model.module, [1, 1, SIDE, SIDE], "4", [row, col]);
      expect(await page.textContent("[data-cell] p[aria-live]")).toContain(
        from.map((f, d) => `${f}–${f + size[d] - 1}`).join(", "),
      );

      // Maps by keyboard: arrows go from one to the next.
      await page.locator("[data-layer='4'] button").nth(1).focus();
      await page.keyboard.press("ArrowRight");
      expect(await page.evaluate<string>(`document.activeElement.ariaLabel`)).toBe("Conv2d 4, channel 2");
      await page.keyboard.press("Enter");

      // By keyboard to the neighbour.
      await page.focus("[data-cell] [role=application]");
      await page.keyboard.press("ArrowRight");
      const next = maps[place].data[(2 * rows + row) * cols + col + 1];
      expect(await page.textContent("[data-cell] strong")).toBe(`Cell (${row}, ${col + 1}) = ${next.toFixed(4)}`);

      // All of it is in the address.
      await page.waitForURL(/unit=4:2&cell=\d+,\d+/);

      await page.waitForSelector("[data-activating='9']", { timeout: SLOW });
      const best = (await mostActivating(model.module, input(0, 400), { layer: "4", count: 9 }))[2];
      expect(await page.locator("[data-activating] figcaption").allTextContents()).toEqual(
        best.map((b) => b.value.toFixed(2)),
      );

      // A linear layer's number is a sum, too.
      const last = inspector.layers.length - 1;
      await page.locator(`[data-layer='${inspector.layers[last].name}'] button`).nth(7).click();
      await page.waitForSelector(`[data-cell]:has-text("Linear ${inspector.layers[last].name}, channel 7")`);
      expect(Number(await page.getAttribute("[data-total]", "data-total"))).toBeCloseTo(maps[last].data[7], 3);
      inspector.close();
    },
    SLOW,
  );

  it(
    "changes with the view: Grad-CAM of any layer, saliency, the picture alone",
    async () => {
      const drawn = (): Promise<string> =>
        page.evaluate<string>(`document.querySelector("[data-overlay]").toDataURL()`);
      const views = new Set<string>();
      const look = async (): Promise<void> => {
        const before = views.size;
        await expect.poll(async () => views.add(await drawn()).size, { timeout: SLOW }).toBe(before + 1);
      };
      await look(); // Grad-CAM of the last layer
      await page.selectOption("[aria-label='What it says'] select >> nth=2", "0");
      await look();
      await page.selectOption("[aria-label='What it says'] select >> nth=0", "3"); // for another class
      await look();
      for (const view of ["saliency", "none"]) {
        await page.selectOption("[data-view]", view);
        await page.waitForSelector(`[data-overlay=${view}]`);
        await look();
      }
    },
    SLOW,
  );
});

describe("pictures and models as files", () => {
  it(
    "a picture is dropped, chosen, pasted; one that is none is named",
    async () => {
      const two = join(folder, "two.png");
      writeFileSync(two, await png(1));
      await dropOn(page, ".drop:has([data-file=picture])", [two]);
      await answers("2");
      await page.setInputFiles("[data-file=picture]", { name: "1.png", mimeType: "image/png", buffer: await png(2) });
      await answers("1");
      await page.evaluate(
        (bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([Uint8Array.from(bytes)], "0.png", { type: "image/png" }));
          dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
        },
        [...(await png(3))],
      );
      await answers("0");
      const name = "none.png";
      await page.setInputFiles("[data-file=picture]", { name, mimeType: "image/png", buffer: Buffer.from("no") });
      await page.waitForSelector(`.problem:has-text('${name}')`);
      expect(await answer()).toBe("0");
    },
    SLOW,
  );

  it(
    "the model that was downloaded is read by the command, and answers the same",
    async () => {
      await page.locator("[data-sample]").first().click();
      await answers("7");
      const share = ((await page.locator(".bars .number").first().textContent()) ?? "").replace(" ", "");
      writeFileSync(join(folder, "seven.png"), await png(0));
      const words = ["predict", `model=${path}`, "source=seven.png", "top=1"];
      const { code, out, err } = await start([process.execPath, await bundle("main"), ...words], { cwd: folder }).ended;
      expect({ code, out, err }).toEqual({ code: 0, out: `seven.png: 7 ${share}\n`, err: "" });
    },
    SLOW,
  );

  it(
    "a run folder is dropped or chosen: its best model is opened; what is damaged or no model is said",
    async () => {
      const run = join(folder, "run");
      mkdirSync(join(run, "weights"), { recursive: true });
      writeFileSync(join(run, "args.yaml"), "epochs: 3");
      writeFileSync(join(run, "weights", "last.safetensors"), "not this one");
      copyFileSync(path, join(run, "weights", "best.safetensors"));
      await dropOn(page, "[data-drop=model]", [run]);
      await page.waitForSelector("[data-model='best.safetensors']");
      await answers("7");
      const open = (name: string, buffer: Buffer): Promise<void> =>
        page.setInputFiles("[data-file=model]", { name, mimeType: "application/octet-stream", buffer });
      await open("again.safetensors", readFileSync(path));
      await page.waitForSelector("[data-model='again.safetensors']");
      await page.setInputFiles("[data-file=run]", run);
      await page.waitForSelector("[data-model='best.safetensors']");

      const damaged = readFileSync(path);
      damaged[damaged.length - 5] ^= 1;
      await open("damaged.safetensors", damaged);
      await page.waitForSelector("text=the file is damaged");
      await open("noise.safetensors", Buffer.from("not a model"));
      await page.waitForSelector(".problem:has-text('noise.safetensors')");
      rmSync(join(run, "weights"), { recursive: true });
      await dropOn(page, "[data-drop=model]", [run]);
      await page.waitForSelector("text=There is no .safetensors file in that folder.");
      expect(await page.getAttribute("[data-model]", "data-model")).toBe("best.safetensors");
    },
    SLOW,
  );
});

describe("a network with shortcuts, as the command writes it", () => {
  it(
    "shows the products that make each cell, though a layer's input is not the output before",
    async () => {
      manualSeed(3);
      const module = resnet20(3, 4);
      const file = join(folder, "resnet20.safetensors");
      const preprocessing = {
        channels: 3,
        height: 32,
        width: 32,
        mean: [0.4, 0.5, 0.6],
        std: [0.2, 0.3, 0.2],
      } as const;
      const notes = { model: "resnet20", data: "pictures", val: 0.2, seed: 0, epoch: 1 };
      await writeModel(file, { module, preprocessing, classes: ["a", "b", "c", "d"], notes });
      await go(page, `${lab.isolated}#/inside?lang=en`);
      await page.setInputFiles("[data-file=model]", file);
      await page.waitForSelector("[data-model='resnet20.safetensors']");
      await page.waitForSelector("text=Choose a picture, or drop one.");
      const picture = await sharp(Buffer.from(digits.subarray(0, SIZE)), {
        raw: { width: SIDE, height: SIDE, channels: 1 },
      })
        .png()
        .toBuffer();
      await page.setInputFiles("[data-file=picture]", { name: "p.png", mimeType: "image/png", buffer: picture });
      for (const layer of ["conv1", "layer1.0.conv2", "layer2.0.downsample.0", "layer3.1.conv1"]) {
        await page.locator(`[data-layer='${layer}'] button`).nth(1).click();
        await page.waitForSelector(`[data-cell]:has-text("Conv2d ${layer}, channel 1")`);
        const value = Number((await page.textContent("[data-cell] strong .role-output")) ?? "");
        expect(Number(await page.getAttribute("[data-total]", "data-total")), layer).toBeCloseTo(value, 3);
      }
      // Back to the model from Train, which is still there.
      await page.selectOption("[data-model]", "train");
      await page.waitForSelector("[data-answer]");
      await page.reload();
      await page.waitForSelector("[data-model=train]");
    },
    SLOW,
  );
});

describe("who has trained nothing yet", () => {
  it(
    "finds a network that knows digits",
    async () => {
      const { context, page: fresh, complaints } = await visit(lab);
      await go(fresh, `${lab.isolated}#/inside?lang=en`);
      for (const [sample, digit] of ["7", "2", "1", "0", "4"].entries()) {
        await fresh.locator("[data-sample]").nth(sample).click();
        await fresh.waitForSelector(`[data-answer="${digit}"]`, { timeout: SLOW });
      }
      expect(fresh.url()).toContain("sample=4");
      expect(complaints).toEqual([]);
      await context.close();
    },
    SLOW,
  );
});

/** All that Tab must reach. */
const TABBABLE = `[...document.querySelectorAll("a[href], button, select, input, summary, textarea, [tabindex='0']")]
  .filter((e) => !e.disabled && e.checkVisibility() && e.tabIndex >= 0)`;

/** Presses Tab as often as there are places to reach; says which were reached, and which did not show it. */
async function tabThrough(): Promise<{ readonly places: number; readonly reached: number; readonly unseen: string[] }> {
  const places = await page.evaluate<number>(`{
    globalThis.reached = new Set();
    globalThis.unseen = [];
    addEventListener("focusin", ({ target }) => {
      reached.add(target);
      const ring = [target, target.closest("label")].some((e) => e && getComputedStyle(e).outlineStyle !== "none");
      if (!ring) unseen.push(target.outerHTML.slice(0, 120));
    });
    document.activeElement.blur();
    ${TABBABLE}.length;
  }`);
  // It begins where the pointer was last, and leaves the page once, for the browser's own buttons.
  for (let i = 0; i < places + 2; i++) await page.keyboard.press("Tab");
  return page.evaluate(`({
    places: ${places}, reached: ${TABBABLE}.filter((e) => reached.has(e)).length, unseen })`);
}

describe.each([
  ["en", "dark", 1600],
  ["ko", "light", 360],
] as const)("with a model, in %s, %s, %i wide", (lang, theme, width) => {
  it.each(["train", "inside"])(
    "%s: axe finds nothing serious, nothing overflows, the keyboard gets everywhere",
    async (place) => {
      const before = seen.complaints.length;
      await page.setViewportSize({ width, height: 900 });
      await go(page, `${lab.isolated}#/${place}?lang=${lang}&theme=${theme}`);
      await page.waitForSelector("[data-layer]", { timeout: SLOW });
      await page.evaluate(`for (const d of document.querySelectorAll("details")) d.open = true`);
      if (place === "inside") {
        await page.locator("[data-layer='4'] button").first().click();
        await page.waitForSelector("[data-activating='9']", { timeout: SLOW });
      }
      expect(await seriousProblems(page)).toEqual([]);
      expect(await page.evaluate<number>(`document.scrollingElement.scrollWidth - innerWidth`)).toBeLessThanOrEqual(0);
      const { places, reached, unseen } = await tabThrough();
      expect(places).toBeGreaterThan(30);
      expect({ reached, unseen }).toEqual({ reached: places, unseen: [] });
      expect(seen.complaints.slice(before)).toEqual([]);
    },
    SLOW,
  );
});
