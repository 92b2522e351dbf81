/** Two-dimensional convolution on one channel: every option, real numbers, the whole sum. */
import { type ConvGeometry, type PaddingMode, normaliseConv } from "faltung/conv";
import { type Body, type Context, type Figure, defineFigure } from "../figure.ts";
import { type Block, column, label, overlay, row } from "../layout.ts";
import { KERNELS, type Plane, convPlanes, planesOr, someKernel, somePicture } from "../numbers.ts";
import {
  type Sliding,
  cellsOf,
  inputBlock,
  kernelBlock,
  operator,
  outputBlock,
  outputs,
  paddedSize,
  place,
  sizeFormula,
  spoken,
  sumBlock,
  titled,
} from "../sliding.ts";
import {
  type FieldsOf,
  type Numbers,
  type PaddingText,
  type Size,
  choice,
  flag,
  int,
  numbers,
  padding,
  pair,
  size,
} from "../spec.ts";

export interface Conv2dSpec {
  readonly input: Size;
  readonly kernel: Size;
  readonly stride: Size;
  readonly padding: PaddingText;
  readonly mode: PaddingMode;
  readonly dilation: Size;
  readonly flip: boolean;
  readonly values: Numbers;
  readonly weights: Numbers;
  readonly named: string;
  readonly seed: number;
  readonly cells: "numbers" | "symbols" | "none";
  readonly shade: "role" | "value";
}

export const CONV2D_FIELDS: FieldsOf<Conv2dSpec> = {
  input: size([5, 5], 32, { en: "input size", ko: "입력 크기" }),
  kernel: size([3, 3], 11, { en: "kernel size", ko: "커널 크기" }),
  stride: pair(1, 1, 8, { en: "stride", ko: "스트라이드" }),
  padding: padding(
    [
      [0, 0],
      [0, 0],
    ],
    10,
    { en: "padding", ko: "패딩" },
  ),
  mode: choice(["zeros", "reflect", "replicate", "circular"], { en: "padding mode", ko: "패딩 방식" }),
  dilation: pair(1, 1, 6, { en: "dilation", ko: "팽창" }),
  flip: flag(false, { en: "turn the kernel (true convolution)", ko: "커널 뒤집기(수학의 합성곱)" }),
  values: numbers({ en: "numbers of the input", ko: "입력 값" }),
  weights: numbers({ en: "numbers of the kernel", ko: "커널 값" }),
  named: choice(["none", ...Object.keys(KERNELS)], { en: "a kernel by name", ko: "이름난 커널" }),
  seed: int(0, 0, 9999, { en: "which small numbers", ko: "난수 시드" }),
  cells: choice(["numbers", "symbols", "none"], { en: "what stands in the cells", ko: "칸의 내용" }),
  shade: choice(["role", "value"], { en: "colour by role or by value", ko: "역할별/값별 색" }),
};

/** Frames in which the kernel turns, before a flipped convolution starts. */
export const TURN = 5;

const by = ([r, c]: readonly [number, number] | readonly number[]): string => `${r}×${c}`;

/** The side of a cell for a picture `cells` wide. */
export function cellSize(cells: number, tall: boolean): number {
  return Math.max(10, Math.min(44, Math.floor((tall ? 330 : 760) / cells)));
}

/** "1"; "1 above and below, 2 at the sides"; "0 above, 1 below, 2 left, 1 right". */
export function paddingWords(ctx: Context, [rows, cols]: readonly (readonly number[])[]): string {
  const [top, bottom, left, right] = [...rows, ...cols];
  const even = top === bottom && left === right;
  if (even && top === left) return String(top);
  return even
    ? ctx.t({ en: `${top} above and below, ${left} at the sides`, ko: `위아래 ${top}, 좌우 ${left}` })
    : ctx.t({
        en: `${top} above, ${bottom} below, ${left} left, ${right} right`,
        ko: `위 ${top}, 아래 ${bottom}, 왼쪽 ${left}, 오른쪽 ${right}`,
      });
}

/** Options in words: "stride 2, padding 1". Only what differs from the usual. */
export function optionWords(ctx: Context, g: ConvGeometry): string {
  const list: string[] = [];
  const say = (en: string, ko: string, v: readonly number[], usual: number): void => {
    if (v.some((n) => n !== usual)) list.push(`${ctx.t({ en, ko })} ${v[0] === v[1] ? v[0] : v.join(",")}`);
  };
  say("stride", "스트라이드", g.stride, 1);
  const sides = g.padding.flat();
  if (sides.some((n) => n > 0)) {
    const mode = {
      zeros: { en: "", ko: "" },
      reflect: { en: " (reflect)", ko: " (반사)" },
      replicate: { en: " (replicate)", ko: " (가장자리 복제)" },
      circular: { en: " (circular)", ko: " (순환)" },
    }[g.paddingMode];
    list.push(`${ctx.t({ en: "padding", ko: "패딩" })} ${paddingWords(ctx, g.padding)}${ctx.t(mode)}`);
  }
  say("output padding", "출력 패딩", g.outputPadding, 0);
  say("dilation", "팽창", g.dilation, 1);
  return list.join(", ");
}

