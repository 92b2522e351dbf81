/**
 * `npm run lab:shots`: screenshots of every page of the built lab, at three widths, light and dark, Korean and English,
 * to be looked at. Words after the command choose pages: `npm run lab:shots -- learn/channels "filters?kernel=gauss"`;
 * SHOTS names the folder.
 */
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { serveFolder } from "./serve.mjs";

const IDEAS = [
  "convolution",
  "cross-correlation",
  "deep-learning",
  "channels",
  "padding-stride",
  "dilation-groups",
  "transposed",
  "pooling",
  "receptive-field",
  "backward",
  "cnn",
  "experiment",
];
const PAGES = [...IDEAS.map((slug) => `learn/${slug}`), "filters", "train", "inside", "post.html"];
const WIDTHS = [360, 800, 1440];

const asked = process.argv.slice(2);
const pages = asked.length > 0 ? asked : PAGES;
const folder = process.env.SHOTS ?? mkdtempSync(join(tmpdir(), "faltung-shots-"));
mkdirSync(folder, { recursive: true });
const site = await serveFolder(join(import.meta.dirname, "dist"), { isolated: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});
for (const width of WIDTHS) {
  for (const lang of ["ko", "en"]) {
    for (const theme of /** @type {const} */ (["light", "dark"])) {
      const page = await browser.newPage({
        viewport: { width, height: 900 },
        colorScheme: theme,
        serviceWorkers: "block",
      });
      page.on("console", (m) => m.type() === "error" && console.log(`${lang} ${width}: ${m.text()}`));
      page.on("pageerror", (e) => console.log(`${lang} ${width}: ${e}`));
      for (const path of pages) {
        const [place, query = ""] = path.split("?");
        const options = new URLSearchParams({
          step: "6",
          ...Object.fromEntries(new URLSearchParams(query)),
          lang,
          theme,
        });
        await page.goto("about:blank");
        await page.goto(`${site.url}${place.endsWith(".html") ? place : `#/${place}?${options}`}`);
        await page.waitForLoadState("networkidle");
        // The bar that stays on top would lie over the middle of a whole page.
        await page.addStyleTag({ content: ".top, .ideas { position: static !important }" });
        await page.waitForTimeout(250);
        const file = join(folder, `${path.replaceAll(/\W+/g, "-").slice(0, 60)}-${width}-${lang}-${theme}.png`);
        await page.screenshot({ path: file, fullPage: true });
      }
      await page.close();
    }
  }
}
await browser.close();
await site.close();
console.log(`screenshots in ${folder}`);
