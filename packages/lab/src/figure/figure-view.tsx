/** A figure with its controls, its player, its numbers and its files; its whole state is in the address. */
import { FIGURES, PALETTES, type Picture, type Spec, type Words, open, openIn, toQuery } from "@faltung/figure";
import type { JSX } from "preact";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { type Query, changeQuery, formatAddress } from "../address.ts";
import { useApp } from "../app-context.ts";
import { Code } from "../ui/copy.tsx";
import { useDraft } from "../ui/draft.ts";
import { Tabs } from "../ui/tabs.tsx";
import { W } from "../words.ts";
import { EXPORTS, type ExportKind, NoEncoderError, download, exportFigure } from "./export.ts";
import { NumbersEditor } from "./numbers-editor.tsx";
import { gridOptions, withOption, withoutNumbers } from "./numbers.ts";
import { Panel } from "./panel.tsx";
import { Stage, Transport, usePlayer } from "./player.tsx";
import { PasteError, fromTorch, layerCode } from "./torch.ts";

/** Options that the page itself decides. */
const PAGES_OWN = ["lang", "theme", "width", "layout", "step", "caption", "animated"];

export interface FigureViewProps {
  /** The figure as the page shows it when the address says nothing else. */
  readonly base: Spec;
  /** Options offered at once; all others are under "More options". */
  readonly options: readonly string[];
  /** Whether a layer can be pasted. */
  readonly paste?: boolean;
}

/** What the address says about the figure. A figure of another name replaces the page's own. */
function specFrom(base: Spec, query: Query): Spec {
  const { lang: _l, theme: _t, step: _s, palette: _p, size: _w, words: _c, ...options } = query;
  const same = options["figure"] === undefined || options["figure"] === base.figure;
  return same ? { ...base, ...options, figure: base.figure } : { ...options, figure: options["figure"] };
}

type Opened = { readonly picture: Picture } | { readonly problem: string };

