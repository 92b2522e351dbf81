/** What one cell behind a stack of layers sees of the input: along one dimension, a row of cells for each layer. */
import { type FieldLayer, outputSize, receptiveField } from "faltung/conv";
import { OptionError } from "faltung/errors";
import { type Body, type Context, type Figure, defineFigure } from "../figure.ts";
import type { Block } from "../layout.ts";
import { mix, tint } from "../palette.ts";
import { type Layer, type SceneNode, polygon, rect, text } from "../scene.ts";
import { int, words } from "../spec.ts";
import { textWidth } from "../type.ts";

interface ReceptiveSpec {
  readonly input: number;
  readonly layers: string;
}

type Full = Required<FieldLayer>;

/** "3,3s2,3d2p2": kernel, then s(tride), d(ilation), p(adding). @throws OptionError */
export function parseLayers(source: string): readonly Full[] {
  const layers = source.split(",").map((part): Full => {
    const m = /^\s*k?(\d+)((?:[sdp]\d+)*)\s*$/.exec(part);
    if (!m)
      throw new OptionError(`"${part}" is not a layer; write the kernel, then s, d or p with a number, as in 3s2p1`);
    const option = (letter: string, usual: number): number =>
      Number(new RegExp(`${letter}(\\d+)`).exec(m[2])?.[1] ?? usual);
    const layer = { kernel: Number(m[1]), stride: option("s", 1), dilation: option("d", 1), padding: option("p", 0) };
    if (
      layer.kernel < 1 ||
      layer.stride < 1 ||
      layer.dilation < 1 ||
      layer.kernel > 15 ||
      layer.stride > 8 ||
      layer.dilation > 8 ||
      layer.padding > 15
    ) {
      throw new OptionError(`"${part}" is out of range: kernel 1 to 15, stride and dilation 1 to 8, padding 0 to 15`);
    }
    return layer;
  });
  if (layers.length > 8) throw new OptionError("at most 8 layers can be drawn");
  return layers;
}

