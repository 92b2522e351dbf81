/** One convolution as it runs inside of a network: its kernels, by the library's own backend, in their best layouts. */
import { faltung } from "../lib/faltung.mjs";
import { floatsIn, fromLayout, toLayout } from "../lib/layout.mjs";
import { outputSize, shapesOf } from "../lib/works.mjs";

/** The operation of each kind, and which tensors it takes and makes. */
const KINDS = /** @type {const} */ ({
  conv: { op: "convOp", inputs: ["x", "weight"], output: "y" },
  gradInput: { op: "convTransposeOp", inputs: ["dy", "weight"], output: "x" },
  gradWeight: { op: "convWeightGradOp", inputs: ["x", "dy"], output: "weight" },
});

/**
 * @param {Extract<import("../lib/works.mjs").Work, { shape: unknown }>} work
 * @param {Record<string, Float32Array>} data
 * @param {number} threads
 * @param {boolean} [fast] whether Winograd's algorithms may be used
 * @returns {Promise<import("./serve.mjs").Loaded>}
 */
export async function loadKernel(work, data, threads, fast = true) {
  const [{ hire, instantiate }, { CONTROL_BYTES, SLACK }, operations, { wasmFeatures }] = await Promise.all([
    faltung("backend/wasm/instance.js"),
    faltung("backend/plan.js"),
    faltung("ops/conv/conv2d.op.js"),
    faltung("wasm/index.js"),
  ]);
  const { shape } = work;
  const { x, weight, y } = shapesOf(shape);
  const shapes = /** @type {Record<string, number[]>} */ ({ x, weight, y, dy: y });
  const kind = KINDS[work.kind];
  const op = operations[kind.op];
  const two = (/** @type {number} */ n) => [n, n];
  const attrs = {
    groups: shape.groups,
    stride: two(shape.stride),
    dilation: two(1),
    begin: two(shape.padding),
    input: two(shape.size),
    kernel: two(shape.kernel),
    output: two(outputSize(shape)),
  };
  const type = (/** @type {string} */ name) => ({ shape: shapes[name], dtype: "float32" });
  const types = kind.inputs.map(type);
  const layouts = op.wasm.layouts(types, type(kind.output), attrs)[0];
  const { wideMissing } = await faltung("compile/wide.js");
  const wide = process.env["FALTUNG_WIDE"] === "1" && (await wideMissing()) === undefined;
  const target = { fma: wasmFeatures().relaxedSimd, fast, wide, threads };
  const lowered = op.wasm.lower({
    inputs: types.map((t, i) => ({ type: t, layout: layouts.inputs[i] })),
    output: { type: type(kind.output), layout: layouts.output },
    attrs,
    target,
  });

  // An arena in order: operands, result, temporaries, scratch. Neighbours do not share the place within a page.
  let end = CONTROL_BYTES;
  const place = (/** @type {number} */ bytes) => {
    const address = end;
    end = Math.ceil((end + bytes + SLACK) / 64) * 64 + 320;
    return { address, bytes };
  };
  const places = {
    input: kind.inputs.map((name, i) => place(4 * floatsIn(shapes[name], layouts.inputs[i]))),
    output: [place(4 * floatsIn(shapes[kind.output], layouts.output))],
    temp: lowered.temps.map(place),
  };
  const stride = Math.ceil(Math.max(0, ...lowered.stages.map((/** @type {any} */ s) => s.scratch)) / 64) * 64 + 320;
  const scratch = { address: end, stride };
  end += stride * threads + SLACK;
  // What reads nothing but weights is prepared once, at inference.
  const fixed = new Set(["input 1"]);
  const key = (/** @type {any} */ ref) => `${ref.kind} ${ref.index}`;
  const prepared = lowered.stages.map((/** @type {any} */ stage) => {
    const reads = stage.pointers.filter((/** @type {any} */ _, /** @type {number} */ i) => !stage.writes.includes(i));
    const ready = work.kind === "conv" && reads.every((/** @type {any} */ ref) => fixed.has(key(ref)));
    if (ready) stage.writes.forEach((/** @type {number} */ w) => fixed.add(key(stage.pointers[w])));
    return ready;
  });
  const job = (/** @type {string} */ name, /** @type {boolean} */ ready) => ({
    name,
    stages: lowered.stages
      .filter((/** @type {any} */ _, /** @type {number} */ i) => prepared[i] === ready)
      .map((/** @type {any} */ stage) => ({
        ...stage,
        pointers: stage.pointers.map((/** @type {any} */ ref) => places[/** @type {"input"} */ (ref.kind)][ref.index]),
      })),
  });
  const plan = { jobs: [job("prepare", true), job("run", false)], threads, bytes: end, scratch };
  const instance = await instantiate(plan, hire(threads - 1));
  const view = (/** @type {{ address: number, bytes: number }} */ { address, bytes }) =>
    new Float32Array(instance.memory.buffer, address, bytes / 4);
  kind.inputs.forEach((name, i) => toLayout(data[name], shapes[name], layouts.inputs[i], view(places.input[i])));
  instance.run(0);
  return {
    run: () => instance.run(1),
    output: () => fromLayout(view(places.output[0]), shapes[kind.output], layouts.output),
    facts: { stages: lowered.stages.map((/** @type {any} */ s) => s.label) },
  };
}
