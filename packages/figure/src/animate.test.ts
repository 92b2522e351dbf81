import { describe, expect, it } from "vitest";
import { toAnimatedSvg } from "./animate.ts";
import { framesOf, open } from "./index.ts";
import { type Scene, rect } from "./scene.ts";
import { nodeToSvg } from "./svg.ts";

const scene = (layers: Scene["layers"]): Scene => ({
  width: 10,
  height: 10,
  background: "#ffffff",
  title: "t",
  description: "d",
  lang: "en",
  layers,
});

/** What is seen at time `t` (0 to 1): groups without a class, and those whose keyframes say visible. */
function visibleAt(svg: string, t: number): string[] {
  const states = new Map<string, boolean>();
  for (const [, name, body] of svg.matchAll(/@keyframes (\w+)\{((?:[\d.]+%\{[^}]*\})+)\}/g)) {
    let state = true;
    for (const [, at, value] of body.matchAll(/([\d.]+)%\{visibility:(\w+)\}/g)) {
      if (Number(at) / 100 <= t) state = value === "visible";
    }
    states.set(name, state);
  }
  return svg
    .split("\n")
    .filter((line) => line.startsWith("<g class=") || /^<(path|circle|text)|^<rect x/.test(line))
    .flatMap((line) => {
      const m = /^<g class="a (\w+)">(.*)<\/g>$/.exec(line);
      if (!m) return [line];
      return states.get(m[1]) ? [m[2]] : [];
    });
}

describe("animated SVG", () => {
  it("writes what stays once, and shows the rest in its time", () => {
    const still = { key: "still", nodes: [rect(0, 0, 1, 1, { fill: "#000000" })] };
    const moving = (x: number): Scene =>
      scene([still, { key: "moving", nodes: [rect(x, 0, 1, 1, { fill: "#ff0000" })] }]);
    const svg = toAnimatedSvg([
      { scene: moving(1), ms: 100 },
      { scene: moving(2), ms: 300 },
    ]);
    expect(svg.match(/fill="#000000"/g)?.length).toBe(1);
    expect(svg).toContain("400ms step-end infinite");
    expect(svg).toContain("@keyframes a0{0%{visibility:visible}25%{visibility:hidden}100%{visibility:hidden}}");
    expect(svg).toContain("@keyframes a1{0%{visibility:hidden}25%{visibility:visible}100%{visibility:visible}}");
    expect(svg).toContain("prefers-reduced-motion");
  });

  it.each(["conv2d", "channels", "note", "transposed", "pool", "discrete", "receptive"])(
    "%s: at every time it shows what the still of that step shows, in the same order",
    (figure) => {
      const picture = open({ figure, ...(figure === "conv2d" && { flip: true }) });
      const frames = framesOf(picture);
      const svg = toAnimatedSvg(frames);
      const total = frames.reduce((sum, f) => sum + f.ms, 0);
      let time = 0;
      for (const f of frames) {
        const middle = (time + f.ms / 2) / total;
        time += f.ms;
        const wanted = f.scene.layers
          .map((l) => l.nodes.map((n) => nodeToSvg(n, false)).join(""))
          .filter((s) => s !== "");
        expect(visibleAt(svg, middle).join("\n")).toBe(wanted.join("\n"));
      }
    },
  );
});
