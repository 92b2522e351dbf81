/** A confusion matrix as SVG: rows are what the pictures are, columns what they were taken for. */
import type { ConfusionMatrix } from "faltung";
import { truncate, widthOf } from "../terminal/width.ts";
import { document, label, tag } from "./svg.ts";

const NAME = 16;
/** Width of a letter at the size of the names, on the safe side. */
const LETTER = 7.2;
/** White to dark blue, as ColorBrewer's Blues. */
const LOW = [247, 251, 255] as const;
const HIGH = [8, 69, 148] as const;

export function confusionChart(matrix: ConfusionMatrix, title: string): string {
  const n = matrix.classes.length;
  const cell = Math.min(44, Math.max(660, n) / n);
  const numbers = cell >= 22;
  const names = cell >= 9;
  // As much room for names as the longest takes; above, they lean by 45 degrees.
  const longest = names ? Math.max(...matrix.classes.map((name) => Math.min(NAME, widthOf(name)))) * LETTER : 0;
  const left = 44 + longest;
  const top = 84 + longest * 0.71;
  const side = n * cell;
  const body = [
    label(20, 30, title, { "font-size": 15, "font-weight": "bold" }),
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
  return document(left + side + 24, top + side + 24, title, body);
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
