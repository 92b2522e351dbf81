/** One cell of one map: the products that made it, and the part of the picture that it sees. */
import type { Words } from "@faltung/figure";
import type { JSX } from "preact";
import { useApp } from "../app-context.ts";
import type { PlainModel } from "../train/messages.ts";
import { type Cell, STEPS, moved } from "../ui/cell.ts";
import { MapCanvas } from "../ui/map-canvas.tsx";
import type { Matrix } from "../ui/matrix.ts";
import type { InspectedMap } from "./inspect-messages.ts";
import { type Part, productsOf } from "./products.ts";

const T = {
  cell: { en: "Cell", ko: "칸" },
  pick: { en: "Click a cell, or move with the arrow keys.", ko: "칸을 클릭하거나 화살표로 움직이세요." },
  input: { en: "input", ko: "입력" },
  weight: { en: "weight", ko: "가중치" },
  product: { en: "product", ko: "곱" },
  bias: { en: "bias", ko: "편향" },
  channel: { en: "channel", ko: "채널" },
  sees: { en: "It sees rows and columns", ko: "보는 범위(행과 열)" },
  all: { en: "It sees the whole picture.", ko: "그림 전체를 봅니다." },
  largest: { en: "The largest parts first.", ko: "크게 기여한 것부터 보입니다." },
  more: (n: number): Words => ({ en: `${n} more channels, together`, ko: `나머지 ${n}개 채널의 합` }),
  unweighted: {
    en: "This layer has no weights: its value follows from the layer before.",
    ko: "이 층에는 가중치가 없습니다. 값은 앞 층에서 정해집니다.",
  },
} as const;

export interface CellViewProps {
  readonly map: InspectedMap;
  readonly model: PlainModel;
  readonly channel: number;
  readonly cell: Cell;
  readonly pick: (cell: Cell) => void;
}

/** Rows and columns of the picture that a cell sees, or null for all of it. */
export function seenBox(
  map: InspectedMap,
  cell: Cell,
  sides: readonly number[],
): readonly (readonly [from: number, to: number])[] | null {
  return (
    map.field?.map(({ size, jump, start }, d) => {
      const from = start + cell[d] * jump;
      return [Math.max(0, from), Math.min(sides[d] - 1, from + size - 1)] as const;
    }) ?? null
  );
}

export function CellView({ map, model, channel, cell, pick }: CellViewProps): JSX.Element {
  const { t } = useApp();
  const [, rows, cols] = map.shape;
  const value = map.data[(channel * rows + cell[0]) * cols + cell[1]];
  const box = seenBox(map, cell, model.shape.slice(1));
  const single = rows * cols === 1;
  const name = `${map.type} ${map.name}, ${t(T.channel)} ${channel}`;
  return (
    <div class="sum" data-cell>
      {!single && <p class="hint">{t(T.pick)}</p>}
      {!single && <Plane map={map} channel={channel} name={name} cell={cell} pick={pick} />}
      <p aria-live="polite">
        {name}
        <br />
        <strong>
          {t(T.cell)} {single ? "" : `(${cell[0]}, ${cell[1]}) `}= <span class="role-output">{value.toFixed(4)}</span>
        </strong>
        <br />
        {box === null ? t(T.all) : `${t(T.sees)} ${box.map(([a, b]) => `${a}–${b}`).join(", ")}`}
      </p>
      <ProductsView map={map} model={model} channel={channel} cell={cell} />
    </div>
  );
}

/** CSS pixels of the longer side of a map. */
const SIZE = 220;

function Plane({
  map,
  channel,
  name,
  cell,
  pick,
}: Omit<CellViewProps, "model"> & { readonly name: string }): JSX.Element {
  const { t } = useApp();
  const [, rows, cols] = map.shape;
  const scale = SIZE / Math.max(rows, cols);
  return (
    <div
      class="plane"
      tabIndex={0}
      role="application"
      aria-label={`${name}. ${t(T.pick)}`}
      onClick={(event) => {
        const b = event.currentTarget.getBoundingClientRect();
        const there: Cell = [
          Math.floor(((event.clientY - b.top) / b.height) * rows),
          Math.floor(((event.clientX - b.left) / b.width) * cols),
        ];
        pick(moved([0, 0], there, rows, cols));
      }}
      onKeyDown={(event) => {
        const step = STEPS[event.key];
        if (!step) return;
        event.preventDefault();
        pick(moved(cell, step, rows, cols));
      }}
    >
      <MapCanvas
        data={map.data}
        offset={channel * rows * cols}
        rows={rows}
        cols={cols}
        size={SIZE}
        scale="signed"
        label={name}
      />
      <span
        class="frame"
        style={{
          left: `${cell[1] * scale}px`,
          top: `${cell[0] * scale}px`,
          width: `${scale}px`,
          height: `${scale}px`,
        }}
      />
    </div>
  );
}

/** Input channels written out, with windows and with single cells; the others are given as one sum. */
const [MOST_WINDOWS, MOST_CELLS] = [4, 10];

function ProductsView({ map, model, channel, cell }: Omit<CellViewProps, "pick">): JSX.Element {
  const { t } = useApp();
  const products = productsOf(map, model, channel, cell);
  if (products === undefined) return <p class="hint">{t(T.unweighted)}</p>;
  const { parts, bias, total } = products;
  const single = parts[0].input.flat().length === 1;
  const most = single ? MOST_CELLS : MOST_WINDOWS;
  const [shown, rest] = [parts.slice(0, most), parts.slice(most)];
  return (
    <div>
      {rest.length > 0 && <p class="hint">{t(T.largest)}</p>}
      {single ? <CellProducts parts={shown} /> : shown.map((part) => <WindowProducts key={part.channel} {...part} />)}
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

function WindowProducts({ channel, input, weight, sum }: Part): JSX.Element {
  const { t } = useApp();
  return (
    <div class="products">
      <Numbers plane={input} name={`${t(T.input)}, ${t(T.channel)} ${channel}`} role="role-input" />
      <Numbers plane={weight} name={t(T.weight)} role="role-filter" />
      <span>→ {sum.toFixed(4)}</span>
    </div>
  );
}

interface NumbersProps {
  readonly plane: Matrix;
  readonly name: string;
  readonly role: string;
}

function Numbers({ plane, name, role }: NumbersProps): JSX.Element {
  return (
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
}

function CellProducts({ parts }: { readonly parts: readonly Part[] }): JSX.Element {
  const { t } = useApp();
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{t(T.channel)}</th>
          <th scope="col" class="role-input">
            {t(T.input)}
          </th>
          <th scope="col" class="role-filter">
            {t(T.weight)}
          </th>
          <th scope="col">{t(T.product)}</th>
        </tr>
      </thead>
      <tbody>
        {parts.map(({ channel, input, weight, sum }) => (
          <tr key={channel}>
            <th scope="row">{channel}</th>
            <td>{input[0][0].toFixed(3)}</td>
            <td>{weight[0][0].toFixed(3)}</td>
            <td>{sum.toFixed(4)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
