import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteWriter } from "./writer.ts";

function written(write: (w: ByteWriter) => void): number[] {
  const w = new ByteWriter(1);
  write(w);
  return Array.from(w.view());
}

describe("LEB128", () => {
  // The examples of the DWARF 4 specification, section 7.6.
  test.each([
    [2, [2]],
    [127, [127]],
    [128, [0x80, 1]],
    [129, [0x81, 1]],
    [12857, [0x80 | 57, 100]],
    [0xffff_ffff, [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])("unsigned %i", (value, bytes) => expect(written((w) => w.u32(value))).toEqual(bytes));

  test.each([
    [2, [2]],
    [-2, [0x7e]],
    [63, [63]],
    [64, [0xc0, 0]],
    [-64, [0x40]],
    [-65, [0xbf, 0x7f]],
    [127, [0xff, 0]],
    [-127, [0x81, 0x7f]],
    [128, [0x80, 1]],
    [-128, [0x80, 0x7f]],
    [-0x8000_0000, [0x80, 0x80, 0x80, 0x80, 0x78]],
  ])("signed %i", (value, bytes) => {
    expect(written((w) => w.s32(value))).toEqual(bytes);
    expect(written((w) => w.s64(BigInt(value)))).toEqual(bytes);
  });

  test("signed 64-bit integers are read back", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), (value) => {
        const bytes = written((w) => w.s64(value));
        const raw = bytes.reduce((sum, byte, k) => sum | (BigInt(byte & 0x7f) << BigInt(7 * k)), 0n);
        expect(BigInt.asIntN(Math.min(64, 7 * bytes.length), raw)).toBe(value);
      }),
    );
  });
});

describe("floats", () => {
  test("a NaN is the canonical one", () => {
    expect(written((w) => w.f32(NaN))).toEqual([0, 0, 0xc0, 0x7f]);
  });

  test("little-endian, with the sign of zero", () => {
    expect(written((w) => w.f32(1))).toEqual([0, 0, 0x80, 0x3f]);
    expect(written((w) => w.f32(-0))).toEqual([0, 0, 0, 0x80]);
    expect(written((w) => w.f32(-2))).toEqual([0, 0, 0, 0xc0]);
  });
});

test("it grows, and keeps what it has", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i);
  expect(written((w) => (w.u8(7), w.raw(bytes), w.name("é")))).toEqual([7, ...bytes, 2, 0xc3, 0xa9]);
});
