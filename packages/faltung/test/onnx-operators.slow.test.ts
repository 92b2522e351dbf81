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
