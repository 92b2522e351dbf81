/** What explanations claim, checked by other means: finite differences, a closed form, and which pixels matter at all. */
import { describe, expect, it } from "vitest";
import { evaluate } from "../compile/evaluate.ts";
import { trace } from "../compile/trace.ts";
import { resnet20 } from "../models/resnet.ts";
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  Identity,
  Linear,
  MaxPool2d,
  type Module,
  ReLU,
  Sequential,
  manualSeed,
} from "../nn/index.ts";
import { Random } from "../tensor/random.ts";
import { sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { mostActivating } from "./activating.ts";
import { featureMaps, gradCam, saliency } from "./explain.ts";
import { inspect } from "./inspect.ts";
import { seenBy } from "./receptive.ts";

const random = new Random(3);
const noise = (shape: number[]): Tensor =>
  new Tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
    shape,
  );

/** The model's output by the reference loops in float64. */
function reference(model: Module, x: Tensor): ArrayLike<number> {
  model.eval();
  const graph = trace(({ x }) => ({ y: model.forward(x) }), { x: { shape: x.shape, dtype: "float32" } });
  return evaluate(graph, { x }, new Map(), "float64").outputs.y.data;
}

function net(): Sequential {
  manualSeed(5);
  return new Sequential(
    new Conv2d(1, 4, 3, { padding: 1 }),
    new BatchNorm2d(4),
    new ReLU(),
    new MaxPool2d(2),
    new Dropout(0.5),
    new Conv2d(4, 5, 3, { stride: 2, padding: 1 }),
    new ReLU(),
    new Identity(),
    new AdaptiveAvgPool2d(1),
    new Flatten(),
    new Linear(5, 3),
  );
}

describe("feature maps", () => {
  it("are every layer's output, in order", async () => {
    const model = net();
    const x = noise([2, 1, 12, 12]);
    const maps = await featureMaps(model, x);
    expect(maps.map(({ name, type }) => `${name} ${type}`)).toEqual([
      "0 Conv2d",
      "1 BatchNorm2d",
      "2 ReLU",
      "3 MaxPool2d",
      "4 Dropout",
      "5 Conv2d",
      "6 ReLU",
      "7 Identity",
      "8 AdaptiveAvgPool2d",
      "9 Flatten",
      "10 Linear",
    ]);
    maps.forEach(({ output, shape }, i) => {
      expect(output.shape).toEqual(shape);
      const expected = reference(new Sequential(...model.layers.slice(0, i + 1)), x);
      output.data.forEach((v, k) => expect(v).toBeCloseTo(expected[k], 4));
    });
  });

  it("leave the model in the mode that it was in", async () => {
    const model = net();
    await featureMaps(model, noise([1, 1, 12, 12]));
    expect(model.training).toBe(true);
  });

  it("come with what went into each layer, also where that is no other layer's output", async () => {
    const model = resnet20(1, 2);
    const inspector = await inspect(model, [1, 1, 8, 8]);
    const x = noise([1, 1, 8, 8]);
    const { inputs, maps } = inspector.look(x);
    const modules = new Map(model.namedModules());
    let convolutions = 0;
    inspector.layers.forEach(({ name, type }, i) => {
      const layer = modules.get(name);
      if (type !== "Conv2d" || layer === undefined) return;
      convolutions++;
      const expected = reference(layer, inputs[i]);
      maps[i].data.forEach((v, k) => expect(v).toBeCloseTo(expected[k], 4));
    });
    expect(convolutions).toBe(21);
    expect(inputs[0]).toBe(x);
    inspector.close();
  });

  it("and slopes are there for a model without any map, only Grad-CAM is not", async () => {
    manualSeed(4);
    const model = new Sequential(new Flatten(), new Linear(9, 2));
    const x = noise([1, 1, 3, 3]);
    const inspector = await inspect(model, x.shape);
    expect(inspector.layer).toBe(null);
    const { saliency: slope, cam } = inspector.explain(x, 1);
    expect(cam).toBe(null);
    expect([...slope.data]).toEqual([...model.stateDict()["1.weight"].data.subarray(9)]);
    inspector.close();
    await expect(gradCam(model, x, 1)).rejects.toThrow("no layer of this model makes a feature map");
  });

  it("follow the model's weights when they are taken up again", async () => {
    const model = net();
    const x = noise([1, 1, 12, 12]);
    const inspector = await inspect(model, x.shape);
    const before = inspector.look(x).output;
    model.stateDict()["10.bias"].data[1] += 2;
    expect(inspector.look(x).output.data[1]).toBe(before.data[1]);
    inspector.refresh();
    expect(inspector.look(x).output.data[1]).toBeCloseTo(before.data[1] + 2, 5);
    inspector.close();
  });
});

describe("saliency", () => {
  it("is the slope of the class's logit by each pixel", async () => {
    const model = new Sequential(new Conv2d(1, 3, 3), new ReLU(), new Flatten(), new Linear(48, 4));
    const x = noise([1, 1, 6, 6]);
    const slope = await saliency(model, x, 2);
    const h = 1e-4;
    for (const pixel of [0, 7, 14, 21, 35]) {
      const at = (d: number): number => {
        const moved = new Tensor(
          Float32Array.from(x.data, (v, i) => (i === pixel ? v + d : v)),
          x.shape,
        );
        return reference(model, moved)[2];
      };
      expect(slope.data[pixel]).toBeCloseTo((at(h) - at(-h)) / (2 * h), 2);
    }
  });

  it("refuses a class that is not there", async () => {
    await expect(saliency(net(), noise([1, 1, 12, 12]), 3)).rejects.toThrow("there are 0 to 2");
  });
});

