/**
 * TensorFlow.js on its WebAssembly or its plain CPU backend: NHWC, as it likes it best; bias and activation fused where it
 * has an operation for that. Networks are walked node by node from the ONNX file that the other peers read.
 */
import { createRequire, register } from "node:module";
import { dirname } from "node:path";
import { readGraph } from "./onnx-graph.mjs";

const require = createRequire(import.meta.url);
// Its bundle for Node leaves the gradients out; the modules that have them are written for bundlers, without extensions.
/** @type {typeof import("@tensorflow/tfjs-core")} */
const tf = require("@tensorflow/tfjs-core");

const resolve = `export const resolve = async (name, context, next) => {
  try { return await next(name, context); } catch (error) {
    if (!name.startsWith(".")) throw error;
    return next(name + ".js", context);
  }
};`;
register(`data:text/javascript,${encodeURIComponent(resolve)}`);
await import("@tensorflow/tfjs-core/dist/register_all_gradients.js");

/** @param {{ variant: string }} options */
export async function open({ variant }) {
  if (variant === "wasm") {
    const wasm = require("@tensorflow/tfjs-backend-wasm");
    wasm.setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json"))}/dist/`);
  } else {
    require("@tensorflow/tfjs-backend-cpu");
  }
  await tf.setBackend(variant);
  await tf.ready();
  return { version: tf.version_core, load };
}

/** @param {Float32Array} data @param {readonly number[]} shape @param {number[]} order */
const transposed = (data, shape, order) => tf.tidy(() => tf.transpose(tf.tensor(data, [...shape]), order));
const nhwc = (/** @type {Float32Array} */ data, /** @type {readonly number[]} */ shape) =>
  transposed(data, shape, [0, 2, 3, 1]);
const hwio = (/** @type {Float32Array} */ data, /** @type {readonly number[]} */ shape) =>
  transposed(data, shape, [2, 3, 1, 0]);

/** @param {import("./serve.mjs").Row} row @returns {Promise<import("./serve.mjs").Loaded>} */
async function load({ work, data, shapes, labels, onnx, sgd }) {
  if (work.kind === "train") return train(work, data, shapes, /** @type {Int32Array} */ (labels), sgd);
  /** @type {() => any} */
  let make;
  /** @type {number[] | undefined} from its order of axes to ours */
  let back = [0, 3, 1, 2];
  if (work.kind === "infer") {
    make = await network(/** @type {string} */ (onnx), nhwc(data["x"], shapes["x"]));
    back = undefined;
  } else {
    const { stride, padding, groups, size } = work.shape;
    const [x, dy] = [nhwc(data["x"], shapes["x"]), nhwc(data["dy"], shapes["dy"])];
    const w =
      groups > 1 ? transposed(data["weight"], shapes["weight"], [2, 3, 0, 1]) : hwio(data["weight"], shapes["weight"]);
    const input = /** @type {[number, number, number, number]} */ (x.shape);
    if (work.kind === "gradInput") {
      make = () => tf.conv2dTranspose(dy, w, input, stride, padding);
    } else if (work.kind === "gradWeight") {
      const gradient = tf.grad((/** @type {any} */ filter) => tf.conv2d(x, filter, stride, padding));
      make = () => gradient(w, dy);
      back = [3, 2, 0, 1];
    } else if (groups > 1) {
      // Its depthwise convolution pads by name only.
      if (stride !== 1 || 2 * padding + 1 !== work.shape.kernel || size < 1)
        throw new Error("depthwiseConv2d: other padding");
      make = () => tf.depthwiseConv2d(x, w, stride, "same");
    } else if (stride === 1) {
      make = () => tf.conv2d(x, w, stride, "same");
    } else {
      make = () =>
        tf.conv2d(x, w, stride, [
          [0, 0],
          [padding, padding],
          [padding, padding],
          [0, 0],
        ]);
    }
  }
  const output = () => tf.tidy(() => (back === undefined ? make() : tf.transpose(make(), back)).dataSync());
  return {
    run: () => {
      const y = make();
      if (tf.getBackend() !== "wasm") y.dataSync();
      y.dispose();
    },
    output: () => Float32Array.from(output()),
  };
}

/** The network of an ONNX file as a function. @param {string} file @param {any} x */
async function network(file, x) {
  const graph = await readGraph(file);
  const constants = new Map();
  for (const [name, { shape, data }] of graph.constants) {
    constants.set(name, data instanceof Float32Array ? tf.tensor(data, [...shape]) : data);
  }
  /** @type {Map<string, (args: any[]) => any>} */
  const kernels = new Map();
  const nodes = graph.nodes.map((node) => ({ ...node }));
  // Conv followed by an activation that nothing else reads: one fused operation.
  const users = (/** @type {string} */ name) => nodes.filter((n) => n.inputs.includes(name));
  const fused = new Map();
  for (const node of nodes) {
    if (node.op !== "Conv") continue;
    const [next, ...more] = users(node.output);
    if (next === undefined || more.length > 0) continue;
    const clip =
      next.op === "Clip" &&
      constants.get(next.inputs[1])?.dataSync()[0] === 0 &&
      constants.get(next.inputs[2])?.dataSync()[0] === 6;
    if (next.op === "Relu" || clip) {
      fused.set(next, node);
      node.output = next.output;
      node.activation = next.op === "Relu" ? "relu" : "relu6";
    }
  }
  const steps = nodes.filter((n) => !fused.has(n));
  for (const node of steps) {
    if (node.op !== "Conv") continue;
    const w = constants.get(node.inputs[1]);
    const groups = node.ints("group", 1);
    const depthwise = groups > 1;
    const order = depthwise ? [2, 3, 0, 1] : [2, 3, 1, 0];
    const filter = tf.transpose(w, order);
    const strides = node.list("strides", [1, 1]);
    const pads = node.list("pads", [0, 0, 0, 0]);
    const pad = /** @type {any} */ ([
      [0, 0],
      [pads[0], pads[2]],
      [pads[1], pads[3]],
      [0, 0],
    ]);
    const bias = constants.get(node.inputs[2]);
    const { activation } = node;
    // Its depthwise kernel takes "same" with stride 1 or 2 on even sizes as a padding of its own; explicit ones are
    // padded by hand where they differ.
    kernels.set(node.output, ([value]) => {
      const options = { x: value, filter, strides: /** @type {[number, number]} */ (strides), pad, bias, activation };
      return depthwise ? tf.fused.depthwiseConv2d(options) : tf.fused.conv2d(options);
    });
  }
  return () =>
    tf.tidy(() => {
      const values = new Map([[graph.input, x]]);
      const of = (/** @type {string} */ name) => values.get(name) ?? constants.get(name);
      for (const node of steps)
        values.set(node.output, kernels.get(node.output)?.(node.inputs.map(of)) ?? apply(node, of));
      return values.get(graph.output);
    });
}

