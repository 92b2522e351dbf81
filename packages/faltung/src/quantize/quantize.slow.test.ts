/** Quantised networks end to end: what they lose, that every way of running them agrees, and what ONNX Runtime makes of them. */
import { expect, test } from "vitest";
import { runOracle } from "../../test/onnx-oracle.ts";
import { compile } from "../compile/compile.ts";
import { evaluate } from "../compile/evaluate.ts";
import { trace } from "../compile/trace.ts";
import { exportStandalone } from "../format/standalone/export.ts";
import { load } from "../format/standalone/loader.ts";
import { importOnnx } from "../format/onnx/import.ts";
import { exportOnnx } from "../format/onnx/export/export.ts";
import { floats, modelOf, node, port } from "../format/onnx/testing.ts";
import { mobilenetV2, resnet20, small } from "../models/index.ts";
import { BatchNorm2d, Conv2d, type Module, ReLU, Sequential } from "../nn/index.ts";
import { concat } from "../ops/shape/shape.ts";
import type { Value } from "../ops/op.ts";
import { Random } from "../tensor/random.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { quantize } from "./quantize.ts";

function pictures(shape: Shape, seed: number): Tensor {
  const random = new Random(seed);
  return new Tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
    shape,
  );
}

/** Batch norms that do something: running statistics and weights by chance. */
function seasoned<M extends Module>(model: M): M {
  const random = new Random(7);
  for (const [key, { attrs }] of model.namedStates()) {
    const { data } = attrs.initial;
    if (key.endsWith("running_var")) data.forEach((_, i) => (data[i] = 0.5 + random.uniform()));
    else if (key.endsWith("running_mean")) data.forEach((_, i) => (data[i] = 0.3 * random.normal()));
  }
  return model.eval();
}

class Forked extends Sequential {
  left = new Conv2d(8, 8, 3, { padding: 1 });
  right = new Conv2d(8, 4, 1);
  override forward(x: Value): Value {
    const y = super.forward(x);
    return concat([this.left.forward(y), this.right.forward(y)], 1);
  }
}

const networks: readonly (readonly [string, () => Module, Shape])[] = [
  ["small", () => small(1, 10), [1, 28, 28]],
  ["ResNet-20", () => resnet20(3, 10), [3, 32, 32]],
  ["MobileNetV2", () => mobilenetV2(3, 10), [3, 32, 32]],
  ["branches", () => new Forked(new Conv2d(3, 8, 3, { padding: 1 }), new BatchNorm2d(8), new ReLU()), [3, 9, 9]],
];

async function outputs(model: Module, x: Tensor, threads: number): Promise<Tensor> {
  const run = await compile((inputs) => ({ y: model.forward(inputs.x) }), { x: x.shape }, { threads });
  const { y } = run({ x });
  run.program.close();
  return y;
}

function spread({ data }: Tensor): number {
  return Math.max(...data) - Math.min(...data);
}

function furthest(a: Tensor, b: Tensor): number {
  return Math.max(...Array.from(a.data, (v, i) => Math.abs(v - b.data[i])));
}

test.each(networks)(
  "%s: near to float32, the same bits by the plain loops and on any number of threads",
  async (_name, make, picture) => {
    const model = seasoned(make());
    const q = await quantize(model, pictures([24, ...picture], 1));
    const x = pictures([3, ...picture], 2);
    const exact = await outputs(model, x, 1);
    const one = await outputs(q, x, 1);
    expect(furthest(one, exact)).toBeLessThan(0.12 * spread(exact));
    for (const threads of [2, 3]) expect(await outputs(q, x, threads)).toEqual(one);
    const graph = trace((inputs) => ({ y: q.forward(inputs.x) }), { x: { shape: x.shape, dtype: "float32" } });
    expect(evaluate(graph, { x }).outputs.y).toEqual(one);
  },
  240_000,
);

test("one file of WebAssembly computes the same bits", async () => {
  const q = await quantize(seasoned(small(1, 10)), pictures([24, 1, 28, 28], 1));
  const x = pictures([1, 1, 28, 28], 2);
  const file = await load(await exportStandalone(q, { picture: [1, 28, 28] }));
  expect(file.run(Float32Array.from(x.data))).toEqual((await outputs(q, x, 1)).data);
}, 120_000);

test.each(networks)(
  "%s: as ONNX, agrees with ONNX Runtime, and comes back",
  async (_name, make, picture) => {
    for (const bits of picture[1] < 32 ? ([7, 8] as const) : ([8] as const)) {
      const q = await quantize(seasoned(make()), pictures([24, ...picture], 1), { bits });
      const bytes = exportOnnx(({ x }) => ({ y: q.forward(x) }), { x: [1, ...picture] }, { names: q.namedStates() });
      const x = pictures([2, ...picture], 3);
      const ours = await outputs(q, x, 1);
      const theirs = await runOracle(bytes, { x });
      // Ties and the last bits of a scale may fall to the other side, and then a byte differs by one.
      expect(furthest(ours, theirs.y)).toBeLessThan(0.05 * spread(ours));
      const back = importOnnx(bytes);
      expect(furthest(await outputs(back, x, 1), ours)).toBeLessThan(0.05 * spread(ours));
    }
  },
  240_000,
);

test("an imported network, whose constants are made when it is first traced", async () => {
  const random = new Random(5);
  const weight = (name: string, shape: Shape): ReturnType<typeof floats> => ({
    ...floats(
      name,
      Array.from({ length: sizeOf(shape) }, () => random.normal()),
    ),
    dims: shape,
  });
  const net = importOnnx(
    modelOf({
      inputs: [port("x", ["n", 2, 6, 6])],
      outputs: [port("y")],
      nodes: [
        node("Conv", ["x", "w1"], ["a"]),
        node("Add", ["a", "three"], ["b"]),
        node("Clip", ["b", "zero", "six"], ["c"]),
        node("Mul", ["a", "c"], ["d"]),
        node("Div", ["d", "six"], ["e"]), // the hard swish of MobileNetV3, as PyTorch writes it
        node("Conv", ["e", "w2"], ["y"]),
      ],
      initializers: [
        weight("w1", [4, 2, 3, 3]),
        weight("w2", [3, 4, 1, 1]),
        ...[0, 3, 6].map((value, i) => ({ ...floats(["zero", "three", "six"][i], [value]), dims: [] })),
      ],
    }),
  );
  const x = pictures([8, 2, 6, 6], 1);
  const q = await quantize(net, x); // before anything else traces it
  const whole = await outputs(q, x, 1);
  const float = await outputs(net, x, 1);
  expect(furthest(whole, float)).toBeLessThan(0.05 * spread(float));
});
