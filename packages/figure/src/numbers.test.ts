/** Every number that a figure shows is the library's: figures are read back cell by cell and compared with its operations. */
import fc from "fast-check";
import { type ConvOptions, Tensor, type Value, conv2d, convTranspose2d, evaluate, grad, trace } from "faltung";
import { convolve, correlate, toNested } from "faltung/signal";
import { describe, expect, it } from "vitest";
import type { Picture } from "./figure.ts";
import { fromQuery, open } from "./index.ts";
import { hashInt, makePlane, turned } from "./numbers.ts";
import type { SceneNode } from "./scene.ts";

/** The labels "name(r,c) = value" of the last step, as planes by name. */
function shown(picture: Picture): Map<string, number[][]> {
  const planes = new Map<string, number[][]>();
  const visit = (node: SceneNode): void => {
    if (node.kind !== "group") return;
    const m = /^(.+)\((\d+),(\d+)\) = ([^,]+)/.exec(node.label ?? "");
    if (m) {
      const plane = planes.get(m[1]) ?? [];
      (plane[Number(m[2])] ??= [])[Number(m[3])] = Number(m[4].replace("−", "-"));
      planes.set(m[1], plane);
    }
    node.children.forEach(visit);
  };
  for (const layer of picture.scene(picture.steps - 1).layers) layer.nodes.forEach(visit);
  return planes;
}

const plane = (picture: Picture, name: string): number[][] => {
  const found = shown(picture).get(name);
  if (!found) throw new Error(`no cells of ${name}`);
  return found;
};

const planes = (p: readonly (readonly number[])[]): string => p.map((r) => r.join(",")).join("/");

/** Runs a function of x and w by the library's reference loops. */
function library(
  x: readonly (readonly (readonly (readonly number[])[])[])[],
  w: readonly (readonly (readonly (readonly number[])[])[])[],
  f: (x: Value, w: Value) => Value,
): readonly number[] {
  const inputs = { x: Tensor.from(x), w: Tensor.from(w) };
  const graph = trace(({ x: a, w: b }) => ({ y: f(a, b) }), {
    x: { shape: inputs.x.shape, dtype: "float32" },
    w: { shape: inputs.w.shape, dtype: "float32" },
  });
  return [...evaluate(graph, inputs).outputs.y.data];
}

