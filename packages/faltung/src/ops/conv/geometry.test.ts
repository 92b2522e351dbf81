import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  convOutputShape,
  droppedCells,
  inputGradient,
  macs,
  normaliseConv,
  normaliseTransposedConv,
  outputSize,
  poolOutputSize,
  receptiveField,
  samePadding,
  samePaddingTF,
  sourceIndex,
  spatialOutput,
  weightGradient,
} from "./geometry.ts";

/** Random one-dimensional convolutions whose kernel fits. */
const line = fc
  .record({
    input: fc.integer({ min: 1, max: 20 }),
    kernel: fc.integer({ min: 1, max: 5 }),
    stride: fc.integer({ min: 1, max: 4 }),
    dilation: fc.integer({ min: 1, max: 3 }),
    begin: fc.integer({ min: 0, max: 4 }),
    end: fc.integer({ min: 0, max: 4 }),
    flip: fc.boolean(),
  })
  .filter((c) => c.input + c.begin + c.end >= c.dilation * (c.kernel - 1) + 1);

type Line = typeof line extends fc.Arbitrary<infer T> ? T : never;
const geometry = (c: Line) =>
  normaliseConv(
    { stride: c.stride, dilation: c.dilation, padding: [[c.begin, c.end]], flip: c.flip },
    [c.kernel],
    "conv1d",
  );

describe("normaliseConv", () => {
  it("spreads one number over all dimensions and keeps sides apart", () => {
    const g = normaliseConv({ stride: 2, padding: [1, [0, 2]] }, [3, 5], "conv2d");
    expect(g.stride).toEqual([2, 2]);
    expect(g.padding).toEqual([
      [1, 1],
      [0, 2],
    ]);
    expect(g.dilation).toEqual([1, 1]);
  });
  it("pads 'same' as PyTorch: even kernels more on the right, refused with a stride", () => {
    expect(samePadding(4, 1)).toEqual([1, 2]);
    expect(normaliseConv({ padding: "same", dilation: 2 }, [4], "conv1d").padding).toEqual([[3, 3]]);
    expect(() => normaliseConv({ padding: "same", stride: 2 }, [3, 3], "conv2d")).toThrow(/same.*stride 1.*\[2, 2\]/);
  });
  it("pads SAME as TensorFlow: 6 cells, kernel 3, stride 2", () => {
    expect(samePaddingTF(6, 3, 2, 1)).toEqual([0, 1]);
    expect(samePaddingTF(6, 3, 2, 1, true)).toEqual([1, 0]);
    expect(samePaddingTF(224, 7, 2, 1)).toEqual([2, 3]);
    expect(samePaddingTF(5, 1, 3, 1)).toEqual([0, 0]);
  });
  it.each([
    [{ stride: 0 }, /stride is 0/],
    [{ stride: [1] }, /stride is \[1\]/],
    [{ dilation: 1.5 }, /dilation is 1.5/],
    [{ padding: -1 }, /padding is -1/],
    [{ padding: [1, 2, 3] }, /list of 2/],
    [{ groups: 0 }, /groups is 0/],
  ])("refuses %j", (options, message) => {
    expect(() => normaliseConv(options, [3, 3], "conv2d")).toThrow(message);
  });
  it("refuses what PyTorch refuses of a transposed convolution", () => {
    expect(() => normaliseTransposedConv({ outputPadding: 2, stride: 2 }, [3], "t")).toThrow(
      /smaller than stride \[2\]/,
    );
    expect(() => normaliseTransposedConv({ paddingMode: "reflect" }, [3], "t")).toThrow(/zeros/);
    expect(normaliseTransposedConv({ outputPadding: 1, dilation: 2 }, [3], "t").outputPadding).toEqual([1]);
  });
});

