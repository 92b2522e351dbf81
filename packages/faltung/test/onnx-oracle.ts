/** onnxruntime as the oracle: what another implementation makes of an ONNX file. */
import * as ort from "onnxruntime-web";
import { Tensor } from "../src/tensor/tensor.ts";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

/** Runs a model on float32 and int32 tensors; its outputs by name. */
export async function runOracle(
  model: Uint8Array,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, t]) => [name, new ort.Tensor(t.dtype, t.data, [...t.shape])]),
  );
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, fromOrt(t)]));
}

function fromOrt({ data, dims }: ort.Tensor): Tensor {
  if (data instanceof Float32Array) return new Tensor(data, dims);
  if (data instanceof Int8Array) return new Tensor(Int32Array.from(data), dims);
  if (data instanceof BigInt64Array) return new Tensor(Int32Array.from(data, Number), dims);
  if (data instanceof Int32Array || data instanceof Uint8Array) return new Tensor(data, dims);
  throw new TypeError("The oracle gave a tensor of a type that these tests do not compare.");
}
