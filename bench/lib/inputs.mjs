/**
 * What all peers of a row are given: raw float32 files in a folder, `row.json` that describes them, and `model.onnx`
 * for those that read it. Written once a row, so that every peer computes on the same numbers.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { faltung } from "./faltung.mjs";
import { makeModel } from "./models.mjs";
import { CHECKED_STEPS, SGD, convFlops, shapesOf } from "./works.mjs";

/** @typedef {{ name: string, shape: readonly number[], dtype: "float32" | "int32", file: string }} TensorFile */

const product = (/** @type {readonly number[]} */ shape) => shape.reduce((a, b) => a * b, 1);

/**
 * @param {import("./works.mjs").Work} work
 * @param {string} folder
 */
export async function writeInputs(work, folder) {
  const f = await faltung();
  const { exportOnnx } = await faltung("format/onnx/index.js");
  const random = new f.Random(7);
  /** @type {Record<string, TensorFile>} */
  const tensors = {};
  let count = 0;
  /** @type {(name: string, data: Float32Array | Int32Array, shape: readonly number[]) => void} */
  const put = (name, data, shape) => {
    const file = join(folder, `${count++}.bin`);
    writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    tensors[name] = { name, shape, dtype: data instanceof Int32Array ? "int32" : "float32", file };
  };
  const normal = (/** @type {readonly number[]} */ shape, scale = 1) =>
    Float32Array.from({ length: product(shape) }, () => random.normal() * scale);

  let flops = 0;
  /** @type {string | undefined} */
  let onnx;
  const writeOnnx = (/** @type {Uint8Array} */ bytes) => writeFileSync((onnx = join(folder, "model.onnx")), bytes);
  if (work.kind === "infer" || work.kind === "train") {
    const model = await makeModel(work.model);
    const { macs } = f.summary(model, work.input);
    // Backwards a layer costs about what it costs forwards, twice: by input and by weight.
    flops = 2 * macs * (work.kind === "train" ? 3 : 1);
    put("x", normal(work.input), work.input);
    for (const [key, state] of model.namedStates()) put(`state.${key}`, state.attrs.initial.data, state.shape);
    if (work.kind === "train") {
      put(
        "labels",
        Int32Array.from({ length: work.input[0] }, () => random.bits() % 10),
        [work.input[0]],
      );
    } else {
      model.eval();
      writeOnnx(
        exportOnnx(
          ({ x }) => ({ y: model.forward(x) }),
          { x: work.input },
          { batch: null, names: model.namedStates() },
        ),
      );
    }
  } else {
    const { shape } = work;
    flops = convFlops(shape);
    const { x, weight, y } = shapesOf(shape);
    const options = { stride: shape.stride, padding: shape.padding, groups: shape.groups };
    const w = normal(weight, 1 / Math.sqrt(product(weight.slice(1))));
    put("x", normal(x), x);
    put("weight", w, weight);
    put("dy", normal(y), y);
    const parameter = f.constant(new f.Tensor(w, weight));
    if (work.kind === "conv") {
      writeOnnx(
        exportOnnx((/** @type {any} */ v) => ({ y: f.conv2d(v.x, parameter, null, options) }), { x }, { batch: null }),
      );
    } else if (work.kind === "gradInput") {
      writeOnnx(
        exportOnnx(
          (/** @type {any} */ v) => ({ dx: f.convTranspose2d(v.dy, parameter, null, options) }),
          { dy: y },
          { batch: null },
        ),
      );
    }
  }
  const row = { work, tensors, onnx, flops, sgd: SGD, steps: CHECKED_STEPS };
  writeFileSync(join(folder, "row.json"), JSON.stringify(row));
  return row;
}
