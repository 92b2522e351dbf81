/** A number inside an expression. */
import type { DType } from "../../tensor/shape.ts";
import { f32x4, i32x4 } from "../../wasm/index.ts";
import type { MapStep, ScalarFunction } from "./expression.ts";

interface LiteralAttributes {
  readonly value: number;
  readonly dtype: DType;
}

const literalFunction: ScalarFunction = {
  name: "literal",
  arity: 0,
  cost: 0,
  result: (_, attrs) => (attrs as LiteralAttributes).dtype,
  evaluate: (_, __, attrs) => (attrs as LiteralAttributes).value,
  emit(_, __, ___, attrs) {
    const { value, dtype } = attrs as LiteralAttributes;
    return dtype === "float32" ? f32x4.const(value) : i32x4.const(value);
  },
  key(attrs) {
    const { value, dtype } = attrs as LiteralAttributes;
    return `${Object.is(value, -0) ? "-0" : value}${dtype[0]}`;
  },
};

/** The step that yields `value` in every lane. */
export function literal(value: number, dtype: DType): MapStep {
  return { fn: literalFunction, attrs: { value, dtype }, args: [], dtype };
}
