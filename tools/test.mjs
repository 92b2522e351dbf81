/**
 * `npm test`: installs what is needed, checks everything, and ends with the count. `--quick` (`npm run test:quick`):
 * nothing from apt, no slow tests. With CI=true, a missing package of the system or a skipped test is a failure.
 */
import { systemPackages } from "./lib/apt.mjs";
import { install } from "./lib/install.mjs";
import { duration, requireNode } from "./lib/run.mjs";

const quick = process.argv.includes("--quick");
const ci = process.env.CI === "true";
const limit = (quick ? 1 : 15) * 60_000;

requireNode();
/** @type {{ name: string, passed: number, failed: number, skipped: number, ms: number }[]} */
const rows = [];
const count = (/** @type {string} */ name, /** @type {boolean} */ ok, /** @type {number} */ ms) =>
  rows.push({ name, passed: Number(ok), failed: Number(!ok), skipped: 0, ms });

const begin = Date.now();
const installed = await install();
if (!installed) count("packages", false, Date.now() - begin);
if (!quick) {
  const start = Date.now();
  const complete = await systemPackages();
  if (ci) count("system", complete, Date.now() - start);
}

const setUp = Date.now();
if (installed) {
  const { suites } = await import("./lib/suites.mjs"); // may need what was just installed
  for (const suite of suites(quick)) {
    if (quick && !suite.quick) continue;
    const start = Date.now();
    const { output, ...counts } = await suite.run();
    if (output) console.log(output);
    rows.push({ name: suite.name, ...counts, ms: Date.now() - start });
    if (suite.name !== "vitest") console.log(`${suite.name.padEnd(10)} ${counts.failed === 0 ? "ok" : "FAILED"}`);
  }
}

const line = (/** @type {readonly string[]} */ [name, ...cells]) =>
  console.log(name.padEnd(12) + cells.map((c) => c.padStart(9)).join(""));
console.log("");
line(["suite", "passed", "failed", "time"]);
for (const { name, passed, failed, ms } of rows) line([name, `${passed}`, `${failed}`, duration(ms)]);

const sum = (/** @type {"passed" | "failed" | "skipped"} */ key) => rows.reduce((n, row) => n + row[key], 0);
const total = { passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") };
const took = Date.now() - setUp;
console.log(
  `\nTook ${duration(took)}, installation aside${took > limit ? `: MORE THAN THE ${limit / 60_000} MIN ALLOWED` : ""}.`,
);
if (ci && total.skipped > 0) console.log(`Skipped tests are failures with CI=true: ${total.skipped}.`);
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`);
if (total.failed > 0 || (ci && total.skipped > 0)) process.exit(1);
