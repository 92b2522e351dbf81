/** The options of a figure as controls that can't reach an invalid state: what does not fit is not offered. */
import { FIGURES, type Field, type Spec, valuesThatFit } from "@faltung/figure";
import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { CHOICES } from "./choices.ts";
import { useDraft } from "../ui/draft.ts";
import { DrawCurve } from "./draw-curve.tsx";

export interface PanelProps {
  readonly spec: Spec;
  /** The options to offer, in order. */
  readonly options: readonly string[];
  readonly change: (option: string, value: string) => void;
  /** What is wrong with a text that was typed, by option. */
  readonly problems: Readonly<Record<string, string>>;
}

interface Fitting {
  /** What it was worked out for. */
  readonly key: string;
  readonly values: Readonly<Record<string, readonly string[]>>;
  /** Whether that is what is shown now. */
  readonly ready: boolean;
}

/**
 * For each job, the values that fit; worked out when the page has a moment, since each is a whole figure. A job is an
 * option, or "padding#2": one part of it.
 */
function useFitting(spec: Spec, jobs: readonly string[]): Fitting {
  const key = JSON.stringify([spec, jobs]);
  const [fitting, setFitting] = useState<Fitting>({ key: "", values: {}, ready: false });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const rest = [...jobs];
    const found: Record<string, readonly string[]> = {};
    const next = (): void => {
      const job = rest.shift();
      if (job === undefined) return setFitting({ key, values: found, ready: true });
      const [option, part] = job.split("#");
      found[job] = valuesThatFit(spec, option, part === undefined ? undefined : Number(part));
      timer = setTimeout(next, 0);
    };
    timer = setTimeout(next, 60);
    return () => clearTimeout(timer);
  }, [key]);
  return { ...fitting, ready: fitting.key === key };
}

const T = {
  apart: { en: "each for itself", ko: "따로" },
  apartSides: { en: "each side", ko: "변마다" },
  refused: { en: "This can't be used here:", ko: "여기에는 쓸 수 없는 값입니다:" },
} as const;

export function Panel({ spec, options, change, problems }: PanelProps): JSX.Element {
  const fields = FIGURES.find((f) => f.name === spec.figure)?.fields ?? {};
  const [wishes, setWishes] = useState<Readonly<Record<string, boolean>>>({});
  const valueOf = (option: string): string => String(spec[option] ?? fields[option].show(fields[option].fallback));
  /** The numbers of an option that is shown in parts. */
  const apart = (option: string): readonly number[] | undefined => {
    const { control } = fields[option];
    const values = control.kind === "int" ? control.parts?.split(valueOf(option)) : undefined;
    const even = values?.every((v) => v === values[0]) ?? true;
    return values !== undefined && (!even || wishes[option] === true) ? values : undefined;
  };
  const known = options.filter((option) => option in fields);
  const jobs = known.flatMap((option) => apart(option)?.map((_, i) => `${option}#${i}`) ?? [option]);
  const fitting = useFitting(spec, jobs);
  return (
    <div class="panel" aria-busy={!fitting.ready}>
      {known.map((option) => (
        <Control
          key={`${spec.figure}.${option}`}
          option={option}
          field={fields[option]}
          value={valueOf(option)}
          fitting={fitting.values}
          apart={apart(option)}
          setApart={(wish) => setWishes({ ...wishes, [option]: wish })}
          problem={problems[option]}
          change={(value) => change(option, value)}
        />
      ))}
    </div>
  );
}

interface ControlProps {
  readonly option: string;
  readonly field: Field<unknown>;
  readonly value: string;
  readonly fitting: Readonly<Record<string, readonly string[]>>;
  /** The option's numbers, if they are shown each for itself. */
  readonly apart: readonly number[] | undefined;
  readonly setApart: (apart: boolean) => void;
  readonly problem: string | undefined;
  change(value: string): void;
}

interface SliderProps {
  readonly id: string;
  /** Its name, for a screen reader: buttons say it too. */
  readonly label: string;
  /** What is shown; a word where the value is none. */
  readonly value: string;
  readonly fitting: readonly string[] | undefined;
  readonly min: number;
  readonly max: number;
  readonly change: (value: number) => void;
}

