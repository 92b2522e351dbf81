/**
 * Convolution, cross-correlation and autocorrelation of two functions: one is (turned and) slid over the other, the
 * area under their product is the result at that shift.
 */
import { type Curve, type IntegralKind, integralAt, integralSupport, slid } from "faltung/signal";
import { parseCurve } from "../curves.ts";
import { type Body, type Context, type Figure, defineFigure } from "../figure.ts";
import { type Block, column, label, row } from "../layout.ts";
import { tint } from "../palette.ts";
import { type Run, type SceneNode, circle, line, polygon, text } from "../scene.ts";
import { choice, flag, int, words } from "../spec.ts";
import { formula, num } from "../type.ts";

interface ContinuousSpec {
  readonly f: string;
  readonly g: string;
  readonly kind: IntegralKind;
  readonly swap: boolean;
  readonly frames: number;
}

/** Frames in which g turns round before it slides. */
const TURN = 9;
const SAMPLES = 160;

/** One half of the picture: who stands, who slides, in which colours and letters. */
interface Side {
  readonly key: string;
  readonly still: Curve;
  readonly moving: Curve;
  readonly letters: readonly [still: string, moving: string];
  readonly hues: readonly [still: string, moving: string];
  readonly kind: IntegralKind;
}

interface Range {
  /** What each side traces. */
  readonly results: ReadonlyMap<Side, readonly Point[]>;
  /** The time line that all sides share. */
  readonly t: readonly [number, number];
  readonly x: readonly [number, number];
  readonly top: readonly [number, number];
  readonly bottom: readonly [number, number];
}

type Point = readonly [number, number];

const ends = (c: Curve): [number, number] => [c.breaks[0], c.breaks[c.breaks.length - 1]];

/** Points along a curve, from break to break, so that jumps stand upright. */
function trace(c: Curve, density: number): Point[] {
  const [c0, c1] = ends(c);
  const points: Point[] = [[c0, 0]];
  for (let i = 1; i < c.breaks.length; i++) {
    const [a, b] = [c.breaks[i - 1], c.breaks[i]];
    const inner = (b - a) * 1e-9; // just behind the one break, just before the other
    const n = Math.max(2, Math.ceil((b - a) * density));
    for (let k = 0; k <= n; k++) {
      const x = a + inner + ((b - a - 2 * inner) * k) / n;
      points.push([x, c.at(x)]);
    }
  }
  return [...points, [c1, 0]];
}

const product = (a: Curve, b: Curve): Curve => ({
  name: "product",
  breaks: [...new Set([...a.breaks, ...b.breaks])].toSorted((p, q) => p - q),
  at: (x) => a.at(x) * b.at(x),
});

/** Squeezed by s around 0: s from 1 to −1 turns the function round before the reader's eyes. */
function squeezed(c: Curve, s: number): Curve {
  const breaks = c.breaks.map((b) => b * s);
  return { name: c.name, breaks: s < 0 ? breaks.toReversed() : breaks, at: (x) => c.at(x / s) };
}

function panel(
  ctx: Context,
  key: string,
  w: number,
  h: number,
  xs: readonly [number, number],
  ys: readonly [number, number],
  axis: string,
  draw: (at: (p: Point) => Point) => readonly (readonly [string, readonly SceneNode[]])[],
): Block {
  const { p } = ctx;
  return {
    w,
    h,
    draw(x, y) {
      const at = ([px, py]: Point): Point => [
        x + ((px - xs[0]) / (xs[1] - xs[0])) * w,
        y + h - ((py - ys[0]) / (ys[1] - ys[0])) * h,
      ];
      const [, zero] = at([0, 0]);
      const nodes: SceneNode[] = [line(x, zero, x + w, zero, { stroke: p.muted, strokeWidth: 1 })];
      for (let t = Math.ceil(xs[0]); t <= Math.floor(xs[1]); t++) {
        const [tx] = at([t, 0]);
        nodes.push(line(tx, zero - 3, tx, zero + 3, { stroke: p.muted }));
        nodes.push(text(tx, Math.max(zero + 16, y + h - 4), 11.5, num(t), { fill: p.muted }));
      }
      nodes.push(text(x + w, zero - 7, 14, formula(`*${axis}*`), { fill: p.muted, anchor: "end" }));
      return [{ key: `${key}-axes`, nodes }, ...draw(at).map(([k, n]) => ({ key: `${key}-${k}`, nodes: n }))];
    },
  };
}

