/** Filters on pictures: what one kernel makes of a photograph, computed by the library; hovering shows the sum. */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { changeQuery, useQuickQuery } from "../address.ts";
import { useApp } from "../app-context.ts";
import { type Cell, parseCell } from "../ui/cell.ts";
import type { Matrix } from "../ui/matrix.ts";
import { PictureInput } from "../ui/picture-input.tsx";
import { W } from "../words.ts";
import { KernelEditor } from "./kernel-editor.tsx";
import { KERNELS } from "./kernels.ts";
import { type Picture, VIEWS, grayOf, pictureOf } from "./picture.ts";
import { type Mark, Planes } from "./planes.tsx";
import { drawScene } from "./scene.ts";
import { type FilterState, MODES, STRIDES, filterFrom } from "./state.ts";
import { Sum, windowAt } from "./sum.tsx";
import { useFiltered } from "./use-filtered.ts";
import { MODE_WORDS, T } from "./words.ts";

export function Filters(): JSX.Element {
  const { address, t } = useApp();
  const filter = filterFrom(address.query);
  const scene = useMemo(() => {
    const canvas = drawScene();
    return pictureOf(canvas, canvas.width, canvas.height);
  }, []);
  const [picture, setPicture] = useState<Picture>(scene);
  const shown = useMemo(() => (filter.gray ? grayOf(picture) : picture), [picture, filter.gray]);
  const { result, problem } = useFiltered(shown, filter);
  const [pointed, point] = useQuickQuery("at");
  const wish = parseCell(pointed);
  const at = result && wish && wish[0] < result.rows && wish[1] < result.cols ? wish : undefined;
  useEffect(() => {
    document.title = `${t(T.title)} · ${t(W.title)}`;
  });
  return (
    <>
      <h1>{t(T.title)}</h1>
      <p class="prose">{t(T.lead)}</p>
      <div class="room">
        <section class="card" aria-label={t(W.controls)}>
          <Controls filter={filter} />
          <PictureInput take={(bitmap) => setPicture(pictureOf(bitmap, bitmap.width, bitmap.height))} />
          <button type="button" class="small" onClick={() => setPicture(scene)}>
            {t(T.builtIn)}
          </button>
        </section>
        <div>
          {problem !== undefined && (
            <p class="problem" role="alert">
              {problem}
            </p>
          )}
          <div class="pictures large">
            <figure>
              <Planes picture={shown} view="clip" label={t(T.input)} mark={at && windowAt(filter, at)} />
              <figcaption>
                {t(T.input)} {shown.rows}×{shown.cols}
              </figcaption>
            </figure>
            {result && (
              <figure>
                <Planes
                  picture={result}
                  view={filter.view}
                  label={`${t(T.output)}. ${t(T.hover)}`}
                  mark={at && around(at)}
                  at={at}
                  point={(cell) => point(cell.join())}
                />
                <figcaption data-output={`${result.rows}x${result.cols}`}>
                  {t(T.output)} {result.rows}×{result.cols}
                </figcaption>
              </figure>
            )}
          </div>
          {result && at ? (
            <Sum picture={shown} result={result} filter={filter} at={at} />
          ) : (
            <p class="hint">{t(T.hover)}</p>
          )}
        </div>
      </div>
    </>
  );
}

const around = ([row, col]: Cell): Mark => ({ row: row - 1, col: col - 1, rows: 3, cols: 3 });

function Controls({ filter }: { readonly filter: FilterState }): JSX.Element {
  const { t } = useApp();
  const { kernel, weights, divisor, mode, stride, view, gray } = filter;
  const setWeights = (next: Matrix, by: number): void =>
    changeQuery({
      weights: next.map((r) => r.join(",")).join("/"),
      divisor: by === 1 ? undefined : String(by),
      kernel: undefined,
    });
  const setKernel = (next: string): void =>
    changeQuery({ kernel: next, weights: undefined, divisor: undefined, view: undefined });
  return (
    <>
      <div class="row">
        <label for="kernel">{t(T.kernel)}</label>
        <select id="kernel" value={kernel} onChange={(event) => setKernel(event.currentTarget.value)}>
          {Object.entries(KERNELS).map(([key, { words }]) => (
            <option key={key} value={key}>
              {t(words)}
            </option>
          ))}
          {kernel === "own" && <option value="own">{t(T.own)}</option>}
        </select>
      </div>
      <KernelEditor weights={weights} divisor={divisor} change={setWeights} />
      <div class="row">
        <label for="mode">{t(T.mode)}</label>
        <select id="mode" value={mode} onChange={(event) => changeQuery({ mode: event.currentTarget.value })}>
          {MODES.map((m) => (
            <option key={m} value={m}>
              {t(MODE_WORDS[m])}
            </option>
          ))}
        </select>
      </div>
      <div class="row">
        <label for="stride">{t(T.stride)}</label>
        <select
          id="stride"
          value={String(stride)}
          onChange={(event) => changeQuery({ stride: event.currentTarget.value })}
        >
          {STRIDES.map((s) => (
            <option key={s}>{s}</option>
          ))}
        </select>
      </div>
      <div class="row">
        <label for="view">{t(T.show)}</label>
        <select id="view" value={view} onChange={(event) => changeQuery({ view: event.currentTarget.value })}>
          {VIEWS.map((v) => (
            <option key={v} value={v}>
              {t(T[v])}
            </option>
          ))}
        </select>
      </div>
      <label class="row check">
        <input
          type="checkbox"
          checked={gray}
          onChange={(event) => changeQuery({ gray: event.currentTarget.checked ? "1" : undefined })}
        />
        {t(T.gray)}
      </label>
    </>
  );
}
