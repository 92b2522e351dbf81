/** A pad to draw a digit on. What is drawn is cut out, made 20 pixels large and centred by mass, as MNIST's were. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useApp } from "../app-context.ts";

const SIDE = 280;
const T = {
  pad: { en: "Draw here, one digit", ko: "여기에 숫자 하나를 그리세요" },
  clear: { en: "Clear", ko: "지우기" },
} as const;

export interface DrawPadProps {
  readonly rows: number;
  readonly cols: number;
  readonly take: (pixels: Uint8Array) => void;
  /** What stands beside the pad. */
  readonly children?: ComponentChildren;
}

export function DrawPad({ rows, cols, take, children }: DrawPadProps): JSX.Element {
  const { t } = useApp();
  const ref = useRef<HTMLCanvasElement>(null);
  const last = useRef<readonly [number, number] | undefined>(undefined);
  const context = (): CanvasRenderingContext2D | null =>
    ref.current?.getContext("2d", { willReadFrequently: true }) ?? null;
  const clear = (): void => {
    const c = context();
    if (!c) return;
    c.fillStyle = "#000";
    c.fillRect(0, 0, SIDE, SIDE);
  };
  useEffect(clear, []);
  const draw = (event: PointerEvent): void => {
    const c = context();
    if (!c || event.buttons === 0) return;
    const box = c.canvas.getBoundingClientRect();
    const to = [
      ((event.clientX - box.left) / box.width) * SIDE,
      ((event.clientY - box.top) / box.height) * SIDE,
    ] as const;
    const from = last.current ?? to;
    c.strokeStyle = "#fff";
    c.lineWidth = 22;
    c.lineCap = "round";
    c.beginPath();
    c.moveTo(...from);
    c.lineTo(...to);
    c.stroke();
    last.current = to;
  };
  const finish = (): void => {
    last.current = undefined;
    const c = context();
    if (c) take(centred(c.canvas, c.getImageData(0, 0, SIDE, SIDE), rows, cols));
  };
  return (
    <>
      <p class="hint">{t(T.pad)}</p>
      <div class="pad">
        <canvas
          ref={ref}
          width={SIDE}
          height={SIDE}
          style={{ width: "168px", touchAction: "none", cursor: "crosshair", borderRadius: "6px" }}
          role="img"
          aria-label={t(T.pad)}
          data-pad
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            last.current = undefined;
            draw(event);
          }}
          onPointerMove={draw}
          onPointerUp={finish}
        />
        <div>
          {children}
          <button type="button" class="small" onClick={clear}>
            {t(T.clear)}
          </button>
        </div>
      </div>
    </>
  );
}

function centred(source: CanvasImageSource, { data }: ImageData, rows: number, cols: number): Uint8Array {
  let [x0, y0, x1, y1] = [SIDE, SIDE, 0, 0];
  for (let i = 0; i < SIDE * SIDE; i++) {
    if (data[4 * i] < 40) continue;
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
    [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
  }
  const out = new Uint8Array(rows * cols);
  if (x1 < x0) return out;
  const [w, h] = [x1 - x0 + 1, y1 - y0 + 1];
  const share = (Math.min(rows, cols) * 20) / 28 / Math.max(w, h);
  const paint = (dx: number, dy: number): Uint8ClampedArray => {
    const c = new OffscreenCanvas(cols, rows).getContext("2d");
    if (!c) return new Uint8ClampedArray(4 * rows * cols);
    c.fillStyle = "#000";
    c.fillRect(0, 0, cols, rows);
    c.imageSmoothingQuality = "high";
    c.drawImage(source, x0, y0, w, h, (cols - w * share) / 2 + dx, (rows - h * share) / 2 + dy, w * share, h * share);
    return c.getImageData(0, 0, cols, rows).data;
  };
  const first = paint(0, 0);
  let [mass, mx, my] = [0, 0, 0];
  for (let i = 0; i < rows * cols; i++) {
    mass += first[4 * i];
    mx += first[4 * i] * (i % cols);
    my += first[4 * i] * Math.floor(i / cols);
  }
  const moved = paint(Math.round((cols - 1) / 2 - mx / mass), Math.round((rows - 1) / 2 - my / mass));
  for (let i = 0; i < rows * cols; i++) out[i] = moved[4 * i];
  return out;
}
