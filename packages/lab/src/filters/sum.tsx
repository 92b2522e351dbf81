/** How one pixel of the result was made: what the kernel lay on, its weights, and the sum. */
import { normaliseConv, sourceIndex } from "faltung/conv";
import type { JSX } from "preact";
import { changeQuery } from "../address.ts";
import { useApp } from "../app-context.ts";
import type { Cell } from "../ui/cell.ts";
import type { Matrix } from "../ui/matrix.ts";
import type { Mark } from "./planes.tsx";
import type { Picture } from "./picture.ts";
import type { FilterState } from "./state.ts";
import { CHANNELS, T } from "./words.ts";

/** What the kernel lies on for one pixel of the result. */
export function windowAt({ weights, stride }: FilterState, [row, col]: Cell): Mark {
  const size = weights.length;
  const half = (size - 1) / 2;
  return { row: row * stride - half, col: col * stride - half, rows: size, cols: size };
}

export interface SumProps {
  readonly picture: Picture;
  readonly result: Picture;
  readonly filter: FilterState;
  readonly at: Cell;
}

export function Sum({ picture, result, filter, at }: SumProps): JSX.Element {
  const { t } = useApp();
  const { weights, divisor, stride, mode, gray } = filter;
  const channel = gray ? 0 : filter.channel;
  const size = weights.length;
  const g = normaliseConv({ stride, padding: (size - 1) / 2, paddingMode: mode }, [size, size], "filters");
  const plane = picture.data.subarray(channel * picture.rows * picture.cols);
  const cells = weights.map((row, i) =>
    row.map((_, j) => {
      const r = sourceIndex(g, 0, at[0], i, picture.rows);
      const c = sourceIndex(g, 1, at[1], j, picture.cols);
      return r < 0 || c < 0 ? 0 : plane[r * picture.cols + c];
    }),
  );
  const { row, col } = windowAt(filter, at);
  const outside = (i: number, j: number): boolean =>
    row + i < 0 || col + j < 0 || row + i >= picture.rows || col + j >= picture.cols;
  const value = result.data[(channel * result.rows + at[0]) * result.cols + at[1]];
  return (
    <div class="sum">
      <p>
        <strong>
          {t(T.output)} ({at[0]}, {at[1]})
        </strong>{" "}
        {!gray && (
          <select
            aria-label={t(T.channel)}
            value={String(channel)}
            data-channel
            onChange={(event) => changeQuery({ channel: event.currentTarget.value })}
          >
            {CHANNELS.map((words, c) => (
              <option key={c} value={String(c)}>
                {t(words)}
              </option>
            ))}
          </select>
        )}
      </p>
      <div aria-live="polite">
        <Numbers plane={cells} name={t(T.input)} role="input" outside={outside} />
        <span class="operator">×</span>
        <Numbers plane={weights} name={divisor === 1 ? t(T.kernel) : `${t(T.kernel)} ÷ ${divisor}`} role="filter" />
        <strong class="role-output" data-sum={value}>
          = {Number(value.toFixed(2)).toFixed(2)}
        </strong>
      </div>
      {weights.some((w, i) => w.some((_, j) => outside(i, j))) && <p class="hint">{t(T.padding)}</p>}
    </div>
  );
}

interface NumbersProps {
  readonly plane: Matrix;
  readonly name: string;
  readonly role: "input" | "filter";
  readonly outside?: (i: number, j: number) => boolean;
}

function Numbers({ plane, name, role, outside }: NumbersProps): JSX.Element {
  return (
    <table>
      <caption class={`role-${role}`}>{name}</caption>
      <tbody>
        {plane.map((row, i) => (
          <tr key={i}>
            {row.map((v, j) => (
              <td key={j} class={outside?.(i, j) ? "padding" : undefined}>
                {Number(v.toFixed(2))}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
