/** What a page of "Learn" is: plain data, so that texts and figures can be read, and tested, apart from the page. */
import type { Spec, Words } from "@faltung/figure";
import type { Query } from "../address.ts";
import type { FormulaName } from "./formulas.ts";

export type ExerciseKind =
  | "size"
  | "size-dilated"
  | "cells"
  | "cells-flip"
  | "pool"
  | "receptive"
  | "transposed-size"
  | "parameters"
  | "discrete";

export type Block =
  | { readonly kind: "text"; readonly text: Words }
  | { readonly kind: "heading"; readonly text: Words }
  | { readonly kind: "formula"; readonly name: FormulaName }
  | {
      readonly kind: "figure";
      readonly base: Spec;
      readonly options: readonly string[];
      readonly paste?: boolean;
      /** Buttons that set the figure. */
      readonly tries?: readonly { readonly words: Words; readonly query: Query }[];
    }
  | { readonly kind: "exercise"; readonly exercise: ExerciseKind }
  | { readonly kind: "experiment" };

export interface Idea {
  readonly slug: string;
  readonly title: Words;
  readonly blocks: readonly Block[];
}

export const text = (en: string, ko: string): Block => ({ kind: "text", text: { en, ko } });
export const heading = (en: string, ko: string): Block => ({ kind: "heading", text: { en, ko } });
export const formula = (name: FormulaName): Block => ({ kind: "formula", name });
export const exercise = (kind: ExerciseKind): Block => ({ kind: "exercise", exercise: kind });
