/**
 * Builds the lab to `dist/`, one folder for any web server: the pages, and `faltung-figure.js`, the web component as one
 * script file for other people's pages. A folder may be given instead of `dist`.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "vite";

const here = import.meta.dirname;

/** @param {string} [outDir] */
export async function buildLab(outDir = resolve(here, "dist")) {
  // Vite makes a development build (no service worker) where the caller has another environment, as test runners do.
  const environment = process.env.NODE_ENV;
  process.env.NODE_ENV = "production";
  try {
    await buildBoth(outDir);
  } finally {
    if (environment === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = environment;
  }
}

/** @param {string} outDir */
async function buildBoth(outDir) {
  const quiet = /** @type {const} */ ({ logLevel: "warn" });
  await build({ ...quiet, configFile: resolve(here, "vite.config.ts"), build: { outDir, emptyOutDir: true } });
  await build({
    ...quiet,
    configFile: false,
    root: here,
    publicDir: false,
    resolve: { conditions: ["@faltung/source", "browser", "module", "import", "default"] },
    build: {
      target: "es2023",
      outDir,
      emptyOutDir: false,
      rolldownOptions: { checks: { bundlerTimings: false } },
      lib: {
        entry: resolve(here, "src/element/element.ts"),
        formats: ["iife"],
        name: "FaltungFigure",
        fileName: () => "faltung-figure.js",
      },
    },
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await buildLab(process.argv[2] && resolve(process.argv[2]));
}