const options = fc
  .record({
    rows: fc.integer({ min: 3, max: 7 }),
    cols: fc.integer({ min: 3, max: 7 }),
    k: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    begin: fc.integer({ min: 0, max: 2 }),
    end: fc.integer({ min: 0, max: 2 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    mode: fc.constantFrom("zeros" as const, "reflect" as const, "replicate" as const, "circular" as const),
    seed: fc.integer({ min: 0, max: 999 }),
  })
  .filter(
    (o) => o.rows + o.begin + o.end > o.dilation * (o.k[0] - 1) && o.cols + o.begin + o.end > o.dilation * (o.k[1] - 1),
  );

describe("numbers in the figures are the library's", () => {
  it("conv2d: every option, turned or not", () => {
    fc.assert(
      fc.property(options, fc.boolean(), (o, flip) => {
        const x = makePlane(o.rows, o.cols, (r, c) => hashInt(o.seed, r * 9 + c, -4, 4));
        const w = makePlane(o.k[0], o.k[1], (r, c) => hashInt(o.seed + 1, r * 9 + c, -3, 3));
        const padding = [
          [o.begin, o.end],
          [o.begin, o.end],
        ] as const;
        const picture = open({
          figure: "conv2d",
          values: planes(x),
          weights: planes(w),
          stride: o.stride.join(","),
          padding: `${o.begin}:${o.end}`,
          dilation: o.dilation,
          mode: o.mode,
          flip,
        });
        const y = plane(picture, "y");
        const conv: ConvOptions = { stride: o.stride, padding, dilation: o.dilation, paddingMode: o.mode };
        const expected = library([[x]], [[flip ? turned(w) : w]], (a, b) => conv2d(a, b, null, conv));
        expect(y.flat()).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it("conv2d without options is scipy's valid correlation, turned its valid convolution", () => {
    const x = makePlane(6, 5, (r, c) => hashInt(3, r * 5 + c, -4, 4));
    const w = makePlane(3, 2, (r, c) => hashInt(4, r * 5 + c, -4, 4));
    const spec = { figure: "conv2d", values: planes(x), weights: planes(w) };
    expect(plane(open(spec), "y")).toEqual(toNested(correlate(x, w, { mode: "valid" })));
    expect(plane(open({ ...spec, flip: true }), "y")).toEqual(toNested(convolve(x, w, { mode: "valid" })));
  });

  it.each(["scatter", "gather"])("transposed, drawn by %s", (view) => {
    const x = makePlane(3, 4, (r, c) => hashInt(5, r * 5 + c, -4, 4));
    const w = makePlane(3, 2, (r, c) => hashInt(6, r * 5 + c, -4, 4));
    const picture = open({
      figure: "transposed",
      input: "3x4",
      kernel: "3x2",
      values: planes(x),
      weights: planes(w),
      stride: "2,3",
      padding: "1,0",
      outputpadding: "1,0",
      dilation: "1,2",
      view,
    });
    const expected = library([[x]], [[w]], (a, b) =>
      convTranspose2d(a, b, null, { stride: [2, 3], padding: [1, 0], outputPadding: [1, 0], dilation: [1, 2] }),
    );
    expect(plane(picture, "y").flat()).toEqual(expected);
  });

  it("backward: both gradients", () => {
    fc.assert(
      fc.property(options, (o) => {
        const reach = (k: number): number => o.dilation * (k - 1);
        fc.pre(o.begin <= Math.min(...o.k.map(reach)) && o.end <= Math.min(...o.k.map(reach)));
        const w = makePlane(o.k[0], o.k[1], (r, c) => hashInt(o.seed + 1, r * 9 + c, -3, 3));
        const spec = {
          figure: "backward",
          input: `${o.rows}x${o.cols}`,
          weights: planes(w),
          stride: o.stride.join(","),
          padding: `${o.begin}:${o.end}`,
          dilation: o.dilation,
          seed: o.seed,
        };
        const byKernel = shown(open({ ...spec, of: "dw" }));
        const x = (byKernel.get("x") ?? []).map((row) => [...row]);
        const dy = byKernel.get("dy") ?? [];
        const conv: ConvOptions = {
          stride: o.stride,
          padding: [
            [o.begin, o.end],
            [o.begin, o.end],
          ],
          dilation: o.dilation,
        };
        const inputs = { x: Tensor.from([[x]]), w: Tensor.from([[w]]), dy: Tensor.from([[dy]]) };
        const graph = trace(
          (v) => {
            const [dx, dw] = grad(conv2d(v.x, v.w, null, conv), [v.x, v.w], v.dy);
            return { dx, dw };
          },
          {
            x: { shape: inputs.x.shape, dtype: "float32" },
            w: { shape: inputs.w.shape, dtype: "float32" },
            dy: { shape: inputs.dy.shape, dtype: "float32" },
          },
        );
        const { dx, dw } = evaluate(graph, inputs).outputs;
        expect(byKernel.get("dw")?.flat()).toEqual([...dw.data]);
        expect(plane(open({ ...spec, of: "dx" }), "dx").flat()).toEqual([...dx.data]);
      }),
      { numRuns: 40 },
    );
  });

  it("channels, filters and groups", () => {
    const values = [0, 1, 2, 3].map((k) => makePlane(4, 5, (r, c) => hashInt(k, r * 5 + c, -3, 3)));
    const weights = [0, 1, 2, 3, 4, 5, 6, 7].map((k) => makePlane(2, 3, (r, c) => hashInt(k + 50, r * 5 + c, -2, 2)));
    const picture = open({
      figure: "channels",
      input: "4x5",
      channels: 4,
      filters: 4,
      groups: 2,
      kernel: "2x3",
      padding: 1,
      stride: 2,
      bias: false,
      values: values.map(planes).join("//"),
      weights: weights.map(planes).join("//"),
    });
    const all = shown(picture);
    const y = [0, 1, 2, 3].flatMap((o) => all.get(`y${o}`)?.flat() ?? []);
    const byFilter = [0, 1, 2, 3].map((o) => weights.slice(2 * o, 2 * o + 2));
    expect(y).toEqual(library([values], byFilter, (a, b) => conv2d(a, b, null, { padding: 1, stride: 2, groups: 2 })));
  });

  it("the note's formula gives the usual result, point-reflected", () => {
    const picture = open({ figure: "note", input: "3x4", kernel: "2x3", seed: 5 });
    const values: [string, string][] = [];
    for (let step = 0; step < picture.steps; step++) {
      const m = /S\((.+), (.+)\) = (.+); .* S\((.+), (.+)\) = (.+)\.$/.exec(
        picture.sentence(step).replaceAll("−", "-"),
      );
      if (!m) throw new Error(picture.sentence(step));
      expect([Number(m[4]), Number(m[5])]).toEqual([0 - Number(m[1]), 0 - Number(m[2])]);
      values.push([m[3], m[6]]);
    }
    expect(values.every(([a, b]) => a === b)).toBe(true);
    expect(values.length).toBe(4 * 6);
  });

  it("same: PyTorch's padding and TensorFlow's SAME (numbers by both programs)", () => {
    const picture = open(fromQuery("figure=same"));
    const lines = [0, 1, 2, 3].map((step) => picture.sentence(step));
    expect(lines.map((l) => /PyTorch.* = (\d+); /.exec(l)?.[1])).toEqual(["14", "30", "42", "75"]);
    expect(lines.map((l) => / = (\d+)$/.exec(l)?.[1])).toEqual(["63", "81", "63", "171"]);
  });

  it("pool: PyTorch's average with ceil mode and counted padding, and its dropped last window", () => {
    const ones = makePlane(4, 4, () => 1);
    const spec = {
      figure: "pool",
      op: "average",
      input: 4,
      values: planes(ones),
      kernel: 3,
      stride: 2,
      padding: 1,
      ceil: true,
    };
    expect(plane(open(spec), "y")).toEqual([
      [0.44, 0.67, 0.33],
      [0.67, 1, 0.5],
      [0.33, 0.5, 0.25],
    ]);
    expect(open({ figure: "pool", input: 7, kernel: 2, stride: 3, padding: 1, ceil: true }).steps).toBe(9);
  });

  it("receptive: PyTorch's sizes, and the published receptive field", () => {
    const picture = open({ figure: "receptive", input: 17, layers: "3,3s2,3" });
    expect(picture.steps).toBe(5);
    expect(picture.title).toBe("Receptive field of 3 layers: 9 cells");
    expect(picture.sentence(1)).toBe("Output 1 sees the input from 2 to 10.");
  });

  it("architecture: LeNet-5 has 61,706 parameters", () => {
    expect(open({ figure: "architecture" }).title).toBe("Architecture: 61,706 parameters");
  });
});
