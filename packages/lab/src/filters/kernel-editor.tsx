import type { JSX } from "preact";
import { useApp } from "../app-context.ts";
import { useDraft } from "../ui/draft.ts";
import { type Matrix, parseNumber } from "../ui/matrix.ts";
import { NumberGrid } from "../ui/number-grid.tsx";
import { SIZES, isKernel } from "./state.ts";

const T = {
  kernel: { en: "Kernel", ko: "커널" },
  size: { en: "Size", ko: "크기" },
  divisor: { en: "divided by", ko: "나누는 수" },
  turn: { en: "Turn round", ko: "뒤집기" },
  square: {
    en: "A kernel here is a square of 3, 5, 7 or 9 cells a side.",
    ko: "여기서 쓸 수 있는 커널은 한 변이 3, 5, 7, 9칸인 정사각형입니다.",
  },
} as const;

export interface KernelEditorProps {
  readonly weights: Matrix;
  readonly divisor: number;
  readonly change: (weights: Matrix, divisor: number) => void;
}

/** A kernel as a square of numbers. */
export function KernelEditor({ weights, divisor, change }: KernelEditorProps): JSX.Element {
  const { t } = useApp();
  const draft = useDraft(String(divisor));
  const resize = (size: number): void => {
    const shift = (size - weights.length) / 2;
    const cell = (r: number, c: number): number => weights[r - shift]?.[c - shift] ?? 0;
    change(
      Array.from({ length: size }, (_, r) => Array.from({ length: size }, (_, c) => cell(r, c))),
      divisor,
    );
  };
  return (
    <>
      <NumberGrid
        id="weights/0"
        name={t(T.kernel)}
        role="filter"
        rows={weights}
        change={(next) => {
          if (!isKernel(next)) return t(T.square);
          change(next, divisor);
          return undefined;
        }}
      />
      <div class="buttons">
        <label class="inline">
          {t(T.size)}
          <select value={String(weights.length)} onChange={(event) => resize(Number(event.currentTarget.value))}>
            {SIZES.map((n) => (
              <option key={n} value={String(n)}>
                {n}×{n}
              </option>
            ))}
          </select>
        </label>
        <label class="inline">
          {t(T.divisor)}
          <input
            type="number"
            step="any"
            style={{ width: "4.4rem" }}
            value={draft.value}
            onInput={draft.onInput}
            onChange={(event) => {
              const next = parseNumber(event.currentTarget.value);
              if (next) change(weights, next);
              draft.forget();
            }}
          />
        </label>
        <button
          type="button"
          class="small"
          onClick={() => change(weights.map((row) => row.toReversed()).toReversed(), divisor)}
        >
          {t(T.turn)}
        </button>
      </div>
    </>
  );
}
