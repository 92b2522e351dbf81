/**
 * Convolution as three operations, each the gradient of the other two.
 *
 * Take the trilinear form that joins an input x, a weight w and an output y by the relation of attributes.ts:
 *
 *     T(x, w, y) = Σ  w[o, c, t] · x[n, c, i] · y[n, o, p]     over all n, o, c, t and p, where i = p·stride − begin + t·dilation
 *
 * Leave one factor out, and what is left is an operation:
 *
 *     ∂T/∂y = conv(x, w)             the convolution itself (as deep learning has it: a cross-correlation)
 *     ∂T/∂x = convTranspose(y, w)    its adjoint: PyTorch's transposed convolution
 *     ∂T/∂w = convWeightGrad(x, y)   how every tap's weight is to change
 *
 * Now let L be a loss and dy = ∂L/∂y. Then L varies with the operands as T(x, w, dy) does, so the gradient of an
 * operation exchanges what it was given for what it made:
 *
 *     operation              gradient by the first operand      gradient by the second
 *     y = conv(x, w)         dx = convTranspose(dy, w)          dw = convWeightGrad(x, dy)
 *     x = convTranspose(y,w) dy = conv(dx, w)                   dw = convWeightGrad(dx, y)
 *     w = convWeightGrad(x,y) dx = convTranspose(y, dw)         dy = conv(x, dw)
 *
 * Nothing else is needed, however often one differentiates. That dx is "a convolution with the kernel turned round"
 * is how a kernel may compute convTranspose at stride 1, since p = i + begin − t·dilation: there t counts backwards.
 */
import { ShapeError } from "../../tensor/errors.ts";
import { type TensorType, sameShape, show } from "../../tensor/shape.ts";
import { type Operation, type Value, apply, describe } from "../op.ts";
import { type ConvAttributes, multiplyAdds } from "./attributes.ts";
import { convTransposeWasm, convWasm, convWeightGradWasm } from "./conv2d.wasm.ts";
import { convReference, convTransposeReference, convWeightGradReference } from "./conv2d.ref.ts";

/** Checks the operands' ranks, dtypes and spatial sizes against the attributes. */
function check(what: string, operands: readonly TensorType[], spatial: readonly (readonly number[])[]): void {
  operands.forEach((operand, i) => {
    if (operand.dtype !== "float32") {
      throw new ShapeError(`${what}: operand ${i} is ${describe(operand)}; convolution is of float32 numbers.`);
    }
    if (operand.shape.length < 2 || !sameShape(operand.shape.slice(2), spatial[i])) {
      throw new ShapeError(
        `${what}: operand ${i} is ${describe(operand)}; its spatial size should be ${show(spatial[i])}.`,
      );
    }
  });
}

function unequal(
  what: string,
  left: string,
  a: number,
  right: string,
  b: number,
  operands: readonly TensorType[],
): void {
  if (a === b) return;
  throw new ShapeError(
    `${what}: ${left} is ${a}, but ${right} is ${b}. Operands ${operands.map(describe).join(", ")}.`,
  );
}

/** (x [N, C, …input], w [O, C/groups, …kernel]) → y [N, O, …output]. */
export const convOp: Operation<ConvAttributes> = {
  name: "conv",
  infer(operands, a) {
    check("conv", operands, [a.input, a.kernel]);
    const [x, w] = operands;
    unequal("conv", "x's channels", x.shape[1], "weight.shape[1] × groups", w.shape[1] * a.groups, operands);
    return { shape: [x.shape[0], w.shape[0], ...a.output], dtype: "float32" };
  },
  reference: convReference,
  gradient: {
    rule: ({ inputs: [x, w], attrs, dy }) => [convTranspose(dy, w, attrs), convWeightGrad(x, dy, attrs)],
  },
  wasm: convWasm,
  macs: ([, w], y) => multiplyAdds(y.shape, w.shape),
  window: ({ kernel, stride, dilation, begin }) =>
    kernel.map((k, d) => ({ kernel: k, stride: stride[d], dilation: dilation[d], padding: begin[d] })),
};

/** (y [N, O, …output], w [O, C/groups, …kernel]) → x [N, C, …input]. */
export const convTransposeOp: Operation<ConvAttributes> = {
  name: "convTranspose",
  infer(operands, a) {
    check("convTranspose", operands, [a.output, a.kernel]);
    const [y, w] = operands;
    unequal("convTranspose", "x's channels", y.shape[1], "weight.shape[0]", w.shape[0], operands);
    return { shape: [y.shape[0], w.shape[1] * a.groups, ...a.input], dtype: "float32" };
  },
  reference: convTransposeReference,
  gradient: {
    rule: ({ inputs: [y, w], attrs, dy: dx }) => [conv(dx, w, attrs), convWeightGrad(dx, y, attrs)],
  },
  wasm: convTransposeWasm,
  macs: ([y, w]) => multiplyAdds(y.shape, w.shape),
};

/** (x [N, C, …input], y [N, O, …output]) → w [O, C/groups, …kernel]. */
export const convWeightGradOp: Operation<ConvAttributes> = {
  name: "convWeightGrad",
  infer(operands, a) {
    check("convWeightGrad", operands, [a.input, a.output]);
    const [x, y] = operands;
    unequal("convWeightGrad", "x's batch", x.shape[0], "y's batch", y.shape[0], operands);
    return { shape: [y.shape[1], x.shape[1] / a.groups, ...a.kernel], dtype: "float32" };
  },
  reference: convWeightGradReference,
  gradient: {
    rule: ({ inputs: [x, y], attrs, dy: dw }) => [convTranspose(y, dw, attrs), conv(x, dw, attrs)],
  },
  wasm: convWeightGradWasm,
};

export function conv(x: Value, w: Value, attrs: ConvAttributes): Value {
  return apply(convOp, [x, w], attrs);
}

export function convTranspose(y: Value, w: Value, attrs: ConvAttributes): Value {
  return apply(convTransposeOp, [y, w], attrs);
}

export function convWeightGrad(x: Value, y: Value, attrs: ConvAttributes): Value {
  return apply(convWeightGradOp, [x, y], attrs);
}
