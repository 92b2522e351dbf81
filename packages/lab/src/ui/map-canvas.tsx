/** A plane of numbers as a small picture: on a diverging scale about zero, or from dark to light. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { PALETTES } from "@faltung/figure";
import { useApp } from "../app-context.ts";

export interface MapProps {
  readonly data: ArrayLike<number>;
  readonly rows: number;
  readonly cols: number;
  /** First number of the plane (of the first one, in colour) in `data` (0). */
  readonly offset?: number;
  /** CSS pixels of the longer side. */
  readonly size: number;
  /** `signed`: diverging, symmetric about zero; `gray`: 0 black, 255 white; `colour`: three such planes. */
  readonly scale: "signed" | "gray" | "colour";
  /** The number that gets the full colour; absent: the largest of the plane. */
  readonly limit?: number;
  readonly label: string;
}

function rgb(hex: string): [number, number, number] {
  const n = Number.parseInt(hex.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

export function MapCanvas({ data, rows, cols, offset = 0, size, scale, limit, label }: MapProps): JSX.Element {
  const { theme } = useApp();
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = ref.current?.getContext("2d");
    if (!context) return;
    const p = PALETTES[theme];
    const image = context.createImageData(cols, rows);
    const [zero, up, down] = [rgb(p.surface), rgb(p.positive), rgb(p.negative)];
    let high = limit ?? 0;
    if (limit === undefined) for (let i = 0; i < rows * cols; i++) high = Math.max(high, Math.abs(data[offset + i]));
    const n = rows * cols;
    for (let i = 0; i < n; i++) {
      const v = data[offset + i];
      const share = high > 0 ? Math.min(1, Math.abs(v) / high) : 0;
      const end = v < 0 ? down : up;
      for (let c = 0; c < 3; c++) {
        image.data[4 * i + c] =
          scale === "signed" ? zero[c] + (end[c] - zero[c]) * share : scale === "gray" ? v : data[offset + c * n + i];
      }
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }, [data, offset, rows, cols, scale, limit, theme]);
  const longer = Math.max(rows, cols);
  return (
    <canvas
      ref={ref}
      class="pixels"
      role="img"
      aria-label={label}
      width={cols}
      height={rows}
      style={{ width: `${(size * cols) / longer}px`, height: `${(size * rows) / longer}px` }}
    />
  );
}
