import { describe, expect, it } from "vitest";
import { factor, formula, num, textWidth, wrap } from "./type.ts";

describe("numbers in cells", () => {
  it.each([
    [3, "3"],
    [-1, "−1"],
    [0.25, "0.25"],
    [0.5, "0.5"],
    [-0.001, "0"],
    [-0, "0"],
    [10, "10"],
    [100.004, "100"],
    [-12.345, "−12.35"],
  ])("%d is %s", (value, text) => {
    expect(num(value)).toBe(text);
  });
  it("stand in brackets on the right of a product if negative", () => {
    expect([factor(2), factor(-2), factor(-0.001)]).toEqual(["2", "(−2)", "0"]);
  });
});

describe("text", () => {
  it("is read from a small notation", () => {
    expect(formula("*y*_{1,2} = 2^{k}")).toEqual([
      { text: "y", math: true },
      { text: "1,2", shift: "sub" },
      { text: " = 2" },
      { text: "k", shift: "sup" },
    ]);
  });
  it("is broken at spaces, never inside a word", () => {
    const sentence = "the kernel slides over the input as it is";
    const lines = wrap(sentence, 10, 80);
    expect(lines.join(" ")).toBe(sentence);
    expect(Math.max(...lines.map((l) => textWidth(l, 10)))).toBeLessThanOrEqual(80);
    expect(wrap("합성곱은 교차상관과 다르다", 10, 60).length).toBeGreaterThan(1);
  });
});
