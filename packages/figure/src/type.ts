/** Setting type without a browser: numbers as they are printed in cells, and widths good enough to place things by. */
import type { Run } from "./scene.ts";

/** "3", "−1", "0.25": a real minus, at most `digits` decimals, no "−0". */
export function num(value: number, digits = 2): string {
  const s = Number.isInteger(value) ? String(value) : value.toFixed(digits).replace(/\.?0+$/, "");
  return s === "-0" || s === "0" ? "0" : s.replace("-", "−");
}

/** As {@link num}, in brackets if negative: for what stands behind "+" or "·". */
export function factor(value: number): string {
  const s = num(value);
  return s.startsWith("−") ? `(${s})` : s;
}

/** The left side of a product: in brackets if it is negative and does not begin the sum. */
export const leading = (value: number, first: boolean): string => (first ? num(value) : factor(value));

/** "=", or "≈" if {@link num} rounds one of the numbers on either side: then what is written does not add up. */
export function equals(values: readonly number[]): string {
  return values.every((v) => Math.abs(v * 100 - Math.round(v * 100)) < 1e-7) ? "=" : "≈";
}

function charWidth(c: string): number {
  const code = c.codePointAt(0) ?? 0;
  if (code >= 0x1100 && code <= 0xffdc && !(code >= 0x2000 && code <= 0x2bff)) return c === "、" ? 1 : 0.92; // CJK
  if (c === " ") return 0.24;
  if ("il.,:;|!'·()[]jtfr".includes(c)) return 0.33;
  if ("mwMW⌊⌋".includes(c)) return 0.82;
  if (c >= "A" && c <= "Z") return 0.64;
  return 0.56;
}

/** Width of text in units of `size` (an estimate for a humanist sans). */
export function textWidth(runs: string | readonly Run[], size: number, bold = false): number {
  const list = typeof runs === "string" ? [{ text: runs }] : runs;
  let width = 0;
  for (const run of list) {
    let w = 0;
    for (const c of run.text) w += charWidth(c);
    width += w * (run.shift ? 0.7 : 1) * (bold || run.bold ? 1.06 : 1);
  }
  return width * size;
}

/** Breaks text into lines no wider than `width`: at spaces. */
export function wrap(sentence: string, size: number, width: number): string[] {
  const lines: string[] = [];
  let current = "";
  for (const word of sentence.split(" ")) {
    const longer = current === "" ? word : `${current} ${word}`;
    if (current !== "" && textWidth(longer, size) > width) {
      lines.push(current);
      current = word;
    } else {
      current = longer;
    }
  }
  if (current !== "") lines.push(current);
  return lines;
}

/** A variable with an index, "yᵢ", as runs. */
export function variable(name: string, index = "", fill?: string): Run[] {
  const style = fill === undefined ? {} : { fill };
  return [
    { text: name, math: true, ...style },
    ...(index === "" ? [] : [{ text: index, shift: "sub" as const, ...style }]),
  ];
}

/**
 * Runs from a small notation: `*x*` is a variable, `_{…}` and `^{…}` an index or exponent, the rest is plain.
 *
 * @example
 * ```ts
 * formula("*y*_{1,2} = 3"); // y (math), "1,2" (sub), " = 3"
 * ```
 */
export function formula(source: string, fill?: string): Run[] {
  const runs: Run[] = [];
  const style = fill === undefined ? {} : { fill };
  for (const m of source.matchAll(/\*([^*]+)\*|_\{([^}]*)\}|\^\{([^}]*)\}|([^*_^]+|[_^])/g)) {
    if (m[1] !== undefined) runs.push({ text: m[1], math: true, ...style });
    else if (m[2] !== undefined) runs.push({ text: m[2], shift: "sub", ...style });
    else if (m[3] !== undefined) runs.push({ text: m[3], shift: "sup", ...style });
    else runs.push({ text: m[4], ...style });
  }
  return runs;
}
