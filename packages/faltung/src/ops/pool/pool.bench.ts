/**
 * Pooling, data movement and random numbers: bytes per second beside what a plain copy reaches on as many bytes.
 * `npx rolldown src/ops/pool/pool.bench.ts -p node -o /tmp/pool.bench.mjs && node /tmp/pool.bench.mjs [filter]`
 */
import { prepare } from "../../../test/run-lowered.ts";
import type { DType, Shape } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { type Layout, type Site, type Value, apply, input, isConstant } from "../op.ts";
import { randomUniform } from "../random/random.op.ts";
import type { AxisMap } from "../shape/axisMap.ts";
import { concatOp } from "../shape/concat.op.ts";
import { flip } from "../shape/flip.op.ts";
import { pad } from "../shape/pad.op.ts";
import { permute } from "../shape/permute.op.ts";
import { slice } from "../shape/slice.op.ts";
import { spatialMap } from "../shape/spatialMap.op.ts";
import { maxPoolIndexOp, maxPoolOp, maxUnpoolOp } from "./maxPool.op.ts";
import { lowerMaxPoolWithIndex } from "./maxPool.wasm.ts";
import { normaliseWindow, pooledSize } from "./window.ts";
import { moveBoxes } from "../shape/box.wasm.ts";

const leaf = (shape: Shape, dtype: DType = "float32"): Value => input("x", { shape, dtype });

