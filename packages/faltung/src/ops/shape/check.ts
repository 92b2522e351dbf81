/** Checks that many shape rules share. */
import { ShapeError } from "../../tensor/errors.ts";
import type { TensorType } from "../../tensor/shape.ts";
import { describe } from "../op.ts";

/** @throws ShapeError unless every operand is float32. */
export function requireFloat(what: string, ...operands: readonly TensorType[]): void {
  operands.forEach((t, i) => {
    if (t.dtype !== "float32") {
      throw new ShapeError(`${what}: operand ${i} is ${describe(t)}; it must be float32. Convert it with cast.`);
    }
  });
}

/** @throws ShapeError unless x has `least` to `most` dimensions. `layout` names them: "NCHW". */
export function requireRank(what: string, x: TensorType, least: number, most: number, layout: string): void {
  const rank = x.shape.length;
  if (rank < least || rank > most) {
    const range = least === most ? `${least}` : `${least} to ${most}`;
    throw new ShapeError(`${what}: x ${describe(x)} has ${rank} dimensions; it must have ${range} (${layout}).`);
  }
}

/** @throws ShapeError unless x is [N, C, …] with `spatial` more dimensions. */
export function requireSpatial(what: string, x: TensorType, spatial: number): void {
  const layout = `N, C, ${["D", "H", "W"].slice(3 - spatial).join(", ")}`;
  requireRank(what, x, spatial + 2, spatial + 2, layout);
}

/** One whole number for every dimension, or a list of them. @throws ShapeError */
export function requireWhole(what: string, name: string, values: readonly number[], least: number): void {
  const bad = values.findIndex((v) => !Number.isSafeInteger(v) || v < least);
  if (bad >= 0) {
    throw new ShapeError(
      `${what}: ${name} [${values.join(", ")}] must be whole numbers ≥ ${least}; [${bad}] is ${values[bad]}.`,
    );
  }
}
