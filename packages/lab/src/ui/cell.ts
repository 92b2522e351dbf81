/** A cell of a grid, and how keys move over it. */

export type Cell = readonly [row: number, col: number];

/** What an arrow key adds. */
export const STEPS: Readonly<Record<string, Cell | undefined>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

const clamp = (v: number, count: number): number => Math.max(0, Math.min(count - 1, v));

/** The cell that lies a step on, within the grid. */
export const moved = ([r, c]: Cell, [down, right]: Cell, rows: number, cols: number): Cell => [
  clamp(r + down, rows),
  clamp(c + right, cols),
];

/** As an address has it: `3,4`. Undefined if it is none. */
export function parseCell(text: string | undefined): Cell | undefined {
  const [, r, c] = /^(\d{1,6}),(\d{1,6})$/.exec(text ?? "") ?? [];
  return r === undefined ? undefined : [Number(r), Number(c)];
}
