/**
 * The kernel of randomUniform: the counter hash of tensor/random.ts, in the same integer arithmetic, bit for bit. Lane by
 * lane: the hash shifts each number by its own amount, which vectors cannot do; emulating it was measured no faster.
 */
import { defineKernel } from "../../backend/kernel.ts";
import type { Kernel } from "../../backend/plan.ts";
import { pcgHash } from "../../tensor/random.ts";
import { type TensorType, sizeOf } from "../../tensor/shape.ts";
import { type FunctionBuilder, type I32, type Local, f32, i32 } from "../../wasm/index.ts";
import type { LayoutChoice, Lowered, Site } from "../op.ts";
import { IN_OUT, LANES, blocksOf, canBlock } from "../shape/physical.ts";
import type { RandomAttributes } from "./random.op.ts";

/** Numbers that one work item makes, in the plain layout. */
const RUN = 1024;

export function randomLayouts(_inputs: readonly TensorType[], output: TensorType): readonly LayoutChoice[] {
  const plain: LayoutChoice = { inputs: ["plain"], output: "plain" };
  return canBlock(output) ? [{ inputs: ["plain"], output: "blocked" }, plain] : [plain];
}

export function lowerRandom({ output, attrs: { shape, stream } }: Site<RandomAttributes>): Lowered {
  const size = sizeOf(shape);
  const blocked = output.layout === "blocked";
  const [n, c, ...spatial] = shape;
  const cells = sizeOf(spatial);
  return {
    stages: [
      {
        label: `randomUniform ${shape.join("×")}`,
        kernel: blocked ? blockedKernel : plainKernel,
        work: blocked ? (cells === 0 ? 0 : n * blocksOf(c)) : Math.ceil(size / RUN),
        pointers: IN_OUT,
        writes: [1],
        integers: [pcgHash(stream) | 0, ...(blocked ? [c, cells] : [size])],
        scratch: 0,
        flops: 20 * size,
        bytes: 4 * size,
      },
    ],
    temps: [],
  };
}

const plainKernel: Kernel = defineKernel(
  { key: "randomUniform plain", pointers: 2, integers: 2, name: "randomUniform" },
  (f, lo, hi, _scratch, seed, y, stream, size) => {
    const hash = hasher(f, seed, stream);
    const i = f.let(i32.mul(lo, RUN), "i");
    const end = f.let(i32.mul(hi, RUN), "end");
    f.if(i32.gtU(end, size), () => f.set(end, size));
    f.while(i32.ltU(i, end), () => {
      f.do(f32.store(i32.add(y, i32.shl(i, 2)), hash(i)));
      f.advance(i, 1);
    });
  },
);

/** One item is one block of channels; element numbers are those of the row-major tensor. */
const blockedKernel: Kernel = defineKernel(
  { key: "randomUniform blocked", pointers: 2, integers: 3, name: "randomUniform" },
  (f, lo, hi, _scratch, seed, y, stream, channels, cells) => {
    const hash = hasher(f, seed, stream);
    const blocks = f.let(i32.divU(i32.add(channels, LANES - 1), LANES), "blocks");
    const item = f.local("i32", "item");
    f.for(item, lo, hi, 1, () => {
      const channel = i32.add(i32.mul(i32.divU(item, blocks), channels), i32.mul(i32.remU(item, blocks), LANES));
      const first = f.let(i32.mul(channel, cells), "first");
      const target = f.let(i32.add(y, i32.mul(i32.mul(item, cells), LANES * 4)), "target");
      const left = f.let(cells, "left");
      f.countdown(left, () => {
        const number = f.let(first);
        for (let lane = 0; lane < LANES; lane++) {
          f.do(f32.store(target, hash(number), 4 * lane));
          f.advance(number, cells);
        }
        f.advance(first, 1);
        f.advance(target, LANES * 4);
      });
    });
  },
);

/** Uniform number of an element, by its number in the row-major tensor. */
function hasher(f: FunctionBuilder, seed: I32, stream: I32): (i: I32) => ReturnType<typeof f32.mul> {
  const own = f.let(i32.xor(i32.load(seed), stream), "own");
  const start = f.let(pcg(f, own), "start");
  return (i) => {
    const bits = pcg(f, f.let(i32.add(pcg(f, f.let(i32.xor(i, start))), own)));
    return f32.mul(f32.convertI32U(i32.shrU(bits, 8)), 2 ** -24);
  };
}

/** `pcgHash` of tensor/random.ts. */
function pcg(f: FunctionBuilder, x: Local<"i32">): I32 {
  const state = f.let(i32.add(i32.mul(x, 747796405), 2891336453));
  const shifted = i32.shrU(state, i32.add(i32.shrU(state, 28), 4));
  const word = f.let(i32.mul(i32.xor(shifted, state), 277803737));
  return i32.xor(i32.shrU(word, 22), word);
}
