/** What the address says about the filter; what it does not say, or says wrongly, has its usual value. */
import type { PaddingMode } from "faltung";
import type { Query } from "../address.ts";
import { type Matrix, parseMatrix, parseNumber } from "../ui/matrix.ts";
import { KERNELS } from "./kernels.ts";
import { VIEWS, type View } from "./picture.ts";

export const SIZES: readonly number[] = [3, 5, 7, 9];
export const STRIDES: readonly number[] = [1, 2, 3, 4];
export const MODES: readonly PaddingMode[] = ["zeros", "reflect", "replicate", "circular"];

/** A kernel that the page takes: a square of one of the sizes. */
export const isKernel = (rows: Matrix): boolean => SIZES.includes(rows.length) && rows[0].length === rows.length;

export interface FilterState {
  /** A classic kernel's name, or `own`. */
  readonly kernel: string;
  readonly weights: Matrix;
  readonly divisor: number;
  readonly mode: PaddingMode;
  readonly stride: number;
  readonly gray: boolean;
  readonly view: View;
  /** 0 red, 1 green, 2 blue: whose sum is written out. */
  readonly channel: number;
}

export function filterFrom(query: Query): FilterState {
  const own = parseMatrix(query["weights"] ?? "");
  const isOwn = own !== undefined && isKernel(own);
  const asked = query["kernel"] ?? "";
  const kernel = isOwn ? "own" : Object.hasOwn(KERNELS, asked) ? asked : "sobelx";
  const classic = KERNELS[kernel];
  const weights = isOwn ? own : classic.weights;
  const divisor = isOwn ? parseNumber(query["divisor"] ?? "") || 1 : classic.divisor;
  const sum = weights.flat().reduce((a, b) => a + b, 0);
  return {
    kernel,
    weights,
    divisor,
    mode: MODES.find((m) => m === query["mode"]) ?? "replicate",
    stride: STRIDES.find((s) => String(s) === query["stride"]) ?? 1,
    gray: query["gray"] === "1",
    view: VIEWS.find((v) => v === query["view"]) ?? (Math.abs(sum) < 0.5 ? "signed" : "clip"),
    channel: [0, 2].find((c) => String(c) === query["channel"]) ?? 1,
  };
}
