/** `npm run build`: install, and compile every package; the lab becomes a folder for any web server. */
import { build } from "./lib/build.mjs";
import { install } from "./lib/install.mjs";
import { duration, requireNode } from "./lib/run.mjs";

requireNode();
if (!(await install()) || !(await build())) process.exit(1);
const start = Date.now();
const { buildLab } = await import("../packages/lab/build.mjs"); // needs what was just installed
await buildLab();
console.log(`lab        packages/lab/dist in ${duration(Date.now() - start)}`);