/** Size and padding under the input's title. */
export function inputSize(ctx: Context, s: Sliding): string {
  const plain = by([s.x.length, s.x[0].length]);
  const padded = by(paddedSize(s));
  const real = by(
    [s.x, s.x[0]].map((cells, d) => [...cells.keys()].filter((i) => !s.hole?.(d ? 0 : i, d ? i : 0)).length),
  );
  if (real !== plain) {
    return ctx.t({ en: `${real}, with zeros between ${plain}`, ko: `${real}, 0을 끼워 ${plain}` });
  }
  return plain === padded ? plain : ctx.t({ en: `${plain}, padded ${padded}`, ko: `${plain}, 패딩 후 ${padded}` });
}

/** Input ⋆ kernel = output, in a row or, on narrow screens, in two; the sum below. */
export function equation(ctx: Context, s: Sliding, step: number, turn: number): Block {
  const index = step - s.lead;
  const at = index < 0 ? null : place(s, index);
  const { p } = ctx;
  const sign = (key: string, text: string): Block =>
    label(`${s.key}-${key}`, text, { size: 26, fill: p.muted, width: 22 });
  const kernelHint = turn === 1 ? ctx.t({ en: " turned", ko: " (뒤집음)" }) : "";
  const input = titled(`${s.key}-x`, ctx, s.roles.x, inputSize(ctx, s), inputBlock(ctx, s, at));
  const kernelRoom = Math.max(s.w.length, s.w[0].length) * s.cell * (s.lead > 0 ? 1.42 : 1);
  const kernelGrid = kernelBlock(ctx, s, turn);
  const kernel = titled(
    `${s.key}-w`,
    ctx,
    s.roles.w,
    `${by([s.w.length, s.w[0].length])}${kernelHint}`,
    s.lead > 0
      ? overlay([
          {
            w: kernelRoom,
            h: kernelRoom,
            draw: (x, y) => kernelGrid.draw(x + (kernelRoom - kernelGrid.w) / 2, y + (kernelRoom - kernelGrid.h) / 2),
          },
        ])
      : kernelGrid,
  );
  const output = titled(
    `${s.key}-y`,
    ctx,
    s.roles.y,
    by([s.y.length, s.y[0].length]),
    outputBlock(ctx, s, Math.max(index + 1, 0)),
  );
  const star = operator(`${s.key}-op`, s.g.flip ? "convolution" : "correlation", p.muted);
  const equals = sign("eq", "=");
  return ctx.tall
    ? column([input, row([star, kernel, equals, output], 8)], 12)
    : row([input, star, kernel, equals, output], 14);
}

/** Everything that a sliding kernel's figure shows at one step. */
export function slidingBlock(ctx: Context, s: Sliding, step: number, turn: number, notes: readonly string[]): Block {
  const index = step - s.lead;
  const at = index < 0 ? null : place(s, index);
  const parts: Block[] = [equation(ctx, s, step, turn)];
  const sum = s.cells === "none" ? [] : [sumBlock(ctx, s, at)];
  const lines = notes.map((note, i) =>
    label(`${s.key}-note${i}`, note, { size: 13.5, fill: ctx.p.muted, align: ctx.tall ? "middle" : "start" }),
  );
  if (ctx.tall) parts.push(...sum, column(lines, 2));
  else parts.push(row([...sum, column(lines, 2, "start")], 56, "start"));
  return column(parts, ctx.tall ? 14 : 18, ctx.tall ? "middle" : "start");
}

/** The usual roles and their hues. */
export function usualRoles(ctx: Context): Sliding["roles"] {
  return {
    x: { letter: "x", title: ctx.t({ en: "Input", ko: "입력" }), hue: ctx.p.input },
    w: { letter: "w", title: ctx.t({ en: "Kernel", ko: "커널" }), hue: ctx.p.filter },
    y: { letter: "y", title: ctx.t({ en: "Output", ko: "출력" }), hue: ctx.p.output },
  };
}

/** Kernel by numbers, by name, or made up; a named one decides the size. */
export function kernelOf(spec: Pick<Conv2dSpec, "kernel" | "weights" | "named" | "seed">): Plane {
  if (spec.weights !== null) return spec.weights[0];
  return KERNELS[spec.named]?.rows ?? someKernel(spec.kernel, spec.seed);
}

