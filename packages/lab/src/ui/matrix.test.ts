import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { laidOver, parseMatrix, parseNumber } from "./matrix.ts";

describe("a number", () => {
  it.each([
    ["3", 3],
    [" −0.5 ", -0.5],
    ["1e-3", 0.001],
  ])("%j", (text, value) => expect(parseNumber(text)).toBe(value));
  it.each(["", " ", "abc", "1,5", "NaN", "Infinity", "1e6", "--1", "1 2"])("not %j", (text) =>
    expect(parseNumber(text)).toBeUndefined(),
  );
});

describe("a matrix", () => {
  const square = [
    [1, 0],
    [-0.5, 2],
  ];
  it.each([
    "1,0/-0.5,2",
    "1 0; -0.5 2",
    "1\t0\n-0.5\t2\n",
    "1\t0\r\n−0.5\t2\r\n",
    "[[1, 0], [-0.5, 2]]",
    "[[1, 0],\n [-0.5, 2]]",
    "[[ 1.   0. ]\n [-0.5  2. ]]",
    "tensor([[ 1.0000,  0.0000],\n        [-0.5000,  2.0000]], dtype=torch.float64)",
    "np.array([[1, 0], [-0.5, 2]])",
  ])("as in %j", (text) => expect(parseMatrix(text)).toEqual(square));

  it("of one row", () => expect(parseMatrix("1, 2, 3")).toEqual([[1, 2, 3]]));

  it.each(["", "a b", "1 2\n3", "1\t\t2", "[[1, x]]", "hello, world"])("not %j", (text) =>
    expect(parseMatrix(text)).toBeUndefined(),
  );

  it("comes back from every way of writing it", () => {
    const matrices = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })).chain(([r, c]) =>
      fc.array(fc.array(fc.integer({ min: -99, max: 99 }), { minLength: c, maxLength: c }), {
        minLength: r,
        maxLength: r,
      }),
    );
    fc.assert(
      fc.property(matrices, (m) => {
        for (const [cells, rows] of [
          ["\t", "\n"],
          [",", "/"],
          [" ", "; "],
          [", ", "\r\n"],
        ])
          expect(parseMatrix(m.map((row) => row.join(cells)).join(rows))).toEqual(m);
        expect(parseMatrix(JSON.stringify(m))).toEqual(m);
      }),
    );
  });
});

it("one laid over another", () => {
  const under = [
    [0, 0, 0],
    [0, 0, 0],
  ];
  expect(laidOver(under, [[1, 2]], 1, 1)).toEqual([
    [0, 0, 0],
    [0, 1, 2],
  ]);
  expect(laidOver(under, [[1, 2]], 1, 2)).toBeUndefined();
});
