/** Pooling: the largest or the mean of each window, with PyTorch's rules for the padding and for ceil mode. */
import { kernelExtent, poolOutputSize } from "faltung/conv";
import { type Body, type Context, type Figure, defineFigure } from "../figure.ts";
import { type CellLook, frame, grid } from "../grid.ts";
import { type Block, canvas, column, label, overlay, paragraphs, row } from "../layout.ts";
import { planesOr, somePicture } from "../numbers.ts";
import { inkOn, mix, tint } from "../palette.ts";
import type { Run } from "../scene.ts";
import { titled } from "../sliding.ts";
import { type Numbers, type Size, choice, flag, int, numbers, pair, size } from "../spec.ts";
import { equals, formula, leading, num } from "../type.ts";
import { cellSize } from "./conv2d.ts";

interface PoolSpec {
  readonly op: "max" | "average";
  readonly input: Size;
  readonly kernel: Size;
  readonly stride: Size;
  readonly padding: Size;
  readonly dilation: Size;
  readonly ceil: boolean;
  readonly countpad: boolean;
  readonly values: Numbers;
  readonly seed: number;
}

/** What a window holds at one place: a number, padding, or nothing (beyond the padding, in ceil mode). */
interface Seen {
  readonly r: number;
  readonly c: number;
  readonly kind: "cell" | "padding" | "beyond";
  readonly value: number;
}

