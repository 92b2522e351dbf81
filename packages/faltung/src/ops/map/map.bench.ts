/**
 * Map and reduction kernels against a plain copy of as many bytes, in GB/s and as a ratio:
 * `npx rolldown packages/faltung/src/ops/map/map.bench.ts --file map.bench.mjs --platform node && node map.bench.mjs [filter]`.
 */
import { prepare } from "../../../test/run-lowered.ts";
import { fuse } from "../../compile/fuse.ts";
import { simplify } from "../../compile/simplify.ts";
import { type TensorType, BYTES, sizeOf } from "../../tensor/shape.ts";
import { Tensor, allocate } from "../../tensor/tensor.ts";
import { wasmFeatures } from "../../wasm/index.ts";
import * as f from "../elementwise/elementwise.ts";
import { type Layout, type Value, input } from "../op.ts";
import { max, mean, sum } from "../reduce/reduce.ts";

interface Case {
  readonly name: string;
  readonly inputs: readonly TensorType[];
  readonly layout: Layout;
  build(...x: Value[]): Value | readonly Value[];
}

function float(...shape: number[]): TensorType {
  return { shape, dtype: "float32" };
}

const map = [128, 16, 32, 32];
const cases: readonly Case[] = [
  { name: "relu", inputs: [float(...map)], layout: "plain", build: f.relu },
  { name: "add", inputs: [float(...map), float(...map)], layout: "plain", build: f.add },
  { name: "relu, 256 KiB", inputs: [float(65536)], layout: "plain", build: f.relu },
  { name: "add, 256 KiB", inputs: [float(65536), float(65536)], layout: "plain", build: f.add },
  {
    name: "scale and shift per channel, plain",
    inputs: [float(...map), float(1, 16, 1, 1), float(1, 16, 1, 1)],
    layout: "plain",
    build: (x, a, b) => f.relu(f.add(f.mul(x, a), b)),
  },
  {
    name: "scale and shift per channel, blocked",
    inputs: [float(...map), float(1, 16, 1, 1), float(1, 16, 1, 1)],
    layout: "blocked",
    build: (x, a, b) => f.relu(f.add(f.mul(x, a), b)),
  },
  {
    name: "per channel, 7x7, plain",
    inputs: [float(64, 512, 7, 7), float(1, 512, 1, 1)],
    layout: "plain",
    build: f.add,
  },
  {
    name: "per channel, 7x7, blocked",
    inputs: [float(64, 512, 7, 7), float(1, 512, 1, 1)],
    layout: "blocked",
    build: f.add,
  },
  { name: "bias of rows [512, 512]", inputs: [float(512, 512), float(512)], layout: "plain", build: f.add },
  { name: "bias of rows [8192, 10]", inputs: [float(8192, 10), float(10)], layout: "plain", build: f.add },
  {
    name: "mask of relu, residual",
    inputs: [float(...map), float(...map), float(...map)],
    layout: "blocked",
    build: (y, a, b) => f.where(f.le(y, 0), 0, f.add(a, b)),
  },
  { name: "lt (to bytes)", inputs: [float(...map), float(...map)], layout: "plain", build: f.lt },
  {
    name: "where of bytes",
    inputs: [{ shape: map, dtype: "uint8" }, float(...map), float(...map)],
    layout: "plain",
    build: f.where,
  },
  {
    name: "Adam step",
    inputs: [float(1 << 20), float(1 << 20), float(1 << 20), float(1 << 20), float()],
    layout: "plain",
    build: (p, m, v, g, lr) => {
      const a = f.add(f.mul(m, 0.9), f.mul(g, 0.1));
      const b = f.add(f.mul(v, 0.999), f.mul(f.mul(g, g), 0.001));
      return [a, b, f.sub(p, f.mul(lr, f.div(a, f.add(f.sqrt(b), 1e-8))))];
    },
  },
  {
    name: "SGD with momentum",
    inputs: [float(1 << 20), float(1 << 20), float(1 << 20), float()],
    layout: "plain",
    build: (p, v, g, lr) => {
      const a = f.add(f.mul(v, 0.9), f.add(g, f.mul(p, 5e-4)));
      return [a, f.sub(p, f.mul(lr, a))];
    },
  },
  { name: "exp", inputs: [float(65536)], layout: "plain", build: f.exp },
  { name: "sigmoid", inputs: [float(65536)], layout: "plain", build: f.sigmoid },
  { name: "gelu", inputs: [float(65536)], layout: "plain", build: (x) => f.gelu(x) },
  { name: "erf", inputs: [float(65536)], layout: "plain", build: f.erf },
  { name: "tanh", inputs: [float(65536)], layout: "plain", build: f.tanh },
  { name: "log", inputs: [float(65536)], layout: "plain", build: f.log },
  { name: "silu", inputs: [float(65536)], layout: "plain", build: f.silu },
  { name: "sum, all", inputs: [float(1 << 22)], layout: "plain", build: (x) => sum(x) },
  { name: "sum of rows [4096, 1024]", inputs: [float(4096, 1024)], layout: "plain", build: (x) => sum(x, 1) },
  { name: "sum of columns [4096, 1024]", inputs: [float(4096, 1024)], layout: "plain", build: (x) => sum(x, 0) },
  { name: "sum of columns [256, 256]", inputs: [float(256, 256)], layout: "plain", build: (x) => sum(x, 0) },
  { name: "sum per channel, plain", inputs: [float(...map)], layout: "plain", build: (x) => sum(x, [0, 2, 3]) },
  { name: "sum per channel, blocked", inputs: [float(...map)], layout: "blocked", build: (x) => sum(x, [0, 2, 3]) },
  {
    name: "square deviations per channel, blocked",
    inputs: [float(...map), float(1, 16, 1, 1)],
    layout: "blocked",
    build: (x, m) => sum(f.square(f.sub(x, m)), [0, 2, 3]),
  },
  {
    name: "two sums of batch-norm's gradient, blocked",
    inputs: [float(...map), float(...map), float(...map), float(1, 16, 1, 1)],
    layout: "blocked",
    build: (y, g, x, m) => {
      const dy = f.where(f.le(y, 0), 0, g);
      return [sum(dy, [0, 2, 3]), sum(f.mul(dy, f.sub(x, m)), [0, 2, 3])];
    },
  },
  { name: "mean of pixels, blocked", inputs: [float(64, 512, 7, 7)], layout: "blocked", build: (x) => mean(x, [2, 3]) },
  { name: "max of rows [4096, 1024]", inputs: [float(4096, 1024)], layout: "plain", build: (x) => max(x, 1) },
  { name: "max of rows [256, 256]", inputs: [float(256, 256)], layout: "plain", build: (x) => max(x, 1) },
];

