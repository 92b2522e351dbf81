/** Learned filters, or feature maps, as small pictures on one diverging scale: what a training run has found. */
import { type Body, type Context, type Figure, defineFigure } from "../figure.ts";
import { grid } from "../grid.ts";
import { type Block, canvas, column, label, row } from "../layout.ts";
import { hashInt, makePlane } from "../numbers.ts";
import { diverging } from "../palette.ts";
import { rect } from "../scene.ts";
import { type Numbers, int, numbers } from "../spec.ts";
import { num } from "../type.ts";

interface FiltersSpec {
  readonly values: Numbers;
  readonly columns: number;
}

function build(spec: FiltersSpec, ctx: Context): Body {
  const { p, t } = ctx;
  const planes =
    spec.values ?? Array.from({ length: 8 }, (_, k) => makePlane(5, 5, (r, c) => hashInt(k, r * 5 + c, -9, 9) / 10));
  const limit = planes.flat(2).reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  const columns = Math.min(ctx.tall ? 4 : spec.columns, planes.length);
  const [rows, cols] = [planes[0].length, planes[0][0].length];
  const cell = Math.max(2, Math.min(22, Math.floor(((ctx.tall ? 320 : 760) / columns - 12) / cols)));
  const block = (step: number): Block => {
    const pictures = planes.map((plane, k) => {
      const cells = grid(p, {
        key: `f${k}`,
        rows,
        cols,
        cell,
        look: (r, c) => ({ fill: diverging(p, plane[r][c], limit), stroke: p.faint, negative: plane[r][c] < 0 }),
      });
      const title = label(`f${k}-name`, String(k), {
        size: 11,
        fill: k === step ? p.ink : p.muted,
        bold: k === step,
        width: cells.w,
      });
      return column([title, cells], 2);
    });
    const lines = Array.from({ length: Math.ceil(planes.length / columns) }, (_, i) =>
      row(pictures.slice(i * columns, (i + 1) * columns), 12),
    );
    const scale = canvas("scale", 120, 12, (x, y) =>
      Array.from({ length: 24 }, (_, i) =>
        rect(x + i * 5, y, 5, 12, { fill: diverging(p, ((i - 11.5) / 11.5) * limit, limit) }),
      ),
    );
    const legend = row(
      [
        label("low", num(-limit), { size: 12, fill: p.muted }),
        scale,
        label("high", num(limit), { size: 12, fill: p.muted }),
      ],
      8,
    );
    return column([...lines, legend], 14, "start");
  };
  return {
    title: t({ en: `${planes.length} filters of ${rows}×${cols}`, ko: `${rows}×${cols} 필터 ${planes.length}개` }),
    caption: t({
      en: "One scale for all, symmetric about zero.",
      ko: "모든 필터에 0을 중심으로 대칭인 같은 색 척도를 쓴다.",
    }),
    steps: planes.length,
    still: 0,
    block,
    sentence: (k) => {
      const lines = planes[k].map((line) => line.map((v) => num(v)).join(", "));
      return `${t({ en: "filter", ko: "필터" })} ${k}: ${lines.join("; ")}`;
    },
  };
}

export const filters: Figure = defineFigure<FiltersSpec>(
  "filters",
  { en: "learned filters or feature maps as small pictures", ko: "학습된 필터나 특징 맵" },
  {
    values: numbers({ en: "numbers, planes divided by //", ko: "값(층은 //로 구분)" }),
    columns: int(8, 1, 16, { en: "pictures in a row", ko: "한 줄의 그림 수" }),
  },
  build,
);
