/** One cell of one map: the products that made it, and the part of the picture that it sees. */
import type { Words } from "@faltung/figure";
import type { JSX } from "preact";
import { normaliseConv, sourceIndex } from "faltung/conv";
import { useApp } from "../app-context.ts";
import { MapCanvas } from "../ui/map-canvas.tsx";
import type { Inspection, InspectedMap } from "./inspect-messages.ts";
import type { Chosen } from "./layer-maps.tsx";

const T = {
  cell: { en: "Cell", ko: "칸" },
  pick: { en: "Click a cell, or move with the arrow keys.", ko: "칸을 클릭하거나 화살표로 움직이세요." },
  input: { en: "input", ko: "입력" },
  weight: { en: "weight", ko: "가중치" },
  bias: { en: "bias", ko: "편향" },
  channel: { en: "channel", ko: "채널" },
  sees: { en: "It sees rows and columns", ko: "보는 범위(행과 열)" },
  all: { en: "It sees the whole picture.", ko: "그림 전체를 봅니다." },
  more: (n: number): Words => ({ en: `${n} more channels, together`, ko: `나머지 ${n}개 채널의 합` }),
  unweighted: {
    en: "This layer has no weights: its value follows from the layer before.",
    ko: "이 층에는 가중치가 없습니다. 값은 앞 층에서 정해집니다.",
  },
} as const;

export interface CellViewProps {
  readonly inspection: Inspection;
  /** [C, H, W] of the picture. */
  readonly shape: readonly number[];
  readonly chosen: Chosen;
  readonly cell: readonly [number, number];
  readonly pick: (cell: readonly [number, number]) => void;
}

/** Input channels written out; the others are given as one sum. */
const MOST = 4;

/** Rows and columns of the picture that a cell sees, or null for all of it. */
export function seenBox(
  map: InspectedMap,
  cell: readonly [number, number],
  sides: readonly number[],
): readonly (readonly [from: number, to: number])[] | null {
  return (
    map.field?.map(({ size, jump, start }, d) => {
      const from = start + cell[d] * jump;
      return [Math.max(0, from), Math.min(sides[d] - 1, from + size - 1)] as const;
    }) ?? null
  );
}

export function CellView({ inspection, shape, chosen, cell, pick }: CellViewProps): JSX.Element {
  const { t } = useApp();
  const map = inspection.maps[chosen.layer];
  const [, , rows, cols] = map.shape;
  const value = map.data[(chosen.channel * rows + cell[0]) * cols + cell[1]];
  const box = seenBox(map, cell, shape.slice(1));
  const move = (dr: number, dc: number): void =>
    pick([Math.max(0, Math.min(rows - 1, cell[0] + dr)), Math.max(0, Math.min(cols - 1, cell[1] + dc))]);
  const size = 220;
  const scale = size / Math.max(rows, cols);
  return (
    <div class="sum" data-cell>
      <p class="hint">{t(T.pick)}</p>
      <div
        style={{ position: "relative", display: "inline-block", cursor: "crosshair" }}
        tabIndex={0}
        role="application"
        aria-label={`${map.type} ${map.name}, ${t(T.channel)} ${chosen.channel}. ${t(T.pick)}`}
        onClick={(event) => {
          const b = event.currentTarget.getBoundingClientRect();
          pick([
            Math.min(rows - 1, Math.floor((event.clientY - b.top) / scale)),
            Math.min(cols - 1, Math.floor((event.clientX - b.left) / scale)),
          ]);
        }}
        onKeyDown={(event) => {
          const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
          if (!step) return;
          event.preventDefault();
          move(step[0], step[1]);
        }}
      >
        <MapCanvas
          data={map.data}
          offset={chosen.channel * rows * cols}
          rows={rows}
          cols={cols}
          size={size}
          scale="signed"
          label={`${map.type} ${map.name}, ${t(T.channel)} ${chosen.channel}`}
        />
        <span
          style={{
            position: "absolute",
            left: `${cell[1] * scale}px`,
            top: `${cell[0] * scale}px`,
            width: `${scale}px`,
            height: `${scale}px`,
            border: "2px solid var(--extra)",
          }}
        />
      </div>
      <p aria-live="polite">
        <strong>
          {t(T.cell)} ({cell[0]}, {cell[1]}) = <span class="role-output">{value.toFixed(4)}</span>
        </strong>
        <br />
        {box === null ? t(T.all) : `${t(T.sees)} ${box.map(([a, b]) => `${a}–${b}`).join(", ")}`}
      </p>
      {map.conv ? (
        <Products inspection={inspection} shape={shape} chosen={chosen} cell={cell} />
      ) : (
        <p class="hint">{t(T.unweighted)}</p>
      )}
    </div>
  );
}

/** The sum of a convolution, input channel by input channel. */
function Products({ inspection, shape, chosen, cell }: Omit<CellViewProps, "pick">): JSX.Element {
  const { t } = useApp();
  const map = inspection.maps[chosen.layer];
  const { conv } = map;
  if (!conv) return <></>;
  const before =
    chosen.layer === 0 ? { data: inspection.input, shape: [1, ...shape] } : inspection.maps[chosen.layer - 1];
  const [, inChannels, rows, cols] = before.shape;
  const [outChannels, perGroup, kr, kc] = conv.weightShape;
  const group = Math.floor(chosen.channel / (outChannels / conv.groups));
  const g = normaliseConv({ stride: conv.stride, padding: conv.padding }, [kr, kc], "conv2d");
  const parts = Array.from({ length: perGroup }, (_, i) => {
    const c = group * (inChannels / conv.groups) + i;
    const x: number[][] = [];
    const w: number[][] = [];
    let sum = 0;
    for (let a = 0; a < kr; a++) {
      x.push([]);
      w.push([]);
      for (let b = 0; b < kc; b++) {
        const r = sourceIndex(g, 0, cell[0], a, rows);
        const q = sourceIndex(g, 1, cell[1], b, cols);
        const xv = r < 0 || q < 0 ? 0 : before.data[(c * rows + r) * cols + q];
        const wv = conv.weight[((chosen.channel * perGroup + i) * kr + a) * kc + b];
        x[a].push(xv);
        w[a].push(wv);
        sum += xv * wv;
      }
    }
    return { c, x, w, sum };
  });
  const bias = conv.bias?.[chosen.channel] ?? 0;
  const total = parts.reduce((s, p) => s + p.sum, bias);
  const table = (plane: readonly (readonly number[])[], name: string, role: string): JSX.Element => (
    <table>
      <caption class={role}>{name}</caption>
      <tbody>
        {plane.map((row, i) => (
          <tr key={i}>
            {row.map((v, j) => (
              <td key={j}>{v.toFixed(2)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
  const rest = parts.slice(MOST);
  return (
    <div>
      {parts.slice(0, MOST).map(({ c, x, w, sum }) => (
        <div key={c} class="products">
          {table(x, `${t(T.input)}, ${t(T.channel)} ${c}`, "role-input")}
          {table(w, t(T.weight), "role-filter")}
          <span>→ {sum.toFixed(4)}</span>
        </div>
      ))}
      {rest.length > 0 && (
        <p>
          + {t(T.more(rest.length))}: {rest.reduce((s, p) => s + p.sum, 0).toFixed(4)}
        </p>
      )}
      <p>
        + {t(T.bias)} {bias.toFixed(4)} ={" "}
        <strong class="role-output" data-total={total}>
          {total.toFixed(4)}
        </strong>
      </p>
    </div>
  );
}
