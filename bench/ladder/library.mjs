/** Rungs 5 and 6: what the library emits for this shape, first direct, then by Winograd's algorithm (F(6×6), and F(4×4) beside it). */
import { loadKernel } from "../peers/faltung-kernel.mjs";

/** @type {(fast: boolean) => (problem: import("./run.mjs").Problem) => Promise<import("./run.mjs").Rung>} */
const byLibrary =
  (fast) =>
  async ({ channels, outChannels, size, x, weight }) => {
    const shape = { batch: 1, channels, outChannels, size, kernel: 3, stride: 1, padding: 1, groups: 1 };
    const work = { name: "ladder", title: "ladder", kind: /** @type {const} */ ("conv"), shape };
    const { run, output } = await loadKernel(work, { x, weight }, 1, fast);
    return /** @type {import("./run.mjs").Rung} */ ({ run, output });
  };

export const direct = { name: "generated", prepare: byLibrary(false) };
export const winograd = { name: "Winograd", prepare: byLibrary(true) };
