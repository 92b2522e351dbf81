/** `npm start`: from a bare clone to a trained network. Runs before anything is installed: only `node:` built-ins. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { build } from "./lib/build.mjs";
import { install } from "./lib/install.mjs";
import { ROOT, requireNode } from "./lib/run.mjs";

/** The main job: `faltung` with these words. More of them may follow: `npm start -- epochs=1`. */
const MAIN_JOB = ["train"];

requireNode();
if (!(await install()) || !(await build())) process.exit(1);

const words = [...MAIN_JOB, ...process.argv.slice(2)];
console.log(`\n$ npx faltung ${words.join(" ")}\n`);
const main = join(ROOT, "packages/cli/dist/main.js");
const child = spawn(process.execPath, [main, ...words], { cwd: ROOT, stdio: "inherit" });
// Ctrl-C reaches the command by itself; it saves, says how to resume, and ends with a code of its own, which is ours.
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.on(signal, () => {
    if (signal === "SIGTERM") child.kill(signal);
  });
}
child.on("close", (code, signal) => process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0)));