function build(spec: ReceptiveSpec, ctx: Context): Body {
  const { p, t } = ctx;
  const layers = parseLayers(spec.layers);
  const sizes = [spec.input];
  for (const [i, l] of layers.entries()) {
    sizes.push(outputSize(sizes[i], l.kernel, l.stride, [l.padding, l.padding], l.dilation, `layer ${i + 1}`));
  }
  const depth = layers.length;
  const fields = sizes.map((_, l) => receptiveField(layers.slice(0, l)));
  const steps = sizes[depth];
  // Cells that layer l's row shows beyond its own: the padding that the next layer reads.
  const margin = Math.max(...layers.map((l, i) => l.padding * fields[i].jump));
  const names = sizes.map((size, l) => {
    const layer = layers[l - 1];
    if (!layer) return t({ en: `input, ${size} cells`, ko: `입력, ${size}칸` });
    const list = [`${t({ en: "kernel", ko: "커널" })} ${layer.kernel}`];
    if (layer.stride > 1) list.push(`${t({ en: "stride", ko: "스트라이드" })} ${layer.stride}`);
    if (layer.dilation > 1) list.push(`${t({ en: "dilation", ko: "팽창" })} ${layer.dilation}`);
    if (layer.padding > 0) list.push(`${t({ en: "padding", ko: "패딩" })} ${layer.padding}`);
    return list.join(", ");
  });
  const sights = fields.map(({ size, jump }, l) =>
    l === 0 ? "" : t({ en: `sees ${size}, jump ${jump}`, ko: `수용 영역 ${size}, 간격 ${jump}` }),
  );
  const room = (texts: readonly string[]): number => Math.max(...texts.map((s) => textWidth(s, 13.5, true))) + 26;
  const left = ctx.tall ? 0 : room(names);
  const right = ctx.tall ? 0 : room(sights);
  const unit = Math.max(5, Math.min(30, Math.floor((ctx.tall ? 320 : 700) / (spec.input + 2 * margin))));
  const gap = ctx.tall ? 62 : 66;
  const side = Math.min(unit - 2, 22);
  const w = left + right + (spec.input + 2 * margin) * unit;
  const h = depth * gap + side + (ctx.tall ? 34 : 16);
  /** The middle of cell u of layer l, in input cells: the middle of what it sees. */
  const middle = (l: number, u: number): number => fields[l].start + u * fields[l].jump + (fields[l].size - 1) / 2;
  /** First and last cell of every layer that the cell `u` of the last one sees. */
  const seen = (u: number): readonly (readonly [number, number])[] => {
    let span: readonly [number, number] = [u, u];
    const list = [span];
    for (const l of layers.toReversed()) {
      span = [span[0] * l.stride - l.padding, span[1] * l.stride - l.padding + l.dilation * (l.kernel - 1)];
      list.unshift(span);
    }
    return list;
  };
  /** The very cells: with dilation or stride there may be gaps. */
  const exactly = (u: number): readonly ReadonlySet<number>[] => {
    let cells = new Set([u]);
    const list = [cells];
    for (const l of layers.toReversed()) {
      cells = new Set(
        [...cells].flatMap((c) =>
          Array.from({ length: l.kernel }, (_, k) => c * l.stride - l.padding + k * l.dilation),
        ),
      );
      list.unshift(cells);
    }
    return list;
  };
  const hues = [p.input, ...layers.map((_, i) => (i === depth - 1 ? p.output : p.filter))];
  const block = (u: number): Block => ({
    w,
    h,
    draw(x, y) {
      const cx = (v: number): number => x + left + (v + margin + 0.5) * unit;
      const top = (l: number): number => y + (depth - l) * gap + (ctx.tall ? 18 : 4);
      const spans = seen(u);
      const exact = exactly(u);
      const cones: SceneNode[] = layers.map((_, i) => {
        const l = i + 1;
        return polygon(
          [
            [cx(middle(l, spans[l][0])) - side / 2, top(l) + side],
            [cx(middle(l, spans[l][1])) + side / 2, top(l) + side],
            [cx(middle(i, spans[i][1])) + side / 2, top(i)],
            [cx(middle(i, spans[i][0])) - side / 2, top(i)],
          ],
          { fill: tint(p, hues[l], 0.14), stroke: tint(p, hues[l], 0.5), opacity: 0.9 },
        );
      });
      const base: SceneNode[] = [];
      const live: SceneNode[] = [];
      sizes.forEach((size, l) => {
        const pads = layers[l]?.padding ?? 0;
        for (let v = -pads; v < size + pads; v++) {
          const at = cx(middle(l, v));
          const isPad = v < 0 || v >= size;
          const look = {
            r: Math.min(3, side / 5),
            stroke: isPad ? p.muted : tint(p, hues[l], 0.55),
            ...(isPad && { dash: [2, 2] as const }),
          };
          base.push(
            rect(at - side / 2, top(l), side, side, { ...look, fill: isPad ? p.background : tint(p, hues[l], 0.14) }),
          );
          if (exact[l].has(v)) {
            live.push(
              rect(at - side / 2, top(l), side, side, {
                ...look,
                fill: mix(p.background, hues[l], isPad ? 0.25 : 0.75),
                stroke: hues[l],
              }),
            );
          }
        }
      });
      const notes: SceneNode[] = sizes.flatMap((_, l) => {
        const baseLine = top(l) + side / 2 + 4.5;
        if (ctx.tall) {
          // Over a cone, too: it is pale enough to read them.
          const words = sights[l] === "" ? names[l] : `${names[l]} · ${sights[l]}`;
          return [text(x, top(l) - 6, 12, words, { fill: hues[l], anchor: "start", bold: true })];
        }
        return [
          text(x + left - 18, baseLine, 13.5, names[l], { fill: hues[l], anchor: "end", bold: true }),
          text(x + w - right + 18, baseLine, 13.5, sights[l], { fill: p.ink, anchor: "start" }),
        ];
      });
      const layersOut: Layer[] = [
        { key: "cones", nodes: cones },
        { key: "cells", nodes: base },
        { key: "seen", nodes: live },
        { key: "notes", nodes: notes },
      ];
      return layersOut;
    },
  });
  const last = fields[depth];
  return {
    title: t({
      en: `Receptive field of ${depth} layers: ${last.size} cells`,
      ko: `${depth}개 층의 수용 영역: ${last.size}칸`,
    }),
    caption: t({
      en:
        `One cell of the last layer sees ${last.size} cells of the input; its neighbour sees as many, ` +
        `${last.jump} further on (the jump).`,
      ko: `마지막 층의 한 칸은 입력 ${last.size}칸을 본다(수용 영역, receptive field). 이웃 칸은 ${last.jump}칸 떨어진 ${last.size}칸을 본다(간격, jump).`,
    }),
    steps,
    block,
    sentence: (u) => {
      const [a, b] = [last.start + u * last.jump, last.start + u * last.jump + last.size - 1];
      return t({
        en: `Output ${u} sees the input from ${a} to ${b}.`,
        ko: `출력 ${u}번 칸은 입력 ${a}번부터 ${b}번 칸까지 본다.`,
      });
    },
  };
}

export const receptive: Figure = defineFigure<ReceptiveSpec>(
  "receptive",
  { en: "receptive field through a stack of layers", ko: "여러 층을 거친 수용 영역" },
  {
    input: int(17, 1, 64, { en: "input cells", ko: "입력 칸 수" }),
    layers: words("3,3s2,3", "3,3s2p1,3d2", { en: "layers", ko: "층" }, parseLayers),
  },
  build,
);