function sideBlock(
  ctx: Context,
  side: Side,
  range: Range,
  { step, lead, frames }: { readonly step: number; readonly lead: number; readonly frames: number },
  w: number,
  tight: boolean,
): Block {
  const { p } = ctx;
  const { still, moving, kind } = side;
  const [low, high] = range.t;
  const density = SAMPLES / (range.x[1] - range.x[0]);
  const sliding = step >= lead;
  const s = lead > 0 ? 1 - (2 * Math.min(step, lead - 1)) / (lead - 1) : 1;
  const t = low + ((high - low) * Math.max(step - lead, 0)) / (frames - 1);
  const shown = sliding ? slid(moving, t, kind) : squeezed(moving, Math.abs(s) < 0.02 ? 0.02 : s);
  const [hf, hg] = side.hues;
  const [f, g] = side.letters;
  const top = panel(ctx, `${side.key}-top`, w, tight ? 130 : 165, range.x, range.top, "τ", (at) => {
    const curve = (c: Curve, hue: string): SceneNode =>
      polygon(
        trace(c, density)
          .filter(([x]) => x >= range.x[0] && x <= range.x[1])
          .map(at),
        { stroke: hue, strokeWidth: 2.2 },
        false,
      );
    const area = (): SceneNode[] => {
      const prod = product(still, shown);
      const [a, b] = [Math.max(ends(still)[0], ends(shown)[0]), Math.min(ends(still)[1], ends(shown)[1])];
      if (!(a < b)) return [];
      const points: Point[] = [[a, 0], ...trace(prod, density).filter(([x]) => x >= a && x <= b), [b, 0]];
      return [polygon(points.map(at), { fill: p.output, stroke: p.output, opacity: 0.4 })];
    };
    const [markX] = at([sliding ? t : 0, 0]);
    const [, y0] = at([0, range.top[0]]);
    const [, y1] = at([0, range.top[1]]);
    return [
      ["area", sliding ? area() : []],
      ["still", [curve(still, hf)]],
      ["moving", [curve(shown, hg)]],
      ["mark", [line(markX, y0, markX, y1, { stroke: hg, dash: [2, 4], opacity: 0.9 })]],
    ];
  });
  const bottom = panel(ctx, `${side.key}-bottom`, w, tight ? 105 : 130, range.x, range.bottom, "t", (at) => {
    const all = range.results.get(side) ?? [];
    const ghost = polygon(all.map(at), { stroke: tint(p, p.output, 0.35), strokeWidth: 1.5, dash: [3, 3] }, false);
    if (!sliding) return [["ghost", [ghost]]];
    const now: Point = [t, integralAt(still, moving, t, kind)];
    const done = [...all.filter(([x]) => x < t), now].map(at);
    const [cx, cy] = at(now);
    const [, zero] = at([0, 0]);
    const trail = done.length > 1 ? [polygon(done, { stroke: p.output, strokeWidth: 2.6 }, false)] : [];
    return [
      ["ghost", [ghost]],
      ["trail", trail],
      [
        "dot",
        [
          line(cx, zero, cx, cy, { stroke: p.output, dash: [2, 4] }),
          circle(cx, cy, 4.5, { fill: p.output, stroke: p.background, strokeWidth: 1.5 }),
        ],
      ],
    ];
  });
  const argument = kind === "convolution" ? "*t* − *τ*" : "*τ* − *t*";
  const sign = kind === "convolution" ? "∗" : "⋆";
  const value = integralAt(still, moving, t, kind);
  const name: Run[] = [
    { text: "(" },
    ...formula(`*${f}*`, hf),
    { text: ` ${sign} ` },
    ...formula(`*${g}*`, hg),
    { text: ")(" },
    ...formula("*t*"),
    { text: ")" },
  ];
  const integral: Run[] = [
    ...name,
    { text: " = ∫ " },
    ...formula(`*${f}*(*τ*)`, hf),
    { text: " · " },
    ...formula(`*${g}*(${argument})`, hg),
    { text: " " },
    ...formula("d*τ*"),
  ];
  const reading = sliding
    ? [
        ...formula("*t*"),
        { text: ` = ${value2(t)},  ` },
        ...name,
        { text: " = " },
        { text: value2(value), fill: p.output, bold: true },
      ]
    : formula(`*${g}*(*τ*) → *${g}*(−*τ*)`, hg);
  return column(
    [
      label(`${side.key}-integral`, integral, { size: tight ? 15 : 17, fill: p.ink, width: w, align: "start" }),
      top,
      bottom,
      label(`${side.key}-reading`, reading, { size: 15, fill: p.ink, width: w, align: "start" }),
    ],
    16,
  );
}

