/**
 * Where a network's time goes, stage by stage: `node bench/profile.mjs train-mnist [--threads 1] [--top 25]`.
 *
 * Each stage of the plan becomes a job of its own beside the whole one. Its times are the least of several turns: in
 * the network's order, and alone, again and again. The difference is what memory costs: alone, weights may stay in a
 * cache that in a network others fill.
 */
import { parseArgs } from "node:util";
import { faltung } from "./lib/faltung.mjs";
import { makeModel } from "./lib/models.mjs";
import { SGD, chosen } from "./lib/works.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "1" },
    top: { type: "string", default: "30" },
    turns: { type: "string", default: "7" },
    wide: { type: "boolean", default: false },
  },
});
const f = await faltung();
const [
  { traceEntry, entryGraph },
  { fuse },
  { planProgram },
  { instantiate, hire },
  { wasmFeatures },
  { wideMissing },
] = await Promise.all(
  ["compile/entries", "compile/fuse", "compile/plan", "backend/wasm/instance", "wasm/index", "compile/wide"].map((m) =>
    faltung(`${m}.js`),
  ),
);

const [work] = chosen(positionals);
if (work.kind !== "infer" && work.kind !== "train") throw new Error(`${work.name} is one convolution, not a network`);
if (values.wide && (await wideMissing()) !== undefined) throw new Error(`no wide vectors: ${await wideMissing()}`);
const threads = Number(values.threads);
const model = await makeModel(work.model);
model.train(work.kind === "train");
const optimizer = new f.SGD(Array.from(model.parameters()), SGD);
const spec =
  work.kind === "infer"
    ? { fn: (/** @type {any} */ v) => ({ y: model.forward(v.x) }), inputs: { x: work.input } }
    : {
        fn: (/** @type {any} */ v) => {
          const loss = f.crossEntropy(model.forward(v.x), v.labels);
          optimizer.update(f.grad(loss, optimizer.parameters), optimizer.scalarsAt(1, { lr: SGD.lr }));
          return { loss };
        },
        inputs: { x: work.input, labels: { shape: [work.input[0]], dtype: "int32" } },
      };
const fma = wasmFeatures().relaxedSimd;
const target = { fma, fast: true, dot: wasmFeatures().relaxedDot, wide: values.wide, threads };
const graph = entryGraph("step", traceEntry(spec, f.randomSource(0)), fuse);
const planned = planProgram([graph], target);
const [entry] = planned.entries;
const { stages } = planned.plan.jobs[entry.job];
const first = planned.plan.jobs.length;
const alone = stages.map((/** @type {any} */ stage, /** @type {number} */ i) => ({
  name: `stage${i}`,
  stages: [stage],
}));
const plan = { ...planned.plan, jobs: [...planned.plan.jobs, ...alone] };
const instance = await instantiate(plan, hire(threads - 1));

const view = (/** @type {any} */ { address, shape }) =>
  new Float32Array(
    instance.memory.buffer,
    address,
    shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1),
  );
for (const [state, place] of planned.states) view(place).set(state.attrs.initial.data);
for (const [{ data, shape }, address] of planned.constants) {
  if (data instanceof Float32Array) view({ address, shape }).set(data);
}
view(entry.inputs.get("x")).forEach((/** @type {number} */ _, /** @type {number} */ i, /** @type {any} */ x) => {
  x[i] = Math.sin(i * 12.9898) * 0.5;
});

/** Least milliseconds of a run. */
const best = (/** @type {number} */ job, /** @type {number} */ turns) => {
  let least = Infinity;
  for (let turn = 0; turn < turns; turn++) {
    const start = performance.now();
    let n = 0;
    do {
      instance.run(job);
      n++;
    } while (performance.now() - start < 2);
    least = Math.min(least, (performance.now() - start) / n);
  }
  return least;
};
if (entry.preparation >= 0) instance.run(entry.preparation);
for (let i = 0; i < 5; i++) instance.run(entry.job);
const whole = best(entry.job, Number(values.turns));
// In the network's order: what a stage reads was made by another, and its weights were last read a whole run ago.
const inOrder = stages.map(() => Infinity);
for (let turn = 0; turn < 3 * Number(values.turns); turn++) {
  for (let i = 0; i < stages.length; i++) {
    const start = performance.now();
    instance.run(first + i);
    inOrder[i] = Math.min(inOrder[i], performance.now() - start);
  }
}
/** @type {{ ms: number, inOrder: number, label: string, task: string, flops: number, bytes: number }[]} */
const rows = stages.map((/** @type {any} */ stage, /** @type {number} */ i) => ({
  ms: best(first + i, Number(values.turns)),
  inOrder: inOrder[i],
  label: stage.label,
  task: planned.notes[entry.job][i].task,
  flops: stage.flops,
  bytes: stage.bytes,
}));
instance.close();

const total = (/** @type {"ms" | "inOrder"} */ key) => rows.reduce((sum, row) => sum + row[key], 0);
const sum = total("ms");
console.log(
  `${work.title}, ${threads} thread(s): ${whole.toFixed(2)} ms; ${rows.length} stages in order: ${total("inOrder").toFixed(2)} ms, alone: ${sum.toFixed(2)} ms`,
);
console.log(
  `${"in order".padStart(8)} ${"alone".padStart(8)} ${"%".padStart(5)} ${"GFLOP/s".padStart(8)} ${"GB/s".padStart(6)}  stage`,
);
for (const { ms, inOrder, label, task, flops, bytes } of rows
  .sort((a, b) => b.ms - a.ms)
  .slice(0, Number(values.top))) {
  const cells = [inOrder.toFixed(3).padStart(8), ms.toFixed(3).padStart(8), ((100 * ms) / sum).toFixed(1).padStart(5)];
  cells.push((flops / ms / 1e6).toFixed(1).padStart(8), (bytes / ms / 1e6).toFixed(1).padStart(6));
  console.log(`${cells.join(" ")}  ${label}  [${task}]`);
}
process.exit(0);
