/** How a matrix product becomes kernels. */
import type { Stage } from "../../backend/plan.ts";
import { type TensorType, sizeOf } from "../../tensor/shape.ts";
import type { BufferRef, Lowered, Site, WasmLowering } from "../op.ts";
import { dotItems, dotKernel } from "./dot.wasm.ts";
import { epilogueOf } from "./epilogue.wasm.ts";
import { type FinishShape, finishItems, finishKernel } from "./finish.wasm.ts";
import { type GemmShape, gemmItems, gemmKernel, gemmScratch, stretch } from "./gemm.wasm.ts";
import type { MatmulAttributes } from "./matmul.op.ts";

const input = (index: number): BufferRef => ({ kind: "input", index });
const output: BufferRef = { kind: "output", index: 0 };
const partial: BufferRef = { kind: "temp", index: 0 };

/** Up to this many rows, b is read once and not copied. */
const fewRows = 12;

function lower(site: Site<MatmulAttributes>): Lowered {
  const { attrs, target } = site;
  const [a, b] = site.inputs.map(({ type }) => type.shape);
  const c = site.output.type.shape;
  const [m, n] = c.slice(-2);
  const k = a[a.length - (attrs.transA ? 2 : 1)];
  const batch = c.slice(0, -2);
  const matrices = sizeOf(batch);
  const flavour = { fma: target.fma, wide: target.wide };
  const main = {
    flops: 2 * matrices * m * n * k,
    bytes: 4 * (sizeOf(a) + sizeOf(b) + sizeOf(c)),
    integers: [],
    pointers: [input(0), input(1), output],
    writes: [2],
  };
  const title = `${batch.length > 0 ? `${batch.join("×")} of ` : ""}${m}×${k} by ${k}×${n}`;
  if (sizeOf(c) === 0) return { temps: [], stages: [] };
  const { epilogue, buffers } = epilogueOf(site, 2);
  if (k === 0) return { temps: [], stages: [finishStage({ shape: c, parts: 0, epilogue }, output, buffers)] };
  if (attrs.transB && !attrs.transA && c.length === 2 && m <= fewRows) {
    const shape = { m, n, k, flavour, epilogue };
    const pointers = [...main.pointers, ...buffers];
    const label = `matmul dots ${title}`;
    return {
      temps: [],
      stages: [{ ...main, label, kernel: dotKernel(shape), work: dotItems(shape), pointers, scratch: 0 }],
    };
  }
  const aligned = (shape: readonly number[]): number[] => {
    const own = shape.slice(0, -2);
    return [...batch.slice(own.length).map(() => 1), ...own];
  };
  const sizes = itemSize(m, n, k, matrices);
  const splits = Math.ceil(k / sizes.innerPerItem);
  // The tiles know which column they make; in a batch of matrices that is not the channel.
  const later =
    epilogue !== undefined && (splits > 1 || (c.length > 2 && epilogue.operands.some((o) => o.extent === "channel")));
  const batches =
    batch.length === 0 ? { batch, batchA: [], batchB: [] } : { batch, batchA: aligned(a), batchB: aligned(b) };
  const shape: GemmShape = { m, n, k, ...attrs, ...batches, flavour, ...sizes, epilogue: later ? undefined : epilogue };
  const gemm = {
    ...main,
    label: `matmul tiles ${title}`,
    kernel: gemmKernel(shape),
    work: gemmItems(shape),
    scratch: gemmScratch(shape),
  };
  if (!later && splits === 1) return { temps: [], stages: [{ ...gemm, pointers: [...main.pointers, ...buffers] }] };
  const finish = { shape: c, parts: splits, epilogue };
  if (splits === 1) return { temps: [], stages: [gemm, finishStage(finish, output, buffers)] };
  return {
    temps: [4 * splits * sizeOf(c)],
    stages: [{ ...gemm, pointers: [input(0), input(1), partial] }, finishStage(finish, partial, buffers)],
  };
}

/**
 * Rows, columns and inner length of a work item, from the shape alone. A band's rows of a and a group's columns of b
 * are to stay in the second-level cache; a long sum over few results is split, so that there is work for all threads.
 */
function itemSize(
  m: number,
  n: number,
  k: number,
  matrices: number,
): Pick<GemmShape, "rowsPerItem" | "columnsPerItem" | "innerPerItem"> {
  const rowsPerItem = Math.min(m, 240);
  const columnsPerItem = Math.min(Math.ceil(n / 8) * 8, 64);
  const items = matrices * Math.ceil(m / rowsPerItem) * Math.ceil(n / columnsPerItem);
  const splits = items >= 16 ? 1 : Math.max(1, Math.min(Math.ceil(16 / items), Math.floor(k / (2 * stretch))));
  return { rowsPerItem, columnsPerItem, innerPerItem: splits === 1 ? k : Math.ceil(k / splits / stretch) * stretch };
}

function finishStage(work: FinishShape, from: BufferRef, buffers: readonly BufferRef[]): Stage<BufferRef> {
  const size = sizeOf(work.shape);
  return {
    label: work.parts > 1 ? "sum matmul parts" : "matmul epilogue",
    kernel: finishKernel(work),
    work: finishItems(work),
    pointers: [from, output, ...buffers],
    writes: [1],
    integers: [],
    scratch: 0,
    flops: size * work.parts,
    bytes: 4 * size * (work.parts + 1),
  };
}

/** A longer sum is made in stretches, and stored in between. */
const storesOnce = ([a]: readonly TensorType[], { transA }: MatmulAttributes): boolean =>
  a.shape.length === 2 && a.shape[transA ? 0 : 1] <= stretch;

export const matmulWasm: WasmLowering<MatmulAttributes> = { fusesEpilogue: true, storesOnce, lower };
