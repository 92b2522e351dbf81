/** The functions of this family, as a list. */
export { concat, stack } from "./concat.op.ts";
export { flip } from "./flip.op.ts";
export { type InterpolateMode, type InterpolateOptions, interpolate } from "./interpolate.op.ts";
export { type OneHotOptions, oneHot } from "./oneHot.ts";
export { type PadOptions, pad } from "./pad.op.ts";
export { permute, pixelShuffle, transpose } from "./permute.op.ts";
export { flatten, reshape, squeeze, unsqueeze } from "./reshape.op.ts";
export { type Range, slice, split } from "./slice.op.ts";
