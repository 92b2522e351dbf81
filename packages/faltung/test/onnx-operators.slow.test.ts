/**
 * Operators that ONNX's own cases say little about, judged by onnxruntime: sorting, Einstein's sums, unpooling, and
 * onnxruntime's own domain, in which its tools write quantised networks.
 */
import { describe, expect, it } from "vitest";
import { compile } from "../src/compile/compile.ts";
import { importOnnx } from "../src/format/onnx/index.ts";
import {
  type TestAttribute,
  type TestModel,
  bytes,
  floats,
  int64s,
  modelOf,
  node,
  port,
} from "../src/format/onnx/testing.ts";
import { fromProgram } from "../src/format/onnx/tensor.ts";
import { Random } from "../src/tensor/random.ts";
import { Tensor } from "../src/tensor/tensor.ts";
import { difference } from "./onnx-case.ts";
import { runOracle } from "./onnx-oracle.ts";

type Attributes = Readonly<Record<string, TestAttribute>>;

function noise(shape: readonly number[], seed: number, steps?: number): Tensor {
  const random = new Random(seed);
  const t = Tensor.zeros(shape);
  const draw = (): number => random.normal(0, 1);
  t.data.forEach((_, i) => (t.data[i] = steps === undefined ? draw() : Math.round(draw() * steps) / steps));
  return t;
}

/** Bytes from 0 to 255, or of a type with a sign. */
function quanta(shape: readonly number[], seed: number): Tensor {
  const random = new Random(seed);
  const t = Tensor.zeros(shape, "uint8");
  t.data.forEach((_, i) => (t.data[i] = Math.floor(random.uniform(0, 256))));
  return t;
}

async function ours(model: Uint8Array, given: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
  const net = importOnnx(model);
  const isSetting = (name: string): boolean => net.inputs.some((port) => port.name === name && port.setting);
  const pick = (setting: boolean): Record<string, Tensor> =>
    Object.fromEntries(Object.entries(given).filter(([name]) => isSetting(name) === setting));
  const fn = await compile((v) => net.apply({ ...pick(true), ...v }), pick(false), { threads: 1 });
  const results = fn(pick(false));
  fn.program.close();
  return results;
}

/** Compares all outputs with onnxruntime's; quantised ones may be off by `steps`, where a half is rounded either way. */
async function expectSame(
  parts: TestModel,
  given: Readonly<Record<string, Tensor>>,
  { steps = 0, atol = 1e-5 } = {},
): Promise<Record<string, Tensor>> {
  const model = modelOf(parts);
  const [mine, theirs] = [await ours(model, given), await runOracle(model, given)];
  for (const [name, expected] of Object.entries(theirs)) {
    if (steps > 0) {
      expect(mine[name].shape).toEqual(expected.shape);
      const worst = Math.max(...Array.from(expected.data, (e, i) => Math.abs(e - mine[name].data[i])));
      expect(worst, name).toBeLessThanOrEqual(steps);
    } else {
      const type = { float32: "float", int32: "int32", uint8: "uint8" } as const;
      const wanted = fromProgram(type[expected.dtype], expected.shape, expected.data);
      expect(difference(mine[name], wanted, 1e-4, atol), name).toBeUndefined();
    }
  }
  return theirs;
}

const outputs = (...names: readonly string[]): TestModel["outputs"] => names.map((name) => port(name, undefined));

describe("TopK", () => {
  it.each([
    [[3, 40], 1, 20, 1],
    [[3, 40], -1, 17, 0],
    [[33, 2, 5], 0, 33, 1],
    [[2, 3000], 1, 1000, 1],
    [[2, 64], 1, 3, 0],
  ])("of %j along %i, the %i first (largest %i); of equal ones the first", async (shape, axis, k, largest) => {
    const nodes = [node("TopK", ["x", "k"], ["values", "indices"], { axis, largest, sorted: 1 })];
    const x = noise(shape, 1, 8); // many are equal
    await expectSame(
      {
        inputs: [port("x", shape)],
        outputs: [port("values", undefined), port("indices", undefined, "int64")],
        nodes,
        initializers: [int64s("k", [k])],
      },
      { x },
    );
  });
});

