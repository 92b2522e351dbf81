/**
 * Several channels and several filters: each channel has its own kernel, the products of all channels are summed and
 * the bias added; groups cut the channels into independent parts, down to depthwise.
 */
import { type ConvGeometry, normaliseConv, spatialOutput } from "faltung/conv";
import { OptionError } from "faltung/errors";
import { type Body, type Context, type Figure, defineFigure } from "../figure.ts";
import { frame, grid } from "../grid.ts";
import { type Block, canvas, column, label, overlay, paragraphs, row } from "../layout.ts";
import { type Plane, hashInt, makePlane, planesOr, somePicture, sumOf, termsOf } from "../numbers.ts";
import { mix, tint } from "../palette.ts";
import { type Run, type SceneNode, circle, line, text } from "../scene.ts";
import { type Sliding, cellsOf, inputBlock, operator } from "../sliding.ts";
import { type Numbers, type PaddingText, type Size, choice, flag, int, numbers, padding, pair, size } from "../spec.ts";
import { equals, factor, num, textWidth } from "../type.ts";
import { optionWords } from "./conv2d.ts";

interface ChannelsSpec {
  readonly input: Size;
  readonly channels: number;
  readonly filters: number;
  readonly groups: number;
  readonly kernel: Size;
  readonly stride: Size;
  readonly padding: PaddingText;
  readonly mode: "zeros" | "reflect" | "replicate" | "circular";
  readonly dilation: Size;
  readonly bias: boolean;
  readonly values: Numbers;
  readonly weights: Numbers;
  readonly seed: number;
}

