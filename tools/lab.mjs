/** `npm run lab`: installs what is needed and starts the lab's development server. */
import { install } from "./lib/install.mjs";
import { requireNode } from "./lib/run.mjs";

requireNode();
if (!(await install())) process.exit(1);
await import("../packages/lab/dev.mjs");
