/**
 * The table of elementwise functions: a row says how one element is computed (on numbers and on four lanes), what its
 * gradient is, and how dtypes are met; this file makes an operation of it. Shapes broadcast by NumPy's rule.
 */
import { ShapeError } from "../../tensor/errors.ts";
import { type DType, type Shape, broadcastShapes, sizeOf } from "../../tensor/shape.ts";
import type { V128 } from "../../wasm/index.ts";
import { sumTo } from "../broadcast/broadcast.op.ts";
import { mapLowering } from "../map/lowering.ts";
import { toFloat, wrapByte } from "../map/emit.wasm.ts";
import { stepsIn } from "../map/nest.ts";
import type { ScalarEmitter, ScalarFunction } from "../map/expression.ts";
import { type Operation, type Pullback, type Value, type ValueLike, apply, toValue } from "../op.ts";

/**
 * How dtypes are met. `float`: operands become float32, and so is the result (exp of integers). `arithmetic`: operands
 * and result take the widest dtype among them: float32, else int32, else uint8. `comparison`: operands meet likewise,
 * the result is uint8. `logic`: operands stay as they are, the result is uint8. Or a rule of its own.
 */
export type Kind<A> =
  | "float"
  | "arithmetic"
  | "comparison"
  | "logic"
  | ((dtypes: readonly DType[], attrs: A) => { readonly operands: readonly DType[]; readonly result: DType });

export interface Row<A> {
  readonly name: string;
  readonly arity: number;
  readonly kind: Kind<A>;
  /** See `ScalarFunction.cost`; 1 unless said. */
  readonly cost?: number;
  /** On numbers, in doubles. `dtype` is what the operands have met in. */
  evaluate(args: readonly number[], attrs: A, dtype: DType): number;
  /** On four lanes: f32x4 if `dtype`, what the operands have met in, is float32; else i32x4. */
  emit?(e: ScalarEmitter, args: readonly V128[], attrs: A, dtype: DType): V128;
  /** dL/d(operand) in the result's shape; summing back to the operand's shape is done for all rows alike. */
  readonly gradient: ((pullback: Pullback<A>) => readonly (Value | null)[]) | { readonly none: string };
}

export interface ElementwiseOperation<A> extends Operation<A> {
  readonly scalar: ScalarFunction;
}

/** The widest of some dtypes: float32, else int32, else uint8. */
export function promote(dtypes: readonly DType[]): DType {
  if (dtypes.includes("float32")) return "float32";
  return dtypes.includes("int32") ? "int32" : "uint8";
}

function meet<A>(kind: Kind<A>, dtypes: readonly DType[], attrs: A): { operands: readonly DType[]; result: DType } {
  if (typeof kind === "function") return kind(dtypes, attrs);
  if (kind === "logic") return { operands: dtypes, result: "uint8" };
  const common = kind === "float" ? "float32" : promote(dtypes);
  return { operands: dtypes.map(() => common), result: kind === "comparison" ? "uint8" : common };
}

/** Makes an operation of a row. @param emit instead of the row's, where operands keep dtypes of their own. */
export function elementwise<A>(row: Row<A>, emit?: ScalarFunction["emit"]): ElementwiseOperation<A> {
  const { name, arity, kind, gradient } = row;
  const scalar: ScalarFunction = {
    name,
    arity,
    cost: row.cost ?? 1,
    result: (dtypes, attrs) => meet(kind, dtypes, attrs as A).result,
    evaluate: (args, dtypes, attrs) => row.evaluate(args, attrs as A, promote(meet(kind, dtypes, attrs as A).operands)),
    emit:
      emit ??
      ((e, args, dtypes, attrs) => {
        const { operands, result } = meet(kind, dtypes, attrs as A);
        const converted = args.map((x, i) => (operands[i] === "float32" ? toFloat(x, dtypes[i]) : x));
        if (row.emit === undefined) throw new ShapeError(`${name}: the row has no code for vectors.`);
        const y = row.emit(e, converted, attrs as A, promote(operands));
        return result === "uint8" && kind === "arithmetic" ? wrapByte(y) : y;
      }),
    key: (attrs) =>
      attrs === null ? "" : JSON.stringify(attrs, (_, v: unknown) => (typeof v === "number" ? String(v) : v)),
  };
  return {
    name,
    scalar,
    infer(inputs, attrs) {
      if (inputs.length !== arity) {
        throw new ShapeError(`${name}: ${inputs.length} operands were given; it takes ${arity}.`);
      }
      const shape = inputs.reduce<Shape>((s, x) => broadcastShapes(s, x.shape, name), []);
      return {
        shape,
        dtype: scalar.result(
          inputs.map((x) => x.dtype),
          attrs,
        ),
      };
    },
    reference(inputs, attrs, out) {
      const dtypes = inputs.map((x) => x.dtype);
      const steps = inputs.map((x) => stepsIn(x.shape, out.shape));
      const index = out.shape.map(() => 0);
      const at = inputs.map(() => 0);
      const args = inputs.map(() => 0);
      const size = sizeOf(out.shape);
      for (let i = 0; i < size; i++) {
        for (let k = 0; k < arity; k++) args[k] = inputs[k].data[at[k]];
        out.data[i] = scalar.evaluate(args, dtypes, attrs);
        for (let d = out.shape.length - 1; d >= 0; d--) {
          const wrapped = ++index[d] === out.shape[d];
          for (let k = 0; k < arity; k++) at[k] += wrapped ? steps[k][d] * (1 - out.shape[d]) : steps[k][d];
          if (!wrapped) break;
          index[d] = 0;
        }
      }
    },
    gradient:
      typeof gradient === "function"
        ? {
            rule(pullback) {
              const { inputs } = pullback;
              return gradient(pullback).map((dx, i) =>
                dx === null || inputs[i].dtype !== "float32" ? null : sumTo(dx, inputs[i].shape),
              );
            },
          }
        : gradient,
    wasm: mapLowering(scalar, (inputs, output) => inputs.map((x) => stepsIn(x.shape, output.shape))),
  };
}

/** Applies an operation of one operand. */
export function unary<A>(op: Operation<A>, x: ValueLike, attrs: A): Value<A> {
  return apply(op, [toValue(x)], attrs);
}

/** Applies an operation of two operands; a number takes the other one's dtype where it fits in, as in PyTorch. */
export function binary<A>(op: Operation<A>, a: ValueLike, b: ValueLike, attrs: A): Value<A> {
  return apply(op, [beside(a, b), beside(b, a)], attrs);
}

/** `x` as a value; a whole number beside an integer tensor takes its dtype. */
export function beside(x: ValueLike, other: ValueLike): Value {
  if (typeof x !== "number" || typeof other === "number" || !Number.isInteger(x)) return toValue(x);
  if (other.dtype === "uint8" && (x < 0 || x > 255)) return toValue(x, "int32");
  return toValue(x, other.dtype);
}
