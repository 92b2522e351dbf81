/** The two gradients of a convolution, drawn as the convolutions that they are. */
import { inputGradient, normaliseConv, spatialOutput, weightGradient } from "faltung/conv";
import { type Body, type Context, type Figure, defineFigure } from "../figure.ts";
import { convPlanes, hashInt, makePlane, somePicture } from "../numbers.ts";
import { type Role, type Sliding, cellsOf } from "../sliding.ts";
import { type Numbers, type PaddingText, type Size, choice, int, numbers, padding, pair, size } from "../spec.ts";
import { gather, slidingBody } from "./adjoint.ts";
import { cellSize, kernelOf, optionWords } from "./conv2d.ts";

interface BackwardSpec {
  readonly input: Size;
  readonly kernel: Size;
  readonly stride: Size;
  readonly padding: PaddingText;
  readonly dilation: Size;
  readonly of: "dx" | "dw";
  readonly weights: Numbers;
  readonly seed: number;
}

function buildBackward(spec: BackwardSpec, ctx: Context): Body {
  const { t, p } = ctx;
  const w = kernelOf({ kernel: spec.kernel, weights: spec.weights, named: "none", seed: spec.seed });
  const g = normaliseConv(
    { stride: spec.stride, padding: spec.padding, dilation: spec.dilation },
    [w.length, w[0].length],
    "conv2d",
  );
  const [rows, cols] = spatialOutput(g, spec.input, "conv2d");
  const dy = makePlane(rows, cols, (r, c) => hashInt(spec.seed + 300, r * cols + c, -2, 2));
  const role = (letter: string, en: string, ko: string, hue: string): Role => ({ letter, title: t({ en, ko }), hue });
  const gradientY = role("dy", "Gradient of y", "y의 기울기", p.output);
  const options = optionWords(ctx, g);
  const name =
    spec.of === "dx"
      ? t({ en: "Gradient by the input", ko: "입력에 대한 기울기" })
      : t({ en: "Gradient by the kernel", ko: "커널에 대한 기울기" });
  const title = options === "" ? name : `${name}: ${options}`;
  if (spec.of === "dx") {
    const kernel = role("w", "Kernel", "커널", p.filter);
    const s = gather(ctx, inputGradient(g, spec.input), dy, w, {
      x: gradientY,
      w: kernel,
      y: role("dx", "Gradient of x", "x의 기울기", p.input),
    });
    const body = slidingBody(
      ctx,
      { ...s, edit: { w: cellsOf("weights") } },
      title,
      t({
        en:
          "dL/dx is a convolution of dL/dy with the turned kernel: the stride becomes zeros between the " +
          "cells, padding p becomes d(k−1) − p.",
        ko: "dL/dx는 dL/dy를 뒤집은 커널로 합성곱한 것이다. 스트라이드는 칸 사이의 0이 되고, 패딩 p는 d(k−1) − p가 된다.",
      }),
      "dL/dx = dL/dy ∗ w",
    );
    return { ...body, numbers: [{ option: "weights", role: "filter", planes: [{ name: kernel.title, rows: w }] }] };
  }
  const x = somePicture(spec.input, spec.seed);
  const back = weightGradient(g, [rows, cols]);
  const whole = convPlanes(back, [x], [[dy]])[0];
  const dw = makePlane(w.length, w[0].length, (r, c) => whole[r][c]); // what the floor dropped makes no gradient
  const roles = {
    x: role("x", "Input", "입력", p.input),
    w: gradientY,
    y: role("dw", "Gradient of w", "w의 기울기", p.filter),
  };
  const across = x[0].length + g.padding[1][0] + g.padding[1][1] + (ctx.tall ? 0 : cols + w[0].length);
  const s: Sliding = {
    key: "b",
    g: back,
    x,
    w: dy,
    y: dw,
    roles,
    cell: cellSize(across, ctx.tall),
    cells: "numbers",
    shade: "role",
    lead: 0,
  };
  return slidingBody(
    ctx,
    s,
    title,
    t({
      en: "dL/dw is a cross-correlation of the input with dL/dy: stride and dilation have changed places.",
      ko: "dL/dw는 입력과 dL/dy의 교차상관이다. 스트라이드와 팽창이 자리를 바꾼다.",
    }),
    "dL/dw = x ⋆ dL/dy",
  );
}

export const backward: Figure = defineFigure<BackwardSpec>(
  "backward",
  { en: "the gradients of a convolution, drawn as convolutions", ko: "합성곱으로 그린 합성곱의 기울기" },
  {
    input: size([5, 5], 12, { en: "input size", ko: "입력 크기" }),
    kernel: size([3, 3], 7, { en: "kernel size", ko: "커널 크기" }),
    stride: pair(1, 1, 4, { en: "stride", ko: "스트라이드" }),
    padding: padding(
      [
        [0, 0],
        [0, 0],
      ],
      6,
      { en: "padding", ko: "패딩" },
    ),
    dilation: pair(1, 1, 3, { en: "dilation", ko: "팽창" }),
    of: choice(["dx", "dw"], { en: "which gradient", ko: "어느 기울기" }),
    weights: numbers({ en: "numbers of the kernel", ko: "커널 값" }),
    seed: int(0, 0, 9999, { en: "which small numbers", ko: "난수 시드" }),
  },
  buildBackward,
);