function tryOpen(spec: Spec, width: number): Opened {
  try {
    return { picture: openIn(spec, width) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** The width that the picture has to itself, in steps, so that a scroll bar does not make it flicker. */
function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(760);
  useEffect(() => {
    const { current } = ref;
    if (!current) return;
    const observer = new ResizeObserver(([{ contentRect }]) => {
      // Nothing is shown behind another tab.
      if (contentRect.width > 0) setWidth(Math.floor(contentRect.width / 20) * 20);
    });
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

export function FigureView({ base, options, paste = false }: FigureViewProps): JSX.Element {
  const { address, lang, theme, t } = useApp();
  const [stage, width] = useWidth();
  const spec = specFrom(base, address.query);
  const key = JSON.stringify(spec);
  const good = useRef<Picture | undefined>(undefined);
  const [problems, setProblems] = useState<Readonly<Record<string, string>>>({});
  const opened = useMemo(() => tryOpen({ ...spec, lang, theme, caption: false }, width), [key, lang, theme, width]);
  if ("picture" in opened) good.current = opened.picture;
  const picture = good.current ?? open({ ...base, lang, theme, caption: false });

  const asked = address.query["step"];
  const player = usePlayer(picture, asked === undefined ? undefined : Number(asked) || 0);
  // The moment at which one has stopped belongs to the link.
  useEffect(() => {
    if (player.playing) return changeQuery({ step: undefined });
    const timer = setTimeout(() => changeQuery({ step: String(player.step) }), 250);
    return () => clearTimeout(timer);
  }, [player.playing, player.step]);

  /** Makes the address say what a spec says, as far as it differs from what it is without a word. */
  const apply = (next: Spec): void => {
    setProblems({});
    const usual = (option: string): string | undefined => {
      const fallback = spec.figure === base.figure ? base[option] : undefined;
      return fallback === undefined ? undefined : String(fallback);
    };
    const says = ([option, value]: readonly [string, unknown]): readonly [string, string | undefined] => [
      option,
      value === undefined || String(value) === usual(option) ? undefined : String(value),
    ];
    const gone = Object.keys(spec).map((option): [string, undefined] => [option, undefined]);
    const { figure } = next;
    changeQuery({
      ...Object.fromEntries([...gone, ...Object.entries(next)].map(says)),
      figure: figure === base.figure ? undefined : figure,
    });
  };
  const change = (option: string, value: string): void => {
    try {
      const next = withOption(spec, picture, option, value);
      open(next);
      apply(next);
    } catch (error) {
      setProblems({ [option]: error instanceof Error ? error.message : String(error) });
    }
  };
  const [editing, setEditing] = useState(false);
  const section = useRef<HTMLElement>(null);
  /** A click on a number of the picture leads to its field. */
  const edit = (cell: string): void => {
    setEditing(true);
    requestAnimationFrame(() => section.current?.querySelector<HTMLElement>(`[data-field="${cell}"]`)?.focus());
  };
  const fields = FIGURES.find((f) => f.name === spec.figure)?.fields ?? {};
  const shown = options.filter((o) => o in fields);
  const elsewhere = [...PAGES_OWN, ...gridOptions(spec.figure)];
  const rest = Object.keys(fields).filter((o) => !shown.includes(o) && !elsewhere.includes(o));
  const sizes = withoutNumbers(spec);
  return (
    <section class="figure" aria-label={picture.title} ref={section}>
      <Tabs
        label={picture.title}
        first={1}
        tabs={[
          {
            title: t(W.controls),
            content: (
              <>
                <Panel spec={sizes} options={shown} change={change} problems={problems} />
                {rest.length > 0 && (
                  <details>
                    <summary>{t(W.more)}</summary>
                    <Panel spec={sizes} options={rest} change={change} problems={problems} />
                  </details>
                )}
                {paste && <PasteBox apply={apply} />}
              </>
            ),
          },
          {
            title: t(W.picture),
            content: (
              <div ref={stage}>
                {"problem" in opened && (
                  <p class="problem" role="alert">
                    {t(W.cannot)} {opened.problem}
                  </p>
                )}
                <Stage picture={picture} player={player} edit={edit} />
                <Transport picture={picture} player={player} />
                <NumbersEditor
                  picture={picture}
                  spec={spec}
                  open={editing}
                  setOpen={setEditing}
                  apply={apply}
                  enter={() => player.playing && player.toggle()}
                />
              </div>
            ),
          },
          { title: t(W.numbers), content: <Numbers picture={picture} step={player.step} live={!player.playing} /> },
        ]}
      />
    </section>
  );
}

/** The step in words, the layer in code, the files. */
function Numbers({
  picture,
  step,
  live,
}: {
  readonly picture: Picture;
  readonly step: number;
  readonly live: boolean;
}): JSX.Element {
  const { address, lang, t } = useApp();
  const code = layerCode(picture, lang);
  const { lang: _l, theme: _t, width: _w, layout: _y, caption: _c, ...own } = picture.options;
  const words = Object.entries(own).map(([k, v]) => (/^[\w.,:x/-]+$/.test(v) ? `${k}=${v}` : `"${k}=${v}"`));
  const command = ["faltung figure", picture.figure, ...words, `-o ${picture.figure}.gif`].join(" ");
  const embedded = toQuery({ ...picture, options: own });
  const link = `${location.origin}${location.pathname}${formatAddress(address)}`;
  return (
    <>
      <p class="sentence" aria-live={live ? "polite" : "off"}>
        {picture.sentence(step)}
      </p>
      <p class="caption">{picture.caption}</p>
      <Export picture={dressed(picture, address.query)} step={step} />
      <ExportOptions />
      {code && (
        <details open>
          <summary>{t(W.sameInCode)}</summary>
          <Code title="PyTorch" code={code.torch} />
          <Code title="Faltung" code={code.faltung} />
        </details>
      )}
      <details>
        <summary>{t(W.command)}</summary>
        <Code title={t(W.command)} code={command} />
        <Code title={t(W.link)} code={link} />
        <Code title="<faltung-figure>" code={`<faltung-figure spec="${embedded}"></faltung-figure>`} />
      </details>
    </>
  );
}

/** The picture as a file has it: in other colours, of another width, with title and caption, as the address says. */
function dressed(picture: Picture, query: Query): Picture {
  const { palette, size, words } = query;
  if (palette === undefined && size === undefined && words === undefined) return picture;
  const { layout: _y, width: _w, ...plain } = picture.options;
  const change = {
    ...(palette !== undefined && { theme: palette }),
    ...(size !== undefined && { width: size }),
    ...(words !== undefined && { caption: words }),
  };
  try {
    return open({ ...(size === undefined ? picture.options : plain), ...change, figure: picture.figure });
  } catch {
    return picture; // the address was written by hand
  }
}

const E = {
  how: { en: "Colours, width, title", ko: "색상, 너비, 제목" },
  colours: { en: "Colours", ko: "색상" },
  asShown: { en: "as shown", ko: "보이는 대로" },
  light: { en: "light", ko: "밝게" },
  dark: { en: "dark", ko: "어둡게" },
  print: { en: "for print", ko: "인쇄용" },
  width: { en: "Width in pixels", ko: "너비(픽셀)" },
  words: { en: "with title and caption", ko: "제목과 설명 넣기" },
} as const;

/** How wide a file may be. */
const WIDTHS = [120, 4096] as const;

function ExportOptions(): JSX.Element {
  const { address, t } = useApp();
  const { palette = "", size = "", words } = address.query;
  const id = useId();
  const draft = useDraft(size);
  const set = (text: string): void => {
    const wish = Math.round(Number(text));
    changeQuery({ size: wish > 0 ? String(Math.max(WIDTHS[0], Math.min(WIDTHS[1], wish))) : undefined });
  };
  return (
    <details open={palette !== "" || size !== "" || words !== undefined}>
      <summary>{t(E.how)}</summary>
      <div class="row">
        <label for={`${id}-colours`}>{t(E.colours)}</label>
        <select
          id={`${id}-colours`}
          value={palette}
          onChange={(event) => changeQuery({ palette: event.currentTarget.value || undefined })}
        >
          <option value="">{t(E.asShown)}</option>
          {(Object.keys(PALETTES) as (keyof typeof PALETTES)[]).map((name) => (
            <option key={name} value={name}>
              {t(E[name])}
            </option>
          ))}
        </select>
      </div>
      <div class="row">
        <label for={`${id}-width`}>{t(E.width)}</label>
        <input
          id={`${id}-width`}
          type="number"
          min={WIDTHS[0]}
          max={WIDTHS[1]}
          value={draft.value}
          placeholder={t(E.asShown)}
          onInput={draft.onInput}
          onChange={(event) => {
            set(event.currentTarget.value);
            draft.forget();
          }}
        />
      </div>
      <label class="row check">
        <input
          type="checkbox"
          checked={words === "1"}
          onChange={(event) => changeQuery({ words: event.currentTarget.checked ? "1" : undefined })}
        />
        {t(E.words)}
      </label>
    </details>
  );
}

function Export({ picture, step }: { readonly picture: Picture; readonly step: number }): JSX.Element {
  const { t } = useApp();
  const [state, setState] = useState("");
  const save = async (kind: ExportKind): Promise<void> => {
    setState(t(W.working));
    try {
      download(await exportFigure(picture, kind, step, (share) => setState(`${Math.round(100 * share)} %`)));
      setState("");
    } catch (error) {
      setState(error instanceof NoEncoderError ? t(W.videoMissing) : String(error));
    }
  };
  return (
    <div class="export" role="group" aria-label={t(W.save)}>
      <span>{t(W.save)}</span>
      {EXPORTS.map((kind) => (
        <button key={kind} type="button" class="small" data-export={kind} onClick={() => void save(kind)}>
          {kind === "animated" ? t(W.animatedSvg) : kind === "tex" ? "TikZ" : kind.toUpperCase()}
        </button>
      ))}
      <span role="status">{state}</span>
    </div>
  );
}

function PasteBox({ apply }: { readonly apply: (spec: Spec) => void }): JSX.Element {
  const { t } = useApp();
  const [problem, setProblem] = useState<string>();
  const [note, setNote] = useState<Words>();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const text = new FormData(event.currentTarget as HTMLFormElement).get("layer");
    try {
      const pasted = fromTorch(String(text ?? ""));
      open(pasted.spec);
      apply(pasted.spec);
      setProblem(undefined);
      setNote(pasted.note);
    } catch (error) {
      setNote(undefined);
      setProblem(error instanceof PasteError ? t(error.words) : error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <form class="paste" onSubmit={submit}>
      <label>
        {t(W.paste)}
        <textarea
          name="layer"
          rows={2}
          spellcheck={false}
          placeholder="nn.Conv2d(3, 2, kernel_size=3, stride=2, padding=1)"
        />
      </label>
      <p class="hint">{t(W.pasteHelp)}</p>
      <button type="submit">{t(W.set)}</button>
      {note !== undefined && (
        <p class="hint" role="status">
          {t(note)}
        </p>
      )}
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}
