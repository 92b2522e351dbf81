import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { W } from "../words.ts";
import type { ExerciseKind } from "./idea.ts";
import { problem } from "./problems.ts";

/** A problem, places for the answer, an instant verdict. */
export function Exercise({ kind }: { readonly kind: ExerciseKind }): JSX.Element {
  const { lang, t } = useApp();
  const [seed, setSeed] = useState(1);
  const task = useMemo(() => problem(kind, seed), [kind, seed]);
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const [verdict, setVerdict] = useState<"none" | "right" | "wrong">("none");
  const isRight = (r: number, c: number): boolean => {
    const text = typed[`${r},${c}`]?.trim() ?? "";
    return text !== "" && Number(text.replace("−", "-")) === task.answer[r][c];
  };
  const place = (r: number, c: number): string =>
    lang === "ko" ? `답, ${r + 1}행 ${c + 1}열` : `Answer, row ${r + 1}, column ${c + 1}`;
  const submit = (event: Event): void => {
    event.preventDefault();
    const all = task.answer.every((row, r) => row.every((_, c) => isRight(r, c)));
    setVerdict(all ? "right" : "wrong");
  };
  const fill = (): void => {
    const entries = task.answer.flatMap((row, r) => row.map((v, c): [string, string] => [`${r},${c}`, String(v)]));
    setTyped(Object.fromEntries(entries));
    setVerdict("none");
  };
  const renew = (): void => {
    setSeed(seed + 1);
    setTyped({});
    setVerdict("none");
  };
  return (
    <section class="exercise" aria-label={t(W.exercise)}>
      <h2>{t(W.exercise)}</h2>
      <p>{t(task.question)}</p>
      <form onSubmit={submit}>
        <div class="grids">
          {task.given.map(({ name, role, plane }) => (
            <table key={name.en}>
              <caption class={`role-${role}`}>{t(name)}</caption>
              <tbody>
                {plane.map((row, r) => (
                  <tr key={r}>
                    {row.map((v, c) => (
                      <td key={c}>{String(v).replace("-", "−")}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          ))}
          <table>
            <caption class="role-output">=</caption>
            <tbody>
              {task.answer.map((row, r) => (
                <tr key={r}>
                  {row.map((_, c) => (
                    <td key={c} class={verdict === "none" ? "" : isRight(r, c) ? "right" : "wrong"}>
                      <input
                        type="number"
                        step="any"
                        aria-label={place(r, c)}
                        value={typed[`${r},${c}`] ?? ""}
                        onInput={(event) => {
                          setTyped({ ...typed, [`${r},${c}`]: event.currentTarget.value });
                          setVerdict("none");
                        }}
                      />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        <div class="buttons">
          <button type="submit" class="primary">
            {t(W.check)}
          </button>
          <button type="button" onClick={fill}>
            {t(W.show)}
          </button>
          <button type="button" onClick={renew}>
            {t(W.another)}
          </button>
        </div>
        <p class={`verdict ${verdict}`} role="status">
          {verdict === "right" && t(W.right)}
          {verdict === "wrong" && `${t(W.wrong)} ${t(task.hint)}`}
        </p>
      </form>
    </section>
  );
}
