/**
 * What a figure is: a name, its options, and a pure function from options and step to a scene. Title, caption, theme,
 * language and size are dealt with here, once for all figures.
 */
import { OptionError } from "faltung/errors";
import { type Block, column, label } from "./layout.ts";
import type { Plane } from "./numbers.ts";
import { PALETTES, type Palette, type Theme } from "./palette.ts";
import type { Scene } from "./scene.ts";
import {
  type Field,
  type FieldsOf,
  type Lang,
  type Words,
  choice,
  flag,
  int,
  readFields,
  writeFields,
} from "./spec.ts";
import { wrap } from "./type.ts";

/** Options that every figure has. */
export interface Common {
  readonly lang: Lang;
  readonly theme: Theme;
  /** Pixels; 0 is the figure's natural width. */
  readonly width: number;
  /** Tall stacks the parts, for narrow screens; auto does so when width is at most 480. */
  readonly layout: "auto" | "wide" | "tall";
  /** Milliseconds a step. */
  readonly ms: number;
  /** The step that a still shows; −1 lets the figure choose. */
  readonly step: number;
  readonly caption: boolean;
  /** Whether a file.svg moves. */
  readonly animated: boolean;
  /** Frames a second of a video. */
  readonly fps: number;
}

export const COMMON: FieldsOf<Common> = {
  lang: choice(["en", "ko"], { en: "language", ko: "언어" }),
  theme: choice(["light", "dark", "print"], { en: "colours", ko: "색상" }),
  width: int(0, 0, 4096, { en: "width in pixels, 0 for the natural one", ko: "너비(픽셀), 0이면 자연 크기" }),
  layout: choice(["auto", "wide", "tall"], { en: "arrangement", ko: "배치" }),
  ms: int(700, 20, 10_000, { en: "milliseconds a step", ko: "단계당 밀리초" }),
  step: int(-1, -1, 100_000, { en: "step of the still", ko: "정지 화면의 단계" }),
  caption: flag(true, { en: "title and caption", ko: "제목과 설명" }),
  animated: flag(false, { en: "moving SVG", ko: "움직이는 SVG" }),
  fps: int(25, 1, 60, { en: "frames a second (video)", ko: "초당 프레임(동영상)" }),
};

/** What a figure's own function is given to draw with. */
export interface Context {
  readonly p: Palette;
  readonly lang: Lang;
  readonly tall: boolean;
  /** Picks the language. */
  t(words: Words): string;
}

/** Numbers that an option sets, as they are now, whether given or made up: what a page offers for editing. */
export interface EditableNumbers {
  readonly option: string;
  readonly role: "input" | "filter";
  readonly planes: readonly { readonly name: string; readonly rows: Plane }[];
}

/** What a figure's own function gives back. */
export interface Body {
  readonly title: string;
  readonly caption: string;
  readonly steps: number;
  /** The most telling step, for stills. Default: the middle one. */
  readonly still?: number;
  /** How long a step stands, relative to the others. Default 1. */
  pace?(step: number): number;
  /** The same size at every step. */
  block(step: number): Block;
  /** The step in words. */
  sentence(step: number): string;
  readonly numbers?: readonly EditableNumbers[];
}

/** A figure with its options filled in. Everything is deterministic. */
export interface Picture {
  readonly figure: string;
  readonly title: string;
  readonly caption: string;
  readonly lang: Lang;
  readonly steps: number;
  /** The step that a still shows. */
  readonly still: number;
  /** Pixels. */
  readonly width: number;
  readonly animated: boolean;
  readonly fps: number;
  /** Options that differ from the defaults, as text. */
  readonly options: Readonly<Record<string, string>>;
  readonly numbers: readonly EditableNumbers[];
  scene(step: number): Scene;
  sentence(step: number): string;
  /** Milliseconds that this step stands. */
  ms(step: number): number;
}

export interface Figure {
  readonly name: string;
  readonly about: Words;
  /** The figure's own options, then the common ones. */
  readonly fields: Readonly<Record<string, Field<unknown>>>;
  /** @throws OptionError for options that are unknown, malformed, or do not fit together */
  open(options: Readonly<Record<string, string>>): Picture;
  /** Only whether it opens: throws what {@link open} would, and draws nothing. */
  check(options: Readonly<Record<string, string>>): void;
}

const MARGIN = 28;

/** Makes a figure of its options and its drawing function. */
export function defineFigure<S>(
  name: string,
  about: Words,
  own: FieldsOf<S>,
  build: (spec: S, context: Context) => Body,
): Figure {
  const fields: FieldsOf<S & Common> = { ...own, ...COMMON } as FieldsOf<S & Common>;
  const prepare = (options: Readonly<Record<string, string>>): { spec: S & Common; body: Body; still: number } => {
    const spec = readFields<S & Common>(fields, options, name);
    const { lang, theme, width, layout } = spec;
    const tall = layout === "tall" || (layout === "auto" && width > 0 && width <= 480);
    const body = build(spec, { p: PALETTES[theme], lang, tall, t: (w) => w[lang] });
    const still = spec.step < 0 ? (body.still ?? Math.floor(body.steps / 2)) : spec.step;
    if (still >= body.steps) {
      throw new OptionError(`step=${still}: this ${name} has steps 0 to ${body.steps - 1}.`);
    }
    return { spec, body, still };
  };
  return {
    name,
    about,
    fields: fields as Readonly<Record<string, Field<unknown>>>,
    check: (options) => void prepare(options),
    open(options) {
      const { spec, body, still } = prepare(options);
      const { lang, theme, width, caption: words } = spec;
      const p = PALETTES[theme];
      const natural = frameScene(body, 0, p, lang, words).width;
      return {
        figure: name,
        title: body.title,
        caption: body.caption,
        lang,
        steps: body.steps,
        still,
        width: width > 0 ? width : Math.round(natural),
        animated: spec.animated,
        fps: spec.fps,
        options: writeFields(fields, spec),
        numbers: body.numbers ?? [],
        scene: (step) => frameScene(body, inRange(step, body.steps, name), p, lang, words),
        sentence: (step) => body.sentence(inRange(step, body.steps, name)),
        ms: (step) => Math.round(spec.ms * (body.pace?.(step) ?? 1)),
      };
    },
  };
}

function inRange(step: number, steps: number, name: string): number {
  if (!Number.isInteger(step) || step < 0 || step >= steps) {
    throw new OptionError(`${name}: step ${step} is not one of 0 to ${steps - 1}.`);
  }
  return step;
}

/** Title on top, caption below, margins all round. */
function frameScene(body: Body, step: number, p: Palette, lang: Lang, words: boolean): Scene {
  const main = body.block(step);
  const room = Math.max(main.w, 300);
  const lines = (key: string, sentence: string, size: number, fill: string, bold: boolean): Block =>
    column(
      wrap(sentence, bold ? size * 1.06 : size, room).map((l, i) =>
        label(`${key}${i}`, l, { size, fill, bold, width: room, align: "start" }),
      ),
      0,
    );
  const whole = words
    ? column(
        [lines("title", body.title, 18, p.ink, true), main, lines("caption", body.caption, 13.5, p.muted, false)],
        18,
      )
    : main;
  return {
    width: Math.ceil(whole.w + 2 * MARGIN),
    height: Math.ceil(whole.h + 2 * MARGIN - 4),
    background: p.background,
    title: body.title,
    description: body.sentence(step),
    lang,
    layers: whole.draw(MARGIN, MARGIN - 4),
  };
}
