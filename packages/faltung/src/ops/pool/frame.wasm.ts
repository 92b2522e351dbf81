/**
 * What the pooling kernels share: planes of rows, and which taps of a window lie inside the input. A work item is one
 * row of the result; rows are numbered over the leading spatial axes, columns are the last axis.
 */
import { type FunctionBuilder, type I32, type Local, i32 } from "../../wasm/index.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { type Epilogue, type Store, epilogueKey } from "../matmul/epilogue.wasm.ts";
import type { Layout } from "../op.ts";
import { LANES, blocksOf } from "../shape/physical.ts";
import type { PoolWindow } from "./window.ts";

/** One spatial axis: a window's tap t at output o lies on input o·stride − begin + t·dilation. */
export interface PoolAxis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly begin: number;
  readonly dilation: number;
}

/** Constants of a kernel. */
export interface Frame {
  readonly rows: readonly PoolAxis[];
  readonly columns: PoolAxis;
  /** Numbers side by side in a cell: 8 channels, or 1. */
  readonly lanes: number;
  /** Planes of one sample: blocks of channels, or channels. */
  readonly perSample: number;
}

export function frameOf(
  window: PoolWindow,
  input: Shape,
  output: Shape,
  layout: Layout,
): Frame & { readonly planes: number } {
  const axes = window.kernel.map((kernel, d) => ({
    input: input[d + 2],
    output: output[d + 2],
    kernel,
    stride: window.stride[d],
    begin: window.padding[d][0],
    dilation: window.dilation[d],
  }));
  const blocked = layout === "blocked";
  const perSample = blocked ? blocksOf(input[1]) : input[1];
  return {
    rows: axes.slice(0, -1),
    columns: axes[axes.length - 1],
    lanes: blocked ? LANES : 1,
    perSample,
    planes: input[0] * perSample,
  };
}

export function frameKey({ rows, columns, lanes }: Frame): string {
  return (
    [...rows, columns]
      .map((a) => `${a.input}>${a.output} k${a.kernel}s${a.stride}p${a.begin}d${a.dilation}`)
      .join(" ") + ` ×${lanes}`
  );
}

export function rowCount(axes: readonly PoolAxis[], side: "input" | "output"): number {
  return sizeOf(axes.map((a) => a[side]));
}

/** Splits the number of a row over all planes into its index along each leading axis, and the plane. */
export function splitRow(
  f: FunctionBuilder,
  item: I32,
  axes: readonly PoolAxis[],
  side: "input" | "output",
): { readonly index: readonly Local<"i32">[]; readonly plane: Local<"i32"> } {
  const index: Local<"i32">[] = [];
  let rest = f.let(item);
  for (let d = axes.length - 1; d >= 0; d--) {
    index[d] = f.let(i32.remU(rest, axes[d][side]));
    rest = f.let(i32.divU(rest, axes[d][side]));
  }
  return { index, plane: rest };
}

/** Tells an epilogue which channels the results of a plane are. */
export function announceChannels(store: Store, { perSample, lanes }: Frame, plane: I32): void {
  store.channel(i32.mul(i32.remU(plane, perSample), lanes));
}

/** Part of a kernel's key: an epilogue makes the code depend on the number of planes. */
export function fusedKey(epilogue: Epilogue | undefined, { perSample }: Frame): string {
  return epilogue === undefined ? "" : ` ${epilogueKey(epilogue)} of ${perSample}`;
}

/** True where every window lies inside the input. */
export function neverClips(a: PoolAxis): boolean {
  return a.begin === 0 && (a.output - 1) * a.stride + a.dilation * (a.kernel - 1) + 1 <= a.input;
}

/** Input cell of tap 0, and the taps low ≤ t < high that lie inside, for output `o` of an axis. */
export function tapRange(
  f: FunctionBuilder,
  a: PoolAxis,
  o: I32,
): { readonly first: Local<"i32">; readonly low: Local<"i32">; readonly high: Local<"i32"> } {
  const first = f.let(i32.sub(i32.mul(o, a.stride), a.begin));
  // Taps needed to cover `cells` cells.
  const taps = (cells: I32): I32 => (a.dilation === 1 ? cells : i32.divS(i32.add(cells, a.dilation - 1), a.dilation));
  const low = f.let(taps(i32.sub(0, first)));
  f.if(
    i32.ltS(first, 0),
    () => {},
    () => f.set(low, 0),
  );
  const high = f.let(taps(i32.sub(a.input, first)));
  f.atMost(high, a.kernel);
  return { first, low, high };
}

/** The outputs of an axis whose windows lie inside the input: from ≤ o < to. */
export function insideRange(a: PoolAxis): { readonly from: number; readonly to: number } {
  const from = Math.min(Math.ceil(a.begin / a.stride), a.output);
  const room = a.input + a.begin - (a.dilation * (a.kernel - 1) + 1);
  const to = room < 0 ? 0 : Math.floor(room / a.stride) + 1;
  return { from, to: Math.max(Math.min(to, a.output), from) };
}
