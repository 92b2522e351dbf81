/** Pictures of the kind that a model was trained on: to choose from, and to search for what a channel answers to. */
import type { Dataset } from "faltung";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { FASHION, type ShippedName, loadDigits } from "../data.ts";
import type { OwnData, PlainModel } from "../train/messages.ts";
import { KEYS, load } from "../train/store.ts";
import { MapCanvas } from "../ui/map-canvas.tsx";
import type { InspectClient } from "./inspect-client.ts";
import type { ActivatingAnswer } from "./inspect-messages.ts";
import { I } from "./words.ts";

/** Pictures among which the most activating ones are looked for. */
const SEARCHED = 400;

export async function readOne(samples: Dataset, index: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(samples.shape.reduce((a, b) => a * b, 1));
  await samples.read(index, bytes);
  return bytes;
}

/** Pictures of the kind that the model was trained on, if the lab has them. */
export function useSamples(model: PlainModel | undefined): Dataset | undefined {
  const [samples, setSamples] = useState<Dataset>();
  useEffect(() => {
    const find = async (): Promise<void> => {
      if (!model) return;
      const own = await load<OwnData>(KEYS.own);
      if (own && own.shape.join() === model.shape.join() && own.classes.join() === model.classes.join()) {
        const { arrayDataset } = await import("faltung");
        return setSamples(arrayDataset({ ...own, shape: own.shape }));
      }
      if (model.shape.join() !== "1,28,28") return setSamples(undefined);
      const name: ShippedName = model.classes[0] === FASHION[0].en ? "fashion" : "digits";
      setSamples((await loadDigits(name)).test);
    };
    void find();
  }, [model]);
  return samples;
}

/** A row of pictures to choose from. */
export function Samples({
  samples,
  model,
  take,
}: {
  readonly samples: Dataset;
  readonly model: PlainModel;
  readonly take: (pixels: Uint8Array) => void;
}): JSX.Element {
  const { t } = useApp();
  const [from, setFrom] = useState(0);
  const [shown, setShown] = useState<readonly Uint8Array[]>([]);
  useEffect(() => {
    const indices = Array.from({ length: 10 }, (_, i) => (from + i) % samples.size);
    void Promise.all(indices.map((i) => readOne(samples, i))).then(setShown);
  }, [samples, from]);
  return (
    <div class="maps" role="group" aria-label={t(I.samples)}>
      {shown.map((pixels, i) => (
        <button
          key={i}
          type="button"
          onClick={() => take(pixels)}
          aria-label={`${t(I.samples)} ${from + i}`}
          data-sample
        >
          <MapCanvas
            data={pixels}
            rows={model.shape[1]}
            cols={model.shape[2]}
            size={40}
            scale="gray"
            label={`${from + i}`}
          />
        </button>
      ))}
      <button
        type="button"
        class="small"
        style={{ lineHeight: "inherit", padding: "0 0.5rem" }}
        onClick={() => setFrom(from + 10)}
      >
        {t(I.moreSamples)}
      </button>
    </div>
  );
}

interface ActivatingProps {
  readonly client: InspectClient | undefined;
  readonly model: PlainModel;
  readonly samples: Dataset;
  readonly layer: string;
  readonly channel: number;
}

/** The pictures that the chosen channel answers to most. */
export function Activating({ client, model, samples, layer, channel }: ActivatingProps): JSX.Element {
  const { t } = useApp();
  const [answer, setAnswer] = useState<ActivatingAnswer["channels"]>();
  const [pictures, setPictures] = useState<Uint8Array>();
  const [problem, setProblem] = useState<string>();
  const size = model.shape.reduce((a, b) => a * b, 1);
  const search = async (): Promise<void> => {
    const count = Math.min(SEARCHED, samples.size);
    const all = new Uint8Array(count * size);
    for (let i = 0; i < count; i++) await samples.read(i, all.subarray(i * size, (i + 1) * size));
    setPictures(all);
    try {
      const made = await client?.activating({ model, pictures: all, activating: { layer, count: 9 } });
      setAnswer(made?.channels);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  useEffect(() => {
    void search();
  }, [model, layer]);
  return (
    <>
      <h3>{t(I.activating)}</h3>
      {problem !== undefined && <p class="problem">{problem}</p>}
      <div class="maps" data-activating={answer === undefined ? "" : answer[channel].length}>
        {pictures &&
          answer?.[channel]?.map(({ picture, value }) => (
            <figure key={picture}>
              <MapCanvas
                data={pictures}
                offset={picture * size}
                rows={model.shape[1]}
                cols={model.shape[2]}
                size={64}
                scale="gray"
                label={`${t(I.samples)} ${picture}`}
              />
              <figcaption class="tabular">{value.toFixed(2)}</figcaption>
            </figure>
          ))}
      </div>
    </>
  );
}
