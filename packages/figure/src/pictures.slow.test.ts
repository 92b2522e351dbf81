/** What holds of every picture: one size at all steps, texts inside and apart, readable colours, both languages. */
import { describe, expect, it } from "vitest";
import { GALLERY } from "./gallery.ts";
import { FIGURES, PALETTES, type Scene, type SceneNode, fromQuery, open, toSvg, toTikz } from "./index.ts";
import { contrast, diverging, inkOn, tint } from "./palette.ts";
import type { Text } from "./scene.ts";
import { textWidth } from "./type.ts";

const every = (scene: Scene): SceneNode[] => {
  const flat = (node: SceneNode): SceneNode[] => (node.kind === "group" ? node.children.flatMap(flat) : [node]);
  return scene.layers.flatMap((l) => l.nodes.flatMap(flat));
};

interface Box {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function box(t: Text): Box {
  const w = textWidth(t.runs, t.size, t.bold ?? false);
  const left = t.anchor === "start" ? t.x : t.anchor === "end" ? t.x - w : t.x - w / 2;
  return { text: t.runs.map((r) => r.text).join(""), left, right: left + w, top: t.y - 0.72 * t.size, bottom: t.y };
}

/** Not in the gallery, but as far as the options go. */
const STRESS: Readonly<Record<string, string>> = {
  decimals:
    "figure=conv2d&values=0.5,-1.25,3.14159,-12.5/1,2,3,4/-0.001,100,22.22,7/1,1,1,1&weights=0.25,-0.75/1.5,-2.125",
  "large kernel": "figure=conv2d&kernel=7&input=9&padding=2",
  "large kernel, phone": "figure=conv2d&kernel=5&input=7&padding=1&width=360&lang=ko",
  "symbols, phone": "figure=conv2d&cells=symbols&padding=1&width=360",
  "large input": "figure=conv2d&input=32&kernel=11&stride=3&cells=none",
  "values in print": "figure=conv2d&named=laplacian&shade=value&theme=print",
  "values in the dark": "figure=conv2d&named=emboss&shade=value&theme=dark&flip=1",
  "one cell": "figure=conv2d&input=1&kernel=1",
  "many channels": "figure=channels&channels=6&filters=6&input=8",
  "many channels, phone": "figure=channels&channels=6&filters=4&groups=2&width=360&lang=ko",
  "large note": "figure=note&input=8x6&kernel=5x2",
  "large note, phone": "figure=note&input=5x6&kernel=4&width=360&lang=ko",
  "large pool": "figure=pool&op=average&input=16&kernel=7&stride=3&padding=3&ceil=1",
  "large pool, phone": "figure=pool&input=12&kernel=5&dilation=2&lang=ko&width=360",
  "long rows": "figure=discrete&a=1,2,3,4,5,6,7,8,9,10,11,12&b=-1,0.5,2,3,-4,5,6,7",
  "long rows, phone": "figure=discrete&a=1,2,3,4,5,6,7,8&b=-1,0.5,2,3,-4&kind=correlation&width=360&lang=ko",
  "deep stack": "figure=receptive&input=64&layers=3p1,3s2p1,3p1,3s2p1,3p1,3s2p1,3p1,1&lang=ko",
  "wide adjoint": "figure=transposed&input=4x6&kernel=4&stride=3&padding=0&lang=ko",
  "long network":
    "figure=architecture&net=3x224x224/conv 64 7 s2 p3/norm/relu/maxpool 3 s2 p1/conv 64 3 p1/norm/relu/conv 128 3 s2 p1/norm/relu/dwconv 3 p1/conv 256 1/relu/conv 512 3 s2 p1/relu/gap/dropout/linear 1000/softmax",
};

describe.each(Object.entries({ ...GALLERY, ...STRESS }))("%s", (_, query) => {
  const picture = open(fromQuery(query));
  // Not every frame of the long films: the first, the still, the last, and some between.
  const steps = [...new Set([0, 1, picture.still, Math.floor(picture.steps / 3), picture.steps - 1])].filter(
    (s) => s >= 0 && s < picture.steps,
  );
  const scenes = steps.map((s) => picture.scene(s));

  it("has one size, and layers with keys of their own", () => {
    for (const scene of scenes) {
      expect([scene.width, scene.height]).toEqual([scenes[0].width, scenes[0].height]);
      const keys = scene.layers.map((l) => l.key);
      expect(new Set(keys).size, keys.filter((k, i) => keys.indexOf(k) !== i).join()).toBe(keys.length);
    }
  });

  it("keeps its texts inside the picture and off each other", () => {
    for (const scene of scenes) {
      const boxes = every(scene).flatMap((n) =>
        n.kind === "text" && n.runs.some((r) => r.text.trim()) ? [box(n)] : [],
      );
      const outside = boxes.filter((b) => b.left < 4 || b.right > scene.width - 4 || b.bottom > scene.height - 4);
      expect(outside).toEqual([]);
      const collisions = boxes.flatMap((a, i) =>
        boxes.slice(i + 1).flatMap((b) => {
          const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          // A window's cell is drawn over the input's own: the same text in the same place.
          const sameCell = a.text === b.text && Math.abs(a.left + a.right - b.left - b.right) < 3;
          return sameCell || wide < 1.5 || high < 1.5 ? [] : [`“${a.text}” lies on “${b.text}”`];
        }),
      );
      expect(collisions).toEqual([]);
    }
  });

  it("writes in cells what can be read there", () => {
    const faint: string[] = [];
    const visit = (node: SceneNode): void => {
      if (node.kind !== "group") return;
      const [cell, ...rest] = node.children;
      if (cell?.kind === "rect" && cell.fill !== undefined) {
        for (const n of rest) {
          const inside = n.kind === "text" && n.y > cell.y && n.y <= cell.y + cell.h;
          if (inside && contrast(n.fill, cell.fill) < 4.5) faint.push(`${n.runs[0].text}: ${n.fill} on ${cell.fill}`);
        }
      }
      node.children.forEach(visit);
    };
    for (const scene of scenes) for (const layer of scene.layers) layer.nodes.forEach(visit);
    expect(faint).toEqual([]);
  });

  it("speaks each step, and draws it without a hole", () => {
    for (const [i, s] of steps.entries()) {
      expect(picture.sentence(s)).not.toMatch(/NaN|undefined|Infinity/);
      expect(toSvg(scenes[i], { interactive: true })).not.toMatch(/NaN|undefined|Infinity/);
      const tex = toTikz(scenes[i]);
      expect(tex).not.toMatch(/NaN|undefined/);
      // What pdflatex takes: its own signs, and Korean with kotex.
      const beyond = [...tex.replaceAll(/^%.*$/gm, "")].filter(
        (c) => c > "~" && !/[\u1100-\u11ff\u3000-\ud7ff]/.test(c),
      );
      expect(beyond).toEqual([]);
      expect([...tex].filter((c) => c === "{").length).toBe([...tex].filter((c) => c === "}").length);
    }
  });

  it("speaks its language", () => {
    const words = [picture.title, picture.caption].join(" ");
    expect(/[가-힣]/.test(words)).toBe(picture.lang === "ko");
  });
});

describe.each(FIGURES.map((f) => [f.name, f] as const))("%s", (name, figure) => {
  it("opens in every theme, language and arrangement, the same bytes each time", () => {
    for (const theme of ["light", "dark", "print"]) {
      for (const lang of ["en", "ko"]) {
        for (const layout of ["wide", "tall"]) {
          const draw = (): string => {
            const picture = open({ figure: name, theme, lang, layout });
            return toSvg(picture.scene(picture.still));
          };
          const svg = draw();
          expect(draw()).toBe(svg);
          expect(svg).toContain(PALETTES[theme as "light"].background);
        }
      }
    }
  });
  it("says in both languages what its options are", () => {
    for (const field of Object.values(figure.fields)) {
      expect(field.about.en.length * field.about.ko.length).toBeGreaterThan(0);
      expect(field.parse(field.show(field.fallback), "x")).toEqual(field.fallback);
    }
  });
});

describe.each(Object.values(PALETTES))("palette $theme", (p) => {
  it("can be read: WCAG AA for all text colours on the background", () => {
    for (const hue of [p.ink, p.muted, p.input, p.filter, p.output, p.extra, ...p.channels]) {
      expect(contrast(hue, p.background), hue).toBeGreaterThanOrEqual(4.5);
    }
  });
  it("can be read on every cell", () => {
    for (const hue of [p.input, p.filter, p.output, p.extra, ...p.channels]) {
      for (const amount of [0.16, 0.2, 0.3, 0.42]) {
        expect(contrast(p.ink, tint(p, hue, amount)), `${hue} ${amount}`).toBeGreaterThanOrEqual(4.5);
      }
    }
    for (let v = -10; v <= 10; v++) {
      const fill = diverging(p, v, 10);
      expect(contrast(inkOn(fill), fill), `value ${v}`).toBeGreaterThanOrEqual(4.5);
    }
  });
});
