/** The transposed convolution, by stamping the kernel on the output or by gathering from a spread-out input. */
import { type ConvGeometry, kernelExtent, normaliseTransposedConv, spatialOutput } from "faltung/conv";
import { type Body, type Context, type Figure, defineFigure } from "../figure.ts";
import { type CellLook, frame, grid } from "../grid.ts";
import { type Block, canvas, column, label, overlay, row } from "../layout.ts";
import { type Plane, planesOr, someKernel, somePicture } from "../numbers.ts";
import { mix, tint } from "../palette.ts";
import { type Sliding, cellsOf, titled } from "../sliding.ts";
import { type Numbers, type PaddingText, type Size, choice, int, numbers, padding, pair, size } from "../spec.ts";
import { formula, num } from "../type.ts";
import { gather, slidingBody } from "./adjoint.ts";
import { cellSize, optionWords } from "./conv2d.ts";

interface TransposedSpec {
  readonly input: Size;
  readonly kernel: Size;
  readonly stride: Size;
  readonly padding: PaddingText;
  readonly outputpadding: Size;
  readonly dilation: Size;
  readonly view: "scatter" | "gather";
  readonly values: Numbers;
  readonly weights: Numbers;
  readonly seed: number;
}

const by = (plane: Plane): string => `${plane.length}×${plane[0].length}`;

