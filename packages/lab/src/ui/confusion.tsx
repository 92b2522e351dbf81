/** What was taken for what: a table, or for many classes a picture and the most frequent mistakes. */
import type { JSX } from "preact";
import { useApp } from "../app-context.ts";
import { T } from "../train/words.ts";
import { MapCanvas } from "./map-canvas.tsx";

export interface ConfusionProps {
  readonly counts: readonly (readonly number[])[];
  readonly classes: readonly string[];
}

/** A table of more classes can't be read, and takes the browser seconds. */
const MOST_CLASSES = 24;

export function Confusion(props: ConfusionProps): JSX.Element {
  return props.counts.length > MOST_CLASSES ? <Overview {...props} /> : <Table {...props} />;
}

const sumOf = (row: readonly number[]): number => row.reduce((a, b) => a + b, 0);

/** Rows: what it is; columns: what it was taken for. Right ones are green, wrong ones orange, by their share of the row. */
function Table({ counts, classes }: ConfusionProps): JSX.Element {
  const { t } = useApp();
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t(T.confusion)}>
      <table class="confusion" data-confusion>
        <caption class="hidden">
          {t(T.confusion)}. {t(T.confusionHelp)}
        </caption>
        <thead>
          <tr>
            <td />
            {classes.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {counts.map((row, r) => {
            const sum = sumOf(row);
            return (
              <tr key={r}>
                <th scope="row">{classes[r]}</th>
                {row.map((n, c) => {
                  const share = sum > 0 ? n / sum : 0;
                  const colour = r === c ? "var(--output)" : "var(--filter)";
                  // No stronger: the number must be readable on it, in both themes.
                  const amount = r === c ? 42 * share : Math.min(42, 200 * share);
                  return (
                    <td
                      key={c}
                      title={`${classes[r]} → ${classes[c]}: ${n}`}
                      style={{ background: `color-mix(in srgb, ${colour} ${amount.toFixed(0)}%, var(--surface))` }}
                    >
                      {n > 0 ? n : ""}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** Mistakes that are named. */
const NAMED = 12;

function Overview({ counts, classes }: ConfusionProps): JSX.Element {
  const { t } = useApp();
  const shares = counts.flatMap((row, r) => {
    const sum = Math.max(1, sumOf(row));
    return row.map((n, c) => (r === c ? n / sum : -n / sum));
  });
  const mistakes = counts
    .flatMap((row, r) => row.map((n, c) => ({ r, c, n })))
    .filter(({ r, c, n }) => r !== c && n > 0)
    .sort((a, b) => b.n - a.n)
    .slice(0, NAMED);
  return (
    <div data-confusion>
      <MapCanvas
        data={shares}
        rows={counts.length}
        cols={counts.length}
        size={300}
        scale="signed"
        limit={1}
        label={t(T.confusion)}
      />
      <h3>{t(T.mistakes)}</h3>
      <ul class="counts">
        {mistakes.map(({ r, c, n }) => (
          <li key={`${r} ${c}`}>
            {classes[r]} → {classes[c]}: {n}
          </li>
        ))}
      </ul>
    </div>
  );
}
