/** Look inside: a trained model, a picture, and everything between them. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { linkTo } from "../address.ts";
import { useApp } from "../app-context.ts";
import { FASHION } from "../data.ts";
import { download } from "../figure/export.ts";
import type { PlainModel } from "../train/messages.ts";
import { pixelsOf } from "../train/own-data.tsx";
import { KEYS, keep, load } from "../train/store.ts";
import { DropZone, FileButton } from "../ui/drop-zone.tsx";
import type { Found } from "../ui/files.ts";
import { PictureInput } from "../ui/picture-input.tsx";
import { W } from "../words.ts";
import { CellView, seenBox } from "./cell-view.tsx";
import { DrawPad } from "./draw-pad.tsx";
import { type InspectClient, inspectClient } from "./inspect-client.ts";
import type { Inspection } from "./inspect-messages.ts";
import { type Chosen, LayerMaps } from "./layer-maps.tsx";
import { readModelFile, writeModelFile } from "./model-file.ts";
import { Overlay } from "./overlay.tsx";
import { Activating, Samples, readOne, useSamples } from "./samples.tsx";
import { I } from "./words.ts";

/** Of a run folder or anything else that holds models, the file to open. */
function modelAmong(found: readonly Found[]): File | undefined {
  const files = found.map((f) => f.file).filter((file) => file.name.endsWith(".safetensors"));
  const named = (name: string): File | undefined => files.find((file) => file.name === name);
  return named("best.safetensors") ?? named("last.safetensors") ?? files[0];
}

