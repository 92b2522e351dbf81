/** `npm ci`, but only when what is installed differs from the lock: the second call takes milliseconds. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, duration, runNpm } from "./run.mjs";

/** @typedef {{ version?: string, resolved?: string, link?: boolean, optional?: boolean }} Locked */

/** @param {string} file @returns {Record<string, Locked> | undefined} */
function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(ROOT, file), "utf8")).packages;
  } catch {
    return undefined; // not there yet, or half written
  }
}

/**
 * Whether node_modules holds what the lock asks for. npm itself writes what it installed to
 * `node_modules/.package-lock.json`, as its last act. Optional packages are those of other platforms.
 */
export function isInstalled() {
  const locked = packagesOf("package-lock.json");
  const installed = packagesOf("node_modules/.package-lock.json");
  if (!locked || !installed) return false;
  return Object.entries(locked).every(([path, wanted]) => {
    if (!path.includes("node_modules/")) return true; // the workspace itself: present as links
    const have = installed[path];
    return have ? have.version === wanted.version && have.link === wanted.link : wanted.optional === true;
  });
}

/**
 * Installs the packages of the lock, if need be, and says what it did in one line.
 * Install scripts are not run: nothing here needs one, and some would download.
 * @returns {Promise<boolean>} false if it failed
 */
export async function install() {
  const start = Date.now();
  if (isInstalled()) {
    console.log("packages   up to date");
    return true;
  }
  console.log("packages   npm ci …");
  const { ok, output } = await runNpm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
  console.log(ok ? `packages   installed in ${duration(Date.now() - start)}` : `${output}\npackages   npm ci failed`);
  return ok;
}