/** Geometry and numbers of a conv2d figure. @throws ShapeError, OptionError */
export function slidingOf(ctx: Context, spec: Conv2dSpec, key = "c"): Sliding {
  const w = kernelOf(spec);
  const g = normaliseConv(
    { stride: spec.stride, padding: spec.padding, dilation: spec.dilation, paddingMode: spec.mode, flip: spec.flip },
    [w.length, w[0].length],
    "conv2d",
  );
  const x =
    spec.values !== null
      ? spec.values[0]
      : planesOr(null, 1, spec.input, "values", () => somePicture(spec.input, spec.seed))[0];
  const y = convPlanes(g, [x], [[w]])[0];
  const s: Sliding = {
    key,
    g,
    x,
    w,
    y,
    roles: usualRoles(ctx),
    cell: 44,
    cells: spec.cells,
    shade: spec.shade,
    lead: spec.flip ? TURN : 0,
    edit: { x: cellsOf("values"), w: cellsOf("weights") },
  };
  const padded = paddedSize(s)[1];
  const across = ctx.tall ? Math.max(padded, w[0].length + y[0].length + 2) : padded + w[0].length + y[0].length;
  return { ...s, cell: cellSize(across, ctx.tall) };
}

function build(spec: Conv2dSpec, ctx: Context): Body {
  const s = slidingOf(ctx, spec);
  const options = optionWords(ctx, s.g);
  const name = spec.flip
    ? ctx.t({ en: "2-D convolution (kernel turned)", ko: "2차원 합성곱 (커널을 뒤집음)" })
    : ctx.t({ en: "2-D convolution", ko: "2차원 합성곱" });
  const isNamed = spec.named !== "none" && spec.weights === null;
  const kernelName = isNamed ? ctx.t(KERNELS[spec.named].words) : "";
  const dropped = s.g.padding.some((_, d) => (d === 0 ? paddedSize(s)[0] : paddedSize(s)[1]) - reach(s, d) > 0);
  const caption = [
    spec.flip
      ? ctx.t({
          en:
            "True convolution: the kernel is first turned by 180°, then slid over the input; each cell of " +
            "the output is the sum of the products under the window.",
          ko: "수학의 합성곱(convolution): 커널을 먼저 180° 돌린 뒤 입력 위를 미끄러뜨린다. 창 아래 곱들의 합이 출력 한 칸이 된다.",
        })
      : ctx.t({
          en:
            "The kernel slides over the input as it is (cross-correlation, which deep learning calls " +
            "convolution); each cell of the output is the sum of the products under the window.",
          ko: "커널을 뒤집지 않고 입력 위를 미끄러뜨린다(교차상관(cross-correlation), 딥러닝에서는 이를 합성곱이라 부른다). 창 아래 곱들의 합이 출력 한 칸이 된다.",
        }),
    dropped
      ? ctx.t({
          en: "Hatched cells are never reached: the output size is rounded down.",
          ko: "빗금 친 칸에는 창이 닿지 않는다. 출력 크기를 내림하기 때문이다.",
        })
      : "",
  ];
  return {
    title: [name, [kernelName, options].filter((o) => o !== "").join(", ")].filter((o) => o !== "").join(": "),
    caption: caption.filter((c) => c !== "").join(" "),
    steps: s.lead + outputs(s),
    still: s.lead + Math.floor(outputs(s) / 2),
    pace: (step) => (step === 0 && s.lead > 0 ? 1.6 : step < s.lead ? 0.5 : step === s.lead + outputs(s) - 1 ? 2 : 1),
    block: (step) =>
      slidingBlock(
        ctx,
        s,
        step,
        turnAt(s, step),
        sizeFormula(ctx, s.g, [s.x.length, s.x[0].length], [s.y.length, s.y[0].length]),
      ),
    sentence: (step) =>
      step < s.lead
        ? ctx.t({ en: "The kernel is turned by half a turn.", ko: "커널을 반 바퀴 돌린다." })
        : spoken(s, place(s, step - s.lead)),
    numbers: [
      { option: "values", role: "input", planes: [{ name: s.roles.x.title, rows: s.x }] },
      { option: "weights", role: "filter", planes: [{ name: s.roles.w.title, rows: s.w }] },
    ],
  };
}

/** Half turns of the kernel at a step: 0 to 1 during the lead, then 1 if flipped. */
export function turnAt(s: Sliding, step: number): number {
  if (s.lead === 0) return s.g.flip ? 1 : 0;
  return Math.min(step / (s.lead - 1), 1);
}

/** Cells of the padded input from the first to the last that a window covers. */
function reach(s: Sliding, d: number): number {
  const out = d === 0 ? s.y.length : s.y[0].length;
  return (out - 1) * s.g.stride[d] + s.g.dilation[d] * (s.g.kernel[d] - 1) + 1;
}

export const conv2d: Figure = defineFigure<Conv2dSpec>(
  "conv2d",
  { en: "2-D convolution on one channel", ko: "한 채널의 2차원 합성곱" },
  CONV2D_FIELDS,
  build,
);