function best(run: () => void, seconds = 0.6): number {
  for (let i = 0; i < 5; i++) run();
  let least = Infinity;
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const start = performance.now();
    run();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** A copy that moves as many bytes in all: half are read, half are written. */
function copyOf(bytes: number): () => void {
  const half = Math.ceil(bytes / 2);
  const memory = new WebAssembly.Memory({ initial: Math.ceil((2 * half + 4096) / 65536) });
  const data = new Uint8Array(memory.buffer).fill(1);
  return () => data.copyWithin(half + 320, 0, half);
}

const only = process.argv[2];
for (const { name, inputs, layout, build } of cases) {
  if (only !== undefined && !name.includes(only)) continue;
  const leaves = inputs.map((type, i) => input(`x${i}`, type));
  const built = build(...leaves);
  const tasks = fuse(simplify(Array.isArray(built) ? built : [built as Value])).filter((t) => !t.alias);
  const [task] = tasks;
  const layouts = task.layouts.find(
    (l) =>
      l.inputs[0] === layout && (l.outputs[0] === layout || sizeOf(task.outputs[0].shape) < sizeOf(inputs[0].shape)),
  );
  if (layouts === undefined) throw new Error(`${name}: ${task.label} cannot work in ${layout}`);
  const target = { fma: wasmFeatures().relaxedSimd, fast: true, wide: false, threads: 1 };
  const lowered = task.lower(layouts, target);
  const given = task.inputs.map((x, i) => {
    const data = allocate(x.dtype, sizeOf(x.shape));
    for (let k = 0; k < data.length; k++) data[k] = x.dtype === "uint8" ? k & 1 : ((k * 7919) % 1000) / 500 - 0.5;
    return { tensor: new Tensor(data, x.shape), layout: layouts.inputs[i] };
  });
  const prepared = prepare(
    lowered,
    given,
    task.outputs.map((type, i) => ({ type, layout: layouts.outputs[i] })),
  );
  const bytes = [...task.inputs, ...task.outputs].reduce((sum, v) => sum + sizeOf(v.shape) * BYTES[v.dtype], 0);
  const copy = copyOf(bytes);
  const [a, b, c, d] = [best(() => prepared.run()), best(copy), best(() => prepared.run()), best(copy)];
  const ours = Math.min(a, c);
  const theirs = Math.min(b, d);
  const rate = (ms: number): string => (bytes / ms / 1e6).toFixed(1).padStart(6);
  console.log(
    `${name.padEnd(44)} ${rate(ours)} GB/s, copy ${rate(theirs)} GB/s: ${((100 * theirs) / ours).toFixed(0)} %  ${tasks.length > 1 ? `(1 of ${tasks.length} tasks)` : ""}`,
  );
}
