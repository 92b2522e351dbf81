/**
 * Faltung. A single convolution is run as it lies inside of a network (`variant` "": activations channel-blocked, the
 * weights of an inference already packed), so without Winograd's algorithms ("direct"), or as a user's call sees it
 * ("nchw": plain numbers in and out, the conversions counted). Whole networks and training steps always go through the public API.
 */
import { faltung } from "../lib/faltung.mjs";
import { makeModel } from "../lib/models.mjs";
import { SGD } from "../lib/works.mjs";
import { loadKernel } from "./faltung-kernel.mjs";

/** @param {{ threads: number, variant: string }} options */
export async function open({ threads, variant }) {
  const f = await faltung();
  const options = { threads };
  return {
    version: `Node ${process.versions.node}`,
    /** @param {import("./serve.mjs").Row} row @returns {Promise<import("./serve.mjs").Loaded>} */
    async load(row) {
      const { work } = row;
      if (work.kind === "infer") return infer(row);
      if (work.kind === "train") return train(row);
      return variant === "nchw" ? oneCall(row) : loadKernel(work, row.data, threads, variant !== "direct");
    },
  };

  /** @param {import("./serve.mjs").Row} row */
  async function oneCall({ work, data, shapes }) {
    if (work.kind === "infer" || work.kind === "train") throw new Error("not a convolution");
    const { stride, padding, groups } = work.shape;
    const tensor = (/** @type {string} */ name) => new f.Tensor(data[name], shapes[name]);
    const weight = f.state({ role: "parameter", label: "weight", initial: tensor("weight") });
    const apply = (/** @type {any} */ x, /** @type {any} */ w) => f.conv2d(x, w, null, { stride, padding, groups });
    const types = { x: shapes["x"], dy: shapes["dy"] };
    const run =
      work.kind === "conv"
        ? await f.compile((/** @type {any} */ v) => ({ out: apply(v.x, weight) }), { x: types.x }, options)
        : await f.compile(
            (/** @type {any} */ v) => {
              const by = work.kind === "gradInput" ? v.x : weight;
              return { out: f.grad(f.sum(f.mul(apply(v.x, weight), v.dy)), [by])[0] };
            },
            types,
            options,
          );
    const { program } = run;
    program.input("main", "x").set(data["x"]);
    if (work.kind !== "conv") program.input("main", "dy").set(data["dy"]);
    return { run: () => program.step("main"), output: () => Float32Array.from(program.output("main", "out")) };
  }

  /** @param {import("./serve.mjs").Row} row */
  async function infer({ work, data, shapes }) {
    if (work.kind !== "infer") throw new Error("not an inference");
    const model = await makeModel(work.model);
    model.eval();
    const { program } = await f.compile(
      (/** @type {any} */ v) => ({ y: model.forward(v.x) }),
      { x: shapes["x"] },
      options,
    );
    program.input("main", "x").set(data["x"]);
    return {
      run: () => program.step("main"),
      output: () => Float32Array.from(program.output("main", "y")),
      facts: {
        arena: program.memory.total / 2 ** 20,
        explain: process.env["BENCH_EXPLAIN"] && program.explain("main"),
      },
    };
  }

  /** @param {import("./serve.mjs").Row} row */
  async function train({ work, data, shapes, labels }) {
    if (work.kind !== "train") throw new Error("not a training");
    const model = await makeModel(work.model);
    model.train();
    const optimizer = new f.SGD(Array.from(model.parameters()), SGD);
    const scalars = optimizer.scalarsAt(1, { lr: SGD.lr });
    const names = scalars.map((_, i) => `scalar${i}`);
    const program = await f.compile(
      {
        step: {
          fn: (/** @type {any} */ v) => {
            const loss = f.crossEntropy(model.forward(v.x), v.labels);
            optimizer.update(
              f.grad(loss, optimizer.parameters),
              names.map((name) => v[name]),
            );
            return { loss };
          },
          inputs: {
            x: shapes["x"],
            labels: { shape: shapes["labels"], dtype: "int32" },
            ...Object.fromEntries(names.map((name) => [name, []])),
          },
        },
      },
      options,
    );
    program.input("step", "x").set(data["x"]);
    program.input("step", "labels").set(labels);
    names.forEach((name, i) => program.input("step", name).fill(scalars[i]));
    const loss = program.output("step", "loss");
    return {
      run: () => {
        program.step("step");
        return loss[0];
      },
      facts: {
        arena: program.memory.total / 2 ** 20,
        explain: process.env["BENCH_EXPLAIN"] && program.explain("step"),
      },
    };
  }
}
