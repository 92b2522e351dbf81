/**
 * Elementwise functions and expressions of them: what fusion builds, and what map, reduce and epilogue kernels evaluate.
 */
import type { V128 } from "../../wasm/index.ts";
import type { DType } from "../../tensor/shape.ts";

/** What the emitter of one vector of an elementwise function may use. */
export interface ScalarEmitter {
  /** Shares a subexpression: evaluates once into a local. */
  let(x: V128): V128;
  /** a × b + c, fused where the target allows it: never rely on the product being rounded, nor on it not being. */
  fma(a: V128, b: V128, c: V128): V128;
  /** A comparison's mask as truth values, lanes of 1 and 0. */
  fromMask(mask: V128): V128;
  /** The mask of the lanes that are not zero. That of a comparison costs nothing. */
  toMask(x: V128, dtype: DType): V128;
}

/** A function of one element: how it is computed on numbers, and on four lanes at once. */
export interface ScalarFunction {
  readonly name: string;
  readonly arity: number;
  /** About how many vector instructions it takes: for unrolling, and for choosing between storing and recomputing. */
  readonly cost: number;
  /** Result dtype from argument dtypes. */
  result(args: readonly DType[], attrs: unknown): DType;
  /** On numbers, in double arithmetic. Attributes (slope, bounds, …) are in `attrs`. */
  evaluate(args: readonly number[], dtypes: readonly DType[], attrs: unknown): number;
  /** On four lanes: f32x4 or i32x4 by dtype; uint8 (booleans too) is widened to i32x4 lanes holding 0 to 255. */
  emit(e: ScalarEmitter, args: readonly V128[], dtypes: readonly DType[], attrs: unknown): V128;
  /** Distinguishes attributes in kernel keys. */
  key(attrs: unknown): string;
}

/** One step of an expression: a function of earlier results. Index i < inputs is an input, else step i − inputs. */
export interface MapStep {
  readonly fn: ScalarFunction;
  readonly attrs: unknown;
  readonly args: readonly number[];
  readonly dtype: DType;
}

/** A straight-line program over elements. */
export interface MapExpression {
  readonly inputs: readonly DType[];
  readonly steps: readonly MapStep[];
  /** Which results are stored, as indices like `args`. */
  readonly outputs: readonly number[];
}

/** The dtype of an index of an expression. */
export function dtypeAt(expression: MapExpression, index: number): DType {
  const { inputs, steps } = expression;
  return index < inputs.length ? inputs[index] : steps[index - inputs.length].dtype;
}

/** Equal for expressions that compute the same: part of kernel keys. */
export function expressionKey(expression: MapExpression): string {
  const steps = expression.steps.map(({ fn, attrs, args }) => `${fn.name}${fn.key(attrs)}(${args.join()})`);
  return `${expression.inputs.map((d) => d[0]).join("")}:${steps.join(";")}→${expression.outputs.join()}`;
}

/** About how many vector instructions one evaluation takes. */
export function expressionCost(expression: MapExpression): number {
  return expression.steps.reduce((sum, step) => sum + step.fn.cost, 0);
}
