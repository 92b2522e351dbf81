/** Line charts side by side, as SVG: a picture of a run that needs no explanation. */
import { document, label, tag } from "./svg.ts";

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LineChart {
  readonly title: string;
  /** Name of the horizontal axis. */
  readonly x: string;
  readonly series: readonly Series[];
  /** Values are shares, shown in per cent. */
  readonly percent?: boolean;
}

/** Blue and orange (Okabe & Ito 2008): told apart by every kind of eye; dashes tell them apart in print. */
const STYLES = [
  { stroke: "#0072b2", dash: "none" },
  { stroke: "#d55e00", dash: "6 3" },
] as const;

const WIDTH = 420;
const HEIGHT = 300;
const MARGIN = { left: 58, right: 18, top: 74, bottom: 44 } as const;

export function lineCharts(title: string, charts: readonly LineChart[]): string {
  const body = charts.map((chart, i) => tag("g", { transform: `translate(${i * WIDTH} 0)` }, drawChart(chart)));
  const heading = label(20, 28, title, { "font-size": 15, "font-weight": "bold" });
  return document(WIDTH * charts.length, HEIGHT, title, [heading, ...body]);
}

interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

function drawChart({ title, x, series, percent = false }: LineChart): string {
  const finite = series.flatMap((s) => s.points.filter(([, v]) => Number.isFinite(v)));
  const xs = finite.map(([v]) => v);
  const ys = finite.map(([, v]) => v);
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const across = scale(xs, MARGIN.left, right, 6, true);
  const up = scale(percent ? ys : [0, ...ys], bottom, MARGIN.top, 5, false);
  const parts = [label(MARGIN.left, 56, title, { "font-size": 13, "font-weight": "bold" })];
  for (const tick of up.ticks) {
    parts.push(tag("line", { x1: MARGIN.left, x2: right, y1: up.at(tick), y2: up.at(tick), stroke: "#e3e3e3" }));
    const text = percent ? `${trim(tick * 100)}%` : trim(tick);
    parts.push(label(MARGIN.left - 8, up.at(tick) + 4, text, { "text-anchor": "end" }));
  }
  for (const tick of across.ticks) {
    parts.push(label(across.at(tick), bottom + 18, trim(tick), { "text-anchor": "middle" }));
  }
  parts.push(tag("line", { x1: MARGIN.left, x2: right, y1: bottom, y2: bottom, stroke: "#999" }));
  parts.push(label((MARGIN.left + right) / 2, bottom + 36, x, { "text-anchor": "middle", fill: "#666" }));
  series.forEach((s, i) => parts.push(...drawSeries(s, i, across, up, right - 130 + 70 * i)));
  return parts.join("\n");
}

function drawSeries({ name, points }: Series, index: number, across: Scale, up: Scale, legendX: number): string[] {
  const { stroke, dash } = STYLES[index % STYLES.length];
  const line = { stroke, "stroke-width": 2, "stroke-dasharray": dash };
  const finite = points.filter(([, v]) => Number.isFinite(v));
  const path = finite
    .map(([x, y], i) => `${i === 0 ? "M" : "L"}${across.at(x).toFixed(2)} ${up.at(y).toFixed(2)}`)
    .join("");
  const dots =
    finite.length <= 30
      ? finite.map(([x, y]) => tag("circle", { cx: across.at(x), cy: up.at(y), r: 3, fill: stroke }))
      : [];
  return [
    ...(path === "" ? [] : [tag("path", { d: path, fill: "none", ...line, "stroke-linejoin": "round" })]),
    ...dots,
    tag("line", { x1: legendX, x2: legendX + 22, y1: 52, y2: 52, ...line }),
    label(legendX + 28, 56, name),
  ];
}

/** From values to pixels, with round ticks that cover them. */
function scale(values: readonly number[], from: number, to: number, wanted: number, whole: boolean): Scale {
  const low = Math.min(...(values.length === 0 ? [0] : values));
  const high = Math.max(...(values.length === 0 ? [1] : values));
  const spread = high > low ? high - low : Math.abs(high) || 1;
  const rough = spread / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999) ?? 10 * power;
  const pitch = whole ? Math.max(1, Math.round(step)) : step;
  const first = whole ? Math.ceil(low / pitch) * pitch : Math.floor(low / pitch + 1e-9) * pitch;
  const end = whole ? high : Math.ceil(high / pitch - 1e-9) * pitch;
  const ticks: number[] = [];
  for (let i = 0; first + i * pitch <= end + pitch * 1e-6; i++) ticks.push(first + i * pitch);
  const [start, stop] = whole ? [low, high] : [ticks[0], ticks[ticks.length - 1]];
  // One epoch alone stands in the middle; equal values do not divide by zero.
  const at = (value: number): number =>
    stop > start ? from + ((value - start) / (stop - start)) * (to - from) : (from + to) / 2;
  return { at, ticks };
}

function trim(n: number): string {
  return String(Number(n.toPrecision(4)));
}
