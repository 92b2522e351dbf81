/** ONNX Runtime Web on its WebAssembly backend: https://onnxruntime.ai/docs/tutorials/web/ */
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-web";
import { loadOnnx } from "./ort.mjs";

/** @param {{ threads: number }} options */
export function open({ threads }) {
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  return {
    version: ort.env.versions.web ?? ort.env.versions.common,
    load: (/** @type {import("./serve.mjs").Row} */ row) =>
      loadOnnx(
        ort,
        row,
        (file) => ort.InferenceSession.create(readFileSync(file), { graphOptimizationLevel: "all" }),
        false,
      ),
  };
}
