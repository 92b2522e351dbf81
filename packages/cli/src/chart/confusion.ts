/** A confusion matrix as SVG: rows are what the pictures are, columns what they were taken for. */
import type { ConfusionMatrix } from "faltung";
import { truncate, widthOf } from "../terminal/width.ts";
import { document, label, tag } from "./svg.ts";

const NAME = 16;
const TITLE = 15;
const MARGIN = 24;
/** Width of a letter at the size of the names (12), on the safe side. */
const LETTER = 7.2;
/** Names above lean by 45 degrees. */
const LEAN = Math.SQRT1_2;
/** White to dark blue, as ColorBrewer's Blues. */
const LOW = [247, 251, 255] as const;
const HIGH = [8, 69, 148] as const;

export function confusionChart(matrix: ConfusionMatrix, title: string): string {
  const n = matrix.classes.length;
  const cell = Math.min(44, Math.max(660, n) / n);
  const numbers = cell >= 22;
  const names = cell >= 9;
  // As much room for names as the longest takes; above, the last ones may lean over the edge.
  const widths = matrix.classes.map((name) => (names ? Math.min(NAME, widthOf(name)) * LETTER : 0));
  const longest = Math.max(...widths);
  const left = 44 + longest;
  const top = 84 + longest * LEAN;
  const side = n * cell;
  const right = left + Math.max(side, ...widths.map((width, i) => (i + 0.5) * cell + (width + 12) * LEAN));
  const body = [
    label(20, 30, title, { "font-size": TITLE, "font-weight": "bold" }),
    label(left + side / 2, 54, "predicted", { "text-anchor": "middle", fill: "#666" }),
    tag(
      "g",
      { transform: `translate(18 ${top + side / 2}) rotate(-90)` },
      label(0, 0, "actual", { "text-anchor": "middle", fill: "#666" }),
    ),
  ];
  body.push(tag("rect", { x: left, y: top, width: side, height: side, fill: shade(0) }));
  matrix.counts.forEach((row, i) => {
    const all = row.reduce((a, b) => a + b, 0);
    row.forEach((count, j) => {
      // With very many classes most cells are empty, and a million rectangles are more than a viewer bears.
      if (count === 0 && !numbers) return;
      const share = all === 0 ? 0 : count / all;
      const at = { x: left + j * cell, y: top + i * cell };
      body.push(
        tag("rect", {
          ...at,
          width: cell,
          height: cell,
          fill: shade(share),
          ...(numbers ? { stroke: "#fff" } : {}),
        }),
      );
      if (numbers && count > 0) {
        const size = Math.min(12, (cell * 1.5) / String(count).length);
        const middle = { "text-anchor": "middle", "font-size": size, fill: share > 0.5 ? "#fff" : "#222" };
        body.push(label(at.x + cell / 2, at.y + cell / 2 + size * 0.36, String(count), middle));
      }
    });
  });
  if (names) matrix.classes.forEach((name, i) => body.push(...nameLabels(truncate(name, NAME), i, left, top, cell)));
  const width = Math.max(right, 20 + widthOf(title) * LETTER * (TITLE / 12)) + MARGIN;
  return document(width, top + side + MARGIN, title, body);
}

function nameLabels(name: string, i: number, left: number, top: number, cell: number): string[] {
  const size = { "font-size": Math.min(12, cell * 0.9) };
  const middle = (i + 0.5) * cell;
  const turned = tag(
    "g",
    { transform: `translate(${left + middle + 4} ${top - 8}) rotate(-45)` },
    label(0, 0, name, size),
  );
  return [label(left - 8, top + middle + 4, name, { "text-anchor": "end", ...size }), turned];
}

/** The square root makes a few mistakes among many pictures visible. */
function shade(share: number): string {
  const t = Math.sqrt(share);
  const mix = LOW.map((low, c) => Math.round(low + (HIGH[c] - low) * t));
  return `#${mix.map((v) => v.toString(16).padStart(2, "0")).join("")}`;
}
