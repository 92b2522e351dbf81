/**
 * A kernel sliding over a plane: the blocks that conv2d, transposed, backward and the note's figure are built of.
 * Which cell is read, padded, mirrored or dropped is asked of the library's geometry.
 */
import { type ConvGeometry, borderIndex, droppedCells, kernelExtent } from "faltung/conv";
import type { Context } from "./figure.ts";
import { type CellLook, frame, grid } from "./grid.ts";
import { type Block, canvas, column, label, overlay } from "./layout.ts";
import { type Plane, type Term, largest, sumOf, termsOf, turned } from "./numbers.ts";
import { diverging, inkOn, mix, tint } from "./palette.ts";
import { type Run, type SceneNode, polygon, text } from "./scene.ts";
import { equals, factor, formula, leading, num, textWidth, variable } from "./type.ts";

/** A role in the picture: its letter, its name, its hue. */
export interface Role {
  readonly letter: string;
  readonly title: string;
  readonly hue: string;
}

export interface Sliding {
  readonly key: string;
  readonly g: ConvGeometry;
  readonly x: Plane;
  readonly w: Plane;
  readonly y: Plane;
  readonly roles: { readonly x: Role; readonly w: Role; readonly y: Role };
  readonly cell: number;
  readonly cells: "numbers" | "symbols" | "none";
  /** Fill by role, or by value on the diverging scale. */
  readonly shade: "role" | "value";
  /** Which cells show a number that an option sets (see Group.cell). */
  readonly edit?: { x?(r: number, c: number): string | undefined; w?(r: number, c: number): string | undefined };
  /** Cells of x that were put in between (the zeros of a transposed convolution). */
  hole?(r: number, c: number): boolean;
  /** Steps before the first output. */
  readonly lead: number;
  /** The output is filled from its last cell to its first. */
  readonly backwards?: boolean;
}

export const outputs = (s: Sliding): number => s.y.length * s.y[0].length;

/** When a cell of the output is made, counted in reading order; and its own inverse: the i-th cell to be made. */
const turn = (s: Sliding, i: number): number => (s.backwards ? outputs(s) - 1 - i : i);

/** The output cell that is made as number i. */
export const place = (s: Sliding, i: number): readonly [number, number] => [
  Math.floor(turn(s, i) / s.y[0].length),
  turn(s, i) % s.y[0].length,
];

export const terms = (s: Sliding, at: readonly [number, number]): Term[] => termsOf(s.g, [s.x], [[s.w]], 0, at);

function cellText(s: Sliding, letter: string, value: number, r: number, c: number): string | Run[] {
  if (s.cells === "none") return "";
  return s.cells === "symbols" ? symbol(letter, r, c) : num(value);
}

/** A cell's name. Two numbers of one digit stand close, longer ones need a comma. */
const symbol = (letter: string, r: number, c: number, fill?: string): Run[] =>
  variable(letter, r < 10 && c < 10 ? `${r}${c}` : `${r},${c}`, fill);

/** Title and size over a grid. */
export function titled(key: string, ctx: Context, role: Role, size: string, body: Block): Block {
  // Two texts that meet at one point: words and letter come from different fonts.
  const before = textWidth(role.title, 15, true);
  const after = textWidth(role.letter, 15) + 5;
  const w = Math.max(body.w, before + after + 4, textWidth(size, 12.5) + 4);
  const style = { fill: role.hue, bold: true };
  return column(
    [
      canvas(`${key}-title`, w, 20, (x, y) => {
        const meet = x + w / 2 + (before - after) / 2;
        return [
          text(meet, y + 15, 15, role.title, { ...style, anchor: "end" }),
          text(meet + 5, y + 15, 15, formula(`*${role.letter}*`), { ...style, anchor: "start" }),
        ];
      }),
      label(`${key}-size`, size, { size: 12.5, fill: ctx.p.muted, width: w }),
      column([body], 0),
    ],
    3,
  );
}

/** Rows and columns of the padded input. */
export function paddedSize(s: Sliding): readonly [number, number] {
  const side = (d: number, n: number): number => n + s.g.padding[d][0] + s.g.padding[d][1];
  return [side(0, s.x.length), side(1, s.x[0].length)];
}

