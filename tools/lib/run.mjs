/** Running commands and saying so: the words that every script here shares. Only `node:` built-ins. */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The top folder of the repository. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Installed and built things that are not kept in git, and survive `npm ci`. */
export const CACHE = join(ROOT, ".cache");

/**
 * @typedef {object} Result
 * @property {boolean} ok whether the command ended with code 0
 * @property {string} output both streams, in the order of arrival; empty when `show` is set
 *
 * @typedef {object} RunOptions
 * @property {string} [cwd] default: the repository's top folder
 * @property {NodeJS.ProcessEnv} [env] added to the environment
 * @property {boolean} [show] the command writes straight to the terminal
 */

/**
 * Runs a command to its end; never throws, a command that can't be found is a failure with its reason as output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<Result>}
 */
export function run(command, args, { cwd = ROOT, env = {}, show = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const collect = (/** @type {Buffer} */ chunk) => {
      output += chunk.toString();
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    child.on("error", (error) => resolve({ ok: false, output: `${command}: ${error.message}` }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

/**
 * Runs a program of an installed package by its file: no shell, the same on every system.
 * @param {string} file within node_modules, e.g. `typescript/bin/tsc`
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export function runTool(file, args, options) {
  return run(process.execPath, [join(ROOT, "node_modules", file), ...args], options);
}

/**
 * Runs npm: the very one that started this script, if one did.
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export function runNpm(args, options) {
  const npm = process.env.npm_execpath;
  return npm?.endsWith(".js")
    ? run(process.execPath, [npm, ...args], options)
    : run(process.platform === "win32" ? "npm.cmd" : "npm", args, options);
}

/** `0.8 s`, `12 s`, `3 min 5 s`. @param {number} ms */
export function duration(ms) {
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Ends with a message where this Node is older than the packages need. */
export function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`Faltung needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}
