import type { JSX } from "preact";
import { changeQuery } from "../address.ts";
import { useApp } from "../app-context.ts";
import type { RunConfig } from "./messages.ts";
import { T } from "./words.ts";

const RATES = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1];

/** How to learn. The learning rate can be changed while the network learns. */
export function Settings({
  config,
  busy,
  setRate,
}: {
  readonly config: RunConfig;
  readonly busy: boolean;
  readonly setRate: (lr: number) => void;
}): JSX.Element {
  const { t } = useApp();
  const choice = (key: "epochs" | "batch" | "shift" | "seed", choices: readonly number[]): JSX.Element => {
    const value = config[key];
    const all = choices.includes(value) ? choices : [...choices, value].sort((a, b) => a - b);
    return (
      <div class="row">
        <label for={key}>{t(T[key])}</label>
        <select
          id={key}
          value={String(value)}
          disabled={busy}
          onChange={(event) => changeQuery({ [key]: event.currentTarget.value })}
        >
          {all.map((n) => (
            <option key={n}>{n}</option>
          ))}
        </select>
      </div>
    );
  };
  const rates = RATES.includes(config.lr) ? RATES : [...RATES, config.lr].sort((a, b) => a - b);
  return (
    <div class="settings-grid">
      {choice("epochs", [1, 2, 3, 5, 8, 12, 20, 40])}
      {choice("batch", [8, 16, 32, 64, 128])}
      <div class="row">
        <label for="lr">{t(T.lr)}</label>
        <select
          id="lr"
          value={String(config.lr)}
          onChange={(event) => {
            changeQuery({ lr: event.currentTarget.value });
            setRate(Number(event.currentTarget.value));
          }}
        >
          {rates.map((n) => (
            <option key={n}>{n}</option>
          ))}
        </select>
      </div>
      <div class="row">
        <label for="optimizer">{t(T.optimizer)}</label>
        <select
          id="optimizer"
          value={config.optimizer}
          disabled={busy}
          onChange={(event) =>
            changeQuery({
              optimizer: event.currentTarget.value,
              lr: event.currentTarget.value === "sgd" ? "0.03" : undefined,
            })
          }
        >
          <option value="adam">AdamW</option>
          <option value="sgd">SGD, momentum 0.9</option>
        </select>
      </div>
      <label class="row check wide">
        <input
          type="checkbox"
          checked={config.cosine}
          disabled={busy}
          onChange={(event) => changeQuery({ cosine: event.currentTarget.checked ? undefined : "0" })}
        />
        {t(T.cosine)}
      </label>
      {choice("shift", [0, 1, 2, 3])}
      {choice("seed", [0, 1, 2, 3])}
    </div>
  );
}
