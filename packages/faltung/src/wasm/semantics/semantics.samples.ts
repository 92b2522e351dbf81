/**
 * What each instruction computes, in JavaScript, for the tests: written from the specification's chapter "Numerics",
 * over the bytes of the operands, and knowing nothing of the assembler.
 */
import { scalarConversions } from "./conversions.samples.ts";
import { laneMeanings, vectorConversions, widthMeanings } from "./vectors.samples.ts";
import { memoryMeanings } from "./memory.samples.ts";
import { floats } from "./floats.samples.ts";
import { integers } from "./integers.samples.ts";
import { type Meaning, type Meanings, lanesOf, bytesOf, widths, spaceOf } from "./lanes.samples.ts";

function prefixed(space: string, meanings: Meanings): Meanings {
  return Object.fromEntries(Object.entries(meanings).map(([key, meaning]) => [`${space}.${key}`, meaning]));
}

/** A mask whose lanes are all ones or all zeros: there a relaxed select is a plain one. */
function wholeLanes(n: number): Meaning["domain"] {
  return (ops) =>
    ops[2].set(
      bytesOf(
        lanesOf(ops[2], n).map((lane) => (lane % 2n ? -1n : 0n)),
        n,
      ),
    );
}

function relaxedDomains(all: Record<string, Meaning>): Meanings {
  for (const n of widths) {
    const key = `${spaceOf[n]}.relaxedLaneselect`;
    all[key] = { ...all[key], domain: wholeLanes(n) };
  }
  const q15 = "i16x8.relaxedQ15mulrS";
  // Only −1 · −1 differs between machines.
  const domain: Meaning["domain"] = (ops) => ops[0].forEach((byte, k) => ops[0].set([k % 2 ? byte & 0x7f : byte], k));
  all[q15] = { ...all[q15], domain };
  return all;
}

export const meanings: Meanings = relaxedDomains({
  ...prefixed("i32", integers(32, false)),
  ...prefixed("i64", integers(64, false)),
  ...prefixed("f32", floats(32, false)),
  ...prefixed("f64", floats(64, false)),
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
});
