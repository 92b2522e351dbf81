/** Train: choose pictures, put a network together, learn; look back at every epoch and go on from there. */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { changeQuery, linkTo } from "../address.ts";
import { useApp } from "../app-context.ts";
import { Chart } from "../ui/chart.tsx";
import { W } from "../words.ts";
import { CONFIG_KEYS, configFrom, queryOf } from "./config.ts";
import type { OwnData, PlainModel, RunConfig, RunHistory } from "./messages.ts";
import { NetEditor } from "./net-editor.tsx";
import { DEFAULT_NET, fits, formatNet, parseNet, shapesOf } from "./net.ts";
import { OwnDataEditor, isEnough } from "./own-data.tsx";
import { Settings } from "./settings.tsx";
import { KEYS, forget, keep, load } from "./store.ts";
import { type RunControl, useRun } from "./use-run.ts";
import { Watch } from "./watch.tsx";
import { T } from "./words.ts";

export function Train(): JSX.Element {
  const { address, t } = useApp();
  const config = configFrom(address.query);
  const [own, setOwn] = useState<OwnData>();
  const run = useRun();
  const { view } = run;
  const busy = view.status === "running" || view.status === "preparing" || view.status === "paused";
  useEffect(() => {
    document.title = `${t(T.title)} · ${t(W.title)}`;
  });
  // What a reload or another page has interrupted; its settings, if the address asks for no others.
  useEffect(() => {
    const look = async (): Promise<void> => {
      setOwn(await load<OwnData>(KEYS.own));
      const before = await load<RunConfig>(KEYS.config);
      const history = await load<RunHistory>(KEYS.history);
      if (before === undefined || history === undefined) return;
      run.showKept(before, history, await load<PlainModel>(KEYS.model));
      if (!CONFIG_KEYS.some((key) => key in address.query)) changeQuery(queryOf(before));
    };
    void look();
  }, []);
  const changeOwn = (next: OwnData | undefined): void => {
    setOwn(next);
    void (next === undefined ? forget(KEYS.own) : keep({ [KEYS.own]: next }));
  };
  const input = useMemo<readonly number[]>(
    () => (config.data === "own" ? (own?.shape ?? [3, 32, 32]) : [1, 28, 28]),
    [config.data, own],
  );
  const classes = config.data === "own" ? (own?.classes.length ?? 2) : 10;
  const layers = useMemo(() => {
    const wish = parseNet(config.net) ?? [];
    return fits(wish, input) ? wish : (parseNet(DEFAULT_NET) ?? []);
  }, [config.net, input]);
  const enough = config.data !== "own" || isEnough(own);
  // On a phone, what may stay as it is does not stand before the button.
  const [roomy] = useState(() => innerWidth > 860);
  const going: RunConfig = { ...config, net: formatNet(layers) };
  const start = (): void => {
    changeQuery({ past: undefined });
    run.start(going, config.data === "own" ? own : undefined);
  };
  /** Goes on with the run that is shown; the page's settings become that run's. */
  const resume = (wish: RunConfig, fromEpoch?: number): void => {
    changeQuery({ ...queryOf(wish), past: undefined });
    run.resume(wish, fromEpoch);
  };
  const shown = view.config ?? going;
  // Made anew only when the network changes: a run reports ten times a second, and what each control may be set to is
  // found by trying it.
  const editor = useMemo(() => {
    const architecture = [
      input.join("x"),
      formatNet(layers),
      ...((shapesOf(layers, input)?.at(-1) ?? input).length === 3 ? ["flatten"] : []),
      `linear ${classes}`,
    ];
    return (
      <>
        <NetEditor
          layers={layers}
          input={input}
          classes={classes}
          disabled={busy}
          change={(next) => changeQuery({ net: formatNet(next) })}
        />
        <a href={linkTo(address, "learn/cnn", { net: architecture.filter((p) => p !== "").join("/") })}>{t(T.draw)}</a>
      </>
    );
  }, [layers, input, classes, busy, address, t]);
  return (
    <>
      <h1>{t(T.title)}</h1>
      <p class="prose">{t(T.lead)}</p>
      {!globalThis.crossOriginIsolated && (
        <p class="notice" data-one-thread>
          {t(W.oneThread)}
        </p>
      )}
      <div class="room three">
        <section class="card" aria-label={t(W.controls)}>
          <h2 id="pictures">{t(T.data)}</h2>
          <div class="row">
            <select
              aria-labelledby="pictures"
              id="data"
              value={config.data}
              disabled={busy}
              onChange={(event) => changeQuery({ data: event.currentTarget.value })}
            >
              <option value="digits">{t(T.digits)}</option>
              <option value="fashion">{t(T.fashion)}</option>
              <option value="own">{t(T.own)}</option>
            </select>
          </div>
          {config.data === "own" && <OwnDataEditor data={own} disabled={busy} change={changeOwn} />}
          <details open={roomy}>
            <summary>
              <h2>{t(T.network)}</h2>
            </summary>
            {editor}
          </details>
          <details open={roomy}>
            <summary>
              <h2>{t(T.how)}</h2>
            </summary>
            <Settings config={config} busy={busy} setRate={run.setRate} />
          </details>
        </section>
        <section class="card" aria-label={t(T.progress)}>
          <Buttons run={run} enough={enough} rate={config.lr} start={start} resume={resume} />
          <Progress run={run} epochs={shown.epochs} />
        </section>
        <section class="card" aria-label={t(T.maps)}>
          <Watch
            run={run}
            config={shown}
            own={own}
            fork={(epoch) => resume({ ...shown, lr: config.lr, epochs: Math.max(shown.epochs, epoch + 2) }, epoch)}
          />
        </section>
      </div>
    </>
  );
}