describe("Einsum", () => {
  it.each<[equation: string, ...shapes: number[][]]>([
    ["ij,jk->ik", [3, 4], [4, 5]],
    ["ij,jk", [3, 4], [4, 5]],
    ["i,i->", [5], [5]],
    ["i,j->ji", [3], [4]],
    ["bhqd,bhkd->bhqk", [2, 3, 4, 5], [2, 3, 6, 5]],
    ["nchw,oc->nohw", [2, 3, 4, 4], [5, 3]],
    ["nctkv,kvw->nctw", [2, 3, 4, 2, 5], [2, 5, 5]],
    ["... i j , ... j k -> ... i k", [2, 3, 4], [2, 4, 5]],
    ["...ij,jk->k...i", [2, 6, 3, 4], [4, 5]],
    ["ij,kj,kl->il", [2, 3], [4, 3], [4, 5]],
    ["ii->i", [4, 4]],
    ["bii->b", [2, 3, 3]],
    ["ijk->kj", [2, 3, 4]],
    ["ij,ij->ij", [3, 4], [3, 4]],
    ["ba", [3, 4]],
  ])("%s", async (equation, ...shapes) => {
    const names = shapes.map((_, i) => `x${i}`);
    const given = Object.fromEntries(shapes.map((shape, i) => [names[i], noise(shape, i)]));
    await expectSame(
      {
        inputs: shapes.map((shape, i) => port(names[i], shape)),
        outputs: outputs("y"),
        nodes: [node("Einsum", names, ["y"], { equation })],
      },
      given,
    );
  });
});

it.each<[kernel: number[], stride: number[], shape: number[]]>([
  [
    [2, 2],
    [2, 2],
    [2, 3, 6, 8],
  ],
  [
    [2, 3],
    [3, 4],
    [1, 2, 8, 11],
  ],
])("MaxUnpool takes back what MaxPool of %j by %j kept", async (kernel_shape, strides, shape) => {
  const attributes = { kernel_shape, strides };
  await expectSame(
    {
      inputs: [port("x", shape)],
      outputs: outputs("y"),
      nodes: [node("MaxPool", ["x"], ["p", "i"], attributes), node("MaxUnpool", ["p", "i"], ["y"], attributes)],
    },
    { x: noise(shape, 4) },
  );
});

describe("recurrent layers", () => {
  const [steps, batch, features, size] = [5, 3, 4, 6];
  const shapes = (gates: number, directions: number): Record<string, number[]> => ({
    x: [steps, batch, features],
    w: [directions, gates * size, features],
    r: [directions, gates * size, size],
    b: [directions, 2 * gates * size],
    h: [directions, batch, size],
    c: [directions, batch, size],
    p: [directions, 3 * size],
  });
  it.each<[op: string, gates: number, directions: number, inputs: string[], attributes: Attributes]>([
    ["LSTM", 4, 1, ["x", "w", "r"], {}],
    ["LSTM", 4, 2, ["x", "w", "r", "b", "", "h", "c"], { direction: "bidirectional" }],
    ["LSTM", 4, 1, ["x", "w", "r", "b", "lengths"], { direction: "reverse" }],
    ["LSTM", 4, 2, ["x", "w", "r", "b", "lengths", "h", "c", "p"], { direction: "bidirectional" }],
    ["LSTM", 4, 1, ["x", "w", "r"], { activations: ["HardSigmoid", "Relu", "Softsign"], input_forget: 1 }],
    ["GRU", 3, 1, ["x", "w", "r", "b"], { linear_before_reset: 0 }],
    ["GRU", 3, 2, ["x", "w", "r", "b", "lengths", "h"], { direction: "bidirectional", linear_before_reset: 1 }],
    ["RNN", 1, 1, ["x", "w", "r"], {}],
    ["RNN", 1, 2, ["x", "w", "r", "b", "", "h"], { direction: "bidirectional", activations: ["Relu", "Tanh"] }],
  ])("%s of %i gates, %i directions, %j %j", async (op, gates, directions, inputs, attributes) => {
    const all = shapes(gates, directions);
    const named = inputs.filter((name) => name !== "" && name !== "lengths");
    await expectSame(
      {
        inputs: named.map((name) => port(name, all[name])),
        outputs: outputs("y", "last", ...(op === "LSTM" ? ["cell"] : [])),
        nodes: [
          node(op, inputs, ["y", "last", "cell"].slice(0, op === "LSTM" ? 3 : 2), { hidden_size: size, ...attributes }),
        ],
        initializers: [
          {
            ...bytes("lengths", "int8", [batch], []),
            dataType: 6,
            rawData: new Uint8Array(Int32Array.of(5, 2, 4).buffer),
          },
        ],
        opset: 14,
      },
      Object.fromEntries(named.map((name, i) => [name, noise(all[name], i)])),
    );
  });
});

