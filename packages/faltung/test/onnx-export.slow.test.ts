/**
 * Export, judged by onnxruntime: every sample of every operation, and whole networks with any batch. What was exported
 * is imported again as well.
 */
import { describe, expect, it } from "vitest";
import { compile } from "../src/compile/compile.ts";
import { evaluate } from "../src/compile/evaluate.ts";
import { reachable } from "../src/compile/graph.ts";
import { trace } from "../src/compile/trace.ts";
import { exportOnnx, importOnnx, readModel } from "../src/format/onnx/index.ts";
import { fromProgram } from "../src/format/onnx/tensor.ts";
import { lenet5, mobilenetV2, resnet20, small } from "../src/models/index.ts";
import type { Module } from "../src/nn/module.ts";
import { BatchNorm2d, Conv2d, ConvTranspose2d, Linear, Sequential } from "../src/nn/index.ts";
import { add, concat, interpolate, relu, reshape, state, where, gt } from "../src/index.ts";
import type { Value } from "../src/ops/op.ts";
import { Random } from "../src/tensor/random.ts";
import { Tensor } from "../src/tensor/tensor.ts";
import { allSamples } from "./all-samples.ts";
import { fillTensor } from "./fill.ts";
import { difference } from "./onnx-case.ts";
import { runOracle } from "./onnx-oracle.ts";

/** Operations of training, for which an inference graph has no use and ONNX no word. */
const TRAINING = new Set(["maxPoolIndex", "maxUnpool", "poolGather", "randomUniform", "convWeightGrad"]);
/** onnxruntime's largest value of a window is not NaN when one of its values is. */
const KNOWN_OTHERWISE = new Set(["maxPool with NaN, −∞ and ties"]);

const ONNX = { float32: "float", int32: "int32", uint8: "uint8" } as const;

function randomTensor(shape: readonly number[], seed: number): Tensor {
  return fillTensor({ shape }, seed);
}

describe("each sample of each operation", () => {
  const counted = { written: 0 };
  const samples = allSamples.filter((sample) => {
    const inputs = sample.inputs.map((s, i) => fillTensor(s, i));
    const graph = trace(
      (v) => ({ out: sample.build(...inputs.map((_, i) => v[`x${i}`])) }),
      Object.fromEntries(inputs.map((t, i) => [`x${i}`, t])),
    );
    return !reachable([graph.outputs.out]).some((v) => TRAINING.has(v.op.name));
  });

  it.each(samples)("$name", async (sample) => {
    const tensors = sample.inputs.map((s, i) => fillTensor(s, i));
    const inputs: Record<string, Tensor> = Object.fromEntries(tensors.map((t, i) => [`x${i}`, t]));
    const fn = (v: Readonly<Record<string, Value>>): { out: Value } => ({
      out: sample.build(...tensors.map((_, i) => v[`x${i}`])),
    });
    const { out } = evaluate(trace(fn, inputs), inputs).outputs;
    const expected = fromProgram(ONNX[out.dtype], out.shape, out.data);
    const bytes = exportOnnx(fn, inputs, { batch: null });
    const back = importOnnx(bytes);
    expect(
      difference(
        evaluate(
          trace((v) => back.apply(v), inputs),
          inputs,
        ).outputs.out,
        expected,
        1e-4,
        1e-5,
      ),
    ).toBeUndefined();
    if (!KNOWN_OTHERWISE.has(sample.name)) {
      expect(difference((await runOracle(bytes, inputs)).out, expected, 1e-3, 1e-4)).toBeUndefined();
    }
    counted.written++;
  });

  it("are many", () => {
    expect(counted.written).toBeGreaterThan(300);
  });
});

/** Statistics and biases that are not zero and one, so that folding them shows. */
function lived<M extends Module>(net: M): M {
  const random = new Random(7);
  for (const [key, { attrs }] of net.namedStates()) {
    const { data } = attrs.initial;
    const isVariance = key.endsWith("running_var");
    if (!isVariance && !key.endsWith("running_mean") && !key.endsWith("bias")) continue;
    for (let i = 0; i < data.length; i++) data[i] = isVariance ? random.uniform(0.5, 2) : random.normal(0, 0.3);
  }
  return net;
}

async function expectSame(net: Module, shape: readonly number[], batch = 5): Promise<Uint8Array> {
  lived(net).eval();
  const bytes = exportOnnx(
    ({ image }) => ({ logits: net.forward(image) }),
    { image: [1, ...shape] },
    { names: net.namedStates() },
  );
  const image = randomTensor([batch, ...shape], 3);
  const fn = await compile(({ image: x }) => ({ logits: net.forward(x) }), { image }, { threads: 1 });
  const { logits } = fn({ image });
  fn.program.close();
  const theirs = (await runOracle(bytes, { image })).logits;
  expect(difference(theirs, fromProgram("float", logits.shape, logits.data), 1e-4, 1e-4)).toBeUndefined();
  const back = importOnnx(bytes);
  const again = await compile((v) => back.apply(v), { image }, { threads: 1 });
  const ours = again({ image }).logits;
  again.program.close();
  expect(difference(ours, fromProgram("float", logits.shape, logits.data), 1e-4, 1e-4)).toBeUndefined();
  return bytes;
}

