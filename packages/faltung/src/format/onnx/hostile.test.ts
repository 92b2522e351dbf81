/** Files that are broken, or were made to do harm: one typed error each, in no time, whatever they claim to hold. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { input } from "../../ops/op.ts";
import { FaltungError, FormatError } from "../../tensor/errors.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { importOnnx, readOnnx } from "./index.ts";
import type { TensorProto } from "./model.ts";
import { type TestAttribute, type TestModel, floats, graphOf, int64s, modelOf, node, port } from "./testing.ts";
import { join, writeBytes, writeInt, writeText } from "./wire.ts";

/** Imports a model and builds it for an input x. */
function build(bytes: Uint8Array, shape: readonly number[] = [1, 2, 4, 4]): void {
  const net = importOnnx(bytes);
  net.apply(Object.fromEntries(net.inputs.map(({ name }) => [name, input(name, { shape, dtype: "float32" })])));
}

function mustRefuse(bytes: Uint8Array, message: RegExp, shape?: readonly number[]): void {
  const before = process.memoryUsage();
  expect(() => build(bytes, shape)).toThrow(message);
  try {
    build(bytes, shape);
  } catch (error) {
    expect(error).toBeInstanceOf(FaltungError);
  }
  const after = process.memoryUsage();
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(64 * 2 ** 20);
}

const x = port("x", [1, 2, 4, 4]);
const y = port("y");
const one = (
  opType: string,
  inputs: readonly string[],
  attributes: Readonly<Record<string, TestAttribute>> = {},
  rest: Partial<TestModel> = {},
): Uint8Array => modelOf({ inputs: [x], outputs: [y], nodes: [node(opType, inputs, ["y"], attributes)], ...rest });

const valid = one("Conv", ["x", "w"], { strides: [1, 1] }, { initializers: [floats("w", [[[[1]], [[2]]]])] });

describe("bytes that are no model", () => {
  it("refuses them", () => {
    mustRefuse(new Uint8Array(0), /it is empty/);
    mustRefuse(new TextEncoder().encode("<!doctype html><title>Not found</title>"), /model: /);
    mustRefuse(writeInt(1, 8), /no graph/);
    mustRefuse(join([writeInt(1, 8), writeBytes(7, Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f))]), /claims/);
  });

  it("refuses a model that is cut short anywhere", () => {
    build(valid);
    for (let n = 0; n < valid.length; n++) {
      try {
        build(valid.subarray(0, n));
      } catch (error) {
        expect(error).toBeInstanceOf(FaltungError);
      }
    }
  });

  it("takes random bytes and random changes for what they are", () => {
    const mustSurvive = (bytes: Uint8Array): void => {
      try {
        build(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(FaltungError);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), mustSurvive), { numRuns: 300 });
    const change = fc.tuple(fc.nat(valid.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = valid.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        mustSurvive(bytes);
      }),
      { numRuns: 1000 },
    );
  });

  it("refuses graphs nested 10,000 deep", () => {
    // From the inside outwards, as prefixes only: copying each level would take a while.
    const prefix = (field: number, length: number): Uint8Array => {
      const whole = writeInt(1, length); // one byte of tag, then the length
      return Uint8Array.of((field << 3) | 2, ...whole.subarray(1));
    };
    const parts: Uint8Array[] = [writeText(2, "inner")];
    let length = parts[0].length;
    const before = (bytes: Uint8Array): void => {
      parts.push(bytes);
      length += bytes.length;
    };
    for (let i = 0; i < 10_000; i++) {
      before(prefix(6, length)); // AttributeProto.g
      before(join([writeText(1, "body"), writeInt(20, 5)]));
      before(prefix(5, length)); // NodeProto.attribute
      before(writeText(4, "Loop"));
      before(prefix(1, length)); // GraphProto.node
    }
    const graph = join(parts.reverse());
    mustRefuse(join([writeInt(1, 8), writeBytes(7, graph)]), /nested/);
  });
});

