/** `npm run test:nodes`: the quick tests under every other release of Node that is promised to work. */
import { install } from "./lib/install.mjs";
import { OTHER_NODES, nodeOf } from "./lib/nodes.mjs";
import { requireNode } from "./lib/run.mjs";

requireNode();
if (!(await install())) process.exit(1);
const { QUICK, vitest } = await import("./lib/suites.mjs");

let [passed, failed] = [0, 0];
for (const version of OTHER_NODES) {
  const node = await nodeOf(version);
  const outcome = node ? await vitest(QUICK, node) : { passed: 0, failed: 1 };
  console.log(`node ${version}: ${outcome.passed} passed, ${outcome.failed} failed\n`);
  passed += outcome.passed;
  failed += outcome.failed;
}
console.log(`${passed} passed, ${failed} failed`);
if (failed > 0) process.exit(1);