describe("networks", () => {
  it("LeNet-5, its weights under their keys", async () => {
    const net = lenet5();
    const { graph, metadata } = readModel(await expectSame(net, [1, 28, 28]), "lenet");
    expect(graph.nodes.map((n) => n.opType).filter((op) => op === "Conv" || op === "Gemm")).toEqual([
      "Conv",
      "Conv",
      "Gemm",
      "Gemm",
      "Gemm",
    ]);
    const keys = [...net.namedParameters()].map(([key]) => key);
    expect(graph.initializers.map((t) => t.name).filter((name) => keys.includes(name))).toEqual(keys);
    expect(graph.inputs[0].shape).toEqual(["batch", 1, 28, 28]);
    expect(graph.outputs).toEqual([{ name: "logits", elemType: 1, shape: ["batch", 10] }]);
    expect(metadata.size).toBe(0);
  });

  it("ResNet-20: batch normalisation goes into the convolutions", async () => {
    const { graph } = readModel(await expectSame(resnet20(), [3, 32, 32]), "resnet");
    const count = (op: string): number => graph.nodes.filter((n) => n.opType === op).length;
    expect(count("Mul")).toBe(0);
    expect(count("Conv")).toBeGreaterThanOrEqual(19);
    // As one would draw it: pooling by its name, nodes by their layers, nothing between.
    expect(graph.nodes.slice(-3).map(({ opType, name, inputs }) => [opType, name, ...inputs])).toEqual([
      ["GlobalAveragePool", expect.any(String), expect.stringMatching(/^Relu_/)],
      ["Flatten", expect.any(String), expect.stringMatching(/^GlobalAveragePool_/)],
      ["Gemm", "fc/Gemm", expect.stringMatching(/^Flatten_/), "fc.weight", "fc.bias"],
    ]);
    expect(graph.nodes[2].name).toBe("layer1.0.conv1/Conv");
    expect(new Set(graph.nodes.map((n) => n.opType))).toEqual(
      new Set(["Conv", "Relu", "Add", "GlobalAveragePool", "Flatten", "Gemm"]),
    );
  });

  it("MobileNetV2 and the small default", async () => {
    const { graph } = readModel(await expectSame(mobilenetV2(), [3, 32, 32], 2), "mobilenet");
    // The bounds of all ReLU6 are two numbers.
    expect(graph.initializers.filter(({ dims }) => dims.length === 0)).toHaveLength(2);
    await expectSame(small(), [1, 28, 28]);
  });

  it("grouped and transposed convolutions with scales behind them", async () => {
    const net = new Sequential(
      new Conv2d(4, 8, 3, { groups: 4, padding: 1 }),
      new BatchNorm2d(8),
      new ConvTranspose2d(8, 6, 4, { stride: 2, padding: 1, groups: 2 }),
      new BatchNorm2d(6),
      new Conv2d(6, 3, 1, { bias: false }),
      new BatchNorm2d(3),
    );
    await expectSame(net, [4, 6, 6], 3);
  });

  it("keeps several inputs and outputs apart, and what is used twice unfolded", async () => {
    const conv = lived(new Conv2d(2, 2, 3, { padding: 1 }));
    const scale = state({ role: "parameter", label: "scale", initial: Tensor.from([[[[2]], [[3]]]]) });
    const fn = ({ a, b }: Readonly<Record<string, Value>>): Record<string, Value> => {
      const h = conv.forward(concat([a, b], 1));
      const up = interpolate(where(gt(h, 0), h, add(h, scale)), { scaleFactor: 2, mode: "bilinear" });
      return { raw: h, up: relu(up), copy: h, input: a };
    };
    const bytes = exportOnnx(fn, { a: [1, 1, 4, 4], b: [1, 1, 4, 4] });
    const given = { a: randomTensor([3, 1, 4, 4], 1), b: randomTensor([3, 1, 4, 4], 2) };
    const expected = evaluate(trace(fn, given), given).outputs;
    const theirs = await runOracle(bytes, given);
    for (const [name, t] of Object.entries(expected)) {
      expect(difference(theirs[name], fromProgram("float", t.shape, t.data), 1e-4, 1e-5), name).toBeUndefined();
    }
  });
});

describe("what cannot be exported", () => {
  it("is told", () => {
    const net = new Sequential(new BatchNorm2d(2));
    const fn = ({ x }: Readonly<Record<string, Value>>): Record<string, Value> => ({ y: net.forward(x) });
    expect(() => exportOnnx(fn, { x: [2, 2, 3, 3] })).toThrow(/put the module into evaluation mode/);
    const flat = new Linear(8, 1);
    const mixed = ({ x }: Readonly<Record<string, Value>>): Record<string, Value> => ({
      y: flat.forward(reshape(x, [1, -1])),
    });
    expect(() => exportOnnx(mixed, { x: [2, 4] })).toThrow(/features/); // traced with 3 rows it does not fit any more
    expect(() => exportOnnx(({ x }) => ({ x: relu(x) }), { x: [2, 4] })).toThrow(/an input and an output/);
    expect(() => exportOnnx(({ x }) => ({ y: relu(x) }), { x: [] })).toThrow(/batch: null/);
  });
});