/** The stamping picture: every input cell multiplies the whole kernel and adds it to the output. */
function scatter(ctx: Context, g: ConvGeometry, x: Plane, w: Plane, roles: Sliding["roles"], title: string): Body {
  const { p, t } = ctx;
  const size = spatialOutput(g, [x.length, x[0].length], "convTranspose2d");
  const [top, left] = [g.padding[0][0], g.padding[1][0]];
  const full = [size[0] + top + g.padding[0][1], size[1] + left + g.padding[1][1]];
  const steps = x.length * x[0].length;
  const across = ctx.tall ? Math.max(full[1], x[0].length + w[0].length + 2) : x[0].length + w[0].length + full[1];
  const cell = cellSize(across, ctx.tall);
  const source = (i: number): [number, number] => [Math.floor(i / x[0].length), i % x[0].length];
  /** What input cell i adds at (r, c) of the uncropped output; undefined if it does not reach there. */
  const stamp = (i: number, r: number, c: number): number | undefined => {
    const [ir, ic] = source(i);
    const tr = (r - ir * g.stride[0]) / g.dilation[0];
    const tc = (c - ic * g.stride[1]) / g.dilation[1];
    const weight = w[tr]?.[tc];
    return weight === undefined ? undefined : weight * x[ir][ic];
  };
  const total = (upTo: number, r: number, c: number): number => {
    let sum = 0;
    for (let i = 0; i <= upTo; i++) sum += stamp(i, r, c) ?? 0;
    return sum;
  };
  const block = (step: number): Block => {
    const [ir, ic] = source(step);
    const input = grid(p, {
      key: "x",
      rows: x.length,
      cols: x[0].length,
      cell,
      loose: true,
      look: (r, c) => ({
        text: num(x[r][c]),
        fill: tint(p, roles.x.hue, r === ir && c === ic ? 0.5 : 0.2),
        ink: p.ink,
        bold: r === ir && c === ic,
        stroke: tint(p, roles.x.hue, 0.45),
        step: r * x[0].length + c,
        label: `${roles.x.letter}(${r},${c}) = ${num(x[r][c])}`,
        cell: `values/0/${r}/${c}`,
      }),
    });
    const mark = canvas("x-now", 0, 0, (px, py) => [
      frame(px, py, cell, { r: ir, c: ic, rows: 1, cols: 1 }, roles.x.hue),
    ]);
    const stamped = grid(p, {
      key: "w",
      rows: w.length,
      cols: w[0].length,
      cell,
      look: (r, c) => ({
        text: num(w[r][c]),
        fill: tint(p, roles.w.hue, 0.2),
        ink: p.ink,
        stroke: tint(p, roles.w.hue, 0.6),
        label: `${roles.w.letter}(${r},${c}) = ${num(w[r][c])}`,
        cell: `weights/0/${r}/${c}`,
      }),
    });
    const output = grid(p, {
      key: "y",
      rows: full[0],
      cols: full[1],
      cell,
      loose: true,
      look: (r, c): CellLook => {
        const cropped = r < top || c < left || r >= top + size[0] || c >= left + size[1];
        const added = stamp(step, r, c);
        const reached = Array.from({ length: step + 1 }, (_, i) => stamp(i, r, c)).some((v) => v !== undefined);
        const value = num(total(step, r, c));
        const common = {
          text: reached ? value : "",
          dashed: cropped,
          ...(!cropped && { label: `${roles.y.letter}(${r - top},${c - left}) = ${value}` }),
        };
        if (added !== undefined) {
          return {
            ...common,
            fill: mix(p.background, roles.w.hue, 0.28),
            ink: p.ink,
            bold: true,
            stroke: roles.w.hue,
            note: { text: `${added < 0 ? "" : "+"}${num(added)}`, fill: mix(roles.w.hue, p.ink, 0.3) },
          };
        }
        if (cropped) return { ...common, fill: p.background, ink: p.muted, stroke: p.muted };
        return {
          ...common,
          fill: reached ? tint(p, roles.y.hue, 0.2) : p.surface,
          ink: p.ink,
          stroke: reached ? tint(p, roles.y.hue, 0.5) : p.faint,
        };
      },
    });
    const window = canvas("y-frame", 0, 0, (px, py) => [
      frame(
        px,
        py,
        cell,
        {
          r: ir * g.stride[0],
          c: ic * g.stride[1],
          rows: kernelExtent(g.kernel[0], g.dilation[0]),
          cols: kernelExtent(g.kernel[1], g.dilation[1]),
        },
        roles.w.hue,
      ),
    ]);
    const isCropped = full[0] !== size[0] || full[1] !== size[1];
    const crop = `${size[0]}×${size[1]}${isCropped ? t({ en: ", dashed cells cut off", ko: ", 점선 칸은 잘라 냄" }) : ""}`;
    const parts = [
      titled("x", ctx, roles.x, by(x), overlay([input, mark])),
      label("times", "×", { size: 26, fill: p.muted, width: 22 }),
      titled("w", ctx, roles.w, by(w), stamped),
      label("to", "→", { size: 26, fill: p.muted, width: 26 }),
      titled("y", ctx, roles.y, crop, overlay([output, window])),
    ];
    const picture = ctx.tall ? column([row(parts.slice(0, 3), 10), parts[4]], 14) : row(parts, 14);
    const says = [
      { text: num(x[ir][ic]), fill: roles.x.hue, bold: true },
      { text: " × " },
      ...formula(`*${roles.w.letter}*`, roles.w.hue),
      { text: t({ en: " is added to the output at ", ko: "를 출력의 " }) },
      { text: `(${num(ir * g.stride[0] - top)}, ${num(ic * g.stride[1] - left)})`, fill: roles.y.hue },
      { text: t({ en: "", ko: "부터 더한다" }) },
    ];
    const extent = kernelExtent(g.kernel[0], g.dilation[0]);
    const [begin, end] = g.padding[0];
    const product = `(${x.length} − 1)·${g.stride[0]}`;
    const sizes = `${product} − ${begin} − ${end} + ${extent} + ${g.outputPadding[0]} = ${size[0]}`;
    return column(
      [
        picture,
        label("says", says, { size: 15, fill: p.ink, width: ctx.tall ? 320 : 460, align: "start" }),
        label("size", `${t({ en: "output size", ko: "출력 크기" })}: ${sizes}`, {
          size: 13.5,
          fill: p.muted,
          width: ctx.tall ? 320 : 460,
          align: "start",
        }),
      ],
      12,
      ctx.tall ? "middle" : "start",
    );
  };
  return {
    title,
    caption: t({
      en:
        "Every input cell multiplies the whole kernel and adds it to the output, stride cells further each " +
        "time: the transpose of a convolution (not its inverse).",
      ko: "입력 한 칸이 커널 전체에 곱해져 출력에 더해지고, 다음 칸은 스트라이드만큼 옮겨 더해진다. 합성곱의 전치(transposed convolution)이며 역연산은 아니다.",
    }),
    steps,
    still: Math.floor(steps / 2),
    pace: (step) => (step === steps - 1 ? 2 : 1),
    block,
    sentence: (step) => {
      const [r, c] = source(step);
      const list = w.flatMap((line) => line.map((v) => num(v * x[r][c]))).join(", ");
      return t({
        en: `Input (${r},${c}) = ${num(x[r][c])} times the kernel adds ${list} to the output.`,
        ko: `입력 (${r},${c}) = ${num(x[r][c])}에 커널을 곱해 출력에 더한다: ${list}.`,
      });
    },
  };
}

