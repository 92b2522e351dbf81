/**
 * Two ways to write the sum. S(x,y) = ΣΣ I(x+i, y+j) F(i,j) is the usual one: F slides over I. In
 * S(x,y) = ΣΣ I(i,j) F(x+i, y+j) I slides over F, and the result is the usual one reflected in the point (0,0).
 */
import { normaliseConv } from "faltung/conv";
import { type Body, type Context, type Figure, defineFigure } from "../figure.ts";
import { type Block, canvas, column, label, overlay, paragraphs, row } from "../layout.ts";
import { type Plane, convPlanes, planesOr, someKernel, somePicture } from "../numbers.ts";
import { type Run, circle, text } from "../scene.ts";
import {
  type Role,
  type Sliding,
  cellsOf,
  inputBlock,
  kernelBlock,
  operator,
  outputBlock,
  outputs,
  place,
  terms,
  titled,
} from "../sliding.ts";
import { type Numbers, type Size, int, numbers, size } from "../spec.ts";
import { equals, factor, formula, leading, num } from "../type.ts";

interface NoteSpec {
  readonly input: Size;
  readonly kernel: Size;
  readonly values: Numbers;
  readonly weights: Numbers;
  readonly seed: number;
}

/** Every shift at which the two overlap: padding by the other's size less one. */
function everyShift(
  key: string,
  x: Plane,
  w: Plane,
  roles: Sliding["roles"],
  cell: number,
  backwards: boolean,
): Sliding {
  const padding = [w.length - 1, w[0].length - 1];
  const g = normaliseConv({ padding }, [w.length, w[0].length], "conv2d");
  const y = convPlanes(g, [x], [[w]])[0];
  return { key, g, x, w, y, roles, cell, cells: "numbers", shade: "role", lead: 0, backwards };
}

/** The shift (x, y) of output cell (r, c): how far the sliding plane stands from the other's corner. */
const shiftOf = (s: Sliding, [r, c]: readonly [number, number]): readonly [number, number] => [
  r - s.g.padding[0][0],
  c - s.g.padding[1][0],
];

/** The output with its shifts along the edges, and the point of reflection. */
function outputWithAxes(ctx: Context, s: Sliding, done: number): Block {
  const { p } = ctx;
  const { cell } = s;
  const gutter = 24;
  const body = outputBlock(ctx, { ...s, shade: "value" }, done);
  const size = Math.min(11, cell * 0.4);
  const marks = canvas(`${s.key}-axes`, body.w + gutter, body.h + gutter, (x, y) => [
    ...s.y.map((_, r) =>
      text(x + gutter - 5, y + gutter + (r + 0.5) * cell + size * 0.35, size, num(shiftOf(s, [r, 0])[0]), {
        fill: p.muted,
        anchor: "end",
      }),
    ),
    ...s.y[0].map((_, c) =>
      text(x + gutter + (c + 0.5) * cell, y + gutter - 6, size, num(shiftOf(s, [0, c])[1]), { fill: p.muted }),
    ),
  ]);
  const centre = canvas(`${s.key}-centre`, 0, 0, (x, y) => {
    const [r, c] = [s.g.padding[0][0], s.g.padding[1][0]];
    return [
      circle(x + gutter + (c + 0.5) * cell, y + gutter + (r + 0.5) * cell, cell * 0.44, {
        stroke: p.ink,
        strokeWidth: 1.4,
        dash: [2, 2.5],
      }),
    ];
  });
  const shifted: Block = { w: body.w + gutter, h: body.h + gutter, draw: (x, y) => body.draw(x + gutter, y + gutter) };
  return overlay([marks, shifted, centre]);
}

/** "S(x, y) = …", with the products of cells that meet; those with the padding are zero and left out. */
function sumOf(ctx: Context, s: Sliding, step: number): Run[] {
  const at = place(s, step);
  const [dx, dy] = shiftOf(s, at);
  const list = terms(s, at).filter((t) => t.source);
  return [
    ...formula("*S*", s.roles.y.hue),
    { text: `(${num(dx)},\u00a0${num(dy)}) = `, fill: s.roles.y.hue },
    ...list.flatMap((t, i): Run[] => [
      ...(i > 0 ? [{ text: " + ", fill: ctx.p.muted }] : []),
      { text: leading(t.x, i === 0), fill: s.roles.x.hue },
      { text: "·", fill: ctx.p.muted },
      { text: factor(t.w), fill: s.roles.w.hue },
    ]),
    { text: ` ${equals([...list.flatMap((t) => [t.x, t.w]), s.y[at[0]][at[1]]])} ` },
    { text: num(s.y[at[0]][at[1]]), fill: s.roles.y.hue, bold: true },
  ];
}

function half(ctx: Context, s: Sliding, law: readonly Run[], sums: (step: number) => Block, step: number): Block {
  const { p } = ctx;
  const at = place(s, step);
  const size = (plane: Plane): string => `${plane.length}×${plane[0].length}`;
  const head = label(`${s.key}-law`, law, { size: 17, fill: p.ink, align: "start" });
  const input = titled(`${s.key}-x`, ctx, s.roles.x, size(s.x), inputBlock(ctx, s, at));
  const kernel = titled(`${s.key}-w`, ctx, s.roles.w, size(s.w), kernelBlock(ctx, s, 0));
  const output = titled(`${s.key}-y`, ctx, s.roles.y, size(s.y), outputWithAxes(ctx, s, step + 1));
  const star = operator(`${s.key}-op`, "correlation", p.muted);
  const equals = label(`${s.key}-eq`, "=", { size: 26, fill: p.muted, width: 20 });
  const line = sums(step);
  const picture = ctx.tall
    ? column([input, row([star, kernel], 8), output], 10)
    : row([input, star, kernel, equals, output], 12);
  return column([head, picture, line], 10, "start");
}