export function Inside(): JSX.Element {
  const { address, lang, t } = useApp();
  const [model, setModel] = useState<PlainModel>();
  /** The file that the model is from; undefined: from Train. */
  const [source, setSource] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const [picture, setPicture] = useState<Uint8Array>();
  const [inspection, setInspection] = useState<Inspection>();
  const [target, setTarget] = useState<number>();
  const [layer, setLayer] = useState<string>();
  const [chosen, setChosen] = useState<Chosen>();
  const [cell, setCell] = useState<readonly [number, number]>([0, 0]);
  const [view, setView] = useState<"cam" | "saliency" | "none">("cam");
  const client = useRef<InspectClient | undefined>(undefined);
  useEffect(() => {
    document.title = `${t(I.title)} · ${t(W.title)}`;
  });
  useEffect(() => {
    client.current = inspectClient();
    const look = async (): Promise<void> => {
      const kept = await load<PlainModel>(KEYS.model);
      if (kept === undefined) return;
      setModel(kept);
    };
    void look();
    return () => client.current?.close();
  }, []);
  const samples = useSamples(model);
  useEffect(() => {
    if (samples !== undefined && picture === undefined) void readOne(samples, 0).then(setPicture);
  }, [samples]);
  useEffect(() => {
    let stale = false;
    if (!model || !picture || picture.length !== model.shape.reduce((a, b) => a * b, 1)) return;
    const ask = async (): Promise<void> => {
      try {
        const made = await client.current?.look({ model, picture, target, layer });
        if (stale || made === undefined) return;
        setInspection(made);
        setProblem(undefined);
      } catch (error) {
        if (!stale) setProblem(error instanceof Error ? error.message : String(error));
      }
    };
    void ask();
    return () => {
      stale = true;
    };
  }, [model, picture, target, layer]);

  const openModel = async (found: readonly Found[]): Promise<void> => {
    const file = modelAmong(found) ?? (found.length === 1 && found[0].folder === "" ? found[0].file : undefined);
    if (file === undefined) return setProblem(t(I.noModelInFolder));
    try {
      const read = readModelFile(new Uint8Array(await file.arrayBuffer()), file.name);
      setModel(read);
      setSource(file.name);
      setPicture(undefined);
      setInspection(undefined);
      setTarget(undefined);
      setLayer(undefined);
      setChosen(undefined);
      setProblem(undefined);
      await keep({ [KEYS.model]: read });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  const save = (): void => {
    if (!model) return;
    const bytes = writeModelFile(model, { model: "lab", data: "lab", val: 0.2, seed: 0, epoch: 0 });
    download({ name: "model.safetensors", blob: new Blob([Uint8Array.from(bytes)]) });
  };
  const isFashion = model !== undefined && model.classes.join() === FASHION.map((w) => w.en).join();
  const classes = isFashion ? FASHION.map((w) => w[lang]) : (model?.classes ?? []);
  const choose = (next: Chosen): void => {
    setChosen(next);
    const map = inspection?.maps[next.layer];
    if (map) setCell([Math.floor(map.shape[2] / 2), Math.floor(map.shape[3] / 2)]);
  };
  const likeliest = inspection ? inspection.probabilities.indexOf(Math.max(...inspection.probabilities)) : 0;
  const maps = inspection?.maps.filter((m) => m.shape.length === 4 && m.shape[2] * m.shape[3] > 1) ?? [];
  return (
    <>
      <h1>{t(I.title)}</h1>
      <p class="prose">{t(I.lead)}</p>
      <div class="room three">
        <section class="card" aria-label={t(W.controls)}>
          <h2>{t(I.model)}</h2>
          <p data-model={model ? (source ?? "train") : ""}>
            {model
              ? `${source ?? t(I.fromTrain)}: ${t(I.classes(classes.length))}, ${model.shape.join("×")}`
              : t(I.none)}{" "}
            {!model && <a href={linkTo(address, "train")}>{t(W.train)}</a>}
          </p>
          <DropZone name="model" take={(found) => void openModel(found)}>
            <div class="buttons">
              <FileButton
                name="model"
                accept=".safetensors"
                label={t(I.open)}
                take={(found) => void openModel(found)}
              />
              <FileButton name="run" folder label={t(I.openFolder)} take={(found) => void openModel(found)} />
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
          {model && (
            <>
              <h2>{t(I.picture)}</h2>
              {model.shape[0] === 1 && (
                <DrawPad rows={model.shape[1]} cols={model.shape[2]} take={setPicture}>
                  {inspection && (
                    <p class="hint" aria-live="polite">
                      {t(I.answer)}
                      <output data-answer={likeliest}>{classes[likeliest]}</output>
                      {(100 * inspection.probabilities[likeliest]).toFixed(1)} %
                    </p>
                  )}
                </DrawPad>
              )}
              {samples && <Samples samples={samples} model={model} take={setPicture} />}
              <PictureInput
                take={(bitmap) => setPicture(pixelsOf(bitmap, model.shape[1], model.shape[0] === 1 ? 1 : 3))}
              />
            </>
          )}
        </section>
        <section class="card" aria-label={t(I.answer)}>
          {inspection && model && picture && (
            <>
              <h2>{t(I.answer)}</h2>
              <Bars probabilities={inspection.probabilities} classes={classes} />
              <h2>{t(I.why)}</h2>
              <div class="buttons">
                <label class="inline">
                  {t(I.target)}
                  <select
                    value={target === undefined ? "" : String(target)}
                    onChange={(event) =>
                      setTarget(event.currentTarget.value === "" ? undefined : Number(event.currentTarget.value))
                    }
                  >
                    <option value="">{t(I.likeliest)}</option>
                    {classes.map((name, i) => (
                      <option key={name} value={String(i)}>
                        {name}
                      </option>
                    ))}
                  </select>
                </label>
                <label class="inline">
                  {t(I.show)}
                  <select
                    value={view}
                    data-view
                    onChange={(event) => setView(event.currentTarget.value as "cam" | "saliency" | "none")}
                  >
                    <option value="cam">Grad-CAM</option>
                    <option value="saliency">{t(I.saliency)}</option>
                    <option value="none">{t(I.plain)}</option>
                  </select>
                </label>
                {view === "cam" && (
                  <label class="inline">
                    {t(I.layer)}
                    <select
                      value={inspection.cam?.layer ?? ""}
                      onChange={(event) => setLayer(event.currentTarget.value)}
                    >
                      {maps.map((m) => (
                        <option key={m.name} value={m.name}>
                          {m.name} {m.type}
                        </option>
                      ))}
                    </select>
                  </label>
                )}
              </div>
              <p class="hint">{t(view === "cam" ? I.camHelp : view === "saliency" ? I.saliencyHelp : I.plainHelp)}</p>
              <Overlay
                picture={picture}
                shape={model.shape}
                inspection={inspection}
                view={view}
                box={chosen ? seenBox(inspection.maps[chosen.layer], cell, model.shape.slice(1)) : undefined}
                label={`${t(I.picture)}: ${classes[inspection.target]}`}
              />
              <h2>{t(I.layers)}</h2>
              <p class="hint">{t(I.layersHelp)}</p>
              <LayerMaps inspection={inspection} size={44} chosen={chosen} choose={choose} />
            </>
          )}
        </section>
        <section class="card" aria-label={t(I.unit)}>
          <h2>{t(I.unit)}</h2>
          {!chosen && <p class="hint">{t(I.unitHelp)}</p>}
          {chosen && inspection && model && (
            <>
              <CellView inspection={inspection} shape={model.shape} chosen={chosen} cell={cell} pick={setCell} />
              {samples && (
                <Activating
                  key={inspection.maps[chosen.layer].name}
                  client={client.current}
                  model={model}
                  samples={samples}
                  layer={inspection.maps[chosen.layer].name}
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

function Bars({
  probabilities,
  classes,
}: {
  readonly probabilities: readonly number[];
  readonly classes: readonly string[];
}): JSX.Element {
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