/** Least milliseconds of one run. */
function best(run: () => void): number {
  for (let i = 0; i < 20; i++) run();
  let least = Infinity;
  const end = performance.now() + 400;
  while (performance.now() < end) {
    const start = performance.now();
    run();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** Milliseconds of copying so many bytes (half read, half written) by vectors. */
const copies = new Map<number, number>();
function copyTime(bytes: number): number {
  const size = Math.max(Math.round(bytes / 8), 4);
  const known = copies.get(size);
  if (known !== undefined) return known;
  const box = {
    axes: [{ size, from: 1, to: 1 }],
    source: { kind: "buffer", pointer: 0, offset: 0 },
    target: 1,
    offset: 0,
  } as const;
  const stage = moveBoxes(
    "copy",
    [box],
    "float32",
    [
      { kind: "input", index: 0 },
      { kind: "output", index: 0 },
    ],
    [1],
  );
  const tensor = Tensor.zeros([size]);
  const p = prepare({ stages: [stage], temps: [] }, [{ tensor }], [{ type: tensor }]);
  const time = best(() => p.run());
  copies.set(size, time);
  return time;
}

function fill(type: { shape: Shape; dtype: DType }): Tensor {
  const t = Tensor.zeros(type.shape, type.dtype);
  for (let i = 0; i < t.size; i++) t.data[i] = type.dtype === "float32" ? Math.sin(i * 12.9898) : (i * 7919) % 4;
  return t;
}

const filter = process.argv[2] ?? "";

function report(name: string, ms: number, bytes: number): void {
  const copy = copyTime(bytes);
  console.log(
    `${name.padEnd(44)} ${ms.toFixed(3).padStart(8)} ms ${(bytes / ms / 1e6).toFixed(1).padStart(6)} GB/s ${((100 * copy) / ms).toFixed(0).padStart(4)} % of copy`,
  );
}

function measure(name: string, value: Value, layout: Layout): void {
  if (!name.includes(filter)) return;
  const { op, attrs, inputs } = value;
  const layouts = inputs.map((x) => (isConstant(x) || x.shape.length < 3 ? "plain" : layout));
  const site: Site<unknown> = {
    inputs: inputs.map((type, i) => ({ type, layout: layouts[i] })),
    output: { type: value, layout },
    attrs,
    target: { fma: false, fast: false, wide: false, threads: 1 },
  };
  const lowered = op.wasm?.lower(site) ?? { stages: [], temps: [] };
  const given = inputs.map((x, i) => ({ tensor: isConstant(x) ? x.attrs.tensor : fill(x), layout: layouts[i] }));
  const p = prepare(lowered, given, [{ type: value, layout }]);
  report(
    `${name}, ${layout}`,
    best(() => p.run()),
    lowered.stages.reduce((n, s) => n + s.bytes, 0),
  );
}

const w22 = normaliseWindow(2, 2, {}, "maxPool2d");
const w32 = normaliseWindow(2, 3, { stride: 2, padding: 1 }, "maxPool2d");
const avg = (n: number): AxisMap => ({
  kind: "window",
  input: n,
  output: n / 2,
  kernel: 2,
  stride: 2,
  begin: 0,
  end: 0,
  divisor: "inside",
});
const avg3 = (n: number): AxisMap => ({
  kind: "window",
  input: n,
  output: n,
  kernel: 3,
  stride: 1,
  begin: 1,
  end: 1,
  divisor: "padded",
});
const double = (n: number, kind: "nearest" | "linear"): AxisMap =>
  kind === "nearest"
    ? { kind, input: n, output: 2 * n, scale: 0.5, center: false }
    : { kind, input: n, output: 2 * n, scale: 0.5, alignCorners: false };

for (const [what, shape] of [
  ["small", [4, 64, 28, 28]],
  ["large", [64, 64, 28, 28]],
  ["112", [1, 64, 112, 112]],
] as const) {
  for (const [kind, w] of [
    ["2/2", w22],
    ["3/2", w32],
  ] as const) {
    const x = leaf(shape);
    const out = [...shape.slice(0, 2), ...pooledSize(shape.slice(2), w, "")];
    const attrs = { window: w, spatial: shape.slice(2) };
    for (const layout of ["blocked", "plain"] as const) {
      measure(`maxPool ${kind} ${what}`, apply(maxPoolOp, [x], w), layout);
      measure(`maxPoolIndex ${kind} ${what}`, apply(maxPoolIndexOp, [x], w), layout);
      measure(`maxUnpool ${kind} ${what}`, apply(maxUnpoolOp, [leaf(out), leaf(out, "uint8")], attrs), layout);
      if (`maxPool+index ${kind} ${what}`.includes(filter)) {
        const types = [
          { shape: out, dtype: "float32" },
          { shape: out, dtype: "uint8" },
        ] as const;
        const lowered = lowerMaxPoolWithIndex(w, x, types[0], layout);
        const p = prepare(
          lowered,
          [{ tensor: fill(x), layout }],
          types.map((type) => ({ type, layout })),
        );
        report(
          `maxPool+index ${kind} ${what}, ${layout}`,
          best(() => p.run()),
          lowered.stages[0].bytes,
        );
      }
    }
  }
  const [, , h] = shape;
  for (const layout of ["blocked", "plain"] as const) {
    const small = [...shape.slice(0, 2), h / 2, h / 2];
    measure(`avgPool 2/2 ${what}`, spatialMap(leaf(shape), [avg(h), avg(h)]), layout);
    measure(`avgPool 2/2 transposed ${what}`, spatialMap(leaf(small), [avg(h), avg(h)], true), layout);
    measure(`avgPool 3/1 ${what}`, spatialMap(leaf(shape), [avg3(h), avg3(h)]), layout);
    measure(
      `nearest ×2 ${what}`,
      spatialMap(leaf(small), [double(h / 2, "nearest"), double(h / 2, "nearest")]),
      layout,
    );
    measure(`bilinear ×2 ${what}`, spatialMap(leaf(small), [double(h / 2, "linear"), double(h / 2, "linear")]), layout);
    measure(
      `bilinear ×2 transposed ${what}`,
      spatialMap(leaf(shape), [double(h / 2, "linear"), double(h / 2, "linear")], true),
      layout,
    );
    measure(`pad 1 ${what}`, pad(leaf(shape), [1, 1, 1, 1]), layout);
    measure(`crop ${what}`, slice(leaf(shape), [[], [], [1, -1], [1, -1]]), layout);
    measure(`slice, step 2 ${what}`, slice(leaf(shape), [[], [], [0, h, 2], [0, h, 2]]), layout);
    measure(`flip width ${what}`, flip(leaf(shape), [3]), layout);
    measure(`concat channels ${what}`, apply(concatOp, [leaf(shape), leaf(shape)], { axis: 1 }), layout);
    measure(`randomUniform ${what}`, randomUniform(shape, leaf([], "int32"), 1), layout);
  }
  measure(`permute to NHWC ${what}`, permute(leaf(shape), [0, 2, 3, 1]), "plain");
  measure(`permute to NCHW ${what}`, permute(leaf([shape[0], h, h, 64]), [0, 3, 1, 2]), "plain");
}
measure("transpose 1024×1000", permute(leaf([1024, 1000]), [1, 0]), "plain");
measure("permute RGB bytes to NCHW", permute(leaf([64, 32, 32, 3], "uint8"), [0, 3, 1, 2]), "plain");
