/** `npm run lab`: the lab from its sources, with the headers that threads need; changes are shown at once. */
import { createServer } from "vite";
import { join } from "node:path";

const server = await createServer({ configFile: join(import.meta.dirname, "vite.config.ts") });
await server.listen();
server.printUrls();
