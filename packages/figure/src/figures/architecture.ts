/**
 * A whole network as blocks to scale: height and depth follow the size of the feature map, thickness its channels. The
 * shapes come from the library's arithmetic; a trained model's summary can be drawn by the same function.
 */
import { convOutputShape, normaliseConv, poolOutputSize } from "faltung/conv";
import { OptionError } from "faltung/errors";
import { type Body, type Context, type Figure, type Picture, defineFigure } from "../figure.ts";
import { type Block, column, row } from "../layout.ts";
import { mix, tint } from "../palette.ts";
import { type SceneNode, line, polygon, text } from "../scene.ts";
import { suggest, words } from "../spec.ts";
import { textWidth } from "../type.ts";

/** One row of a network's summary. */
export interface ArchitectureRow {
  readonly name: string;
  readonly kind: "input" | "conv" | "pool" | "linear" | "other";
  /** [C, H, W] or [features]. */
  readonly shape: readonly number[];
  readonly parameters: number;
}

/**
 * "1x28x28/conv 6 5 p2/relu/maxpool 2/flatten/linear 10": layers divided by "/", each a name and its numbers.
 * conv: filters, kernel, then s, p, g, d; pools: window, then s, p; linear: features.
 * @throws OptionError, ShapeError
 */
export function parseNetwork(source: string): readonly ArchitectureRow[] {
  const [first, ...rest] = source.split("/").map((s) => s.trim());
  const input = first.split("x").map(Number);
  if (!(input.length === 3 || input.length === 1) || !input.every((n) => Number.isInteger(n) && n > 0 && n <= 65536)) {
    throw new OptionError(`"${first}" is not an input; write channels x height x width, as in 1x28x28`);
  }
  if (rest.length > 120) throw new OptionError("at most 120 layers can be drawn");
  const rows: ArchitectureRow[] = [{ name: "input", kind: "input", shape: input, parameters: 0 }];
  for (const part of rest) rows.push(nextRow(rows[rows.length - 1].shape, part));
  return rows;
}

const LAYERS = [
  "conv",
  "dwconv",
  "maxpool",
  "avgpool",
  "gap",
  "flatten",
  "linear",
  "relu",
  "norm",
  "softmax",
  "dropout",
];

function nextRow(shape: readonly number[], part: string): ArchitectureRow {
  const [name, ...args] = part.split(/\s+/);
  const plain = args.filter((a) => /^\d+$/.test(a)).map(Number);
  const option = (letter: string, usual: number): number => {
    const found = args.find((a) => new RegExp(`^${letter}\\d+$`).test(a));
    return found === undefined ? usual : Number(found.slice(1));
  };
  const need = (what: string, count: number): void => {
    if (plain.length < count) throw new OptionError(`"${part}" needs ${what}`);
  };
  const image = (): [number, number, number] => {
    if (shape.length !== 3)
      throw new OptionError(`"${part}" needs a feature map, but the layer before gives ${shape.join("×")}`);
    return [shape[0], shape[1], shape[2]];
  };
  switch (name) {
    case "conv":
    case "dwconv": {
      const [c, h, w] = image();
      need(
        name === "conv" ? "filters and kernel, as in conv 16 3" : "a kernel, as in dwconv 3",
        name === "conv" ? 2 : 1,
      );
      const [filters, kernel] = name === "conv" ? plain : [c, plain[0]];
      const groups = name === "conv" ? option("g", 1) : c;
      const g = normaliseConv(
        { stride: option("s", 1), padding: option("p", 0), dilation: option("d", 1), groups },
        [kernel, kernel],
        name,
      );
      const weight = [filters, Math.floor(c / groups), kernel, kernel];
      const [, ...out] = convOutputShape(g, [1, c, h, w], weight, name);
      return {
        name: `${name} ${kernel}×${kernel}`,
        kind: "conv",
        shape: out,
        parameters: weight.reduce((a, b) => a * b) + filters,
      };
    }
    case "maxpool":
    case "avgpool": {
      const [c, h, w] = image();
      need("a window, as in maxpool 2", 1);
      const [k] = plain;
      const pad = option("p", 0);
      const out = [h, w].map((n) => poolOutputSize(n, k, option("s", k), [pad, pad], 1, false, name));
      return { name: `${name} ${k}×${k}`, kind: "pool", shape: [c, ...out], parameters: 0 };
    }
    case "gap":
      return { name: "global pool", kind: "pool", shape: [image()[0]], parameters: 0 };
    case "flatten":
      return { name, kind: "other", shape: [shape.reduce((a, b) => a * b)], parameters: 0 };
    case "linear": {
      need("features, as in linear 10", 1);
      if (shape.length !== 1) throw new OptionError(`"${part}" needs a vector; put flatten or gap before it`);
      return { name, kind: "linear", shape: [plain[0]], parameters: (shape[0] + 1) * plain[0] };
    }
    case "norm":
      return { name, kind: "other", shape, parameters: 2 * shape[0] };
    case "relu":
    case "softmax":
    case "dropout":
      return { name, kind: "other", shape, parameters: 0 };
    default:
      throw new OptionError(`there is no layer "${name}". ${suggest(name, LAYERS)}`);
  }
}

