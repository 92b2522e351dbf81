/**
 * Random numbers inside a program. Element i is a hash of (seed, stream, i), so it does not depend on the order of
 * work, the number of threads, or the layout in memory; see tensor/random.ts.
 */
import { ShapeError, checkWhole } from "../../tensor/errors.ts";
import { counterUniform, pcgHash } from "../../tensor/random.ts";
import { type Shape, checkShape, sizeOf } from "../../tensor/shape.ts";
import { type Operation, type Value, type ValueLike, apply, describe, toValue } from "../op.ts";
import { lowerRandom, randomLayouts } from "./random.wasm.ts";

export interface RandomAttributes {
  readonly shape: Shape;
  /** Tells the random operations of one program from each other. */
  readonly stream: number;
}

/** Input: the seed, one int32. */
export const randomUniformOp: Operation<RandomAttributes> = {
  name: "randomUniform",
  infer([seed], { shape, stream }) {
    checkShape(shape, "randomUniform");
    if (seed.dtype !== "int32" || seed.shape.length !== 0) {
      throw new ShapeError(`randomUniform: seed is ${describe(seed)}; it must be int32 [], a single number.`);
    }
    checkWhole("randomUniform: stream", stream, 0);
    return { shape, dtype: "float32" };
  },
  reference([seed], { shape, stream }, out) {
    const own = seed.data[0] ^ pcgHash(stream);
    const size = sizeOf(shape);
    for (let i = 0; i < size; i++) out.data[i] = counterUniform(own, i);
  },
  gradient: { none: "random numbers depend on nothing that could be changed a little" },
  wasm: { layouts: randomLayouts, lower: lowerRandom },
};

/**
 * Uniform numbers in [0, 1), 24 bits each: the same for the same seed and stream on every machine.
 *
 * @param seed int32 [], for instance a counter that grows with each step.
 * @throws ShapeError unless seed is a single int32; OptionError for a bad stream.
 *
 * @example
 * ```ts
 * randomUniform([2, 3], input("seed", { shape: [], dtype: "int32" }), 0).shape; // [2, 3]
 * ```
 */
export function randomUniform(shape: Shape, seed: ValueLike, stream: number): Value {
  return apply(randomUniformOp, [toValue(seed, "int32")], { shape, stream });
}
