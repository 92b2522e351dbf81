/** The packages from TypeScript to `dist/`, in the order in which they import each other. */
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { CACHE, ROOT, duration, runTool } from "./run.mjs";

/** Each may import the ones before it. */
const ORDER = ["faltung", "figure", "cli"];

/**
 * Removes from `dist` what no source makes any more, so that it is never packed. (What is bundled looks after itself.)
 * @param {string} folder
 */
function prune(folder) {
  const dist = join(folder, "dist");
  const bundled = existsSync(join(folder, "src/node")) ? undefined : join(dist, "node");
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    if (bundled !== undefined && file.startsWith(bundled + sep)) continue;
    const source = join(folder, "src", file.slice(dist.length + 1).replace(/(\.d)?\.(js|ts)(\.map)?$/, ".ts"));
    if (!existsSync(source)) rmSync(file);
  }
}

/**
 * Makes the package's commands executable and reachable by `npx`: npm could not when it installed, before the build.
 * @param {string} folder
 */
function linkCommands(folder) {
  if (process.platform === "win32") return; // there npm writes a script that needs neither
  const { bin = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  for (const [name, file] of Object.entries(bin)) {
    chmodSync(join(folder, file), 0o755);
    const link = join(ROOT, "node_modules/.bin", name);
    if (existsSync(link)) continue;
    rmSync(link, { force: true }); // a dangling one
    symlinkSync(relative(dirname(link), join(folder, file)), link);
  }
}

/**
 * Builds what changed and says so in one line.
 * @returns {Promise<boolean>} false if a package doesn't compile
 */
export async function build() {
  const start = Date.now();
  const built = [];
  for (const name of ORDER) {
    const folder = join(ROOT, "packages", name);
    if (!existsSync(join(folder, "tsconfig.json"))) continue;
    const info = join(CACHE, "build", `${name}.tsbuildinfo`);
    mkdirSync(join(CACHE, "build"), { recursive: true });
    if (!existsSync(join(folder, "dist"))) rmSync(info, { force: true });
    const { ok, output } = await runTool("typescript/bin/tsc", [
      "-p",
      folder,
      "--incremental",
      "--tsBuildInfoFile",
      info,
    ]);
    if (!ok) {
      console.log(`${output}\nbuild      packages/${name} does not compile`);
      return false;
    }
    prune(folder);
    if (name === "faltung") await (await import("../../packages/faltung/build.mjs")).bundleForNode(); // by then it is installed
    linkCommands(folder);
    built.push(name);
  }
  console.log(`build      ${built.join(", ")} in ${duration(Date.now() - start)}`);
  return true;
}
