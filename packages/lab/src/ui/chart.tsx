/** A small line chart: axes, lines, a legend, a mark; drawn as SVG so that colours follow the page. */
import type { JSX } from "preact";

export interface Line {
  readonly name: string;
  /** A CSS colour. */
  readonly colour: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly dash?: string;
  readonly width?: number;
}

export interface ChartProps {
  readonly label: string;
  readonly lines: readonly Line[];
  /** Fixed limits; absent: from the data, from 0. */
  readonly yMax?: number;
  readonly percent?: boolean;
  /** A vertical mark. */
  readonly mark?: number;
  readonly xName: string;
}

const [W, H] = [420, 190];
const [LEFT, RIGHT, TOP, BOTTOM] = [44, 10, 8, 38];

/** 1, 2 or 5 times a power of ten. */
function niceStep(range: number, count: number): number {
  const raw = range / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  return ([1, 2, 5, 10].find((m) => m * power >= raw) ?? 10) * power;
}

function ticks(high: number, count: number): number[] {
  if (!(high > 0)) return [0];
  const step = niceStep(high, count);
  return Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, i) => i * step);
}

export function Chart({ label, lines, yMax, percent = false, mark, xName }: ChartProps): JSX.Element {
  const all = lines.flatMap((l) => l.points);
  const xHigh = Math.max(...all.map(([x]) => x), 0) || 1;
  const yHigh = yMax ?? (Math.max(...all.map(([, y]) => y), 0) || 1);
  const x = (v: number): number => LEFT + (v / xHigh) * (W - LEFT - RIGHT);
  const y = (v: number): number => H - BOTTOM - (Math.min(v, yHigh) / yHigh) * (H - TOP - BOTTOM);
  const show = (v: number): string => (percent ? `${Math.round(v * 100)} %` : String(Number(v.toPrecision(3))));
  /** A line's name, with its last value if it has begun. */
  const legend = lines.map(({ name, points }) => {
    const value = points.at(-1)?.[1];
    if (value === undefined) return name;
    return `${name} ${percent ? `${(100 * value).toFixed(2)} %` : value.toFixed(4)}`;
  });
  return (
    <figure class="chart" style={{ margin: 0 }}>
      <svg viewBox={`0 0 ${W} ${H}`} role="img" aria-label={`${label}: ${legend.join(", ")}`}>
        {ticks(yHigh, 4).map((v) => (
          <g key={v}>
            <line class="grid" x1={LEFT} x2={W - RIGHT} y1={y(v)} y2={y(v)} />
            <text x={LEFT - 6} y={y(v) + 4} text-anchor="end">
              {show(v)}
            </text>
          </g>
        ))}
        {all.length > 0 &&
          ticks(xHigh, 5).map((v) => (
            <text key={v} x={x(v)} y={H - BOTTOM + 15} text-anchor="middle">
              {Number(v.toPrecision(4))}
            </text>
          ))}
        <text x={(LEFT + W - RIGHT) / 2} y={H - 5} text-anchor="middle">
          {xName}
        </text>
        {lines.map((l) => (
          <polyline
            key={l.name}
            points={l.points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(" ")}
            fill="none"
            stroke={l.colour}
            stroke-width={l.width ?? 2}
            stroke-dasharray={l.dash}
            stroke-linejoin="round"
          />
        ))}
        {mark !== undefined && (
          <line x1={x(mark)} x2={x(mark)} y1={TOP} y2={H - BOTTOM} stroke="var(--extra)" stroke-width="2" />
        )}
      </svg>
      <figcaption class="legend">
        {lines.map((l, i) => (
          <span key={l.name}>
            <svg
              viewBox="0 0 22 6"
              style={{ width: "1.6em", display: "inline-block", verticalAlign: "middle" }}
              aria-hidden="true"
            >
              <line
                x1="0"
                x2="22"
                y1="3"
                y2="3"
                stroke={l.colour}
                stroke-width={l.width ?? 3}
                stroke-dasharray={l.dash}
              />
            </svg>{" "}
            {legend[i]}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