/** The padded input, and the window that stands on it (null: none). */
export function inputBlock(ctx: Context, s: Sliding, at: readonly [number, number] | null): Block {
  const { p } = ctx;
  const { g, x } = s;
  const [rows, cols] = paddedSize(s);
  const begin = [g.padding[0][0], g.padding[1][0]];
  const dropped = [droppedCells(g, 0, x.length), droppedCells(g, 1, x[0].length)];
  const limit = largest(x);
  const { hue, letter } = s.roles.x;
  const base = (r: number, c: number): CellLook => {
    const ir = borderIndex(r - begin[0], x.length, g.paddingMode);
    const ic = borderIndex(c - begin[1], x[0].length, g.paddingMode);
    const inside = r >= begin[0] && c >= begin[1] && r - begin[0] < x.length && c - begin[1] < x[0].length;
    const isDropped = r >= rows - dropped[0] || c >= cols - dropped[1];
    const value = ir < 0 || ic < 0 ? 0 : x[ir][ic];
    const hatch = isDropped ? { hatch: p.muted } : {};
    if (!inside) {
      const copied = ir >= 0 && ic >= 0;
      return {
        text: s.cells === "none" ? "" : copied ? cellText(s, letter, value, ir, ic) : "0",
        fill: copied ? tint(p, hue, 0.06) : p.background,
        ink: p.muted,
        stroke: copied ? mix(p.muted, hue, 0.5) : p.muted,
        dashed: true,
        label: `${ctx.t({ en: "padding", ko: "패딩" })} = ${num(value)}`,
        ...hatch,
      };
    }
    if (s.hole?.(ir, ic)) return { text: s.cells === "none" ? "" : "0", fill: p.surface, ink: p.muted, ...hatch };
    const fill = s.shade === "value" ? diverging(p, value, limit) : tint(p, hue, 0.2);
    return {
      text: cellText(s, letter, value, ir, ic),
      fill,
      ink: s.shade === "value" ? inkOn(fill) : p.ink,
      negative: s.shade === "value" && value < 0,
      stroke: tint(p, hue, 0.45),
      label: `${letter}(${ir},${ic}) = ${num(value)}`,
      cell: s.edit?.x?.(ir, ic),
      ...hatch,
    };
  };
  const still = grid(p, { key: `${s.key}-x`, rows, cols, cell: s.cell, look: base });
  if (!at) return still;
  const window = new Map(terms(s, at).map((t) => [`${t.position[0] + begin[0]},${t.position[1] + begin[1]}`, t]));
  const taps = grid(p, {
    key: `${s.key}-window`,
    rows,
    cols,
    cell: s.cell,
    look: (r, c) => {
      const t = window.get(`${r},${c}`);
      if (!t) return null;
      const under = base(r, c);
      const byValue = s.shade === "value";
      const fill = mix(byValue ? (under.fill ?? p.background) : p.background, s.roles.w.hue, 0.3);
      const noteHue = mix(s.roles.w.hue, p.theme === "dark" ? "#ffffff" : "#000000", 0.3);
      return {
        text: under.text ?? "",
        fill,
        ink: byValue ? inkOn(fill) : p.ink,
        bold: true,
        stroke: s.roles.w.hue,
        dashed: under.dashed ?? false,
        label: `${under.label ?? "0"}, × ${num(t.w)}`,
        cell: under.cell,
        ...(s.cells === "numbers" && {
          note: { text: `×${num(t.w)}`, fill: byValue ? inkOn(fill) : noteHue },
        }),
      };
    },
  });
  const outline = canvas(`${s.key}-frame`, still.w, still.h, (px, py) => [
    frame(
      px,
      py,
      s.cell,
      {
        r: at[0] * g.stride[0],
        c: at[1] * g.stride[1],
        rows: kernelExtent(g.kernel[0], g.dilation[0]),
        cols: kernelExtent(g.kernel[1], g.dilation[1]),
      },
      s.roles.w.hue,
    ),
  ]);
  return overlay([still, taps, outline]);
}

/** What {@link Sliding}'s `edit` says for plane `plane` of an option. */
export const cellsOf =
  (option: string, plane = 0) =>
  (r: number, c: number): string =>
    `${option}/${plane}/${r}/${c}`;