interface ButtonsProps {
  readonly run: RunControl;
  readonly enough: boolean;
  /** The learning rate that the page is set to. */
  readonly rate: number;
  readonly start: () => void;
  readonly resume: (config: RunConfig) => void;
}

function Buttons({ run, enough, rate, start, resume }: ButtonsProps): JSX.Element {
  const { address, t } = useApp();
  const { view } = run;
  const { status, config } = view;
  const canResume = status === "idle" && config !== undefined && view.epochs.length < config.epochs;
  const isDone = status === "done" || (status === "idle" && !canResume);
  const canGoOn = config !== undefined && isDone && view.unkept === undefined;
  const stands = status === "idle" || status === "done" || status === "failed";
  const state = status === "idle" ? T.ready : status === "preparing" ? W.working : T[status];
  return (
    <>
      <div class="buttons">
        {canResume && (
          <button type="button" class="primary" onClick={() => resume(config)}>
            {t(T.resume)}
          </button>
        )}
        {stands && (
          <button type="button" class={canResume ? "" : "primary"} disabled={!enough} onClick={start}>
            {t(config !== undefined ? T.restart : T.start)}
          </button>
        )}
        {status === "running" && (
          <button type="button" onClick={run.pause}>
            {t(T.pause)}
          </button>
        )}
        {status === "paused" && (
          <>
            <button type="button" class="primary" onClick={run.go}>
              {t(T.go)}
            </button>
            <button type="button" onClick={run.step}>
              {t(T.step)}
            </button>
          </>
        )}
        {canGoOn && (
          <button type="button" onClick={() => resume({ ...config, lr: rate, epochs: view.epochs.length + 2 })}>
            {t(T.longer)}
          </button>
        )}
        {view.model !== undefined && view.epochs.length > 0 && <a href={linkTo(address, "inside")}>{t(T.look)}</a>}
      </div>
      <p role="status" data-status={status}>
        {t(state)}
      </p>
      {view.unkept !== undefined && (
        <p class="notice" role="status" data-unkept={view.unkept}>
          {t(T.unkept[view.unkept])}
        </p>
      )}
      {view.elsewhere && (
        <p class="notice" role="alert" data-elsewhere>
          {t(T.elsewhere)}
        </p>
      )}
      {view.problem !== undefined && (
        <div class="notice" role="alert" data-diverged={view.problem.diverged}>
          {view.problem.diverged && <strong>{t(T.diverged)}</strong>}
          <p class="hint" lang="en">
            {view.problem.message}
          </p>
        </div>
      )}
    </>
  );
}

function Progress({ run, epochs }: { readonly run: RunControl; readonly epochs: number }): JSX.Element {
  const { t } = useApp();
  const { view } = run;
  const last = view.epochs.at(-1);
  // The last steps of an epoch are not told of one by one.
  const done = Math.max(view.steps > 0 ? view.epoch + view.step / view.steps : 0, view.epochs.length);
  const facts: readonly (readonly [string, string, string])[] = [
    ["epoch", t(T.epoch), `${Math.min(Math.floor(done) + 1, epochs)}/${epochs}`],
    ["loss", t(T.loss), view.loss > 0 ? view.loss.toFixed(4) : "–"],
    ["top1", t(T.accuracy), last ? `${(100 * last.top1).toFixed(2)} %` : "–"],
    ["speed", t(T.speed), view.imagesPerSecond > 0 ? Math.round(view.imagesPerSecond).toLocaleString() : "–"],
    ["threads", t(T.threads), view.threads > 0 ? String(view.threads) : "–"],
    ["parameters", t(T.parameters), view.parameters > 0 ? view.parameters.toLocaleString() : "–"],
    ["memory", t(T.memory), view.memory > 0 ? `${(view.memory / 2 ** 20).toFixed(1)} MiB` : "–"],
  ];
  return (
    <>
      <progress max={epochs} value={Math.min(done, epochs)} aria-label={t(T.progress)} />
      <dl class="stats">
        {facts.map(([key, name, value]) => (
          <div key={key}>
            <dt>{name}</dt>
            <dd data-fact={key}>{value}</dd>
          </div>
        ))}
      </dl>
      <div class="charts">
        <div>
          <h2>{t(T.loss)}</h2>
          <Chart
            label={t(T.loss)}
            xName={t(T.epoch)}
            lines={[
              { name: t(T.trainLoss), colour: "var(--input)", points: smooth(view.points), width: 1.5 },
              {
                name: t(T.valLoss),
                colour: "var(--filter)",
                points: view.epochs.map((e) => [e.epoch + 1, e.valLoss]),
                width: 2.5,
              },
            ]}
          />
        </div>
        <div>
          <h2>{t(T.accuracy)}</h2>
          <Chart
            label={t(T.accuracy)}
            xName={t(T.epoch)}
            yMax={1}
            percent
            lines={[
              {
                name: t(T.trainLoss),
                colour: "var(--input)",
                points: view.epochs.map((e) => [e.epoch + 1, e.accuracy]),
              },
              {
                name: t(T.valLoss),
                colour: "var(--filter)",
                points: view.epochs.map((e) => [e.epoch + 1, e.top1]),
                width: 2.5,
              },
            ]}
          />
        </div>
      </div>
    </>
  );
}

/** A running mean, so that the trend can be seen through the noise of batches. */
function smooth(points: RunHistory["points"]): (readonly [number, number])[] {
  let mean = points[0]?.loss ?? 0;
  return points.map(({ at, loss }) => {
    mean += 0.15 * (loss - mean);
    return [at, mean] as const;
  });
}
