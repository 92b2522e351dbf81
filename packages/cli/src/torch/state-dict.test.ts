/** `.pt` files: those that PyTorch wrote (test/state-dicts/make.py), and those that nobody should trust. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { zipSync } from "fflate";
import { FormatError, Tensor, numbers } from "faltung";
import { describe, expect, it } from "vitest";
import { isTorchFile, readTorchFile } from "./state-dict.ts";
import { writeTorchFile } from "./state-dict-write.ts";

const FOLDER = new URL("../../test/state-dicts/", import.meta.url);
const file = (name: string): Buffer => readFileSync(new URL(name, FOLDER));

interface Plain {
  readonly shape: number[];
  readonly values: number[];
}
const expected = JSON.parse(file("expected.json").toString()) as Record<"net" | "odd", Record<string, Plain>>;

function plain(bytes: Uint8Array): Record<string, Plain> {
  const { tensors } = readTorchFile(bytes, "a.pt");
  return Object.fromEntries(
    Array.from(tensors, ([name, raw]) => [name, { shape: [...raw.shape], values: Array.from(numbers(raw), Number) }]),
  );
}

describe("files that PyTorch wrote", () => {
  it.each(["net.pt", "net-old.pt", "net-protocol4.pt", "checkpoint.pt"])("%s", (name) => {
    expect(isTorchFile(file(name))).toBe(true);
    expect(plain(file(name))).toEqual(expected.net);
  });

  it("views, and every kind of number", () => {
    expect(plain(file("odd.pt"))).toEqual(expected.odd);
  });

  it("says where in a checkpoint the weights were", () => {
    expect(readTorchFile(file("checkpoint.pt"), "a.pt").within).toBe("state_dict");
    expect(readTorchFile(file("net.pt"), "a.pt").within).toBeUndefined();
  });

  it("refuses what is a program", () => {
    expect(() => plain(file("whole-model.pt"))).toThrow(
      /a\.pt: byte \d+ of its pickle: it names "torch\.nn\.modules\.container\.Sequential", which is not part of a state dict/,
    );
    expect(() => plain(file("script.pt"))).toThrow(/TorchScript archive/);
  });
});

/** A pickle by hand: text is its own bytes. */
const code = (...parts: (string | number | Uint8Array)[]): Uint8Array =>
  Buffer.concat([
    Buffer.from([0x80, 2]),
    ...parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : Buffer.from(part as string))),
  ]);
const zip = (pickle: Uint8Array, more: Record<string, Uint8Array> = {}): Uint8Array =>
  zipSync({ "a/data.pkl": pickle, ...more }, { level: 0 });
const word = (value: string): Uint8Array => Buffer.concat([Buffer.from([0x8c, value.length]), Buffer.from(value)]);
const int = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(5);
  bytes[0] = 0x4a;
  bytes.writeInt32LE(value, 1);
  return bytes;
};
/** `{ "w": tensor }` of 4 float32. */
function oneTensor(shape: number[], stride: number[], offset = 0, count = 4): Uint8Array {
  const tuple = (values: number[]): Uint8Array =>
    Buffer.concat([Buffer.from("("), ...values.map(int), Buffer.from("t")]);
  return code(
    "}",
    word("w"),
    "ctorch._utils\n_rebuild_tensor_v2\n((",
    word("storage"),
    "ctorch\nFloatStorage\n",
    word("0"),
    word("cpu"),
    int(count),
    "tQ",
    int(offset),
    tuple(shape),
    tuple(stride),
    0x89,
    "ccollections\nOrderedDict\n)RtRs.",
  );
}
const four = { "a/data/0": new Uint8Array(16) };