/** The kernel, turned by `half` half turns (0 to 1); its numbers stay upright. */
export function kernelBlock(ctx: Context, s: Sliding, half: number): Block {
  const { p } = ctx;
  const { hue, letter } = s.roles.w;
  const shown = half === 1 ? turned(s.w) : s.w;
  const [rows, cols] = [shown.length, shown[0].length];
  const limit = largest(s.w);
  const look = (r: number, c: number): CellLook => {
    const [ir, ic] = half === 1 ? [rows - 1 - r, cols - 1 - c] : [r, c];
    const fill = s.shade === "value" ? diverging(p, shown[r][c], limit) : tint(p, hue, 0.2);
    return {
      text: cellText(s, letter, shown[r][c], ir, ic),
      fill,
      ink: s.shade === "value" ? inkOn(fill) : p.ink,
      negative: s.shade === "value" && shown[r][c] < 0,
      stroke: tint(p, hue, 0.6),
      label: `${letter}(${ir},${ic}) = ${num(shown[r][c])}`,
      cell: s.edit?.w?.(ir, ic),
    };
  };
  const w = cols * s.cell;
  const h = rows * s.cell;
  if (half === 0 || half === 1) return grid(p, { key: `${s.key}-w`, rows, cols, cell: s.cell, look });
  const [sin, cos] = [Math.sin(Math.PI * half), Math.cos(Math.PI * half)];
  return canvas(`${s.key}-w`, w, h, (x, y) => {
    const spin = (dx: number, dy: number): [number, number] => [
      x + w / 2 + (dx - w / 2) * cos - (dy - h / 2) * sin,
      y + h / 2 + (dx - w / 2) * sin + (dy - h / 2) * cos,
    ];
    return s.w.flatMap((line, r) =>
      line.flatMap((value, c): SceneNode[] => {
        const [x0, y0] = [c * s.cell + 1, r * s.cell + 1];
        const [x1, y1] = [x0 + s.cell - 2, y0 + s.cell - 2];
        const style = look(r, c);
        const [cx, cy] = spin((x0 + x1) / 2, (y0 + y1) / 2);
        return [
          polygon([spin(x0, y0), spin(x1, y0), spin(x1, y1), spin(x0, y1)], {
            fill: style.fill ?? p.background,
            stroke: hue,
          }),
          text(cx, cy + s.cell * 0.15, s.cell * 0.42, cellText(s, letter, value, r, c), { fill: style.ink ?? p.ink }),
        ];
      }),
    );
  });
}

/** The output with its first `done` cells filled; the last of these is the current one. */
export function outputBlock(ctx: Context, s: Sliding, done: number): Block {
  const { p } = ctx;
  const { hue, letter } = s.roles.y;
  const [rows, cols] = [s.y.length, s.y[0].length];
  const limit = largest(s.y);
  const cells = grid(p, {
    key: `${s.key}-y`,
    rows,
    cols,
    cell: s.cell,
    loose: true,
    look: (r, c) => {
      const i = turn(s, r * cols + c);
      const step = { step: s.lead + i };
      if (i >= done) return { fill: p.surface, stroke: p.faint, ...step };
      const value = s.y[r][c];
      const fill = s.shade === "value" ? diverging(p, value, limit) : tint(p, hue, i === done - 1 ? 0.4 : 0.2);
      return {
        text: cellText(s, letter, value, r, c),
        fill,
        ink: s.shade === "value" ? inkOn(fill) : p.ink,
        negative: s.shade === "value" && value < 0,
        bold: i === done - 1,
        stroke: tint(p, hue, 0.6),
        label: `${letter}(${r},${c}) = ${num(value)}`,
        ...step,
      };
    },
  });
  if (done === 0) return cells;
  const [r, c] = place(s, done - 1);
  const mark = canvas(`${s.key}-now`, cells.w, cells.h, (x, y) => [
    frame(x, y, s.cell, { r, c, rows: 1, cols: 1 }, hue),
  ]);
  return overlay([cells, mark]);
}

/** The two sides of one product, coloured; the first of a sum needs no brackets. */
function product(ctx: Context, s: Sliding, t: Term, first: boolean): Run[] {
  const { x, w } = s.roles;
  if (s.cells === "symbols") {
    const left = t.source ? symbol(x.letter, t.source[0], t.source[1], x.hue) : [{ text: "0", fill: ctx.p.muted }];
    return [...left, { text: "·", fill: ctx.p.muted }, ...symbol(w.letter, t.tap[0], t.tap[1], w.hue)];
  }
  return [
    { text: leading(t.x, first), fill: t.source ? x.hue : ctx.p.muted },
    { text: "·", fill: ctx.p.muted },
    { text: factor(t.w), fill: w.hue },
  ];
}

/** Width of the widest product that any step writes. */
function slotWidth(s: Sliding, size: number): number {
  if (s.cells === "symbols") {
    const longest = (plane: Plane): Run[] => symbol("w", plane.length - 1, plane[0].length - 1);
    return textWidth([...longest(s.x), { text: "·" }, ...longest(s.w)], size);
  }
  const widest = (plane: Plane, show: (v: number) => string): number =>
    Math.max(...plane.flat().map((v) => textWidth(show(v), size)));
  return widest(s.x, factor) + widest(s.w, factor) + textWidth("·", size);
}

