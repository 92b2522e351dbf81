import { describe, expect, it } from "vitest";
import { parseNeeds } from "./apt.mjs";
import { duration } from "./run.mjs";
import { countReport } from "./suites.mjs";

describe("countReport", () => {
  const file = (status: string, ...tests: string[]) => ({
    name: "x.test.ts",
    status,
    startTime: 0,
    endTime: 1,
    assertionResults: tests.map((t) => ({ status: t })),
  });
  const report = { numPassedTests: 2, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  it("takes vitest's own counts", () => {
    const testResults = [file("passed", "passed", "passed")];
    expect(countReport({ ...report, testResults }, true)).toEqual({ passed: 2, failed: 0, skipped: 0 });
    const failing = { ...report, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 };
    const both = [file("failed", "failed", "passed", "passed")];
    expect(countReport({ ...failing, testResults: both }, false)).toEqual({ passed: 2, failed: 1, skipped: 3 });
  });
  it("counts a file that did not load, and an error outside of every test", () => {
    expect(countReport({ ...report, testResults: [file("failed")] }, false).failed).toBe(1);
    expect(countReport({ ...report, testResults: [file("passed", "passed", "passed")] }, false).failed).toBe(1);
  });
});

describe("parseNeeds", () => {
  it("reads names and reasons, and skips what is empty", () => {
    expect(parseNeeds("# a comment\n\nchromium   # pages\npython3-torch\n")).toEqual([
      { name: "chromium", use: "pages" },
      { name: "python3-torch", use: "" },
    ]);
  });
});

describe("duration", () => {
  it.each([
    [0, "0.0 s"],
    [840, "0.8 s"],
    [9949, "9.9 s"],
    [9951, "10 s"],
    [119_400, "119 s"],
    [185_000, "3 min 5 s"],
  ])("%i ms is %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});