function build(spec: ChannelsSpec, ctx: Context): Body {
  const { p, t } = ctx;
  const { channels: C, filters: O, groups: G } = spec;
  if (C % G !== 0 || O % G !== 0) {
    throw new OptionError(`groups=${G}: it must divide both the ${C} channels and the ${O} filters.`);
  }
  const each = C / G;
  const g: ConvGeometry = normaliseConv(
    { stride: spec.stride, padding: spec.padding, paddingMode: spec.mode, dilation: spec.dilation, groups: G },
    spec.kernel,
    "conv2d",
  );
  const x = planesOr(spec.values, C, spec.input, "values", (k) => somePicture(spec.input, spec.seed + k));
  const flat = planesOr(spec.weights, O * each, spec.kernel, "weights", (i) =>
    makePlane(spec.kernel[0], spec.kernel[1], (r, c) => hashInt(spec.seed + 500 + i, r * spec.kernel[1] + c, -1, 1)),
  );
  const w: readonly (readonly Plane[])[] = Array.from({ length: O }, (_, o) => flat.slice(o * each, (o + 1) * each));
  const bias = Array.from({ length: O }, (_, o) => (spec.bias ? hashInt(spec.seed + 900, o, -2, 2) || 1 : 0));
  const [rows, cols] = spatialOutput(g, spec.input, "conv2d");
  const perFilter = rows * cols;
  /** The share of channel k in output (o, r, c). */
  const share = (o: number, k: number, at: readonly [number, number]): number =>
    sumOf(termsOf(g, x, w, o, at).filter((term) => term.channel === k));
  const y = Array.from({ length: O }, (_, o) =>
    makePlane(rows, cols, (r, c) => sumOf(termsOf(g, x, w, o, [r, c])) + bias[o]),
  );
  /** Whether the shares, as they are printed, add up. */
  const equality = (o: number, at: readonly [number, number]): string => {
    const first = Math.floor(o / (O / G)) * each;
    const shares = Array.from({ length: each }, (_, k) => share(o, first + k, at));
    return equals([...shares, y[o][at[0]][at[1]]]);
  };
  const rgb = C === 3 && G === 1;
  const hue = (k: number): string => p.channels[k % p.channels.length];
  const name = (k: number): string => (rgb ? ["R", "G", "B"][k] : t({ en: `channel ${k}`, ko: `채널 ${k}` }));
  const short = (k: number): string => (rgb ? ["R", "G", "B"][k] : `x${k}`);

  const paddedRows = spec.input[0] + g.padding[0][0] + g.padding[0][1];
  const paddedCols = spec.input[1] + g.padding[1][0] + g.padding[1][1];
  const across = ctx.tall ? paddedCols + spec.kernel[1] + 1.5 : paddedCols + spec.kernel[1] + 2 * cols;
  const cell = Math.max(
    9,
    Math.min(30, Math.floor((ctx.tall ? 290 : 640) / across), Math.floor((ctx.tall ? 760 : 720) / (C * paddedRows))),
  );

  const where = (step: number): { o: number; i: number; at: readonly [number, number] } => {
    const i = step % perFilter;
    return { o: Math.floor(step / perFilter), i, at: [Math.floor(i / cols), i % cols] };
  };

  /** A plane that fills in reading order; the cell made last is marked. */
  const filling = (key: string, plane: Plane, colour: string, done: number, current: boolean, first: number): Block => {
    const cells = grid(p, {
      key,
      rows,
      cols,
      cell,
      loose: true,
      look: (r, c) => {
        const i = r * cols + c;
        if (i >= done) return { fill: p.surface, step: first + i };
        const now = current && i === done - 1;
        return {
          text: num(plane[r][c]),
          fill: tint(p, colour, now ? 0.42 : 0.2),
          ink: p.ink,
          bold: now,
          stroke: tint(p, colour, 0.5),
          step: first + i,
          label: `${key}(${r},${c}) = ${num(plane[r][c])}`,
        };
      },
    });
    if (!current || done === 0) return cells;
    const at = { r: Math.floor((done - 1) / cols), c: (done - 1) % cols, rows: 1, cols: 1 };
    return overlay([cells, canvas(`${key}-now`, 0, 0, (px, py) => [frame(px, py, cell, at, colour, 2.5)])]);
  };

  const named = (key: string, words: string, colour: string, body: Block): Block =>
    column(
      [
        label(key, words, { size: 13, fill: colour, bold: true, width: Math.max(body.w, textWidth(words, 13, true)) }),
        body,
      ],
      3,
    );

  const sumRuns = (step: number): Run[] => {
    const { o, at } = where(step);
    const group = Math.floor(o / (O / G));
    const shares: Run[] = Array.from({ length: C }, (_, k) => k)
      .filter((k) => Math.floor(k / each) === group)
      .flatMap((k, n): Run[] => [
        ...(n > 0 ? [{ text: " + ", fill: p.muted }] : []),
        { text: `${short(k)}: `, fill: hue(k), bold: true },
        { text: num(share(o, k, at)), fill: hue(k) },
      ]);
    return [
      { text: `y${O > 1 ? `[${o}]` : ""}(${at[0]},${at[1]}) = `, fill: p.output },
      ...shares,
      ...(spec.bias
        ? [
            { text: " + ", fill: p.muted },
            { text: `${t({ en: "bias", ko: "편향" })}: ${num(bias[o])}`, fill: p.extra },
          ]
        : []),
      { text: ` ${equality(o, at)} ` },
      { text: num(y[o][at[0]][at[1]]), fill: p.output, bold: true },
    ];
  };
  const sums = paragraphs("sum", () => Array.from({ length: O * perFilter }, (_, i) => sumRuns(i)), {
    size: 15.5,
    fill: p.ink,
    width: ctx.tall ? 320 : 480,
  });

  const block = (step: number): Block => {
    const { o, i, at } = where(step);
    const group = Math.floor(o / (O / G));
    const lines = Array.from({ length: C }, (_, k): Block => {
      const used = Math.floor(k / each) === group;
      const kernel = used ? w[o][k - group * each] : undefined;
      const s: Sliding = {
        key: `x${k}`,
        g: { ...g, groups: 1 },
        x: x[k],
        w: kernel ?? flat[0],
        y: y[o],
        roles: {
          x: { letter: short(k), title: "", hue: used ? hue(k) : mix(p.background, p.muted, 0.55) },
          w: { letter: "w", title: "", hue: p.filter },
          y: { letter: "y", title: "", hue: p.output },
        },
        cell,
        cells: "numbers",
        shade: "role",
        lead: 0,
        edit: { x: cellsOf("values", k) },
      };
      const input = named(`x${k}-name`, name(k), used ? hue(k) : p.muted, inputBlock(ctx, s, used ? at : null));
      const kernelGrid = grid(p, {
        key: `w${k}`,
        rows: spec.kernel[0],
        cols: spec.kernel[1],
        cell,
        look: (r, c) =>
          kernel
            ? {
                text: num(kernel[r][c]),
                fill: mix(tint(p, p.filter, 0.18), hue(k), 0.06),
                ink: p.ink,
                stroke: tint(p, p.filter, 0.6),
                label: `w[${o}] ${name(k)} (${r},${c}) = ${num(kernel[r][c])}`,
                cell: cellsOf("weights", o * each + k - group * each)(r, c),
              }
            : { fill: p.surface, dashed: true },
      });
      const slice = named(`w${k}-name`, used ? `w${O > 1 ? `[${o}]` : ""}` : " ", p.filter, kernelGrid);
      const parts: Block[] = [input, operator(`op${k}`, "correlation", used ? p.muted : p.faint), slice];
      const value = kernel ? num(share(o, k, at)) : "";
      parts.push(label(`eq${k}`, kernel ? "=" : "", { size: 20, fill: p.muted, width: 14 }));
      if (ctx.tall) {
        parts.push(label(`share${k}`, value, { size: 16, fill: hue(k), bold: true, width: 34 }));
      } else {
        const plane = makePlane(rows, cols, (r, c) => (kernel ? share(o, k, [r, c]) : 0));
        parts.push(
          named(
            `part${k}-name`,
            " ",
            p.muted,
            filling(`part${k}`, plane, hue(k), kernel ? i + 1 : 0, true, o * perFilter),
          ),
        );
      }
      return row(parts, 8);
    });
    const planes = Array.from({ length: O }, (_, q) => {
      const done = q < o ? perFilter : q === o ? i + 1 : 0;
      const plane = filling(`y${q}`, y[q], p.output, done, q === o, q * perFilter);
      return named(`y${q}-name`, t({ en: `filter ${q}`, ko: `필터 ${q}` }), q === o ? p.output : p.muted, plane);
    });
    // On narrow screens as many filters stand side by side as fit.
    const fit = ctx.tall ? Math.max(1, Math.floor(330 / (cols * cell + 16))) : 1;
    const outs = column(
      Array.from({ length: Math.ceil(O / fit) }, (_, i) => row(planes.slice(i * fit, (i + 1) * fit), 16)),
      12,
      "start",
    );
    const left = column(lines, 12, "start");
    // Channels flow into a sum, where the bias joins them.
    const gatherLines = canvas("gather", 84, left.h, (px, py) => {
      const heights = lines
        .map((_, k) => (k + 0.5) * (lines[0].h + 12) - 6)
        .filter((_, k) => Math.floor(k / each) === group);
      const target = py + (left.h - outs.h) / 2 + (o + 0.5) * ((outs.h + 12) / O) - 6 + 8;
      const ink = { stroke: p.muted, strokeWidth: 1.2 };
      const [sx, r] = [px + 36, 11];
      const added: SceneNode[] = spec.bias
        ? [text(px + 64, target + 18, 13, `+ ${factor(bias[o])}`, { fill: p.extra, bold: true })]
        : [];
      return [
        ...heights.map((h) => line(px, py + h + 8, sx, target, ink)),
        line(sx, target, px + 80, target, ink),
        line(px + 74, target - 5, px + 80, target, ink),
        line(px + 74, target + 5, px + 80, target, ink),
        circle(sx, target, r, { fill: p.background, stroke: p.muted, strokeWidth: 1.2 }),
        text(sx, target + 5, 14, "Σ", { fill: p.ink }),
        ...added,
      ];
    });
    const says = sums(step);
    const heads = [
      `${t({ en: "input", ko: "입력" })} ${C}×${spec.input[0]}×${spec.input[1]}`,
      `${t({ en: "weight", ko: "가중치" })} ${O}×${each}×${spec.kernel[0]}×${spec.kernel[1]}`,
      `${t({ en: "output", ko: "출력" })} ${O}×${rows}×${cols}`,
    ].join(", ");
    const shapes = label("shapes", heads, { size: 13, fill: p.muted, align: "start" });
    return ctx.tall
      ? column([left, says, outs, shapes], 14, "start")
      : column([row([left, gatherLines, outs], 10), says, shapes], 14, "start");
  };

  const kind =
    G === 1
      ? rgb
        ? t({ en: "Convolution of a colour picture", ko: "컬러(RGB) 이미지의 합성곱" })
        : C === 1
          ? t({ en: "One channel, several filters", ko: "한 채널, 여러 필터의 합성곱" })
          : t({ en: "Convolution of several channels", ko: "여러 채널의 합성곱" })
      : G === C
        ? t({ en: "Depthwise convolution", ko: "깊이별 합성곱" })
        : t({ en: `Grouped convolution: ${G} groups`, ko: `그룹 합성곱: 그룹 ${G}개` });
  const options = optionWords(ctx, g);
  return {
    title: options === "" ? kind : `${kind}${G > 1 && G < C ? ", " : ": "}${options}`,
    caption:
      G === 1
        ? t({
            en:
              "Each channel is multiplied by its own slice of the filter; the sums of all channels and the " +
              "bias make one cell of the output. Every filter makes one plane.",
            ko: "채널마다 필터의 해당 층을 곱한다. 모든 채널의 합에 편향(bias)을 더한 것이 출력 한 칸이고, 필터 하나가 출력 한 장을 만든다.",
          })
        : G === C
          ? t({
              en: "Depthwise: every channel is its own group, with its own filter; nothing is summed across channels.",
              ko: "깊이별(depthwise): 채널마다 따로 필터를 적용하며 채널끼리는 더하지 않는다.",
            })
          : t({ en: "A filter sees only the channels of its group.", ko: "필터는 자기 그룹의 채널만 본다." }),
    steps: O * perFilter,
    still: Math.floor(perFilter * (O - 1) + perFilter / 2),
    pace: (step) => (step === O * perFilter - 1 ? 2.5 : 0.8),
    block,
    sentence: (step) => {
      const { o, at } = where(step);
      const group = Math.floor(o / (O / G));
      const parts = Array.from({ length: C }, (_, k) => k)
        .filter((k) => Math.floor(k / each) === group)
        .map((k) => `${name(k)}: ${num(share(o, k, at))}`);
      if (spec.bias) parts.push(`${t({ en: "bias", ko: "편향" })}: ${num(bias[o])}`);
      const place = t({ en: `filter ${o}, output`, ko: `필터 ${o}, 출력` });
      return `${place} (${at[0]},${at[1]}) = ${parts.join(" + ")} ${equality(o, at)} ${num(y[o][at[0]][at[1]])}`;
    },
    numbers: [
      {
        option: "values",
        role: "input",
        planes: x.map((rows, k) => ({ name: `${t({ en: "Input", ko: "입력" })} ${name(k)}`, rows })),
      },
      {
        option: "weights",
        role: "filter",
        planes: flat.map((rows, i) => {
          const o = Math.floor(i / each);
          const k = Math.floor(o / (O / G)) * each + (i % each);
          return { name: `${t({ en: "Filter", ko: "필터" })} ${o}, ${name(k)}`, rows };
        }),
      },
    ],
  };
}

