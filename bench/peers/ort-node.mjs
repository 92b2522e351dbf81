/** ONNX Runtime, native, by its Node binding: https://onnxruntime.ai/docs/get-started/with-javascript/node.html */
import { createRequire } from "node:module";
import * as ort from "onnxruntime-node";
import { loadOnnx } from "./ort.mjs";

/** @param {{ threads: number }} options */
export function open({ threads }) {
  const options = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: /** @type {const} */ ("sequential"),
    graphOptimizationLevel: /** @type {const} */ ("all"),
  };
  return {
    version: createRequire(import.meta.url)("onnxruntime-node/package.json").version,
    load: (/** @type {import("./serve.mjs").Row} */ row) =>
      loadOnnx(ort, row, (file) => ort.InferenceSession.create(file, options), true),
  };
}
