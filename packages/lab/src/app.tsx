/** The frame: header, language, colours, and the page that the address names. Large pages are loaded when asked for. */
import { type Lang, PALETTES, type Words } from "@faltung/figure";
import type { ComponentType, JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { changeQuery, linkTo, useAddress } from "./address.ts";
import { type App, AppContext, useApp } from "./app-context.ts";
import { Icon } from "./ui/icon.tsx";
import { Learn } from "./learn/learn.tsx";
import { W } from "./words.ts";

const PAGES = [
  { path: "learn", words: W.learn },
  { path: "filters", words: W.filters },
  { path: "train", words: W.train },
  { path: "inside", words: W.inside },
] as const;

type Page = (typeof PAGES)[number]["path"];

const LOADERS: Readonly<Record<Exclude<Page, "learn">, () => Promise<ComponentType>>> = {
  filters: async () => (await import("./filters/filters.tsx")).Filters,
  train: async () => (await import("./train/train.tsx")).Train,
  inside: async () => (await import("./inside/inside.tsx")).Inside,
};

function remembered(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined; // storage is refused
  }
}

function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // The address still has it.
  }
}

function chooseLanguage(asked: string | undefined): Lang {
  const wish = asked ?? remembered("lang") ?? navigator.language;
  return wish.startsWith("ko") ? "ko" : "en";
}

function usePrefersDark(): boolean {
  const query = useMemo(() => matchMedia("(prefers-color-scheme: dark)"), []);
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const change = (): void => setDark(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, [query]);
  return dark;
}

/** The figures' own colours, for the page around them. */
function paint(theme: App["theme"]): void {
  const p = PALETTES[theme];
  const { style } = document.documentElement;
  for (const key of ["background", "surface", "ink", "muted", "faint", "input", "filter", "output", "extra"] as const) {
    style.setProperty(`--${key}`, p[key]);
  }
  for (const key of ["negative", "positive"] as const) style.setProperty(`--${key}`, p[key]);
  style.colorScheme = theme;
}

export function LabApp(): JSX.Element {
  const address = useAddress();
  const lang = chooseLanguage(address.query["lang"]);
  const prefersDark = usePrefersDark();
  const wish = address.query["theme"] ?? remembered("theme");
  const theme = wish === "dark" || (wish !== "light" && prefersDark) ? "dark" : "light";
  const app: App = useMemo(() => ({ lang, theme, address, t: (words: Words) => words[lang] }), [lang, theme, address]);
  useMemo(() => paint(theme), [theme]);
  useEffect(() => {
    document.documentElement.lang = lang;
  }, [lang]);
  return (
    <AppContext.Provider value={app}>
      <a class="skip" href="#main" onClick={skip}>
        {app.t(W.skip)}
      </a>
      <Header />
      <Main />
    </AppContext.Provider>
  );
}

/** The address belongs to the state, so the jump is made by hand. */
function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#main")?.focus();
}

function currentPage(path: readonly string[]): Page | undefined {
  return path.length === 0 ? "learn" : PAGES.find((p) => p.path === path[0])?.path;
}

function Header(): JSX.Element {
  const { address, lang, theme, t } = useApp();
  const page = currentPage(address.path);
  const setTheme = (): void => {
    const next = theme === "dark" ? "light" : "dark";
    remember("theme", next);
    changeQuery({ theme: next });
  };
  const setLanguage = (next: string): void => {
    remember("lang", next);
    changeQuery({ lang: next });
  };
  return (
    <header class="top">
      <a class="brand" href={linkTo(address, "learn")}>
        <img src="./icon.svg" alt="" width="26" height="26" />
        <span>{t(W.title)}</span>
      </a>
      <nav aria-label={t(W.pages)}>
        {PAGES.map(({ path, words }) => (
          <a key={path} href={linkTo(address, path)} aria-current={page === path ? "page" : undefined}>
            {t(words)}
          </a>
        ))}
      </nav>
      <div class="settings">
        <label>
          <span class="hidden">{t(W.language)}</span>
          <select value={lang} onChange={(event) => setLanguage(event.currentTarget.value)}>
            <option value="en">English</option>
            <option value="ko">한국어</option>
          </select>
        </label>
        <button type="button" class="icon" onClick={setTheme} title={t(theme === "dark" ? W.light : W.dark)}>
          <Icon name={theme === "dark" ? "sun" : "moon"} />
          <span class="hidden">{t(theme === "dark" ? W.light : W.dark)}</span>
        </button>
      </div>
    </header>
  );
}

function Main(): JSX.Element {
  const { address, t } = useApp();
  const page = currentPage(address.path);
  const [loaded, setLoaded] = useState<{ readonly page: Page; readonly View: ComponentType }>();
  const [problem, setProblem] = useState(false);
  useEffect(() => {
    setProblem(false);
    if (page === undefined || page === "learn") return;
    let stale = false;
    LOADERS[page]().then(
      (View) => stale || setLoaded({ page, View }),
      () => stale || setProblem(true),
    );
    return () => {
      stale = true;
    };
  }, [page]);
  const content =
    page === "learn" ? (
      <Learn />
    ) : page === undefined ? (
      <p class="notice">{t(W.notFound)}</p>
    ) : loaded?.page === page ? (
      <loaded.View />
    ) : (
      <p class="notice" role="status">
        {t(problem ? W.notLoaded : W.working)}
      </p>
    );
  return (
    <main id="main" tabIndex={-1}>
      {content}
    </main>
  );
}
