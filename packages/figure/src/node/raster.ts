/** Scenes as pixels, by resvg. Layers that stay the same from frame to frame are drawn once. */
import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";
import type { Pixels } from "../gif.ts";
import type { Layer, Scene } from "../scene.ts";
import { nodeToSvg, svgHead } from "../svg.ts";

const require = createRequire(import.meta.url);
const FAMILY = "Noto Sans CJK KR";
/**
 * The fonts of `fonts/`, which cover all that figures say. Those of the system are left alone: with them one spec would
 * give other pixels on each machine, and no words at all where none is installed.
 */
const FONTS: readonly string[] = [
  "NotoSansCJKkr-Regular.otf",
  "NotoSansCJKkr-Bold.otf",
  "NotoSerif-Italic.ttf",
  "NotoSerif-BoldItalic.ttf",
  "NotoSansMath-Regular.ttf",
].map((name) => require.resolve(`@faltung/figure/fonts/${name}`));

function renderer(svg: string): Resvg {
  // Fonts are read anew for every picture, so a layer without a word gets none.
  const fontFiles = svg.includes("<text") ? [...FONTS] : [];
  return new Resvg(svg, {
    font: { loadSystemFonts: false, fontFiles, defaultFontFamily: FAMILY, sansSerifFamily: FAMILY },
  });
}

/** A still as PNG. */
export function svgToPng(svg: string): Uint8Array {
  return renderer(svg).render().asPng();
}

/** Layers in a row that either all stay through every frame, or do not. */
interface Segment {
  readonly still: boolean;
  readonly keys: readonly string[];
}

const content = (layer: Layer | undefined): string =>
  layer === undefined ? "" : layer.nodes.map((node) => nodeToSvg(node, false)).join("");

function segmentsOf(scenes: readonly Scene[]): Segment[] {
  const first = scenes[0].layers;
  const byKey = scenes.map((s) => new Map(s.layers.map((l) => [l.key, l])));
  const keys = first.map((l) => l.key);
  for (const s of scenes) {
    s.layers.forEach((l, i) => {
      if (!keys.includes(l.key)) keys.splice(i === 0 ? 0 : keys.indexOf(s.layers[i - 1].key) + 1, 0, l.key);
    });
  }
  const segments: { still: boolean; keys: string[] }[] = [];
  for (const key of keys) {
    const looks = new Set(byKey.map((m) => content(m.get(key))));
    const still = looks.size === 1;
    const last = segments[segments.length - 1];
    if (last?.still === still) last.keys.push(key);
    else segments.push({ still, keys: [key] });
  }
  return segments;
}

/** Lays premultiplied `over` on `under`, in place. */
function blend(under: Uint8Array, over: Uint8Array): void {
  for (let i = 0; i < under.length; i += 4) {
    const a = over[i + 3];
    if (a === 0) continue;
    const keep = 255 - a;
    for (let c = 0; c < 4; c++) under[i + c] = Math.min(255, over[i + c] + Math.round((under[i + c] * keep) / 255));
  }
}

/** Every scene as pixels, `width` wide; all scenes must have one size. Yields in order, one at a time. */
export function* rasterise(scenes: readonly Scene[], width: number): Generator<Pixels> {
  const segments = segmentsOf(scenes);
  const cache = new Map<Segment, Uint8Array>();
  const draw = (
    scene: Scene,
    segment: Segment,
    background: boolean,
  ): { data: Uint8Array; width: number; height: number } => {
    const layers = segment.keys.map((key) => scene.layers.find((l) => l.key === key));
    let head = svgHead(scene, { width });
    if (!background) head = head.replace(/<rect width="100%" height="100%"[^>]*>\n/, "");
    const image = renderer(`${head}${layers.map(content).join("\n")}\n</svg>`).render();
    return { data: image.pixels, width: image.width, height: image.height };
  };
  for (const scene of scenes) {
    let canvas: Uint8Array | undefined;
    let size = { width: 0, height: 0 };
    for (const [i, segment] of segments.entries()) {
      let data = segment.still ? cache.get(segment) : undefined;
      if (!data) {
        const image = draw(scene, segment, i === 0);
        data = image.data;
        size = { width: image.width, height: image.height };
        if (segment.still) cache.set(segment, data);
      }
      if (canvas) blend(canvas, data);
      else canvas = Uint8Array.from(data);
    }
    if (!canvas) return;
    if (size.width === 0) size = { width, height: canvas.length / 4 / width };
    yield { ...size, data: canvas };
  }
}
