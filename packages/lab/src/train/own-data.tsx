/** Pictures of one's own: a folder of folders, or the webcam. Files that are no pictures are left out and named. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { DropZone, FileButton } from "../ui/drop-zone.tsx";
import type { Found } from "../ui/files.ts";
import { Webcam } from "../ui/picture-input.tsx";
import type { OwnData } from "./messages.ts";
import { OWN } from "./words.ts";

/** Pixels of a picture, cut square in the middle and made small; planar bytes. */
export function pixelsOf(source: ImageBitmap, side: number, channels: 1 | 3): Uint8Array {
  const context = new OffscreenCanvas(side, side).getContext("2d");
  if (!context) throw new Error("this browser draws no canvas");
  const short = Math.min(source.width, source.height);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, (source.width - short) / 2, (source.height - short) / 2, short, short, 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  const n = side * side;
  const out = new Uint8Array(channels * n);
  for (let i = 0; i < n; i++) {
    const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
    if (channels === 1) out[i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
    else [out[i], out[n + i], out[2 * n + i]] = [r, g, b];
  }
  return out;
}

/** Whether something can be learned from it: a part is set aside for the test. */
export const isEnough = (data: OwnData | undefined): boolean =>
  data !== undefined && data.classes.length >= 2 && data.labels.length >= 8;

export interface OwnDataProps {
  readonly data: OwnData | undefined;
  readonly disabled: boolean;
  readonly change: (data: OwnData | undefined) => void;
}

interface Item {
  readonly bitmap: ImageBitmap;
  readonly label: string;
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
      return { bitmap: await createImageBitmap(picture), label: classes[label] };
    }),
  );
}

/** Bad files that are named. */
const NAMED = 8;

export function OwnDataEditor({ data, disabled, change }: OwnDataProps): JSX.Element {
  const { t } = useApp();
  const [items, setItems] = useState<readonly Item[]>([]);
  const [side, setSide] = useState(data?.shape[1] ?? 32);
  const [colour, setColour] = useState(data?.shape[0] !== 1);
  const [bad, setBad] = useState<readonly string[]>([]);
  const [filming, setFilming] = useState("");
  const [camera, setCamera] = useState(false);

  useEffect(() => {
    if (data === undefined || items.length > 0) return;
    setSide(data.shape[1]);
    setColour(data.shape[0] !== 1);
    void itemsOf(data).then((kept) => setItems((now) => (now.length > 0 ? now : kept)));
  }, [data]);

  const publish = (next: readonly Item[], size: number, inColour: boolean): void => {
    setItems(next);
    const classes = [...new Set(next.map((i) => i.label))].sort();
    if (next.length === 0) return change(undefined);
    const channels = inColour ? 3 : 1;
    const one = channels * size * size;
    const images = new Uint8Array(next.length * one);
    next.forEach(({ bitmap }, i) => images.set(pixelsOf(bitmap, size, channels), i * one));
    change({ images, labels: next.map((i) => classes.indexOf(i.label)), classes, shape: [channels, size, size] });
  };
  const add = async (found: readonly Found[]): Promise<void> => {
    if (disabled) return; // a drop knows no disabled
    const wrong: string[] = [];
    const read = await Promise.all(
      found
        .filter(({ file }) => !file.name.startsWith("."))
        .map(async ({ file, folder }): Promise<Item | undefined> => {
          try {
            return { bitmap: await createImageBitmap(file), label: folder || filming || "?" };
          } catch {
            wrong.push(`${folder}/${file.name}`);
            return undefined;
          }
        }),
    );
    setBad(wrong.sort());
    publish([...items, ...read.filter((i) => i !== undefined)], side, colour);
  };
  const counts = data?.classes.map((name, i) => ({ name, count: data.labels.filter((l) => l === i).length })) ?? [];
  return (
    <DropZone name="own" take={(found) => void add(found)}>
      <p class="hint">{t(OWN.drop)}</p>
      <FileButton name="own" folder label={t(OWN.choose)} disabled={disabled} take={(found) => void add(found)} />
      <div class="buttons">
        <label class="inline">
          {t(OWN.size)}
          <select
            value={String(side)}
            disabled={disabled}
            onChange={(event) => {
              const next = Number(event.currentTarget.value);
              setSide(next);
              publish(items, next, colour);
            }}
          >
            {[28, 32, 48, 64].map((n) => (
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
            disabled={disabled}
            onChange={(event) => {
              setColour(event.currentTarget.checked);
              publish(items, side, event.currentTarget.checked);
            }}
          />
          {t(OWN.colour)}
        </label>
      </div>
      <details onToggle={(event) => setCamera(event.currentTarget.open)}>
        <summary>{t(OWN.webcam)}</summary>
        <label class="inline">
          {t(OWN.into)}
          <input
            type="text"
            value={filming}
            placeholder={t(OWN.name)}
            disabled={disabled}
            onInput={(e) => setFilming(e.currentTarget.value)}
          />
        </label>
        {camera && !disabled && filming !== "" && (
          <Webcam
            label={t(OWN.film)}
            take={(bitmap) => publish([...items, { bitmap, label: filming }], side, colour)}
          />
        )}
      </details>
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
      {bad.length > 0 && (
        <p class="problem" role="status" data-bad={bad.length}>
          {bad.length}
          {t(OWN.bad)} {bad.slice(0, NAMED).join(", ")}
          {bad.length > NAMED ? ", …" : ""}
        </p>
      )}
      {items.length > 0 && (
        <button type="button" class="small" disabled={disabled} onClick={() => publish([], side, colour)}>
          {t(OWN.clear)}
        </button>
      )}
    </DropZone>
  );
}
