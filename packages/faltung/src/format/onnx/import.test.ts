import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grad } from "../../compile/differentiate.ts";
import { evaluate } from "../../compile/evaluate.ts";
import { trace } from "../../compile/trace.ts";
import { Conv2d, Sequential } from "../../nn/index.ts";
import { sum } from "../../ops/reduce/reduce.ts";
import { type Value, input } from "../../ops/op.ts";
import { OptionError, ShapeError } from "../../tensor/errors.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { importOnnx, supportedOperators } from "./index.ts";
import type { HostTensor } from "./tensor.ts";
import { type TestModel, floats, graphOf, int64s, modelOf, node, port } from "./testing.ts";
import { join, writeBytes, writeText, writeInt } from "./wire.ts";

/** Runs a model by the reference loops; its outputs as nested arrays. */
function run(
  model: Uint8Array,
  inputs: Readonly<Record<string, Tensor>>,
  settings: Readonly<Record<string, Tensor>> = {},
): Record<string, unknown> {
  const net = importOnnx(model);
  const graph = trace((values) => net.apply({ ...settings, ...values }), inputs);
  return Object.fromEntries(Object.entries(evaluate(graph, inputs).outputs).map(([name, t]) => [name, t.toArray()]));
}

const x = port("x", ["n", 3]);
const y = port("y", undefined);
const model = (parts: Partial<TestModel> & Pick<TestModel, "nodes">): Uint8Array =>
  modelOf({ inputs: [x], outputs: [y], ...parts });
const gemm = model({
  nodes: [node("Gemm", ["x", "fc.weight", "fc.bias"], ["h"], { transB: 1 }), node("Relu", ["h"], ["y"])],
  initializers: [
    floats("fc.weight", [
      [1, 0, 0],
      [0, -1, 0],
    ]),
    floats("fc.bias", [0.5, 0]),
  ],
});

