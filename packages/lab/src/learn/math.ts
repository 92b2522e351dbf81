/**
 * The formulas as the page shows them. The build puts MathML in this module's place (see `math` in vite.config.ts), so
 * that no page has to carry a typesetter; read without the build, they are the TeX.
 */
import { FORMULAS, type FormulaName } from "./formulas.ts";

export const MATH: Readonly<Record<FormulaName, string>> = FORMULAS;
