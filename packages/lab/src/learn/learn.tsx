/** The pages of "Learn": a list of ideas, and the one that the address names. */
import type { ComponentType, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { changeQuery, linkTo } from "../address.ts";
import { useApp } from "../app-context.ts";
import { FigureView } from "../figure/figure-view.tsx";
import { Rich } from "../ui/rich.tsx";
import { W } from "../words.ts";
import { Exercise } from "./exercise.tsx";
import type { Block, Idea } from "./idea.ts";
import { IDEAS } from "./ideas.ts";
import { MATH } from "./math.ts";

export function Learn(): JSX.Element {
  const { address, t } = useApp();
  const slug = address.path[1] ?? IDEAS[0].slug;
  const index = IDEAS.findIndex((idea) => idea.slug === slug);
  // On a phone the list is a strip that scrolls sideways.
  const list = useRef<HTMLElement>(null);
  useEffect(() => {
    const strip = list.current?.querySelector("ol");
    const here = strip?.querySelector<HTMLElement>("[aria-current]");
    if (strip && here) strip.scrollLeft = here.offsetLeft - strip.offsetLeft - 24;
  }, [slug]);
  return (
    <div class="learn">
      <nav class="ideas" aria-label={t(W.ideas)} ref={list}>
        <ol>
          {IDEAS.map((idea) => (
            <li key={idea.slug}>
              <a href={linkTo(address, `learn/${idea.slug}`)} aria-current={idea.slug === slug ? "page" : undefined}>
                {t(idea.title)}
              </a>
            </li>
          ))}
        </ol>
      </nav>
      {index < 0 ? <p class="notice">{t(W.notFound)}</p> : <Page key={slug} index={index} idea={IDEAS[index]} />}
    </div>
  );
}

function Page({ idea, index }: { readonly idea: Idea; readonly index: number }): JSX.Element {
  const { address, t } = useApp();
  useEffect(() => {
    document.title = `${t(idea.title)} · ${t(W.title)}`;
  });
  useEffect(() => scrollTo(0, 0), []);
  const before = IDEAS[index - 1];
  const after = IDEAS[index + 1];
  return (
    <article>
      <h1>{t(idea.title)}</h1>
      {idea.blocks.map((block, i) => (
        <BlockView key={i} block={block} />
      ))}
      <nav class="pager" aria-label={`${t(W.previous)}, ${t(W.next)}`}>
        {before ? <a href={linkTo(address, `learn/${before.slug}`)}>← {t(before.title)}</a> : <span />}
        {after ? <a href={linkTo(address, `learn/${after.slug}`)}>{t(after.title)} →</a> : <span />}
      </nav>
    </article>
  );
}

function BlockView({ block }: { readonly block: Block }): JSX.Element {
  const { t } = useApp();
  switch (block.kind) {
    case "text":
      return (
        <p class="prose">
          <Rich text={t(block.text)} />
        </p>
      );
    case "heading":
      return <h2>{t(block.text)}</h2>;
    case "formula":
      return <div class="formula" tabIndex={0} dangerouslySetInnerHTML={{ __html: MATH[block.name] }} />;
    case "figure":
      return (
        <>
          {block.tries && (
            <div class="buttons" role="group" aria-label={t(W.tryThis)}>
              <span>{t(W.tryThis)}:</span>
              {block.tries.map(({ words, query }) => (
                <button key={words.en} type="button" class="small" onClick={() => set(query)}>
                  {t(words)}
                </button>
              ))}
            </div>
          )}
          <FigureView base={block.base} options={block.options} paste={block.paste} />
        </>
      );
    case "exercise":
      return <Exercise kind={block.exercise} />;
    case "experiment":
      return <Experiment />;
  }
}

/** Sets the figure to exactly these options. */
function set(query: Readonly<Record<string, string>>): void {
  const now = new URLSearchParams(location.hash.split("?")[1] ?? "");
  const gone = [...now.keys()]
    .filter((k) => k !== "lang" && k !== "theme")
    .map((k): [string, undefined] => [k, undefined]);
  changeQuery({ ...Object.fromEntries(gone), ...query });
}

/** The experiment computes, so it is loaded only where it is asked for. */
function Experiment(): JSX.Element {
  const { t } = useApp();
  const [View, setView] = useState<ComponentType>();
  useEffect(() => {
    void import("./experiment.tsx").then((m) => setView(() => m.ExperimentView));
  }, []);
  return View ? <View /> : <p>{t(W.working)}</p>;
}