it("a list of tensors, filled, read, cut and joined", async () => {
  const nodes = [
    node("SequenceEmpty", [], ["none"]),
    node("SequenceInsert", ["none", "a"], ["one"]),
    node("SequenceInsert", ["one", "b", "zero"], ["two"]),
    node("SequenceConstruct", ["a", "b", "a"], ["three"]),
    node("SequenceErase", ["three", "last"], ["less"]),
    node("SequenceLength", ["three"], ["length"]),
    node("SequenceAt", ["two", "last"], ["at"]),
    node("ConcatFromSequence", ["less"], ["stacked"], { axis: 1, new_axis: 1 }),
    node("ConcatFromSequence", ["two"], ["joined"], { axis: -1 }),
    node("SplitToSequence", ["joined", "pair"], ["pairs"], { axis: 1 }),
    node("SplitToSequence", ["joined", "sizes"], ["sized"], { axis: 1 }),
    node("SplitToSequence", ["joined"], ["rows"], { axis: 0, keepdims: 0 }),
    node("SequenceAt", ["pairs", "last"], ["pair5"]),
    node("SequenceAt", ["sized", "zero"], ["sized1"]),
    node("SequenceAt", ["rows", "last"], ["row"]),
  ];
  const scalar = (name: string, value: number): ReturnType<typeof int64s> => ({ ...int64s(name, [value]), dims: [] });
  await expectSame(
    {
      inputs: [port("a", [2, 3]), port("b", [2, 3])],
      outputs: [
        ...["at", "stacked", "joined", "pair5", "sized1", "row"].map((name) => port(name)),
        port("length", [], "int64"),
      ],
      nodes,
      initializers: [scalar("zero", 0), scalar("last", -1), scalar("pair", 4), int64s("sizes", [1, 2, 3])],
    },
    { a: noise([2, 3], 1), b: noise([2, 3], 2) },
  );
});

it("batch normalisation of opsets 7 to 13 takes the batch's statistics where it has more than one output", async () => {
  const names = ["scale", "shift", "mean", "variance"];
  await expectSame(
    {
      inputs: [port("x", [4, 3, 2, 2])],
      outputs: outputs("y"),
      nodes: [node("BatchNormalization", ["x", ...names], ["y", "m", "v", "savedMean", "savedVariance"])],
      initializers: names.map((name, i) => floats(name, [i + 1, i + 2, i + 3])),
      opset: 9,
    },
    { x: noise([4, 3, 2, 2], 1) },
  );
});

it.each<[scales: number[], attributes: Attributes]>([
  [[1, 1, 1.5, 0.6], { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }],
  [[1, 1, 0.3, 2.3], { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }],
  [[1, 1, 2.3, 2.3], { mode: "linear" }],
  [[1, 1, 1.7, 0.7], { mode: "cubic", coordinate_transformation_mode: "pytorch_half_pixel" }],
])("Resize by %j %j: sizes and places are rounded as float32 has them", async (scales, attributes) => {
  await expectSame(
    {
      inputs: [port("x", [1, 2, 12, 10])],
      outputs: outputs("y"),
      nodes: [node("Resize", ["x", "", "scales"], ["y"], attributes)],
      initializers: [floats("scales", scales)],
      opset: 13,
    },
    { x: noise([1, 2, 12, 10], 1) },
  );
});

it.each([[9], [1]])("Slice of opset %i, up to 2⁶³ − 1", async (opset) => {
  await expectSame(
    {
      inputs: [port("x", [3, 4])],
      outputs: outputs("y"),
      nodes: [node("Slice", ["x"], ["y"], { axes: [1, 0], starts: [1, -2], ends: [2 ** 63 - 1024, 3] })],
      opset,
    },
    { x: noise([3, 4], 1) },
  );
});

