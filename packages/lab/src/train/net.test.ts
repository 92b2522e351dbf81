import { summary } from "faltung";
import { open } from "@faltung/figure";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DEFAULT_NET,
  KINDS,
  type LabLayer,
  OPTIONS,
  buildNet,
  fits,
  formatNet,
  parseNet,
  shapesOf,
  usualLayer,
} from "./net.ts";

const layer = fc
  .constantFrom(...KINDS)
  .chain((kind) =>
    fc.tuple(...OPTIONS[kind].map((o) => fc.constantFrom(...o.choices))).map((values): LabLayer => ({ kind, values })),
  );

describe("a network as text", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 8 }), (layers) => {
        expect(parseNet(formatNet(layers))).toEqual(layers);
      }),
    );
  });

  it.each([
    "/",
    "conv",
    "nonsense 3",
    "conv 8 3/lstm",
    "conv 99999 3",
    "conv 0 3",
    "conv 8 0",
    "conv 8 3 s0",
    "maxpool 0",
    "dropout 100",
    "linear 0",
  ])("%j: is refused or has usual values", (text) => {
    const layers = parseNet(text);
    if (text === "conv") expect(layers).toEqual([{ kind: "conv", values: [16, 3, 1, 0] }]);
    else expect(layers).toBeUndefined();
  });

  it("can be drawn as an architecture", () => {
    expect(open({ figure: "architecture", net: `1x28x28/${DEFAULT_NET}/linear 10` }).steps).toBeGreaterThan(0);
  });
});

describe("shapes", () => {
  it("are those of the library's network", () => {
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 6 }), fc.integer({ min: 5, max: 32 }), (layers, side) => {
        fc.pre(fits(layers, [1, side, side]));
        const shapes = shapesOf(layers, [1, side, side]) ?? [];
        const model = buildNet(layers, [1, side, side], 3);
        const made = summary(model, [2, 1, side, side]);
        expect(made.layers.at(-1)?.output).toEqual([2, 3]);
        const last = shapes.at(-1) ?? [1, side, side];
        expect(made.layers.at(-1)?.parameters).toBe(3 * last.reduce((a, b) => a * b, 1) + 3);
      }),
      { numRuns: 60 },
    );
  });

  it("end where a browser would run out of memory", () => {
    const wide = parseNet("conv 128 3 p1/flatten/linear 256") ?? [];
    expect(fits(wide, [3, 28, 28])).toBe(false); // 26 million weights
    expect(fits(wide, [3, 16, 16])).toBe(true);
    expect(fits(parseNet(Array(5).fill("conv 128 3 p1").join("/")) ?? [], [3, 64, 64])).toBe(false);
  });

  it("say where a list is no network", () => {
    expect(fits([usualLayer("linear")], [1, 28, 28])).toBe(false);
    expect(fits([usualLayer("flatten"), usualLayer("conv")], [1, 28, 28])).toBe(false);
    expect(fits([{ kind: "conv", values: [8, 7, 1, 0] }], [1, 5, 5])).toBe(false);
    expect(shapesOf(parseNet(DEFAULT_NET) ?? [], [1, 28, 28])?.at(-1)).toEqual([64]);
  });
});