describe("Grad-CAM", () => {
  it("is CAM where a linear layer reads global means (Selvaraju et al. 2017, section 3.1)", async () => {
    const model = net();
    const x = noise([1, 1, 12, 12]);
    const maps = await featureMaps(model, x);
    const { data, shape } = maps[7].output;
    const cells = shape[2] * shape[3];
    const { data: weight } = model.stateDict()["10.weight"];
    const cam = await gradCam(model, x, 1);
    expect(cam.shape).toEqual([1, 3, 3]);
    for (let i = 0; i < cells; i++) {
      let s = 0;
      for (let c = 0; c < 5; c++) s += (weight[5 + c] / cells) * data[c * cells + i];
      expect(cam.data[i]).toBeCloseTo(Math.max(0, s), 5);
    }
  });

  it("looks at the layer asked for, and names those that there are", async () => {
    expect((await gradCam(net(), noise([1, 1, 12, 12]), 0, { layer: "0" })).shape).toEqual([1, 12, 12]);
    await expect(gradCam(net(), noise([1, 1, 12, 12]), 0, { layer: "10" })).rejects.toThrow("those that do: 0, 1, 2");
  });
});

describe("the receptive field of a unit", () => {
  const stack = (): Sequential =>
    new Sequential(
      new Conv2d(1, 2, 3, { padding: 1 }),
      new MaxPool2d(2),
      new Conv2d(2, 2, 3, { dilation: 2, padding: 2 }),
      new Conv2d(2, 1, [1, 3], { stride: [1, 2] }),
    );

  it.each([[[0, 0]], [[3, 2]], [[5, 3]]])("is where changed pixels can change it: cell %s", ([row, col]) => {
    manualSeed(9);
    const model = stack();
    const shape = [1, 1, 16, 20];
    const { start, size } = seenBy(model, shape, "3", [row, col]);
    // Noise somewhere changes the cell for some picture if and only if it lies in the box (its outermost lines, too).
    const changes = (r: number, c: number): boolean => {
      const cell = (x: Tensor): number => {
        const y = reference(model, x);
        return y[row * 4 + col];
      };
      return [1, -40].some((sign) => {
        const x = noise(shape);
        const y = new Tensor(
          Float32Array.from(x.data, (v, i) => (i === r * 20 + c ? v + sign * 40 : v)),
          shape,
        );
        return Math.abs(cell(x) - cell(y)) > 1e-6;
      });
    };
    const seen: [number, number][] = [];
    for (let r = 0; r < 16; r++) for (let c = 0; c < 20; c++) if (changes(r, c)) seen.push([r, c]);
    const rows = seen.map(([r]) => r);
    const cols = seen.map(([, c]) => c);
    expect([Math.min(...rows), Math.max(...rows)]).toEqual([start[0], start[0] + size[0] - 1]);
    expect([Math.min(...cols), Math.max(...cols)]).toEqual([start[1], start[1] + size[1] - 1]);
  });

  it("is the whole input behind a global mean, and refuses cells that are not there", () => {
    expect(seenBy(net(), [1, 1, 12, 12], "10", [])).toEqual({ start: [0, 0], size: [12, 12], outside: 0 });
    expect(() => seenBy(net(), [1, 1, 12, 12], "0", [12, 0])).toThrow("it has no cell (12, 0)");
    expect(() => seenBy(net(), [1, 1, 12, 12], "conv", [0, 0])).toThrow("no layer is called conv");
  });
});

describe("the most activating pictures", () => {
  it("are those with the largest value anywhere, with its place", async () => {
    manualSeed(2);
    const model = new Sequential(new Conv2d(1, 3, 3), new ReLU(), new Flatten(), new Linear(48, 2));
    const pictures = noise([10, 1, 6, 6]);
    const best = await mostActivating(model, pictures, { layer: "0", count: 3, batch: 4 });
    const all = reference(new Sequential(model.layers[0]), pictures);
    best.forEach((list, c) => {
      const peaks = Array.from({ length: 10 }, (_, n) => {
        const map = Array.from({ length: 16 }, (_, i) => all[(n * 3 + c) * 16 + i]);
        const value = Math.max(...map);
        return { picture: n, value, cell: map.indexOf(value) };
      }).sort((a, b) => b.value - a.value);
      expect(list.map((a) => a.picture)).toEqual(peaks.slice(0, 3).map((p) => p.picture));
      expect(list.map(({ at }) => at[0] * 4 + at[1])).toEqual(peaks.slice(0, 3).map((p) => p.cell));
    });
  });

  it("of single numbers are those with the largest number; what is not there is said", async () => {
    manualSeed(2);
    const model = new Sequential(new Flatten(), new Linear(9, 2));
    const pictures = noise([5, 1, 3, 3]);
    const best = await mostActivating(model, pictures, { layer: "1", count: 2 });
    const all = reference(model, pictures);
    best.forEach((list, c) => {
      const order = [0, 1, 2, 3, 4].sort((a, b) => all[2 * b + c] - all[2 * a + c]);
      expect(list.map(({ picture, at }) => ({ picture, at }))).toEqual(
        order.slice(0, 2).map((picture) => ({ picture, at: [] })),
      );
    });
    await expect(mostActivating(model, pictures, { layer: "7" })).rejects.toThrow("there are 0, 1");
  });
});
