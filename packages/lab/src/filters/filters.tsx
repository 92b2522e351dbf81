/** Filters on pictures: what one kernel makes of a photograph, computed by the library; hovering shows the sum. */
import { type CompiledFunction, type PaddingMode, Tensor, compile, conv2d } from "faltung";
import { normaliseConv, sourceIndex } from "faltung/conv";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { changeQuery } from "../address.ts";
import { useApp } from "../app-context.ts";
import { PictureInput } from "../ui/picture-input.tsx";
import { W } from "../words.ts";
import { KernelEditor } from "./kernel-editor.tsx";
import { KERNELS } from "./kernels.ts";
import { drawScene } from "./scene.ts";

const MODES: readonly PaddingMode[] = ["zeros", "reflect", "replicate", "circular"];
const LONGEST = 320;

const T = {
  title: { en: "Filters on pictures", ko: "사진에 필터 걸기" },
  lead: {
    en: "The same sum as in the figures, at every pixel of a photograph. Point at the result to see how one pixel was made.",
    ko: "그림에서 본 것과 같은 합을 사진의 모든 픽셀에서 구합니다. 결과 위를 가리키면 그 픽셀이 어떻게 만들어졌는지 보입니다.",
  },
  kernel: { en: "Kernel", ko: "커널" },
  own: { en: "my own", ko: "직접 만든 것" },
  mode: { en: "Padding mode", ko: "패딩 방식" },
  stride: { en: "Stride", ko: "스트라이드" },
  gray: { en: "in shades of gray", ko: "흑백으로" },
  show: { en: "Show the result", ko: "결과 표시" },
  clip: { en: "as it is, cut to 0 … 255", ko: "그대로(0~255로 자름)" },
  signed: { en: "around middle gray", ko: "중간 회색을 0으로" },
  absolute: { en: "absolute value", ko: "절댓값" },
  builtIn: { en: "The built-in picture", ko: "내장 그림" },
  input: { en: "input", ko: "입력" },
  output: { en: "output", ko: "출력" },
  hover: {
    en: "Point at the result, or click it and use the arrow keys.",
    ko: "결과 위를 가리키거나, 클릭한 뒤 화살표로 움직이세요.",
  },
  channel: { en: "green channel", ko: "초록 채널" },
} as const;

const MODE_WORDS = {
  zeros: { en: "zeros", ko: "0으로" },
  reflect: { en: "reflect", ko: "반사" },
  replicate: { en: "replicate", ko: "가장자리 복제" },
  circular: { en: "circular", ko: "순환" },
} as const;

interface Picture {
  readonly rows: number;
  readonly cols: number;
  /** [3, rows, cols], 0 to 255. */
  readonly data: Float32Array;
}

function pictureOf(source: CanvasImageSource, width: number, height: number): Picture {
  const share = Math.min(1, LONGEST / Math.max(width, height));
  const [cols, rows] = [Math.max(8, Math.round(width * share)), Math.max(8, Math.round(height * share))];
  const context = new OffscreenCanvas(cols, rows).getContext("2d");
  if (!context) throw new Error("this browser draws no canvas");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, cols, rows);
  context.drawImage(source, 0, 0, cols, rows);
  const { data } = context.getImageData(0, 0, cols, rows);
  const planes = new Float32Array(3 * rows * cols);
  for (let i = 0; i < rows * cols; i++) for (let c = 0; c < 3; c++) planes[c * rows * cols + i] = data[4 * i + c];
  return { rows, cols, data: planes };
}

function grayOf({ rows, cols, data }: Picture): Picture {
  const n = rows * cols;
  const planes = new Float32Array(3 * n);
  for (let i = 0; i < n; i++) {
    const v = 0.299 * data[i] + 0.587 * data[n + i] + 0.114 * data[2 * n + i];
    for (let c = 0; c < 3; c++) planes[c * n + i] = v;
  }
  return { rows, cols, data: planes };
}

const parseWeights = (text: string): number[][] | undefined => {
  const rows = text.split("/").map((row) => row.split(",").map(Number));
  const good = rows.every((r) => r.length === rows.length && r.every(Number.isFinite));
  return good && rows.length % 2 === 1 && rows.length <= 11 ? rows : undefined;
};

