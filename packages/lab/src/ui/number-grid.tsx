/**
 * A matrix as a grid of number fields: arrow keys move, a whole matrix can be pasted, what is no number is refused with a
 * word why. One stop of the Tab key, as the ARIA grid pattern has it.
 */
import type { JSX } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { type Matrix, laidOver, parseMatrix, parseNumber, sizeOf } from "./matrix.ts";

const T = {
  row: { en: "row", ko: "행" },
  column: { en: "column", ko: "열" },
  noNumber: { en: "is not a number that can be used here.", ko: "은(는) 여기에 쓸 수 있는 수가 아닙니다." },
  noMatrix: {
    en: "What was pasted is no matrix: rows of one length, nothing but numbers.",
    ko: "붙여넣은 것은 행렬이 아닙니다. 모든 행의 길이가 같고 수로만 되어 있어야 합니다.",
  },
  noRoom: { en: "The pasted numbers do not fit here:", ko: "붙여넣은 수가 여기에 들어가지 않습니다:" },
  less: { en: "one cell less", ko: "한 칸 줄이기" },
  more: { en: "one cell more", ko: "한 칸 늘리기" },
} as const;

export interface NumberGridProps {
  readonly name: string;
  readonly role: "input" | "filter";
  readonly rows: Matrix;
  /** For the page: fields carry `data-field="<id>/<row>/<column>"`. */
  readonly id: string;
  /** Whether a single row can grow and shrink, and how far. */
  readonly longest?: number;
  /** Takes new numbers, also of another size; gives back why they are refused. */
  readonly change: (rows: Matrix) => string | undefined;
}

type Place = readonly [row: number, column: number];

const shown = (v: number): string => String(Number(v.toPrecision(6)));

/** Whether an arrow key leaves the field: the caret stands at that end, or all is chosen. */
function leaves(field: HTMLInputElement, step: number): boolean {
  const { selectionStart: from, selectionEnd: to, value } = field;
  if (from === 0 && to === value.length) return true;
  return from === to && from === (step < 0 ? 0 : value.length);
}

export function NumberGrid({ name, role, rows, id, longest, change }: NumberGridProps): JSX.Element {
  const { lang, t } = useApp();
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const [problem, setProblem] = useState<string>();
  const [active, setActive] = useState<Place>([0, 0]);
  const table = useRef<HTMLTableElement>(null);
  const alert = useId();
  const key = (r: number, c: number): string => `${id}/${r}/${c}`;

  const forget = (place: string): void => {
    const { [place]: _, ...others } = typed;
    setTyped(others);
  };
  const commit = (r: number, c: number): void => {
    const text = typed[key(r, c)];
    if (text === undefined) return;
    const value = parseNumber(text);
    if (value === undefined) return setProblem(`“${text}” ${t(T.noNumber)}`);
    forget(key(r, c));
    setProblem(value === rows[r][c] ? undefined : change(laidOver(rows, [[value]], r, c) ?? rows));
  };
  const move = (r: number, c: number): void => {
    const [down, right] = [Math.max(0, Math.min(rows.length - 1, r)), Math.max(0, Math.min(rows[0].length - 1, c))];
    table.current?.querySelector<HTMLInputElement>(`[data-field="${key(down, right)}"]`)?.focus();
  };
  const press = (event: KeyboardEvent, r: number, c: number): void => {
    const field = event.currentTarget as HTMLInputElement;
    const down = { ArrowUp: -1, ArrowDown: 1, Enter: 1 }[event.key];
    const right = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (down !== undefined) move(r + down, c);
    else if (right !== undefined && leaves(field, right)) move(r, c + right);
    else if (event.key === "Escape") {
      forget(key(r, c));
      setProblem(undefined);
    } else return;
    if (event.key === "Enter") commit(r, c);
    event.preventDefault();
    event.stopPropagation();
  };
  const paste = (event: ClipboardEvent, r: number, c: number): void => {
    const text = event.clipboardData?.getData("text") ?? "";
    const pasted = parseMatrix(text);
    if (pasted?.flat().length === 1 || (pasted === undefined && !/[\s,;[\]]/.test(text.trim()))) return;
    event.preventDefault();
    if (pasted === undefined) return setProblem(t(T.noMatrix));
    const whole = (r === 0 && c === 0) || sizeOf(pasted) === sizeOf(rows);
    const next = whole ? pasted : laidOver(rows, pasted, r, c);
    if (next === undefined) return setProblem(`${t(T.noRoom)} ${sizeOf(pasted)}.`);
    setTyped({});
    setProblem(change(next));
  };
  const place = (r: number, c: number): string =>
    lang === "ko"
      ? `${name}, ${r + 1}${T.row.ko} ${c + 1}${T.column.ko}`
      : `${name}, ${T.row.en} ${r + 1}, ${T.column.en} ${c + 1}`;
  const [onRow, onColumn] = [Math.min(active[0], rows.length - 1), Math.min(active[1], rows[0].length - 1)];
  return (
    <div class="number-grid">
      <div class="scroll">
        <table ref={table} role="grid" aria-label={`${name} ${sizeOf(rows)}`}>
          <caption class={`role-${role}`} aria-hidden="true">
            {name}
          </caption>
          <tbody>
            {rows.map((row, r) => (
              <tr key={r}>
                {row.map((value, c) => {
                  const wrong = typed[key(r, c)] !== undefined && parseNumber(typed[key(r, c)]) === undefined;
                  return (
                    <td key={c} role="gridcell">
                      <input
                        type="text"
                        inputMode="decimal"
                        autocomplete="off"
                        spellcheck={false}
                        data-field={key(r, c)}
                        aria-label={place(r, c)}
                        aria-invalid={wrong && problem !== undefined}
                        aria-describedby={wrong && problem !== undefined ? alert : undefined}
                        tabIndex={r === onRow && c === onColumn ? 0 : -1}
                        value={typed[key(r, c)] ?? shown(value)}
                        onFocus={(event) => {
                          setActive([r, c]);
                          event.currentTarget.select();
                        }}
                        onInput={(event) => setTyped({ ...typed, [key(r, c)]: event.currentTarget.value })}
                        onBlur={() => commit(r, c)}
                        onKeyDown={(event) => press(event, r, c)}
                        onPaste={(event) => paste(event, r, c)}
                      />
                    </td>
                  );
                })}
                {longest !== undefined && (
                  <td role="gridcell">
                    <button
                      type="button"
                      class="small"
                      disabled={row.length <= 1}
                      aria-label={`${name}: ${t(T.less)}`}
                      onClick={() => setProblem(change([row.slice(0, -1)]))}
                    >
                      −
                    </button>{" "}
                    <button
                      type="button"
                      class="small"
                      disabled={row.length >= longest}
                      aria-label={`${name}: ${t(T.more)}`}
                      onClick={() => setProblem(change([[...row, 0]]))}
                    >
                      +
                    </button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {problem !== undefined && (
        <p class="problem" role="alert" id={alert}>
          {problem}
        </p>
      )}
    </div>
  );
}
