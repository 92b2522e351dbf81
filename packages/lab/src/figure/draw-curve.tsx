/** A pad on which a function is drawn by hand (or by arrow keys): it becomes `points:x,y/x,y/…`. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";

const COUNT = 17;
const [WIDTH, HEIGHT] = [220, 90];
const LOW = -0.2;
const HIGH = 1.2;

/** Where a point lies, from −1 to 1. */
const abscissa = (i: number): string => (-1 + (2 * i) / (COUNT - 1)).toFixed(3);

const draw = { en: "Draw it", ko: "손으로 그리기" };
const hint = {
  en: "Draw from left to right. With the keyboard: left and right choose a point, up and down move it.",
  ko: "왼쪽에서 오른쪽으로 그리세요. 키보드: 좌우 화살표로 점을 고르고 상하 화살표로 움직입니다.",
};

export function DrawCurve({ name, change }: { readonly name: string; change(value: string): void }): JSX.Element {
  const { t } = useApp();
  const [open, setOpen] = useState(false);
  const [values, setValues] = useState<readonly number[]>(() => Array.from({ length: COUNT }, () => 0));
  const [picked, setPicked] = useState(Math.floor(COUNT / 2));
  const last = useRef<number | undefined>(undefined);

  const commit = (next: readonly number[]): void => {
    setValues(next);
    const points = next.map((y, i) => `${abscissa(i)},${y.toFixed(2)}`);
    change(`points:${points.join("/")}`);
  };
  const place = (event: PointerEvent): readonly number[] => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const i = Math.round(((event.clientX - box.left) / box.width) * (COUNT - 1));
    const y = HIGH - ((event.clientY - box.top) / box.height) * (HIGH - LOW);
    const at = Math.max(0, Math.min(COUNT - 1, i));
    const value = Math.max(LOW, Math.min(HIGH, y));
    const from = last.current ?? at;
    last.current = at;
    const [a, b] = [Math.min(from, at), Math.max(from, at)];
    const start = values[from];
    return values.map((v, k) =>
      k < a || k > b ? v : at === from ? value : start + ((value - start) * (k - from)) / (at - from),
    );
  };
  const key = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const rise = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
    if (step === undefined && rise === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (step !== undefined) setPicked((p) => Math.max(0, Math.min(COUNT - 1, p + step)));
    else {
      const move = (v: number): number => Math.max(LOW, Math.min(HIGH, v + (rise ?? 0)));
      commit(values.map((v, i) => (i === picked ? move(v) : v)));
    }
  };
  const x = (i: number): number => (i / (COUNT - 1)) * WIDTH;
  const y = (v: number): number => ((HIGH - v) / (HIGH - LOW)) * HEIGHT;
  return (
    <div class="draw-curve">
      <button type="button" class="small" aria-expanded={open} onClick={() => setOpen(!open)}>
        {t(draw)} ({name})
      </button>
      {open && (
        <div
          class="pad"
          tabIndex={0}
          role="application"
          aria-label={`${name}: ${t(hint)}`}
          onKeyDown={key}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            last.current = undefined;
            setValues(place(event));
          }}
          onPointerMove={(event) => {
            if (event.buttons > 0) setValues(place(event));
          }}
          onPointerUp={(event) => commit(place(event))}
        >
          <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
            <line x1="0" x2={WIDTH} y1={y(0)} y2={y(0)} class="axis" />
            <polyline points={values.map((v, i) => `${x(i)},${y(v)}`).join(" ")} />
            <circle cx={x(picked)} cy={y(values[picked])} r="4" />
          </svg>
          <span class="hidden" aria-live="polite">
            x = {abscissa(picked)}, {name} = {values[picked].toFixed(1)}
          </span>
        </div>
      )}
    </div>
  );
}
