/** Pictures of one's own: a folder of folders, single files, or the webcam. Files that are no pictures are left out and named. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { coverPixels, decodePicture } from "../ui/decode.ts";
import { DropZone, FileButton } from "../ui/drop-zone.tsx";
import type { Found } from "../ui/files.ts";
import { Webcam } from "../ui/picture-input.tsx";
import type { OwnData } from "./messages.ts";
import { OWN } from "./words.ts";

/** Whether something can be learned from it: a part is set aside for the test. */
export const isEnough = (data: OwnData | undefined): boolean =>
  data !== undefined && data.classes.length >= 2 && data.labels.length >= 8;

export interface OwnDataProps {
  readonly data: OwnData | undefined;
  readonly disabled: boolean;
  readonly change: (data: OwnData | undefined) => void;
}

interface Item {
  /** No larger than the largest size to choose: photographs of a whole class would fill the memory. */
  readonly picture: ImageBitmap;
  readonly label: string;
}

const SIZES = [28, 32, 48, 64];
const LARGEST = 64;

/** The middle of a picture, small. */
async function smallOf(picture: ImageBitmap): Promise<ImageBitmap> {
  const { width, height } = picture;
  const short = Math.min(width, height);
  const [x, y] = [Math.floor((width - short) / 2), Math.floor((height - short) / 2)];
  return createImageBitmap(picture, x, y, short, short, {
    resizeWidth: LARGEST,
    resizeHeight: LARGEST,
    resizeQuality: "high",
  });
}

async function readPicture(file: File): Promise<ImageBitmap> {
  const whole = await decodePicture(file);
  try {
    return await smallOf(whole);
  } finally {
    whole.close();
  }
}

/** The pictures as they were kept: a reload has nothing larger. */
function itemsOf({ images, labels, classes, shape }: OwnData): Promise<Item[]> {
  const [channels, rows, cols] = shape;
  const n = rows * cols;
  return Promise.all(
    labels.map(async (label, i) => {
      const picture = new ImageData(cols, rows);
      for (let k = 0; k < n; k++) {
        for (let c = 0; c < 3; c++) picture.data[4 * k + c] = images[(i * channels + (channels === 1 ? 0 : c)) * n + k];
        picture.data[4 * k + 3] = 255;
      }
      return { picture: await createImageBitmap(picture), label: classes[label] };
    }),
  );
}

/** class2 before class10. */
const inOrder = new Intl.Collator("en", { numeric: true }).compare;

function dataOf(items: readonly Item[], side: number, channels: 1 | 3): OwnData {
  const classes = [...new Set(items.map((i) => i.label))].sort(inOrder);
  const numbers = new Map(classes.map((name, i) => [name, i]));
  const one = channels * side * side;
  const images = new Uint8Array(items.length * one);
  items.forEach(({ picture }, i) => images.set(coverPixels(picture, side, side, channels), i * one));
  return { images, labels: items.map((i) => numbers.get(i.label) ?? 0), classes, shape: [channels, side, side] };
}

/** Bad files that are named. */
const NAMED = 8;

