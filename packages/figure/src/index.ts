/** Figures of convolution: (spec, step) → scene → SVG, with no browser. PNG, GIF and video are in ./node. */
export { type Frame, toAnimatedSvg } from "./animate.ts";
export type { Common, EditableNumbers, Figure, Picture } from "./figure.ts";
export { type ArchitectureRow, drawArchitecture, parseNetwork } from "./figures/architecture.ts";
export { type GifCodec, type GifEncoder, type Pixels, toGif } from "./gif.ts";
export { LESSONS } from "./lessons.ts";
export { KERNELS } from "./numbers.ts";
export { PALETTES, type Palette, type Theme } from "./palette.ts";
export {
  FIGURES,
  type Spec,
  type SpecValue,
  framesOf,
  fromArguments,
  fromQuery,
  open,
  openIn,
  toQuery,
  valuesThatFit,
} from "./registry.ts";
export type { Scene, SceneNode } from "./scene.ts";
export type { Field, Lang, Parts, Words } from "./spec.ts";
export { type SvgOptions, toSvg } from "./svg.ts";
export { toTikz } from "./tikz.ts";
