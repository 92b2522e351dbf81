/** Both directions of a convolution as gathers (see axis.ts), and which algorithm is worth it for which. */
import type { Shape } from "../../tensor/shape.ts";
import type { BufferRef, Lowered, Site } from "../op.ts";
import type { ConvAttributes } from "./attributes.ts";
import { type Axes, type Axis, forwardAxis, isIdentity, sourceCells, transposedAxes, unitAxis } from "./axis.ts";

export const input = (index: number): BufferRef => ({ kind: "input", index });
export const temp = (index: number): BufferRef => ({ kind: "temp", index });
export const output: BufferRef = { kind: "output", index: 0 };

/** A gather in one direction: what is made from what. */
export interface Gather {
  readonly direction: "forward" | "transposed";
  readonly groups: number;
  /** Channels per group: made, and summed over. */
  readonly made: number;
  readonly summed: number;
  readonly axes: Axes;
}

/** All three dimensions, the missing ones first. */
export function axesOf(a: ConvAttributes, axisOf: (d: number) => readonly Axis[]): Axes {
  const rank = a.input.length;
  const at = (d: number): readonly Axis[] => (d < 0 ? [unitAxis] : axisOf(d));
  return flattened([at(rank - 3), at(rank - 2), at(rank - 1)]);
}

/** Without border, stride and taps, all cells are one row, which cuts into tiles better than short rows do. */
export function flattened(axes: Axes): Axes {
  const cells = sourceCells(axes);
  const [, , [x]] = axes;
  if (!axes.flat().every(isIdentity) || (x.source >= 28 && cells > 1024)) return axes;
  return [[unitAxis], [unitAxis], [{ ...unitAxis, source: cells, result: cells, count: cells }]];
}

export function forwardAxes(a: ConvAttributes): Axes {
  return axesOf(a, (d) => [forwardAxis(a, d)]);
}

export function forwardGather(a: ConvAttributes, w: Shape): Gather {
  return { direction: "forward", groups: a.groups, made: w[0] / a.groups, summed: w[1], axes: forwardAxes(a) };
}

export function transposedGather(a: ConvAttributes, w: Shape): Gather {
  const axes = axesOf(a, (d) => transposedAxes(a, d));
  return { direction: "transposed", groups: a.groups, made: w[1], summed: w[0] / a.groups, axes };
}

/** The algorithms in question. */
export type Family = "direct" | "depthwise" | "general";

/** Beyond this many taps along x, unrolling them makes too much code. */
export const mostTaps = 12;

export function familyOf({ groups, made, summed, axes }: Gather): Family {
  if (axes[2].some((x) => x.taps > mostTaps)) return "general";
  if (groups === 1 || (made % 8 === 0 && summed % 8 === 0)) return "direct"; // no block of channels straddles groups
  return made === 1 && summed === 1 ? "depthwise" : "general";
}

/** How a 3×3 convolution of stride 1, or a gradient of it, can be computed: directly or by Winograd's F(2×2) or F(4×4). */
export const algorithms = ["direct", "winograd2", "winograd4"] as const;
export type Algorithm = (typeof algorithms)[number];

/** Whether Winograd's algorithms can do it. */
export function winogradFits({ groups, summed, axes }: Omit<Gather, "direction">): boolean {
  const [[z], [y], [x]] = axes;
  const fits = (axis: Axis): boolean => axis.taps === 3 && axis.step === 1 && axis.stride === 1 && axis.shiftHop === 1;
  const plane = axes.every((list) => list.length === 1) && z.source * z.taps * z.result === 1;
  return groups === 1 && summed >= 8 && plane && fits(y) && fits(x);
}

/**
 * Which algorithm is worth it: by the time, in cycles of a tile's eight multiply-adds, that each takes. Fitted to
 * measurements on Zen 5; the same on every machine, so that results are.
 */
export function usualAlgorithm({ made, summed, axes }: Omit<Gather, "direction">, batch: number): Algorithm {
  const [, [y], [x]] = axes;
  const inputs = Math.ceil(summed / 8);
  const outputs = Math.ceil(made / 8);
  const direct = batch * y.count * x.count * 9 * summed * outputs * 1.1;
  const cycles = (size: 2 | 4): number => {
    const tiles = batch * Math.ceil(y.count / size) * Math.ceil(x.count / size);
    const planes = (size + 2) ** 2;
    return tiles * planes * (summed * outputs * 1.2 + 7 * inputs + 6 * outputs);
  };
  const size = cycles(4) <= cycles(2) ? 4 : 2;
  return cycles(size) < direct ? `winograd${size}` : "direct";
}

/** The work lowered by the algorithm that the target chooses, or by the usual one. */
export function lowerChosen(
  g: Omit<Gather, "direction">,
  work: string,
  site: Site<ConvAttributes>,
  lower: (size: 2 | 4 | undefined) => Lowered,
): Lowered {
  if (!site.target.fast || !winogradFits(g)) return lower(undefined);
  const batch = site.inputs[0].type.shape[0];
  const usual = usualAlgorithm(g, batch);
  const by = (algorithm: string): Lowered =>
    lower(algorithm === "winograd2" ? 2 : algorithm === "winograd4" ? 4 : undefined);
  const chosen = site.target.choose?.({ work: `${work}, batch ${batch}`, algorithms, usual, site, lower: by });
  return by(chosen ?? usual);
}

/** `3×3 /2×2 groups 4`. */
export function describeWindow({ kernel, stride, dilation, groups }: ConvAttributes): string {
  return (
    kernel.join("×") +
    (stride.some((s) => s > 1) ? ` /${stride.join("×")}` : "") +
    (dilation.some((d) => d > 1) ? ` dilated ${dilation.join("×")}` : "") +
    (groups > 1 ? ` groups ${groups}` : "")
  );
}
