/** Before the first row: peers installed (once), Faltung built, the releases of Node that were asked for. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../../tools/lib/build.mjs";
import { install } from "../../tools/lib/install.mjs";
import { OTHER_NODES, nodeOf } from "../../tools/lib/nodes.mjs";
import { runNpm } from "../../tools/lib/run.mjs";
import { BENCH } from "./faltung.mjs";

/** Half a gigabyte, so only who wants to compare has it: apart from the packages of the workspace. */
async function installPeers() {
  const lock = (/** @type {string} */ file) => JSON.parse(readFileSync(join(BENCH, file), "utf8")).packages;
  const wanted = lock("package-lock.json");
  const file = "node_modules/.package-lock.json";
  const have = existsSync(join(BENCH, file)) ? lock(file) : {};
  const present = Object.entries(wanted).every(
    ([path, p]) => path === "" || p.optional || have[path]?.version === p.version,
  );
  if (present) return;
  console.log("peers      npm ci in bench/ (about 500 MB on disk) …");
  const { ok, output } = await runNpm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: BENCH });
  if (!ok) throw new Error(`the peers could not be installed:\n${output}`);
}

/** @param {string} version "24" or "24.21.0" */
async function findNode(version) {
  const current = process.versions.node;
  if (current === version || current.startsWith(`${version}.`)) return { version: current, file: process.execPath };
  const full = OTHER_NODES.find((v) => v === version || v.startsWith(`${version}.`)) ?? version;
  const file = await nodeOf(full);
  if (file === undefined) throw new Error(`there is no Node ${version}`);
  return { version: full, file };
}

/**
 * @param {{ build: boolean, node: string | undefined, others: readonly string[] }} options
 */
export async function prepare(options) {
  await installPeers();
  if (options.build && (!(await install()) || !(await build()))) process.exit(1);
  const node = options.node === undefined ? process.execPath : (await findNode(options.node)).file;
  const nodes = await Promise.all(options.others.map(findNode));
  return { node, nodes };
}
