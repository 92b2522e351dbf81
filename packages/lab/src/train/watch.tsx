/** Filters, maps and confusion of a run: now, or at the end of an epoch that has passed. */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { changeQuery, useQuickQuery } from "../address.ts";
import { useApp } from "../app-context.ts";
import { FASHION } from "../data.ts";
import { useInspection } from "../inside/inspect-client.ts";
import { LayerMaps } from "../inside/layer-maps.tsx";
import { Confusion } from "../ui/confusion.tsx";
import { MapCanvas } from "../ui/map-canvas.tsx";
import type { OwnData, PlainModel, PlainState, RunConfig } from "./messages.ts";
import { modelOfState } from "./plain.ts";
import { KEYS, load } from "./store.ts";
import { useExample } from "./use-example.ts";
import type { RunControl } from "./use-run.ts";
import { T } from "./words.ts";

export interface WatchProps {
  readonly run: RunControl;
  /** Of the run that is watched. */
  readonly config: RunConfig;
  readonly own: OwnData | undefined;
  readonly fork: (epoch: number) => void;
}

/** The model at the end of an epoch; `gone` if it was not kept. */
function usePast(
  epoch: number | undefined,
  newest: PlainModel | undefined,
  isKept: boolean,
): PlainModel | "gone" | undefined {
  const [past, setPast] = useState<PlainModel | "gone">();
  const known = newest !== undefined;
  useEffect(() => {
    let stale = false;
    setPast(undefined);
    if (epoch === undefined || newest === undefined) return;
    const look = async (): Promise<void> => {
      const state = isKept ? await load<PlainState>(KEYS.epoch(epoch)) : undefined;
      if (!stale) setPast(state === undefined ? "gone" : modelOfState(newest, state));
    };
    void look();
    return () => {
      stale = true;
    };
  }, [epoch, known]);
  return past;
}

export function Watch({ run, config, own, fork }: WatchProps): JSX.Element {
  const { address, lang, t } = useApp();
  const { view } = run;
  const [asked, ask] = useQuickQuery("past");
  // The address counts epochs from 1, as the page does.
  const wish = Number(asked) - 1;
  const past = Number.isInteger(wish) && wish >= 0 && wish < view.epochs.length ? wish : undefined;
  const pastModel = usePast(past, view.model, view.unkept !== "tab");
  const model = past === undefined ? view.model : pastModel === "gone" ? undefined : pastModel;
  const index = Math.max(0, Math.floor(Number(address.query["example"]) || 0));
  const picture = useExample(config, own, index);
  const fitting = model && picture && picture.length === model.shape.reduce((a, b) => a * b, 1);
  const { inspection, model: seen } = useInspection(fitting ? { model, picture } : undefined);
  const record = past === undefined ? view.epochs.at(-1) : view.epochs[past];
  const stands = view.status !== "running" && view.status !== "preparing";
  const classes = useMemo(
    () => (config.data === "fashion" ? FASHION.map((w) => w[lang]) : view.classes),
    [config.data, lang, view.classes],
  );
  // Hundreds of small canvases: they change with what they show, not with every report of the run.
  const maps = useMemo(
    () => inspection && seen && <LayerMaps inspection={inspection} model={seen} size={38} brief />,
    [inspection, lang],
  );
  const confusion = useMemo(
    () => record && <Confusion counts={record.confusion} classes={classes} />,
    [record, classes, lang],
  );
  const count = view.epochs.length;
  const now = count + 1;
  const leave = (epoch: number): void => {
    ask(undefined); // back to now
    fork(epoch);
  };
  return (
    <>
      {!inspection && !record && <p class="hint">{t(T.watch)}</p>}
      {count > 0 && (
        <div class="row">
          <label for="scrub">{t(T.scrub)}</label>
          <div class="buttons">
            <input
              id="scrub"
              type="range"
              min={1}
              max={now}
              value={past === undefined ? now : past + 1}
              aria-valuetext={past === undefined ? t(T.now) : `${t(T.epoch)} ${past + 1}`}
              style={{ flex: 1 }}
              onInput={({ currentTarget: { value } }) => ask(Number(value) === now ? undefined : value)}
            />
            <output for="scrub">{past === undefined ? t(T.now) : `${t(T.epoch)} ${past + 1}`}</output>
          </div>
          {pastModel === "gone" && <p class="hint">{t(T.gone)}</p>}
          {past !== undefined && model !== undefined && stands && (
            <button type="button" class="small" data-fork onClick={() => leave(past)}>
              {t(T.fork)}
            </button>
          )}
        </div>
      )}
      {record && (
        <>
          <h2>{t(T.confusion)}</h2>
          <p class="hint">
            {t(T.confusionHelp)} {(100 * record.top1).toFixed(2)} %
          </p>
          {confusion}
        </>
      )}
      {inspection && (
        <>
          <h2>{t(T.maps)}</h2>
          <div class="buttons">
            {picture && model && (
              <MapCanvas
                data={picture}
                rows={model.shape[1]}
                cols={model.shape[2]}
                size={56}
                scale={model.shape[0] === 3 ? "colour" : "gray"}
                label={t(T.example)}
              />
            )}
            <button type="button" class="small" onClick={() => changeQuery({ example: String(index + 1) })}>
              {t(T.example)}
            </button>
            <span>
              → <strong>{classes[inspection.target] ?? inspection.target}</strong>{" "}
              <span class="tabular">({(100 * Math.max(...inspection.probabilities)).toFixed(1)} %)</span>
            </span>
          </div>
          {maps}
        </>
      )}
    </>
  );
}
