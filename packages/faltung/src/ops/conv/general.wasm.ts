/**
 * What the blocked kernels cannot do (groups that fill no vector, very long kernels), on plain layouts, for both
 * directions of the relation and any axes: one result at a time; four where neighbours read neighbouring cells.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { type FunctionBuilder, type I32, type Local, f32, f32x4, i32, v128 } from "../../wasm/index.ts";
import { type Epilogue, type Store, epilogueKey, storeOf } from "../matmul/epilogue.wasm.ts";
import type { DirectShape } from "./direct.wasm.ts";
import { type Axis, axesKey, interior, kernelTaps, resultsOf, sourceCells, tapsOf } from "./axis.ts";
import { type TapRange, emitTapLoop, emitTapRange, resultOf } from "./axis.wasm.ts";

export interface GeneralShape extends Pick<DirectShape, "groups" | "made" | "summed" | "axes"> {
  /** Which of the weight's two first dimensions is made: O for the convolution, C for the transposed one. */
  readonly madeFirst: boolean;
  readonly epilogue?: Epilogue;
}

/** Pointers: source, weight, result, the epilogue's operands, all plain. Work items: images × channels made. */
export function generalKernel(shape: GeneralShape): Kernel {
  const { groups, made, summed, axes, madeFirst, epilogue } = shape;
  const operands = epilogue?.operands.length ?? 0;
  const [zs, ys] = axes;
  const taps = kernelTaps(axes);
  return defineKernel(
    {
      key: `general ${groups} ${made} ${summed} ${madeFirst} ${axesKey(axes)} ${epilogueKey(epilogue)}`,
      pointers: 3 + operands,
      name: "general",
    },
    (f, lo, hi, _scratch, source, weight, result, ...operandPointers) => {
      const store = storeOf(f, epilogue, false, result, operandPointers);
      const item = f.local("i32", "item");
      f.for(item, lo, hi, 1, () => {
        const channel = f.let(i32.remU(item, groups * made), "channel");
        const group = f.let(i32.divU(channel, made), "group");
        const image = i32.divU(item, groups * made);
        const firstSource = i32.add(i32.mul(image, groups * summed), i32.mul(group, summed));
        const from = f.let(i32.add(source, i32.mul(firstSource, 4 * sourceCells(axes))), "from");
        const firstWeight = madeFirst
          ? i32.mul(channel, summed * taps)
          : i32.add(i32.mul(group, summed * made * taps), i32.mul(i32.remU(channel, made), taps));
        const weights = f.let(i32.add(weight, i32.mul(firstWeight, 4)), "weights");
        const to = f.let(i32.add(result, i32.mul(item, 4 * resultsOf(axes))), "to");
        store.channel(channel);
        for (const z of zs) for (const y of ys) emitRows(f, store, shape, z, y, { from, weights, to });
      });
    },
  );
}

interface Pointers {
  readonly from: Local<"i32">;
  readonly weights: Local<"i32">;
  readonly to: Local<"i32">;
}

function emitRows(
  f: FunctionBuilder,
  store: Store,
  shape: GeneralShape,
  z: Axis,
  y: Axis,
  { from, weights, to }: Pointers,
): void {
  const [, ys, xs] = shape.axes;
  const iz = f.local("i32", "z");
  const iy = f.local("i32", "y");
  const rowCells = xs[0].source;
  f.for(iz, 0, z.count, 1, () => {
    const zTaps = emitTapRange(f, z, iz, 4 * ys[0].source * rowCells, 4 * tapsOf(ys) * tapsOf(xs));
    f.for(iy, 0, y.count, 1, () => {
      const yTaps = emitTapRange(f, y, iy, 4 * rowCells, 4 * tapsOf(xs));
      const row = {
        from: f.let(i32.add(from, i32.add(zTaps.source, yTaps.source)), "rowFrom"),
        weights: f.let(i32.add(weights, i32.add(zTaps.weight, yTaps.weight)), "rowWeights"),
        to: f.let(
          i32.add(to, i32.mul(i32.add(i32.mul(resultOf(z, iz), ys[0].result), resultOf(y, iy)), 4 * xs[0].result)),
          "rowTo",
        ),
      };
      for (const x of xs) emitRow(f, store, shape, x, row, [zTaps, yTaps]);
    });
  });
}

function emitRow(
  f: FunctionBuilder,
  store: Store,
  shape: GeneralShape,
  x: Axis,
  row: Pointers,
  outer: readonly [TapRange, TapRange],
): void {
  const ix = f.local("i32", "x");
  const one = (): void => {
    const range = emitTapRange(f, x, ix, 4, 4);
    const sum = f.local("f32", "sum");
    f.set(sum, 0);
    emitSum(f, shape, row, outer, range, (source, weight) => {
      f.set(sum, f32.add(sum, f32.mul(f32.load(source), f32.load(weight))));
    });
    const to = f.let(i32.add(row.to, i32.mul(resultOf(x, ix), 4)), "place");
    store.group();
    f.do(v128.store32Lane(to, store.finish(f32x4.splat(sum), to, 0, 0, true), 0));
  };
  const [from, to] = x.step === 1 && x.stride === 1 ? interior(x) : [0, 0];
  if (to - from < 4) {
    f.for(ix, 0, x.count, 1, one);
    return;
  }
  const vectors = from + Math.floor((to - from) / 4) * 4;
  f.for(ix, 0, from, 1, one);
  f.for(ix, from, vectors, 4, () => {
    const range = {
      count: x.taps,
      sourceHop: 4 * x.shiftHop,
      weightHop: 4 * x.tapHop,
      source: i32.mul(i32.add(ix, x.shift), 4),
      weight: i32.const(4 * x.tap),
    };
    const sum = f.local("v128", "sums");
    f.set(sum, f32x4.const(0));
    emitSum(f, shape, row, outer, range, (source, weight) => {
      f.set(sum, f32x4.add(sum, f32x4.mul(v128.load(source), v128.load32Splat(weight))));
    });
    const to = f.let(i32.add(row.to, i32.mul(resultOf(x, ix), 4)), "place");
    store.group();
    f.do(v128.store(to, store.finish(sum, to, 0, 0, true)));
  });
  f.for(ix, vectors, x.count, 1, one);
}

/** All channels and all taps inside. */
function emitSum(
  f: FunctionBuilder,
  { summed, made, axes, madeFirst }: GeneralShape,
  row: Pointers,
  [z, y]: readonly [TapRange, TapRange],
  x: TapRange & { readonly source: I32; readonly weight: I32 },
  body: (source: I32, weight: I32) => void,
): void {
  const taps = kernelTaps(axes);
  const source = f.let(i32.add(row.from, x.source), "channelFrom");
  const weight = f.let(i32.add(row.weights, x.weight), "channelWeights");
  const n = f.local("i32", "channels");
  f.set(n, summed);
  f.countdown(n, () => {
    emitTapLoop(f, z, source, weight, (zs, zw) => {
      emitTapLoop(f, y, zs, zw, (ys, yw) => emitTapLoop(f, x, ys, yw, body));
    });
    f.advance(source, 4 * sourceCells(axes));
    f.advance(weight, 4 * taps * (madeFirst ? 1 : made));
  });
}
