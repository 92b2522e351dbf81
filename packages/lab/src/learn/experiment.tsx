import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { Chart } from "../ui/chart.tsx";
import { MapCanvas } from "../ui/map-canvas.tsx";
import type { ExperimentUpdate } from "./experiment.worker.ts";

const T = {
  start: { en: "Train both", ko: "둘 다 학습시키기" },
  again: { en: "Once more", ko: "다시 하기" },
  correlation: { en: "cross-correlation", ko: "교차상관" },
  convolution: { en: "convolution (flip)", ko: "합성곱(뒤집음)" },
  loss: { en: "Loss", ko: "손실" },
  step: { en: "step", ko: "단계" },
  filter: { en: "learned filter", ko: "학습된 필터" },
  impulse: { en: "answer to an impulse", ko: "임펄스에 대한 응답" },
  difference: { en: "largest difference of the losses", ko: "손실의 최대 차이" },
  turned: {
    en: "largest difference of one filter and the other turned round",
    ko: "한 필터와, 뒤집은 다른 필터의 최대 차이",
  },
} as const;

const reversed = (a: Float32Array): Float32Array => Float32Array.from(a).reverse();
const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
};

export function ExperimentView(): JSX.Element {
  const { t } = useApp();
  const [updates, setUpdates] = useState<readonly ExperimentUpdate[]>([]);
  const [problem, setProblem] = useState<string>();
  const worker = useRef<Worker | undefined>(undefined);
  useEffect(() => () => worker.current?.terminate(), []);
  const start = (): void => {
    worker.current?.terminate();
    setUpdates([]);
    setProblem(undefined);
    const next = new Worker(new URL("./experiment.worker.ts", import.meta.url), { type: "module" });
    worker.current = next;
    next.addEventListener("message", ({ data }: MessageEvent<ExperimentUpdate | string>) => {
      if (typeof data === "string") setProblem(data);
      else setUpdates((before) => [...before, data]);
    });
    next.addEventListener("error", (event) => setProblem(event.message));
  };
  const last = updates.at(-1);
  const running = last !== undefined && last.step < last.steps;
  const line = (i: 0 | 1): (readonly [number, number])[] => updates.map((u) => [u.step, u.losses[i]] as const);
  const names = [t(T.correlation), t(T.convolution)] as const;
  const done = last?.impulses !== undefined;
  return (
    <section class="figure" style={{ padding: "1rem" }} data-experiment={done ? "done" : running ? "running" : "idle"}>
      <div class="buttons">
        <button type="button" class="primary" onClick={start} disabled={running}>
          {t(updates.length > 0 ? T.again : T.start)}
        </button>
        {last && <progress max={last.steps} value={last.step} aria-label={t(T.step)} style={{ maxWidth: "14rem" }} />}
      </div>
      {problem !== undefined && <p class="problem">{problem}</p>}
      <div class="room">
        <Chart
          label={t(T.loss)}
          xName={t(T.step)}
          lines={[
            { name: names[0], colour: "var(--input)", points: line(0), width: 5 },
            { name: names[1], colour: "var(--filter)", points: line(1), dash: "6 5", width: 2 },
          ]}
        />
        <div class="pictures">
          {last &&
            names.map((name, i) => (
              <figure key={name}>
                <MapCanvas
                  data={last.filters[i]}
                  rows={5}
                  cols={5}
                  size={120}
                  scale="signed"
                  limit={0.3}
                  label={`${name}: ${t(T.filter)}`}
                />
                <figcaption class={i === 0 ? "role-input" : "role-filter"}>
                  {name}
                  <br />
                  {t(T.filter)}
                </figcaption>
              </figure>
            ))}
          {last?.impulses &&
            names.map((name, i) => (
              <figure key={name}>
                <MapCanvas
                  data={last.impulses?.[i] ?? []}
                  rows={9}
                  cols={9}
                  size={120}
                  scale="signed"
                  limit={0.3}
                  label={`${name}: ${t(T.impulse)}`}
                />
                <figcaption>
                  {name}
                  <br />
                  {t(T.impulse)}
                </figcaption>
              </figure>
            ))}
        </div>
      </div>
      {done && (
        <dl class="stats">
          <div>
            <dt>{t(T.difference)}</dt>
            <dd data-difference>
              {apart(
                updates.map((u) => u.losses[0]),
                updates.map((u) => u.losses[1]),
              ).toExponential(1)}
            </dd>
          </div>
          <div>
            <dt>{t(T.turned)}</dt>
            <dd data-turned>{apart(last.filters[0], reversed(last.filters[1])).toExponential(1)}</dd>
          </div>
        </dl>
      )}
    </section>
  );
}
