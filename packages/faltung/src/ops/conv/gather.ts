/** Both directions of a convolution as gathers (see axis.ts), and which algorithm is worth it for which. */
import type { Shape } from "../../tensor/shape.ts";
import type { BufferRef, Lowered, Site } from "../op.ts";
import type { ConvAttributes } from "./attributes.ts";
import { type Tiling, productsTogether, sixFits, tilesPerImage, tilingsOf, wholeTiling } from "./winograd/tiling.ts";
import { type WinogradGradientSize, type WinogradSize, planesOf } from "./winograd/transforms.ts";
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

/** Sizes of Winograd's algorithm that can do it: those for 3×3 taps and stride 1. */
export function winogradSizes({ groups, summed, axes }: Omit<Gather, "direction">): readonly WinogradGradientSize[] {
  const [[z], [y], [x]] = axes;
  const fits = (axis: Axis): boolean => axis.taps === 3 && axis.step === 1 && axis.stride === 1 && axis.shiftHop === 1;
  const plane = axes.every((list) => list.length === 1) && z.source * z.taps * z.result === 1;
  if (groups > 1 || summed < 8 || !plane || !fits(y) || !fits(x)) return [];
  return sixFits(y, x) ? [6, 4, 2] : [4, 2];
}

/** A convolution, or the gradient by weight of one, which sums over tiles. */
type Summed = "channels" | "tiles";

/**
 * Cycles that an algorithm takes, counted in a tile's eight multiply-adds. Fitted to measurements on Zen 5 and on Intel
 * (F(6) beside F(4), 123 shapes each on Node 20 and 24: what it takes is 1 % slower than the better one, on average);
 * the same on every machine, so that results are.
 */
function cyclesOf(
  { made, summed, axes }: Omit<Gather, "direction">,
  over: Summed,
  batch: number,
  size?: WinogradSize,
): number {
  const [, [y], [x]] = axes;
  const outputs = Math.ceil(made / 8);
  if (size === undefined) return batch * y.count * x.count * y.taps * x.taps * summed * outputs * 1.1;
  const together = over === "channels" ? wholeTiling(size, y, x, batch, summed) : undefined;
  const tilings: readonly Tiling[] = together === undefined ? tilingsOf(size, y, x) : [together];
  return tilings.reduce((sum, tiling, part) => {
    const planes = planesOf(tiling.size);
    const six = tiling.size === 6;
    // Strips are read by a pass of their own. Weights, or sums over tiles, are loaded and stored as if for some tiles
    // more; and as often as there is room for fewer tiles at a time, if there are many channels and planes.
    const sums = six && over === "tiles";
    const perImage = together === undefined ? tilesPerImage(tiling) : productsTogether(together, y, x) / planes;
    const tiles = batch * perImage * (part === 0 ? 1 : 1.2) + (sums ? 10 : 2.5);
    const product = sums ? 1.2 + (summed + 32) / 400 : 1.2;
    const transforms = (six ? 7.5 : 7) * Math.ceil(summed / 8) + (six ? 6.5 : 6) * outputs;
    return sum + planes * tiles * (summed * outputs * product + transforms);
  }, 0);
}

export interface Choice<S extends WinogradSize> {
  /** Of Winograd's algorithm that can do it. */
  readonly sizes: readonly S[];
  readonly over: Summed;
  /** The work as Winograd's algorithm computes it, if that is other work. */
  readonly wino?: Omit<Gather, "direction">;
  lower(size: S | undefined): Lowered;
}

/** The work lowered by the algorithm that the target chooses, or by the one that should take the least time. */
export function lowerChosen<S extends WinogradSize>(
  g: Omit<Gather, "direction">,
  work: string,
  site: Site<ConvAttributes>,
  { sizes, over, wino = g, lower }: Choice<S>,
): Lowered {
  if (!site.target.fast || sizes.length === 0) return lower(undefined);
  const batch = site.inputs[0].type.shape[0];
  const nameOf = (size: S | undefined): string => (size === undefined ? "direct" : `winograd${size}`);
  const all = new Map([undefined, ...sizes].map((size) => [nameOf(size), size]));
  const cycles = (size: S | undefined): number => cyclesOf(size === undefined ? g : wino, over, batch, size);
  const faster = (a: S | undefined, b: S | undefined): S | undefined => (cycles(b) < cycles(a) ? b : a);
  const usual = nameOf(sizes.reduce<S | undefined>(faster, undefined));
  const by = (algorithm: string): Lowered => lower(all.get(algorithm));
  const algorithms = [...all.keys()];
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