/** The whole sum, one line for each row of the kernel, every product in its own place so that nothing jumps. */
export function sumBlock(ctx: Context, s: Sliding, at: readonly [number, number] | null): Block {
  const { p } = ctx;
  const [kr, kc] = [s.g.kernel[0], s.g.kernel[1]];
  const { letter, hue } = s.roles.y;
  const index = `${letter}(${s.y.length - 1},${s.y[0].length - 1}) =`;
  const usual = kc <= 5 ? 16 : kc <= 8 ? 13 : 10;
  // On narrow screens it shrinks rather than the whole picture.
  const wide = textWidth(index, usual) + kc * (slotWidth(s, usual) + usual * 1.8) + usual * 5;
  const size = ctx.tall ? Math.max(8, Math.min(usual, (usual * 330) / wide)) : usual;
  const plus = size * 1.3;
  const slot = slotWidth(s, size) + size * 0.5;
  const head = textWidth(index, size) + size * 0.9;
  const result =
    s.cells === "symbols"
      ? []
      : [
          { text: `${at ? equalsOf(s, at) : "="} `, fill: p.ink },
          { text: num(at ? s.y[at[0]][at[1]] : 0), fill: hue, bold: true },
        ];
  const tail =
    s.cells === "symbols" ? 0 : Math.max(...s.y.flat().map((v) => textWidth(`= ${num(v)}`, size, true))) + size;
  const lineHeight = size * 1.5;
  const w = head + kc * slot + (kc - 1) * plus + tail + (kr > 1 ? plus : 0);
  return canvas(`${s.key}-sum`, w, kr * lineHeight, (x, y) => {
    if (!at) return [];
    const list = terms(s, at);
    const nodes: SceneNode[] = [
      text(
        x,
        y + size,
        size,
        [...formula(`*${letter}*`, hue), { text: `(${at[0]},${at[1]})`, fill: hue }, { text: " =" }],
        { fill: p.ink, anchor: "start" },
      ),
    ];
    list.forEach((t, i) => {
      const [r, c] = [Math.floor(i / kc), i % kc];
      const left = x + head + c * (slot + plus);
      const base = y + size + r * lineHeight;
      nodes.push(text(left + slot / 2, base, size, product(ctx, s, t, i === 0), { fill: p.ink }));
      const last = i === list.length - 1;
      if (!last) nodes.push(text(left + slot + plus / 2, base, size, "+", { fill: p.muted }));
      else if (result.length > 0)
        nodes.push(text(left + slot + size * 0.5, base, size, result, { fill: p.ink, anchor: "start" }));
    });
    return nodes;
  });
}

/** "out = floor((5 + 1 + 1 − 3) / 2) + 1 = 3", for rows and columns if they differ. */
export function sizeFormula(
  ctx: Context,
  g: ConvGeometry,
  input: readonly number[],
  output: readonly number[],
): string[] {
  const one = (d: number): string => {
    const [b, e] = g.padding[d];
    const [k, dilation] = [g.kernel[d], g.dilation[d]];
    const extent = dilation === 1 ? String(k) : `(${dilation}·(${k} − 1) + 1)`;
    const inside = `${input[d]}${b || e ? ` + ${b} + ${e}` : ""} − ${extent}`;
    return `${g.stride[d] === 1 ? inside : `floor((${inside}) / ${g.stride[d]})`} + 1 = ${output[d]}`;
  };
  const [rows, cols] = [one(0), one(1)];
  if (rows === cols) return [`${ctx.t({ en: "output size", ko: "출력 크기" })}: ${rows}`];
  return [
    `${ctx.t({ en: "output rows", ko: "출력 행" })}: ${rows}`,
    `${ctx.t({ en: "columns", ko: "출력 열" })}: ${cols}`,
  ];
}

function equalsOf(s: Sliding, at: readonly [number, number]): string {
  const list = terms(s, at);
  return equals([...list.flatMap((t) => [t.x, t.w]), sumOf(list)]);
}

/** "output (1,2) = 0·1 + 2·(−1) + … = 3" */
export function spoken(s: Sliding, at: readonly [number, number]): string {
  const list = terms(s, at);
  const sum = list.map((t, i) => `${leading(t.x, i === 0)}·${factor(t.w)}`).join(" + ");
  const name = s.roles.y.title.toLowerCase();
  return `${name} (${at[0]},${at[1]}) = ${sum} ${equalsOf(s, at)} ${num(sumOf(list))}`;
}

/** The sign between input and kernel, drawn: ∗ for convolution, ⋆ for cross-correlation. */
export function operator(key: string, kind: "convolution" | "correlation", fill: string): Block {
  const [w, h] = [22, 26];
  return canvas(key, w, h, (x, y) => {
    const [cx, cy, r] = [x + w / 2, y + h / 2, 8.5];
    const around = (turn: number, radius: number): [number, number] => [
      cx + radius * Math.sin(2 * Math.PI * turn),
      cy - radius * Math.cos(2 * Math.PI * turn),
    ];
    if (kind === "correlation") {
      return [
        polygon(
          Array.from({ length: 10 }, (_, i) => around(i / 10, i % 2 === 0 ? r : r * 0.42)),
          { fill },
        ),
      ];
    }
    return [0, 1 / 6, 2 / 6].map((turn) =>
      polygon([around(turn, r), around(turn + 0.5, r)], { stroke: fill, strokeWidth: 2.2 }, false),
    );
  });
}
