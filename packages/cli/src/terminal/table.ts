/** Columns of text, aligned. */
import { padEnd, padStart, widthOf } from "./width.ts";

/**
 * @param rows the first is the heading
 * @param right which columns are numbers, aligned at the right
 */
export function table(rows: readonly (readonly string[])[], right: readonly boolean[]): string[] {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => widthOf(row[c] ?? ""))));
  return rows.map((row) =>
    row
      .map((cell, c) => (right[c] ? padStart(cell, widths[c]) : padEnd(cell, widths[c])))
      .join("  ")
      .trimEnd(),
  );
}