const value2 = (v: number): string => (Math.abs(v) < 0.005 ? 0 : v).toFixed(2).replace("-", "−");

/** One range of all axes that fits every step of every side. */
function rangeOf(sides: readonly Side[]): Range {
  const xs: number[] = [];
  const supports = sides.map((s) => integralSupport(s.still, s.moving, s.kind));
  const t = [Math.min(...supports.map((s) => s[0])), Math.max(...supports.map((s) => s[1]))] as const;
  const top = [0];
  const bottom = [0];
  for (const { still, moving, kind } of sides) {
    const [low, high] = integralSupport(still, moving, kind);
    xs.push(low, high, ...ends(still));
    const values = [still, moving].map((c) => trace(c, 40).map((point) => point[1]));
    top.push(...values[0], ...values[1], ...values[0].map((v) => v * Math.max(...values[1])));
  }
  const results = new Map(
    sides.map((side): [Side, Point[]] => [
      side,
      Array.from({ length: SAMPLES + 1 }, (_, i): Point => {
        const x = t[0] + ((t[1] - t[0]) * i) / SAMPLES;
        return [x, integralAt(side.still, side.moving, x, side.kind)];
      }),
    ]),
  );
  for (const points of results.values()) bottom.push(...points.map(([, y]) => y));
  const spread = (values: readonly number[], below: number, above: number): [number, number] => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const span = high - low || 1;
    return [low - below * span, high + above * span];
  };
  return { results, t, x: spread(xs, 0.06, 0.06), top: spread(top, 0.18, 0.08), bottom: spread(bottom, 0.24, 0.1) };
}

