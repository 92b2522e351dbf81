/** Filters, maps and confusion of a run: now, or at the end of an epoch that has passed. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { FASHION } from "../data.ts";
import { type InspectClient, inspectClient } from "../inside/inspect-client.ts";
import type { Inspection } from "../inside/inspect-messages.ts";
import { LayerMaps } from "../inside/layer-maps.tsx";
import { Confusion } from "../ui/confusion.tsx";
import { MapCanvas } from "../ui/map-canvas.tsx";
import type { OwnData, PlainModel, PlainState, RunConfig } from "./messages.ts";
import { modelOfState } from "./plain.ts";
import { KEYS, load } from "./store.ts";
import { useExample } from "./use-example.ts";
import type { RunControl } from "./use-run.ts";
import { T } from "./words.ts";

export function Watch({
  run,
  config,
  own,
}: {
  readonly run: RunControl;
  readonly config: RunConfig;
  readonly own: OwnData | undefined;
}): JSX.Element {
  const { lang, t } = useApp();
  const { view } = run;
  const [past, setPast] = useState<number>();
  const [pastModel, setPastModel] = useState<PlainModel>();
  const [inspection, setInspection] = useState<Inspection>();
  const [index, setIndex] = useState(0);
  const picture = useExample(config, own, index);
  const client = useRef<InspectClient | undefined>(undefined);
  const waiting = useRef(false);
  useEffect(() => {
    client.current = inspectClient();
    return () => client.current?.close();
  }, []);
  const { model: newest } = view;
  useEffect(() => {
    if (past === undefined || newest === undefined) return setPastModel(undefined);
    void load<PlainState>(KEYS.epoch(past)).then((state) => state && setPastModel(modelOfState(newest, state)));
  }, [past]);
  const model = past === undefined ? newest : pastModel;
  useEffect(() => {
    const fitting = model && picture && picture.length === model.shape.reduce((a, b) => a * b, 1);
    if (!fitting || waiting.current) return;
    waiting.current = true;
    void client.current
      ?.look({ model, picture })
      .then(setInspection, () => setInspection(undefined))
      .finally(() => {
        waiting.current = false;
      });
  }, [model, picture]);
  const record = past === undefined ? view.epochs.at(-1) : view.epochs.find((e) => e.epoch === past);
  const stands = view.status !== "running" && view.status !== "preparing";
  const classes = useMemo(
    () => (config.data === "fashion" ? FASHION.map((w) => w[lang]) : view.classes),
    [config.data, lang, view.classes],
  );
  // Hundreds of small canvases: they change with what they show, not with every report of the run.
  const maps = useMemo(() => inspection && <LayerMaps inspection={inspection} size={38} brief />, [inspection, lang]);
  const confusion = useMemo(
    () => record && <Confusion counts={record.confusion} classes={classes} />,
    [record, classes, lang],
  );
  return (
    <>
      {!inspection && <p class="hint">{t(T.watch)}</p>}
      {view.epochs.length > 0 && (
        <div class="row">
          <label for="scrub">{t(T.scrub)}</label>
          <div class="buttons">
            <input
              id="scrub"
              type="range"
              min={0}
              max={view.epochs.length}
              value={past ?? view.epochs.length}
              style={{ flex: 1 }}
              onInput={(event) => {
                const v = Number(event.currentTarget.value);
                setPast(v >= view.epochs.length ? undefined : v);
              }}
            />
            <output for="scrub">{past === undefined ? t(T.now) : `${t(T.epoch)} ${past + 1}`}</output>
          </div>
          {past !== undefined && stands && (
            <button
              type="button"
              class="small"
              data-fork
              onClick={() => {
                setPast(undefined);
                run.resume({ ...config, epochs: Math.max(config.epochs, past + 2) }, past);
              }}
            >
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
                scale="gray"
                label={t(T.example)}
              />
            )}
            <button type="button" class="small" onClick={() => setIndex(index + 1)}>
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