describe("a detector that ends in non-maximum suppression", () => {
  const parts: TestModel = {
    inputs: [port("image", ["batch", 1, 4, 4])],
    outputs: [port("chosen", undefined, "int64")],
    nodes: [
      node("Conv", ["image", "w"], ["features"]),
      node("Reshape", ["features", "boxShape"], ["boxes"]),
      node("ReduceMax", ["features"], ["best"], { axes: [1, 2], keepdims: 0 }),
      node("Reshape", ["best", "scoreShape"], ["scores"]),
      node("NonMaxSuppression", ["boxes", "scores", "most", "overlap"], ["chosen"]),
    ],
    initializers: [
      floats("w", [[[[1]]], [[[2]]]]),
      int64s("boxShape", [1, -1, 4]),
      int64s("scoreShape", [1, 1, -1]),
      int64s("most", [3]),
      floats("overlap", [0.5]),
    ],
  };

  it("says what to ask for instead, and gives that", async () => {
    const net = importOnnx(modelOf(parts));
    expect(net.inputs).toEqual([expect.objectContaining({ name: "image", setting: false })]);
    const image = noise([1, 1, 4, 4], 1);
    await expect(compile((v) => net.apply(v), { image }, { threads: 1 })).rejects.toThrow(
      /NonMaxSuppression "nonmaxsuppression_chosen": the size of its result .* ask apply\(\) .* \(boxes, scores\)/,
    );
    const fn = await compile((v) => net.apply(v, ["boxes"]), { image }, { threads: 1 });
    expect(fn({ image }).boxes.shape).toEqual([1, 8, 4]);
    fn.program.close();
  });

  it("computes it of boxes that are given", async () => {
    const random = new Random(3);
    const boxes = Tensor.zeros([2, 30, 4]);
    for (let i = 0; i < 60; i++) {
      const [y, x, h, w] = [0, 0, 5, 5].map((least) => random.uniform(least, 20));
      boxes.data.set([y, x, y + h, x + w], 4 * i);
    }
    await expectSame(
      {
        inputs: [port("boxes", [2, 30, 4]), port("scores", [2, 3, 30])],
        outputs: [port("chosen", undefined, "int64")],
        nodes: [node("NonMaxSuppression", ["boxes", "scores", "most", "overlap", "least"], ["chosen"])],
        initializers: [int64s("most", [7]), floats("overlap", [0.3]), floats("least", [-0.2])],
      },
      { boxes, scores: noise([2, 3, 30], 5) },
    );
  });
});

