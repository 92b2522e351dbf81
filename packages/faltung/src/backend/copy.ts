/** The one kernel that needs no operation: bytes from here to there. */
import { i32, memory } from "../wasm/index.ts";
import { defineKernel } from "./kernel.ts";
import type { Kernel, Stage } from "./plan.ts";

/** Bytes of one work item. */
const PIECE = 4096;

const copyKernel: Kernel = defineKernel(
  { key: "copy", pointers: 2, integers: 1, name: "copy" },
  (f, lo, hi, _, from, to, bytes) => {
    const start = f.let(i32.mul(lo, PIECE), "start");
    const end = f.let(i32.mul(hi, PIECE), "end");
    f.if(i32.gtU(end, bytes), () => f.set(end, bytes));
    f.do(memory.copy(i32.add(to, start), i32.add(from, start), i32.sub(end, start)));
  },
);

/** Copies `bytes` bytes between two buffers that do not overlap. */
export function copyStage<B>(from: B, to: B, bytes: number, label = "copy"): Stage<B> {
  return {
    label,
    kernel: copyKernel,
    work: Math.ceil(bytes / PIECE),
    pointers: [from, to],
    writes: [1],
    integers: [bytes],
    scratch: 0,
    flops: 0,
    bytes: 2 * bytes,
  };
}
