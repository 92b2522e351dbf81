/** What all losses share: how single losses become one number, and the check that input and target belong together. */
import { ShapeError, checkChoice } from "../../tensor/errors.ts";
import { sameShape } from "../../tensor/shape.ts";
import { type Value, describe } from "../op.ts";
import { mean, sum } from "../reduce/reduce.ts";

/** "mean" over all elements, "sum", or "none": every element's own loss. */
export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  /** "mean" unless said. */
  readonly reduction?: Reduction;
}

export function checkReduction(what: string, reduction: Reduction): void {
  checkChoice(`${what}: reduction`, reduction, ["mean", "sum", "none"]);
}

/** @throws OptionError for an unknown reduction. */
export function reduceLoss(what: string, loss: Value, { reduction = "mean" }: LossOptions): Value {
  checkReduction(what, reduction);
  if (reduction === "none") return loss;
  return reduction === "mean" ? mean(loss) : sum(loss);
}

/** Broadcasting [N, 1] against [N] would compare everything with everything, silently. @throws ShapeError */
export function requireSame(what: string, input: Value, target: Value): void {
  if (input.dtype !== "float32" || target.dtype !== "float32" || !sameShape(input.shape, target.shape)) {
    throw new ShapeError(
      `${what}: input is ${describe(input)}, target is ${describe(target)}; both must be float32 and of one shape ` +
        `(nothing is broadcast). Use reshape or cast.`,
    );
  }
}
