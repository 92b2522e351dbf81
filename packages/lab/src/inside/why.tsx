/** Why the network says what it says: Grad-CAM and saliency over the picture, for the likeliest class or another. */
import type { JSX } from "preact";
import { changeQuery } from "../address.ts";
import { useApp } from "../app-context.ts";
import type { Inspection } from "./inspect-messages.ts";
import { Overlay, VIEWS } from "./overlay.tsx";
import { I } from "./words.ts";

export interface WhyProps {
  readonly inspection: Inspection;
  /** [C, H, W] of the picture. */
  readonly shape: readonly number[];
  readonly picture: Uint8Array;
  readonly classes: readonly string[];
  /** The class that is asked about; undefined: the likeliest. */
  readonly target: number | undefined;
  /** Rows and columns that the chosen cell sees. */
  readonly box: readonly (readonly [number, number])[] | null | undefined;
}

export function Why({ inspection, shape, picture, classes, target, box }: WhyProps): JSX.Element {
  const { address, t } = useApp();
  const { cam } = inspection;
  const possible = VIEWS.filter((v) => v !== "cam" || cam !== null);
  const view = possible.find((v) => v === address.query["view"]) ?? possible[0];
  const layers = inspection.maps.filter(({ shape: [, rows, cols] }) => rows * cols > 1);
  const names = { cam: "Grad-CAM", saliency: t(I.saliency), none: t(I.plain) };
  const help = { cam: I.camHelp, saliency: I.saliencyHelp, none: I.plainHelp };
  return (
    <>
      <h2>{t(I.why)}</h2>
      <div class="buttons">
        <label class="inline">
          {t(I.target)}
          <select
            value={target === undefined ? "" : String(target)}
            onChange={(event) => changeQuery({ class: event.currentTarget.value || undefined })}
          >
            <option value="">{t(I.likeliest)}</option>
            {classes.map((name, i) => (
              <option key={i} value={String(i)}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label class="inline">
          {t(I.show)}
          <select value={view} data-view onChange={(event) => changeQuery({ view: event.currentTarget.value })}>
            {possible.map((v) => (
              <option key={v} value={v}>
                {names[v]}
              </option>
            ))}
          </select>
        </label>
        {view === "cam" && (
          <label class="inline">
            {t(I.layer)}
            <select value={cam?.layer} onChange={(event) => changeQuery({ cam: event.currentTarget.value })}>
              {layers.map(({ name, type }) => (
                <option key={name} value={name}>
                  {name} {type}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <p class="hint">{t(help[view])}</p>
      <Overlay
        picture={picture}
        shape={shape}
        inspection={inspection}
        view={view}
        box={box}
        label={`${t(I.picture)}: ${classes[inspection.target]}`}
      />
    </>
  );
}
