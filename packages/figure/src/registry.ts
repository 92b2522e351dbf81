/** All figures by name, and the three ways to ask for one: an object, an address, command-line words. */
import type { Frame } from "./animate.ts";
import { OptionError } from "faltung/errors";
import type { Figure, Picture } from "./figure.ts";
import { architecture } from "./figures/architecture.ts";
import { backward } from "./figures/backward.ts";
import { channels } from "./figures/channels.ts";
import { continuous } from "./figures/continuous.ts";
import { conv2d } from "./figures/conv2d.ts";
import { discrete } from "./figures/discrete.ts";
import { filters } from "./figures/filters.ts";
import { note } from "./figures/note.ts";
import { pool } from "./figures/pool.ts";
import { receptive } from "./figures/receptive.ts";
import { same } from "./figures/same.ts";
import { transposed } from "./figures/transposed.ts";
import { LESSONS } from "./lessons.ts";
import { suggest } from "./spec.ts";

export const FIGURES: readonly Figure[] = [
  continuous,
  discrete,
  conv2d,
  same,
  note,
  channels,
  transposed,
  pool,
  receptive,
  backward,
  architecture,
  filters,
];

export type SpecValue = string | number | boolean;

/** A figure and its options, as texts, numbers or booleans; what is left out has its default. */
export interface Spec {
  readonly figure: string;
  readonly [option: string]: SpecValue;
}

/**
 * Opens a figure: checks every option and works out all its numbers.
 *
 * @throws OptionError naming the option, and the nearest right one
 * @example
 * ```ts
 * const picture = open({ figure: "conv2d", input: "5x5", stride: 2, padding: 1 });
 * const svg = toSvg(picture.scene(picture.still));
 * ```
 */
export function open(spec: Spec): Picture {
  const { figure, options } = resolve(spec);
  return figure.open(options);
}

function resolve(spec: Spec): { readonly figure: Figure; readonly options: Readonly<Record<string, string>> } {
  const figure = FIGURES.find((f) => f.name === spec.figure);
  if (!figure) {
    const names = FIGURES.map((f) => f.name);
    throw new OptionError(`There is no figure "${spec.figure}". ${suggest(String(spec.figure), names)}`);
  }
  const options: Record<string, string> = {};
  for (const [key, value] of Object.entries(spec)) {
    if (key !== "figure") options[key] = value === true ? "1" : value === false ? "0" : String(value);
  }
  return { figure, options };
}

/**
 * The address of a picture: "figure=conv2d&stride=2&padding=1", defaults left out, options in the figure's order.
 * Commas, slashes and colons are left as they are, so that people can read it.
 */
export function toQuery(picture: Picture): string {
  const encode = (s: string): string =>
    encodeURIComponent(s).replace(/%(2C|2F|3A|20)/g, (e) => (e === "%20" ? "+" : decodeURIComponent(e)));
  return [["figure", picture.figure], ...Object.entries(picture.options)]
    .map(([k, v]) => `${k}=${encode(v)}`)
    .join("&");
}

/**
 * A spec from an address: the query alone, or a whole URL (also one with the query behind "#"), such as that of a page of
 * the lab, which needs to say only what differs from what the page shows.
 */