function buildTransposed(spec: TransposedSpec, ctx: Context): Body {
  const { t, p } = ctx;
  const x = planesOr(spec.values, 1, spec.input, "values", () => somePicture(spec.input, spec.seed))[0];
  const w = planesOr(spec.weights, 1, spec.kernel, "weights", () => someKernel(spec.kernel, spec.seed))[0];
  const g = normaliseTransposedConv(
    { stride: spec.stride, padding: spec.padding, dilation: spec.dilation, outputPadding: spec.outputpadding },
    spec.kernel,
    "convTranspose2d",
  );
  const roles = {
    x: { letter: "x", title: t({ en: "Input", ko: "입력" }), hue: p.input },
    w: { letter: "w", title: t({ en: "Kernel", ko: "커널" }), hue: p.filter },
    y: { letter: "y", title: t({ en: "Output", ko: "출력" }), hue: p.output },
  };
  const options = optionWords(ctx, g);
  const name = t({ en: "Transposed convolution", ko: "전치 합성곱" });
  const title = options === "" ? name : `${name}: ${options}`;
  const numbers: Body["numbers"] = [
    { option: "values", role: "input", planes: [{ name: roles.x.title, rows: x }] },
    { option: "weights", role: "filter", planes: [{ name: roles.w.title, rows: w }] },
  ];
  if (spec.view === "scatter") return { ...scatter(ctx, g, x, w, roles, title), numbers };
  const edit = {
    x: (r: number, c: number) => cellsOf("values")(r / g.stride[0], c / g.stride[1]),
    w: cellsOf("weights"),
  };
  const body = slidingBody(
    ctx,
    { ...gather(ctx, g, x, w, roles), edit },
    title,
    t({
      en:
        "The same result by gathering: zeros are put between the input's cells, the border is padded, and " +
        "the turned kernel slides over it at stride 1.",
      ko: "같은 결과를 모으기로 구한다. 입력 칸 사이에 0을 끼우고 둘레를 패딩한 뒤, 뒤집은 커널을 스트라이드 1로 미끄러뜨린다.",
    }),
    "",
  );
  return { ...body, numbers };
}

export const transposed: Figure = defineFigure<TransposedSpec>(
  "transposed",
  { en: "transposed convolution, by stamping or by gathering", ko: "전치 합성곱: 찍기 또는 모으기" },
  {
    input: size([3, 3], 12, { en: "input size", ko: "입력 크기" }),
    kernel: size([3, 3], 7, { en: "kernel size", ko: "커널 크기" }),
    stride: pair(2, 1, 5, { en: "stride", ko: "스트라이드" }),
    padding: padding(
      [
        [1, 1],
        [1, 1],
      ],
      6,
      { en: "padding", ko: "패딩" },
    ),
    outputpadding: pair(0, 0, 5, { en: "output padding", ko: "출력 패딩" }),
    dilation: pair(1, 1, 4, { en: "dilation", ko: "팽창" }),
    view: choice(["scatter", "gather"], { en: "stamp or gather", ko: "찍기/모으기" }),
    values: numbers({ en: "numbers of the input", ko: "입력 값" }),
    weights: numbers({ en: "numbers of the kernel", ko: "커널 값" }),
    seed: int(0, 0, 9999, { en: "which small numbers", ko: "난수 시드" }),
  },
  buildTransposed,
);
