/** Convolution and correlation of two rows of numbers, as bars: full, same and valid. */
import { type OverlapMode, convolve, correlate } from "faltung/signal";
import { OptionError } from "faltung/errors";
import { type Body, type Context, type Figure, defineFigure } from "../figure.ts";
import { hatching } from "../grid.ts";
import { type Block, canvas, column, label, paragraphs } from "../layout.ts";
import { tint } from "../palette.ts";
import { type Run, type SceneNode, line, rect, text } from "../scene.ts";
import { type Numbers, choice, numbers } from "../spec.ts";
import { equals, factor, formula, leading, num } from "../type.ts";

interface DiscreteSpec {
  readonly a: Numbers;
  readonly b: Numbers;
  readonly kind: "convolution" | "correlation";
  readonly mode: OverlapMode;
}

const A = [1, 3, 2, 0, 2, 4, 1];
const B = [1, 2, -1];

function lineOf(given: Numbers, usual: readonly number[], name: string): readonly number[] {
  const values = given === null ? usual : given[0][0];
  if (given !== null && (given.length > 1 || given[0].length > 1)) {
    throw new OptionError(`${name}: give one row of numbers, such as 1,2,3.`);
  }
  if (values.length > 24) throw new OptionError(`${name} has ${values.length} numbers; at most 24 can be drawn.`);
  return values;
}

