/** gifenc 1.0.3 brings no types; a bundler sees its ES module. */
declare module "gifenc" {
  import type { GifCodec } from "@faltung/figure";
  export const GIFEncoder: GifCodec["GIFEncoder"];
  export const quantize: GifCodec["quantize"];
  export const applyPalette: GifCodec["applyPalette"];
}