describe("files that nobody should trust", () => {
  it.each<[string, Uint8Array, RegExp]>([
    ["os.system", code("cos\nsystem\n(", word("echo"), "tR."), /it names "os\.system", which is not part/],
    ["posix.system by stack", code(word("posix"), word("system"), 0x93, "(", word("x"), "tR."), /"posix\.system"/],
    ["eval", code("cbuiltins\neval\n(", word("1"), "tR."), /"builtins\.eval"/],
    ["torch.hub", code("ctorch.hub\nload\n)R."), /"torch\.hub\.load"/],
    ["an instance", code("(ios\nsystem\n."), /the instruction INST/],
    ["a new object", code("ccollections\nOrderedDict\n)", 0x81, "."), /the instruction NEWOBJ/],
    ["a call of a string", code(word("x"), ")R."), /calls something that is no function/],
    ["a call of a storage's type", code("ctorch\nFloatStorage\n)R."), /torch\.FloatStorage is not a function/],
    ["state for a list", code("]}b."), /BUILD/],
    ["an extension", code(0x82, 1, "."), /the instruction EXT1/],
    ["doubling", code("]", "2".repeat(3), "."), /the instruction DUP/],
    ["a number of 2 GiB", code(0x8b, "\u0000\u0000\u0000\u007f", "."), /a whole number of 2130706432 bytes/],
    ["a string past the end", code("X", "\u00ff".repeat(1), "\u0000\u0000\u0000a."), /ends too early/],
    ["nothing kept", code("h", 9, "."), /recalls value 9/],
    ["an empty stack", code("."), /takes a value where there is none/],
    ["lists in lists without end", code("]".repeat(200_000), "a".repeat(199_999), "."), /more than 100000 values wait/],
    ["no mark", code("t."), /up to a mark where there is none/],
    ["half an item", code("}(", word("a"), "u."), /a key has no value/],
    ["protocol 9", Buffer.from([0x80, 9, 0x2e]), /protocol 9/],
    ["an end too early", code("}"), /ends too early/],
    ["no dictionary", code("]."), /holds no dictionary of tensors/],
    ["no tensors", code("}", word("lr"), int(1), "s."), /no tensors in it.*it has lr/],
    [
      "a storage of another folder",
      code("}", word("w"), "(", word("storage"), "ctorch\nFloatStorage\n", word("../x"), word("cpu"), int(4), "tQs."),
      /not described as/,
    ],
    ["a persistent id that is none", code(word("x"), "Q."), /not described as torch\.save does it/],
  ])("%s", (_, pickle, message) => {
    expect(() => readTorchFile(zip(pickle), "a.pt")).toThrow(FormatError);
    expect(() => readTorchFile(zip(pickle), "a.pt")).toThrow(message);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["a shape that is too large", oneTensor([5], [1]), /does not fit the 4 numbers/],
    ["an offset past the end", oneTensor([2], [1], 3), /does not fit the 4 numbers/],
    ["a negative size", oneTensor([-1], [1]), /shape of a tensor is -1/],
    ["a negative stride", oneTensor([2], [-1], 1), /stride of a tensor is -1/],
    ["a broadcast bomb", oneTensor([2 ** 30, 2 ** 30], [0, 0]), /does not fit the 4 numbers/],
    ["a stride too few", oneTensor([2, 2], [1]), /its shape has 2 numbers, its stride 1/],
    ["a storage that is too short", oneTensor([4], [1], 0, 400), /has 16 bytes, 1600 were declared/],
  ])("%s", (_, pickle, message) => {
    expect(() => readTorchFile(zip(pickle, four), "a.pt")).toThrow(message);
  });

  it("the whole of it is fine", () => {
    expect(
      plain(zip(oneTensor([2, 2], [1, 2]), { "a/data/0": new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer) })),
    ).toEqual({
      w: { shape: [2, 2], values: [1, 3, 2, 4] },
    });
  });

  it("big-endian numbers, missing parts, packed bombs, damage", () => {
    const tensor = oneTensor([4], [1]);
    expect(() => plain(zip(tensor, { ...four, "a/byteorder": Buffer.from("big") }))).toThrow(/big-endian/);
    expect(() => plain(zip(tensor))).toThrow(/no data\/0/);
    expect(() => plain(zipSync({ "b.txt": new Uint8Array(1) }))).toThrow(/no data\.pkl/);
    const bomb = zipSync({ "a/data.pkl": tensor, "a/data/0": new Uint8Array(5_000_000) }, { level: 9 });
    expect(() => plain(bomb)).toThrow(/would unpack to 5000/);
    const whole = file("net.pt");
    for (let n = 0; n < whole.length; n += 61) {
      expect(() => readTorchFile(whole.subarray(0, n), "a.pt")).toThrow(FormatError);
    }
    const old = file("net-old.pt");
    for (let n = 0; n < old.length; n += 37) {
      expect(() => readTorchFile(old.subarray(0, n), "a.pt")).toThrow(FormatError);
    }
  });

  it("never ends otherwise than in tensors or in one kind of error", () => {
    const sources = ["net.pt", "net-old.pt", "odd.pt"].map(file);
    fc.assert(
      fc.property(
        fc.constantFrom(...sources),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (source, changes) => {
          const bytes = Uint8Array.from(source);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          try {
            readTorchFile(bytes, "a.pt");
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
          }
        },
      ),
      { numRuns: 500, seed: 1 },
    );
  });
});

describe("writing", () => {
  const tensors = {
    "0.weight": new Tensor(
      Float32Array.from({ length: 6 }, (_, i) => i / 7),
      [1, 2, 3],
    ),
    "0.empty": Tensor.zeros([0, 2]),
    num_batches_tracked: Tensor.scalar(7, "int32"),
  };

  it("is read again, aligned, and the same bytes each time", () => {
    const bytes = writeTorchFile(tensors);
    expect(Buffer.from(bytes).equals(writeTorchFile(tensors))).toBe(true);
    const back = readTorchFile(bytes, "a.pt").tensors;
    expect([...back.keys()]).toEqual(Object.keys(tensors));
    expect(back.get("num_batches_tracked")).toMatchObject({ dtype: "I64", shape: [] });
    const weight = back.get("0.weight");
    expect(weight?.shape).toEqual([1, 2, 3]);
    expect(Array.from(weight === undefined ? [] : numbers(weight), Number)).toEqual([...tensors["0.weight"].data]);
    const needle = Buffer.from(tensors["0.weight"].data.buffer);
    expect(Buffer.from(bytes).indexOf(needle) % 64).toBe(0);
  });

  it("is a zip that others read", () => {
    // Python's zipfile checks every check sum; no PyTorch is needed.
    const script =
      "import io,sys,zipfile; z=zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())); print(z.testzip(), len(z.namelist()))";
    const out = execFileSync("/usr/bin/python3", ["-c", script], { input: writeTorchFile(tensors) });
    expect(out.toString().trim()).toBe("None 6");
  });
});