/** @param {any} node @param {(name: string) => any} of */
function apply(node, of) {
  const [a, b, c] = node.inputs.map(of);
  switch (node.op) {
    case "Add":
      return tf.add(a, b);
    case "Relu":
      return tf.relu(a);
    case "Clip":
      return tf.clipByValue(a, b.dataSync()[0], c.dataSync()[0]);
    case "MaxPool": {
      const [k] = node.list("kernel_shape", []);
      const [s] = node.list("strides", [1]);
      const [p] = node.list("pads", [0]);
      // After ReLU nothing is below zero, so zeros pad as −∞ would.
      return tf.maxPool(
        p > 0
          ? tf.pad(a, [
              [0, 0],
              [p, p],
              [p, p],
              [0, 0],
            ])
          : a,
        k,
        s,
        "valid",
      );
    }
    case "GlobalAveragePool":
      return tf.mean(a, [1, 2], true);
    case "ReduceSum":
      return tf.sum(a, [1, 2], true);
    case "Mul":
      return tf.mul(a, b);
    case "Div":
      return tf.div(a, b);
    case "Flatten":
    case "Reshape":
      return tf.reshape(a, [a.shape[0], -1]);
    case "Gemm": {
      const product = tf.matMul(a, b, false, node.ints("transB", 0) === 1);
      return c === undefined ? product : tf.add(product, c);
    }
    case "MatMul":
      return tf.matMul(a, b);
    case "Identity":
      return tf.clone(a);
    default:
      throw new Error(`no translation of ${node.op}`);
  }
}

/** @type {(work: any, data: Record<string, Float32Array>, shapes: Record<string, readonly number[]>, labels: Int32Array, sgd: { lr: number, momentum: number }) => import("./serve.mjs").Loaded} */
function train(work, data, shapes, labels, { lr, momentum }) {
  if (work.model !== "mnistCnn") return trainAny(work);
  const variable = (/** @type {string} */ key, /** @type {(d: Float32Array, s: readonly number[]) => any} */ lay) =>
    tf.variable(lay(data[`state.${key}`], shapes[`state.${key}`]));
  const plain = (/** @type {Float32Array} */ d, /** @type {readonly number[]} */ s) => tf.tensor(d, [...s]);
  // Our flattened order is channel, row, column; its is row, column, channel.
  const dense = (/** @type {Float32Array} */ d) =>
    tf.tidy(() => tf.reshape(tf.transpose(tf.tensor(d, [128, 64, 14, 14]), [2, 3, 1, 0]), [12544, 128]));
  const [w0, b0, w2, b2] = [
    variable("0.weight", hwio),
    variable("0.bias", plain),
    variable("2.weight", hwio),
    variable("2.bias", plain),
  ];
  const [w6, b6] = [variable("6.weight", dense), variable("6.bias", plain)];
  const [w8, b8] = [variable("8.weight", (d, s) => transposed(d, s, [1, 0])), variable("8.bias", plain)];
  const x = nhwc(data["x"], shapes["x"]);
  const target = tf.oneHot(tf.tensor1d(labels, "int32"), 10);
  const optimizer = tf.train.momentum(lr, momentum);
  const loss = () => {
    let h = tf.relu(tf.add(tf.conv2d(/** @type {any} */ (x), w0, 1, "same"), b0));
    h = tf.relu(tf.add(tf.conv2d(/** @type {any} */ (h), w2, 1, "same"), b2));
    h = tf.reshape(tf.maxPool(/** @type {any} */ (h), 2, 2, "valid"), [64, 12544]);
    h = tf.relu(tf.add(tf.matMul(h, w6), b6));
    return /** @type {any} */ (tf.losses.softmaxCrossEntropy(target, tf.add(tf.matMul(h, w8), b8)));
  };
  return {
    run: () => {
      const value = /** @type {import("@tensorflow/tfjs-core").Scalar} */ (optimizer.minimize(loss, true));
      const number = value.dataSync()[0];
      value.dispose();
      return number;
    },
  };
}

/** Any other network stops at the same place; one convolution's gradient says it in the library's own words. */
/** @type {(work: { input: readonly number[] }) => import("./serve.mjs").Loaded} */
function trainAny({ input: [batch, channels, height, width] }) {
  if (tf.getBackend() === "cpu") throw new Error("not tried: the smaller network already takes minutes a step");
  const x = tf.ones([batch, height, width, channels]);
  const gradient = tf.grad((/** @type {any} */ w) => tf.conv2d(/** @type {any} */ (x), w, 1, "same"));
  gradient(tf.ones([3, 3, channels, 16]));
  throw new Error("it has the kernel after all");
}
