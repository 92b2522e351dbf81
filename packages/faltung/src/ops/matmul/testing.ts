/** Runs a lowering without planner or threads: for the tests and benches of kernels. Not part of the library. */
import type { BufferRef, Lowered } from "../op.ts";
import { ModuleBuilder, f32x4, i32, v128 } from "../../wasm/index.ts";
import { multiplyAdd } from "./tile.wasm.ts";

export interface Harness {
  /** The floats of a buffer. */
  view(kind: BufferRef["kind"], index: number): Float32Array;
  /** One pass over all stages; each is cut into `pieces` ranges of work items, done in turn. */
  run(pieces?: number): void;
  /** The least processor time of `repeats` runs of the stages whose label has `only`, in milliseconds. */
  best(repeats: number, only?: string): number;
}

type Call = (...args: number[]) => void;

const page = 65536;

/** @param bytes size of every input and of the output */
export function instantiate(
  lowered: Lowered,
  bytes: { readonly inputs: readonly number[]; readonly output: number },
): Harness {
  let end = 1024;
  const place = (size: number): { at: number; size: number } => {
    const at = end;
    end = Math.ceil((end + size + 64) / 64) * 64;
    return { at, size };
  };
  const places = {
    input: bytes.inputs.map(place),
    output: [place(bytes.output)],
    temp: lowered.temps.map(place),
  };
  const scratch = place(Math.max(0, ...lowered.stages.map((s) => s.scratch)));
  const pages = Math.ceil(end / page) + 1;
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { initial: pages, maximum: pages });
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const names = new Map<string, string>();
  for (const { kernel } of lowered.stages) {
    if (names.has(kernel.key)) continue;
    const func = kernel.build(module);
    const name = `k${names.size}`;
    names.set(kernel.key, name);
    const params = func.params as ("i32" | "v128")[];
    // A wrapper of the same signature, since a kernel chooses no export name.
    module.func({ params, results: [], exportAs: name }, (f, ...args) => f.call(func, ...args));
  }
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes()), { env: { memory } });
  const calls = lowered.stages.map((stage) => {
    const call = instance.exports[names.get(stage.kernel.key) as string] as Call;
    const rest = [scratch.at, ...stage.pointers.map((ref) => places[ref.kind][ref.index].at), ...stage.integers];
    return { stage, run: (lo: number, hi: number) => call(lo, hi, ...rest) };
  });
  return {
    view: (kind, index) => {
      const { at, size } = places[kind][index];
      return new Float32Array(memory.buffer, at, size / 4);
    },
    run: (pieces = 1) => {
      for (const { stage, run } of calls) {
        for (let p = 0; p < pieces; p++) {
          run(Math.floor((stage.work * p) / pieces), Math.floor((stage.work * (p + 1)) / pieces));
        }
      }
    },
    best: (repeats, only = "") => {
      const chosen = calls.filter(({ stage }) => stage.label.includes(only));
      let best = Infinity;
      for (let i = 0; i < repeats; i++) {
        const start = processorTime();
        for (const { stage, run } of chosen) run(0, stage.work);
        best = Math.min(best, processorTime() - start);
      }
      return best;
    },
  };
}

/** Processor time in milliseconds: other processes on the machine do not count. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** GFLOP/s of multiply-adds alone: as the bench measures it (bench/lib/roof-kernel.mjs), by processor time. */
export function roof(fma: boolean): number {
  return Math.max(roofOf(fma, 2, 4), roofOf(fma, 6, 2));
}

function roofOf(fma: boolean, rows: number, columns: number): number {
  const turns = 300_000;
  const m = new ModuleBuilder();
  m.memory({ initial: 1 });
  const run = m.func({ params: ["i32"], results: [], exportAs: "run" }, (f, n) => {
    const sums = Array.from({ length: rows * columns }, (_, i) => f.let(f32x4.const(i)));
    const b = Array.from({ length: columns }, (_, i) => f.let(v128.load(0, 16 * i)));
    const a = f.local("v128", "a");
    const from = f.let(i32.const(1024), "from");
    f.countdown(n, () => {
      sums.forEach((sum, i) => {
        if (i % columns === 0) f.set(a, v128.load(from, 4 * i));
        f.set(sum, multiplyAdd(fma, a, b[i % columns], sum));
      });
      f.set(from, i32.xor(from, 512));
    });
    sums.forEach((sum, i) => f.do(v128.store(0, sum, 16 * i)));
  });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()));
  const call = instance.exports[run.name] as (n: number) => void;
  let best = 0;
  for (let i = 0; i < 60; i++) {
    const start = processorTime();
    call(turns);
    best = Math.max(best, (2 * 4 * rows * columns * turns) / (processorTime() - start) / 1e6);
  }
  return best;
}
