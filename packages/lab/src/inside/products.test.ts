/** The products that the page writes out add up to what the library has computed. */
import { Conv2d, Flatten, Linear, type Module, Sequential, Tensor, inspect, manualSeed } from "faltung";
import { normaliseConv } from "faltung/conv";
import { expect, it } from "vitest";
import { plainModel } from "../train/plain.ts";
import type { InspectedMap, Planes } from "./inspect-messages.ts";
import { productsOf } from "./products.ts";

const planes = ({ shape: [, c, h = 1, w = 1], data }: Tensor): Planes => ({
  shape: [c, h, w],
  data: Float32Array.from(data),
});

/** How far any cell's written-out sum is from the library's, and whether its parts come in order. */
async function compare(
  model: Module,
  map: Pick<InspectedMap, "name" | "geometry">,
  size: readonly number[],
): Promise<{ readonly cells: number; readonly worst: number; readonly ordered: boolean }> {
  const inspector = await inspect(model, [1, ...size]);
  const count = size.reduce((a, b) => a * b, 1);
  const x = new Tensor(
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * i)),
    [1, ...size],
  );
  const { inputs, maps } = inspector.look(x);
  const index = inspector.layers.findIndex((l) => l.name === map.name);
  const made = { ...planes(maps[index]), ...map, type: "", field: null, input: planes(inputs[index]) };
  inspector.close();
  const [, rows, cols] = made.shape;
  const plain = plainModel(model, { classes: [], statistics: { mean: [0], std: [1] }, shape: size, notes: {} });
  let worst = 0;
  let ordered = true;
  made.data.forEach((value, i) => {
    const cell = [Math.floor(i / cols) % rows, i % cols] as const;
    const products = productsOf(made, plain, Math.floor(i / (rows * cols)), cell);
    worst = Math.max(worst, Math.abs((products?.total ?? Number.NaN) - value));
    const sums = products?.parts.map((p) => Math.abs(p.sum)) ?? [];
    ordered &&= sums.every((s, k) => k === 0 || s <= sums[k - 1]);
  });
  return { cells: made.data.length, worst, ordered };
}

it.each([
  [
    "padding on one side, a rectangle",
    [3, 2],
    {
      padding: [
        [1, 0],
        [0, 2],
      ],
    },
  ],
  ["stride and dilation", [3, 3], { stride: [2, 1], dilation: 2, padding: 2 }],
  ["groups, no bias", [3, 3], { groups: 2, bias: false, padding: "same" }],
  ["reflected borders", [3, 3], { padding: 1, paddingMode: "reflect" }],
  ["circular borders, turned round", [3, 3], { padding: 1, paddingMode: "circular", flip: true }],
] as const)("of a convolution: %s", async (_name, kernel, options) => {
  manualSeed(1);
  const model = new Sequential(new Conv2d(4, 6, kernel, options));
  const geometry = normaliseConv(options, kernel, "conv2d");
  const { cells, worst, ordered } = await compare(model, { name: "0", geometry }, [4, 6, 7]);
  expect(cells).toBeGreaterThan(50);
  expect(worst).toBeLessThan(1e-5);
  expect(ordered).toBe(true);
});

it("of a linear layer", async () => {
  manualSeed(1);
  const model = new Sequential(new Flatten(), new Linear(12, 3));
  const geometry = normaliseConv({}, [1, 1], "linear");
  const { cells, worst, ordered } = await compare(model, { name: "1", geometry }, [1, 3, 4]);
  expect(cells).toBe(3);
  expect(worst).toBeLessThan(1e-5);
  expect(ordered).toBe(true);
});
