/** For the tests and benches of this folder: one operation with random numbers through its kernels, and the truth. */
import { Random } from "../../tensor/random.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { type Harness, instantiate } from "../matmul/testing.ts";
import type { Layout, LayoutChoice, Lowered, Operation, RefTensor, Site, Target } from "../op.ts";
import type { ConvAttributes } from "./attributes.ts";
import { convOp, convTransposeOp, convWeightGradOp } from "./conv2d.op.ts";

/** A relation in few words; numbers hold for every dimension. */
export interface Problem {
  readonly batch: number;
  readonly channels: number;
  readonly outChannels: number;
  readonly input: Shape;
  readonly kernel: Shape;
  readonly stride?: readonly number[];
  readonly dilation?: readonly number[];
  /** Cells on both sides. */
  readonly padding?: readonly number[];
  readonly groups?: number;
}

export const testTarget: Target = { fma: false, fast: false, wide: false, threads: 1 };

export function attributesFor(p: Problem): ConvAttributes {
  const one = p.input.map(() => 1);
  const { stride = one, dilation = one, padding = p.input.map(() => 0), groups = 1 } = p;
  const output = p.input.map(
    (n, d) => Math.floor((n + 2 * padding[d] - dilation[d] * (p.kernel[d] - 1) - 1) / stride[d]) + 1,
  );
  return { groups, stride, dilation, begin: padding, input: p.input, kernel: p.kernel, output };
}

export type Direction = "conv" | "convTranspose" | "convWeightGrad";

const operations: Readonly<Record<Direction, Operation<ConvAttributes>>> = {
  conv: convOp,
  convTranspose: convTransposeOp,
  convWeightGrad: convWeightGradOp,
};

/** Floats of a shape in a layout. */
export function floatsIn(shape: Shape, layout: Layout): number {
  if (layout === "plain") return sizeOf(shape);
  return shape[0] * Math.ceil(shape[1] / 8) * 8 * sizeOf(shape.slice(2));
}

/** Writes `data` in a layout. The lanes beyond the channels hold NaN: nothing may come of them. */
export function toLayout(data: ArrayLike<number>, shape: Shape, layout: Layout, target: Float32Array): void {
  if (layout === "plain") {
    target.set(Array.from(data));
    return;
  }
  target.fill(NaN);
  forBlocked(shape, (plain, blocked) => {
    target[blocked] = data[plain];
  });
}

export function fromLayout(data: Float32Array, shape: Shape, layout: Layout): Float32Array {
  if (layout === "plain") return data.slice(0, sizeOf(shape));
  const result = new Float32Array(sizeOf(shape));
  forBlocked(shape, (plain, blocked) => {
    result[plain] = data[blocked];
  });
  return result;
}

function forBlocked([n, c, ...spatial]: Shape, visit: (plain: number, blocked: number) => void): void {
  const cells = sizeOf(spatial);
  const blocks = Math.ceil(c / 8);
  for (let i = 0; i < n * c; i++) {
    const channel = i % c;
    const block = Math.floor(i / c) * blocks + (channel >> 3);
    for (let p = 0; p < cells; p++) visit(i * cells + p, (block * cells + p) * 8 + (channel & 7));
  }
}

export interface Prepared {
  readonly lowered: Lowered;
  readonly harness: Harness;
  readonly site: Site<ConvAttributes>;
  /** The result in plain layout. */
  result(): Float32Array;
  /** The same by the reference loops in float64. */
  truth(): Float64Array;
}

export function prepare(
  direction: Direction,
  problem: Problem,
  target: Target = testTarget,
  seed = 1,
  lower?: (site: Site<ConvAttributes>) => Lowered,
  choice?: LayoutChoice,
): Prepared {
  const attrs = attributesFor(problem);
  const { batch, channels, outChannels } = problem;
  const x: Shape = [batch, channels, ...attrs.input];
  const w: Shape = [outChannels, channels / attrs.groups, ...attrs.kernel];
  const y: Shape = [batch, outChannels, ...attrs.output];
  const shapes = { conv: [x, w, y], convTranspose: [y, w, x], convWeightGrad: [x, y, w] }[direction];
  const types = shapes.map((shape) => ({ shape, dtype: "float32" as const }));
  const op = operations[direction];
  const wasm = op.wasm;
  if (wasm === undefined) throw new Error(`${direction} has no kernels`);
  const layouts = choice ??
    wasm.layouts?.(types.slice(0, 2), types[2], attrs)[0] ?? { inputs: ["plain", "plain"], output: "plain" };
  const site: Site<ConvAttributes> = {
    inputs: [0, 1].map((i) => ({ type: types[i], layout: layouts.inputs[i] })),
    output: { type: types[2], layout: layouts.output },
    attrs,
    target,
  };
  const lowered = (lower ?? ((s) => wasm.lower(s)))(site);
  const bytes = [...layouts.inputs, layouts.output].map((layout, i) => 4 * floatsIn(shapes[i], layout));
  const harness = instantiate(lowered, { inputs: bytes.slice(0, 2), output: bytes[2] });
  const random = new Random(seed);
  const inputs = [0, 1].map((i): RefTensor => {
    const data = Float32Array.from({ length: sizeOf(shapes[i]) }, () => random.normal());
    toLayout(data, shapes[i], layouts.inputs[i], harness.view("input", i));
    return { ...types[i], data };
  });
  harness.view("output", 0).fill(NaN);
  lowered.temps.forEach((_, i) => harness.view("temp", i).fill(NaN));
  return {
    lowered,
    harness,
    site,
    result: () => fromLayout(harness.view("output", 0), shapes[2], layouts.output),
    truth: () => {
      const data = new Float64Array(sizeOf(shapes[2]));
      op.reference(inputs, attrs, { ...types[2], data });
      return data;
    },
  };
}

/** Largest |got − want|, relative to the largest |want|; NaN where anything is not finite. */
export function relativeError(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let most = 0;
  let scale = 0;
  for (let i = 0; i < want.length; i++) {
    if (!Number.isFinite(got[i])) return NaN;
    most = Math.max(most, Math.abs(got[i] - want[i]));
    scale = Math.max(scale, Math.abs(want[i]));
  }
  return most / (scale || 1);
}
