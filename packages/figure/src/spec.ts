/**
 * A figure's specification is what stands in its address: a name and a few `key=value` texts. This file reads and
 * writes those texts, so that a link, a command line and a control panel all mean the same picture.
 */
import { OptionError } from "faltung/errors";

export type Lang = "en" | "ko";

/** The same in both languages. */
export interface Words {
  readonly en: string;
  readonly ko: string;
}

/** An option of several numbers, offered as one number for all or each for itself. */
export interface Parts {
  readonly names: readonly Words[];
  /** The numbers of a value; undefined for a word, such as "same". */
  split(text: string): readonly number[] | undefined;
  join(values: readonly number[]): string;
}

/** One option of a figure: how it is read, written, and offered by a control. */
export interface Field<T> {
  readonly about: Words;
  readonly fallback: T;
  /** How a control panel should offer it. Sizes, pairs and paddings are offered as one number for all sides. */
  readonly control:
    | { readonly kind: "int"; readonly min: number; readonly max: number; readonly parts?: Parts }
    | { readonly kind: "choice"; readonly choices: readonly string[] }
    | { readonly kind: "flag" }
    | { readonly kind: "text"; readonly example: string }
    /** Planes of numbers: a page edits them as grids (see Picture.numbers). */
    | { readonly kind: "numbers"; readonly example: string };
  /** @throws OptionError naming `name` */
  parse(text: string, name: string): T;
  show(value: T): string;
}

export type FieldsOf<S> = { readonly [K in keyof S]-?: Field<S[K]> };

function wrong(name: string, text: string, expected: string): OptionError {
  return new OptionError(`${name}=${text}: give ${expected}.`);
}

/** @param said the whole text, of which `text` is one part */
function whole(text: string, name: string, min: number, max: number, said = text): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < min || value > max) {
    throw wrong(name, said, `a whole number from ${min} to ${max}`);
  }
  return value;
}

export function int(fallback: number, min: number, max: number, about: Words): Field<number> {
  return {
    about,
    fallback,
    control: { kind: "int", min, max },
    parse: (text, name) => whole(text, name, min, max),
    show: String,
  };
}

export function choice<const C extends string>(choices: readonly C[], about: Words): Field<C> {
  return {
    about,
    fallback: choices[0],
    control: { kind: "choice", choices },
    parse: (text, name) => {
      const found = choices.find((c) => c === text);
      if (found === undefined) throw wrong(name, text, `one of ${choices.join(", ")}`);
      return found;
    },
    show: String,
  };
}

export function flag(fallback: boolean, about: Words): Field<boolean> {
  return {
    about,
    fallback,
    control: { kind: "flag" },
    parse: (text, name) => {
      if (["1", "true", "yes", "on", ""].includes(text)) return true;
      if (["0", "false", "no", "off"].includes(text)) return false;
      throw wrong(name, text, "1 or 0");
    },
    show: (v) => (v ? "1" : "0"),
  };
}

/** Text that a figure reads by itself; checked by `check`, which throws. */
export function words(
  fallback: string,
  example: string,
  about: Words,
  check: (text: string) => unknown,
): Field<string> {
  return {
    about,
    fallback,
    control: { kind: "text", example },
    parse: (value, name) => {
      try {
        check(value);
      } catch (error) {
        throw new OptionError(`${name}=${value}: ${error instanceof Error ? error.message : String(error)}`);
      }
      return value;
    },
    show: String,
  };
}

const ROWS_COLUMNS: readonly Words[] = [
  { en: "rows", ko: "행" },
  { en: "columns", ko: "열" },
];

/** Rows and columns, divided by `sign`. */
const rowsAndColumns = (sign: "x" | ","): Parts => ({
  names: ROWS_COLUMNS,
  split: (text) => {
    const values = text.split(/[x×,]/).map(Number);
    return values.every(Number.isInteger) ? [values[0], values[1] ?? values[0]] : undefined;
  },
  join: ([r, c]) => (r === c ? String(r) : `${r}${sign}${c}`),
});

const FOUR_SIDES: Parts = {
  names: [
    { en: "top", ko: "위" },
    { en: "bottom", ko: "아래" },
    { en: "left", ko: "왼쪽" },
    { en: "right", ko: "오른쪽" },
  ],
  split: (text) => {
    const sides = text.split(",").map((side) => side.split(":").map(Number));
    const [rows, cols] = [sides[0], sides[1] ?? sides[0]];
    const values = [rows[0], rows[1] ?? rows[0], cols[0], cols[1] ?? cols[0]];
    return values.every(Number.isInteger) ? values : undefined;
  },
  join: ([top, bottom, left, right]) => {
    const [rows, cols] = [
      [top, bottom],
      [left, right],
    ].map(([b, e]) => (b === e ? String(b) : `${b}:${e}`));
    return rows === cols ? rows : `${rows},${cols}`;
  },
};

/** Rows × columns: "5x4", or "5" for a square. */
export type Size = readonly [rows: number, cols: number];

export function size(fallback: Size, max: number, about: Words): Field<Size> {
  return {
    about,
    fallback,
    control: { kind: "int", min: 1, max, parts: rowsAndColumns("x") },
    parse: (text, name) => {
      const parts = text.split(/[x×]/);
      if (parts.length > 2) throw wrong(name, text, `a size such as 5 or 5x4, at most ${max}x${max}`);
      const values = parts.map((p) => whole(p, name, 1, max, text));
      return [values[0], values[1] ?? values[0]];
    },
    show: ([r, c]) => (r === c ? String(r) : `${r}x${c}`),
  };
}

