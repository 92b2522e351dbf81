/** Look inside: a trained model, a picture, and everything between them. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { changeQuery, linkTo, useQuickQuery } from "../address.ts";
import { useApp } from "../app-context.ts";
import { FASHION } from "../data.ts";
import { download } from "../figure/export.ts";
import { type Cell, moved, parseCell } from "../ui/cell.ts";
import { coverPixels } from "../ui/decode.ts";
import { DropZone, FileButton } from "../ui/drop-zone.tsx";
import { PictureInput } from "../ui/picture-input.tsx";
import { W } from "../words.ts";
import { CellView, seenBox } from "./cell-view.tsx";
import { DrawPad } from "./draw-pad.tsx";
import { useInspection } from "./inspect-client.ts";
import type { InspectedMap, Inspection } from "./inspect-messages.ts";
import { type Chosen, LayerMaps } from "./layer-maps.tsx";
import { writeModelFile } from "./model-file.ts";
import { Activating, Samples, useSample, useSamples } from "./samples.tsx";
import { type Models, NOTHING_CHOSEN, useModels } from "./use-model.ts";
import { Why } from "./why.tsx";
import { I } from "./words.ts";

/** A whole number below a limit, as the address has it. */
function indexIn(text: string | undefined, count: number): number | undefined {
  const value = Number(text);
  return text !== undefined && /^\d+$/.test(text) && value < count ? value : undefined;
}

/** `conv1:3`: the fourth map of the layer `conv1`. */
function chosenIn(text: string | undefined, maps: readonly InspectedMap[]): Chosen | undefined {
  const [layer, channel] = text?.split(":") ?? [];
  const map = maps.find(({ name }) => name === layer);
  const index = map && indexIn(channel, map.shape[0]);
  return index === undefined ? undefined : { layer, channel: index };
}

export function Inside(): JSX.Element {
  const { address, lang, t } = useApp();
  const { query } = address;
  const models = useModels();
  const { model } = models;
  const samples = useSamples(model);
  const sample = indexIn(query["sample"], samples?.size ?? 0) ?? 0;
  const shipped = useSample(samples, sample);
  /** A picture of the user's own, for the model that was there when it came. */
  const [own, setOwn] = useState<{ readonly model: unknown; readonly pixels: Uint8Array }>();
  const isOwn = own !== undefined && own.model === model;
  const picture = isOwn ? own.pixels : shipped;
  const take = (pixels: Uint8Array): void => setOwn({ model, pixels });
  const target = indexIn(query["class"], model?.classes.length ?? 0);
  const {
    inspection,
    model: seen,
    problem,
    client,
  } = useInspection(model && picture ? { model, picture, target, layer: query["cam"] } : undefined);
  const current = seen === model ? inspection : undefined;
  useEffect(() => {
    document.title = `${t(I.title)} · ${t(W.title)}`;
  });
  const isFashion = model !== undefined && model.classes.join() === FASHION.map((w) => w.en).join();
  const classes = isFashion ? FASHION.map((w) => w[lang]) : (model?.classes ?? []);
  const chosen = current && chosenIn(query["unit"], current.maps);
  const map = chosen && current.maps.find(({ name }) => name === chosen.layer);
  const [quick, pick] = useQuickQuery("cell");
  const cell = map && cellOf(quick, map);
  const choose = ({ layer, channel }: Chosen): void => {
    pick(undefined);
    changeQuery({ unit: `${layer}:${channel}`, cell: undefined });
  };
  return (
    <>
      <h1>{t(I.title)}</h1>
      <p class="prose">{t(I.lead)}</p>
      <div class="room three">
        <section class="card" aria-label={t(W.controls)}>
          <ModelChoice models={models} />
          {problem !== undefined && (
            <p class="problem" role="alert">
              {problem}
            </p>
          )}
          {model && (
            <>
              <h2>{t(I.picture)}</h2>
              {model.shape[0] === 1 && (
                <DrawPad rows={model.shape[1]} cols={model.shape[2]} take={take}>
                  {current && <Answer inspection={current} classes={classes} />}
                </DrawPad>
              )}
              {samples && (
                <Samples
                  samples={samples}
                  model={model}
                  chosen={isOwn ? undefined : sample}
                  take={(index) => {
                    setOwn(undefined);
                    changeQuery({ sample: String(index) });
                  }}
                />
              )}
              <PictureInput
                take={(bitmap) => take(coverPixels(bitmap, model.shape[1], model.shape[2], model.shape[0]))}
              />
            </>
          )}
        </section>
        <section class="card" aria-label={t(I.answer)}>
          {model && current && picture ? (
            <>
              <h2>{t(I.answer)}</h2>
              <Bars probabilities={current.probabilities} classes={classes} />
              <Why
                inspection={current}
                shape={model.shape}
                picture={picture}
                classes={classes}
                target={target}
                box={map && cell && seenBox(map, cell, model.shape.slice(1))}
              />
              <h2>{t(I.layers)}</h2>
              <p class="hint">{t(I.layersHelp)}</p>
              <LayerMaps inspection={current} model={model} size={44} chosen={chosen} choose={choose} />
            </>
          ) : (
            <p class="hint">{t(model && !picture ? I.noPicture : W.working)}</p>
          )}
        </section>
        <section class="card" aria-label={t(I.unit)}>
          <h2>{t(I.unit)}</h2>
          {!chosen && <p class="hint">{t(I.unitHelp)}</p>}
          {model && chosen && map && cell && (
            <>
              <CellView
                map={map}
                model={model}
                channel={chosen.channel}
                cell={cell}
                pick={(next) => pick(next.join())}
              />
              {samples && (
                <Activating
                  client={client}
                  model={model}
                  samples={samples}
                  layer={chosen.layer}
                  channel={chosen.channel}
                />
              )}
            </>
          )}
        </section>
      </div>
    </>
  );
}