/** A number between buttons that go to the next value that fits. */
function Slider({ id, label, value, fitting, min, max, change }: SliderProps): JSX.Element {
  const fit = fitting?.map(Number) ?? [];
  const low = fit.length > 0 ? Math.min(...fit) : min;
  const high = fit.length > 0 ? Math.max(...fit) : max;
  const number = Number(value);
  const simple = value !== "" && Number.isInteger(number);
  // A slider may pass over values that do not fit (groups that do not divide): the nearest that does is taken.
  const set = (wish: number): void =>
    change(fit.length > 0 ? fit.reduce((a, b) => (Math.abs(b - wish) < Math.abs(a - wish) ? b : a)) : wish);
  const to = (direction: 1 | -1): void => {
    const beyond = fit.filter((v) => (v - number) * direction > 0);
    if (beyond.length > 0) set(direction > 0 ? Math.min(...beyond) : Math.max(...beyond));
  };
  return (
    <div class="stepper">
      <button type="button" onClick={() => to(-1)} disabled={number <= low} aria-label={`${label} −`}>
        −
      </button>
      <input
        id={id}
        type="range"
        min={low}
        max={Math.max(high, low)}
        value={simple ? number : low}
        aria-valuetext={value}
        disabled={low === high}
        onInput={(event) => set(Number(event.currentTarget.value))}
      />
      <button type="button" onClick={() => to(1)} disabled={number >= high} aria-label={`${label} +`}>
        +
      </button>
      <output for={id}>{value}</output>
    </div>
  );
}

function Control(props: ControlProps): JSX.Element {
  const { option, field, value, apart, setApart, change } = props;
  const { lang, t } = useApp();
  const id = useId();
  const label = field.about[lang];
  const fitting = props.fitting[option];
  const { control } = field;
  switch (control.kind) {
    case "flag":
      return (
        <label class="row check">
          <input
            type="checkbox"
            checked={value === "1"}
            disabled={fitting !== undefined && fitting.length < 2}
            onChange={(event) => change(event.currentTarget.checked ? "1" : "0")}
          />
          {label}
        </label>
      );
    case "choice":
      return (
        <div class="row">
          <label for={id}>{label}</label>
          <select id={id} value={value} onChange={(event) => change(event.currentTarget.value)}>
            {control.choices.map((choice) => (
              <option key={choice} value={choice} disabled={fitting !== undefined && !fitting.includes(choice)}>
                {CHOICES[choice] ? t(CHOICES[choice]) : choice}
              </option>
            ))}
          </select>
        </div>
      );
    case "int": {
      const { parts, min, max } = control;
      const toggle = parts && (
        <button type="button" class="small" aria-pressed={apart !== undefined} onClick={() => setApart(!apart)}>
          <span class="hidden">{label}: </span>
          {t(parts.names.length > 2 ? T.apartSides : T.apart)}
        </button>
      );
      if (parts && apart) {
        const together = apart.every((v) => v === apart[0]);
        return (
          <fieldset class="row int">
            <legend>
              {label} {together && toggle}
            </legend>
            {parts.names.map((name, i) => (
              <div class="part" key={name.en}>
                <label for={`${id}-${i}`}>{t(name)}</label>
                <Slider
                  id={`${id}-${i}`}
                  label={`${label}, ${t(name)}`}
                  value={String(apart[i])}
                  fitting={props.fitting[`${option}#${i}`]}
                  min={min}
                  max={max}
                  change={(v) => change(parts.join(apart.map((old, k) => (k === i ? v : old))))}
                />
              </div>
            ))}
          </fieldset>
        );
      }
      return (
        <div class="row int">
          <div class="head">
            <label for={id}>{label}</label>
            {toggle}
          </div>
          <Slider
            id={id}
            label={label}
            value={value}
            fitting={fitting}
            min={min}
            max={max}
            change={(v) => change(String(v))}
          />
        </div>
      );
    }
    case "numbers":
      return <></>; // edited as grids, below the picture
    case "text":
      return <TextControl {...props} id={id} example={control.example} />;
  }
}

/** Texts longer than this have several lines. */
const LONG = 40;

const CURVES = ["box", "box:2", "triangle", "gaussian:0.3", "decay:1.5", "sawtooth", "ramp", "sine:3"];

function TextControl(props: ControlProps & { readonly id: string; readonly example: string }): JSX.Element {
  const { id, option, field, value, problem, example, change } = props;
  const { lang, t } = useApp();
  const { forget: _, ...draft } = useDraft(value);
  const isCurve = option === "f" || option === "g";
  const shared = {
    ...draft,
    id,
    spellcheck: false,
    "aria-invalid": problem !== undefined,
    "aria-describedby": problem === undefined ? undefined : `${id}-problem`,
    onChange: (event: { readonly currentTarget: { readonly value: string } }) =>
      change(event.currentTarget.value.trim()),
  };
  return (
    <div class="row">
      <label for={id}>{field.about[lang]}</label>
      {value.length > LONG && !isCurve ? (
        <textarea {...shared} rows={4} />
      ) : (
        <input
          {...shared}
          type="text"
          autocomplete="off"
          placeholder={example}
          list={isCurve ? `${id}-list` : undefined}
        />
      )}
      {isCurve && (
        <>
          <datalist id={`${id}-list`}>
            {CURVES.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          <DrawCurve name={option} change={change} />
        </>
      )}
      {problem !== undefined && (
        <p class="problem" role="alert" id={`${id}-problem`}>
          {t(T.refused)} {problem}
        </p>
      )}
    </div>
  );
}
