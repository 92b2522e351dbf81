/**
 * The one relation behind the three operations of convolution, and everything they need to know besides the numbers.
 *
 * Input x, weight w and output y belong together where an output place o looks at an input place i through tap t:
 *
 *     i = o·stride − begin + t·dilation        (in every spatial dimension)
 *
 * Which of x, w, y is computed from the other two differs between the operations; the relation does not, so all three
 * carry the same attributes, and so do their gradients.
 */
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { type ConvGeometry, convOutputShape } from "./geometry.ts";

/** Lists have one entry per spatial dimension (1 to 3 of them). */
export interface ConvAttributes {
  readonly groups: number;
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Zeros before x. How many lie behind follows from the sizes. */
  readonly begin: readonly number[];
  /** Spatial size of x. */
  readonly input: Shape;
  /** Spatial size of w. */
  readonly kernel: Shape;
  /** Spatial size of y. */
  readonly output: Shape;
}

/**
 * The relation of a described (zero-padded) convolution. For a transposed one, what PyTorch calls its input is our y:
 * it is the adjoint, and computes x from y.
 *
 * @throws ShapeError if the shapes do not fit together.
 */
export function attributesOf(g: ConvGeometry, xShape: Shape, wShape: Shape, what: string): ConvAttributes {
  const given = xShape.slice(2);
  const made = convOutputShape(g, xShape, wShape, what).slice(2);
  const { groups, stride, dilation, kernel } = g;
  const begin = g.padding.map(([before]) => before);
  return {
    groups,
    stride,
    dilation,
    begin,
    kernel,
    input: g.transposed ? made : given,
    output: g.transposed ? given : made,
  };
}

/** Multiply-adds of the relation: every tap of every output, those that fall on padding included, as is the custom. */
export function multiplyAdds(yShape: Shape, wShape: Shape): number {
  return sizeOf(yShape) * sizeOf(wShape.slice(1));
}