export const channels: Figure = defineFigure<ChannelsSpec>(
  "channels",
  { en: "several channels, filters and groups; RGB", ko: "여러 채널·필터·그룹, RGB" },
  {
    input: size([5, 5], 12, { en: "input size", ko: "입력 크기" }),
    channels: int(3, 1, 6, { en: "input channels", ko: "입력 채널 수" }),
    filters: int(2, 1, 6, { en: "filters", ko: "필터 수" }),
    groups: int(1, 1, 6, { en: "groups", ko: "그룹 수" }),
    kernel: size([3, 3], 5, { en: "kernel size", ko: "커널 크기" }),
    stride: pair(1, 1, 4, { en: "stride", ko: "스트라이드" }),
    padding: padding(
      [
        [0, 0],
        [0, 0],
      ],
      4,
      { en: "padding", ko: "패딩" },
    ),
    mode: choice(["zeros", "reflect", "replicate", "circular"], { en: "padding mode", ko: "패딩 방식" }),
    dilation: pair(1, 1, 4, { en: "dilation", ko: "팽창" }),
    bias: flag(true, { en: "bias", ko: "편향" }),
    values: numbers({ en: "numbers of the input", ko: "입력 값" }),
    weights: numbers({ en: "numbers of the filters", ko: "필터 값" }),
    seed: int(0, 0, 9999, { en: "which small numbers", ko: "난수 시드" }),
  },
  build,
);
