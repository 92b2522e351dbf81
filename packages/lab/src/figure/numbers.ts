/** The numbers of a figure as its options hold them, when one of them is typed anew or a size changes. */
import { FIGURES, type Picture, type Spec, type Words, open } from "@faltung/figure";
import type { Matrix } from "../ui/matrix.ts";

type Planes = readonly Matrix[];

/** As an option has it: cells divided by ",", rows by "/", planes by "//". */
export const formatPlanes = (planes: Planes): string =>
  planes.map((plane) => plane.map((row) => row.join(",")).join("/")).join("//");

/** Options that are edited as grids. */
export function gridOptions(figure: string): readonly string[] {
  const fields = FIGURES.find((f) => f.name === figure)?.fields ?? {};
  return Object.keys(fields).filter((key) => fields[key].control.kind === "numbers");
}

/** Without numbers of its own: what a size control looks at. */
export function withoutNumbers(spec: Spec): Spec {
  const grids = gridOptions(spec.figure);
  return { ...Object.fromEntries(Object.entries(spec).filter(([key]) => !grids.includes(key))), figure: spec.figure };
}

/** The same numbers at the sizes that `spec` now asks for: where they still fit they stay, new cells are made up. */
function refit(spec: Spec, before: Picture): Spec {
  const next: Record<string, string | number | boolean> = { ...withoutNumbers(spec) };
  for (const { option, planes } of open({ ...next, figure: spec.figure }).numbers) {
    if (spec[option] === undefined) continue;
    const old = before.numbers.find((n) => n.option === option)?.planes ?? [];
    next[option] = formatPlanes(
      planes.map(({ rows }, i) => rows.map((row, r) => row.map((v, c) => old[i]?.rows[r]?.[c] ?? v))),
    );
  }
  return { ...next, figure: spec.figure };
}

/** What decides how many numbers there are, and of what size. */
const SIZES = ["input", "kernel", "channels", "filters", "groups"];

/**
 * A spec with one option changed, and its numbers with it: a size keeps what fits, another seed or a named kernel takes
 * the place of what was typed.
 */
export function withOption(spec: Spec, before: Picture, option: string, value: string): Spec {
  const next: Record<string, string | number | boolean> = { ...spec, [option]: value };
  if (option === "seed") return { ...withoutNumbers({ ...next, figure: spec.figure }) };
  if (option === "named") delete next["weights"];
  if (option === "kernel") delete next["named"]; // those have a size of their own
  const changed = { ...next, figure: spec.figure };
  return SIZES.includes(option) ? refit(changed, before) : changed;
}

/** Thrown where a pasted matrix is larger than the figure can be. */
export class TooLargeError extends Error {
  readonly words: Words;
  constructor(max: number) {
    const words = { en: `At most ${max}×${max} fit here.`, ko: `${max}×${max}까지만 넣을 수 있습니다.` };
    super(words.en);
    this.words = words;
  }
}

/**
 * A spec with one plane of numbers replaced; one of another size takes the size with it.
 *
 * @throws TooLargeError, OptionError, ShapeError where no figure can be drawn of it
 */
export function withNumbers(spec: Spec, before: Picture, option: string, plane: number, rows: Matrix): Spec {
  const planesOf = (picture: Picture): Planes =>
    picture.numbers.find((n) => n.option === option)?.planes.map((p) => p.rows) ?? [];
  const put = (base: Spec, planes: Planes): Spec => {
    const next = { ...base, [option]: formatPlanes(planes.map((p, i) => (i === plane ? rows : p))) };
    open(next);
    return next;
  };
  const now = planesOf(before);
  const sized = option === "values" ? "input" : option === "weights" ? "kernel" : undefined;
  const { named: _, ...rest } = spec;
  const plain: Spec = option === "weights" ? { ...rest, figure: spec.figure } : spec;
  const same = rows.length === now[plane].length && rows[0].length === now[plane][0].length;
  if (same || sized === undefined) return put(plain, now);
  const control = FIGURES.find((f) => f.name === spec.figure)?.fields[sized]?.control;
  const max = control?.kind === "int" ? control.max : 0;
  if (rows.length > max || rows[0].length > max) throw new TooLargeError(max);
  const size = rows.length === rows[0].length ? String(rows.length) : `${rows.length}x${rows[0].length}`;
  const resized = refit({ ...plain, [sized]: size, [option]: "" }, before);
  return put(resized, planesOf(open(resized)));
}
