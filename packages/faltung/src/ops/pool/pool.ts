/** The functions of this family, as a list. */
export { adaptiveMaxPool1d, adaptiveMaxPool2d } from "./adaptiveMax.ts";
export {
  type AvgPoolOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
} from "./avgPool.op.ts";
export { type MaxPoolOptions, maxPool1d, maxPool2d, maxPool3d, maxPoolIndex, maxUnpool } from "./maxPool.op.ts";
export { type PerAxis, type PoolWindow, normaliseWindow } from "./window.ts";
