/** Matrices as people write them: what is typed into a cell, and what is pasted from a spreadsheet, Python or MATLAB. */

export type Matrix = readonly (readonly number[])[];

/** The largest absolute value that figures and filters take, exclusive. */
export const LIMIT = 1e6;

/** One number; undefined for everything else. A real minus and surrounding space are understood. */
export function parseNumber(text: string): number | undefined {
  const s = text.trim().replace("−", "-");
  const value = Number(s);
  return s === "" || !Number.isFinite(value) || Math.abs(value) >= LIMIT ? undefined : value;
}

/**
 * A matrix: rows on lines of their own or divided by ";", "/" or brackets, cells by tabs, commas or spaces. Undefined if
 * it is none: something that is no number, an empty cell, rows of different lengths.
 *
 * @example
 * ```ts
 * parseMatrix("[[1, 0], [0, −1]]"); // [[1, 0], [0, -1]]
 * parseMatrix("1\t2\n3\t4"); // [[1, 2], [3, 4]]
 * ```
 */
export function parseMatrix(text: string): Matrix | undefined {
  const plain = text.replace(/\b(?:np\.|torch\.)?(?:array|tensor)\(|,?\s*dtype=[\w.]+|\)/g, "").trim();
  const lines = plain.includes("[") ? plain.replaceAll("[", "").split("]") : plain.split(/[\n;/]/);
  const rows = lines
    .map((line) => line.replace(/^[\s,]*?(?=[^\s,]|$)/, "").replace(plain.includes("[") ? /[\s,]+$/ : /\r$/, ""))
    .filter((line) => line.trim() !== "")
    .map((line) => (line.includes("\t") ? line.split("\t") : line.trim().split(/\s*,\s*|\s+/)).map(parseNumber));
  const good = rows.length > 0 && rows.every((row) => row.length === rows[0].length && !row.includes(undefined));
  return good ? rows.map((row) => row.map((v) => v ?? 0)) : undefined;
}

/** A matrix with another laid over it, its corner at (r, c); undefined if it reaches over the edge. */
export function laidOver(under: Matrix, over: Matrix, r: number, c: number): Matrix | undefined {
  if (r + over.length > under.length || c + over[0].length > under[0].length) return undefined;
  return under.map((row, i) => row.map((v, j) => over[i - r]?.[j - c] ?? v));
}

export const sizeOf = (m: Matrix): string => `${m.length}×${m[0].length}`;