describe("files of two megabytes that claim a million parts", () => {
  const million = (field: number): Uint8Array => {
    const empty = writeBytes(field, new Uint8Array(0));
    return new Uint8Array(empty.length * 2 ** 20).map((_, i) => empty[i % empty.length]);
  };
  const inGraph = (bytes: Uint8Array): Uint8Array => join([writeInt(1, 8), writeBytes(7, bytes)]);
  it.each<[string, Uint8Array]>([
    ["nodes", inGraph(million(1))],
    ["tensors", inGraph(million(5))],
    ["inputs", inGraph(million(11))],
    ["outputs", inGraph(million(12))],
    ["attributes", inGraph(writeBytes(1, million(5)))],
    ["strings", inGraph(writeBytes(1, writeBytes(5, million(9))))],
    ["functions", join([inGraph(new Uint8Array(0)), million(25)])],
  ])("refuses %s", (_, bytes) => {
    mustRefuse(bytes, /more than 262144 nodes, attributes, tensors/);
  });
});

describe("graphs that are none", () => {
  const relu = (from: string, to: string): ReturnType<typeof node> => node("Relu", [from], [to]);
  it.each<[string, Partial<TestModel> & Pick<TestModel, "nodes">, RegExp]>([
    ["a cycle", { nodes: [relu("b", "a"), relu("a", "b"), relu("b", "y")] }, /cycle/],
    ["a name made twice", { nodes: [relu("x", "y"), relu("x", "y")] }, /makes "y"/],
    ["an input made again", { nodes: [relu("x", "x"), relu("x", "y")] }, /makes "x"/],
    ["a name that nothing makes", { nodes: [relu("ghost", "y")] }, /reads "ghost"/],
    ["an output that nothing makes", { nodes: [relu("x", "z")] }, /output "y"/],
    [
      "two initialisers of one name",
      { nodes: [node("Add", ["x", "w"], ["y"])], initializers: [floats("w", [1]), floats("w", [2])] },
      /two initialisers/,
    ],
    ["two inputs of one name", { nodes: [relu("x", "y")], inputs: [x, x] }, /two inputs/],
    ["opset 0", { nodes: [relu("x", "y")], opset: 0 }, /operator set 0/],
    ["opset 999", { nodes: [relu("x", "y")], opset: 999 }, /operator set 999/],
    ["an unknown operator", { nodes: [node("Frobnicate", ["x"], ["y"])] }, /Frobnicate/],
    ["an unknown domain", { nodes: [node("Relu", ["x"], ["y"], {}, "com.example")] }, /domain com.example/],
    ["a missing operand", { nodes: [node("Add", ["x"], ["y"])] }, /input 1 is missing/],
  ])("refuses %s", (_, parts, message) => {
    mustRefuse(modelOf({ inputs: [x], outputs: [y], ...parts }), message);
  });

  it("names every node that is not supported, in one error", () => {
    const nodes = [
      node("Frobnicate", ["x"], ["a"]),
      relu("a", "b"),
      node("Melt", ["b"], ["c"]),
      node("Frobnicate", ["c"], ["y"]),
    ];
    expect(() => importOnnx(modelOf({ inputs: [x], outputs: [y], nodes }))).toThrow(
      /3 nodes are not supported:\n {2}Frobnicate "frobnicate_a".*\n {2}Melt "melt_c".*\n {2}Frobnicate "frobnicate_y"/,
    );
  });

  it("puts nodes in order that are not", () => {
    expect(importOnnx(modelOf({ inputs: [x], outputs: [y], nodes: [relu("a", "y"), relu("x", "a")] })).tensors).toEqual(
      ["a", "y"],
    );
  });
});

describe("tensors whose data do not belong to them", () => {
  const w = floats("w", [[[[1]], [[2]]]]);
  const withW = (changes: Partial<TensorProto>): Uint8Array =>
    one("Conv", ["x", "w"], {}, { initializers: [{ ...w, ...changes }] });
  it("refuses them", () => {
    mustRefuse(withW({ rawData: new Uint8Array(7) }), /"w" of type float .* needs 8 bytes; there are 7/);
    mustRefuse(withW({ rawData: new Uint8Array(0) }), /needs 8 bytes/);
    mustRefuse(withW({ dims: [1, -2, 1, 1] }), /dimensions/);
    mustRefuse(withW({ dims: [2 ** 62, 2 ** 62] }), /dimensions/);
    mustRefuse(withW({ dims: [2 ** 40], rawData: new Uint8Array(8) }), /needs/);
    mustRefuse(withW({ dataType: 99 }), /data type 99/);
    mustRefuse(withW({ dataType: 8 }), /type string/);
  });

  it("refuses data in two places", () => {
    const both = join([
      writeInt(1, 2),
      writeInt(2, 1),
      writeText(8, "w"),
      writeBytes(9, new Uint8Array(8)),
      writeBytes(4, new Uint8Array(8)),
    ]);
    const graph = join([
      writeBytes(1, join([writeText(1, "w"), writeText(2, "y"), writeText(4, "Relu")])),
      writeBytes(5, both),
      writeBytes(12, writeText(1, "y")),
    ]);
    mustRefuse(join([writeInt(1, 8), writeBytes(7, graph), writeBytes(8, writeInt(2, 17))]), /more than one place/);
  });
});

