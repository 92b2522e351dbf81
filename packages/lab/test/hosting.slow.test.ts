/**
 * The built folder as strangers host it: a plain static server, under a path. The service worker isolates the page and
 * keeps it for the time without a network; where there is no service worker, everything works on one thread.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildLab } from "../build.mjs";
import { serveFolder } from "../serve.mjs";
import { type Visit, go, launch, watch } from "./support.ts";

const SLOW = 240_000;

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "faltung-hosting-"));
  await buildLab(folder);
}, SLOW);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A browser and a host of their own, so that a test may stop the host. */
async function hosted(
  work: (visit: Visit, host: { readonly url: string; close(): Promise<void> }) => Promise<void>,
  args: readonly string[] = [],
): Promise<void> {
  const host = await serveFolder(folder, { isolated: false, path: "/faltung/" });
  const browser = await launch(args);
  try {
    await work(await watch(await browser.newContext({ locale: "en-US" })), host);
  } finally {
    await browser.close();
    await host.close();
  }
}

const isolated = (page: Page): Promise<unknown> =>
  page.waitForFunction(() => globalThis.crossOriginIsolated, undefined, { timeout: SLOW, polling: 100 });

/** One short run; what the page says of it. */
async function trains(page: Page): Promise<number> {
  await page.click("button.primary");
  await page.waitForSelector("[data-status=done]", { timeout: SLOW });
  return Number(await page.textContent("[data-fact=threads]"));
}

const QUICK = "epochs=1&batch=128&net=conv+4+3/relu/maxpool+4";

