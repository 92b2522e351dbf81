/** Every layer's output as small pictures, and the filters of the first convolution beside it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import type { PlainModel } from "../train/messages.ts";
import { MapCanvas } from "../ui/map-canvas.tsx";
import type { InspectedMap, Inspection } from "./inspect-messages.ts";

const T = {
  filters: { en: "filter", ko: "필터" },
  channel: { en: "channel", ko: "채널" },
  field: { en: "sees", ko: "수용 영역" },
  all: { en: "show all", ko: "모두 보기" },
} as const;

/** Maps of a layer that are shown at first. */
const MOST = 32;

/** A map of a layer. */
export interface Chosen {
  readonly layer: string;
  readonly channel: number;
}

export interface LayerMapsProps {
  readonly inspection: Inspection;
  readonly model: PlainModel;
  readonly size: number;
  readonly chosen?: Chosen | undefined;
  readonly choose?: (chosen: Chosen) => void;
  /** Only layers that change the picture's content, to save room. */
  readonly brief?: boolean;
}

export function LayerMaps({ inspection, model, size, chosen, choose, brief = false }: LayerMapsProps): JSX.Element {
  const shown = inspection.maps.filter(({ type }) => !brief || ["Conv2d", "MaxPool2d", "AvgPool2d"].includes(type));
  return (
    <>
      {shown.map((map) => (
        <LayerView key={map.name} map={map} model={model} size={size} chosen={chosen} choose={choose} />
      ))}
    </>
  );
}

interface LayerViewProps {
  readonly map: InspectedMap;
  readonly model: PlainModel;
  readonly size: number;
  readonly chosen: Chosen | undefined;
  readonly choose: ((chosen: Chosen) => void) | undefined;
}

function LayerView({ map, model, size, chosen, choose }: LayerViewProps): JSX.Element {
  const { t } = useApp();
  const [all, setAll] = useState(false);
  // One stop of the Tab key for each layer; arrows move within it, as the ARIA toolbar pattern has it.
  const [active, setActive] = useState(0);
  const { name, type, field } = map;
  const [channels, rows, cols] = map.shape;
  const count = all ? channels : Math.min(channels, MOST);
  let limit = 0;
  for (const v of map.data) limit = Math.max(limit, Math.abs(v));
  const words = (c: number): string => `${type} ${name}, ${t(T.channel)} ${c}`;
  const picture = (c: number): JSX.Element => (
    <MapCanvas
      data={map.data}
      offset={c * rows * cols}
      rows={rows}
      cols={cols}
      size={rows * cols === 1 ? 18 : size}
      scale="signed"
      limit={limit}
      label={words(c)}
    />
  );
  const press = (event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const next = event.key === "Home" ? 0 : event.key === "End" ? count - 1 : step && active + step;
    if (next === undefined || next < 0 || next >= count) return;
    event.preventDefault();
    event.currentTarget.querySelectorAll<HTMLElement>("[aria-pressed]")[next]?.focus();
  };
  return (
    <section class="layer" data-layer={name}>
      <h3>
        {name} · {type}
        <small>
          {rows * cols === 1 ? channels : map.shape.join("×")}
          {field && rows * cols > 1 && `, ${t(T.field)} ${field.map((f) => f.size).join("×")}`}
        </small>
      </h3>
      {map.geometry && <Filters map={map} model={model} size={size} />}
      <div class="maps" role={choose && "toolbar"} aria-label={choose && `${type} ${name}`} onKeyDown={choose && press}>
        {Array.from({ length: count }, (_, c) =>
          choose ? (
            <button
              key={c}
              type="button"
              aria-pressed={chosen?.layer === name && chosen.channel === c}
              aria-label={words(c)}
              tabIndex={c === Math.min(active, count - 1) ? 0 : -1}
              onFocus={() => setActive(c)}
              onClick={() => choose({ layer: name, channel: c })}
            >
              {picture(c)}
            </button>
          ) : (
            <div key={c}>{picture(c)}</div>
          ),
        )}
        {channels > count && (
          <button type="button" class="small words" onClick={() => setAll(true)}>
            {t(T.all)} ({channels})
          </button>
        )}
      </div>
    </section>
  );
}

interface FiltersProps {
  readonly map: InspectedMap;
  readonly model: PlainModel;
  readonly size: number;
}

/** Filters that can be seen as pictures: of one input channel, or of the colours of a photograph. */
function Filters({ map, model, size }: FiltersProps): JSX.Element | null {
  const { t } = useApp();
  const weight = model.tensors[`${map.name}.weight`];
  const [filters, depth, rows, cols] = weight.shape;
  const colour = depth === 3 && map.input?.shape[1] === model.shape[1];
  if (rows === undefined || cols === undefined || (depth !== 1 && !colour)) return null;
  let high = 1e-12;
  for (const w of weight.data) high = Math.max(high, Math.abs(w));
  const data = colour ? Float32Array.from(weight.data, (w) => 128 + (127 * w) / high) : weight.data;
  return (
    <div class="maps filters" role="group" aria-label={t(T.filters)}>
      {Array.from({ length: Math.min(MOST, filters) }, (_, o) => (
        <MapCanvas
          key={o}
          data={data}
          offset={o * depth * rows * cols}
          rows={rows}
          cols={cols}
          size={size}
          scale={colour ? "colour" : "signed"}
          label={`${t(T.filters)} ${o}`}
        />
      ))}
    </div>
  );
}
