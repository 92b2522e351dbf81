import { describe, expect, it } from "vitest";
import { bfloat16ToNumber, float16ToNumber, numberToBfloat16, numberToFloat16 } from "./half.ts";

const every = Array.from({ length: 65536 }, (_, bits) => bits);

describe("float16", () => {
  it("rounds as NumPy does", () => {
    // [value, bits of np.float32(value).astype(np.float16)], NumPy 1.24
    const rows: [number, number][] = [
      [0.1, 11878],
      [1 / 3, 13653],
      [65504, 31743],
      [65519.99, 31743],
      [65520, 31744],
      [65535, 31744],
      [65536, 31744],
      [1e10, 31744],
      [5.9604645e-8, 1],
      [2.98e-8, 0],
      [2 ** -25, 0],
      [2.98023259e-8, 1],
      [6.1035156e-5, 1024],
      [6.0975552e-5, 1023],
      [6.1005e-5, 1023],
      [1.00048828125, 15360],
      [1.0014648437, 15362],
      [1.00146484375, 15362],
      [2049, 26624],
      [2051, 26626],
      [-0, 32768],
      [-Math.PI, 49736],
    ];
    for (const [value, bits] of rows) expect([value, numberToFloat16(value)]).toEqual([value, bits]);
  });

  it("comes back from every one of its 65,536 values", () => {
    const wrong = every.filter((bits) => {
      const value = float16ToNumber(bits);
      const isNaN = (bits & 0x7fff) > 0x7c00;
      return Number.isNaN(value) !== isNaN || (!isNaN && numberToFloat16(value) !== bits);
    });
    expect(wrong).toEqual([]);
    expect(Number.isNaN(float16ToNumber(numberToFloat16(Number.NaN)))).toBe(true);
  });
});

describe("bfloat16", () => {
  it("rounds as PyTorch does", () => {
    // [value, bits of torch.tensor(value).to(torch.bfloat16)], PyTorch 1.13
    const rows: [number, number][] = [
      [0.1, 15821],
      [1 / 3, 16043],
      [3.4e38, 32640],
      [3.3961775e38, 32640],
      [1.00390625, 16256],
      [1.01171875, 16258],
      [1e-40, 1],
      [-2.5, 49184],
      [1.9999, 16384],
    ];
    for (const [value, bits] of rows) expect([value, numberToBfloat16(value)]).toEqual([value, bits]);
  });

  it("comes back from every one of its 65,536 values", () => {
    const wrong = every.filter((bits) => {
      const value = bfloat16ToNumber(bits);
      const isNaN = (bits & 0x7fff) > 0x7f80;
      return Number.isNaN(value) !== isNaN || (!isNaN && numberToBfloat16(value) !== bits);
    });
    expect(wrong).toEqual([]);
    expect(Number.isNaN(bfloat16ToNumber(numberToBfloat16(Number.NaN)))).toBe(true);
  });
});
