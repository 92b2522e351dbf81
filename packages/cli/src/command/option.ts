/**
 * Options as data. One table a command says every option's type, default and meaning; parsing, --help, args.yaml and
 * the suggestion for a mistyped word are all read from it.
 */
import { UsageError } from "./errors.ts";
import { didYouMean } from "./suggest.ts";

export interface Option<T> {
  /** From the text after `name=`. @throws UsageError */
  readonly parse: (text: string, name: string) => T;
  readonly default: T;
  readonly help: string;
  /** How --help shows the default, where the plain value would say little. */
  readonly shown?: string;
  /** What may be written, for --help. */
  readonly values?: readonly string[];
  /** May stand without a value (`--json`), meaning this one. */
  readonly bare?: T;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;
/** The values of a table's options. */
export type Values<T extends OptionTable> = { readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never };

interface Common<T> {
  readonly default: T;
  readonly help: string;
  readonly shown?: string;
}

/** Any text but none. */
export function text<T extends string | undefined = string>(row: Common<T>): Option<T | string> {
  return {
    ...row,
    parse: (value, name) => {
      if (value.trim() === "") throw new UsageError(`${name}= needs a value.`);
      return value;
    },
  };
}

/** The name of one file or folder. */
export function fileName(row: Common<string>): Option<string> {
  return {
    ...row,
    parse: (value, name) => {
      if (/^\s*$|^\.\.?$|[/\\\0]/.test(value)) throw new UsageError(`${name}=${value}: expected a name, not a path.`);
      return value;
    },
  };
}

interface NumberRow<T> extends Common<T> {
  readonly min?: number;
  readonly max?: number;
}

/** A number; a bound is part of the range. */
export function number<T extends number | undefined = number>(row: NumberRow<T>): Option<T | number> {
  return { ...row, parse: (value, name) => parseNumber(value, name, row, "a number", Number.isFinite) };
}

/** A whole number. */
export function whole<T extends number | undefined = number>(row: NumberRow<T>): Option<T | number> {
  return { ...row, parse: (value, name) => parseNumber(value, name, row, "a whole number", Number.isSafeInteger) };
}

function parseNumber<T>(
  value: string,
  name: string,
  { min = -Infinity, max = Infinity }: NumberRow<T>,
  kind: string,
  fits: (n: number) => boolean,
): number {
  const n = value.trim() === "" ? Number.NaN : Number(value);
  if (fits(n) && n >= min && n <= max) return n;
  const range =
    min > -Infinity && max < Infinity
      ? ` from ${min} to ${max}`
      : min > -Infinity
        ? ` ≥ ${min}`
        : max < Infinity
          ? ` ≤ ${max}`
          : "";
  throw new UsageError(`${name}=${value}: expected ${kind}${range}.`);
}

/** One of some words; upper and lower case are the same. */
export function choice<V extends string>(
  values: readonly V[],
  row: {
    readonly default: NoInfer<V>;
    readonly help: string;
    readonly shown?: string;
    /** Other words for them, in lower case. */
    readonly also?: ReadonlyMap<string, NoInfer<V>>;
  },
): Option<V> {
  return {
    ...row,
    values,
    parse: (value, name) => {
      const word = value.toLowerCase();
      const found = row.also?.get(word) ?? values.find((v) => v.toLowerCase() === word);
      if (found !== undefined) return found;
      throw new UsageError(`${name}=${value}: expected one of ${values.join(", ")}.${didYouMean(value, values)}`);
    },
  };
}

const TRUE = ["true", "yes", "on", "1"];
const FALSE = ["false", "no", "off", "0"];

/** true or false; the bare name means true. */
export function flag(row: { readonly default: boolean; readonly help: string }): Option<boolean> {
  return {
    ...row,
    bare: true,
    parse: (value, name) => {
      const word = value.toLowerCase();
      if (TRUE.includes(word)) return true;
      if (FALSE.includes(word)) return false;
      throw new UsageError(`${name}=${value}: expected true or false.`);
    },
  };
}

/** A number that is chosen by itself unless given; `auto` says so aloud. */
export function auto(row: {
  readonly help: string;
  readonly min?: number;
  readonly max?: number;
}): Option<number | undefined> {
  return autoOf(number({ ...row, default: undefined, shown: "auto" }));
}

/** A whole number that is chosen by itself unless given. */
export function autoWhole(row: {
  readonly help: string;
  readonly min?: number;
  readonly max?: number;
}): Option<number | undefined> {
  return autoOf(whole({ ...row, default: undefined, shown: "auto" }));
}

function autoOf(option: Option<number | undefined>): Option<number | undefined> {
  return {
    ...option,
    parse: (value, name) => (value.toLowerCase() === "auto" ? undefined : option.parse(value, name)),
  };
}
