/**
 * Errors of the vector functions in units in the last place, against Math in doubles (erf: against its series), over
 * every 4,099th float32 there is and a dense sweep where each function bends.
 */
import { expect, test } from "vitest";
import { runLowered } from "../../../test/run-lowered.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { wasmFeatures } from "../../wasm/index.ts";
import type { Operation, Target } from "../op.ts";
import * as ops from "../elementwise/functions.ts";
import { power } from "./special.ts";

const arithmetic = wasmFeatures().relaxedSimd ? [false, true] : [false];

/** All sign and exponent combinations, denormals, NaN and infinities among them. */
const everywhere: Float32Array = (() => {
  const bits = new Uint32Array(Math.floor(2 ** 32 / 4099));
  for (let i = 0; i < bits.length; i++) bits[i] = i * 4099;
  return new Float32Array(bits.buffer);
})();

function sweep(from: number, to: number, count = 200_000): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => from + ((to - from) * i) / count);
}

function run<A>(op: Operation<A>, attrs: A, args: readonly Float32Array[], fma: boolean): Float32Array {
  const shape = [args[0].length];
  const tensors = args.map((x) => new Tensor(x, shape));
  const type = { shape, dtype: "float32" } as const;
  const target: Target = { fma, fast: true, wide: false, threads: 1 };
  const lowered = op.wasm?.lower({
    inputs: tensors.map((t) => ({ type: t, layout: "plain" })),
    output: { type, layout: "plain" },
    attrs,
    target,
  });
  if (lowered === undefined) throw new Error(`${op.name} has no kernel`);
  return runLowered(
    lowered,
    tensors.map((tensor) => ({ tensor })),
    [{ type }],
  )[0].data as Float32Array;
}

/** Distance in units of the last place of the float32 nearest to the exact value. */
function ulps(actual: number, exact: number): number {
  const nearest = Math.fround(exact);
  if (Object.is(actual, nearest) || actual === nearest) return 0;
  if (!Number.isFinite(actual) || !Number.isFinite(nearest)) {
    // At the edge of the range one unit decides between the largest number and infinity.
    return Math.abs(Math.min(Math.abs(exact), 3.5e38) - Math.min(Math.abs(actual), 3.4028234e38)) < 1e32 ? 1 : Infinity;
  }
  const unit = 2 ** Math.max(-149, Math.floor(Math.log2(Math.abs(nearest))) - 23);
  return Math.abs(actual - exact) / unit;
}

function worst(
  x: readonly Float32Array[],
  y: Float32Array,
  exact: (...args: number[]) => number,
): { ulps: number; at: string } {
  let most = { ulps: 0, at: "" };
  for (let i = 0; i < y.length; i++) {
    const args = x.map((list) => list[i]);
    const error = ulps(y[i], exact(...args));
    if (!(error <= most.ulps)) most = { ulps: error, at: `(${args.join(", ")}) gives ${y[i]}, not ${exact(...args)}` };
  }
  return most;
}

// Bounds are what is measured, rounded up; sigmoid loses its denormals (e^x overflows first), so it is swept above them.
const functions = [
  ["exp", ops.expOp, Math.exp, 1, [everywhere, sweep(-104, 89)]],
  ["expm1", ops.expm1Op, Math.expm1, 2, [everywhere, sweep(-3, 3), sweep(-20, 89)]],
  ["log", ops.logOp, Math.log, 1, [everywhere, sweep(0.3, 3)]],
  ["log1p", ops.log1pOp, Math.log1p, 2, [everywhere, sweep(-0.99, 3)]],
  ["sigmoid", ops.sigmoidOp, (x: number) => 1 / (1 + Math.exp(-x)), 3, [sweep(-87, 30), sweep(-2, 2)]],
  ["tanh", ops.tanhOp, Math.tanh, 3, [everywhere, sweep(-10, 10)]],
  ["erf", ops.erfOp, undefined, 2, [everywhere, sweep(-4.5, 4.5, 60_000)]],
  ["sqrt", ops.sqrtOp, Math.sqrt, 0.5, [everywhere]],
] as const;

for (const fma of arithmetic) {
  for (const [name, op, exact, bound, inputs] of functions) {
    test(`${name} within ${bound} ulp${fma ? ", fused multiply-add" : ""}`, () => {
      for (const x of inputs) {
        const error = worst([x], run(op, null, [x], fma), exact ?? ((v) => op.scalar.evaluate([v], ["float32"], null)));
        expect(error.ulps, error.at).toBeLessThanOrEqual(bound);
      }
    });
  }

  test(`pow within 1 ulp${fma ? ", fused multiply-add" : ""}`, () => {
    const sixth = everywhere.filter((_, i) => i % 6 === 0);
    const bases = Float32Array.from(sixth, (_, i) => everywhere[(i * 7919) % everywhere.length]);
    const mild = Float32Array.from(bases, (_, i) => 2 ** (((i * 31) % 257) / 16 - 8));
    const exponents = Float32Array.from(bases, (_, i) => ((i * 97) % 1009) / 64 - 8);
    for (const x of [
      [bases, exponents],
      [mild, exponents],
      [bases, sixth],
    ]) {
      const error = worst(x, run(ops.powOp, null, x, fma), power);
      expect(error.ulps, error.at).toBeLessThanOrEqual(1);
    }
  });
}
