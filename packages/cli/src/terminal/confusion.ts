/** A confusion matrix as text: rows are what the pictures are, columns what they were taken for. */
import type { ConfusionMatrix } from "faltung";
import type { Paint } from "./paint.ts";
import { padEnd, padStart, printable, truncate, widthOf } from "./width.ts";

const NAME = 14;
/** Width of the last column, with the space before it. */
const RECALL = 9;
/** From white to dark blue, and the text that is legible on it (256-colour palette). */
const SHADES = [
  [231, 16],
  [195, 16],
  [153, 16],
  [111, 16],
  [68, 231],
  [26, 231],
  [18, 231],
] as const;

/**
 * The matrix in lines, or what was confused most often where it would not fit.
 * @param columns width of the terminal
 */
export function confusionText(matrix: ConfusionMatrix, columns: number, paint: Paint): string[] {
  const names = matrix.classes.map((name) => truncate(printable(name), NAME));
  const label = Math.max(...names.map(widthOf), 6);
  const digits = Math.max(...matrix.counts.flatMap((row) => [...row]).map((n) => String(n).length));
  // As wide as the names are, if there is room; at least as wide as the numbers and three letters.
  const room = Math.floor((columns - label - 2 - RECALL) / names.length);
  const longest = Math.max(...names.map(widthOf));
  if (room < Math.max(digits, Math.min(3, longest)) + 1) return confusionList(matrix, 10);
  const cell = Math.min(room, Math.max(digits, longest) + 1);
  const heads = names.map((name) => padStart(truncate(name, cell - 1), cell));
  const lines = [`${padEnd("", label)}  ${heads.join("")}   recall`];
  matrix.counts.forEach((row, i) => {
    const all = row.reduce((a, b) => a + b, 0);
    const cells = Array.from(row, (n, j) => shade(n, all, i === j, padStart(n === 0 ? "·" : String(n), cell), paint));
    const recall = all === 0 ? "–" : `${((100 * row[i]) / all).toFixed(1)}%`;
    lines.push(`${padStart(names[i], label)}  ${cells.join("")}  ${recall.padStart(7)}`);
  });
  return lines;
}

function shade(n: number, all: number, right: boolean, text: string, paint: Paint): string {
  if (!paint.enabled) return text;
  if (n === 0) return paint.dim(text);
  // Mistakes are few: their share is stretched so that one in a hundred is still seen.
  const strength = right ? n / all : Math.min(1, Math.sqrt(n / all) * 1.5);
  const [background, foreground] = SHADES[Math.min(SHADES.length - 1, Math.ceil(strength * (SHADES.length - 1)))];
  return right ? paint.on(background, foreground, text) : paint.on(strength > 0.3 ? 209 : 223, 16, text);
}

/** The pairs that were confused most often, one a line. */
export function confusionList({ classes, counts }: ConfusionMatrix, limit: number): string[] {
  const pairs = counts.flatMap((row, i) =>
    Array.from(row, (n, j) => ({ n, i, j })).filter(({ n, i, j }) => n > 0 && i !== j),
  );
  pairs.sort((a, b) => b.n - a.n || a.i - b.i || a.j - b.j);
  if (pairs.length === 0) return ["No picture was taken for another class."];
  return [
    "Most often confused:",
    ...pairs
      .slice(0, limit)
      .map(({ n, i, j }) => `  ${String(n).padStart(5)} × ${printable(classes[i])} taken for ${printable(classes[j])}`),
  ];
}
