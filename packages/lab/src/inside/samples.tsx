/** Pictures of the kind that a model was trained on: to choose from, and to search for what a channel answers to. */
import { type Dataset, arrayDataset } from "faltung";
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
/** Pictures in a row to choose from. */
const SHOWN = 10;

/** A picture of the data, and of its own shape. */
async function readOne(samples: Dataset, index: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(samples.shape.reduce((a, b) => a * b, 1));
  await samples.read(index, bytes);
  return bytes;
}

async function samplesFor(model: PlainModel): Promise<Dataset | undefined> {
  for (const key of [KEYS.runOwn, KEYS.own]) {
    const own = await load<OwnData>(key);
    if (own && own.shape.join() === model.shape.join() && own.classes.join() === model.classes.join()) {
      return arrayDataset(own);
    }
  }
  if (model.shape.join() !== "1,28,28") return undefined;
  const name: ShippedName = model.classes[0] === FASHION[0].en ? "fashion" : "digits";
  return (await loadDigits(name)).test;
}

/** Pictures of the kind that the model was trained on, if the lab has them. */
export function useSamples(model: PlainModel | undefined): Dataset | undefined {
  const [samples, setSamples] = useState<Dataset>();
  useEffect(() => {
    let stale = false;
    setSamples(undefined);
    if (model === undefined) return;
    samplesFor(model).then(
      (found) => stale || setSamples(found),
      () => {}, // without a network there are none; one's own picture still does
    );
    return () => {
      stale = true;
    };
  }, [model]);
  return samples;
}

/** One of them. */
export function useSample(samples: Dataset | undefined, index: number): Uint8Array | undefined {
  const [sample, setSample] = useState<Uint8Array>();
  useEffect(() => {
    let stale = false;
    setSample(undefined);
    if (samples) void readOne(samples, index % samples.size).then((pixels) => stale || setSample(pixels));
    return () => {
      stale = true;
    };
  }, [samples, index]);
  return sample;
}

const scaleOf = ({ shape }: PlainModel): "gray" | "colour" => (shape[0] === 3 ? "colour" : "gray");

export interface SamplesProps {
  readonly samples: Dataset;
  readonly model: PlainModel;
  readonly chosen: number | undefined;
  readonly take: (index: number) => void;
}

/** A row of pictures to choose from. */
export function Samples({ samples, model, chosen, take }: SamplesProps): JSX.Element {
  const { t } = useApp();
  const [from, setFrom] = useState(Math.floor((chosen ?? 0) / SHOWN) * SHOWN);
  const [shown, setShown] = useState<readonly { readonly index: number; readonly pixels: Uint8Array }[]>([]);
  useEffect(() => {
    const indices = Array.from({ length: Math.min(SHOWN, samples.size) }, (_, i) => (from + i) % samples.size);
    const read = indices.map(async (index) => ({ index, pixels: await readOne(samples, index) }));
    void Promise.all(read).then(setShown);
  }, [samples, from]);
  return (
    <div class="maps" role="group" aria-label={t(I.samples)}>
      {shown.map(({ index, pixels }) => (
        <button
          key={index}
          type="button"
          onClick={() => take(index)}
          aria-label={`${t(I.samples)} ${index}`}
          aria-pressed={index === chosen}
          data-sample
        >
          <MapCanvas
            data={pixels}
            rows={model.shape[1]}
            cols={model.shape[2]}
            size={40}
            scale={scaleOf(model)}
            label={`${index}`}
          />
        </button>
      ))}
      <button type="button" class="small words" onClick={() => setFrom((from + SHOWN) % samples.size)}>
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

interface Found {
  readonly pictures: Uint8Array;
  readonly channels: ActivatingAnswer["channels"];
}

/** The pictures that the chosen channel answers to most. */
export function Activating({ client, model, samples, layer, channel }: ActivatingProps): JSX.Element {
  const { t } = useApp();
  const [found, setFound] = useState<Found>();
  const [problem, setProblem] = useState<string>();
  const size = model.shape.reduce((a, b) => a * b, 1);
  useEffect(() => {
    let stale = false;
    setFound(undefined);
    setProblem(undefined);
    const search = async (): Promise<void> => {
      const count = Math.min(SEARCHED, samples.size);
      const pictures = new Uint8Array(count * size);
      for (let i = 0; i < count; i++) await samples.read(i, pictures.subarray(i * size, (i + 1) * size));
      const made = await client?.activating({ model, pictures, activating: { layer, count: 9 } });
      if (!stale && made) setFound({ pictures, channels: made.channels });
    };
    search().catch((error: unknown) => {
      if (!stale) setProblem(error instanceof Error ? error.message : String(error));
    });
    return () => {
      stale = true;
    };
  }, [client, model, samples, layer]);
  const best = found?.channels[channel];
  return (
    <>
      <h3>{t(I.activating)}</h3>
      {problem !== undefined && <p class="problem">{problem}</p>}
      <div class="maps" data-activating={best?.length ?? ""}>
        {found &&
          best?.map(({ picture, value }) => (
            <figure key={picture}>
              <MapCanvas
                data={found.pictures}
                offset={picture * size}
                rows={model.shape[1]}
                cols={model.shape[2]}
                size={64}
                scale={scaleOf(model)}
                label={`${t(I.samples)} ${picture}`}
              />
              <figcaption class="tabular">{value.toFixed(2)}</figcaption>
            </figure>
          ))}
      </div>
    </>
  );
}
