/** The examples in README.md, docs/ and docstrings: the compiler checks them all, and each runs against the sources. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { describe, expect, it } from "vitest";
import { docstringBlocks, exportsOf, fencedBlocks, toModule } from "./lib/doctest.mjs";
import { CACHE, ROOT, runTool } from "./lib/run.mjs";
import { runInEmptyFolder } from "./lib/sandbox.ts";

type Block = ReturnType<typeof fencedBlocks>[number];

const FOLDER = ".cache/examples";
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

function filesIn(folder: string, suffix: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .toSorted();
}

const packages = ["faltung", "figure", "cli"].filter((name) =>
  existsSync(join(ROOT, "packages", name, "src/index.ts")),
);
const prose = [
  ...["README.md", "README.ko.md", "packages/faltung/README.md"].filter((f) => existsSync(join(ROOT, f))),
  ...filesIn("docs", ".md"),
];
const sources = packages
  .flatMap((name) => filesIn(`packages/${name}/src`, ".ts"))
  .filter((f) => !/[./](test|testing)\.ts$/.test(f));
const blocks: readonly Block[] = [
  ...prose.flatMap((file) => fencedBlocks(file, read(file))),
  ...sources.flatMap((file) => docstringBlocks(file, read(file))),
].filter((block) => block.mode !== "fragment");

const publicNames = packages.map((name) => {
  const index = `packages/${name}/src/index.ts`;
  const manifest: { name: string } = JSON.parse(read(`packages/${name}/package.json`));
  return { from: manifest.name, names: exportsOf(index, read) };
});

const modules = sources
  .filter((file) => !/\/src\/index\.ts$|\.(bench|samples)\.ts$/.test(file))
  .map((from) => ({ from, names: exportsOf(from, read) }));

/** For examples of what is not public: the module itself, then the rest of its package, the nearest folders first. */
function modulesNear(file: string): typeof modules {
  const distance = ({ from }: { from: string }): number => {
    if (from === file) return 0;
    const up = relative(dirname(file), dirname(from)).split(sep);
    return from.split("/")[1] === file.split("/")[1] ? 1 + up.filter((part) => part !== "").length : Infinity;
  };
  return modules.filter((m) => distance(m) < Infinity).toSorted((a, b) => distance(a) - distance(b));
}

/** A block that cannot even be read becomes a program that says so: the others run all the same. */
function textOf(block: Block, from: Parameters<typeof toModule>[1]["sources"]): string {
  try {
    return toModule(block, { folder: FOLDER, sources: from });
  } catch (error) {
    return `throw new Error(${JSON.stringify(String(error))});\nexport {};\n`;
  }
}

// A program of its own for each block, in one project for the compiler.
rmSync(join(ROOT, FOLDER), { recursive: true, force: true });
mkdirSync(join(CACHE, "examples"), { recursive: true });
const programs = blocks.map((block, i) => {
  const own = block.file.endsWith(".ts") ? modulesNear(block.file) : [];
  const name = `${i}-${block.file.replace(/.*\//, "").replace(/\.\w+$/, "")}-${block.line}.ts`;
  writeFileSync(join(ROOT, FOLDER, name), textOf(block, [...publicNames, ...own]));
  return { ...block, name, title: `${block.file}:${block.line}` };
});
const options = {
  noEmit: true,
  customConditions: ["@faltung/source"],
  isolatedDeclarations: false,
  declaration: false,
  noUnusedLocals: false,
  allowJs: true,
};
const project = { extends: "../../tsconfig.base.json", compilerOptions: options, include: ["*.ts"] };
writeFileSync(join(ROOT, FOLDER, "tsconfig.json"), JSON.stringify(project));

describe("examples", () => {
  it("are accepted by the compiler", async () => {
    const { output } = await runTool("typescript/bin/tsc", ["-p", FOLDER, "--pretty", "false"]);
    // Each complaint at its place in the prose. The first line of a program is ours.
    const complaints = output.replace(/^\S*?([^/\s]+\.ts)\((\d+),\d+\)/gm, (all, name: string, line: string) => {
      const program = programs.find((p) => p.name === name);
      return program ? `${program.file}:${program.line + Number(line) - 2}` : all;
    });
    expect(complaints.trim()).toBe("");
  });

  for (const { name, title } of programs.filter((p) => p.mode === "run")) {
    it(`${title} runs`, async () => {
      expect(await runInEmptyFolder(join(ROOT, FOLDER, name))).toBeDefined();
    });
  }
});