/** One whole number per dimension, "2" or "2,1". */
export function pair(fallback: number, min: number, max: number, about: Words): Field<Size> {
  return {
    about,
    fallback: [fallback, fallback],
    control: { kind: "int", min, max, parts: rowsAndColumns(",") },
    parse: (text, name) => {
      const parts = text.split(/[,x]/);
      if (parts.length > 2) throw wrong(name, text, "one number, or two for rows and columns, such as 2,1");
      const values = parts.map((p) => whole(p, name, min, max, text));
      return [values[0], values[1] ?? values[0]];
    },
    show: ([r, c]) => (r === c ? String(r) : `${r},${c}`),
  };
}

/** What `padding=` may say; the library's own words. */
export type PaddingText = "same" | "valid" | readonly (readonly [begin: number, end: number])[];

/** "1", "1,2" (rows, columns), "1:2,0:1" (begin:end each), "same", "valid". */
export function padding(fallback: PaddingText, max: number, about: Words): Field<PaddingText> {
  return {
    about,
    fallback,
    control: { kind: "int", min: 0, max, parts: FOUR_SIDES },
    parse: (text, name) => {
      if (text === "same" || text === "valid") return text;
      const sides = text.split(",").map((part): readonly [number, number] => {
        const ends = part.split(":");
        if (ends.length > 2) throw wrong(name, text, "numbers such as 1 or 1,2 or 1:2,0:1, or same, or valid");
        const values = ends.map((e) => whole(e, name, 0, max, text));
        return [values[0], values[1] ?? values[0]];
      });
      if (sides.length > 2) throw wrong(name, text, "padding for rows and columns only, such as 1,2");
      return sides.length === 1 ? [sides[0], sides[0]] : sides;
    },
    show: (v) => {
      if (typeof v === "string") return v;
      const parts = v.map(([b, e]) => (b === e ? String(b) : `${b}:${e}`));
      return parts.every((p) => p === parts[0]) ? parts[0] : parts.join(",");
    },
  };
}

/** Planes of numbers, or null to let the figure choose small whole ones. */
export type Numbers = readonly (readonly (readonly number[])[])[] | null;

const MAX_NUMBERS = 4096;

/** "1,0,-1/2,0,-2": rows divided by "/" (or ";"), planes by "//" . */
export function numbers(about: Words): Field<Numbers> {
  return {
    about,
    fallback: null,
    control: { kind: "numbers", example: "1,0,-1/2,0,-2/1,0,-1" },
    parse: (text, name) => {
      if (text === "") return null;
      const planes = text
        .replaceAll(";", "/")
        .split("//")
        .map((plane) => plane.split("/").map((row) => row.split(",").map(Number)));
      const flat = planes.flat(2);
      const cols = planes[0][0].length;
      if (
        !flat.every((v) => Number.isFinite(v) && Math.abs(v) < 1e6) ||
        text.match(/(^|[,/])\s*([,/]|$)/g)?.some((m) => m !== "//")
      ) {
        throw wrong(name, text, "numbers such as 1,0,-1/2,0,-2 (rows divided by /, planes by //)");
      }
      if (
        flat.length > MAX_NUMBERS ||
        planes.some((p) => p.length !== planes[0].length || p.some((r) => r.length !== cols))
      ) {
        throw wrong(name, text, `rows of one length and planes of one height, at most ${MAX_NUMBERS} numbers`);
      }
      return planes;
    },
    show: (v) => v?.map((p) => p.map((r) => r.join(",")).join("/")).join("//") ?? "",
  };
}

/** Reads all fields of a figure; what is not given has its default. @throws OptionError also for unknown keys */
export function readFields<S>(fields: FieldsOf<S>, given: Readonly<Record<string, string>>, figure: string): S {
  const keys = Object.keys(fields) as (keyof S & string)[];
  for (const key of Object.keys(given)) {
    if (!keys.some((k) => k === key)) {
      throw new OptionError(`${figure} has no option "${key}". ${suggest(key, keys)}`);
    }
  }
  const result: Partial<S> = {};
  for (const key of keys) {
    const text = given[key];
    result[key] = text === undefined ? fields[key].fallback : fields[key].parse(text, key);
  }
  return result as S; // every key of S has been set
}

/** The texts of all fields that differ from their defaults, in the fields' order: the canonical spec. */
export function writeFields<S>(fields: FieldsOf<S>, spec: S): Record<string, string> {
  const out: Record<string, string> = {};
  for (const key of Object.keys(fields) as (keyof S & string)[]) {
    const text = fields[key].show(spec[key]);
    if (text !== fields[key].show(fields[key].fallback)) out[key] = text;
  }
  return out;
}

/** "Did you mean …?" with the nearest name, and all of them. */
export function suggest(name: string, known: readonly string[]): string {
  const near = known.toSorted((a, b) => distance(name, a) - distance(name, b))[0];
  const guess = near !== undefined && distance(name, near) <= 3 ? `Did you mean "${near}"? ` : "";
  return `${guess}Known are ${known.join(", ")}.`;
}

/** Levenshtein's edit distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