function build(spec: PoolSpec, ctx: Context): Body {
  const { p, t } = ctx;
  const x = planesOr(spec.values, 1, spec.input, "values", () => somePicture(spec.input, spec.seed + 3))[0];
  const n = [x.length, x[0].length];
  const { kernel: k, stride, padding, dilation } = spec;
  const max = spec.op === "max";
  const out = n.map((size, d) =>
    poolOutputSize(
      size,
      k[d],
      stride[d],
      [padding[d], padding[d]],
      max ? dilation[d] : 1,
      spec.ceil,
      `${spec.op} pool`,
    ),
  );
  const step2 = (d: number): number => (max ? dilation[d] : 1);
  // Rows and columns that are drawn: the padded input, and what the last windows overhang.
  const shown = n.map((size, d) =>
    Math.max(size + 2 * padding[d], (out[d] - 1) * stride[d] + kernelExtent(k[d], step2(d))),
  );
  const window = (i: number): Seen[] => {
    const [or, oc] = [Math.floor(i / out[1]), i % out[1]];
    return Array.from({ length: k[0] * k[1] }, (_, j): Seen => {
      const r = or * stride[0] - padding[0] + Math.floor(j / k[1]) * step2(0);
      const c = oc * stride[1] - padding[1] + (j % k[1]) * step2(1);
      const inside = r >= 0 && c >= 0 && r < n[0] && c < n[1];
      const beyond = r >= n[0] + padding[0] || c >= n[1] + padding[1];
      return { r, c, kind: inside ? "cell" : beyond ? "beyond" : "padding", value: inside ? x[r][c] : 0 };
    });
  };
  /** Places that the mean divides by: not what lies beyond the padding, and the padding only if it counts. */
  const counted = (i: number): Seen[] =>
    window(i).filter((s) => s.kind === "cell" || (!max && spec.countpad && s.kind === "padding"));
  const value = (i: number): number => {
    const seen = counted(i).map((s) => s.value);
    return max ? Math.max(...seen) : seen.reduce((a, b) => a + b, 0) / seen.length;
  };
  const winner = (i: number): Seen | undefined => (max ? counted(i).find((s) => s.value === value(i)) : undefined);
  const steps = out[0] * out[1];
  const across = ctx.tall ? shown[1] : shown[1] + out[1];
  const cell = cellSize(across, ctx.tall);
  const reached = n.map((_, d) => (out[d] - 1) * stride[d] + kernelExtent(k[d], step2(d)));

  const isEqual = (step: number): string => equals([...counted(step).map((s) => s.value), value(step)]);
  const sumOf = (step: number): Run[] => {
    const [or, oc] = [Math.floor(step / out[1]), step % out[1]];
    const list = counted(step).map((s, i): Run => ({
      text: max ? num(s.value) : leading(s.value, i === 0),
      fill: s.kind === "cell" ? p.input : p.muted,
    }));
    const joined = list.flatMap((run, i): Run[] =>
      i > 0 ? [{ text: max ? ", " : " + ", fill: p.muted }, run] : [run],
    );
    return [
      ...formula("*y*", p.output),
      { text: `(${or},${oc}) = `, fill: p.output },
      { text: max ? "max(" : "(" },
      ...joined,
      { text: max ? ")" : `) / ${list.length}` },
      { text: ` ${isEqual(step)} ` },
      { text: num(value(step)), fill: p.output, bold: true },
    ];
  };
  const sums = paragraphs("sum", () => Array.from({ length: steps }, (_, i) => sumOf(i)), {
    size: 16,
    fill: p.ink,
    width: ctx.tall ? 320 : 440,
  });

  const block = (step: number): Block => {
    const base = (r: number, c: number): CellLook => {
      const [ir, ic] = [r - padding[0], c - padding[1]];
      const hatch = r >= reached[0] || c >= reached[1] ? { hatch: p.muted } : {};
      if (ir >= 0 && ic >= 0 && ir < n[0] && ic < n[1]) {
        return {
          text: num(x[ir][ic]),
          fill: tint(p, p.input, 0.2),
          ink: p.ink,
          stroke: tint(p, p.input, 0.45),
          label: `x(${ir},${ic}) = ${num(x[ir][ic])}`,
          cell: `values/0/${ir}/${ic}`,
          ...hatch,
        };
      }
      if (r >= n[0] + 2 * padding[0] || c >= n[1] + 2 * padding[1])
        return { fill: p.surface, stroke: p.faint, ...hatch };
      return { text: max ? "−∞" : "0", fill: p.background, ink: p.muted, stroke: p.muted, dashed: true, ...hatch };
    };
    const still = grid(p, { key: "x", rows: shown[0], cols: shown[1], cell, look: base });
    const seen = new Map(window(step).map((s) => [`${s.r + padding[0]},${s.c + padding[1]}`, s]));
    const best = winner(step);
    const over = grid(p, {
      key: "window",
      rows: shown[0],
      cols: shown[1],
      cell,
      look: (r, c) => {
        const s = seen.get(`${r},${c}`);
        if (!s) return null;
        const won = best !== undefined && s.r === best.r && s.c === best.c;
        return {
          ...base(r, c),
          fill: mix(p.background, p.filter, won ? 0.62 : 0.24),
          ink: inkOn(mix(p.background, p.filter, won ? 0.62 : 0.24)),
          bold: s.kind === "cell",
          stroke: p.filter,
          dashed: s.kind !== "cell",
        };
      },
    });
    const [or, oc] = [Math.floor(step / out[1]), step % out[1]];
    const outline = canvas("frame", 0, 0, (px, py) => [
      frame(
        px,
        py,
        cell,
        {
          r: or * stride[0],
          c: oc * stride[1],
          rows: kernelExtent(k[0], step2(0)),
          cols: kernelExtent(k[1], step2(1)),
        },
        p.filter,
      ),
    ]);
    const cells = grid(p, {
      key: "y",
      rows: out[0],
      cols: out[1],
      cell,
      loose: true,
      look: (r, c) => {
        const i = r * out[1] + c;
        if (i > step) return { fill: p.surface, step: i };
        return {
          text: num(value(i)),
          fill: tint(p, p.output, i === step ? 0.4 : 0.2),
          ink: p.ink,
          bold: i === step,
          stroke: tint(p, p.output, 0.6),
          step: i,
          label: `y(${r},${c}) = ${num(value(i))}`,
        };
      },
    });
    const mark = canvas("now", 0, 0, (px, py) => [frame(px, py, cell, { r: or, c: oc, rows: 1, cols: 1 }, p.output)]);
    const roles = {
      x: { letter: "x", title: t({ en: "Input", ko: "입력" }), hue: p.input },
      y: { letter: "y", title: t({ en: "Output", ko: "출력" }), hue: p.output },
    };
    const parts = [
      titled("x", ctx, roles.x, `${n[0]}×${n[1]}`, overlay([still, over, outline])),
      label("arrow", "→", { size: 26, fill: p.muted, width: 30 }),
      titled("y", ctx, roles.y, `${out[0]}×${out[1]}`, overlay([cells, mark])),
    ];
    const says = sums(step);
    return ctx.tall
      ? column([column([parts[0], parts[2]], 14), says], 14)
      : column([row(parts, 16), says], 16, "start");
  };

  const options = [
    `${t({ en: "window", ko: "창" })} ${k[0]}×${k[1]}`,
    `${t({ en: "stride", ko: "스트라이드" })} ${stride[0] === stride[1] ? stride[0] : stride.join(",")}`,
    ...(padding.some((v) => v > 0)
      ? [`${t({ en: "padding", ko: "패딩" })} ${padding[0] === padding[1] ? padding[0] : padding.join(",")}`]
      : []),
    ...(step2(0) > 1 || step2(1) > 1
      ? [`${t({ en: "dilation", ko: "팽창" })} ${step2(0) === step2(1) ? step2(0) : `${step2(0)},${step2(1)}`}`]
      : []),
    ...(spec.ceil ? [t({ en: "ceil mode", ko: "올림(ceil)" })] : []),
  ].join(", ");
  return {
    title: `${max ? t({ en: "Max pooling", ko: "최댓값 풀링" }) : t({ en: "Average pooling", ko: "평균 풀링" })}: ${options}`,
    caption: [
      max
        ? t({ en: "The largest number under the window passes.", ko: "창 안에서 가장 큰 수가 남는다(max pooling)." })
        : t({ en: "The mean of the numbers under the window.", ko: "창 안 수들의 평균이 남는다(average pooling)." }),
      padding.every((v) => v === 0)
        ? ""
        : max
          ? t({ en: "Padding counts as −∞: it never wins.", ko: "패딩은 −∞로 치므로 뽑히지 않는다." })
          : spec.countpad
            ? t({ en: "Padding counts as zeros.", ko: "패딩은 0으로 친다." })
            : t({ en: "Padding is left out of the mean.", ko: "패딩은 평균에서 뺀다." }),
      spec.ceil
        ? t({
            en: "In ceil mode a last window may overhang, if it starts inside the input or the padding before it.",
            ko: "ceil 방식에서는 마지막 창이 밖으로 나갈 수 있다. 단, 입력이나 앞쪽 패딩 안에서 시작해야 한다.",
          })
        : "",
    ]
      .filter((s) => s !== "")
      .join(" "),
    steps,
    pace: (step) => (step === steps - 1 ? 2 : 1),
    block,
    sentence: (step) => {
      const list = counted(step).map((s, i) => (max ? num(s.value) : leading(s.value, i === 0)));
      const [or, oc] = [Math.floor(step / out[1]), step % out[1]];
      const says = max ? `max(${list.join(", ")})` : `(${list.join(" + ")}) / ${list.length}`;
      return `${t({ en: "output", ko: "출력" })} (${or},${oc}) = ${says} ${isEqual(step)} ${num(value(step))}`;
    },
    numbers: [{ option: "values", role: "input", planes: [{ name: t({ en: "Input", ko: "입력" }), rows: x }] }],
  };
}

export const pool: Figure = defineFigure<PoolSpec>(
  "pool",
  { en: "max and average pooling", ko: "최댓값 풀링과 평균 풀링" },
  {
    op: choice(["max", "average"], { en: "largest or mean", ko: "최댓값/평균" }),
    input: size([6, 6], 16, { en: "input size", ko: "입력 크기" }),
    kernel: size([2, 2], 7, { en: "window", ko: "창 크기" }),
    stride: pair(2, 1, 7, { en: "stride", ko: "스트라이드" }),
    padding: pair(0, 0, 3, { en: "padding", ko: "패딩" }),
    dilation: pair(1, 1, 4, { en: "dilation (max only)", ko: "팽창(최댓값만)" }),
    ceil: flag(false, { en: "ceil mode", ko: "올림(ceil) 방식" }),
    countpad: flag(true, { en: "the mean counts padding", ko: "평균에 패딩 포함" }),
    values: numbers({ en: "numbers of the input", ko: "입력 값" }),
    seed: int(0, 0, 9999, { en: "which small numbers", ko: "난수 시드" }),
  },
  build,
);
