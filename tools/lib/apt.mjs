/** What the tests need besides npm's packages: installed on Debian as root, named elsewhere. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, duration, run } from "./run.mjs";

/** @typedef {{ name: string, use: string }} Need */

/**
 * The lines of apt-packages.txt: a name, and after `#` what uses it.
 * @param {string} text
 * @returns {Need[]}
 */
export function parseNeeds(text) {
  return text
    .split("\n")
    .map((line) => /^([^#\s]+)\s*(?:#\s*(.*))?$/.exec(line.trim()))
    .flatMap((match) => (match ? [{ name: match[1], use: match[2] ?? "" }] : []));
}

/** @param {readonly Need[]} needs @returns {Promise<Need[]>} */
async function missingOf(needs) {
  const format = "--showformat=${Package} ${db:Status-Status}\n";
  const { output } = await run("dpkg-query", ["--show", format, ...needs.map((n) => n.name)]);
  const have = new Set(output.split("\n").filter((line) => line.endsWith(" installed")));
  return needs.filter(({ name }) => !have.has(`${name} installed`));
}

/** @param {readonly string[]} names @returns {Promise<import("./run.mjs").Result>} */
async function aptInstall(names) {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const wait = ["-o", "DPkg::Lock::Timeout=600"];
  const words = ["install", "-y", "-q", "--no-install-recommends", ...wait, ...names];
  const first = await run("apt-get", words, { env });
  if (first.ok) return first;
  // The list of packages is missing or old.
  const update = await run("apt-get", ["update", "-q", ...wait], { env });
  return update.ok ? run("apt-get", words, { env }) : update;
}

/**
 * Sees to the packages of apt-packages.txt, and says in a line or more what it did or what is left to do.
 * @returns {Promise<boolean>} false if something is (or may be) missing
 */
export async function systemPackages() {
  const start = Date.now();
  const needs = parseNeeds(readFileSync(join(ROOT, "tools/apt-packages.txt"), "utf8"));
  const list = (/** @type {readonly Need[]} */ some) =>
    some.map(({ name, use }) => `             ${name}: ${use}`).join("\n");
  if (!existsSync("/etc/debian_version")) {
    console.log(
      `system     this is not Debian: see that you have what these hold, else some tests fail:\n${list(needs)}`,
    );
    return false;
  }
  const missing = await missingOf(needs);
  if (missing.length === 0) {
    console.log("system     up to date");
    return true;
  }
  const names = missing.map((n) => n.name);
  if (process.getuid?.() !== 0) {
    console.log(
      `system     missing, and only root may install it: sudo apt-get install ${names.join(" ")}\n${list(missing)}`,
    );
    return false;
  }
  console.log(`system     apt-get install ${names.join(" ")} …`);
  const { ok, output } = await aptInstall(names);
  console.log(ok ? `system     installed in ${duration(Date.now() - start)}` : `${output}\nsystem     apt-get failed`);
  return ok;
}
