/** The built lab, a server with or without the headers of isolation, and Chromium. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, type BrowserContextOptions, type Page, chromium } from "playwright-core";
import { buildLab } from "../build.mjs";
import { serveFolder } from "../serve.mjs";

/** Debian's; elsewhere the path of a Chromium or Chrome. */
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** What Playwright itself says where a test wants no service worker. */
const BLOCKED = "Service Worker registration blocked by Playwright";

/** Milliseconds for a click or a wait, on a machine with other work to do. */
const PATIENCE = 120_000;

export interface Lab {
  readonly folder: string;
  readonly browser: Browser;
  /** Served with the headers of isolation, at the server's root. */
  readonly isolated: string;
  /** Served without them, and under a path, as a plain static host would. */
  readonly plain: string;
  close(): Promise<void>;
}

/** Chromium, with further arguments. */
export function launch(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", ...args],
  });
}

export async function openLab(): Promise<Lab> {
  const folder = mkdtempSync(join(tmpdir(), "faltung-lab-"));
  await buildLab(folder);
  const isolated = await serveFolder(folder, { isolated: true });
  const plain = await serveFolder(folder, { isolated: false, path: "/some/where/" });
  const browser = await launch();
  return {
    folder,
    browser,
    isolated: isolated.url,
    plain: plain.url,
    close: async () => {
      await browser.close();
      await Promise.all([isolated.close(), plain.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Visit {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Everything on the console that is an error or a warning, and every uncaught error. */
  readonly complaints: readonly string[];
}

/** A fresh browser profile with one page. */
export async function visit(lab: Lab, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await lab.browser.newContext({
    viewport: { width: 1280, height: 900 },
    serviceWorkers: "block",
    locale: "en-US",
    ...options,
  });
  return watch(context);
}

/** A page in that profile. */
export async function watch(context: BrowserContext): Promise<Visit> {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.text() === BLOCKED) return;
    if (message.type() === "error" || message.type() === "warning") {
      complaints.push(`${message.text()} ${message.location().url}`.trimEnd());
    }
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { context, page, complaints };
}

/** Loads a page of the lab afresh, also when only what stands behind "#" differs. */
export async function go(page: Page, url: string, selector: string = "h1"): Promise<void> {
  await page.goto("about:blank");
  await page.goto(url);
  await page.waitForSelector(selector);
}

/** Waits until what the page has drawn last is on its canvases: effects run behind the next frame. */
export async function painted(page: Page): Promise<void> {
  await page.evaluate(`(async () => {
    for (let i = 0; i < 2; i++) await new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
  })()`);
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface AxeResult {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** What axe-core calls serious or critical. */
export async function seriousProblems(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const violations = await page.evaluate<readonly AxeResult[]>(
    `axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations)`,
  );
  return violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .map(({ id, nodes }) => [id, ...nodes.slice(0, 3).map((n) => n.html.slice(0, 160))].join(" | "));
}

/** Drops files and folders of the disk on an element, as a user's pointer does. */
export async function dropOn(page: Page, selector: string, files: readonly string[]): Promise<void> {
  const target = page.locator(selector);
  await target.scrollIntoViewIfNeeded();
  const box = await target.boundingBox();
  if (box === null) throw new Error(`${selector} is not there`);
  const session = await page.context().newCDPSession(page);
  const at = { x: box.x + 12, y: box.y + 8, data: { items: [], files: [...files], dragOperationsMask: 1 } };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, ...at });
  }
  await session.detach();
}
