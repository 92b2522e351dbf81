import type { JSX } from "preact";
import { useApp } from "../app-context.ts";
import { T } from "../train/words.ts";

/** Rows: what it is; columns: what it was taken for. Right ones are green, wrong ones orange, by their share of the row. */
export function Confusion({
  counts,
  classes,
}: {
  readonly counts: readonly (readonly number[])[];
  readonly classes: readonly string[];
}): JSX.Element {
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
            const sum = row.reduce((a, b) => a + b, 0);
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
