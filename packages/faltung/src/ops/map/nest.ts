/**
 * How a kernel walks its operands: outer dimensions around one run of elements that lie side by side. Dimensions that
 * all operands step through alike are merged first, so most programs are one flat run.
 */
import type { Layout } from "../op.ts";
import { type DType, type Shape, sizeOf, stridesOf } from "../../tensor/shape.ts";

/** An operand in a domain: how many of its elements (in plain order) one step along each dimension skips; 0: repeated. */
export interface Access {
  readonly dtype: DType;
  readonly layout: Layout;
  readonly steps: readonly number[];
}

/**
 * How an operand changes along the run. `run`: element by element. `splat`: not at all. In channel-blocked runs, whose
 * eight lanes are channels, also `channel`: by lane only; and `pixel`: only from one group of eight to the next. `step`:
 * not at all, but it is loaded anew for each vector, as something else moves it.
 */
export type Along = "run" | "splat" | "channel" | "pixel" | "step";

export interface NestOperand {
  readonly dtype: DType;
  readonly along: Along;
  /** Elements skipped by one step along each outer dimension. */
  readonly steps: readonly number[];
}

export interface Nest {
  readonly outer: readonly number[];
  /** Elements of the run. */
  readonly run: number;
  readonly operands: readonly NestOperand[];
}

/** Merges neighbouring dimensions that every list of steps walks as one, and drops those of size 1. */
export function collapse(
  dims: readonly number[],
  steps: readonly (readonly number[])[],
): { dims: number[]; steps: number[][] } {
  const outDims: number[] = [];
  const outSteps: number[][] = steps.map(() => []);
  for (let i = dims.length - 1; i >= 0; i--) {
    if (dims[i] === 1) continue;
    const first = outDims.length > 0 && steps.every((s, k) => s[i] === outSteps[k][0] * outDims[0]);
    if (first) {
      outDims[0] *= dims[i];
    } else {
      outDims.unshift(dims[i]);
      steps.forEach((s, k) => outSteps[k].unshift(s[i]));
    }
  }
  return { dims: outDims, steps: outSteps };
}

/** The nest of operands over a plain domain. */
export function plainNest(shape: Shape, operands: readonly Access[]): Nest {
  const all = collapse(shape, [stridesOf(shape), ...operands.map((x) => x.steps)]);
  if (all.steps.some((s) => (s.at(-1) ?? 0) > 1)) {
    // Nothing lies side by side: runs of one element.
    all.dims.push(1);
    for (const s of all.steps) s.push(0);
  }
  const outer = all.dims.slice(0, -1);
  return {
    outer,
    run: all.dims.at(-1) ?? 1,
    operands: operands.map(({ dtype }, i) => {
      const steps = all.steps[i + 1];
      return { dtype, along: steps.at(-1) === 1 ? "run" : "splat", steps: steps.slice(0, -1) };
    }),
  };
}

/**
 * Whether an operand of shape `own` and these steps can be read while the domain is walked channel-blocked, and from
 * which layout: blocked if it has the domain's shape (but perhaps one image for all), plain if it is repeated over the
 * pixels or over the channels.
 */
export function blockedAccess(shape: Shape, own: Shape, steps: readonly number[]): Layout | null {
  if (shape.length < 3 || shape.length > 5) return null;
  if (own.length === shape.length && own.every((d, i) => d === shape[i] || (i === 0 && d === 1))) return "blocked";
  const [n, c, ...spatial] = classify(shape, steps);
  const repeated = spatial.every((s) => s === "repeated");
  if (repeated && (c !== "full" || n !== "odd")) return "plain";
  return c === "repeated" && spatial.every((s) => s === "full") ? "plain" : null;
}

/** For each dimension: walked in row-major order, not walked (or of size 1), or otherwise. */
function classify(shape: Shape, steps: readonly number[]): ("full" | "repeated" | "odd")[] {
  let inside = 1;
  const kinds: ("full" | "repeated" | "odd")[] = shape.map(() => "odd");
  for (let i = shape.length - 1; i >= 0; i--) {
    if (steps[i] === 0) {
      kinds[i] = "repeated";
    } else if (steps[i] === inside) {
      kinds[i] = "full";
      inside *= shape[i];
    }
  }
  return kinds;
}

/**
 * The nest of operands over a channel-blocked domain: outer dimensions are images and channel blocks, runs their lanes.
 * @param merged merge dimensions where possible
 */
export function blockedNest(shape: Shape, operands: readonly Access[], merged = true): Nest {
  const [n, c, ...spatial] = shape;
  const pixels = sizeOf(spatial);
  const blocks = Math.ceil(c / 8);
  const nested = operands.map(({ dtype, layout, steps }): NestOperand => {
    if (layout === "blocked")
      return { dtype, along: "run", steps: [steps[0] === 0 ? 0 : blocks * pixels * 8, pixels * 8] };
    const lanes = steps[1];
    const moves = steps.slice(2).some((s, i) => s !== 0 && spatial[i] > 1);
    if (lanes !== 0 && c > 1) return { dtype, along: "channel", steps: [steps[0], lanes * 8] };
    return { dtype, along: moves ? "pixel" : "splat", steps: [steps[0], 0] };
  });
  if (!merged) return { outer: [n, blocks], run: pixels * 8, operands: nested };
  const mixed = nested.some((x) => x.along === "channel" || x.along === "pixel");
  const dims = [n, blocks];
  if (mixed) {
    const run = pixels * 8;
    const { dims: outer, steps } = collapse(dims, [[blocks * run, run], ...nested.map((x) => x.steps)]);
    return { outer, run, operands: nested.map((x, i) => ({ ...x, steps: steps[i + 1] })) };
  }
  // Nothing depends on the lane: merge the run into the rows where possible.
  const steps = nested.map((x) => [...x.steps, x.along === "run" ? 1 : 0]);
  const all = collapse([...dims, pixels * 8], [[blocks * pixels * 8, pixels * 8, 1], ...steps]);
  return {
    outer: all.dims.slice(0, -1),
    run: all.dims.at(-1) ?? 1,
    operands: nested.map((x, i) => ({
      dtype: x.dtype,
      along: all.steps[i + 1].at(-1) === 1 ? "run" : "splat",
      steps: all.steps[i + 1].slice(0, -1),
    })),
  };
}

/** For each dimension of `to`, the step in elements of a tensor of shape `from` that is broadcast to it. */
export function stepsIn(from: Shape, to: Shape): number[] {
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  return to.map((_, i) => (i < lead || from[i - lead] === 1 ? 0 : strides[i - lead]));
}
