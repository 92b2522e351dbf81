/** Every layer's output as small pictures, and filters of the first convolution beside it. */
import type { JSX } from "preact";
import { useApp } from "../app-context.ts";
import { MapCanvas } from "../ui/map-canvas.tsx";
import type { InspectedMap, Inspection } from "./inspect-messages.ts";

const T = {
  filters: { en: "filters", ko: "필터" },
  channel: { en: "channel", ko: "채널" },
  field: { en: "sees", ko: "수용 영역" },
  more: { en: " more", ko: "개 더" },
} as const;

/** Maps shown of a layer at most. */
const MOST = 32;

export interface Chosen {
  readonly layer: number;
  readonly channel: number;
}

export interface LayerMapsProps {
  readonly inspection: Inspection;
  readonly size: number;
  readonly chosen?: Chosen;
  readonly choose?: (chosen: Chosen) => void;
  /** Only layers that change the picture's content, to save room. */
  readonly brief?: boolean;
}

export function LayerMaps({ inspection, size, chosen, choose, brief = false }: LayerMapsProps): JSX.Element {
  return (
    <>
      {inspection.maps.map((map, i) => {
        const hidden = brief && !["Conv2d", "MaxPool2d", "AvgPool2d"].includes(map.type);
        return hidden || map.shape.length !== 4 ? null : (
          <LayerView key={map.name} map={map} index={i} size={size} chosen={chosen} choose={choose} />
        );
      })}
    </>
  );
}

interface LayerViewProps {
  readonly map: InspectedMap;
  readonly index: number;
  readonly size: number;
  readonly chosen: Chosen | undefined;
  readonly choose: ((chosen: Chosen) => void) | undefined;
}

function LayerView({ map, index, size, chosen, choose }: LayerViewProps): JSX.Element {
  const { t } = useApp();
  const [, channels, rows, cols] = map.shape;
  const shown = Math.min(channels, MOST);
  let limit = 0;
  for (const v of map.data) limit = Math.max(limit, Math.abs(v));
  const side = rows * cols === 1 ? 16 : size;
  const picture = (c: number): JSX.Element => (
    <MapCanvas
      data={map.data}
      offset={c * rows * cols}
      rows={rows}
      cols={cols}
      size={side}
      scale="signed"
      limit={limit}
      label={`${map.type} ${map.name}, ${t(T.channel)} ${c}`}
    />
  );
  return (
    <section class="layer" data-layer={map.name}>
      <h3>
        {map.name} · {map.type}
        <small>
          {channels}×{rows}×{cols}
          {map.field && `, ${t(T.field)} ${map.field.map((f) => f.size).join("×")}`}
        </small>
      </h3>
      {map.conv && map.conv.weightShape[1] === 1 && (
        <div class="maps" role="group" aria-label={t(T.filters)} style={{ marginBottom: "4px" }}>
          {Array.from({ length: Math.min(MOST, map.conv.weightShape[0]) }, (_, o) => {
            const [, , kr, kc] = map.conv?.weightShape ?? [0, 0, 1, 1];
            return (
              <MapCanvas
                key={o}
                data={map.conv?.weight ?? []}
                offset={o * kr * kc}
                rows={kr}
                cols={kc}
                size={side}
                scale="signed"
                label={`${t(T.filters)} ${o}`}
              />
            );
          })}
        </div>
      )}
      <div class="maps">
        {Array.from({ length: shown }, (_, c) =>
          choose ? (
            <button
              key={c}
              type="button"
              aria-pressed={chosen?.layer === index && chosen.channel === c}
              aria-label={`${map.type} ${map.name}, ${t(T.channel)} ${c}`}
              onClick={() => choose({ layer: index, channel: c })}
            >
              {picture(c)}
            </button>
          ) : (
            <div key={c}>{picture(c)}</div>
          ),
        )}
        {channels > shown && (
          <small class="hint">
            +{channels - shown}
            {t(T.more)}
          </small>
        )}
      </div>
    </section>
  );
}