describe("external data", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(path(tmpdir(), "onnx-"));
    writeFileSync(path(folder, "weights.bin"), new Uint8Array(new Float32Array([9, 1, 2, 9]).buffer));
    writeFileSync(path(folder, "secret"), "secret");
    symlinkSync("/etc/passwd", path(folder, "link"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Relu of a tensor of two floats that is elsewhere. */
  const elsewhere = (entries: Readonly<Record<string, string>>): Uint8Array => {
    const external = Object.entries(entries).map(([key, value]) =>
      writeBytes(13, join([writeText(1, key), writeText(2, value)])),
    );
    const tensor = join([writeInt(1, 2), writeInt(2, 1), writeText(8, "w"), ...external, writeInt(14, 1)]);
    const graph = join([
      writeBytes(1, join([writeText(1, "w"), writeText(2, "y"), writeText(4, "Relu")])),
      writeBytes(5, tensor),
      writeBytes(12, writeText(1, "y")),
    ]);
    return join([writeInt(1, 8), writeBytes(7, graph), writeBytes(8, writeInt(2, 17))]);
  };
  const write = (entries: Readonly<Record<string, string>>): string => {
    const file = path(folder, "model.onnx");
    writeFileSync(file, elsewhere(entries));
    return file;
  };

  it("is read from the model's folder", async () => {
    const net = await readOnnx(write({ location: "weights.bin", offset: "4", length: "8" }));
    expect(net.stateDict().w).toEqual(Tensor.from([1, 2]));
  });

  it.each([
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\x",
    "C:/x",
    "a/../../x",
    "",
    ".",
    "a//b",
    "weights.bin\0.png",
    "..",
    "file:///etc/passwd",
    "\\\\host\\x",
  ])("is not followed to %j", async (location) => {
    await expect(readOnnx(write({ location }))).rejects.toThrow(FormatError);
    expect(() => importOnnx(elsewhere({ location }), { external: () => new Uint8Array(8) })).toThrow(
      /only files inside/,
    );
  });

  it("is not followed through a link, nor past the file's end", async () => {
    await expect(readOnnx(write({ location: "link" }))).rejects.toThrow(/leads out of its folder/);
    await expect(readOnnx(write({ location: "nowhere.bin" }))).rejects.toThrow(/cannot be read/);
    await expect(readOnnx(write({ location: "weights.bin", offset: "12" }))).rejects.toThrow(/it has 16/);
    await expect(readOnnx(write({ location: "weights.bin", length: "9007199254740991" }))).rejects.toThrow(/it has 16/);
    await expect(readOnnx(write({ location: "weights.bin", length: "16" }))).rejects.toThrow(/needs 8 bytes/);
    await expect(readOnnx(write({ location: "weights.bin", offset: "-4" }))).rejects.toThrow(/whole number/);
    await expect(readOnnx(write({ location: "weights.bin", offset: "1e3" }))).rejects.toThrow(/whole number/);
  });

  it("needs a reader", () => {
    expect(() => importOnnx(elsewhere({ location: "weights.bin" }))).toThrow(/option external/);
  });
});

describe("attributes that make no sense", () => {
  const conv = (
    attributes: Readonly<Record<string, TestAttribute>>,
    w: Parameters<typeof floats>[1] = [[[[1]], [[2]]]],
  ): Uint8Array => one("Conv", ["x", "w"], attributes, { initializers: [floats("w", w)] });
  const big = [
    [
      [
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1],
      ],
      [
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1],
      ],
    ],
  ];
  it.each<[string, Uint8Array, RegExp]>([
    ["strides 0", conv({ strides: [0, 0] }), /strides/],
    ["dilations 0", conv({ dilations: [0, 1] }), /dilations/],
    ["group 0", conv({ group: 0 }), /groups/],
    ["a group that does not divide", conv({ group: 3 }), /channels|groups/],
    ["a kernel of another rank", conv({ kernel_shape: [1] }), /kernel_shape/],
    ["a weight of another rank", conv({}, [[1, 2]]), /dimensions/],
    ["odd pads", conv({ pads: [1, 1, 1] }), /pads/],
    ["negative pads", conv({ pads: [-1, -1, 0, 0] }), /pads/],
    ["auto_pad and pads", conv({ auto_pad: "SAME_UPPER", pads: [1, 1, 1, 1] }), /auto_pad/],
    ["an unknown auto_pad", conv({ auto_pad: "SAME" }), /auto_pad/],
    ["other channels", conv({}, [[[[1]]]]), /channels/],
    ["a kernel larger than x", conv({}, big), /kernel/],
    ["an attribute of another type", conv({ strides: "two" }), /strides has the type/],
    ["a stride beyond all numbers", conv({ strides: [2 ** 62, 1] }), /strides/],
    ["a window larger than x", one("MaxPool", ["x"], { kernel_shape: [9, 9] }), /window/],
    ["no window", one("MaxPool", ["x"]), /kernel_shape is missing/],
    ["two −1", one("Reshape", ["x", "s"], {}, { initializers: [int64s("s", [-1, -1])] }), /−1/],
    [
      "a shape that does not fit",
      one("Reshape", ["x", "s"], {}, { initializers: [int64s("s", [5, -1])] }),
      /−1|elements/,
    ],
    ["a scale of 0", one("Resize", ["x", "", "s"], {}, { initializers: [floats("s", [1, 1, 0, 0])] }), /scales/],
    [
      "a scale that is no number",
      one("Resize", ["x", "", "s"], {}, { initializers: [floats("s", [1, 1, Number.NaN, 1])] }),
      /scales/,
    ],
    [
      "a tensor of 2⁴⁰ numbers",
      one("Expand", ["c", "s"], {}, { initializers: [floats("c", [1]), int64s("s", [2 ** 20, 2 ** 20])] }),
      /would hold/,
    ],
    ["2⁴⁰ zeros", one("ConstantOfShape", ["s"], {}, { initializers: [int64s("s", [2 ** 40])] }), /at most/],
    [
      "an endless range",
      one("Range", ["a", "b", "c"], {}, { initializers: [floats("a", [0]), floats("b", [1]), floats("c", [0])] }),
      /no end/,
    ],
    ["an index outside", one("Gather", ["x", "i"], {}, { initializers: [int64s("i", [7])] }), /outside/],
    ["an axis outside", one("Softmax", ["x"], { axis: 9 }), /axis 9/],
    ["a permutation that is none", one("Transpose", ["x"], { perm: [0, 0, 1, 2] }), /permute/],
    ["a split that does not add up", one("Split", ["x", "s"], {}, { initializers: [int64s("s", [9])] }), /add up/],
  ])("refuses %s", (_, bytes, message) => {
    mustRefuse(bytes, message);
  });

  it("gives a Loop of 2⁶³ rounds up, and an If whose branches disagree", () => {
    const body = graphOf({
      inputs: [port("i", [], "int64"), port("c", [], "bool"), port("v", [1, 2, 4, 4])],
      outputs: [port("c2", [], "bool"), port("v2")],
      nodes: [node("Identity", ["c"], ["c2"]), node("Relu", ["v"], ["v2"])],
    });
    const loop = one(
      "Loop",
      ["m", "", "x"],
      { body: { graph: body } },
      { initializers: [{ ...int64s("m", [2 ** 62]), dims: [] }] },
    );
    mustRefuse(loop, /more than 1024 rounds/);
    const branch = (shape: readonly number[]): TestAttribute => ({
      graph: graphOf({
        outputs: [port("b")],
        nodes: [node("Reshape", ["x", "s"], ["b"])],
        initializers: [int64s("s", shape)],
      }),
    });
    const condition = node("ReduceMax", ["x"], ["t"], { keepdims: 0 });
    const nodes = [
      condition,
      node("Greater", ["t", "t"], ["c"]),
      node("If", ["c"], ["y"], { then_branch: branch([32]), else_branch: branch([4, 8]) }),
    ];
    mustRefuse(modelOf({ inputs: [x], outputs: [y], nodes }), /depends on the model's inputs/);
  });
});
