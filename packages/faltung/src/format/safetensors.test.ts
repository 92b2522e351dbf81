import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { FormatError } from "../tensor/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import { SAFETENSORS_BYTES, type SafetensorsDType } from "./safetensors-header.ts";
import {
  type RawTensor,
  int64Raw,
  numbers,
  openSafetensors,
  readSafetensors,
  safetensorsChunks,
  toTensor,
  writeSafetensors,
} from "./safetensors.ts";
import { bytesSource } from "./source.ts";

/** A file by the letter of the format: length, header text, data. */
function file(header: string | Uint8Array, data: ArrayLike<number> = [], length?: bigint): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

function outcome(work: () => unknown): "fine" | "refused" | "other" {
  try {
    work();
    return "fine";
  } catch (error) {
    return error instanceof FormatError ? "refused" : "other";
  }
}

const one = (fields: string, name = '"w"'): string => `{${name}:{${fields}}}`;
const good = '"dtype":"U8","shape":[2],"data_offsets":[0,2]';

describe("reading safetensors", () => {
  it("reads a file written by hand after the format's description", async () => {
    const header =
      '{"__metadata__":{"format":"pt"},"b":{"dtype":"I64","shape":[],"data_offsets":[8,16]},' +
      '"a":{"shape":[1,2],"data_offsets":[0,8],"dtype":"F32"}}   ';
    const bytes = file(header, [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 7, 0, 0, 0, 0, 0, 0, 0]);
    const { metadata, tensors } = readSafetensors(bytes);
    expect([...metadata]).toEqual([["format", "pt"]]);
    expect([...tensors.keys()]).toEqual(["a", "b"]);
    const a = toTensor(tensors.get("a") as RawTensor);
    expect([a.dtype, a.shape, [...a.data]]).toEqual(["float32", [1, 2], [1, -2]]);
    expect(numbers(tensors.get("b") as RawTensor)[0]).toBe(7n);
    const lazy = await openSafetensors(bytesSource(bytes));
    expect(toTensor(await lazy.read("b")).item()).toBe(7);
    await expect(lazy.read("c")).rejects.toThrow('it has no tensor "c"; it has 2 others');
  });

  it("reads only the bytes of the tensor that is asked for", async () => {
    const bytes = writeSafetensors([
      ["large", Tensor.zeros([1000])],
      ["small", Tensor.scalar(3)],
    ]);
    const ranges: number[] = [];
    const source = {
      size: bytes.length,
      read: (offset: number, length: number): Uint8Array => (
        ranges.push(length),
        bytes.subarray(offset, offset + length)
      ),
    };
    const opened = await openSafetensors(source);
    ranges.length = 0;
    expect(toTensor(await opened.read("small")).item()).toBe(3);
    expect(ranges).toEqual([4]);
  });

  it("converts every dtype", () => {
    const rows: [SafetensorsDType, number[], string, number[]][] = [
      ["F64", [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], "float32", [1.5]],
      ["F32", [0, 0, 0xc0, 0x3f], "float32", [1.5]],
      ["F16", [0, 0x3e, 0, 0xbe], "float32", [1.5, -1.5]],
      ["BF16", [0xc0, 0x3f], "float32", [1.5]],
      ["I64", [0xfe, 255, 255, 255, 255, 255, 255, 255], "int32", [-2]],
      ["U64", [9, 0, 0, 0, 0, 0, 0, 0], "int32", [9]],
      ["I32", [0xfe, 255, 255, 255], "int32", [-2]],
      ["U32", [1, 1, 0, 0], "int32", [257]],
      ["I16", [0xfe, 255], "int32", [-2]],
      ["U16", [0xfe, 255], "int32", [65534]],
      ["I8", [0xfe, 3], "int32", [-2, 3]],
      ["U8", [0xfe], "uint8", [254]],
      ["BOOL", [1, 0], "uint8", [1, 0]],
    ];
    expect(rows.map(([dtype]) => dtype).sort()).toEqual(Object.keys(SAFETENSORS_BYTES).sort());
    for (const [dtype, bytes, inMemory, values] of rows) {
      const tensor = toTensor({ dtype, shape: [values.length], bytes: Uint8Array.from(bytes) });
      expect([dtype, tensor.dtype, [...tensor.data]]).toEqual([dtype, inMemory, values]);
    }
  });

  it("refuses numbers that it cannot hold", () => {
    const raw = (dtype: SafetensorsDType, bytes: number[]): RawTensor => ({
      dtype,
      shape: [bytes.length / SAFETENSORS_BYTES[dtype]],
      bytes: Uint8Array.from(bytes),
    });
    expect(() => toTensor(raw("BOOL", [1, 2]), "mask")).toThrow(
      "mask: element 1 of a BOOL tensor is 2; it must be 0 or 1",
    );
    expect(() => toTensor(raw("I64", [0, 0, 0, 0, 1, 0, 0, 0]), "n")).toThrow(
      "n: element 0 of a I64 tensor is 4294967296",
    );
    expect(() => toTensor(raw("U32", [0, 0, 0, 128]))).toThrow(FormatError);
  });

  it("reads tensors that are not aligned", () => {
    const bytes = file('{"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}', [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    expect(bytes.length % 8).not.toBe(0);
    const moved = new Uint8Array(bytes.length + 1);
    moved.set(bytes, 1);
    expect(toTensor(readSafetensors(moved.subarray(1)).tensors.get("w") as RawTensor).item()).toBe(1);
  });

  it("passes over fields that it does not know, and takes empty and zero-sized tensors", () => {
    const header =
      '{"a":{"note":{"x":[1.5e3,null,{"y":"\\u00e9"}]},"dtype":"F32","shape":[0,3],"data_offsets":[0,0]},' +
      '"__proto__":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"é\\n":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}';
    const { tensors } = readSafetensors(file(header, [1, 2]));
    expect([...tensors.keys()]).toEqual(["a", "__proto__", "é\n"]);
    expect(readSafetensors(file("{}")).tensors.size).toBe(0);
  });
});

describe("hostile safetensors", () => {
  const rows: [name: string, bytes: Uint8Array, message: string][] = [
    ["empty file", new Uint8Array(0), "0 bytes are too few"],
    ["seven bytes", new Uint8Array(7), "7 bytes are too few"],
    ["header of no length", file(""), "this one is empty"],
    [
      "length 2^64 − 1",
      file("{}", [], 2n ** 64n - 1n),
      "a header of 18446744073709551615 bytes, and 100,000,000 are allowed",
    ],
    ["length one over the limit", file("{}", [], 100_000_001n), "100000001 bytes"],
    ["length beyond the file", file("{}", [], 3n), "the header needs 11 bytes, but the file has 10"],
    ["list", file("[]"), 'a header begins with "{"'],
    ["space before the brace", file(" {}"), 'a header begins with "{"'],
    ["not UTF-8", file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), "not UTF-8"],
    ["truncated text", file('{"w":{"dtype":"U8"'), 'expected "}", found the end'],
    ["truncated string", file('{"w'), "ends inside a string"],
    ["second object", file("{}{}"), "something follows"],
    ["deep nesting", file(one(`"x":${"[".repeat(1e5)}`)), "nest deeper than 128"],
    ["deep objects", file(one(`"x":${'{"a":'.repeat(1e5)}`)), "nest deeper than 128"],
    ["duplicate tensor", file(`{"w":{${good}},"w":{${good}}}`, [1, 2]), 'has the key "w" twice'],
    ["duplicate by escape", file(`{"w":{${good}},"\\u0077":{${good}}}`, [1, 2]), 'has the key "w" twice'],
    ["duplicate field", file(one(`"dtype":"U8",${good}`), [1, 2]), 'has the key "dtype" twice'],
    ["duplicate metadata", file('{"__metadata__":{"a":"1","a":"2"}}'), 'has the key "a" twice'],
    ["metadata not strings", file('{"__metadata__":{"a":1}}'), '__metadata__ "a": expected "\\"", found "1"'],
    ["metadata null", file('{"__metadata__":null}'), '__metadata__: expected "{", found "n"'],
    ["tensor null", file('{"w":null}'), 'tensor "w": expected "{"'],
    ["lone surrogate", file('{"\\ud800":{}}'), "not a well-formed string"],
    ["control character", file('{"a\u0001":{}}'), "not a well-formed string"],
    ["trailing comma", file('{"__metadata__":{},}'), "a key of the header"],
    ["no dtype", file(one('"shape":[2],"data_offsets":[0,2]'), [1, 2]), 'tensor "w" has no dtype'],
    ["no shape", file(one('"dtype":"U8","data_offsets":[0,2]'), [1, 2]), "has no shape"],
    ["no offsets", file(one('"dtype":"U8","shape":[2]'), [1, 2]), "has no data_offsets"],
    [
      "unknown dtype",
      file(one('"dtype":"F33","shape":[2],"data_offsets":[0,2]'), [1, 2]),
      'dtype "F33"; known are F64',
    ],
    ["8-bit float", file(one('"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]'), [1, 2]), "F8_E4M3"],
    ["dtype from the prototype", file(one('"dtype":"toString","shape":[2],"data_offsets":[0,2]'), [1, 2]), "toString"],
    ["negative dimension", file(one('"dtype":"U8","shape":[2,-1],"data_offsets":[0,2]'), [1, 2]), 'contains "-1"'],
    ["fraction", file(one('"dtype":"U8","shape":[1.5],"data_offsets":[0,2]'), [1, 2]), 'contains "1.5"'],
    ["exponent", file(one('"dtype":"U8","shape":[2e0],"data_offsets":[0,2]'), [1, 2]), 'contains "2e0"'],
    ["leading zero", file(one('"dtype":"U8","shape":[02],"data_offsets":[0,2]'), [1, 2]), 'contains "02"'],
    ["nested shape", file(one('"dtype":"U8","shape":[[2]],"data_offsets":[0,2]'), [1, 2]), 'contains ""'],
    ["dimension 2^53", file(one('"dtype":"U8","shape":[9007199254740992],"data_offsets":[0,2]'), [1, 2]), "2^53 − 1"],
    [
      "dimension 2^64 − 2",
      file(one('"dtype":"U8","shape":[2,18446744073709551614],"data_offsets":[0,2]'), [1, 2]),
      "2^53",
    ],
    [
      "product too large",
      file(one('"dtype":"U8","shape":[4194304,4194304,4194304],"data_offsets":[0,2]'), [1, 2]),
      "too large",
    ],
    [
      "product wraps to fit",
      file(one('"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]')),
      "too large",
    ],
    [
      "product too large, but for a 0",
      file(one('"dtype":"U8","shape":[9007199254740991,9007199254740991,0],"data_offsets":[0,0]')),
      "too large",
    ],
    ["offsets reversed", file(one('"dtype":"U8","shape":[2],"data_offsets":[2,0]'), [1, 2]), "begin ≤ end"],
    ["three offsets", file(one('"dtype":"U8","shape":[2],"data_offsets":[0,1,2]'), [1, 2]), "data_offsets [0, 1, 2]"],
    ["one offset", file(one('"dtype":"U8","shape":[2],"data_offsets":[0]'), [1, 2]), "data_offsets [0]"],
    ["fractional offsets", file(one('"dtype":"U8","shape":[2],"data_offsets":[0.0,2]'), [1, 2]), 'contains "0.0"'],
    [
      "size and shape disagree",
      file(one('"dtype":"F32","shape":[1],"data_offsets":[0,2]'), [1, 2]),
      "F32 [1] = 4 bytes",
    ],
    ["past the end", file(one('"dtype":"U8","shape":[3],"data_offsets":[0,3]'), [1, 2]), "it is cut short"],
    ["bytes after the last tensor", file(one(good), [1, 2, 3]), "1 bytes follow the last tensor"],
    [
      "hole at the beginning",
      file(one('"dtype":"U8","shape":[2],"data_offsets":[1,3]'), [1, 2, 3]),
      "a hole of 1 bytes after the header",
    ],
    [
      "hole between",
      file(`{"v":{${good}},"w":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}`, [1, 2, 3, 4]),
      'tensor "w" leaves a hole of 1 bytes after tensor "v"',
    ],
    [
      "overlap",
      file(`{"v":{${good}},"w":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, [1, 2, 3]),
      'tensor "w" overlaps tensor "v"',
    ],
    ["same place twice", file(`{"v":{${good}},"w":{${good}}}`, [1, 2]), 'tensor "w" overlaps tensor "v"'],
    ["value that is no JSON", file(one('"x":nul')), '"nul" is not a JSON value'],
    ["NaN", file(one('"x":NaN')), '"NaN" is not a JSON value'],
    [
      "a million keys",
      file(`{${Array.from({ length: 1e6 }, (_, i) => `"${i}":{}`).join()}}`),
      'tensor "0" has no dtype',
    ],
    ["a very long name", file(one("", `"${"x".repeat(1e6)}"`)), "…"],
  ];

  it.each(rows)("%s", async (_, bytes, message) => {
    const error = await openSafetensors(bytesSource(bytes), "bad.safetensors").then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(FormatError);
    const text = (error as FormatError).message;
    expect(text).toContain(message);
    expect(text.startsWith("bad.safetensors: ")).toBe(true);
    expect(text.length).toBeLessThan(400);
    expect(() => readSafetensors(bytes, "bad.safetensors")).toThrow(text);
  });

  it("survives any change of any byte: a tensor or a FormatError, nothing else", () => {
    const bytes = writeSafetensors(
      [
        [
          "w",
          Tensor.from([
            [1, 2],
            [3, 4],
          ]),
        ],
        ["b", int64Raw([5])],
      ],
      { format: "pt" },
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 4 }),
        fc.nat(9),
        (edits, cut) => {
          const broken = bytes.slice(0, bytes.length - (cut === 9 ? 0 : cut));
          for (const [at, value] of edits) broken[at] = value;
          expect(outcome(() => [...readSafetensors(broken).tensors.values()].map((raw) => toTensor(raw)))).not.toBe(
            "other",
          );
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe("writing safetensors", () => {
  const anyRaw = fc
    .tuple(
      fc.constantFrom(...(Object.keys(SAFETENSORS_BYTES) as SafetensorsDType[])),
      fc.array(fc.nat(3), { maxLength: 4 }),
    )
    .chain(([dtype, shape]) => {
      const length = shape.reduce((a, b) => a * b, 1) * SAFETENSORS_BYTES[dtype];
      return fc
        .uint8Array({ minLength: length, maxLength: length, max: dtype === "BOOL" ? 1 : 255 })
        .map((bytes): RawTensor => ({ dtype, shape, bytes }));
    });
  const anyName = fc.string({ unit: "grapheme" }).filter((name) => name !== "__metadata__");

  it("comes back as it was, in bytes that do not depend on the order", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(anyName, anyRaw), { selector: ([name]) => name, maxLength: 8 }),
        fc.dictionary(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })),
        (tensors, metadata) => {
          const bytes = writeSafetensors(tensors, metadata);
          expect(writeSafetensors([...tensors].reverse(), metadata)).toEqual(bytes);
          const read = readSafetensors(bytes);
          expect(new Map(read.metadata)).toEqual(new Map(Object.entries(metadata)));
          expect(read.tensors.size).toBe(tensors.length);
          for (const [name, raw] of tensors) expect(read.tensors.get(name)).toEqual(raw);
          for (const [, { dtype, bytes: b }] of read.tensors) expect(b.byteOffset % SAFETENSORS_BYTES[dtype]).toBe(0);
        },
      ),
    );
  });

  it("writes these very bytes", () => {
    const bytes = writeSafetensors(
      [
        ["b", Tensor.from([1])],
        ["a", Tensor.scalar(2)],
      ],
      { z: "1", a: "é" },
    );
    const header =
      '{"__metadata__":{"a":"é","z":"1"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},' +
      '"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}';
    const padded = header + " ".repeat((8 - (new TextEncoder().encode(header).length % 8)) % 8);
    expect(bytes).toEqual(file(padded, [0, 0, 0, 0x40, 0, 0, 0x80, 0x3f]));
    expect(bytes.length % 8).toBe(0);
  });

  it("does not copy what it is given when written in pieces", () => {
    const weight = Tensor.zeros([4]);
    const chunks = safetensorsChunks([["w", weight]]);
    expect(chunks[1].buffer).toBe(weight.data.buffer);
  });

  it("refuses names and sizes that make no file", () => {
    const t = Tensor.scalar(1);
    expect(() =>
      writeSafetensors([
        ["a", t],
        ["a", t],
      ]),
    ).toThrow('the name "a" is given twice');
    expect(() => writeSafetensors([["__metadata__", t]])).toThrow("reserved");
    expect(() => writeSafetensors([["a", { dtype: "F16", shape: [2], bytes: new Uint8Array(3) }]])).toThrow(
      '"a" has 3 bytes; F16 [2] is 4',
    );
  });
});
