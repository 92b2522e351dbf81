/**
 * A pad to draw a digit on, with a pointer or the keys. What is drawn is cut out, made 20 pixels large and centred by
 * mass, as MNIST's were.
 */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { STEPS } from "../ui/cell.ts";
import { contextOf } from "../ui/decode.ts";

const SIDE = 280;
/** Pixels that a key moves the pen by. */
const STRIDE = 14;
const T = {
  pad: { en: "Draw here, one digit", ko: "여기에 숫자 하나를 그리세요" },
  keys: {
    en: "By keyboard: arrows move the pen, Space puts it down and lifts it, Delete clears.",
    ko: "키보드: 화살표로 펜을 움직이고, 스페이스로 펜을 내리거나 들고, Delete로 지웁니다.",
  },
  down: { en: "pen down", ko: "펜을 내림" },
  up: { en: "pen up", ko: "펜을 듦" },
  clear: { en: "Clear", ko: "지우기" },
} as const;

export interface DrawPadProps {
  readonly rows: number;
  readonly cols: number;
  readonly take: (pixels: Uint8Array) => void;
  /** What stands beside the pad. */
  readonly children?: ComponentChildren;
}

type Point = readonly [x: number, y: number];

interface Pen {
  readonly at: Point;
  readonly down: boolean;
}

export function DrawPad({ rows, cols, take, children }: DrawPadProps): JSX.Element {
  const { t } = useApp();
  const ref = useRef<HTMLCanvasElement>(null);
  const last = useRef<Point | undefined>(undefined);
  /** The pen that keys move; there is none until one is pressed. */
  const [pen, setPen] = useState<Pen>();
  const context = (): CanvasRenderingContext2D | null =>
    ref.current?.getContext("2d", { willReadFrequently: true }) ?? null;
  const clear = (): void => {
    const c = context();
    if (!c) return;
    c.fillStyle = "#000";
    c.fillRect(0, 0, SIDE, SIDE);
  };
  useEffect(clear, []);
  const line = (from: Point, to: Point): void => {
    const c = context();
    if (!c) return;
    c.strokeStyle = "#fff";
    c.lineWidth = 22;
    c.lineCap = "round";
    c.beginPath();
    c.moveTo(...from);
    c.lineTo(...to);
    c.stroke();
  };
  const draw = (event: PointerEvent): void => {
    if (!ref.current || event.buttons === 0) return;
    const box = ref.current.getBoundingClientRect();
    const to = [
      ((event.clientX - box.left) / box.width) * SIDE,
      ((event.clientY - box.top) / box.height) * SIDE,
    ] as const;
    line(last.current ?? to, to);
    last.current = to;
  };
  const finish = (): void => {
    last.current = undefined;
    const c = context();
    const pixels = c && centred(c.canvas, c.getImageData(0, 0, SIDE, SIDE), rows, cols);
    if (pixels) take(pixels);
  };
  const press = (event: KeyboardEvent): void => {
    const { at, down } = pen ?? { at: [SIDE / 2, SIDE / 2], down: false };
    const step = STEPS[event.key];
    if (step) {
      const to = [at[0] + step[1] * STRIDE, at[1] + step[0] * STRIDE].map((v) =>
        Math.max(STRIDE, Math.min(SIDE - STRIDE, v)),
      );
      const there: Point = [to[0], to[1]];
      setPen({ at: there, down });
      if (down) line(at, there);
    } else if (event.key === " ") {
      setPen({ at, down: !down });
      if (!down) line(at, at);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      clear();
    } else return;
    event.preventDefault();
    if (down || event.key === " ") finish();
  };
  return (
    <>
      <p class="hint">{t(T.pad)}</p>
      <div class="pad">
        <div class="paper">
          <canvas
            ref={ref}
            width={SIDE}
            height={SIDE}
            tabIndex={0}
            role="application"
            aria-label={`${t(T.pad)}. ${t(T.keys)}`}
            data-pad
            onPointerDown={(event) => {
              event.currentTarget.setPointerCapture(event.pointerId);
              last.current = undefined;
              setPen(undefined);
              draw(event);
            }}
            onPointerMove={draw}
            onPointerUp={finish}
            onPointerCancel={finish}
            onKeyDown={press}
          />
          {pen && (
            <span
              class={pen.down ? "pen down" : "pen"}
              style={{ left: `${(100 * pen.at[0]) / SIDE}%`, top: `${(100 * pen.at[1]) / SIDE}%` }}
            />
          )}
          <span class="hidden" role="status">
            {pen && t(pen.down ? T.down : T.up)}
          </span>
        </div>
        <div>
          {children}
          <button type="button" class="small" onClick={clear}>
            {t(T.clear)}
          </button>
        </div>
      </div>
      <p class="hint keys">{t(T.keys)}</p>
    </>
  );
}

/** undefined where nothing has been drawn. */
function centred(source: CanvasImageSource, { data }: ImageData, rows: number, cols: number): Uint8Array | undefined {
  let [x0, y0, x1, y1] = [SIDE, SIDE, 0, 0];
  for (let i = 0; i < SIDE * SIDE; i++) {
    if (data[4 * i] < 40) continue;
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
    [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
  }
  if (x1 < x0) return undefined;
  const [w, h] = [x1 - x0 + 1, y1 - y0 + 1];
  const share = (Math.min(rows, cols) * 20) / 28 / Math.max(w, h);
  const paint = (dx: number, dy: number): Uint8ClampedArray => {
    const c = contextOf(new OffscreenCanvas(cols, rows));
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
  return Uint8Array.from({ length: rows * cols }, (_, i) => moved[4 * i]);
}
