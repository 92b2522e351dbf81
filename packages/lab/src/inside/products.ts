/** What makes one cell of a layer that weighs its input: a convolution's sum, or a linear layer's. */
import { sourceIndex } from "faltung/conv";
import type { PlainModel } from "../train/messages.ts";
import type { Cell } from "../ui/cell.ts";
import type { Matrix } from "../ui/matrix.ts";
import type { InspectedMap } from "./inspect-messages.ts";

/** One input channel's part. */
export interface Part {
  readonly channel: number;
  readonly input: Matrix;
  readonly weight: Matrix;
  readonly sum: number;
}

export interface Products {
  /** Of every input channel; the largest sum, whatever its sign, first. */
  readonly parts: readonly Part[];
  readonly bias: number;
  readonly total: number;
}

/** undefined for a layer that weighs nothing. */
export function productsOf(map: InspectedMap, model: PlainModel, channel: number, cell: Cell): Products | undefined {
  const { name, geometry: g, input } = map;
  const weight = model.tensors[`${name}.weight`];
  if (g === undefined || input === undefined || weight === undefined) return undefined;
  const [inputs, rows, cols] = input.shape;
  const [filters, perGroup] = weight.shape;
  const [kr, kc] = g.kernel;
  const first = Math.floor(channel / (filters / g.groups)) * (inputs / g.groups);
  const parts = Array.from({ length: perGroup }, (_, i): Part => {
    const plane = (first + i) * rows * cols;
    const kernel = (channel * perGroup + i) * kr * kc;
    let sum = 0;
    const x: number[][] = [];
    const w: number[][] = [];
    for (let a = 0; a < kr; a++) {
      x.push([]);
      w.push([]);
      for (let b = 0; b < kc; b++) {
        const r = sourceIndex(g, 0, cell[0], a, rows);
        const c = sourceIndex(g, 1, cell[1], b, cols);
        const xv = r < 0 || c < 0 ? 0 : input.data[plane + r * cols + c];
        const wv = weight.data[kernel + a * kc + b];
        x[a].push(xv);
        w[a].push(wv);
        sum += xv * wv;
      }
    }
    return { channel: first + i, input: x, weight: w, sum };
  });
  const bias = model.tensors[`${name}.bias`]?.data[channel] ?? 0;
  const total = parts.reduce((s, p) => s + p.sum, bias);
  return { parts: parts.toSorted((p, q) => Math.abs(q.sum) - Math.abs(p.sum)), bias, total };
}
