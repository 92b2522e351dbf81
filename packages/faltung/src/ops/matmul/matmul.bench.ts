/** GFLOP/s of matrix products beside the roof. On Node 22.18 and newer: `node matmul.bench.ts [filter] [--wide]`. */
import { setFlagsFromString } from "node:v8";
import { wasmFeatures } from "../../wasm/index.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { matmulOp } from "./matmul.op.ts";
import { matmulWasm } from "./matmul.wasm.ts";
import { instantiate, roof } from "./testing.ts";

const works: Readonly<Record<string, readonly [a: Shape, b: Shape, transA: boolean, transB: boolean]>> = {
  "384³": [[384, 384], [384, 384], false, false],
  "384³, b transposed": [[384, 384], [384, 384], false, true],
  "1024³": [[1024, 1024], [1024, 1024], false, false],
  "linear 12544→128, batch 64": [[64, 12544], [128, 12544], false, true],
  "its gradient by input": [[64, 128], [128, 12544], false, false],
  "its gradient by weight": [[64, 128], [64, 12544], true, false],
  "linear 128→10, batch 64": [[64, 128], [10, 128], false, true],
  "linear 512→1000, batch 1": [[1, 512], [1000, 512], false, true],
};

const filter = process.argv[2] ?? "";
const fma = process.argv.includes("--mul") ? false : wasmFeatures().relaxedSimd;
const wide = process.argv.includes("--wide");
if (wide) setFlagsFromString("--experimental-wasm-revectorize");
const top = Math.max(roof(false), fma ? roof(true) : 0);
console.log(`roof ${top.toFixed(1)} GFLOP/s, ${fma ? "relaxed multiply-add" : "multiply + add"}`);
for (const [name, [a, b, transA, transB]] of Object.entries(works)) {
  if (!name.includes(filter)) continue;
  const types = [a, b].map((shape) => ({ shape, dtype: "float32" as const }));
  const attrs = { transA, transB };
  const type = matmulOp.infer(types, attrs);
  const lowered = matmulWasm.lower({
    inputs: types.map((t) => ({ type: t, layout: "plain" })),
    output: { type, layout: "plain" },
    attrs,
    target: { fma, fast: false, wide, threads: 1 },
  });
  const harness = instantiate(lowered, { inputs: [4 * sizeOf(a), 4 * sizeOf(b)], output: 4 * sizeOf(type.shape) });
  for (let i = 0; i < 4; i++) harness.run();
  const time = harness.best(Math.max(5, Math.min(400, Math.ceil(400 / harness.best(1)))));
  const gflops = lowered.stages[0].flops / time / 1e6;
  console.log(
    `${name.padEnd(30)} ${gflops.toFixed(1).padStart(6)} GFLOP/s ${((100 * gflops) / top).toFixed(0).padStart(4)} %  ${time.toFixed(3)} ms`,
  );
}
