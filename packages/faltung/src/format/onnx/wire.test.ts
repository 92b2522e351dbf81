import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../tensor/errors.ts";
import {
  bytesOf,
  fields,
  floatOf,
  intOf,
  join,
  pushFloats,
  pushInts,
  textOf,
  writeBytes,
  writeFloat,
  writeFloats,
  writeInt,
  writeInts,
  writeText,
} from "./wire.ts";

const only = (bytes: Uint8Array): ReturnType<typeof fields> extends IterableIterator<infer F> ? F : never => {
  const list = [...fields(bytes, "test")];
  expect(list).toHaveLength(1);
  return list[0];
};

describe("the wire", () => {
  it("reads the examples of the protobuf documentation", () => {
    // https://protobuf.dev/programming-guides/encoding/: Test1 { a = 150 }, Test2 { b = "testing" }, packed 3, 270, 86942
    expect(intOf(only(Uint8Array.of(0x08, 0x96, 0x01)), "test")).toBe(150);
    expect(textOf(only(Uint8Array.of(0x12, 7, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67)), "test")).toBe("testing");
    const list: number[] = [];
    pushInts(list, only(Uint8Array.of(0x32, 6, 3, 0x8e, 2, 0x9e, 0xa7, 5)), "test");
    expect(list).toEqual([3, 270, 86942]);
    // −2 in ten bytes
    expect(intOf(only(Uint8Array.of(0x08, 0xfe, ...Array.from({ length: 8 }, () => 0xff), 1)), "test")).toBe(-2);
  });

  it("gives back what was written", () => {
    const whole = fc.maxSafeInteger();
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        whole,
        fc.float(),
        fc.string(),
        fc.array(whole),
        fc.array(fc.float()),
        (field, i, f, s, ints, floats) => {
          expect(only(writeInt(field, i))).toMatchObject({ field, wire: 0, int: i });
          expect(floatOf(only(writeFloat(field, f)), "test")).toBe(f);
          expect(textOf(only(writeText(field, s)), "test")).toBe(new TextDecoder().decode(new TextEncoder().encode(s)));
          const [a, b]: [number[], number[]] = [[], []];
          pushInts(a, only(writeInts(field, ints)), "test");
          pushFloats(b, only(writeFloats(field, floats)), 4, "test");
          expect(a).toEqual(ints);
          expect(b).toEqual(floats);
        },
      ),
    );
  });

  it("keeps fields in order and skips none", () => {
    const message = join([writeInt(1, 1), writeText(2, "two"), writeBytes(3, writeInt(1, 3)), writeFloat(4, 4)]);
    expect([...fields(message, "test")].map((f) => f.field)).toEqual([1, 2, 3, 4]);
    expect(intOf(only(bytesOf([...fields(message, "test")][2], "test")), "test")).toBe(3);
  });

  it.each([
    ["a number of 11 bytes", [0x08, ...Array.from({ length: 10 }, () => 0xff), 1]],
    ["a number cut short", [0x08, 0x96]],
    ["a length of 2³¹", [0x12, 0x80, 0x80, 0x80, 0x80, 0x08]],
    ["a length of 2⁶⁴ − 1", [0x12, ...Array.from({ length: 9 }, () => 0xff), 1]],
    ["a length past the end", [0x12, 5, 1, 2]],
    ["a group", [0x0b]],
    ["wire type 7", [0x0f]],
    ["field 0", [0x00, 0x01]],
    ["four bytes cut short", [0x0d, 1, 2]],
    ["eight bytes cut short", [0x09, 1, 2, 3, 4]],
  ])("refuses %s", (_, bytes) => {
    expect(() => [...fields(Uint8Array.from(bytes), "test")]).toThrow(FormatError);
  });

  it("refuses a field of another wire type, text that is no text, half a float", () => {
    expect(() => intOf(only(writeText(1, "x")), "test")).toThrow(FormatError);
    expect(() => textOf(only(writeInt(1, 1)), "test")).toThrow(FormatError);
    expect(() => textOf(only(writeBytes(1, Uint8Array.of(0xff, 0xfe))), "test")).toThrow(/UTF-8/);
    expect(() => pushFloats([], only(writeBytes(1, Uint8Array.of(1, 2, 3))), 4, "test")).toThrow(/whole numbers of 4/);
  });
});
