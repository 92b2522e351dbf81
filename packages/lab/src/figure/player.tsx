/** A figure that plays: play, pause, one step, scrub, speed, loop; pointing at a cell shows its sum. */
import { type Picture, toSvg } from "@faltung/figure";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { W } from "../words.ts";

const SPEEDS = [0.25, 0.5, 1, 2, 4] as const;

export const reducedMotion = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

export interface PlayerState {
  readonly step: number;
  readonly playing: boolean;
  readonly looping: boolean;
  readonly speed: number;
  /** Pauses at a step. */
  show(step: number): void;
  toggle(): void;
  setLooping(looping: boolean): void;
  setSpeed(speed: number): void;
}

/** The clock of a player. @param start the step to stand at; undefined: play from the first */
export function usePlayer(picture: Picture, start: number | undefined): PlayerState {
  const [step, setStep] = useState(start ?? 0);
  const [playing, setPlaying] = useState(start === undefined && !reducedMotion());
  const [looping, setLooping] = useState(true);
  const [speed, setSpeed] = useState(1);
  const last = picture.steps - 1;
  const now = Math.min(step, last);
  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(
      () => {
        if (now < last) setStep(now + 1);
        else if (looping) setStep(0);
        else setPlaying(false);
      },
      // The last step of a round stands longer, so that one sees where it ended.
      (picture.ms(now) * (now === last ? 2 : 1)) / speed,
    );
    return () => clearTimeout(timer);
  }, [playing, now, last, looping, speed, picture]);
  return {
    step: now,
    playing,
    looping,
    speed,
    show: (wish) => {
      setPlaying(false);
      setStep(Math.max(0, Math.min(last, wish)));
    },
    toggle: () => {
      if (reducedMotion()) return setStep(now < last ? now + 1 : 0);
      if (!playing && now === last) setStep(0);
      setPlaying(!playing);
    },
    setLooping,
    setSpeed,
  };
}

/** The picture itself, at one step. */
export function Stage({
  picture,
  player,
  edit,
}: {
  readonly picture: Picture;
  readonly player: PlayerState;
  /** A number was clicked that can be edited. */
  readonly edit: (cell: string) => void;
}): JSX.Element {
  const { t } = useApp();
  const before = useRef<{ step: number; playing: boolean } | undefined>(undefined);
  const svg = useMemo(
    () => toSvg(picture.scene(player.step), { width: picture.width, interactive: true }),
    [picture, player.step],
  );
  const stepAt = (event: Event): number | undefined => {
    const cell = event.target instanceof Element ? event.target.closest<SVGGElement>("[data-step]") : null;
    return cell === null ? undefined : Number(cell.dataset["step"]);
  };
  const point = (event: PointerEvent): void => {
    if (event.pointerType === "touch") return;
    const step = stepAt(event);
    if (step === undefined || step === player.step) return;
    before.current ??= { step: player.step, playing: player.playing };
    player.show(step);
  };
  const leave = (): void => {
    const { current } = before;
    before.current = undefined;
    if (current === undefined) return;
    player.show(current.step);
    if (current.playing) player.toggle();
  };
  const click = (event: MouseEvent): void => {
    const step = stepAt(event);
    const number = event.target instanceof Element ? event.target.closest<SVGGElement>("[data-cell]") : null;
    if (step === undefined) {
      if (number) edit(number.dataset["cell"] ?? "");
      return;
    }
    before.current = undefined;
    player.show(step);
  };
  const key = (event: KeyboardEvent): void => {
    const to = { ArrowRight: player.step + 1, ArrowLeft: player.step - 1, Home: 0, End: picture.steps - 1 }[event.key];
    if (to !== undefined) player.show(to);
    else if (event.key === " ") player.toggle();
    else return;
    event.preventDefault();
  };
  return (
    <div
      class="stage"
      tabIndex={0}
      role="group"
      aria-label={`${picture.title}. ${t(W.player)}`}
      onKeyDown={key}
      onPointerMove={point}
      onPointerLeave={leave}
      onClick={click}
      dangerouslySetInnerHTML={{ __html: svg }}
    />
  );
}

/** The buttons below the picture. */
export function Transport({
  picture,
  player,
}: {
  readonly picture: Picture;
  readonly player: PlayerState;
}): JSX.Element {
  const { t } = useApp();
  const last = picture.steps - 1;
  const button = (label: string, sign: IconName, action: () => void, disabled = false): JSX.Element => (
    <button type="button" class="icon" onClick={action} disabled={disabled} title={label} aria-label={label}>
      <Icon name={sign} />
    </button>
  );
  if (last === 0) return <></>;
  return (
    <div class="transport">
      {button(t(W.restart), "start", () => player.show(0))}
      {button(t(W.back), "back", () => player.show(player.step - 1), player.step === 0)}
      {!reducedMotion() &&
        button(t(player.playing ? W.pause : W.play), player.playing ? "pause" : "play", player.toggle)}
      {button(t(W.forth), "forth", () => player.show(player.step + 1), player.step === last)}
      <input
        type="range"
        min={0}
        max={last}
        value={player.step}
        aria-label={t(W.step)}
        onInput={(event) => player.show(Number(event.currentTarget.value))}
      />
      <output class="tabular">
        {player.step + 1}/{last + 1}
      </output>
      {!reducedMotion() && (
        <>
          <label class="inline">
            <span class="hidden">{t(W.speed)}</span>
            <select
              value={String(player.speed)}
              onChange={(event) => player.setSpeed(Number(event.currentTarget.value))}
              title={t(W.speed)}
            >
              {SPEEDS.map((s) => (
                <option key={s} value={String(s)}>
                  {s}×
                </option>
              ))}
            </select>
          </label>
          <label class="inline">
            <input
              type="checkbox"
              checked={player.looping}
              onChange={(event) => player.setLooping(event.currentTarget.checked)}
            />
            {t(W.loop)}
          </label>
        </>
      )}
    </div>
  );
}
