/** What every component may ask for: the language, the colours, the address. */
import type { Lang, Theme, Words } from "@faltung/figure";
import { type Context, createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Address } from "./address.ts";

export interface App {
  readonly lang: Lang;
  readonly theme: Exclude<Theme, "print">;
  readonly address: Address;
  /** Picks the language. */
  t(words: Words): string;
}

export const AppContext: Context<App> = createContext<App>({
  lang: "en",
  theme: "light",
  address: { path: [], query: {} },
  t: (words) => words.en,
});

export const useApp = (): App => useContext(AppContext);
