import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { checkImports, cycles, importsOf } from "./check-imports.mjs";

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

/** A tree of the repository's form: the three manifests, and the modules given (paths from `packages/`). */
function problemsOf(modules: Readonly<Record<string, string>>): string[] {
  const root = mkdtempSync(join(tmpdir(), "faltung-imports-"));
  made.push(root);
  const manifests = {
    "faltung/package.json": `{ "name": "faltung" }`,
    "figure/package.json": `{ "name": "faltung-figure", "dependencies": { "faltung": "1", "gifenc": "1" } }`,
    "cli/package.json": `{ "name": "faltung-cli", "dependencies": { "faltung": "1", "faltung-figure": "1" } }`,
  };
  for (const [path, text] of Object.entries({ ...manifests, ...modules })) {
    const file = join(root, "packages", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return checkImports(root).problems;
}

const a = "export const a = 1; export type A = number;";

describe("importsOf", () => {
  it("finds every form with its line, and tells types from values", () => {
    const source = [
      `import { type A, b } from "./mixed.ts";`,
      `import type { C } from "./type.ts";`,
      `import { type D } from "./inline.ts";`,
      `import "./effect.ts";`,
      `export * from "./all.ts";`,
      `export type { E } from "./type-again.ts";`,
      `const f = await import("./later.ts");`,
      `// import "./comment.ts"`,
      "const g = `import x from './text.ts'`;",
    ].join("\n");
    const found = importsOf("m.ts", source).map((i) => `${i.line} ${i.specifier}${i.typeOnly ? " type" : ""}`);
    expect(found.toSorted()).toEqual([
      "1 ./mixed.ts",
      "2 ./type.ts type",
      "3 ./inline.ts type",
      "4 ./effect.ts",
      "5 ./all.ts",
      "6 ./type-again.ts type",
      "7 ./later.ts",
    ]);
  });
  it("refuses what it cannot read", () => {
    expect(() => importsOf("m.ts", "import {")).toThrow(/m\.ts/);
  });
});

describe("cycles", () => {
  it("walks the shortest way round, and leaves trees alone", () => {
    const graph = (edges: string): Map<string, Set<string>> => {
      const g = new Map<string, Set<string>>();
      for (const [from, to] of edges.split(" ")) g.set(from, (g.get(from) ?? new Set()).add(to));
      return g;
    };
    expect(cycles(graph("ab ac bd cd"))).toEqual([]);
    expect(cycles(graph("xa ab bc ca ba"))).toEqual([["a", "b", "a"]]);
    expect(cycles(graph("aa"))).toEqual([["a", "a"]]);
    const two = cycles(graph("ab ba bc cd dc")).map((c) => c.join(""));
    expect(two.toSorted()).toEqual(["aba", "cdc"]);
  });
});

describe("checkImports", () => {
  it("is content with a tree that flows downwards", () => {
    const problems = problemsOf({
      "faltung/src/index.ts": `export { fit } from "./train/fit.ts"; export { a } from "./tensor/a.ts";`,
      "faltung/src/tensor/a.ts": a,
      "faltung/src/ops/conv/conv.ts": `import { a } from "../../tensor/a.ts"; export const conv = a;`,
      "faltung/src/ops/conv/type.ts": `import type { P } from "../pool/type.ts"; export type C = P;`,
      "faltung/src/ops/pool/type.ts": "export type P = 1;",
      "faltung/src/ops/pool/pool.ts": `import { conv } from "../conv/conv.ts"; export const pool = conv;`,
      "faltung/src/ops/registry.ts": `import { pool } from "./pool/pool.ts"; export const all = [pool];`,
      "faltung/src/train/fit.ts": `import { all } from "../ops/registry.ts"; export const fit = all;`,
      "faltung/src/train/two.ts": `import type { Fit } from "./three.ts"; export type Two = Fit;`,
      "faltung/src/train/three.ts": `import type { Two } from "./two.ts"; export type Fit = Two | 1;`,
      "faltung/src/tensor/a.test.ts": `import { it } from "vitest"; import { fit } from "../train/fit.ts"; it("", () => fit);`,
      "faltung/src/format/file.ts": `export const read = async () => (await import("node:fs")).readFileSync;`,
      "figure/src/index.ts": `import { fit } from "faltung"; import gif from "gifenc"; export const x = [fit, gif];`,
      "cli/src/main.ts": `import { x } from "faltung-figure"; import { argv } from "node:process"; console.log(x, argv);`,
    });
    expect(problems).toEqual([]);
  });

  const violations: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    [
      "a lower room that imports a higher one",
      {
        "faltung/src/tensor/a.ts": `import { b } from "../nn/b.ts"; export const a = b;`,
        "faltung/src/nn/b.ts": "export const b = 1;",
      },
      /tensor\/a\.ts:1 imports .*nn\/b\.ts: tensor may not import nn/,
    ],
    [
      "the same by a type only",
      {
        "faltung/src/backend/b.ts": `import type { A } from "../ops/a.ts"; export type B = A;`,
        "faltung/src/ops/a.ts": a,
      },
      /backend may not import ops/,
    ],
    [
      "the same by a re-export",
      { "faltung/src/wasm/b.ts": `export { a } from "../compile/a.ts";`, "faltung/src/compile/a.ts": a },
      /wasm may not import compile/,
    ],
    [
      "the way in, imported inside",
      { "faltung/src/index.ts": a, "faltung/src/train/b.ts": `import { a } from "../index.ts"; export const b = a;` },
      /imports its way in/,
    ],
    [
      "a room that is not on the list",
      { "faltung/src/misc/b.ts": `export { a } from "../tensor/a.ts";`, "faltung/src/tensor/a.ts": a },
      /no room is called "misc"/,
    ],
    [
      "a cycle of modules within a room",
      {
        "faltung/src/nn/a.ts": `import { b } from "./b.ts"; export const a = () => b;`,
        "faltung/src/nn/b.ts": `import { a } from "./a.ts"; export const b = () => a;`,
      },
      /cycle: .*nn\/a\.ts → .*nn\/b\.ts → .*nn\/a\.ts/,
    ],
    [
      "a cycle of families, though no module is in one",
      {
        "faltung/src/ops/conv/a.ts": `export { c } from "../pool/c.ts";`,
        "faltung/src/ops/conv/b.ts": "export const b = 1;",
        "faltung/src/ops/pool/c.ts": "export const c = 1;",
        "faltung/src/ops/pool/d.ts": `export { b } from "../conv/b.ts";`,
      },
      /families of operations: ops\/(conv|pool) → /,
    ],
    [
      "a dependency of the library",
      { "faltung/src/tensor/a.ts": `export { x } from "lodash";` },
      /library has no dependencies/,
    ],
    [
      "node: in the library, at once",
      { "faltung/src/tensor/a.ts": `export { readFileSync } from "node:fs";` },
      /a browser can't load/,
    ],
    [
      "a dependency that is not declared",
      { "cli/src/a.ts": `import gif from "gifenc"; console.log(gif);` },
      /does not declare/,
    ],
    [
      "a package above its own",
      { "figure/src/a.ts": `import x from "faltung-cli"; console.log(x);` },
      /may not import packages\/cli/,
    ],
    [
      "another package by its path",
      { "cli/src/a.ts": `export { a } from "../../faltung/src/tensor/a.ts";`, "faltung/src/tensor/a.ts": a },
      /by its path/,
    ],
    [
      "a module that isn't there",
      { "cli/src/a.ts": `export { a } from "./nowhere.ts";` },
      /nowhere\.ts, which does not exist/,
    ],
    [
      "a test's file in what is shipped",
      { "faltung/src/nn/a.ts": `export { a } from "./a.samples.ts";`, "faltung/src/nn/a.samples.ts": a },
      /a test's file/,
    ],
  ];
  it.each(violations)("finds %s", (_, tree, message) => {
    const problems = problemsOf(tree);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(message);
  });
});
