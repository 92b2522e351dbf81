/** jax-js on its WebAssembly backend: https://jax-js.com. Its arrays are consumed by use; `.ref` keeps one. */
import { readFileSync } from "node:fs";
import { defaultDevice, grad, init, jit, lax, numpy as np } from "@jax-js/jax";
import { readGraph } from "./onnx-graph.mjs";

export async function open() {
  await init("wasm");
  defaultDevice("wasm");
  const manifest = new URL("../node_modules/@jax-js/jax/package.json", import.meta.url);
  return { version: JSON.parse(readFileSync(manifest, "utf8")).version, load };
}

/** @param {import("./serve.mjs").Row} row @returns {import("./serve.mjs").Loaded | Promise<import("./serve.mjs").Loaded>} */
function load({ work, data, shapes, onnx }) {
  if (work.kind === "infer")
    return network(/** @type {string} */ (onnx), np.array(data["x"]).reshape([...shapes["x"]]));
  if (work.kind === "train") return trainOneLayer(work.input);
  const { stride, padding, groups } = work.shape;
  const array = (/** @type {string} */ name) => np.array(data[name]).reshape([...shapes[name]]);
  const [x, w, dy] = [array("x"), array("weight"), array("dy")];
  const apply = (/** @type {any} */ a, /** @type {any} */ b) =>
    lax.convGeneralDilated(
      a,
      b,
      [stride, stride],
      [
        [padding, padding],
        [padding, padding],
      ],
      { featureGroupCount: groups },
    );
  const run =
    work.kind === "conv"
      ? jit(apply)
      : jit((/** @type {any} */ a, /** @type {any} */ b, /** @type {any} */ g) =>
          work.kind === "gradInput"
            ? grad((/** @type {any} */ v) => apply(v, b).mul(g).sum())(a)
            : grad((/** @type {any} */ v) => apply(a, v).mul(g).sum())(b),
        );
  /** @type {any} */
  let last;
  return {
    run: async () => {
      last?.dispose();
      last = work.kind === "conv" ? run(x.ref, w.ref) : run(x.ref, w.ref, dy.ref);
      await last.blockUntilReady();
    },
    output: async () => Float32Array.from(await last.ref.data()),
  };
}

/** The network of an ONNX file. @param {string} file @param {any} x @returns {Promise<import("./serve.mjs").Loaded>} */
async function network(file, x) {
  const graph = await readGraph(file);
  const constants = new Map();
  for (const [name, { shape, data: numbers }] of graph.constants) {
    if (numbers instanceof Float32Array) constants.set(name, np.array(numbers).reshape([...shape]));
  }
  const forward = (/** @type {any} */ input) => {
    const values = new Map([[graph.input, input]]);
    const of = (/** @type {string} */ name) => (values.get(name) ?? constants.get(name))?.ref;
    for (const node of graph.nodes) values.set(node.output, apply(node, node.inputs.map(of)));
    const result = values.get(graph.output).ref;
    for (const value of values.values()) if (value !== input) value.dispose();
    return result;
  };
  /** @type {any} */
  let last;
  return {
    run: async () => {
      last?.dispose();
      last = forward(x);
      await last.blockUntilReady();
    },
    output: async () => Float32Array.from(await last.ref.data()),
  };
}

/** One node; consumes its operands. @param {import("./onnx-graph.mjs").Node} node @param {any[]} operands */
function apply(node, [a, b, c]) {
  const pairs = () => {
    const [top, left, bottom, right] = node.list("pads", [0, 0, 0, 0]);
    return /** @type {[number, number][]} */ ([
      [top, bottom],
      [left, right],
    ]);
  };
  switch (node.op) {
    case "Conv": {
      const y = lax.convGeneralDilated(a, b, [...node.list("strides", [1, 1])], pairs(), {
        featureGroupCount: node.ints("group", 1),
      });
      return c === undefined ? y : y.add(c.reshape([1, -1, 1, 1]));
    }
    case "Add":
      return a.add(b);
    case "Relu":
      return np.maximum(a, 0);
    case "Clip":
      b?.dispose();
      c?.dispose();
      return np.clip(a, 0, 6);
    case "MaxPool": {
      // After ReLU nothing is below zero, so zeros pad as −∞ would.
      const padded = np.pad(a, /** @type {any} */ ([[0, 0], [0, 0], ...pairs()]));
      return lax.reduceWindow(
        padded,
        (/** @type {any} */ v) => v.max(),
        [1, 1, ...node.list("kernel_shape", [])],
        [1, 1, ...node.list("strides", [])],
      );
    }
    case "GlobalAveragePool":
      return a.mean([2, 3], { keepdims: true });
    case "ReduceSum":
      return a.sum([2, 3], { keepdims: true });
    case "Mul":
      return a.mul(b);
    case "Div":
      return a.div(b);
    case "MatMul":
      return np.matmul(a, b);
    case "Flatten":
    case "Reshape":
      return a.reshape([a.shape[0], -1]);
    case "Gemm": {
      const y = np.matmul(a, node.ints("transB", 0) === 1 ? np.transpose(b) : b);
      return c === undefined ? y : y.add(c);
    }
    default:
      throw new Error(`no translation of ${node.op}`);
  }
}

/** A step would need this of every layer; if one layer's gradient takes longer than the limit, that is the result. */
/** @param {readonly number[]} input @returns {import("./serve.mjs").Loaded} */
function trainOneLayer([batch, , height, width]) {
  const x = np.ones([batch, 32, height, width]);
  const w = np.ones([64, 32, 3, 3]);
  const gradient = jit(
    grad((/** @type {any} */ v) =>
      lax
        .convGeneralDilated(
          x.ref,
          v,
          [1, 1],
          [
            [1, 1],
            [1, 1],
          ],
        )
        .sum(),
    ),
  );
  return {
    run: async () => {
      await gradient(w.ref).blockUntilReady();
      throw new Error("one layer's gradient alone was computed in time; a whole step is not written");
    },
  };
}