function build(spec: DiscreteSpec, ctx: Context): Body {
  const { p, t } = ctx;
  const a = lineOf(spec.a, A, "a");
  const b = lineOf(spec.b, B, "b");
  const [n, k] = [a.length, b.length];
  const flip = spec.kind === "convolution";
  const full = [...(flip ? convolve : correlate)(a, b, { method: "direct" }).re];
  const start = spec.mode === "full" ? 0 : spec.mode === "same" ? Math.floor((k - 1) / 2) : Math.min(n, k) - 1;
  const count = spec.mode === "full" ? n + k - 1 : spec.mode === "same" ? n : Math.abs(n - k) + 1;
  const origin = flip ? 0 : -(k - 1); // the index n of full[0]
  const first = -(k - 1); // leftmost index on the axis
  const columns = n + 2 * (k - 1);
  const unit = Math.max(14, Math.min(ctx.tall ? 44 : 54, Math.floor((ctx.tall ? 280 : 700) / columns)));
  const left = 66;
  const width = left + columns * unit;
  const lead = flip ? 2 : 0;

  /** A row of bars on the common axis; `at` maps an index to its value, undefined where there is none. */
  const bars = (
    key: string,
    name: readonly Run[],
    hue: string,
    values: readonly (number | undefined)[],
    scale: readonly number[],
    style: (i: number) => { now?: boolean; hatch?: boolean; ghost?: boolean; step?: number; cell?: string },
    loose: boolean,
  ): Block => {
    const high = Math.max(0, ...scale);
    const low = Math.min(0, ...scale);
    const tallest = 42;
    const per = tallest / Math.max(high, -low, 1e-9);
    const zero = high * per + 20;
    const h = zero + (low < 0 ? -low * per + 18 : 6);
    return {
      w: width,
      h,
      draw(x, y) {
        const base = y + zero;
        const cells = values.map((value, i): { key: string; nodes: SceneNode[] } => {
          if (value === undefined) return { key: `${key}-${i}`, nodes: [] };
          const { now = false, hatch = false, ghost = false, step, cell } = style(i);
          const letter = name
            .map((run) => run.text)
            .join("")
            .split("[")[0];
          const says = ghost ? {} : { label: `${letter}[${num(first + i)}] = ${num(value)}` };
          const bx = x + left + i * unit;
          const size = Math.min(16, unit * 0.45);
          const height = Math.abs(value) * per;
          const top = value >= 0 ? base - height : base;
          const nodes: SceneNode[] = [];
          if (ghost)
            nodes.push(rect(bx + 2, base - 10, unit - 4, 20, { r: 3, fill: p.surface, stroke: p.faint, dash: [3, 3] }));
          else {
            nodes.push(
              rect(bx + 3, top, unit - 6, Math.max(height, 1.5), {
                r: Math.min(3, height / 2),
                fill: tint(p, hue, now ? 0.75 : 0.42),
                stroke: hue,
                ...(now && { strokeWidth: 2 }),
              }),
            );
            nodes.push(
              text(bx + unit / 2, value >= 0 ? top - 5 : top + height + size, size, num(value), {
                fill: p.ink,
                bold: now,
              }),
            );
          }
          if (hatch) nodes.push(hatching(bx + 3, base - 9, unit - 6, 18, p.muted));
          return {
            key: `${key}-${i}`,
            nodes: [
              {
                kind: "group",
                children: nodes,
                ...says,
                ...(step !== undefined && { step }),
                ...(cell !== undefined && { cell }),
              },
            ],
          };
        });
        const axis: SceneNode[] = [
          line(x + left, base, x + width, base, { stroke: p.muted }),
          text(x, base + 5, 16, name, { fill: hue, anchor: "start", bold: true }),
        ];
        return [
          { key: `${key}-axis`, nodes: axis },
          ...(loose ? cells : [{ key, nodes: cells.flatMap((c) => c.nodes) }]),
        ];
      },
    };
  };
  const indices = canvas("index", width, 18, (x, y) =>
    Array.from({ length: columns }, (_, i) =>
      text(x + left + (i + 0.5) * unit, y + 12, Math.min(12, unit * 0.36), num(first + i), { fill: p.muted }),
    ),
  );
  const onAxis = (values: readonly number[], from: number): (number | undefined)[] =>
    Array.from({ length: columns }, (_, i) => values[first + i - from]);
  /** The pairs that are multiplied for y[index]. */
  const meeting = (index: number): (readonly [number, number])[] =>
    a.flatMap((v, m) => {
      const w = b[flip ? index - m : m - index];
      return w === undefined ? [] : [[v, w] as const];
    });
  const sumRuns = (step: number): Run[] => {
    if (step < lead) {
      return [{ text: step > 0 ? t({ en: "b turned round", ko: "b를 뒤집음" }) : "b", fill: p.filter }];
    }
    const index = origin + start + step - lead;
    const list = meeting(index);
    return [
      ...formula("*y*", p.output),
      { text: `[${num(index)}] = `, fill: p.output },
      ...list.flatMap(([v, w], i): Run[] => [
        ...(i > 0 ? [{ text: " + ", fill: p.muted }] : []),
        { text: leading(v, i === 0), fill: p.input },
        { text: "·", fill: p.muted },
        { text: factor(w), fill: p.filter },
      ]),
      { text: ` ${equals([...list.flat(), full[index - origin]])} ` },
      { text: num(full[index - origin]), fill: p.output, bold: true },
    ];
  };
  const sums = paragraphs("sum", () => Array.from({ length: lead + count }, (_, i) => sumRuns(i)), {
    size: 16,
    fill: p.ink,
    width,
  });
  const block = (step: number): Block => {
    const moving = step >= lead;
    const index = origin + start + Math.max(step - lead, 0); // n
    const isTurned = flip && step > 0;
    const shown = isTurned ? b.toReversed() : b;
    const from = moving ? (flip ? index - (k - 1) : index) : isTurned ? -(k - 1) : 0;
    const products = onAxis(a, 0).map((v, i) => {
      const w = onAxis(shown, from)[i];
      return moving && v !== undefined && w !== undefined ? v * w : undefined;
    });
    const done = step - lead;
    const y = onAxis(full, origin).map((v, i) => {
      const at = first + i - origin - start;
      return v === undefined ? undefined : at >= 0 && at < count && at <= done ? v : 0;
    });
    const status = (i: number): { now?: boolean; hatch?: boolean; ghost?: boolean; step?: number } => {
      const at = first + i - origin - start;
      if (at < 0 || at >= count) return { hatch: true, ghost: true };
      return at > done ? { ghost: true, step: lead + at } : { now: at === done, step: lead + at };
    };
    const everyProduct = a.flatMap((v) => b.map((w) => v * w));
    const argument = flip ? "*n* − *m*" : "*m* − *n*";
    return column(
      [
        indices,
        bars("a", formula("*a*[*m*]"), p.input, onAxis(a, 0), a, (i) => ({ cell: `a/0/0/${first + i}` }), false),
        bars(
          "b",
          formula(moving ? `*b*[${flip ? "*n*−*m*" : "*m*−*n*"}]` : isTurned ? "*b*[−*m*]" : "*b*[*m*]"),
          p.filter,
          onAxis(shown, from),
          b,
          (i) => ({ cell: `b/0/0/${isTurned ? k - 1 - (first + i - from) : first + i - from}` }),
          false,
        ),
        bars("ab", formula("*a*·*b*"), p.extra, products, everyProduct, () => ({}), false),
        bars("y", formula("*y*[*n*]"), p.output, y, full, status, true),
        sums(step),
        label("law", [...formula("*y*[*n*] = Σ_{m} *a*[*m*] · "), ...formula(`*b*[${argument}]`)], {
          size: 15,
          fill: p.muted,
          width,
          align: "start",
        }),
      ],
      12,
      "start",
    );
  };
  const name = flip
    ? { en: "Discrete convolution", ko: "이산 합성곱" }
    : { en: "Discrete cross-correlation", ko: "이산 교차상관" };
  const turning = {
    en: "b is turned round, then slid over a; the products are summed.",
    ko: "b를 뒤집은 뒤 a 위로 미끄러뜨리며 곱을 더한다.",
  };
  const sliding = {
    en: "b is slid over a as it is; the products are summed.",
    ko: "b를 뒤집지 않고 a 위로 미끄러뜨리며 곱을 더한다.",
  };
  const modes = {
    full: {
      en: "full: every overlap counts, n + k − 1 results.",
      ko: "full: 조금이라도 겹치는 모든 위치, 결과는 n + k − 1개.",
    },
    same: { en: "same: the middle part, as long as a.", ko: "same: 가운데 부분만, 길이는 a와 같다." },
    valid:
      k <= n
        ? { en: "valid: only where b lies wholly inside a.", ko: "valid: b가 a 안에 완전히 들어가는 위치만." }
        : { en: "valid: only where a lies wholly inside b.", ko: "valid: a가 b 안에 완전히 들어가는 위치만." },
  };
  return {
    title: `${t(name)}: ${spec.mode}`,
    caption: `${t(flip ? turning : sliding)} ${t(modes[spec.mode])}`,
    steps: lead + count,
    still: lead + Math.floor(count / 2),
    pace: (step) => (step === lead + count - 1 ? 2 : 1),
    block,
    sentence: (step) => {
      if (step < lead)
        return step === 0
          ? t({ en: "b as it is.", ko: "원래의 b." })
          : t({ en: "b is turned round.", ko: "b를 뒤집는다." });
      const index = origin + start + step - lead;
      const list = meeting(index);
      const result = full[index - origin];
      const sum = list.map(([v, w], i) => `${leading(v, i === 0)}·${factor(w)}`).join(" + ");
      return `y[${num(index)}] = ${sum} ${equals([...list.flat(), result])} ${num(result)}`;
    },
    numbers: [
      { option: "a", role: "input", planes: [{ name: t({ en: "Signal a", ko: "신호 a" }), rows: [a] }] },
      { option: "b", role: "filter", planes: [{ name: t({ en: "Kernel b", ko: "커널 b" }), rows: [b] }] },
    ],
  };
}

export const discrete: Figure = defineFigure<DiscreteSpec>(
  "discrete",
  { en: "convolution and correlation of two rows of numbers", ko: "두 수열의 합성곱과 상관" },
  {
    a: numbers({ en: "signal a", ko: "신호 a" }),
    b: numbers({ en: "kernel b", ko: "커널 b" }),
    kind: choice(["convolution", "correlation"], { en: "turn b or not", ko: "b를 뒤집을지" }),
    mode: choice(["full", "same", "valid"], { en: "which part", ko: "결과 범위" }),
  },
  build,
);
