/**
 * The lab as one static folder that works under any address: relative paths, everything in it. Two things are made at
 * build time: the formulas, from TeX to MathML, and the list of files that the service worker keeps for offline use.
 */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import temml from "temml";
import { type Plugin, defineConfig } from "vite";
import { FORMULAS } from "./src/learn/formulas.ts";

const here = import.meta.dirname;

/** What makes a page cross-origin isolated: shared memory, and so threads. */
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** Every formula as MathML in the place of `learn/math.ts`, so that no page has to carry a typesetter. */
function math(): Plugin {
  const render = (tex: string): string =>
    temml.renderToString(tex, { displayMode: true, trust: true, throwOnError: true });
  const rendered = Object.fromEntries(Object.entries(FORMULAS).map(([name, tex]) => [name, render(tex)]));
  return {
    name: "math",
    load: (id) => (id.endsWith("/src/learn/math.ts") ? `export const MATH = ${JSON.stringify(rendered)};` : undefined),
  };
}

/** The two data sets and a trained network, beside the page: `data/…`. */
function data(): Plugin {
  const folder = join(here, "data");
  const names = readdirSync(folder).filter((name) => /\.(idx|safetensors)$/.test(name));
  return {
    name: "data",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const name = names.find((n) => request.url?.endsWith(`/data/${n}`));
        if (name === undefined) return next();
        response.setHeader("Content-Type", "application/octet-stream");
        response.end(readFileSync(join(folder, name)));
      });
    },
    generateBundle() {
      for (const name of names) {
        this.emitFile({ type: "asset", fileName: `data/${name}`, source: readFileSync(join(folder, name)) });
      }
    },
  };
}

/** `sw.js`, with the list of files and a name for this very build. */
function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      const publicFolder = join(here, "public");
      // The page itself stands last: see sw.js.
      const files = [
        ...Object.keys(bundle).filter((f) => !f.endsWith(".map") && f !== "index.html"),
        ...readdirSync(publicFolder).filter((f) => statSync(join(publicFolder, f)).isFile()),
        "faltung-figure.js",
        "index.html",
        "./",
      ];
      const hash = createHash("sha256");
      for (const [name, file] of Object.entries(bundle)) {
        hash.update(name).update(file.type === "chunk" ? file.code : file.source);
      }
      const source = readFileSync(join(here, "src/sw.js"), "utf8");
      const head = `const FILES = ${JSON.stringify(files)};\nconst VERSION = "${hash.digest("hex").slice(0, 16)}";\n`;
      this.emitFile({ type: "asset", fileName: "sw.js", source: head + source });
    },
  };
}

export default defineConfig({
  root: here,
  base: "./",
  resolve: { conditions: ["@faltung/source", "browser", "module", "import", "default"] },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [math(), data(), serviceWorker()],
  worker: { format: "es", plugins: () => [] },
  build: {
    target: "es2023",
    outDir: "dist",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
  server: { headers: ISOLATION, port: 5173 },
  preview: { headers: ISOLATION },
});
