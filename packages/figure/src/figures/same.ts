/** "same" twice: PyTorch's padding and TensorFlow's SAME on one input. With a stride they are different things. */
import { normaliseConv, samePadding, samePaddingTF } from "faltung/conv";
import { type Body, type Context, type Figure, defineFigure } from "../figure.ts";
import { type Block, column, label } from "../layout.ts";
import { convPlanes, makePlane } from "../numbers.ts";
import { type Sliding, outputs, paddedSize, place, spoken } from "../sliding.ts";
import { type Size, int, pair, size } from "../spec.ts";
import { cellSize, equation, paddingWords, usualRoles } from "./conv2d.ts";

interface SameSpec {
  readonly input: Size;
  readonly kernel: number;
  readonly stride: Size;
  readonly dilation: number;
}

function build(spec: SameSpec, ctx: Context): Body {
  const { t } = ctx;
  const [rows, cols] = spec.input;
  const { kernel: k, stride, dilation } = spec;
  // A ramp and a kernel of ones: sums that differ wherever the window stands elsewhere.
  const x = makePlane(rows, cols, (r, c) => r * cols + c);
  const w = makePlane(k, k, () => 1);
  const make = (key: string, padding: readonly (readonly [number, number])[]): Sliding => {
    const g = normaliseConv({ stride, dilation, padding }, [k, k], "conv2d");
    const y = convPlanes(g, [x], [[w]])[0];
    const s = { key, g, x, w, y, roles: usualRoles(ctx), cell: 30, cells: "numbers", shade: "role", lead: 0 } as const;
    const across = paddedSize(s)[1] + (ctx.tall ? 0 : k + y[0].length);
    return { ...s, cell: Math.min(34, cellSize(across, ctx.tall)) };
  };
  const torch = make("pt", [samePadding(k, dilation), samePadding(k, dilation)]);
  const flow = make(
    "tf",
    spec.input.map((n, d) => samePaddingTF(n, k, stride[d], dilation)),
  );
  const cell = Math.min(torch.cell, flow.cell);
  const both = [
    { ...torch, cell },
    { ...flow, cell },
  ];
  const strided = stride.some((n) => n > 1);
  const steps = Math.max(...both.map(outputs));
  const at = (s: Sliding, step: number): number => Math.min(step, outputs(s) - 1);
  return {
    title: t({ en: "“same” in PyTorch and in TensorFlow", ko: "PyTorch의 same과 TensorFlow의 SAME" }),
    caption: t({
      en:
        (strided
          ? "PyTorch takes padding='same' only at stride 1; shown is what its networks write instead, padding by " +
            "the kernel alone. "
          : "PyTorch pads by the kernel alone. ") +
        "TensorFlow pads so that ceil(input / stride) windows fit, and puts an odd cell at the end" +
        (strided ? ": with a stride the windows stand elsewhere." : ". Without a stride the two agree."),
      ko:
        (strided
          ? "PyTorch의 padding='same'은 스트라이드 1에서만 쓸 수 있어서, 대신 흔히 쓰는 대로 커널 크기에만 맞춘 패딩을 그렸다. "
          : "PyTorch는 커널 크기만으로 패딩을 정한다. ") +
        "TensorFlow는 창이 ceil(입력 / 스트라이드)개 들어가도록 패딩하고 남는 한 칸을 끝에 둔다. " +
        (strided ? "그래서 스트라이드가 있으면 창의 위치가 달라진다." : "스트라이드가 1이면 둘이 같다."),
    }),
    steps,
    block: (step): Block =>
      column(
        both.map((s, i) =>
          column(
            [
              label(
                `${s.key}-name`,
                `${i === 0 ? "PyTorch" : "TensorFlow"}: ${t({ en: "padding", ko: "패딩" })} ${paddingWords(ctx, s.g.padding)}`,
                { size: 16, fill: ctx.p.ink, bold: true, align: "start" },
              ),
              equation(ctx, s, at(s, step), 0),
            ],
            10,
            "start",
          ),
        ),
        28,
        "start",
      ),
    sentence: (step) =>
      both.map((s, i) => `${i === 0 ? "PyTorch" : "TensorFlow"}: ${spoken(s, place(s, at(s, step)))}`).join("; "),
  };
}

export const same: Figure = defineFigure<SameSpec>(
  "same",
  { en: "“same” padding of PyTorch and of TensorFlow", ko: "PyTorch와 TensorFlow의 same 패딩" },
  {
    input: size([6, 6], 16, { en: "input size", ko: "입력 크기" }),
    kernel: int(3, 1, 7, { en: "kernel size", ko: "커널 크기" }),
    stride: pair(2, 1, 4, { en: "stride", ko: "스트라이드" }),
    dilation: int(1, 1, 3, { en: "dilation", ko: "팽창" }),
  },
  build,
);
