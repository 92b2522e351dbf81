import { describe, expect, it } from "vitest";
import { Resvg } from "@resvg/resvg-js";
import { confusionMatrix } from "faltung";
import { confusionChart } from "./confusion.ts";
import { lineCharts } from "./lines.ts";

/** Throws unless it is well-formed; says how large it is and how many of its pixels are not white. */
function render(svg: string): { width: number; height: number; ink: number } {
  const { width, height, pixels } = new Resvg(svg, { font: { loadSystemFonts: false } }).render();
  let ink = 0;
  for (let i = 0; i < pixels.length; i += 4) if (pixels[i] < 250) ink++;
  return { width, height, ink };
}

describe("line charts", () => {
  const chart = (points: readonly (readonly [number, number])[]): string =>
    lineCharts('run <&"', [
      {
        title: "Loss",
        x: "epoch",
        series: [
          { name: "train", points },
          { name: "val", points: [] },
        ],
      },
    ]);

  it("are well-formed for any numbers: none, one, equal, huge, not finite", () => {
    const rows: (readonly [number, number])[][] = [
      [],
      [[1, 0.5]],
      [
        [1, 2],
        [2, 2],
      ],
      [
        [1, 1e30],
        [2, -1e30],
      ],
      [
        [1, Number.NaN],
        [2, Infinity],
        [3, 1],
      ],
      [
        [1, 0],
        [2, 0],
      ],
      Array.from({ length: 500 }, (_, i) => [i, Math.sin(i)] as const),
    ];
    for (const points of rows) {
      const svg = chart(points);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      expect(render(svg)).toMatchObject({ width: 420, height: 300 });
    }
  });

  it("put round numbers on the axes, and the points where they belong", () => {
    const svg = chart([
      [1, 0.31],
      [2, 0.17],
      [3, 0.08],
    ]);
    const labels = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
    expect(labels).toEqual([
      "run &lt;&amp;&quot;",
      "Loss",
      "0",
      "0.1",
      "0.2",
      "0.3",
      "0.4",
      "1",
      "2",
      "3",
      "epoch",
      "train",
      "val",
    ]);
    const [x, y] = (/<circle cx="([\d.]+)" cy="([\d.]+)"/.exec(svg) ?? []).slice(1).map(Number);
    expect(x).toBe(58); // the first epoch at the left edge
    expect(y).toBeCloseTo(256 - (0.31 / 0.4) * (256 - 74), 1);
  });
});

describe("the confusion matrix", () => {
  it("shows every count, darker where there are more, with any names", () => {
    const matrix = confusionMatrix(["<cat>", "dog & co", "한국어"], [0, 0, 1, 2], [0, 1, 1, 2]);
    const svg = confusionChart(matrix, "Title");
    render(svg);
    expect(svg).toContain("&lt;cat&gt;");
    const cells = [...svg.matchAll(/<rect [^>]*fill="(#\w+)" stroke/g)].map(([, fill]) => fill);
    expect(cells.length).toBe(9);
    expect(cells[4]).toBe("#084594"); // all dogs were dogs
    expect(cells[3]).toBe("#f7fbff");
    const lightness = (fill: string): number => Number.parseInt(fill.slice(1, 3), 16);
    expect(lightness(cells[0])).toBeLessThan(lightness(cells[3]));
  });

  it("has room for its title, and for a last name that leans over the edge", () => {
    const title = "Confusion matrix, epoch 10: top-1 92.87%";
    const two = confusionChart(confusionMatrix(["a", "b"], [0, 1], [0, 1]), title);
    expect(render(two).width).toBeGreaterThan(20 + title.length * 8);
    const svg = confusionChart(confusionMatrix(["a", "b", "long last name"], [0, 1, 2], [0, 1, 2]), "");
    const [, x] = /translate\(([\d.]+) [\d.]+\) rotate\(-45\)"><text[^>]*>long last name/.exec(svg) ?? [];
    expect(render(svg).width).toBeGreaterThan(Number(x) + "long last name".length * 7 * Math.SQRT1_2);
  });

  it("fits for two classes and for a thousand", () => {
    for (const n of [2, 40, 100, 1000]) {
      const names = Array.from({ length: n }, (_, i) => `class number ${i}`);
      const labels = names.map((_, i) => i);
      const { width, ink } = render(confusionChart(confusionMatrix(names, labels, labels), "Title"));
      expect(width).toBeLessThan(1200);
      expect(ink).toBeGreaterThan(n);
    }
  });
});