function build(spec: ContinuousSpec, ctx: Context): Body {
  const f = parseCurve(spec.f);
  const g = spec.kind === "autocorrelation" ? f : parseCurve(spec.g);
  const letters = spec.kind === "autocorrelation" ? (["f", "f"] as const) : (["f", "g"] as const);
  const { p, t } = ctx;
  const { kind } = spec;
  const one: Side = { key: "fg", still: f, moving: g, letters, hues: [p.input, p.filter], kind };
  const two: Side = { key: "gf", still: g, moving: f, letters: ["g", "f"], hues: [p.filter, p.input], kind };
  const sides = spec.swap ? [one, two] : [one];
  const range = rangeOf(sides);
  const lead = kind === "convolution" ? TURN : 0;
  const width = ctx.tall ? 320 : spec.swap ? 400 : 640;
  const names = {
    convolution: { en: "Convolution of two functions", ko: "두 함수의 합성곱" },
    correlation: { en: "Cross-correlation of two functions", ko: "두 함수의 교차상관" },
    autocorrelation: { en: "Autocorrelation of a function", ko: "함수의 자기상관" },
  };
  const captions = {
    convolution: {
      en: "g is turned round and slid over f; the area under their product is the result at that shift.",
      ko: "g를 뒤집어 f 위로 미끄러뜨린다. 두 함수의 곱 아래 넓이가 그 위치의 합성곱(convolution) 값이다.",
    },
    correlation: {
      en: "g is slid over f as it is, not turned round; the area under their product is the result at that shift.",
      ko: "g를 뒤집지 않고 f 위로 미끄러뜨린다. 두 함수의 곱 아래 넓이가 그 위치의 교차상관(cross-correlation) 값이다.",
    },
    autocorrelation: {
      en: "A copy of f is slid over f; the result is symmetric and largest where the two coincide.",
      ko: "f의 사본을 f 위로 미끄러뜨린다. 자기상관(autocorrelation)은 좌우 대칭이며 둘이 겹치는 곳에서 가장 크다.",
    },
  };
  const swapped =
    kind === "convolution"
      ? t({
          en: "With the roles exchanged the result is the same: f\u00a0∗\u00a0g\u00a0=\u00a0g\u00a0∗\u00a0f.",
          ko: "역할을 바꾸어도 결과는 같다: f\u00a0∗\u00a0g\u00a0=\u00a0g\u00a0∗\u00a0f.",
        })
      : t({
          en: "With the roles exchanged the result is mirrored: (f\u00a0⋆\u00a0g)(t)\u00a0=\u00a0(g\u00a0⋆\u00a0f)(−t).",
          ko: "역할을 바꾸면 결과가 좌우로 뒤집힌다: (f\u00a0⋆\u00a0g)(t)\u00a0=\u00a0(g\u00a0⋆\u00a0f)(−t).",
        });
  const shiftAt = (step: number): number =>
    range.t[0] + ((range.t[1] - range.t[0]) * Math.max(step - lead, 0)) / (spec.frames - 1);
  return {
    title: t(names[kind]),
    caption: spec.swap ? `${t(captions[kind])} ${swapped}` : t(captions[kind]),
    steps: lead + spec.frames,
    still: lead + Math.floor(spec.frames * 0.42),
    pace: (step) => (step === 0 ? 1 : step === lead + spec.frames - 1 ? 1.5 : 0.12),
    block: (step) => {
      const blocks = sides.map((s) =>
        sideBlock(ctx, s, range, { step, lead, frames: spec.frames }, width, spec.swap || ctx.tall),
      );
      return ctx.tall ? column(blocks, 24) : row(blocks, 44);
    },
    sentence: (step) => {
      if (step < lead)
        return t({ en: "g is turned round: g(τ) becomes g(−τ).", ko: "g를 뒤집는다: g(τ)가 g(−τ)가 된다." });
      const at = shiftAt(step);
      const value = sides.map((s) => value2(integralAt(s.still, s.moving, at, kind))).join(" / ");
      return t({
        en: `At shift t = ${value2(at)} the area under the product is ${value}.`,
        ko: `이동 t = ${value2(at)}에서 곱 아래 넓이는 ${value}이다.`,
      });
    },
  };
}

export const continuous: Figure = defineFigure<ContinuousSpec>(
  "continuous",
  { en: "convolution and correlation of two functions", ko: "두 함수의 합성곱과 상관" },
  {
    f: words("box", "box, gaussian:0.3, points:0,0/1,1/2,0", { en: "f", ko: "함수 f" }, parseCurve),
    g: words("decay", "decay:1.5", { en: "g", ko: "함수 g" }, parseCurve),
    kind: choice(["convolution", "correlation", "autocorrelation"], { en: "what is integrated", ko: "연산" }),
    swap: flag(false, { en: "show f with g and g with f", ko: "f와 g의 역할 바꿔 나란히" }),
    frames: int(48, 8, 240, { en: "frames of the slide", ko: "프레임 수" }),
  },
  build,
);
