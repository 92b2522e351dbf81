/** Every page of "Learn" as data: its figures open, its options exist, its texts are in both languages. */
import { FIGURES, open } from "@faltung/figure";
import { describe, expect, it } from "vitest";
import { FORMULAS } from "./formulas.ts";
import { IDEAS } from "./ideas.ts";

const hangul = /[가-힣]/;

describe.each(IDEAS.map((idea) => [idea.slug, idea] as const))("%s", (_slug, { title, blocks }) => {
  it("has texts in both languages", () => {
    expect(hangul.test(title.en)).toBe(false);
    for (const block of blocks) {
      const words = block.kind === "text" || block.kind === "heading" ? [block.text] : [];
      if (block.kind === "figure") words.push(...(block.tries ?? []).map((t) => t.words));
      for (const { en, ko } of words) {
        expect(en).not.toBe("");
        expect(hangul.test(en)).toBe(false);
        if (!/^[f∗g= -]+$|LeNet|^dL/.test(ko)) expect(ko).toMatch(hangul);
        // Markup is closed, and the same roles are coloured.
        for (const mark of [/\*\*/g, /`/g]) expect((ko.match(mark) ?? []).length % 2).toBe(0);
        expect((en.match(/\{(\w+):/g) ?? []).toSorted()).toEqual((ko.match(/\{(\w+):/g) ?? []).toSorted());
      }
    }
  });

  it("has figures that open, with every suggestion, in both languages", () => {
    for (const block of blocks) {
      if (block.kind !== "figure") continue;
      const { fields } = FIGURES.find((f) => f.name === block.base.figure) ?? { fields: {} };
      for (const option of block.options) expect(fields).toHaveProperty(option);
      for (const query of [{}, ...(block.tries ?? []).map((t) => t.query)]) {
        const spec = "figure" in query ? { ...query, figure: query["figure"] ?? "" } : { ...block.base, ...query };
        for (const lang of ["en", "ko"]) expect(open({ ...spec, lang }).steps).toBeGreaterThan(0);
      }
    }
  });

  it("has formulas that are there", () => {
    const names = blocks.flatMap((b) => (b.kind === "formula" ? [b.name] : []));
    expect(Object.keys(FORMULAS)).toEqual(expect.arrayContaining(names));
  });
});

it("no two pages have one name", () => {
  expect(new Set(IDEAS.map((i) => i.slug)).size).toBe(IDEAS.length);
});