describe("sizes", () => {
  it("counts exactly the windows that fit (brute force)", () => {
    fc.assert(
      fc.property(line, (c) => {
        const padded = c.input + c.begin + c.end;
        let windows = 0;
        for (let at = 0; at + c.dilation * (c.kernel - 1) < padded; at += c.stride) windows++;
        const g = geometry(c);
        expect(spatialOutput(g, [c.input], "conv1d")).toEqual([windows]);
        const last = (windows - 1) * c.stride + c.dilation * (c.kernel - 1);
        expect(droppedCells(g, 0, c.input)).toBe(padded - 1 - last);
      }),
    );
  });
  it("the transposed convolution of the output has the size of the input", () => {
    fc.assert(
      fc.property(line, (c) => {
        const g = geometry(c);
        const out = spatialOutput(g, [c.input], "conv1d");
        expect(spatialOutput(inputGradient(g, [c.input]), out, "conv1d")).toEqual([c.input]);
      }),
    );
  });
  it("the weight's gradient has the kernel's size, plus what the floor dropped", () => {
    fc.assert(
      fc.property(line, (c) => {
        const g = geometry(c);
        const out = spatialOutput(g, [c.input], "conv1d");
        const [size] = spatialOutput(weightGradient(g, out), [c.input], "conv1d");
        expect(size).toBe(c.kernel + Math.floor(droppedCells(g, 0, c.input) / c.dilation));
      }),
    );
  });
  it("pools as PyTorch, ceil_mode and all", () => {
    const pool = (i: number, k: number, s: number, p: number, ceil: boolean): number =>
      poolOutputSize(i, k, s, [p, p], 1, ceil, "maxPool2d");
    expect(pool(7, 2, 2, 0, false)).toBe(3);
    expect(pool(7, 2, 2, 0, true)).toBe(4);
    expect(pool(7, 2, 3, 1, true)).toBe(3); // the fourth window would start in the padding behind
    expect(pool(4, 3, 2, 1, true)).toBe(3);
    expect(() => pool(7, 2, 2, 2, false)).toThrow(/half/);
    expect(() => pool(1, 3, 1, 0, true)).toThrow(/spans 3 cells/);
  });
  it("says both shapes, the layout and the reason when they do not fit", () => {
    const g = normaliseConv({}, [3, 3], "conv2d");
    expect(() => convOutputShape(g, [1, 3, 32, 32], [8, 4, 3, 3], "conv2d")).toThrow(
      "conv2d: x has 3 channels, weight expects 4 (weight.shape[1] 4 × groups 1). " +
        "x [1, 3, 32, 32] NCHW, weight [8, 4, 3, 3] OIHW.",
    );
    expect(() => convOutputShape(g, [1, 3, 2, 2], [8, 3, 3, 3], "conv2d")).toThrow(/padded input has only 2/);
    expect(() => outputSize(2, 3, 1, [0, 0], 1, "conv1d")).toThrow(/more padding/);
    const reflect = normaliseConv({ padding: 2, paddingMode: "reflect" }, [3], "conv1d");
    expect(() => convOutputShape(reflect, [1, 1, 2], [1, 1, 3], "conv1d")).toThrow(/reflect padding/);
    expect(convOutputShape(reflect, [1, 1, 3], [1, 1, 3], "conv1d")).toEqual([1, 1, 5]);
  });
  it("counts channels, groups and MACs", () => {
    const g = normaliseConv({ groups: 4, padding: 1 }, [3, 3], "conv2d");
    const y = convOutputShape(g, [2, 8, 5, 6], [12, 2, 3, 3], "conv2d");
    expect(y).toEqual([2, 12, 5, 6]);
    expect(macs(g, [2, 8, 5, 6], [12, 2, 3, 3], y)).toBe(2 * 12 * 30 * 2 * 9);
    const t = normaliseTransposedConv({ groups: 4, stride: 2 }, [2, 2], "t");
    expect(convOutputShape(t, [2, 8, 5, 6], [8, 3, 2, 2], "t")).toEqual([2, 12, 10, 12]);
  });
});

describe("taps", () => {
  it("forward and transposed taps are the same pairs (adjoint)", () => {
    fc.assert(
      fc.property(line, (c) => {
        const g = geometry(c);
        const [out] = spatialOutput(g, [c.input], "conv1d");
        const back = inputGradient(g, [c.input]);
        for (let t = 0; t < c.kernel; t++) {
          const pairs = new Set<string>();
          for (let o = 0; o < out; o++) {
            const i = sourceIndex(g, 0, o, t, c.input);
            if (i >= 0) pairs.add(`${i},${o}`);
          }
          const transposed = new Set<string>();
          for (let i = 0; i < c.input; i++) {
            const o = sourceIndex(back, 0, i, t, out);
            if (o >= 0) transposed.add(`${i},${o}`);
          }
          expect(transposed).toEqual(pairs);
        }
      }),
    );
  });
  it.each([
    ["zeros", [-1, -1, 0, 1, 2, 3, -1, -1]],
    ["reflect", [2, 1, 0, 1, 2, 3, 2, 1]],
    ["replicate", [0, 0, 0, 1, 2, 3, 3, 3]],
    ["circular", [2, 3, 0, 1, 2, 3, 0, 1]],
  ] as const)("continues the border by %s, as numpy.pad does", (paddingMode, expected) => {
    const g = normaliseConv({ padding: 2, paddingMode }, [1], "conv1d");
    expect(Array.from({ length: 8 }, (_, o) => sourceIndex(g, 0, o, 0, 4))).toEqual(expected);
  });
  it("flip counts taps from the other end", () => {
    const plain = normaliseConv({ padding: 1, dilation: 2 }, [3], "conv1d");
    const turned = { ...plain, flip: true };
    for (let t = 0; t < 3; t++) {
      expect(sourceIndex(turned, 0, 1, t, 9)).toBe(sourceIndex(plain, 0, 1, 2 - t, 9));
    }
  });
});

describe("receptiveField", () => {
  it("agrees with walking the taps back through the layers", () => {
    const layer = fc.record({
      kernel: fc.integer({ min: 1, max: 4 }),
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 3 }),
      padding: fc.integer({ min: 0, max: 2 }),
    });
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 4 }), fc.integer({ min: 0, max: 3 }), (layers, u) => {
        let low = u;
        let high = u;
        for (const l of layers.toReversed()) {
          low = low * l.stride - l.padding;
          high = high * l.stride - l.padding + l.dilation * (l.kernel - 1);
        }
        const f = receptiveField(layers);
        expect([f.start + u * f.jump, f.start + u * f.jump + f.size - 1]).toEqual([low, high]);
      }),
    );
  });
  it("gives the published size of VGG-16's last pooling (Araujo et al. 2019: 212)", () => {
    const conv = { kernel: 3, padding: 1 };
    const pool = { kernel: 2, stride: 2 };
    const vgg = [2, 2, 3, 3, 3].flatMap((n) => [...Array.from({ length: n }, () => conv), pool]);
    expect(receptiveField(vgg)).toMatchObject({ size: 212, jump: 32 });
  });
});