describe("on a host that sends no headers, under a path", () => {
  it(
    "the service worker gives the page threads; when the host is gone, every page still works",
    () =>
      hosted(async ({ page, complaints }, host) => {
        await go(page, `${host.url}#/train?lang=en&${QUICK}`);
        await isolated(page);
        await page.waitForSelector("button.primary");
        const before = complaints.length; // what the worker's reload has cut off is nobody's fault
        expect(await page.locator("[data-one-thread]").count()).toBe(0);

        // All that the build has made is kept, and nothing else is needed.
        const kept = (): Promise<boolean> =>
          page.evaluate(async () => {
            const files = await fetch("./sw.js").then((r) => r.text());
            const wanted = JSON.parse(/FILES = (\[.*?\]);/.exec(files)?.[1] ?? "[]").length;
            const [name] = (await caches.keys()).filter((n) => n.startsWith("faltung-lab-"));
            return wanted > 20 && (await caches.open(name).then((c) => c.keys())).length === wanted;
          });
        // Asked from here: waitForFunction would take the promise itself for a yes.
        await expect.poll(kept, { timeout: SLOW, interval: 200 }).toBe(true);
        await host.close();

        await page.reload();
        await page.waitForSelector("button.primary");
        expect(await page.evaluate<boolean>("crossOriginIsolated")).toBe(true);
        expect(await trains(page)).toBeGreaterThanOrEqual(2);
        for (const path of ["learn/channels", "learn/experiment", "filters", "inside"]) {
          await go(page, `${host.url}?from=elsewhere#/${path}?lang=ko`);
          expect(await page.textContent("h1")).toMatch(/[가-힣]|RGB/);
        }
        await page.waitForSelector("[data-prediction]", { timeout: SLOW }); // the model that was just trained
        expect(complaints.slice(before)).toEqual([]);
      }),
    SLOW * 2,
  );

  it(
    "over plain http under a name there is no service worker: it says so, trains on one thread, writes and reads files",
    () =>
      hosted(
        async ({ page, complaints }, host) => {
          const url = host.url.replace("127.0.0.1", "lab.example");
          await go(page, `${url}#/train?lang=en&${QUICK}`);
          expect(await page.evaluate<boolean>("isSecureContext")).toBe(false);
          expect(await page.textContent("[data-one-thread]")).toContain("One thread only");
          expect(await trains(page)).toBe(1);
          await page.click("text=Look inside this model");
          const [download] = await Promise.all([page.waitForEvent("download"), page.click("[data-download]")]);
          await page.setInputFiles("[data-file=model]", await download.path());
          await page.waitForSelector(`[data-model]:not([data-model='train'])`);
          expect(await page.locator(".problem").count()).toBe(0);
          expect(complaints).toEqual([]);
        },
        ["--host-resolver-rules=MAP lab.example 127.0.0.1"],
      ),
    SLOW * 2,
  );

  it(
    "a newer build takes over as a whole when no page of the older is open, and leaves nothing of it behind",
    async () => {
      const site = mkdtempSync(join(tmpdir(), "faltung-newer-"));
      cpSync(folder, site, { recursive: true });
      const replace = (file: string, from: string | RegExp, to: string): void => {
        const text = readFileSync(join(site, file), "utf8");
        writeFileSync(join(site, file), text.replace(from, to));
      };
      const host = await serveFolder(site, { isolated: false, path: "/faltung/" });
      const browser = await launch();
      try {
        const context = await browser.newContext({ locale: "en-US" });
        const { page } = await watch(context);
        // The page's own title is set by its script; what the file says stands in the description.
        const build = (one: Page): Promise<string | null> => one.getAttribute("meta[name=description]", "content");
        const caches = (one: Page): Promise<string[]> =>
          one.evaluate(async () => (await globalThis.caches.keys()).filter((name) => name.startsWith("faltung-lab-")));
        await go(page, host.url);
        await isolated(page);
        const whole = (one: Page): Promise<boolean> =>
          one.evaluate(async () => {
            const [name] = (await globalThis.caches.keys()).filter((n) => n.startsWith("faltung-lab-"));
            return name !== undefined && (await (await globalThis.caches.open(name)).match("./")) !== undefined;
          });
        await expect.poll(() => whole(page), { timeout: SLOW, interval: 200 }).toBe(true);
        const [old] = await caches(page);

        replace("index.html", /content="Convolution to see/, 'content="Newer. Convolution to see');
        replace("sw.js", /const VERSION = "[0-9a-f]+"/, 'const VERSION = "newer"');
        await page.evaluate(() => navigator.serviceWorker.getRegistration().then((r) => r?.update()));
        const waits = (): Promise<boolean> =>
          page.evaluate(async () => Boolean((await navigator.serviceWorker.getRegistration())?.waiting));
        await expect.poll(waits, { timeout: SLOW, interval: 200 }).toBe(true);
        await page.reload();
        await page.waitForSelector("h1");
        expect(await build(page)).not.toContain("Newer."); // a page of the older build is open, so it stays

        await page.close();
        const { page: later } = await watch(context);
        const newest = async (): Promise<boolean> => {
          await later.goto("about:blank");
          await later.goto(host.url);
          return ((await build(later)) ?? "").startsWith("Newer.");
        };
        await expect.poll(newest, { timeout: SLOW, interval: 200 }).toBe(true);
        await expect.poll(() => caches(later), { timeout: SLOW }).toEqual(["faltung-lab-newer"]);
        expect(old).not.toBe("faltung-lab-newer");
        expect(await later.evaluate<boolean>("crossOriginIsolated")).toBe(true);
        await later.waitForSelector(".stage svg");
      } finally {
        await browser.close();
        await host.close();
        rmSync(site, { recursive: true, force: true });
      }
    },
    SLOW,
  );

  it(
    "can be installed: Chromium finds nothing missing, and every address in the manifest is there",
    () =>
      hosted(async ({ page }, host) => {
        await go(page, host.url);
        await isolated(page); // the service worker has reloaded it by then
        const session = await page.context().newCDPSession(page);
        const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
        // A profile of a test is a private one; nothing else is said against it.
        expect(installabilityErrors.map((e) => e.errorId).filter((id) => id !== "in-incognito")).toEqual([]);
        const { url, data = "{}" } = await session.send("Page.getAppManifest");
        const manifest: {
          readonly start_url: string;
          readonly scope: string;
          readonly display: string;
          readonly icons: readonly { readonly src: string; readonly sizes: string; readonly type: string }[];
        } = JSON.parse(data);
        expect(manifest.display).toBe("standalone");
        expect(new URL(manifest.start_url, url).href).toBe(host.url);
        expect(new URL(manifest.scope, url).href).toBe(host.url);
        for (const { src, sizes, type } of manifest.icons) {
          const found = await page.evaluate(async (address) => {
            const blob = await fetch(address).then((r) => r.blob());
            const { width, height } = await createImageBitmap(blob).catch(() => ({ width: 0, height: 0 }));
            return { type: blob.type, size: `${width}x${height}` };
          }, new URL(src, url).href);
          expect(found.type).toBe(type);
          if (sizes !== "any") expect(found.size).toBe(sizes);
        }
      }),
    SLOW,
  );
});
