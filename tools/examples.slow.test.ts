/** The programs of examples/, run as they stand against the sources; the compiler checks them with everything else. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "./lib/run.mjs";
import { runInEmptyFolder } from "./lib/sandbox.ts";

const read = (path: string): string => (existsSync(join(ROOT, path)) ? readFileSync(join(ROOT, path), "utf8") : "");
const programs = existsSync(join(ROOT, "examples"))
  ? readdirSync(join(ROOT, "examples")).filter((name) => name.endsWith(".ts"))
  : [];

it("README.md or docs/ name each example", () => {
  const docs = existsSync(join(ROOT, "docs")) ? readdirSync(join(ROOT, "docs")).filter((f) => f.endsWith(".md")) : [];
  const prose = [read("README.md"), ...docs.map((f) => read(`docs/${f}`))].join("\n");
  expect(programs.filter((name) => !prose.includes(`examples/${name}`))).toEqual([]);
});

for (const name of programs) {
  it(`examples/${name} runs`, { timeout: 300_000 }, async () => {
    expect(await runInEmptyFolder(join(ROOT, "examples", name))).toBeDefined();
  });
}