describe("an imported module", () => {
  it("has the file's inputs, outputs and weights by name", () => {
    const net = importOnnx(gemm);
    expect(net.inputs).toEqual([{ name: "x", type: "float", shape: ["n", 3], setting: false }]);
    expect(net.outputs.map((o) => o.name)).toEqual(["y"]);
    expect([...net.namedParameters()].map(([key]) => key)).toEqual(["fc.weight", "fc.bias"]);
    expect(net.training).toBe(false);
    expect(net.tensors).toEqual(["h", "y"]);
    expect(net.inputTypes({ n: 2 })).toEqual({ x: { shape: [2, 3], dtype: "float32" } });
    expect(() => net.inputTypes()).toThrow(/dimensions n\b/);
  });

  it("runs, alone, by name, and among other modules", () => {
    const input2 = {
      x: Tensor.from([
        [1, 2, 3],
        [-4, -5, 6],
      ]),
    };
    expect(run(gemm, input2).y).toEqual([
      [1.5, 0],
      [0, 5],
    ]);
    const net = importOnnx(gemm);
    const seen = trace(({ x: v }) => net.apply({ x: v }, ["h"]), input2);
    expect(evaluate(seen, input2).outputs.h.toArray()).toEqual([
      [1.5, -2],
      [-3.5, 5],
    ]);
    const both = new Sequential(new Conv2d(1, 1, 1), net);
    expect([...both.namedParameters()].map(([key]) => key)).toEqual(["0.weight", "0.bias", "1.fc.weight", "1.fc.bias"]);
    expect(net.forward(input("v", { shape: [4, 3], dtype: "float32" })).shape).toEqual([4, 2]);
  });

  it("loads other weights, and is trained", () => {
    const net = importOnnx(gemm);
    net.loadStateDict({
      "fc.weight": Tensor.from([
        [0, 0, 1],
        [1, 0, 0],
      ]),
      "fc.bias": Tensor.from([0, 1]),
    });
    const given = { x: Tensor.from([[1, 2, 3]]) };
    const graph = trace(({ x: v }) => {
      const loss = sum(net.forward(v));
      const [dw, db] = grad(loss, net.parameters());
      return { loss, dw, db };
    }, given);
    const { loss, dw, db } = evaluate(graph, given).outputs;
    expect([loss.toArray(), dw.toArray(), db.toArray()]).toEqual([
      5,
      [
        [1, 2, 3],
        [1, 2, 3],
      ],
      [1, 1],
    ]);
  });

  it("refuses inputs that do not fit", () => {
    const net = importOnnx(gemm);
    const value = (shape: readonly number[], dtype: "float32" | "int32" = "float32"): Value =>
      input("v", { shape, dtype });
    expect(() => net.apply({ x: value([1, 4]) })).toThrow(
      /input x has the shape \[n = 1, 3\] in the file; it was given \[1, 4\]/,
    );
    expect(() => net.apply({ x: value([1, 3], "int32") })).toThrow(ShapeError);
    expect(() => net.apply({})).toThrow(OptionError);
    expect(() => net.apply({ x: value([1, 3]), z: value([1]) })).toThrow(/no input z/);
    const two = importOnnx(model({ inputs: [x, port("z", ["n"])], nodes: [node("Identity", ["x"], ["y"])] }));
    expect(() => two.apply({ x: value([2, 3]), z: value([3]) })).toThrow(/n = 2/);
  });

  it("takes batch statistics and keeps running ones in training mode", () => {
    const c = (name: string, v: number): ReturnType<typeof floats> => floats(name, [v]);
    const net = importOnnx(
      modelOf({
        inputs: [port("x", [4, 1])],
        outputs: [y],
        nodes: [
          node("BatchNormalization", ["x", "g", "b", "m", "v"], ["y"], {
            momentum: { float: 0.9 },
            epsilon: { float: 0 },
          }),
        ],
        initializers: [c("g", 1), c("b", 0), c("m", 1), c("v", 4)],
      }),
    );
    expect([...net.namedStates()].map(([key, s]) => `${key} ${s.attrs.role}`)).toEqual([
      "g parameter",
      "b parameter",
      "m buffer",
      "v buffer",
    ]);
    const given = { x: Tensor.from([[1], [2], [3], [4]]) };
    const still = evaluate(
      trace((v) => net.apply(v), given),
      given,
    );
    expect(still.outputs.y.toArray()).toEqual([[0], [0.5], [1], [1.5]]);
    expect(still.updates.size).toBe(0);
    net.train();
    const { outputs, updates } = evaluate(
      trace((v) => net.apply(v), given),
      given,
    );
    const [first] = outputs.y.data;
    expect(first).toBeCloseTo(-1.5 / Math.sqrt(1.25), 5);
    // PyTorch: 0.9·1 + 0.1·2.5, and 0.9·4 + 0.1·(5/3), the unbiased variance.
    expect([...updates.values()].map((t) => t.data[0])).toEqual([
      expect.closeTo(1.15, 5),
      expect.closeTo(3.6 + 0.5 / 3, 5),
    ]);
  });
});

