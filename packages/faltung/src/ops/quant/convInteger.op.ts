/** Convolution of bytes by signed bytes, exact. See integer.ts. */
import { multiplyAdds, type ConvAttributes } from "../conv/attributes.ts";
import { convReference } from "../conv/conv2d.ref.ts";
import { type Operation, type Value, apply, describe } from "../op.ts";
import { ShapeError } from "../../tensor/errors.ts";
import { sameShape } from "../../tensor/shape.ts";
import { convIntegerWasm } from "./convInteger.wasm.ts";
import { type IntegerRange, centred, checkBytes } from "./integer.ts";

export interface ConvIntegerAttributes extends ConvAttributes, IntegerRange {}

/**
 * (x [N, C, …input] uint8, w [O, C/groups, …kernel] signed bytes) → Σ (x − zero)·w [N, O, …output] int32. Padding
 * counts as `zero`.
 */
export const convIntegerOp: Operation<ConvIntegerAttributes> = {
  name: "convInteger",
  infer(operands, a) {
    checkBytes("convInteger", operands);
    const [x, w] = operands;
    const fits =
      sameShape(x.shape.slice(2), a.input) &&
      sameShape(w.shape.slice(2), a.kernel) &&
      x.shape[1] === w.shape[1] * a.groups;
    if (!fits) throw new ShapeError(`convInteger: ${describe(x)} does not fit ${describe(w)} in ${a.groups} groups.`);
    return { shape: [x.shape[0], w.shape[0], ...a.output], dtype: "int32" };
  },
  reference: (operands, a, out) => convReference(centred(operands, a), a, out),
  gradient: { none: "whole numbers have no gradient" },
  wasm: convIntegerWasm,
  macs: ([, w], y) => multiplyAdds(y.shape, w.shape),
};

export function convInteger(x: Value, w: Value, attrs: ConvIntegerAttributes): Value {
  return apply(convIntegerOp, [x, w], attrs);
}
