/** The numbers of a figure as grids of fields, below the picture. */
import { type Picture, type Spec } from "@faltung/figure";
import type { JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { useApp } from "../app-context.ts";
import type { Matrix } from "../ui/matrix.ts";
import { NumberGrid } from "../ui/number-grid.tsx";
import { TooLargeError, withNumbers } from "./numbers.ts";

const T = {
  title: { en: "Edit the numbers", ko: "숫자 고치기" },
  help: {
    en: "Arrow keys go from cell to cell. A whole matrix can be pasted, from a spreadsheet or Python; into the first cell also one of another size.",
    ko: "화살표 키로 칸을 옮겨 다닙니다. 스프레드시트나 파이썬의 행렬을 통째로 붙여넣을 수 있고, 첫 칸에는 크기가 다른 행렬도 들어갑니다.",
  },
} as const;

/** As many numbers as a row of the discrete figure takes. */
const LONGEST = 24;

export interface NumbersEditorProps {
  readonly picture: Picture;
  readonly spec: Spec;
  readonly open: boolean;
  readonly setOpen: (open: boolean) => void;
  readonly apply: (spec: Spec) => void;
  /** When a field is entered: a figure that plays should stop. */
  readonly enter: () => void;
}

export function NumbersEditor(props: NumbersEditorProps): JSX.Element | null {
  const { t, lang } = useApp();
  const { picture, open, setOpen } = props;
  const now = useRef(props);
  now.current = props;
  const change = (option: string, plane: number, rows: Matrix): string | undefined => {
    const { spec, picture: before, apply } = now.current;
    try {
      apply(withNumbers(spec, before, option, plane, rows));
      return undefined;
    } catch (error) {
      return error instanceof TooLargeError ? t(error.words) : error instanceof Error ? error.message : String(error);
    }
  };
  // While the figure plays only the picture changes; the fields need not be looked at again.
  const grids = useMemo(
    () =>
      open && (
        <div class="grids" onFocusCapture={() => now.current.enter()}>
          {picture.numbers.flatMap(({ option, role, planes }) =>
            planes.map(({ name, rows }, plane) => (
              <NumberGrid
                key={`${picture.figure}/${option}/${plane}`}
                id={`${option}/${plane}`}
                name={name}
                role={role}
                rows={rows}
                {...(option === "a" || option === "b" ? { longest: LONGEST } : {})}
                change={(next) => change(option, plane, next)}
              />
            )),
          )}
        </div>
      ),
    [picture, open, lang],
  );
  if (picture.numbers.length === 0) return null;
  return (
    <details class="numbers" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t(T.title)}</summary>
      <p class="hint">{t(T.help)}</p>
      {grids}
    </details>
  );
}