describe("what is known at import", () => {
  it("is computed there: shapes of shapes", () => {
    // y = reshape(x, [shape(x)[0], -1, 1]), as exporters write flatten.
    const nodes = [
      node("Shape", ["x"], ["s"]),
      node("Gather", ["s", "zero"], ["n"], { axis: 0 }),
      node("Unsqueeze", ["n", "axes"], ["n1"]),
      node("Concat", ["n1", "rest"], ["target"], { axis: 0 }),
      node("Reshape", ["x", "target"], ["y"]),
    ];
    const initializers = [{ ...int64s("zero", [0]), dims: [] }, int64s("axes", [0]), int64s("rest", [-1, 1])];
    const net = importOnnx(model({ nodes, initializers }));
    const result = net.apply({ x: input("x", { shape: [5, 3], dtype: "float32" }) }).y;
    expect(result.shape).toEqual([5, 3, 1]);
    expect([...net.namedStates()]).toEqual([]);
  });

  it("may be inputs that decide about shapes: they are given as tensors", () => {
    const sized = model({ inputs: [x, port("size", [2], "int64")], nodes: [node("Reshape", ["x", "size"], ["y"])] });
    expect(importOnnx(sized).inputs.map((i) => i.setting)).toEqual([false, true]);
    const given = { x: Tensor.from([[1, 2, 3]]) };
    expect(run(sized, given, { size: Tensor.from([3, 1], "int32") }).y).toEqual([[1], [2], [3]]);
    const wrong = (): unknown =>
      importOnnx(sized).apply({ x: given.x, size: input("size", { shape: [2], dtype: "int32" }) });
    expect(wrong).toThrow(/Reshape .*depends on the model's inputs/);
  });

  it("are weights in Constant nodes, and quantised ones", () => {
    const constant = model({
      nodes: [
        node("Constant", [], ["w"], { value: { tensor: floats("", [1, 2, 3]) } }),
        node("Mul", ["x", "w"], ["y"]),
      ],
    });
    expect(Object.keys(importOnnx(constant).stateDict())).toEqual(["w"]);
    const int8 = { ...floats("q", [0, 0, 0]), dataType: 3, rawData: Uint8Array.of(1, 0xfe, 127) };
    const quantised = model({
      nodes: [node("DequantizeLinear", ["q", "scale"], ["w"]), node("Mul", ["x", "w"], ["y"])],
      initializers: [int8, { ...floats("scale", [0.5]), dims: [] }],
    });
    expect(importOnnx(quantised).stateDict()).toEqual({ w: Tensor.from([0.5, -1, 63.5]) });
    expect(run(quantised, { x: Tensor.from([[1, 1, 2]]) }).y).toEqual([[0.5, -1, 127]]);
  });

  it("decides branches and unrolls loops", () => {
    const branch = (op: string): ReturnType<typeof graphOf> =>
      graphOf({ outputs: [port("b")], nodes: [node(op, ["x"], ["b"])] });
    const nodes = [
      node("Size", ["x"], ["size"]),
      node("Greater", ["size", "four"], ["large"]),
      node("If", ["large"], ["y"], { then_branch: { graph: branch("Neg") }, else_branch: { graph: branch("Abs") } }),
    ];
    const choose = model({ nodes, initializers: [{ ...int64s("four", [4]), dims: [] }] });
    expect(run(choose, { x: Tensor.from([[-1, 2, -3]]) }).y).toEqual([[1, 2, 3]]);
    expect(
      run(choose, {
        x: Tensor.from([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      }).y,
    ).toEqual([
      [-1, -2, -3],
      [-4, -5, -6],
    ]);
    const body = graphOf({
      inputs: [port("i", [], "int64"), port("c", [], "bool"), port("v")],
      outputs: [port("c2"), port("v2"), port("scan")],
      nodes: [
        node("Identity", ["c"], ["c2"]),
        node("Add", ["v", "x"], ["v2"]),
        node("Cast", ["i"], ["scan"], { to: 1 }),
      ],
    });
    const loop = model({
      outputs: [y, port("all")],
      nodes: [node("Loop", ["rounds", "", "x"], ["y", "all"], { body: { graph: body } })],
      initializers: [{ ...int64s("rounds", [3]), dims: [] }],
    });
    expect(run(loop, { x: Tensor.from([[1, 2, 3]]) })).toEqual({ y: [[4, 8, 12]], all: [0, 1, 2] });
  });

  it("are functions of the model, put in the places of their calls", () => {
    // A function scaled(a) { return a · alpha } with alpha an attribute of the call.
    const constant = join([
      writeText(2, "k"),
      writeText(4, "Constant"),
      writeBytes(5, join([writeText(1, "value_float"), writeText(21, "alpha"), writeInt(20, 1)])),
    ]);
    const mul = join([writeText(1, "a"), writeText(1, "k"), writeText(2, "r"), writeText(4, "Mul")]);
    const f = join([
      writeText(1, "scaled"),
      writeText(4, "a"),
      writeText(5, "r"),
      writeText(10, "own"),
      writeBytes(7, constant),
      writeBytes(7, mul),
    ]);
    const calls = model({
      nodes: [
        node("scaled", ["x"], ["t"], { alpha: { float: 2 } }, "own"),
        node("scaled", ["t"], ["y"], { alpha: { float: 5 } }, "own"),
      ],
    });
    expect(run(join([calls, writeBytes(25, f)]), { x: Tensor.from([[1, 2, 3]]) }).y).toEqual([[10, 20, 30]]);
    const recursive = join([
      writeText(1, "r"),
      writeText(10, "own"),
      writeBytes(7, join([writeText(4, "r"), writeText(7, "own")])),
    ]);
    const call = model({ nodes: [node("r", [], [], {}, "own"), node("Identity", ["x"], ["y"])] });
    expect(() => importOnnx(join([call, writeBytes(25, recursive)]))).toThrow(/calls itself/);
  });
});

describe("numbers", () => {
  /** One operator on float32 operands. */
  const apply1 = (op: string, values: readonly number[]): Float32Array => {
    const net = importOnnx(
      modelOf({ inputs: [port("x", [values.length])], outputs: [y], nodes: [node(op, ["x"], ["y"])] }),
    );
    const given = { x: Tensor.from([...values]) };
    return evaluate(
      trace((v) => net.apply(v), given),
      given,
    ).outputs.y.data as Float32Array;
  };
  const line = (from: number, to: number): number[] =>
    Array.from({ length: 201 }, (_, i) => Math.fround(from + ((to - from) * i) / 200));

  it.each<[string, (v: number) => number, number, number]>([
    ["Sin", Math.sin, -40, 40],
    ["Cos", Math.cos, -40, 40],
    ["Tan", Math.tan, -1.5, 1.5],
    ["Asin", Math.asin, -1, 1],
    ["Acos", Math.acos, -1, 1],
    ["Atan", Math.atan, -30, 30],
    ["Sinh", Math.sinh, -5, 5],
    ["Cosh", Math.cosh, -5, 5],
    ["Asinh", Math.asinh, -50, 50],
    ["Acosh", Math.acosh, 1, 50],
    ["Atanh", Math.atanh, -0.99, 0.99],
  ])("%s is right to some units of float32's last place", (op, fn, from, to) => {
    const values = line(from, to);
    apply1(op, values).forEach((v, i) =>
      expect(Math.abs(v - fn(values[i]))).toBeLessThan(1e-6 + 2e-6 * Math.abs(fn(values[i]))),
    );
  });

  it("divides whole numbers exactly, towards zero", () => {
    const net = (op: string): ReturnType<typeof importOnnx> =>
      importOnnx(
        modelOf({
          inputs: [port("a", [1], "int32"), port("b", [1], "int32")],
          outputs: [y],
          nodes: [node(op, ["a", "b"], ["y"])],
        }),
      );
    const [div, mod] = [net("Div"), net("Mod")];
    const whole = fc.oneof(fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 }), fc.integer({ min: -20, max: 20 }));
    fc.assert(
      fc.property(
        whole,
        whole.filter((b) => b !== 0),
        (a, b) => {
          const given = { a: Tensor.from([a], "int32"), b: Tensor.from([b], "int32") };
          const value = (n: typeof div): number =>
            evaluate(
              trace((v) => n.apply(v), given),
              given,
            ).outputs.y.data[0];
          expect(value(div)).toBe(Math.trunc(a / b) + 0);
          expect(value(mod)).toBe((((a % b) + b) % b) + 0);
        },
      ),
    );
  });

  it("sums products of bytes exactly, however many there are", () => {
    const k = 10_000;
    const bytes = (name: string, fill: number): HostTensor & { readonly name: string } => ({
      name,
      type: "uint8",
      shape: [k],
      data: new Uint8Array(k).fill(fill),
    });
    const net = importOnnx(
      modelOf({
        inputs: [port("a", [1, k], "uint8"), port("b", [k, 1], "uint8"), port("za", [], "uint8")],
        outputs: [y],
        nodes: [node("MatMulInteger", ["a", "b", "za"], ["y"])],
      }),
    );
    const [a, b] = [bytes("a", 254).data as Uint8Array, bytes("b", 253).data as Uint8Array];
    a[17] = 3;
    const given = { a: new Tensor(a, [1, k]), b: new Tensor(b, [k, 1]), za: Tensor.scalar(1, "uint8") };
    expect(
      evaluate(
        trace((v) => net.apply(v), given),
        given,
      ).outputs.y.data[0],
    ).toBe(253 * 253 * (k - 1) + 2 * 253);
  });

  it("takes both index orders and looks up what is computed", () => {
    const pick = modelOf({
      inputs: [port("x", [4, 2]), port("i", [3], "int64")],
      outputs: [y],
      nodes: [node("Gather", ["x", "i"], ["y"])],
    });
    const given = {
      x: Tensor.from([
        [1, 2],
        [3, Infinity],
        [5, 6],
        [7, 8],
      ]),
      i: Tensor.from([-1, 1, 0], "int32"),
    };
    expect(run(pick, given).y).toEqual([
      [7, 8],
      [3, Infinity],
      [1, 2],
    ]);
  });
});

it("lists its operators, in order", () => {
  const list = supportedOperators();
  expect(list).toContain("Conv");
  expect(list).toEqual([...list].sort());
  expect(list.length).toBeGreaterThanOrEqual(147);
});
