/**
 * Frames as one animated SVG: CSS only, self-contained, plays inside <img>. Layers that stay the same are written once,
 * and a reader who asked for less motion gets the still of the last frame.
 */
import type { Scene } from "./scene.ts";
import { type SvgOptions, n2, nodeToSvg, svgHead } from "./svg.ts";

/** One scene and how long it stands. */
export interface Frame {
  readonly scene: Scene;
  readonly ms: number;
}

/** Neighbouring frames in which a layer looks the same: from `start` until before `end`. */
interface Stretch {
  readonly content: string;
  readonly start: number;
  readonly end: number;
}

function stretches(contents: readonly string[]): Stretch[] {
  const list: Stretch[] = [];
  contents.forEach((content, i) => {
    const last = list.at(-1);
    if (last?.content === content) list[list.length - 1] = { ...last, end: i + 1 };
    else list.push({ content, start: i, end: i + 1 });
  });
  return list.filter((s) => s.content !== "");
}

/**
 * Animated SVG, looping for ever.
 *
 * @param frames at least one, all of the same size
 */
export function toAnimatedSvg(frames: readonly Frame[], options: Omit<SvgOptions, "interactive"> = {}): string {
  const times = [0];
  for (const f of frames) times.push(times[times.length - 1] + f.ms);
  const total = times[frames.length];

  const rules = new Map<string, string>(); // interval → class
  let css = "";
  const body: string[] = [];
  for (const key of paintingOrder(frames)) {
    const contents = frames.map((f) => {
      const layer = f.scene.layers.find((l) => l.key === key);
      return layer ? layer.nodes.map((node) => nodeToSvg(node, false)).join("") : "";
    });
    for (const s of stretches(contents)) {
      if (s.start === 0 && s.end === frames.length) {
        body.push(s.content);
        continue;
      }
      const interval = `${s.start}-${s.end}`;
      let name = rules.get(interval);
      if (name === undefined) {
        name = `a${rules.size}`;
        rules.set(interval, name);
        const from = n2((100 * times[s.start]) / total);
        const to = n2((100 * times[s.end]) / total);
        const until = s.end === frames.length ? "" : `${to}%{visibility:hidden}`;
        const before = s.start === 0 ? "" : "0%{visibility:hidden}";
        css += `@keyframes ${name}{${before}${from}%{visibility:visible}${until}`;
        css += `${s.end === frames.length ? "100%{visibility:visible}" : "100%{visibility:hidden}"}}`;
        css += `.${name}{animation-name:${name}${s.end === frames.length ? "" : ";visibility:hidden"}}`;
      }
      body.push(`<g class="a ${name}">${s.content}</g>`);
    }
  }
  const style =
    `.a{animation:${n2(total)}ms step-end infinite}${css}` +
    `@media (prefers-reduced-motion:reduce){.a{animation:none!important}}`;
  return `${svgHead(frames[0].scene, options, style)}${body.join("\n")}\n</svg>\n`;
}

/** Layer keys such that every frame paints its own layers in its own order. */
function paintingOrder(frames: readonly Frame[]): string[] {
  const order: string[] = [];
  for (const f of frames) {
    let at = 0;
    for (const { key } of f.scene.layers) {
      const known = order.indexOf(key);
      if (known >= 0) at = Math.max(at, known + 1);
      else order.splice(at++, 0, key);
    }
  }
  return order;
}
