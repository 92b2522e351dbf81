/**
 * Adds to `dist/`, as `tsc` leaves it, the few files that Node loads: `dist/node/`. Node opens, resolves and compiles each
 * module by itself, which for some 250 of them takes longer than to plan a network; so `package.json` sends Node here, and
 * everybody else to the modules, from which a bundler takes what a page needs (of one large file it would keep most).
 */
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const here = import.meta.dirname;

/** @param {string} [dist] */
export async function bundleForNode(dist = join(here, "dist")) {
  /** @type {{ exports: Record<string, { node: string, default: string }> }} */
  const { exports } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
  const inDist = (/** @type {string} */ path) => join(dist, relative("dist", path));
  const folder = join(dist, "node");
  const input = Object.fromEntries(
    Object.values(exports).map((way) => {
      const name = relative(folder, inDist(way.node)).replaceAll(sep, "/").replace(/\.js$/, "");
      return [name, inDist(way.default)];
    }),
  );
  const bundle = await rolldown({ input, cwd: here, platform: "node" });
  // One file for each set of ways in that share it; names stay, for stack traces and for `constructor.name`.
  const { output } = await bundle.write({
    dir: folder,
    entryFileNames: "[name].js",
    chunkFileNames: "shared/[name].js",
    keepNames: true,
    minify: false,
    minifyInternalExports: false,
  });
  await bundle.close();
  const made = new Set(output.map(({ fileName }) => join(folder, fileName)));
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && !made.has(file)) rmSync(file);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await bundleForNode(process.argv[2] && resolve(process.argv[2]));
}