function build(spec: NoteSpec, ctx: Context): Body {
  const { t, p } = ctx;
  const image = planesOr(spec.values, 1, spec.input, "values", () => somePicture(spec.input, spec.seed))[0];
  const kernel = planesOr(spec.weights, 1, spec.kernel, "weights", () => someKernel(spec.kernel, spec.seed))[0];
  const I: Role = { letter: "I", title: t({ en: "Image", ko: "이미지" }), hue: p.input };
  const F: Role = { letter: "F", title: t({ en: "Filter", ko: "필터" }), hue: p.filter };
  const S: Role = { letter: "S", title: t({ en: "Result", ko: "결과" }), hue: p.output };
  const widest = Math.max(spec.input[1] + 2 * spec.kernel[1] - 2, spec.kernel[1] + 2 * spec.input[1] - 2);
  const across = ctx.tall ? widest : widest + Math.max(spec.input[1], spec.kernel[1]) + spec.input[1] + spec.kernel[1];
  const cell = Math.max(10, Math.min(28, Math.floor((ctx.tall ? 320 : 620) / across)));
  const [values, weights] = [cellsOf("values"), cellsOf("weights")];
  const usual = {
    ...everyShift("usual", image, kernel, { x: I, w: F, y: S }, cell, false),
    edit: { x: values, w: weights },
  };
  const noted = {
    ...everyShift("noted", kernel, image, { x: F, w: I, y: S }, cell, true),
    edit: { x: weights, w: values },
  };
  const law = (i: string, f: string, tail: string): Run[] => [
    ...formula("*S*(*x*, *y*) = Σ_{i} Σ_{j} "),
    ...formula(`*I*(${i})`, p.input),
    { text: " · " },
    ...formula(`*F*(${f})`, p.filter),
    { text: `\u2003\u2003${tail}`, fill: p.muted },
  ];
  const usualLaw = law(
    "*x*+*i*, *y*+*j*",
    "*i*, *j*",
    ctx.tall ? "" : t({ en: "F slides over I", ko: "F가 I 위를 미끄러진다" }),
  );
  const notedLaw = law(
    "*i*, *j*",
    "*x*+*i*, *y*+*j*",
    ctx.tall ? "" : t({ en: "I slides over F", ko: "I가 F 위를 미끄러진다" }),
  );
  const [usualSums, notedSums] = [usual, noted].map((s) =>
    paragraphs(`${s.key}-sum`, () => Array.from({ length: outputs(s) }, (_, i) => sumOf(ctx, s, i)), {
      size: 15,
      fill: p.ink,
      width: ctx.tall ? 320 : 660,
    }),
  );
  return {
    title: t({ en: "The usual formula and its point reflection", ko: "보통의 식과 점대칭인 식" }),
    caption: t({
      en:
        "Both are cross-correlations; only the roles of I and F are exchanged. S(x, y) of the one is S(−x, " +
        "−y) of the other: reflected in the ringed cell (0, 0). Deep learning computes the upper one.",
      ko:
        "둘 다 교차상관(cross-correlation)이고 I와 F의 역할만 바뀌었다. 한쪽의 S(x, y)는 다른 쪽의 S(−x, −y)와 같다. 곧 동그라미 친 칸 (0, " +
        "0)에 대해 점대칭이다. 딥러닝은 위의 식을 계산한다.",
    }),
    steps: outputs(usual),
    still: Math.floor(outputs(usual) * 0.28),
    pace: (step) => (step === outputs(usual) - 1 ? 3 : 0.7),
    block: (step) =>
      column([half(ctx, usual, usualLaw, usualSums, step), half(ctx, noted, notedLaw, notedSums, step)], 30, "start"),
    sentence: (step) => {
      const a = shiftOf(usual, place(usual, step));
      const b = shiftOf(noted, place(noted, step));
      const [r, c] = place(usual, step);
      const value = num(usual.y[r][c]);
      return t({
        en:
          `Usual formula: S(${num(a[0])}, ${num(a[1])}) = ${value}; with exchanged roles the same sum ` +
          `stands at S(${num(b[0])}, ${num(b[1])}) = ${value}.`,
        ko:
          `보통의 식: S(${num(a[0])}, ${num(a[1])}) = ${value}. 역할을 바꾼 식에서는 같은 합이 S(${num(b[0])}, ` +
          `${num(b[1])}) = ${value}에 있다.`,
      });
    },
    numbers: [
      { option: "values", role: "input", planes: [{ name: I.title, rows: image }] },
      { option: "weights", role: "filter", planes: [{ name: F.title, rows: kernel }] },
    ],
  };
}

export const note: Figure = defineFigure<NoteSpec>(
  "note",
  {
    en: "two ways to write the sum, and the point reflection between them",
    ko: "합을 쓰는 두 가지 방법과 그 사이의 점대칭",
  },
  {
    input: size([4, 4], 8, { en: "input size", ko: "입력 크기" }),
    kernel: size([3, 3], 5, { en: "kernel size", ko: "커널 크기" }),
    values: numbers({ en: "numbers of the input", ko: "입력 값" }),
    weights: numbers({ en: "numbers of the kernel", ko: "커널 값" }),
    seed: int(0, 0, 9999, { en: "which small numbers", ko: "난수 시드" }),
  },
  build,
);