export function OwnDataEditor({ data, disabled, change }: OwnDataProps): JSX.Element {
  const { t } = useApp();
  // Always the newest, also for files that are read while others are added.
  const items = useRef<readonly Item[]>([]);
  const [side, setSide] = useState(data?.shape[1] ?? 32);
  const [colour, setColour] = useState(data?.shape[0] !== 1);
  const [bad, setBad] = useState<readonly string[]>([]);
  const [unfiled, setUnfiled] = useState(0);
  const [reading, setReading] = useState<string>();
  const [filming, setFilming] = useState("");
  const [camera, setCamera] = useState(false);

  useEffect(() => {
    if (data === undefined || items.current.length > 0) return;
    setSide(data.shape[1]);
    setColour(data.shape[0] !== 1);
    const restore = async (): Promise<void> => {
      const kept = await itemsOf(data);
      if (items.current.length === 0) items.current = kept;
    };
    void restore();
  }, [data]);

  const publish = (next: readonly Item[], size = side, inColour = colour): void => {
    items.current = next;
    change(next.length === 0 ? undefined : dataOf(next, size, inColour ? 3 : 1));
  };
  const add = async (found: readonly Found[]): Promise<void> => {
    if (disabled || reading !== undefined) return; // a drop knows no disabled
    const files = found.filter(({ file }) => !file.name.startsWith("."));
    const label = ({ folder }: Found): string => folder || filming.trim();
    const filed = files.filter((f) => label(f) !== "");
    const wrong: string[] = [];
    const read: Item[] = [];
    // One after the other: a photograph is large until it is made small.
    for (const [i, one] of filed.entries()) {
      if (i % 10 === 0) setReading(`${i}/${filed.length}`);
      try {
        read.push({ picture: await readPicture(one.file), label: label(one) });
      } catch {
        wrong.push(`${label(one)}/${one.file.name}`);
      }
    }
    setReading(undefined);
    setBad(wrong.sort());
    setUnfiled(files.length - filed.length);
    if (read.length > 0) publish([...items.current, ...read]);
  };
  const film = async (picture: ImageBitmap): Promise<void> => {
    const small = await smallOf(picture);
    publish([...items.current, { picture: small, label: filming.trim() }]);
  };
  const counts = data?.classes.map((name) => ({ name, count: 0 })) ?? [];
  for (const l of data?.labels ?? []) counts[l].count++;
  const busy = disabled || reading !== undefined;
  return (
    <DropZone name="own" take={(found) => void add(found)}>
      <p class="hint">{t(OWN.drop)}</p>
      <FileButton name="own" folder label={t(OWN.choose)} disabled={busy} take={(found) => void add(found)} />
      <div class="buttons">
        <label class="inline">
          {t(OWN.size)}
          <select
            value={String(side)}
            disabled={busy}
            onChange={(event) => {
              const next = Number(event.currentTarget.value);
              setSide(next);
              publish(items.current, next);
            }}
          >
            {SIZES.map((n) => (
              <option key={n} value={String(n)}>
                {n}×{n}
              </option>
            ))}
          </select>
        </label>
        <label class="inline">
          <input
            type="checkbox"
            checked={colour}
            disabled={busy}
            onChange={(event) => {
              setColour(event.currentTarget.checked);
              publish(items.current, side, event.currentTarget.checked);
            }}
          />
          {t(OWN.colour)}
        </label>
      </div>
      <label class="inline">
        {t(OWN.into)}
        <input
          type="text"
          value={filming}
          placeholder={t(OWN.name)}
          disabled={busy}
          onInput={(e) => setFilming(e.currentTarget.value)}
        />
      </label>
      <details onToggle={(event) => setCamera(event.currentTarget.open)}>
        <summary>{t(OWN.webcam)}</summary>
        {filming.trim() === "" && <p class="hint">{t(OWN.nameFirst)}</p>}
        {camera && !busy && filming.trim() !== "" && <Webcam label={t(OWN.film)} take={film} />}
      </details>
      {reading !== undefined && (
        <p class="hint" role="status">
          {t(OWN.reading)} {reading}
        </p>
      )}
      {counts.length > 0 && (
        <ul class="counts">
          {counts.map(({ name, count }) => (
            <li key={name}>
              <strong>{name}</strong>: {count}
              {t(OWN.pictures)}
            </li>
          ))}
        </ul>
      )}
      {!isEnough(data) && <p class="hint">{t(OWN.none)}</p>}
      {unfiled > 0 && (
        <p class="problem" role="status" data-unfiled={unfiled}>
          {unfiled}
          {t(OWN.unfiled)}
        </p>
      )}
      {bad.length > 0 && (
        <p class="problem" role="status" data-bad={bad.length}>
          {bad.length}
          {t(OWN.bad)} {bad.slice(0, NAMED).join(", ")}
          {bad.length > NAMED ? ", …" : ""}
        </p>
      )}
      {counts.length > 0 && (
        <button type="button" class="small" disabled={busy} onClick={() => publish([])}>
          {t(OWN.clear)}
        </button>
      )}
    </DropZone>
  );
}
