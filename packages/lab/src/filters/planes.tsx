/** Three planes as a colour picture, with one place marked; pointing at it, or the arrow keys, choose a pixel. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Cell, STEPS, moved } from "../ui/cell.ts";
import { type Picture, type View, tone } from "./picture.ts";

/** Rows and columns of a box; it may reach over the edge, where the padding is. */
export interface Mark {
  readonly row: number;
  readonly col: number;
  readonly rows: number;
  readonly cols: number;
}

export interface PlanesProps {
  readonly picture: Picture;
  readonly view: View;
  readonly label: string;
  readonly mark: Mark | undefined;
  /** The pixel that the keys start from. */
  readonly at?: Cell | undefined;
  readonly point?: (at: Cell) => void;
}

/** Orange on dark: seen on every picture. */
const [OUTER, INNER] = ["rgb(0 0 0 / 70%)", "#ff9a52"];

export function Planes({ picture, view, label, mark, at, point }: PlanesProps): JSX.Element {
  const ref = useRef<HTMLCanvasElement>(null);
  const { rows, cols, data } = picture;
  useEffect(() => {
    const context = ref.current?.getContext("2d");
    if (!context) return;
    const image = context.createImageData(cols, rows);
    const n = rows * cols;
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = tone(view, data[c * n + i]);
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    if (mark === undefined) return;
    for (const [width, colour] of [
      [2, OUTER],
      [1, INNER],
    ] as const) {
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.strokeRect(mark.col - 0.5, mark.row - 0.5, mark.cols + 1, mark.rows + 1);
    }
  }, [picture, view, mark?.row, mark?.col, mark?.rows, mark?.cols]);
  const move = (event: PointerEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const there: Cell = [
      Math.floor(((event.clientY - box.top) / box.height) * rows),
      Math.floor(((event.clientX - box.left) / box.width) * cols),
    ];
    point?.(moved([0, 0], there, rows, cols));
  };
  const press = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    point?.(moved(at ?? [Math.floor(rows / 2), Math.floor(cols / 2)], step, rows, cols));
  };
  return (
    <canvas
      ref={ref}
      width={cols}
      height={rows}
      class="pixels"
      role={point ? "application" : "img"}
      aria-label={label}
      tabIndex={point ? 0 : undefined}
      onPointerMove={point && move}
      onPointerDown={point && move}
      onKeyDown={point && press}
    />
  );
}
