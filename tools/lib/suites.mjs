/** The parts of `npm test`. Each runs something, and counts what passed and what failed. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { build } from "./build.mjs";
import { OTHER_NODES, nodeOf } from "./nodes.mjs";
import { CACHE, ROOT, run, runTool } from "./run.mjs";

/**
 * @typedef {object} Outcome
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string} [output] what to show
 *
 * @typedef {object} Suite
 * @property {string} name
 * @property {boolean} quick whether `npm run test:quick` has it too
 * @property {() => Promise<Outcome>} run
 */

/**
 * Commands that each count as one test, and show what they print only when they fail.
 * @param {readonly Promise<import("./run.mjs").Result>[]} results
 * @returns {Promise<Outcome>}
 */
async function each(results) {
  const all = await Promise.all(results);
  const failed = all.filter((r) => !r.ok);
  const output = failed.map((r) => r.output.trimEnd()).join("\n");
  return { passed: all.length - failed.length, failed: failed.length, skipped: 0, output };
}

/** Leaves the slow tests out. */
export const QUICK = ["--exclude", "**/*.slow.test.ts"];

/**
 * @typedef {object} VitestReport the parts read here of what vitest's `json` reporter writes
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {number} numTodoTests
 * @property {{ name: string, status: string, startTime: number, endTime: number,
 *              assertionResults: { status: string }[] }[]} testResults one for each file
 */

/**
 * What a report counts. A file that did not even load, and an error outside of every test, count as a failure each.
 * @param {VitestReport} report
 * @param {boolean} ok whether vitest ended well
 * @returns {Outcome}
 */
export function countReport(report, ok) {
  const broken = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  const failed = report.numFailedTests + broken.length;
  return {
    passed: report.numPassedTests,
    failed: ok ? failed : Math.max(failed, 1),
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** @param {readonly string[]} words @param {string} [node] @returns {Promise<Outcome>} */
export async function vitest(words, node = process.execPath) {
  const file = join(CACHE, "vitest.json");
  mkdirSync(CACHE, { recursive: true });
  rmSync(file, { force: true });
  const main = join(ROOT, "node_modules/vitest/vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`, "--silent=passed-only"];
  const { ok } = await run(node, [main, "run", ...reporters, ...words], { show: true });
  /** @type {VitestReport} */
  let report;
  try {
    report = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { passed: 0, failed: 1, skipped: 0, output: "vitest ended without a report" };
  }
  return { ...countReport(report, ok), output: slowest(report) };
}

/** The files that took longest, for whoever wants the suite quicker. @param {VitestReport} report */
function slowest({ testResults }) {
  const files = testResults
    .map((f) => ({ name: relative(ROOT, f.name), seconds: (f.endTime - f.startTime) / 1000 }))
    .filter((f) => f.seconds >= 1)
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, 8);
  if (files.length === 0) return undefined;
  return ["slowest files:", ...files.map((f) => `${f.seconds.toFixed(1).padStart(7)} s  ${f.name}`)].join("\n");
}

/** @param {string} version @returns {Promise<import("./run.mjs").Result>} */
async function smoke(version) {
  const node = await nodeOf(version);
  return node ? run(node, [join(ROOT, "tools/smoke.mjs")]) : { ok: false, output: "" };
}

/** @type {(quick: boolean) => readonly Suite[]} */
export const suites = (quick) => [
  {
    name: "types",
    quick: true,
    run: () => each(["tsconfig.json", "tools/tsconfig.json"].map((p) => runTool("typescript/bin/tsc", ["-p", p]))),
  },
  { name: "lint", quick: true, run: () => each([runTool("oxlint/bin/oxlint", ["--deny-warnings"])]) },
  { name: "format", quick: true, run: () => each([runTool("oxfmt/bin/oxfmt", ["--check"])]) },
  { name: "imports", quick: true, run: () => each([run(process.execPath, ["tools/check-imports.mjs"])]) },
  { name: "build", quick: false, run: async () => each([build().then((ok) => ({ ok, output: "" }))]) },
  { name: "vitest", quick: true, run: () => vitest(quick ? QUICK : []) },
  {
    name: "nodes",
    quick: false,
    run: () => each([run(process.execPath, ["tools/smoke.mjs"]), ...OTHER_NODES.map(smoke)]),
  },
];