describe("com.microsoft", () => {
  /** A scale and a zero point under two names. */
  const scale = (
    name: string,
    s: number,
    zero: number,
    type: "int8" | "uint8" = "uint8",
  ): NonNullable<TestModel["initializers"]> => [
    { ...floats(`${name}_scale`, [s]), dims: [] },
    bytes(`${name}_zero`, type, [], [zero]),
  ];
  const quantised = (name: string): string[] => [name, `${name}_scale`, `${name}_zero`];
  const own = (op: string, inputs: readonly string[], attributes: Attributes = {}): TestModel["nodes"] => [
    node(op, inputs, ["y"], attributes, "com.microsoft"),
  ];
  const u8 = (name: string, shape: readonly number[]): ReturnType<typeof port> => port(name, shape, "uint8");

  it.each(["QLinearAdd", "QLinearMul"])("%s, one operand broadcast", async (op) => {
    await expectSame(
      {
        inputs: [u8("a", [2, 3, 5, 5]), u8("b", [3, 1, 1])],
        outputs: [port("y", undefined, "uint8")],
        nodes: own(op, [...quantised("a"), ...quantised("b"), "c_scale", "c_zero"]),
        initializers: [...scale("a", 0.02, 128), ...scale("b", 0.013, 100), ...scale("c", 0.031, 120)],
      },
      { a: quanta([2, 3, 5, 5], 1), b: quanta([3, 1, 1], 2) },
      { steps: 1 },
    );
  });

  it.each<[string, Attributes]>([
    ["QLinearSigmoid", {}],
    ["QLinearLeakyRelu", { alpha: { float: 0.2 } }],
    ["QLinearSoftmax", { axis: -1, opset: 13 }],
    ["QLinearSoftmax", { axis: 1, opset: 12 }],
    ["QLinearGlobalAveragePool", { channels_last: 0 }],
    ["QLinearAveragePool", { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 0 }],
  ])("%s %j", async (op, attributes) => {
    const range = op === "QLinearSigmoid" || op === "QLinearSoftmax" ? scale("y", 1 / 256, 0) : scale("y", 0.02, 130);
    await expectSame(
      {
        inputs: [u8("x", [2, 4, 6, 6])],
        outputs: [port("y", undefined, "uint8")],
        nodes: own(op, [...quantised("x"), "y_scale", "y_zero"], attributes),
        initializers: [...scale("x", 0.03, 120), ...range],
      },
      { x: quanta([2, 4, 6, 6], 3) },
      { steps: 1 },
    );
  });

  it("QLinearConcat", async () => {
    await expectSame(
      {
        inputs: [u8("a", [2, 3, 4]), u8("b", [2, 2, 4])],
        outputs: [port("y", undefined, "uint8")],
        nodes: own("QLinearConcat", ["y_scale", "y_zero", ...quantised("a"), ...quantised("b")], { axis: 1 }),
        initializers: [...scale("a", 0.02, 10), ...scale("b", 0.05, 200), ...scale("y", 0.04, 128)],
      },
      { a: quanta([2, 3, 4], 1), b: quanta([2, 2, 4], 2) },
      { steps: 1 },
    );
  });

  it.each([0, 1])("QGemm, weights turned: %i", async (transB) => {
    const random = new Random(9);
    const weights = Array.from({ length: 15 }, () => Math.floor(random.uniform(-100, 100)));
    await expectSame(
      {
        inputs: [u8("a", [4, 5])],
        outputs: [port("y", undefined, "uint8")],
        nodes: own("QGemm", [...quantised("a"), ...quantised("b"), "c", "y_scale", "y_zero"], { transB }),
        initializers: [
          ...scale("a", 0.02, 128),
          bytes("b", "int8", transB === 1 ? [3, 5] : [5, 3], weights),
          ...scale("b", 0.01, 0, "int8"),
          {
            ...bytes("c", "int8", [3], []),
            dataType: 6,
            rawData: new Uint8Array(Int32Array.of(50, -700, 3000).buffer),
          },
          ...scale("y", 0.05, 110),
        ],
      },
      { a: quanta([4, 5], 2) },
      { steps: 1 },
    );
  });

  it.each<[string, Attributes]>([
    ["Relu", { activation: "Relu" }],
    ["LeakyRelu", { activation: "LeakyRelu", activation_params: [0.3] }],
  ])("FusedConv with %s", async (_name, attributes) => {
    const { activation_params: slopes, ...rest } = attributes;
    const made = own("FusedConv", ["x", "w", "b"], { ...rest, pads: [1, 1, 1, 1] });
    const [fused] = made;
    if (Array.isArray(slopes)) {
      const list = { name: "activation_params", type: 6, floats: slopes, ints: [], strings: [] };
      (fused.attributes as Map<string, typeof list>).set("activation_params", list);
    }
    await expectSame(
      {
        inputs: [port("x", [1, 2, 5, 5]), port("w", [3, 2, 3, 3]), port("b", [3])],
        outputs: outputs("y"),
        nodes: [fused],
      },
      { x: noise([1, 2, 5, 5], 1), w: noise([3, 2, 3, 3], 2), b: noise([3], 3) },
    );
  });

  it.each<[string, number[][], Attributes]>([
    [
      "FusedMatMul",
      [
        [2, 4, 3],
        [2, 4, 5],
      ],
      { transA: 1, alpha: { float: 0.5 } },
    ],
    ["FusedGemm", [[3, 4], [4, 5], [5]], { activation: "Relu", alpha: { float: 0.5 } }],
    ["Gelu", [[3, 4]], {}],
    ["BiasGelu", [[3, 4], [4]], {}],
    ["QuickGelu", [[3, 4]], {}],
  ])("%s", async (op, shapes, attributes) => {
    const names = shapes.map((_, i) => `x${i}`);
    await expectSame(
      {
        inputs: shapes.map((shape, i) => port(names[i], shape)),
        outputs: outputs("y"),
        nodes: own(op, names, attributes),
      },
      Object.fromEntries(shapes.map((shape, i) => [names[i], noise(shape, i)])),
    );
  });
});
