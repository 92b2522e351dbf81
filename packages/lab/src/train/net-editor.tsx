/** A network as a list of layers. What would not fit is not offered, so the list is always a network. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { KINDS, type LabLayer, type LabShape, MOST_LAYERS, OPTIONS, fits, shapesOf, usualLayer } from "./net.ts";
import { T } from "./words.ts";

export interface NetEditorProps {
  readonly layers: readonly LabLayer[];
  readonly input: LabShape;
  readonly classes: number;
  readonly disabled: boolean;
  readonly change: (layers: readonly LabLayer[]) => void;
}

const withOut = (list: readonly LabLayer[], i: number): LabLayer[] => list.filter((_, k) => k !== i);
const withLayer = (list: readonly LabLayer[], i: number, layer: LabLayer): LabLayer[] => list.toSpliced(i, 1, layer);
const swapped = (list: readonly LabLayer[], i: number): LabLayer[] => list.toSpliced(i, 2, list[i + 1], list[i]);

export function NetEditor({ layers, input, classes, disabled, change }: NetEditorProps): JSX.Element {
  const { t } = useApp();
  const shapes = useMemo(() => shapesOf(layers, input) ?? [], [layers, input]);
  const [place, setPlace] = useState(0);
  const at = Math.min(place, layers.length);
  const addable =
    layers.length < MOST_LAYERS ? KINDS.filter((kind) => fits(layers.toSpliced(at, 0, usualLayer(kind)), input)) : [];
  // Who moves a layer by keyboard stays with it; who removes one, at its place.
  const list = useRef<HTMLOListElement>(null);
  const follow = useRef<{ readonly row: number; readonly action: IconName } | undefined>(undefined);
  useEffect(() => {
    if (follow.current === undefined) return;
    const { row, action } = follow.current;
    follow.current = undefined;
    const there = list.current?.children[row + 1];
    const same = there?.querySelector<HTMLElement>(`[data-do=${action}]:enabled`);
    (same ?? there?.querySelector<HTMLElement>("button:enabled"))?.focus();
  }, [layers]);
  const button = (
    layer: LabLayer,
    action: "up" | "down" | "remove",
    next: readonly LabLayer[] | undefined,
    row: number,
  ): JSX.Element => {
    const label = `${t(T[action])}: ${t(T[layer.kind])}`;
    return (
      <button
        type="button"
        class="icon small"
        title={label}
        aria-label={label}
        data-do={action}
        disabled={disabled || next === undefined || !fits(next, input)}
        onClick={() => {
          if (next === undefined) return;
          follow.current = { row, action };
          change(next);
        }}
      >
        <Icon name={action} />
      </button>
    );
  };
  return (
    <>
      <ol class="layers" data-net ref={list}>
        <li>
          <div class="head">
            <strong>{t(T.input)}</strong>
            <span class="shape">{input.join("×")}</span>
          </div>
        </li>
        {layers.map((layer, i) => (
          <li key={i}>
            <div class="head">
              <strong>{t(T[layer.kind])}</strong>
              <span class="shape">{shapes[i]?.join("×")}</span>
              {button(layer, "up", i > 0 ? swapped(layers, i - 1) : undefined, i - 1)}
              {button(layer, "down", i < layers.length - 1 ? swapped(layers, i) : undefined, i + 1)}
              {button(layer, "remove", withOut(layers, i), Math.min(i, layers.length - 2))}
            </div>
            {layer.values.length > 0 && (
              <div class="fields">
                {OPTIONS[layer.kind].map(({ name, choices }, k) => {
                  const set = (v: number): LabLayer => ({ ...layer, values: layer.values.with(k, v) });
                  const all = choices.includes(layer.values[k])
                    ? choices
                    : [...choices, layer.values[k]].sort((a, b) => a - b);
                  const good = all.filter((v) => fits(withLayer(layers, i, set(v)), input));
                  return (
                    <label key={name} class="inline">
                      {t(T[name])}
                      <select
                        disabled={disabled}
                        value={String(layer.values[k])}
                        onChange={(event) => change(withLayer(layers, i, set(Number(event.currentTarget.value))))}
                      >
                        {good.map((v) => (
                          <option key={v} value={String(v)}>
                            {v}
                          </option>
                        ))}
                      </select>
                    </label>
                  );
                })}
              </div>
            )}
          </li>
        ))}
        <li>
          <div class="head">
            <strong>{t(T.head)}</strong>
            <span class="shape">{classes}</span>
          </div>
        </li>
      </ol>
      <div class="buttons add">
        <label class="inline">
          {t(T.add)}
          <select
            value=""
            data-add
            disabled={disabled}
            onChange={(event) => {
              const kind = KINDS.find((k) => k === event.currentTarget.value);
              if (kind) change(layers.toSpliced(at, 0, usualLayer(kind)));
              event.currentTarget.value = "";
            }}
          >
            <option value="">{t(T.chooseKind)}</option>
            {addable.map((kind) => (
              <option key={kind} value={kind}>
                {t(T[kind])}
              </option>
            ))}
          </select>
        </label>
        <label class="inline">
          {t(T.place)}
          <select
            value={String(at)}
            disabled={disabled}
            data-place
            onChange={(event) => setPlace(Number(event.currentTarget.value))}
          >
            {Array.from({ length: layers.length + 1 }, (_, i) => (
              <option key={i} value={String(i)}>
                {i + 1}
              </option>
            ))}
          </select>
        </label>
      </div>
    </>
  );
}
