/** Placing blocks side by side and under one another. A block knows its size and draws itself anywhere. */
import { type Layer, type Run, type SceneNode, text } from "./scene.ts";
import { textWidth } from "./type.ts";

export interface Block {
  readonly w: number;
  readonly h: number;
  draw(x: number, y: number): readonly Layer[];
}

export type Align = "start" | "middle" | "end";

const shift = (space: number, align: Align): number => (align === "start" ? 0 : align === "end" ? space : space / 2);

export function row(blocks: readonly Block[], gap: number, align: Align = "middle"): Block {
  const w = blocks.reduce((sum, b) => sum + b.w, 0) + gap * Math.max(blocks.length - 1, 0);
  const h = Math.max(0, ...blocks.map((b) => b.h));
  return {
    w,
    h,
    draw(x, y) {
      let at = x;
      return blocks.flatMap((b) => {
        const left = at;
        at += b.w + gap;
        return b.draw(left, y + shift(h - b.h, align));
      });
    },
  };
}

export function column(blocks: readonly Block[], gap: number, align: Align = "middle"): Block {
  const w = Math.max(0, ...blocks.map((b) => b.w));
  const h = blocks.reduce((sum, b) => sum + b.h, 0) + gap * Math.max(blocks.length - 1, 0);
  return {
    w,
    h,
    draw(x, y) {
      let at = y;
      return blocks.flatMap((b) => {
        const top = at;
        at += b.h + gap;
        return b.draw(x + shift(w - b.w, align), top);
      });
    },
  };
}

/** Several blocks in one place, the first at the bottom; as large as the largest. */
export function overlay(blocks: readonly Block[]): Block {
  return {
    w: Math.max(...blocks.map((b) => b.w)),
    h: Math.max(...blocks.map((b) => b.h)),
    draw: (x, y) => blocks.flatMap((b) => b.draw(x, y)),
  };
}

/** Empty space around. */
export function pad(block: Block, left: number, top: number, right: number, bottom: number): Block {
  return {
    w: block.w + left + right,
    h: block.h + top + bottom,
    draw: (x, y) => block.draw(x + left, y + top),
  };
}

/** A block of fixed size that draws nodes. */
export function canvas(key: string, w: number, h: number, draw: (x: number, y: number) => readonly SceneNode[]): Block {
  return { w, h, draw: (x, y) => [{ key, nodes: draw(x, y) }] };
}

/** One line of text; `width` fixes its size where the text changes from step to step. */
export function label(
  key: string,
  runs: string | readonly Run[],
  style: { size: number; fill: string; bold?: boolean; width?: number; align?: Align },
): Block {
  const { size, fill, bold = false, align = "middle" } = style;
  const w = style.width ?? textWidth(runs, size, bold);
  const h = size * 1.35;
  return canvas(key, w, h, (x, y) => [text(x + shift(w, align), y + size, size, runs, { fill, bold, anchor: align })]);
}

/** Runs broken into lines no wider than `width`, between runs of which one begins or ends with a space. */
export function breakRuns(runs: readonly Run[], size: number, width: number): Run[][] {
  const lines: Run[][] = [];
  let line: Run[] = [];
  let word: Run[] = [];
  const flush = (): void => {
    if (line.length > 0 && textWidth([...line, ...word], size) > width) {
      lines.push(line);
      line = [];
    }
    line.push(...word);
    word = [];
  };
  for (const run of runs) {
    if (run.text.startsWith(" ")) flush();
    word.push(run);
    if (run.text.endsWith(" ")) flush();
  }
  flush();
  return [...lines, line];
}

/** Sums of all steps, set in as many lines as the longest needs, so that nothing jumps from step to step. */
export function paragraphs(
  key: string,
  all: () => readonly (readonly Run[])[],
  style: { size: number; fill: string; width: number },
): (step: number) => Block {
  const { size, fill, width } = style;
  const advance = size * 1.45;
  let broken: readonly (readonly (readonly Run[])[])[] | undefined; // whoever only asks whether a figure opens needs none
  return (step) => {
    broken ??= all().map((runs) => breakRuns(runs, size, width));
    const lines = broken[step];
    const most = Math.max(...broken.map((b) => b.length));
    return canvas(key, width, advance * most, (x, y) =>
      lines.map((line, i) => text(x, y + size + i * advance, size, line, { fill, anchor: "start" })),
    );
  };
}
