/**
 * The library in a real browser: bundled, served with and without the headers that shared memory needs, on the page's
 * own thread and in a worker. In strict precision its bits are Node's.
 */
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Question } from "./browser/page.ts";
import { type Outcome, STEPS, trainTiny } from "./browser/scenario.ts";
import { type Site, serve } from "./browser/serve.ts";

/** Debian's; elsewhere the path of a Chromium or Chrome. */
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

let browser: Browser;
const sites: Record<"isolated" | "plain", Site> = Object.create(null);

async function bundle(): Promise<string> {
  const build = await rolldown({
    input: join(import.meta.dirname, "browser/page.ts"),
    platform: "browser",
    resolve: { conditionNames: ["@faltung/source"] },
    external: /^node:/,
  });
  const { output } = await build.generate({ format: "esm", codeSplitting: false });
  await build.close();
  return output[0].code;
}

beforeAll(async () => {
  const files = { "index.html": `<!doctype html><title>Faltung</title><script type="module" src="page.js"></script>` };
  const withCode = { ...files, "page.js": await bundle() };
  sites.isolated = await serve(withCode, { isolated: true });
  sites.plain = await serve(withCode, { isolated: false });
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await Promise.all(Object.values(sites).map((site) => site.close()));
});

/** Loads the page and asks it to train; anything on the console is a failure. */
async function train(site: Site, question: Question): Promise<Outcome> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    // The browser asks for an icon by itself.
    if (!message.location().url.endsWith("/favicon.ico")) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  try {
    await page.goto(site.url);
    await page.waitForFunction(() => "ask" in globalThis);
    const outcome = await page.evaluate<Outcome>(`ask(${JSON.stringify(question)})`);
    expect(complaints).toEqual([]);
    return outcome;
  } finally {
    await page.close();
  }
}

const learns = ({ losses }: Outcome): void => {
  expect(losses).toHaveLength(STEPS);
  expect(losses[STEPS - 1]).toBeLessThan(losses[0] / 2);
};

describe.each([
  ["the page's own thread", false],
  ["a worker", true],
] as const)("in Chromium, on %s", (_where, worker) => {
  it("trains with threads on a cross-origin isolated page, with Node's bits", async () => {
    const options = { threads: 2, precision: "strict" } as const;
    const outcome = await train(sites.isolated, { options, worker });
    expect(outcome.threads).toBe(2);
    expect(outcome.notes).toEqual([]);
    learns(outcome);
    const node = await trainTiny(options);
    expect(outcome.losses).toEqual(node.losses);
    expect(outcome.digest).toBe(node.digest);
  });

  it("takes every core unless told otherwise, and the fast algorithms", async () => {
    const outcome = await train(sites.isolated, { options: {}, worker });
    expect(outcome.threads).toBeGreaterThanOrEqual(2);
    learns(outcome);
  });

  it("trains on one thread elsewhere, and says why", async () => {
    const outcome = await train(sites.plain, { options: { threads: 2, precision: "strict" }, worker });
    expect(outcome.threads).toBe(1);
    expect(outcome.notes.join()).toMatch(/one thread: .*Cross-Origin-Embedder-Policy/);
    const node = await trainTiny({ threads: 1, precision: "strict" });
    expect(outcome.digest).toBe(node.digest);
  });
});
