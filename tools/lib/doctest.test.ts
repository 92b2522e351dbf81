import { describe, expect, it } from "vitest";
import { check } from "./check.mjs";
import { docstringBlocks, expectedValue, exportsOf, fencedBlocks, toModule, withChecks } from "./doctest.mjs";

describe("fencedBlocks", () => {
  it("finds TypeScript with its line and mode, at any indent, and nothing else", () => {
    const text = [
      "# Title",
      "```ts",
      "a;",
      "```",
      "```sh",
      "npm test",
      "```",
      "1. ```ts no-run",
      "   ```ts no-run",
      "   b;",
      "   ```",
      "````ts fragment",
      "```",
      "````",
    ].join("\n");
    expect(fencedBlocks("x.md", text)).toEqual([
      { file: "x.md", line: 3, code: "a;", mode: "run" },
      { file: "x.md", line: 10, code: "b;", mode: "no-run" },
      { file: "x.md", line: 13, code: "```", mode: "fragment" },
    ]);
  });
  it("refuses a mode it doesn't know, and an open fence", () => {
    expect(() => fencedBlocks("x.md", "```ts norun\n```")).toThrow(/x\.md:1: .*norun/);
    expect(() => fencedBlocks("x.md", "\n```ts\na;")).toThrow(/x\.md:2: the fence is not closed/);
  });
});

describe("docstringBlocks", () => {
  it("reads fenced and bare examples of docstrings, up to the next tag", () => {
    const source = [
      "/**",
      " * Twice.",
      " * @example",
      " * ```ts",
      " * twice(2); // 4",
      " * ```",
      " * @throws never",
      " */",
      "export const twice = (x: number): number => 2 * x;",
      "const text = `/** @example */`;",
      "/**",
      " * @example",
      " * thrice(2);",
      " */",
    ].join("\n");
    expect(docstringBlocks("x.ts", source)).toEqual([
      { file: "x.ts", line: 5, code: "twice(2); // 4", mode: "run" },
      { file: "x.ts", line: 13, code: "thrice(2);", mode: "run" },
    ]);
  });
});

describe("expectedValue", () => {
  it.each([
    [" 9: nine, not ten", "9", false],
    [" [1, [2, 3]], rows", "[1, [2, 3]]", false],
    [' { size: 5, "jump": 2 }', '{ size: 5, "jump": 2 }', false],
    [' "a; b" it says', '"a; b"', false],
    [" ≈ -0.33", "-0.33", true],
    [" 1e-3", "1e-3", false],
  ])("%s", (comment, text, about) => {
    expect(expectedValue(comment)).toEqual({ text, about });
  });
  it.each([" the answer", " 3x3 taps", " 2-D", " [see above", " {@link x}", ""])("no value: %s", (comment) => {
    expect(expectedValue(comment)).toBeUndefined();
  });
});

describe("withChecks", () => {
  it("checks expressions that have their value beside them, and nothing else", () => {
    const code = [
      "const a = f(1); // 1",
      "a; // 2",
      "await g(a); // [3]",
      "console.log(a.b); // 4",
      "h(); // prose",
      "a;",
    ];
    expect(withChecks(code.join("\n")).split("\n")).toEqual([
      "const a = f(1); // 1",
      "$check(a, 2, false); // 2",
      "$check(await g(a), [3], false); // [3]",
      "$check(a.b, 4, false); // 4",
      "h(); // prose",
      "a;",
    ]);
  });
});

describe("toModule", () => {
  it("imports what is used: public first, not what the block declares or imports itself", () => {
    const block = { file: "packages/p/src/a.ts", line: 1, mode: "run" as const, code: "const { c } = a(b);\nc; // 3" };
    const files: Readonly<Record<string, string>> = {
      "packages/p/src/index.ts": `export { a, unused, type T } from "./a.ts"; export * from "./c.ts";`,
      "packages/p/src/c.ts": "export const c = 1;",
      "packages/p/src/a.ts": "export function a() {} export const b = 1;",
    };
    const read = (file: string): string => files[file];
    const sources = [
      { from: "p", names: exportsOf("packages/p/src/index.ts", read) },
      { from: "packages/p/src/a.ts", names: exportsOf("packages/p/src/a.ts", read) },
    ];
    expect(sources[0].names.map((e) => e.name)).toEqual(["a", "unused", "T", "c"]);
    expect(toModule(block, { folder: ".cache/x", sources }).split("\n")).toEqual([
      'import { a } from "p"; import { b } from "../../packages/p/src/a.ts"; ' +
        'import { check as $check } from "../../tools/lib/check.mjs"; export {};',
      "const { c } = a(b);",
      "$check(c, 3, false); // 3",
      "",
    ]);
    const typed = { ...block, code: `import { a } from "p";\nlet t: T = a();` };
    expect(toModule(typed, { folder: ".cache/x", sources }).split("\n")[0]).toBe(
      'import { type T } from "p"; export {};',
    );
  });
});

describe("check", () => {
  it("takes typed arrays for lists and forgives float32, no more", () => {
    check(new Float32Array([0.1, 2]), [0.1, 2], false);
    check({ shape: [1], data: new Int32Array([3]) }, { shape: [1], data: [3] }, false);
    check([1 / 3], [0.33], true);
    expect(() => check([1 / 3], [0.33], false)).toThrow(/0\.33/);
    expect(() => check(0.34, 0.33, true)).toThrow(/0\.33/);
    expect(() => check([1], [1, 2], false)).toThrow(/2/);
    expect(() => check("1", 1, true)).toThrow(/1/);
  });
});
