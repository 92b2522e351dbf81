/**
 * Runs lowered kernels by themselves, without the planner: buffers are laid out in one memory, padding lanes are filled
 * with NaN (nothing may depend on them), and the bytes after each result are watched (nothing may be stored there).
 */
import type { Layout, Lowered } from "../src/ops/op.ts";
import { BYTES, type TensorType, sizeOf } from "../src/tensor/shape.ts";
import { Tensor, type TensorData, allocate } from "../src/tensor/tensor.ts";
import { ModuleBuilder } from "../src/wasm/index.ts";

export interface Given {
  readonly tensor: Tensor;
  readonly layout?: Layout;
}

export interface Wanted {
  readonly type: TensorType;
  readonly layout?: Layout;
}

export interface Prepared {
  /** Runs all stages once, each divided into `parts`. */
  run(parts?: number): void;
  /** The results, as plain tensors. @throws Error if something was stored beyond them */
  results(): Tensor[];
}

const GUARD = 0xa5;

/** Bytes of a tensor in a layout. */
function bytesIn({ shape, dtype }: TensorType, layout: Layout): number {
  const [n = 1, c = 1, ...spatial] = shape;
  return (layout === "plain" ? sizeOf(shape) : n * Math.ceil(c / 8) * 8 * sizeOf(spatial)) * BYTES[dtype];
}

/** Where element (n, c, pixel) of a tensor lies in the blocked layout. */
function* blockedOrder(shape: readonly number[]): Iterable<readonly [plain: number, blocked: number]> {
  const [n, c, ...spatial] = shape;
  const pixels = sizeOf(spatial);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < c; k++) {
      for (let p = 0; p < pixels; p++) {
        yield [(i * c + k) * pixels + p, ((i * Math.ceil(c / 8) + (k >> 3)) * pixels + p) * 8 + (k & 7)];
      }
    }
  }
}

function view(memory: WebAssembly.Memory, type: TensorType, address: number, bytes: number): TensorData {
  const kinds = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array } as const;
  return new kinds[type.dtype](memory.buffer, address, bytes / BYTES[type.dtype]);
}

export function prepare(lowered: Lowered, given: readonly Given[], wanted: readonly Wanted[]): Prepared {
  let end = 1024;
  const reserve = (bytes: number): number => {
    const at = end;
    // Not at the same place of a page: see the planner.
    end = Math.ceil((end + bytes + 128) / 64) * 64 + 320;
    return at;
  };
  const inputBytes = given.map(({ tensor, layout = "plain" }) => bytesIn(tensor, layout));
  const outputBytes = wanted.map(({ type, layout = "plain" }) => bytesIn(type, layout));
  const places = {
    input: inputBytes.map(reserve),
    output: outputBytes.map(reserve),
    temp: lowered.temps.map(reserve),
  };
  const scratch = reserve(Math.max(0, ...lowered.stages.map((s) => s.scratch)));
  const memory = new WebAssembly.Memory({ initial: Math.ceil((end + 64) / 65536) });
  const raw = new Uint8Array(memory.buffer);
  raw.fill(0xff); // NaN in float32
  given.forEach(({ tensor, layout = "plain" }, i) => {
    const to = view(memory, tensor, places.input[i], inputBytes[i]);
    if (layout === "plain") to.set(tensor.data);
    else for (const [plain, blocked] of blockedOrder(tensor.shape)) to[blocked] = tensor.data[plain];
  });
  outputBytes.forEach((bytes, i) => raw.fill(GUARD, places.output[i] + bytes, places.output[i] + bytes + 64));

  const instance = instantiate(lowered, memory);
  return {
    run(parts = 1) {
      for (const stage of lowered.stages) {
        const fn = instance.get(stage.kernel.key) as (...args: number[]) => void;
        const pointers = stage.pointers.map(({ kind, index }) => places[kind][index]);
        if (pointers.length !== stage.kernel.pointers || stage.integers.length !== stage.kernel.integers) {
          throw new Error(`${stage.kernel.key}: ${pointers.length} pointers, ${stage.integers.length} integers`);
        }
        for (let p = 0; p < parts; p++) {
          const lo = Math.floor((stage.work * p) / parts);
          const hi = Math.floor((stage.work * (p + 1)) / parts);
          if (lo < hi) fn(lo, hi, scratch, ...pointers, ...stage.integers);
        }
      }
    },
    results: () =>
      wanted.map(({ type, layout = "plain" }, i) => {
        const at = places.output[i];
        if (raw.subarray(at + outputBytes[i], at + outputBytes[i] + 64).some((b) => b !== GUARD)) {
          throw new Error(`output ${i}: something was stored beyond its end`);
        }
        const data = allocate(type.dtype, sizeOf(type.shape));
        const from = view(memory, type, at, outputBytes[i]);
        if (layout === "plain") data.set(from);
        else for (const [plain, blocked] of blockedOrder(type.shape)) data[plain] = from[blocked];
        return new Tensor(data, type.shape);
      }),
  };
}

/** The functions of all kernels, by key. */
function instantiate(lowered: Lowered, memory: WebAssembly.Memory): Map<string, (...args: number[]) => void> {
  const module = new ModuleBuilder();
  module.importMemory("env", "memory", { initial: 1 });
  const built = new Map<string, string>();
  for (const { kernel } of lowered.stages) {
    if (built.has(kernel.key)) continue;
    const func = kernel.build(module);
    built.set(kernel.key, `k${built.size}`);
    module.func({ params: func.params, results: [], exportAs: built.get(kernel.key) }, (f, ...args) =>
      f.call(func, ...args),
    );
  }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes()), { env: { memory } });
  return new Map([...built].map(([key, name]) => [key, exports[name] as (...args: number[]) => void]));
}

/** Lowers, runs and reads back. */
export function runLowered(lowered: Lowered, given: readonly Given[], wanted: readonly Wanted[], parts = 1): Tensor[] {
  const prepared = prepare(lowered, given, wanted);
  prepared.run(parts);
  return prepared.results();
}
