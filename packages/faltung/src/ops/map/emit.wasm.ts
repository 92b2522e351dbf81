/**
 * Evaluates expressions on vectors of four lanes: shared by map, reduce and epilogue code.
 */
import { type FunctionBuilder, type V128, f32x4, i32x4, v128 } from "../../wasm/index.ts";
import type { DType } from "../../tensor/shape.ts";
import { type MapExpression, type ScalarEmitter, dtypeAt } from "./expression.ts";

/** An emitter that writes into `f`. `fma`: relaxed multiply-add is allowed (see `Target.fma`). */
export function scalarEmitter(f: FunctionBuilder, fma: boolean): ScalarEmitter {
  // A truth value remembers the mask that it came from, so that where(lt(a, b), …) is one comparison and one select.
  const masks = new WeakMap<V128, V128>();
  const fromMask = (mask: V128): V128 => {
    const truth = i32x4.shrU(mask, 31);
    masks.set(truth, mask);
    return truth;
  };
  const share = (x: V128): V128 => (x.op.name === "local.get" || x.op.name === "v128.const" ? x : f.let(x));
  return {
    let(x) {
      const mask = masks.get(x);
      return mask === undefined ? share(x) : fromMask(share(mask));
    },
    fma: (a, b, c) => (fma ? f32x4.relaxedMadd(a, b, c) : f32x4.add(f32x4.mul(a, b), c)),
    fromMask,
    toMask(x, dtype) {
      return masks.get(x) ?? (dtype === "float32" ? f32x4.ne(x, f32x4.const(0)) : i32x4.ne(x, i32x4.const(0)));
    },
  };
}

/**
 * The results that `expression` stores, on four lanes.
 *
 * @param inputs one vector per input: float32 as f32x4, int32 and uint8 as i32x4 (uint8 widened). They may be loads;
 * what is used twice is put into a local.
 */
export function emitExpression(e: ScalarEmitter, expression: MapExpression, inputs: readonly V128[]): V128[] {
  const { steps, outputs } = expression;
  const own = expression.inputs.length;
  const uses = new Array<number>(own + steps.length).fill(0);
  for (const step of steps) for (const arg of step.args) uses[arg]++;
  for (const output of outputs) uses[output]++;
  const results: V128[] = inputs.map((x, i) => (uses[i] > 1 ? e.let(x) : x));
  steps.forEach((step, i) => {
    const { fn, args, attrs } = step;
    const dtypes = args.map((arg) => dtypeAt(expression, arg));
    const x = fn.emit(
      e,
      args.map((arg) => results[arg]),
      dtypes,
      attrs,
    );
    results.push(uses[own + i] > 1 ? e.let(x) : x);
  });
  return outputs.map((output) => results[output]);
}

/** Four lanes of a dtype as float32. */
export function toFloat(x: V128, dtype: DType): V128 {
  return dtype === "float32" ? x : f32x4.convertI32x4S(x);
}

/** Four i32 lanes cut to their low eight bits, as storing into bytes does. */
export function wrapByte(x: V128): V128 {
  return v128.and(x, i32x4.const(0xff));
}
