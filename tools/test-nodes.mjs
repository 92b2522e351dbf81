/** `npm run test:nodes`: the quick tests, and the walk through all operations, under every other release of Node that is promised to work. */
import { install } from "./lib/install.mjs";
import { OTHER_NODES, nodeOf } from "./lib/nodes.mjs";
import { requireNode } from "./lib/run.mjs";

requireNode();
if (!(await install())) process.exit(1);
const { QUICK, vitest } = await import("./lib/suites.mjs");

/** Kernels on threads against the loops: what an engine could get wrong. */
const WALK = ["packages/faltung/test/conformance", "packages/faltung/src/backend"];

let [passed, failed] = [0, 0];
for (const version of OTHER_NODES) {
  const node = await nodeOf(version);
  for (const words of [QUICK, WALK]) {
    const outcome = node ? await vitest(words, node) : { passed: 0, failed: 1 };
    console.log(`node ${version}: ${outcome.passed} passed, ${outcome.failed} failed\n`);
    passed += outcome.passed;
    failed += outcome.failed;
  }
}
console.log(`${passed} passed, ${failed} failed`);
if (failed > 0) process.exit(1);