const big = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

/** Layers that change neither shape nor parameters (ReLU, dropout) ride on the block before them. */
function merged(
  rows: readonly ArchitectureRow[],
): readonly (ArchitectureRow & { readonly riders: readonly string[] })[] {
  const out: (ArchitectureRow & { riders: string[] })[] = [];
  for (const r of rows) {
    const last = out[out.length - 1];
    if (last && r.kind === "other" && r.shape.join() === last.shape.join()) {
      last.riders.push(r.name);
      out[out.length - 1] = { ...last, parameters: last.parameters + r.parameters };
    } else {
      out.push({ ...r, riders: [] });
    }
  }
  return out;
}

/** The picture of a network's summary; `step` marks a block. */
export function architectureBody(rows: readonly ArchitectureRow[], ctx: Context): Body {
  const { p, t } = ctx;
  const blocks = merged(rows);
  const tallest = Math.max(...rows.filter((r) => r.shape.length === 3).map((r) => Math.max(r.shape[1], r.shape[2])), 1);
  const widest = Math.max(...rows.map((r) => r.shape[0]));
  const longest = Math.max(...rows.filter((r) => r.shape.length === 1).map((r) => r.shape[0]), 1);
  const hue = { input: p.input, conv: p.filter, pool: p.output, linear: p.extra, other: p.muted };
  const top = ctx.tall ? 84 : 110;
  /** Height to scale; thickness by the square root of the channels, or thick networks would hide thin ones. */
  const measure = (r: ArchitectureRow): { h: number; d: number; w: number } =>
    r.shape.length === 3
      ? {
          h: Math.max(5, (top * r.shape[1]) / tallest),
          d: Math.max(3, (0.42 * top * r.shape[2]) / tallest),
          w: Math.max(3, 56 * Math.sqrt(r.shape[0] / widest)),
        }
      : { h: Math.max(8, top * 1.2 * Math.sqrt(r.shape[0] / longest)), d: 5, w: 9 };
  const draw = (r: (typeof blocks)[number], i: number, step: number): Block => {
    const { h, d, w } = measure(r);
    const name = [r.name, ...r.riders].join(" + ");
    const lines = [
      r.kind === "input" ? t({ en: "input", ko: "입력" }) : r.name,
      ...(r.riders.length > 0 ? [`+ ${r.riders.join(" + ")}`] : []),
    ];
    const shape = r.shape.join("×");
    const parameters = r.parameters > 0 ? big(r.parameters) : "";
    const size = 12;
    const room = Math.max(w + d, ...[...lines, shape, parameters].map((s) => textWidth(s, size)), 44) + 14;
    const full = top * 1.2 + 0.3 * top;
    const now = i === step;
    return {
      w: room,
      h: full + 76,
      draw(x, y) {
        const colour = hue[r.kind];
        const x0 = x + (room - w - d) / 2;
        const y1 = y + full / 2 + h / 2 + 0.15 * top;
        const y0 = y1 - h;
        const paint = (amount: number): { fill: string; stroke: string; strokeWidth: number } => ({
          fill: tint(p, colour, now ? Math.min(amount + 0.3, 0.9) : amount),
          stroke: mix(p.background, colour, 0.85),
          strokeWidth: now ? 1.8 : 1,
        });
        const k = d * 0.5;
        const nodes: SceneNode[] = [
          polygon(
            [
              [x0, y0],
              [x0 + w, y0],
              [x0 + w, y1],
              [x0, y1],
            ],
            paint(0.3),
          ),
          polygon(
            [
              [x0, y0],
              [x0 + d, y0 - k],
              [x0 + w + d, y0 - k],
              [x0 + w, y0],
            ],
            paint(0.16),
          ),
          polygon(
            [
              [x0 + w, y0],
              [x0 + w + d, y0 - k],
              [x0 + w + d, y1 - k],
              [x0 + w, y1],
            ],
            paint(0.42),
          ),
        ];
        const under = y + full + 14;
        const middle = x + room / 2;
        const texts: SceneNode[] = [
          ...lines.map((s, n) =>
            text(middle, under + n * 15, size, s, { fill: n === 0 ? colour : p.muted, bold: n === 0 }),
          ),
          text(middle, under + 32, size, shape, { fill: p.ink }),
          text(middle, under + 48, size, parameters, { fill: p.muted }),
        ];
        if (i > 0) {
          const ay = y + full / 2 + 0.15 * top;
          nodes.unshift(line(x - 5, ay, x0 - 2, ay, { stroke: p.faint, strokeWidth: 1.5 }));
        }
        return [
          { key: `block${i}`, nodes: [{ kind: "group", children: nodes, step: i, label: `${name}: ${shape}` }] },
          { key: `text${i}`, nodes: texts },
        ];
      },
    };
  };
  const limit = ctx.tall ? 330 : 980;
  const total = rows.reduce((s, r) => s + r.parameters, 0);
  return {
    title: t({ en: `Architecture: ${big(total)} parameters`, ko: `신경망 구조: 매개변수 ${big(total)}개` }),
    caption: t({
      en:
        "Height and depth are the feature map's, to scale; thickness grows with the square root of the " +
        "channels. Under each block: layer, shape (channels × height × width), parameters.",
      ko: "높이와 깊이는 특징 맵(feature map)의 크기에 비례하고, 두께는 채널 수의 제곱근에 비례한다. 아래는 층, 모양(채널 × 높이 × 너비), 매개변수 수.",
    }),
    steps: blocks.length,
    still: 0,
    block: (step) => {
      const lines: Block[][] = [[]];
      let used = 0;
      blocks.forEach((r, i) => {
        const b = draw(r, i, step);
        if (used + b.w > limit && lines[lines.length - 1].length > 0) {
          lines.push([]);
          used = 0;
        }
        lines[lines.length - 1].push(b);
        used += b.w;
      });
      return column(
        lines.map((l) => row(l, 0, "start")),
        20,
        "start",
      );
    },
    sentence: (step) => {
      const r = blocks[step];
      const name = `${[r.name, ...r.riders].join(" + ")}: ${r.shape.join("×")}`;
      if (r.parameters === 0) return name;
      return `${name}, ${t({ en: `${big(r.parameters)} parameters`, ko: `매개변수 ${big(r.parameters)}개` })}`;
    },
  };
}

const LENET =
  "1x28x28/conv 6 5 p2/relu/maxpool 2/conv 16 5/relu/maxpool 2/flatten/linear 120/relu/linear 84/relu/linear 10";

const ABOUT = { en: "a network as blocks to scale", ko: "신경망 전체 구조" };

/**
 * The picture of a network that is already at hand: its summary's rows, and the common options (lang, theme, width …).
 *
 * @example
 * ```ts fragment
 * const picture = drawArchitecture(rows, { lang: "ko", theme: "dark" });
 * ```
 */
export function drawArchitecture(
  rows: readonly ArchitectureRow[],
  options: Readonly<Record<string, string>> = {},
): Picture {
  return defineFigure("architecture", ABOUT, {}, (_, ctx) => architectureBody(rows, ctx)).open(options);
}

export const architecture: Figure = defineFigure<{ readonly net: string }>(
  "architecture",
  ABOUT,
  { net: words(LENET, LENET, { en: "layers", ko: "층" }, parseNetwork) },
  ({ net }, ctx) => architectureBody(parseNetwork(net), ctx),
);