export function Filters(): JSX.Element {
  const { address, t } = useApp();
  const { query } = address;
  const own = query["weights"] === undefined ? undefined : parseWeights(query["weights"]);
  const name =
    own === undefined
      ? query["kernel"] !== undefined && query["kernel"] in KERNELS
        ? query["kernel"]
        : "sobelx"
      : "own";
  const weights = own ?? KERNELS[name].weights;
  const divisor = own === undefined ? KERNELS[name].divisor : Number(query["divisor"] ?? 1) || 1;
  const mode = MODES.find((m) => m === query["mode"]) ?? "replicate";
  const stride = [1, 2, 3, 4].find((s) => String(s) === query["stride"]) ?? 1;
  const gray = query["gray"] === "1";
  const sum = weights.flat().reduce((a, b) => a + b, 0);
  const view = query["view"] ?? (Math.abs(sum) < 0.5 ? "signed" : "clip");
  const scene = useMemo(() => {
    const canvas = drawScene();
    return pictureOf(canvas, canvas.width, canvas.height);
  }, []);
  const [picture, setPicture] = useState<Picture>(scene);
  const shown = useMemo(() => (gray ? grayOf(picture) : picture), [picture, gray]);
  const [result, setResult] = useState<Picture>();
  const [problem, setProblem] = useState<string>();
  const [at, setAt] = useState<readonly [number, number]>();
  const size = weights.length;
  const kernelKey = JSON.stringify([weights, divisor]);
  useEffect(() => {
    document.title = `${t(T.title)} · ${t(W.title)}`;
  });

  // One program for each size; kernels pass through it as an input.
  const program = useRef<{ key: string; run: Promise<CompiledFunction<"x" | "w", "y">> } | undefined>(undefined);
  useEffect(() => {
    let stale = false;
    const { rows, cols, data } = shown;
    const key = [rows, cols, size, stride, mode].join();
    if (program.current?.key !== key) {
      void program.current?.run.then((f) => f.program.close());
      const run = compile(
        ({ x, w }) => ({ y: conv2d(x, w, null, { padding: (size - 1) / 2, paddingMode: mode, stride, groups: 3 }) }),
        { x: [1, 3, rows, cols], w: [3, 1, size, size] },
        { threads: 1 },
      );
      program.current = { key, run };
    }
    const compute = async (): Promise<void> => {
      const f = await program.current?.run;
      if (stale || f === undefined) return;
      const flat = weights.flat().map((v) => v / divisor);
      const w = new Tensor(Float32Array.from([...flat, ...flat, ...flat]), [3, 1, size, size]);
      const { y } = f({ x: new Tensor(data, [1, 3, rows, cols]), w });
      setResult({ rows: y.shape[2], cols: y.shape[3], data: Float32Array.from(y.data) });
      setProblem(undefined);
    };
    compute().catch((error: unknown) => setProblem(error instanceof Error ? error.message : String(error)));
    return () => {
      stale = true;
    };
  }, [shown, kernelKey, size, stride, mode]);

  const setWeights = (next: readonly (readonly number[])[], by: number): void =>
    changeQuery({
      weights: next.map((r) => r.join(",")).join("/"),
      divisor: by === 1 ? undefined : String(by),
      kernel: undefined,
    });
  return (
    <>
      <h1>{t(T.title)}</h1>
      <p class="prose">{t(T.lead)}</p>
      <div class="room">
        <section class="card" aria-label={t(W.controls)}>
          <div class="row">
            <label for="kernel">{t(T.kernel)}</label>
            <select
              id="kernel"
              value={name}
              onChange={(event) =>
                changeQuery({
                  kernel: event.currentTarget.value,
                  weights: undefined,
                  divisor: undefined,
                  view: undefined,
                })
              }
            >
              {Object.entries(KERNELS).map(([key, { words }]) => (
                <option key={key} value={key}>
                  {t(words)}
                </option>
              ))}
              {name === "own" && <option value="own">{t(T.own)}</option>}
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
              {[1, 2, 3, 4].map((s) => (
                <option key={s}>{s}</option>
              ))}
            </select>
          </div>
          <div class="row">
            <label for="view">{t(T.show)}</label>
            <select id="view" value={view} onChange={(event) => changeQuery({ view: event.currentTarget.value })}>
              {(["clip", "signed", "absolute"] as const).map((v) => (
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
              <Planes picture={shown} view="clip" label={t(T.input)} />
              <figcaption>
                {t(T.input)} {shown.rows}×{shown.cols}
              </figcaption>
            </figure>
            {result && (
              <figure>
                <Planes picture={result} view={view} label={`${t(T.output)}. ${t(T.hover)}`} at={at} point={setAt} />
                <figcaption data-output={`${result.rows}x${result.cols}`}>
                  {t(T.output)} {result.rows}×{result.cols}
                </figcaption>
              </figure>
            )}
          </div>
          {result && (
            <Sum
              picture={shown}
              result={result}
              weights={weights}
              divisor={divisor}
              stride={stride}
              mode={mode}
              at={at}
              gray={gray}
            />
          )}
        </div>
      </div>
    </>
  );
}

function tone(view: string, v: number): number {
  return view === "signed" ? 128 + v / 2 : view === "absolute" ? Math.abs(v) : v;
}

interface PlanesProps {
  readonly picture: Picture;
  readonly view: string;
  readonly label: string;
  readonly at?: readonly [number, number];
  readonly point?: (at: readonly [number, number]) => void;
}

/** Three planes as a colour picture. */
function Planes({ picture, view, label, at, point }: PlanesProps): JSX.Element {
  const ref = useRef<HTMLCanvasElement>(null);
  const { rows, cols, data } = picture;
  useEffect(() => {
    const context = ref.current?.getContext("2d");
    if (!context) return;
    const image = context.createImageData(cols, rows);
    const n = rows * cols;
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = tone(view, data[c * n + i]);
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    if (at) {
      context.strokeStyle = "#ff9a52";
      context.lineWidth = 1.5;
      context.strokeRect(at[1] - 3, at[0] - 3, 7, 7);
    }
  }, [picture, view, at]);
  const move = (event: PointerEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const r = Math.floor(((event.clientY - box.top) / box.height) * rows);
    const c = Math.floor(((event.clientX - box.left) / box.width) * cols);
    point?.([Math.max(0, Math.min(rows - 1, r)), Math.max(0, Math.min(cols - 1, c))]);
  };
  const key = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, readonly [number, number]>> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    const step = steps[event.key];
    if (!step || !point) return;
    event.preventDefault();
    const [r, c] = at ?? [Math.floor(rows / 2), Math.floor(cols / 2)];
    point([Math.max(0, Math.min(rows - 1, r + step[0])), Math.max(0, Math.min(cols - 1, c + step[1]))]);
  };
  return (
    <canvas
      ref={ref}
      width={cols}
      height={rows}
      class="pixels"
      role={point ? "application" : "img"}
      aria-label={label}
      tabIndex={point ? 0 : undefined}
      onPointerMove={point && move}
      onPointerDown={point && move}
      onKeyDown={point && key}
    />
  );
}

interface SumProps {
  readonly picture: Picture;
  readonly result: Picture;
  readonly weights: readonly (readonly number[])[];
  readonly divisor: number;
  readonly stride: number;
  readonly mode: PaddingMode;
  readonly at: readonly [number, number] | undefined;
  readonly gray: boolean;
}

/** How one pixel of the result was made. */
function Sum({ picture, result, weights, divisor, stride, mode, at, gray }: SumProps): JSX.Element {
  const { t } = useApp();
  if (!at || at[0] >= result.rows || at[1] >= result.cols) return <p class="hint">{t(T.hover)}</p>;
  const size = weights.length;
  const g = normaliseConv({ stride, padding: (size - 1) / 2, paddingMode: mode }, [size, size], "filters");
  const n = picture.rows * picture.cols;
  const cells = weights.map((row, i) =>
    row.map((_, j) => {
      const r = sourceIndex(g, 0, at[0], i, picture.rows);
      const c = sourceIndex(g, 1, at[1], j, picture.cols);
      return r < 0 || c < 0 ? 0 : picture.data[n + r * picture.cols + c];
    }),
  );
  const value = result.data[result.rows * result.cols + at[0] * result.cols + at[1]];
  const table = (plane: readonly (readonly number[])[], name: string, role: string): JSX.Element => (
    <table>
      <caption class={role}>{name}</caption>
      <tbody>
        {plane.map((row, i) => (
          <tr key={i}>
            {row.map((v, j) => (
              <td key={j}>{Number(v.toFixed(2))}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
  return (
    <div class="sum" aria-live="polite">
      <p>
        <strong>
          {t(T.output)} ({at[0]}, {at[1]})
        </strong>
        {gray ? "" : `, ${t(T.channel)}`}
      </p>
      {table(cells, t(T.input), "role-input")}
      {table(weights, divisor === 1 ? t(T.kernel) : `${t(T.kernel)} ÷ ${divisor}`, "role-filter")}
      <strong class="role-output" data-sum={value}>
        = {value.toFixed(2)}
      </strong>
    </div>
  );
}