/** The cell that the address names, within the map; the middle unless it names one. */
function cellOf(text: string | undefined, { shape: [, rows, cols] }: InspectedMap): Cell {
  return moved([0, 0], parseCell(text) ?? [Math.floor(rows / 2), Math.floor(cols / 2)], rows, cols);
}

/** Which model, and where others are from. */
function ModelChoice({ models }: { readonly models: Models }): JSX.Element {
  const { address, t } = useApp();
  const { sources, source, model, problem, open } = models;
  const names = { train: t(I.fromTrain), file: sources.file?.name ?? "", lenet5: t(I.lenet5) };
  const save = (): void => {
    if (!model) return;
    download({ name: "model.safetensors", blob: new Blob([Uint8Array.from(writeModelFile(model))]) });
  };
  return (
    <>
      <h2 id="model">{t(I.model)}</h2>
      <div class="row">
        <select
          aria-labelledby="model"
          value={source}
          data-model={model === undefined ? "" : source === "file" ? names.file : source}
          onChange={(event) => changeQuery({ ...NOTHING_CHOSEN, model: event.currentTarget.value })}
        >
          {(["train", "file", "lenet5"] as const).map(
            (s) =>
              (s === "lenet5" || sources[s]) && (
                <option key={s} value={s}>
                  {names[s]}
                </option>
              ),
          )}
        </select>
      </div>
      <p class="hint">
        {model && `${t(I.classes(model.classes.length))}, ${model.shape.join("×")}. `}
        {!sources.train && (
          <>
            {t(I.none)} <a href={linkTo(address, "train")}>{t(W.train)}</a>
          </>
        )}
      </p>
      <DropZone name="model" take={(found) => void open(found)}>
        <div class="buttons">
          <FileButton name="model" accept=".safetensors" label={t(I.open)} take={(found) => void open(found)} />
          <FileButton name="run" folder label={t(I.openFolder)} take={(found) => void open(found)} />
        </div>
        <p class="hint">{t(I.dropModel)}</p>
      </DropZone>
      {model && (
        <button type="button" class="small" data-download onClick={save}>
          {t(I.download)}
        </button>
      )}
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}

interface AnswerProps {
  readonly inspection: Inspection;
  readonly classes: readonly string[];
}

function Answer({ inspection: { probabilities }, classes }: AnswerProps): JSX.Element {
  const { t } = useApp();
  const likeliest = probabilities.indexOf(Math.max(...probabilities));
  return (
    <p class="hint" aria-live="polite">
      {t(I.answer)}
      <output data-answer={likeliest}>{classes[likeliest]}</output>
      {(100 * probabilities[likeliest]).toFixed(1)} %
    </p>
  );
}

interface BarsProps {
  readonly probabilities: readonly number[];
  readonly classes: readonly string[];
}

function Bars({ probabilities, classes }: BarsProps): JSX.Element {
  const order = probabilities
    .map((p, i) => ({ p, i }))
    .sort((a, b) => b.p - a.p)
    .slice(0, 5);
  return (
    <div class="bars" data-prediction={order[0]?.i}>
      {order.map(({ p, i }) => (
        <>
          <span>{classes[i] ?? i}</span>
          <span class="bar" style={{ width: `${100 * p}%` }} />
          <span class="number">{(100 * p).toFixed(1)} %</span>
        </>
      ))}
    </div>
  );
}
