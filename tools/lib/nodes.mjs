/** Other releases of Node.js, from npm: the whole of Node is one package for each kind of machine, without a script. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { CACHE, duration, runNpm } from "./run.mjs";

/** The releases that are promised to work, pinned so that a test means the same next year. */
const VERSIONS = ["20.20.2", "22.23.3", "24.21.0"];

/** Those whose major number is not that of the Node that runs this. */
export const OTHER_NODES = VERSIONS.filter((v) => v.split(".")[0] !== process.versions.node.split(".")[0]);

/**
 * The path of a Node of that version, installed to .cache if need be; undefined (and a line that says why) if it
 * can't be had.
 * @param {string} version
 * @returns {Promise<string | undefined>}
 */
export async function nodeOf(version) {
  const { platform, arch } = process;
  const system = platform === "win32" ? "win" : platform;
  const name = `${platform === "darwin" && arch === "arm64" ? "node-bin" : "node"}-${system}-${arch}`;
  const folder = join(CACHE, `node-${version}`);
  const file = join(folder, "node_modules", name, "bin", platform === "win32" ? "node.exe" : "node");
  if (existsSync(file)) return file;
  const start = Date.now();
  mkdirSync(folder, { recursive: true });
  const { ok, output } = await runNpm(
    ["install", "--prefix", folder, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", `${name}@${version}`],
    { cwd: folder },
  );
  if (!ok || !existsSync(file)) {
    console.log(`${output}\nnode       ${version} can't be installed (npm package ${name})`);
    return undefined;
  }
  console.log(`node       ${version} installed in ${duration(Date.now() - start)}`);
  return file;
}
