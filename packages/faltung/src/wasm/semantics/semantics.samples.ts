/**
 * What each instruction computes, in JavaScript, for the tests: written from the specification's chapter "Numerics",
 * over the bytes of the operands, and knowing nothing of the assembler.
 */
import { scalarConversions } from "./conversions.samples.ts";
import { laneMeanings, vectorConversions, widthMeanings } from "./vectors.samples.ts";
import { memoryMeanings } from "./memory.samples.ts";
import { floats } from "./floats.samples.ts";
import { integers } from "./integers.samples.ts";
import type { Meanings } from "./lanes.samples.ts";

function prefixed(space: string, meanings: Meanings): Meanings {
  return Object.fromEntries(Object.entries(meanings).map(([key, meaning]) => [`${space}.${key}`, meaning]));
}

export const meanings: Meanings = {
  ...prefixed("i32", integers(32, false)),
  ...prefixed("i64", integers(64, false)),
  ...prefixed("f32", floats(32, false)),
  ...scalarConversions(),
  ...prefixed("v128", integers(64, true)),
  ...prefixed("i8x16", integers(8, true)),
  ...prefixed("i16x8", integers(16, true)),
  ...prefixed("i32x4", integers(32, true)),
  ...prefixed("i64x2", integers(64, true)),
  ...prefixed("f32x4", floats(32, true)),
  ...prefixed("f64x2", floats(64, true)),
  ...laneMeanings(),
  ...widthMeanings(),
  ...vectorConversions(),
  ...memoryMeanings(),
};
