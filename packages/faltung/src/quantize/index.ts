/** Quantised networks: `import { quantize } from "faltung/quantize"`. */
export { type QuantizeOptions, quantize } from "./quantize.ts";
export { QuantizedModule } from "./module.ts";
export type { RangeMethod } from "./range.ts";
