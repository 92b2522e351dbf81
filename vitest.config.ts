import { defineConfig } from "vitest/config";

// The packages are tested from their sources: the custom condition picks `src/index.ts` over `dist/`.
// Tests start worker threads, set V8 flags and change folders: each file has a process of its own ("forks").
// A test that takes more than some seconds is called `*.slow.test.ts`; `npm run test:quick` leaves those out.
export default defineConfig({
  resolve: { conditions: ["@faltung/source"] },
  ssr: { resolve: { conditions: ["@faltung/source"], externalConditions: ["@faltung/source"] } },
  test: {
    include: ["packages/*/{src,test}/**/*.test.ts", "bench/**/*.test.ts", "tools/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    pool: "forks",
    maxWorkers: "100%",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