export function fromQuery(address: string): Spec {
  const page = /#\/(?:learn\/?)?([\w-]*)(?=\?|$)/.exec(address);
  const query =
    address.includes("?") || page ? (address.split("?")[1] ?? "").split("#")[0] : address.replace(/^.*#/, "");
  const said: Record<string, string> = Object.fromEntries(new URLSearchParams(query));
  const spec = page ? fromLesson(page[1] || "convolution", said) : said;
  const { figure } = spec;
  if (figure === undefined) {
    throw new OptionError(`The address "${address}" names no figure; it should look like "figure=conv2d&stride=2".`);
  }
  return { ...spec, figure };
}

/** What a page of the lab shows, and how its address says a file is to look. */
function fromLesson(
  slug: string,
  { palette, size, words, ...said }: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const base: Readonly<Record<string, string>> = new Map(Object.entries(LESSONS)).get(slug) ?? {};
  const own = said["figure"] === undefined || said["figure"] === base["figure"];
  return {
    ...(own ? base : {}),
    ...said,
    ...(palette !== undefined && { theme: palette }),
    ...(size !== undefined && { width: size }),
    ...(words !== undefined && { caption: words }),
  };
}

/** A spec from words such as `conv2d input=5x5 --stride 2 flip`. */
export function fromArguments(args: readonly string[]): Spec {
  const [name, ...rest] = args;
  if (name === undefined || name.includes("=") || name.startsWith("-")) {
    throw new OptionError(
      `Name the figure first, as in "conv2d input=5x5". ${suggest(
        name ?? "",
        FIGURES.map((f) => f.name),
      )}`,
    );
  }
  const spec: Record<string, string> = {};
  for (let i = 0; i < rest.length; i++) {
    const [key, ...value] = rest[i].replace(/^--/, "").split("=");
    const separate =
      rest[i].startsWith("--") && value.length === 0 && rest[i + 1] !== undefined && !rest[i + 1].startsWith("--");
    spec[key] = value.length > 0 ? value.join("=") : separate ? rest[++i] : "1";
  }
  return { ...spec, figure: name };
}

/** How much a picture may be made smaller before its parts are stacked instead. */
const SMALLEST = 0.78;
/** How much larger than it was drawn a stacked picture may become. */
const LARGEST = 1.25;

/**
 * A figure for a place that is `width` pixels wide: as it is if it fits, a little smaller, or with its parts stacked.
 *
 * @throws OptionError as {@link open}
 */
export function openIn(spec: Spec, width: number): Picture {
  const wide = open(spec);
  if (wide.width <= width || "width" in spec || "layout" in spec) return wide;
  if (wide.width * SMALLEST <= width) return open({ ...spec, width, layout: "wide" });
  const tall = open({ ...spec, layout: "tall" });
  return open({ ...spec, layout: "tall", width: Math.min(width, Math.round(LARGEST * tall.width)) });
}

/** Every step with its time, as animations need them. */
export function framesOf(picture: Picture): Frame[] {
  return Array.from({ length: picture.steps }, (_, step) => ({ scene: picture.scene(step), ms: picture.ms(step) }));
}

/**
 * The values of one option with which the figure still opens, the other options staying as they are: what a control may
 * offer, so that it cannot reach an invalid state. For options without a range, the value that is there.
 *
 * @param part of an option of several numbers (rows, columns; four sides), the values of this one
 * @example
 * ```ts
 * valuesThatFit({ figure: "conv2d", input: "4", kernel: "3" }, "dilation"); // ["1"]
 * valuesThatFit({ figure: "conv2d", input: "4x6" }, "kernel", 0); // ["1", "2", "3", "4"]
 * ```
 */
export function valuesThatFit(spec: Spec, option: string, part?: number): readonly string[] {
  const field = FIGURES.find((f) => f.name === spec.figure)?.fields[option];
  if (!field) return [];
  const { control } = field;
  const current = String(spec[option] ?? field.show(field.fallback));
  const candidates =
    control.kind === "choice"
      ? control.choices
      : control.kind === "flag"
        ? ["0", "1"]
        : control.kind === "text" || control.kind === "numbers"
          ? [current]
          : Array.from({ length: Math.min(control.max - control.min + 1, 65) }, (_, i) => String(control.min + i));
  const parts = control.kind === "int" && part !== undefined ? control.parts : undefined;
  const now = parts?.split(current);
  const whole = (value: string): string =>
    parts && now ? parts.join(now.map((v, i) => (i === part ? Number(value) : v))) : value;
  return candidates.filter((value) => {
    try {
      const { figure, options } = resolve({ ...spec, [option]: whole(value) });
      figure.check(options);
      return true;
    } catch {
      return false;
    }
  });
}
